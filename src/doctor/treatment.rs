//! Which findings mlup may repair by itself, and by what: steps of a start, as far as the
//! configuration has them. Pure: carrying it out is the steps'.

use crate::config::model::{Config, Provider};
use crate::manifest::images::{ImageName, PullPolicy};
use crate::manifest::{containers, pod_spec, read};
use crate::plan::pull_secret::PullSecret;
use crate::plan::{Plan, StepId, StepKind};
use crate::readiness::{Root, World};

/// What repairs a finding.
#[derive(Clone, Debug)]
pub enum Treatment {
    /// Writes the pull secret in the places that are left of it, where it is mlup's.
    PullSecret(StepId, PullSecret),
    /// Carries out these steps of a start, in their order.
    Steps(Vec<StepId>),
    /// Adds a storage class of this name that does what the default one does.
    StorageClass(String),
}

impl Treatment {
    /// Whether it does what the other one does.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::PullSecret(own, mine), Self::PullSecret(step, theirs)) => {
                own == step && mine.places.keys().eq(theirs.places.keys())
            }
            (Self::Steps(own), Self::Steps(others)) => own == others,
            (Self::StorageClass(own), Self::StorageClass(other)) => own == other,
            _ => false,
        }
    }
}

/// What repairs this finding; none where nothing does that can be repeated and taken back, or where
/// what it would change is not mlup's.
#[must_use]
pub fn of(
    (rule, root): (&str, &Root),
    world: &World,
    config: &Config,
    plan: &Plan,
) -> Option<Treatment> {
    match rule {
        "PULL-01" | "PULL-02" | "PULL-19" if root.kind == "Secret" => pull_secret(root, plan),
        "PULL-11" | "PULL-15" => some(images(root, world, plan)),
        "NODE-01" | "MK-06" | "MK-07" | "K3D-08" | "API-01" if is_made_here(config) => {
            some(steps(plan, |kind| matches!(kind, StepKind::Cluster)))
        }
        "CMP-02" => some(steps(plan, |kind| matches!(kind, StepKind::Compose(_)))),
        "PVC-01" if is_made_here(config) && root.kind == "StorageClass" => {
            Some(Treatment::StorageClass(root.name.clone()))
        }
        _ => None,
    }
}

fn some(steps: Vec<StepId>) -> Option<Treatment> {
    (!steps.is_empty()).then_some(Treatment::Steps(steps))
}

/// Whether the cluster is one that mlup makes on this machine.
fn is_made_here(config: &Config) -> bool {
    let provider = config.cluster.as_ref().map(|cluster| cluster.provider);
    matches!(provider, Some(Provider::K3d | Provider::Minikube))
}

/// The secret as the configuration has it, in this one namespace.
fn pull_secret(root: &Root, plan: &Plan) -> Option<Treatment> {
    plan.steps().iter().find_map(|step| {
        let StepKind::Registry(secret) = &step.kind else { return None };
        let place = secret.places.get(&root.namespace).filter(|_| secret.name == root.name)?;
        let places = [(root.namespace.clone(), place.clone())].into();
        Some(Treatment::PullSecret(step.id.clone(), PullSecret { places, ..secret.clone() }))
    })
}

/// The steps that bring the images of a workload onto the nodes. A kubelet that is to pull each time
/// takes none that is there.
fn images(root: &Root, world: &World, plan: &Plan) -> Vec<StepId> {
    let workload = world.find(&root.kind, &root.namespace, &root.name);
    let Some((spec, _)) = workload.and_then(pod_spec) else { return Vec::new() };
    let named: Vec<ImageName> = containers(spec)
        .filter(|(_, _, container)| PullPolicy::of(container) != PullPolicy::Always)
        .map(|(_, _, container)| ImageName::parse(read::text(container, "/image")))
        .collect();
    let is_named = |name: &str| named.iter().any(|one| one.is_same(&ImageName::parse(name)));
    let loaded = steps(plan, |kind| matches!(kind, StepKind::Load(image) if is_named(&image.name)));
    if loaded.is_empty() {
        return loaded;
    }
    steps(plan, |kind| match kind {
        StepKind::Image(image) | StepKind::Load(image) => is_named(&image.name),
        _ => false,
    })
}

fn steps(plan: &Plan, is_wanted: impl Fn(&StepKind) -> bool) -> Vec<StepId> {
    let wanted = plan.steps().iter().filter(|step| is_wanted(&step.kind));
    wanted.map(|step| step.id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::fixture::{cluster, config, deploy, image, manifests, registry};
    use crate::config::model::Registry;
    use crate::plan;

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

    fn told(provider: Provider, rule: &str, root: &Root, policy: &str) -> Option<String> {
        let config = wanted(provider);
        let plan = plan::start(&config).unwrap();
        let container = json!({ "name": "a", "image": "eval:dev", "imagePullPolicy": policy });
        let world = World::of([json!({ "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "eval", "namespace": "shop" },
            "spec": { "template": { "spec": { "containers": [container] } } } })]);
        Some(match of((rule, root), &world, &config, &plan)? {
            Treatment::PullSecret(step, secret) => {
                format!("{step} {:?}", secret.places.keys().collect::<Vec<_>>())
            }
            Treatment::Steps(steps) => {
                steps.iter().map(StepId::as_str).collect::<Vec<_>>().join(" ")
            }
            Treatment::StorageClass(name) => name,
        })
    }

    #[test]
    fn a_pull_secret_is_written_where_the_configuration_wants_it_and_there_alone() {
        let secret = |namespace: &str, name: &str| Root::new("Secret", namespace, name);
        for rule in ["PULL-01", "PULL-02", "PULL-19"] {
            let own = told(Provider::Existing, rule, &secret("shop", "pull"), "");
            assert_eq!(own.as_deref(), Some("registry/pull [\"shop\"]"), "{rule}");
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
        assert_eq!(told.as_deref(), Some("deploy/stack"));
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
