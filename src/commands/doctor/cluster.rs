//! The cluster as `mlup doctor` sees it: one look, the rules, and the logs that matter.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::commands::session::Project;
use crate::doctor::cluster::findings;
use crate::doctor::finding::Finding;
use crate::drivers::spec::Spec;
use crate::plan::StepId;
use crate::policy::Failure;
use crate::readiness::LogSource;
use crate::steps::objects::Objects;
use crate::steps::snapshot::{self, Snapshot};

/// Most logs that are asked for: a thousand pods crash for the same reason.
const LOGS: usize = 20;

/// One look, and what is wrong by it. The logs of containers that crash are asked for once it is
/// known which of them matter.
///
/// # Errors
/// There is no cluster, or nothing of it can be seen.
pub(super) async fn examine(project: &Project) -> Result<(Snapshot, Vec<Finding>), Failure> {
    let objects = Objects::connect(&project.reading(&StepId::single("cluster"))).await?;
    let snapshot = snapshot::take(&objects).await?;
    let wanted = RefCell::new(Vec::<LogSource>::new());
    let without_logs = findings(&snapshot.world, Some(snapshot.taken), |source| {
        wanted.borrow_mut().push(source.clone());
        None
    });
    let mut wanted = wanted.into_inner();
    if wanted.is_empty() {
        return Ok((snapshot, pinned(without_logs, project)));
    }
    wanted.truncate(LOGS);
    let logs: BTreeMap<(String, String, String), String> = snapshot::logs(&objects, wanted)
        .await
        .into_iter()
        .map(|(source, log)| ((source.namespace, source.pod, source.container), log))
        .collect();
    let found = findings(&snapshot.world, Some(snapshot.taken), |source| {
        let LogSource { namespace, pod, container, .. } = source.clone();
        logs.get(&(namespace, pod, container)).cloned()
    });
    Ok((snapshot, pinned(found, project)))
}

/// The findings with their commands for the configuration's cluster.
fn pinned(found: Vec<Finding>, project: &Project) -> Vec<Finding> {
    let context = Spec::of(&project.config).map(|spec| spec.context).unwrap_or_default();
    found.into_iter().map(|finding| finding.pinned(&context)).collect()
}
