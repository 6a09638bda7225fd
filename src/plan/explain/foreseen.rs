//! The critical path as foreseen before a run: from how long each kind of change usually takes.
//! How long a run really took is `path`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{ExplainedStep, Status};
use crate::plan::change::Op;
use crate::plan::{Plan, StepId, StepKind};

/// The chain that is expected to take longest, and the steps with changes that wait for nothing of
/// it that takes long, nor hold it up: they run while it does.
pub(super) fn of(plan: &Plan, steps: &[ExplainedStep]) -> (Vec<StepId>, Vec<StepId>) {
    let usual: BTreeMap<&StepId, Duration> =
        steps.iter().map(|step| (&step.id, usual(plan, step))).collect();
    let duration = |id: &StepId| usual.get(id).copied().unwrap_or_default();
    let chain: Vec<StepId> = plan
        .longest_chain(&duration)
        .into_iter()
        .filter_map(|entry| plan.steps().iter().find(|step| step.id.as_str() == entry.step))
        .map(|step| step.id.clone())
        .filter(|id| !duration(id).is_zero())
        .collect();
    let longest = chain.iter().max_by_key(|id| duration(id)).cloned();
    let beside = steps.iter().map(|step| &step.id).filter(|id| {
        let apart = |link: &StepId| {
            !plan.all_needs(id).contains(link) && !plan.all_needs(link).contains(*id)
        };
        !duration(id).is_zero() && !chain.contains(id) && longest.as_ref().is_some_and(apart)
    });
    let beside = beside.cloned().collect();
    (chain, beside)
}

/// Rough, and enough to order kinds of work; nothing for a step that has nothing to do.
fn usual(plan: &Plan, step: &ExplainedStep) -> Duration {
    let Status::Needed(changes) = &step.status else { return Duration::ZERO };
    if changes.iter().all(|change| change.op == Op::Wait) {
        return Duration::from_secs(1);
    }
    Duration::from_secs(match plan.step(&step.id).map(|step| &step.kind) {
        Some(StepKind::Cluster) => 90,
        Some(StepKind::ComposeImages(_)) => 60,
        Some(StepKind::Image(_)) => 45,
        Some(StepKind::Compose(_) | StepKind::Deploy(_)) => 30,
        Some(StepKind::ComposeBeside(_) | StepKind::Task(_)) => 20,
        _ => 2,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::fixture::{cluster, config, deploy, image, network};
    use crate::config::model::{NetworkOwner, Provider};
    use crate::plan::change::Change;
    use crate::plan::explain::Explained;
    use crate::plan::start;

    #[test]
    fn builds_and_services_run_beside_the_cluster_on_a_cold_machine() {
        let mut config = config();
        config.cluster = Some(cluster(Provider::Minikube));
        config.networks = vec![network("minikube")];
        config.networks[0].owner = NetworkOwner::Cluster;
        config.images = vec![image("api:dev")];
        config.deploys = vec![deploy("stack", None)];
        let plan = start(&config).unwrap();
        let explained = Explained::new(&plan.into(), |step| match step.id.kind() {
            "docker" | "preflight" => Status::Satisfied(String::new()),
            "network" => Status::Needed(vec![Change::new(Op::Wait, "network minikube", "")]),
            _ => Status::Needed(vec![Change::new(Op::Create, "x", "it does not exist")]),
        });
        assert_eq!(
            explained.path_lines(),
            [
                "critical path: cluster > network/minikube > deploy/stack",
                "beside it: image/api:dev, images/stack, beside/stack",
            ]
        );
        assert_eq!(explained.to_json()["critical_path"][0], "cluster");
    }

    #[test]
    fn a_world_as_wanted_has_no_critical_path() {
        let mut config = config();
        config.cluster = Some(cluster(Provider::K3d));
        let plan = start(&config).unwrap();
        let explained = Explained::new(&plan.into(), |_| Status::Satisfied(String::new()));
        assert!(explained.path_lines().is_empty() && explained.beside.is_empty());
    }
}
