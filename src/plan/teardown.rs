//! The graph that takes an environment away: what came up last goes first.

use crate::config::model::{Config, NetworkOwner, Provider};
use crate::event::Verb;
use crate::plan::{Plan, PlanError, Step, StepId, StepKind, start};

/// The steps that `verb` takes away, each after all that stands on it. Docker comes first where
/// anything needs it: one clear failure is better than one a step.
///
/// # Errors
/// As [`start`].
pub fn teardown(config: &Config, verb: Verb) -> Result<Plan, PlanError> {
    let up = start(config)?;
    let has_cluster = cluster_goes(config, verb);
    let goes = |step: &Step| match step.kind {
        StepKind::Cluster => has_cluster,
        // What is in a cluster goes with it.
        StepKind::Deploy(_) | StepKind::Registry(_) | StepKind::Secret(_) => {
            verb != Verb::Stop && !has_cluster
        }
        ref kind => leaves_something(kind, verb),
    };
    let docker = up.steps().iter().find(|step| matches!(step.kind, StepKind::Docker));
    let first = |step: &std::sync::Arc<Step>| Step { needs: Vec::new(), ..Step::clone(step) };
    let mut steps: Vec<Step> = docker.map(first).into_iter().collect();
    for step in up.steps().iter().rev().filter(|step| goes(step)) {
        let mut needs: Vec<StepId> = up
            .all_dependents(&step.id)
            .into_iter()
            .filter(|id| up.step(id).is_some_and(|dependent| goes(dependent)))
            .collect();
        if let Some(docker) = docker.filter(|_| uses_docker(&step.kind)) {
            needs.push(docker.id.clone());
        }
        steps.push(Step { needs, after: Vec::new(), timeout: None, ..Step::clone(step) });
    }
    Plan::new(steps)
}

/// Whether the cluster is halted or deleted. One that is neither in containers of this machine nor on
/// a machine that mlup installs K3s on is not mlup's; a reset keeps what is on a machine.
fn cluster_goes(config: &Config, verb: Verb) -> bool {
    match config.cluster.as_ref().map(|cluster| cluster.provider) {
        Some(Provider::K3d | Provider::Minikube) => true,
        Some(Provider::K3s) => verb != Verb::Reset,
        Some(Provider::DockerDesktop | Provider::Existing) | None => false,
    }
}

/// Whether a step of this kind has anything that `verb` takes away.
fn leaves_something(kind: &StepKind, verb: Verb) -> bool {
    match kind {
        StepKind::Compose(_) => true,
        StepKind::File(_) | StepKind::Image(_) => verb != Verb::Stop,
        // The network of a cluster goes with it.
        StepKind::Network(network) => verb != Verb::Stop && network.owner == NetworkOwner::Mlup,
        StepKind::Task(task) => verb != Verb::Stop && task.undo.is_some(),
        StepKind::Check(_)
        | StepKind::Cluster
        | StepKind::ClusterPreflight
        | StepKind::ComposeBeside(_)
        | StepKind::ComposeImages(_)
        | StepKind::ComposePreflight(_)
        | StepKind::Deploy(_)
        | StepKind::DeployPreflight
        | StepKind::Docker
        | StepKind::Load(_)
        | StepKind::Registry(_)
        | StepKind::Repair(_)
        | StepKind::Secret(_)
        | StepKind::Token(_) => false,
    }
}

fn uses_docker(kind: &StepKind) -> bool {
    matches!(
        kind,
        StepKind::Cluster | StepKind::Compose(_) | StepKind::Image(_) | StepKind::Network(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::fixture::{cluster, config, deploy, file, network, registry, secret};
    use crate::config::model::Provider;
    use crate::plan::fixture::id;

    fn shape(config: &Config, verb: Verb) -> Vec<String> {
        let plan = teardown(config, verb).unwrap();
        let needs =
            |step: &Step| step.needs.iter().map(StepId::as_str).collect::<Vec<_>>().join(" ");
        let line = |step: &Step| format!("{}: {}", step.id, needs(step)).trim_end().to_owned();
        plan.steps().iter().map(|step| line(step)).collect()
    }

    fn environment(provider: Provider) -> Config {
        let mut config = config();
        config.cluster = Some(cluster(provider));
        config.networks = vec![network("minikube"), network("own")];
        config.networks[0].owner = NetworkOwner::Cluster;
        config.files = vec![file("a.conf")];
        config.deploys = vec![deploy("stack", None)];
        config
    }

    #[test]
    fn compose_goes_before_the_cluster_whose_network_it_is_on() {
        let shape = shape(&environment(Provider::Minikube), Verb::Stop);
        assert_eq!(shape, ["docker:", "deploy/stack: docker", "cluster: deploy/stack docker"]);
    }

    #[test]
    fn a_reset_takes_the_clusters_network_only_with_the_cluster() {
        let shape = shape(&environment(Provider::Minikube), Verb::Reset);
        assert!(shape.contains(&"cluster: deploy/stack docker".to_owned()), "{shape:?}");
        assert!(shape.iter().all(|line| !line.starts_with("network/minikube")), "{shape:?}");
        assert!(shape.contains(&"network/own: deploy/stack docker".to_owned()), "{shape:?}");
    }

    #[test]
    fn a_network_that_the_cluster_joined_goes_after_it() {
        let mut config = environment(Provider::K3d);
        config.networks.remove(0);
        config.cluster.as_mut().unwrap().network = Some("own".to_owned());
        let plan = teardown(&config, Verb::Purge).unwrap();
        assert!(plan.step(&id("network/own")).unwrap().needs.contains(&id("cluster")));
    }

    #[test]
    fn secrets_go_from_a_cluster_that_stays_and_with_one_that_goes() {
        let mut config = environment(Provider::Existing);
        config.networks.clear();
        config.registries = vec![registry("r", "pull")];
        config.secrets = vec![secret("db")];
        let lines = shape(&config, Verb::Reset);
        for line in ["registry/pull:", "secret/db:"] {
            assert!(lines.iter().any(|known| known == line), "{lines:?}");
        }
        assert_eq!(shape(&config, Verb::Stop), ["docker:", "deploy/stack: docker"]);
        config.cluster = Some(cluster(Provider::K3d));
        let lines = shape(&config, Verb::Purge);
        assert!(lines.iter().all(|line| !line.contains("pull") && !line.contains("db")));
    }

    #[test]
    fn what_is_in_k3s_goes_with_a_reset_and_k3s_itself_with_a_purge() {
        let mut config = environment(Provider::K3s);
        config.networks.clear();
        config.secrets = vec![secret("db")];
        let has =
            |verb: Verb, step: &str| shape(&config, verb).iter().any(|line| line.starts_with(step));
        assert_eq!((has(Verb::Reset, "cluster"), has(Verb::Reset, "secret/db")), (false, true));
        assert_eq!((has(Verb::Purge, "cluster"), has(Verb::Purge, "secret/db")), (true, false));
        assert_eq!((has(Verb::Stop, "cluster"), has(Verb::Stop, "secret/db")), (true, false));
    }

    #[test]
    fn a_cluster_that_mlup_does_not_make_stays() {
        for provider in [Provider::Existing, Provider::DockerDesktop] {
            let mut config = environment(provider);
            config.networks.clear();
            for verb in [Verb::Stop, Verb::Reset, Verb::Purge] {
                let shape = shape(&config, verb);
                assert_eq!(shape[0], "docker:");
                assert!(shape.iter().all(|line| !line.starts_with("cluster")), "{shape:?}");
            }
        }
    }
}
