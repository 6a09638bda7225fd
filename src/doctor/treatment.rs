//! Which findings mlup may repair by itself, and by what: steps of a start, as far as the
//! configuration has them, and repairs of their own. Pure: carrying it out is the steps'.

use super::look::Answered;
use super::rule::{Repair as Permission, by_id};
use crate::config::model::{Config, Network, NetworkOwner, Provider};
use crate::manifest::images::{ImageName, PullPolicy};
use crate::manifest::{containers, pod_spec, read};
use crate::plan::pull_secret::PullSecret;
use crate::plan::repair::{Repair, Standing};
use crate::plan::{Plan, Step, StepId, StepKind};
use crate::readiness::registry_answer::Said;
use crate::readiness::{Root, World};

/// A finding, as far as it decides what repairs it.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// Its rule.
    pub rule: &'a str,
    /// The object at fault.
    pub root: &'a Root,
    /// What it keeps down.
    pub down: &'a [Root],
    /// What it says.
    pub summary: &'a str,
}

/// What is known beside the finding.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The cluster's objects.
    pub world: &'a World,
    /// What registries said; none where none was asked.
    pub answers: Option<&'a Answered>,
    /// What is wanted.
    pub config: &'a Config,
    /// The steps of a start.
    pub plan: &'a Plan,
}

/// The steps that repair a finding, in an order in which they can be done; none where nothing does
/// that can be repeated and taken back, or where what would be changed is not mlup's.
#[must_use]
pub fn of(case: Case<'_>, known: Known<'_>) -> Vec<Step> {
    let (root, plan) = (case.root, known.plan);
    if !is_allowed(case.rule, known.config) {
        return Vec::new();
    }
    match case.rule {
        "PULL-01" | "PULL-02" | "PULL-19" if root.kind == "Secret" => pull_secret(root, known),
        "PULL-11" | "PULL-15" => images(root, known),
        "NODE-01" | "MK-06" | "MK-07" | "K3D-08" | "API-01" if is_made_here(known.config) => {
            steps(plan, |step| matches!(step.kind, StepKind::Cluster))
        }
        "CMP-01" => missing_network(case, plan),
        "CMP-02" => {
            let named = case.down.iter().find(|one| one.kind == "deploy");
            named.map(|deploy| compose(&deploy.name, plan)).unwrap_or_default()
        }
        "PVC-01" if root.kind == "StorageClass" => {
            let id = StepId::named("storage-class", &root.name);
            let title = format!("storage class {}", root.name);
            vec![repair(id, title, Repair::StorageClass(root.name.clone()))]
        }
        _ => Vec::new(),
    }
}

/// Whether mlup may repair findings of this rule unasked. A class by another name is somebody's
/// decision, but on a cluster that mlup makes.
#[must_use]
pub fn is_allowed(rule: &str, config: &Config) -> bool {
    match by_id(rule).repair {
        Permission::Automatic => true,
        Permission::Confirmed => rule == "PVC-01" && is_made_here(config),
        Permission::ByHand => false,
    }
}

/// Whether the cluster is one that mlup makes on this machine.
fn is_made_here(config: &Config) -> bool {
    let provider = config.cluster.as_ref().map(|cluster| cluster.provider);
    matches!(provider, Some(Provider::K3d | Provider::Minikube))
}

/// A step that is none of a start.
#[must_use]
pub fn repair(id: StepId, title: impl Into<String>, repair: Repair) -> Step {
    Step::new(id, title, StepKind::Repair(repair))
}

/// The secret as the configuration has it, in this one namespace.
fn pull_secret(root: &Root, known: Known<'_>) -> Vec<Step> {
    let found = known.plan.steps().iter().find_map(|step| {
        let StepKind::Registry(secret) = &step.kind else { return None };
        let place = secret.places.get(&root.namespace).filter(|_| secret.name == root.name)?;
        let places = [(root.namespace.clone(), place.clone())].into();
        Some(PullSecret { places, ..secret.clone() })
    });
    let Some(secret) = found else { return Vec::new() };
    let place = format!("{}/{}", root.namespace, root.name);
    let id = StepId::named("pull-secret", &place);
    let standing = standing(root, known.answers);
    vec![repair(id, format!("pull secret {place}"), Repair::PullSecret(secret, standing))]
}

