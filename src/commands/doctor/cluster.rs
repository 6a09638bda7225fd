//! The cluster as `mlup doctor` sees it: one look, and the logs and registries that the rules ask
//! for.

use std::cell::RefCell;

use crate::cli;
use crate::commands::session::Project;
use crate::doctor::cluster::{Aside, findings};
use crate::doctor::look::Cluster;
use crate::plan::StepId;
use crate::policy::Failure;
use crate::readiness::registry_answer::Answers;
use crate::readiness::{LogSource, PullSource};
use crate::redact::Redactor;
use crate::steps::deploy::sources;
use crate::steps::objects::Objects;
use crate::steps::registry::answers::answers;
use crate::steps::snapshot;

/// Most logs that are asked for: a thousand pods crash for the same reason.
const LOGS: usize = 20;

/// Whether registries are asked about images that nodes could not get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Registries {
    /// They are.
    Asked,
    /// Nobody but the cluster is.
    LeftAlone,
}

impl Registries {
    /// As the command line has it.
    pub(super) fn of(asked: &cli::Doctor) -> Self {
        if asked.offline { Self::LeftAlone } else { Self::Asked }
    }
}

/// What there is to see of the cluster.
///
/// # Errors
/// As [`look`].
pub(in crate::commands) async fn seen(
    project: &Project,
    registries: Registries,
) -> Result<Cluster, Failure> {
    Ok(look(project, registries).await?.0)
}

/// One look, and what takes secrets out of what was seen with it. The logs of containers that crash,
/// and registries, are asked once it is known which of them matter.
///
/// # Errors
/// There is no cluster, or nothing of it can be seen.
pub(super) async fn look(
    project: &Project,
    registries: Registries,
) -> Result<(Cluster, Redactor), Failure> {
    let ctx = project.reading(&StepId::single("cluster"));
    let objects = Objects::connect(&ctx).await?;
    let (snapshot, mut sources) = tokio::join!(snapshot::take(&objects), sources(&ctx));
    let mut snapshot = snapshot?;
    snapshot.tell(&mut sources);
    let wanted = Wanted::default();
    drop(findings(&snapshot.cluster.world, Some(snapshot.cluster.taken), &wanted));
    let (mut logs, mut images) = (wanted.logs.into_inner(), wanted.images.into_inner());
    if registries == Registries::LeftAlone {
        images.clear();
    }
    logs.truncate(LOGS);
    let (logs, answers) =
        tokio::join!(snapshot::logs(&objects, logs), answers(images, &objects, &ctx));
    snapshot.add(logs, answers);
    Ok(snapshot.into_parts())
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
