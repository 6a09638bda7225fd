//! The cluster as `mlup doctor` sees it: one look, the rules, and the logs that matter.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::commands::session::Project;
use crate::doctor::cluster::{Aside, findings};
use crate::doctor::finding::Finding;
use crate::drivers::spec::Spec;
use crate::plan::StepId;
use crate::policy::Failure;
use crate::readiness::registry_answer::Answers;
use crate::readiness::{LogSource, PullSource};
use crate::steps::objects::Objects;
use crate::steps::registry::answers::answers;
use crate::steps::snapshot::{self, Snapshot};

/// Most logs that are asked for: a thousand pods crash for the same reason.
const LOGS: usize = 20;

/// Whether registries are asked about images that nodes could not get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Registries {
    /// They are.
    Asked,
    /// Nobody but the cluster is.
    LeftAlone,
}

/// One look, and what is wrong by it. The logs of containers that crash, and registries, are asked
/// once it is known which of them matter.
///
/// # Errors
/// There is no cluster, or nothing of it can be seen.
pub(super) async fn examine(
    project: &Project,
    registries: Registries,
) -> Result<(Snapshot, Vec<Finding>), Failure> {
    let ctx = project.reading(&StepId::single("cluster"));
    let objects = Objects::connect(&ctx).await?;
    let snapshot = snapshot::take(&objects).await?;
    let wanted = Wanted::default();
    let first = findings(&snapshot.world, Some(snapshot.taken), &wanted);
    let (mut logs, mut images) = (wanted.logs.into_inner(), wanted.images.into_inner());
    if registries == Registries::LeftAlone {
        images.clear();
    }
    if logs.is_empty() && images.is_empty() {
        return Ok((snapshot, pinned(first, project)));
    }
    logs.truncate(LOGS);
    let (logs, answers) =
        tokio::join!(snapshot::logs(&objects, logs), answers(images, &objects, &ctx));
    let logs = logs
        .into_iter()
        .map(|(source, log)| ((source.namespace, source.pod, source.container), log))
        .collect();
    let told = Told { logs, answers };
    let found = findings(&snapshot.world, Some(snapshot.taken), &told);
    Ok((snapshot, pinned(found, project)))
}

/// The findings with their commands for the configuration's cluster.
fn pinned(found: Vec<Finding>, project: &Project) -> Vec<Finding> {
    let context = Spec::of(&project.config).map(|spec| spec.context).unwrap_or_default();
    found.into_iter().map(|finding| finding.pinned(&context)).collect()
}

/// Takes down what would be asked.
#[derive(Default)]
struct Wanted {
    logs: RefCell<Vec<LogSource>>,
    images: RefCell<Vec<PullSource>>,
}

impl Aside for Wanted {
    fn log(&self, source: &LogSource) -> Option<String> {
        self.logs.borrow_mut().push(source.clone());
        None
    }

    fn answers(&self, source: &PullSource) -> Option<Answers> {
        self.images.borrow_mut().push(source.clone());
        None
    }
}

/// What was answered.
struct Told {
    /// By namespace, pod and container.
    logs: BTreeMap<(String, String, String), String>,
    answers: BTreeMap<PullSource, Answers>,
}

impl Aside for Told {
    fn log(&self, source: &LogSource) -> Option<String> {
        let LogSource { namespace, pod, container, .. } = source.clone();
        self.logs.get(&(namespace, pod, container)).cloned()
    }

    fn answers(&self, source: &PullSource) -> Option<Answers> {
        self.answers.get(source).cloned()
    }
}