/// Whether a registry refuses what the secret holds, and takes a fresh password: one that was
/// revoked says of itself that it is good.
fn standing(root: &Root, answers: Option<&Answered>) -> Standing {
    let is_refused = answers.into_iter().flatten().any(|(source, answers)| {
        source.namespace == root.namespace
            && source.secrets.contains(&root.name)
            && matches!(answers.as_pod, Some(Said::Denied(_)))
            && matches!(answers.fresh, Some(Said::There(_)))
    });
    if is_refused { Standing::Refused } else { Standing::Unknown }
}

/// The steps that bring the images of a workload onto the nodes. A kubelet that is to pull each time
/// takes none that is there.
fn images(root: &Root, known: Known<'_>) -> Vec<Step> {
    let workload = known.world.find(&root.kind, &root.namespace, &root.name);
    let Some((spec, _)) = workload.and_then(pod_spec) else { return Vec::new() };
    let named: Vec<ImageName> = containers(spec)
        .filter(|(_, _, container)| PullPolicy::of(container) != PullPolicy::Always)
        .map(|(_, _, container)| ImageName::parse(read::text(container, "/image")))
        .collect();
    let is_named = |name: &str| named.iter().any(|one| one.is_same(&ImageName::parse(name)));
    let is_loaded = |kind: &StepKind| matches!(kind, StepKind::Load(one) if is_named(&one.name));
    if !known.plan.steps().iter().any(|step| is_loaded(&step.kind)) {
        return Vec::new();
    }
    steps(known.plan, |step| match &step.kind {
        StepKind::Image(image) | StepKind::Load(image) => is_named(&image.name),
        _ => false,
    })
}

/// A network that a compose project takes for granted and nobody makes: it is made, then the project
/// is brought up.
fn missing_network(case: Case<'_>, plan: &Plan) -> Vec<Step> {
    let Some(name) = case.summary.split('`').nth(1) else { return Vec::new() };
    let deploy = plan.steps().iter().find_map(|step| match &step.kind {
        StepKind::ComposePreflight(deploy) if step.id.as_str() == case.root.name => {
            Some(&deploy.name)
        }
        _ => None,
    });
    let Some(deploy) = deploy else { return Vec::new() };
    let network = Network {
        name: name.to_owned(),
        owner: NetworkOwner::Mlup,
        driver: "bridge".to_owned(),
        subnet: None,
        gateway: None,
        labels: [].into(),
    };
    let id = StepId::named("network", name);
    let made = Step {
        kind: StepKind::Network(network),
        ..repair(id.clone(), format!("network {name}"), Repair::Look)
    };
    let mut steps = compose(deploy, plan);
    for step in steps.iter_mut().filter(|step| is_of_compose(&step.kind)) {
        step.needs.push(id.clone());
    }
    steps.insert(0, made);
    steps
}

fn is_of_compose(kind: &StepKind) -> bool {
    matches!(
        kind,
        StepKind::Compose(_)
            | StepKind::ComposeBeside(_)
            | StepKind::ComposeImages(_)
            | StepKind::ComposePreflight(_)
    )
}

/// The step of a compose deploy, and what it needs of Docker. A cluster is among that only where it
/// makes one of the networks.
fn compose(deploy: &str, plan: &Plan) -> Vec<Step> {
    let id = StepId::named("deploy", deploy);
    let needs = plan.all_needs(&id);
    let is_meant = |step: &Step| step.id == id || needs.contains(&step.id);
    let by_cluster = |step: &Step| matches!(&step.kind, StepKind::Network(one) if one.owner == NetworkOwner::Cluster);
    let is_on_cluster = plan.steps().iter().any(|step| is_meant(step) && by_cluster(step));
    steps(plan, |step| {
        is_meant(step)
            && match &step.kind {
                StepKind::Cluster | StepKind::ClusterPreflight => is_on_cluster,
                StepKind::Compose(one)
                | StepKind::ComposeBeside(one)
                | StepKind::ComposeImages(one)
                | StepKind::ComposePreflight(one) => one.name == deploy,
                StepKind::Docker
                | StepKind::File(_)
                | StepKind::Image(_)
                | StepKind::Network(_) => true,
                _ => false,
            }
    })
}

fn steps(plan: &Plan, is_wanted: impl Fn(&Step) -> bool) -> Vec<Step> {
    let wanted = plan.steps().iter().filter(|step| is_wanted(step));
    wanted.map(|step| Step::clone(step)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::fixture::{cluster, config, deploy, image, manifests, registry};
    use crate::config::model::Registry;
    use crate::doctor::rule::all;
    use crate::plan;
    use crate::readiness::PullSource;
    use crate::readiness::registry_answer::Answers;

    fn wanted(provider: Provider) -> Config {
        let namespaces = vec!["shop".to_owned(), "blog".to_owned()];
        Config {
            cluster: Some(cluster(provider)),
            registries: vec![Registry { namespaces, ..registry("ghcr.io", "pull") }],
            images: vec![image("eval:dev")],
            deploys: vec![manifests("eval", None), deploy("stack", Some(&[]))],
            ..config()
        }
    }

    /// The steps that repair it, by name.
    fn told(provider: Provider, rule: &str, root: &Root, policy: &str) -> Option<String> {
        let down = [Root::new("deploy", "", "stack")];
        let summary = "external network `shared` does not exist, and `demo` needs it";
        let steps = treated(provider, Case { rule, root, down: &down, summary }, policy, None);
        let names: Vec<&str> = steps.iter().map(|step| step.id.as_str()).collect();
        (!names.is_empty()).then(|| names.join(" "))
    }

    fn treated(
        provider: Provider,
        case: Case<'_>,
        policy: &str,
        answers: Option<&Answered>,
    ) -> Vec<Step> {
        let config = wanted(provider);
        let plan = plan::start(&config).unwrap();
        let container = json!({ "name": "a", "image": "eval:dev", "imagePullPolicy": policy });
        let world = World::of([json!({ "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "eval", "namespace": "shop" },
            "spec": { "template": { "spec": { "containers": [container] } } } })]);
        of(case, Known { world: &world, answers, config: &config, plan: &plan })
    }

    #[test]
    fn a_pull_secret_is_written_where_the_configuration_wants_it_and_there_alone() {
        let secret = |namespace: &str, name: &str| Root::new("Secret", namespace, name);
        for rule in ["PULL-01", "PULL-02", "PULL-19"] {
            let own = told(Provider::Existing, rule, &secret("shop", "pull"), "");
            assert_eq!(own.as_deref(), Some("pull-secret/shop/pull"), "{rule}");
            assert_eq!(told(Provider::Existing, rule, &secret("mlops", "pull"), ""), None);
            assert_eq!(told(Provider::Existing, rule, &secret("shop", "other"), ""), None);
        }
        assert_eq!(told(Provider::Existing, "CFG-02", &secret("shop", "pull"), ""), None);
        assert_eq!(told(Provider::Existing, "PULL-03", &secret("shop", "pull"), ""), None);
    }

    #[test]
    fn a_cluster_and_its_classes_are_touched_only_where_mlup_makes_it() {
        let node = Root::new("Node", "", "lab");
        let class = Root::new("StorageClass", "", "standard");
        for (provider, is_own) in [
            (Provider::Minikube, true),
            (Provider::K3d, true),
            (Provider::Existing, false),
            (Provider::DockerDesktop, false),
        ] {
            for rule in ["NODE-01", "MK-07", "K3D-08"] {
                assert_eq!(
                    told(provider, rule, &node, "").is_some(),
                    is_own,
                    "{provider:?} {rule}"
                );
            }
            assert_eq!(told(provider, "NODE-05", &node, ""), None, "a cordon is somebody's will");
            assert_eq!(told(provider, "PVC-01", &class, "").is_some(), is_own, "{provider:?}");
            assert_eq!(told(provider, "PVC-02", &class, ""), None);
        }
    }

    #[test]
    fn a_dead_network_is_left_by_the_compose_projects() {
        let network = Root::new("Network", "", "stack_default");
        let told = told(Provider::Existing, "CMP-02", &network, "");
        let steps = "docker image/eval:dev preflight/stack images/stack deploy/stack";
        assert_eq!(told.as_deref(), Some(steps), "and not what the cluster has");
    }

    #[test]
    fn a_missing_network_is_made_before_the_project_that_needs_it() {
        let preflight = Root::new("step", "", "preflight/stack");
        let case = Case {
            rule: "CMP-01",
            root: &preflight,
            down: &[],
            summary: "external network `shared` does not exist, and `demo` needs it",
        };
        let steps = treated(Provider::Existing, case, "", None);
        let network = StepId::named("network", "shared");
        assert_eq!(steps[0].id, network);
        let waiting = steps.iter().filter(|step| step.needs.contains(&network));
        let waiting: Vec<&str> = waiting.map(|step| step.id.as_str()).collect();
        assert_eq!(waiting, ["preflight/stack", "images/stack", "deploy/stack"]);
        let other = Root::new("step", "", "preflight/other");
        assert!(treated(Provider::Existing, Case { root: &other, ..case }, "", None).is_empty());
    }

    #[test]
    fn a_login_that_the_registry_refuses_is_renewed_whatever_it_says_of_itself() {
        let root = Root::new("Secret", "shop", "pull");
        let source = |secrets: &[&str]| PullSource {
            namespace: "shop".to_owned(),
            image: "ghcr.io/a/b:1".to_owned(),
            secrets: secrets.iter().map(|&name| name.to_owned()).collect(),
        };
        let denied = || Some(Said::Denied("unauthorized".to_owned()));
        let there = || Some(Said::There(Vec::new()));
        for (as_pod, fresh, secrets, wanted) in [
            (denied(), there(), ["pull"], Standing::Refused),
            (denied(), denied(), ["pull"], Standing::Unknown),
            (denied(), None, ["pull"], Standing::Unknown),
            (there(), there(), ["pull"], Standing::Unknown),
            (denied(), there(), ["other"], Standing::Unknown),
        ] {
            let said = Answers { as_pod, fresh, ..Answers::default() };
            let answers: Answered = [(source(&secrets), said)].into();
            let case = Case { rule: "PULL-02", root: &root, down: &[], summary: "" };
            let steps = treated(Provider::Existing, case, "", Some(&answers));
            let [step] = steps.as_slice() else { panic!("{steps:?}") };
            let StepKind::Repair(Repair::PullSecret(secret, standing)) = &step.kind else {
                panic!("{step:?}")
            };
            assert_eq!(*standing, wanted, "{answers:?}");
            assert!(secret.places.keys().eq(["shop"]), "{secret:?}");
        }
    }

    #[test]
    fn what_takes_consent_or_a_person_is_never_repaired_unasked() {
        for rule in all().filter(|rule| rule.repair != Permission::Automatic) {
            for kind in ["Secret", "StorageClass", "Node", "Deployment", "cluster", "step"] {
                let root = Root::new(kind, "shop", "pull");
                for provider in [Provider::Existing, Provider::K3d, Provider::Minikube] {
                    let is_own_class = rule.id == "PVC-01"
                        && kind == "StorageClass"
                        && provider != Provider::Existing;
                    let told = told(provider, rule.id, &root, "Never");
                    assert_eq!(told.is_some(), is_own_class, "{} {kind} {provider:?}", rule.id);
                }
            }
        }
    }

    #[test]
    fn an_image_is_loaded_only_for_a_kubelet_that_would_take_it() {
        let root = Root::new("Deployment", "shop", "eval");
        for (policy, is_loaded) in [("Never", true), ("IfNotPresent", true), ("Always", false)] {
            let told = told(Provider::K3d, "PULL-15", &root, policy);
            assert_eq!(
                told.as_deref() == Some("image/eval:dev load/eval:dev"),
                is_loaded,
                "{policy}"
            );
        }
    }
}
