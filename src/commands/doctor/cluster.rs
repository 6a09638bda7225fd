//! The cluster as `mlup doctor` sees it: one look, and the logs that the rules ask for.

use std::cell::RefCell;

use crate::commands::session::Project;
use crate::doctor::cluster::findings;
use crate::doctor::look::{Cluster, Sight};
use crate::plan::StepId;
use crate::policy::Failure;
use crate::readiness::LogSource;
use crate::redact::Redactor;
use crate::steps::objects::Objects;
use crate::steps::snapshot;

/// Most logs that are asked for: a thousand pods crash for the same reason.
const LOGS: usize = 20;

/// What there is to see of the cluster.
pub(super) async fn look(project: &Project, redactor: &Redactor) -> Sight {
    match seen(project).await {
        Ok(cluster) => Sight::Seen(Box::new(cluster)),
        Err(failure) => Sight::Unseen(super::clean(failure.finding(), redactor)),
    }
}

/// One look. The logs of containers that crash are asked for once it is known which of them matter.
async fn seen(project: &Project) -> Result<Cluster, Failure> {
    let objects = Objects::connect(&project.reading(&StepId::single("cluster"))).await?;
    let mut snapshot = snapshot::take(&objects).await?;
    let wanted = RefCell::new(Vec::<LogSource>::new());
    let cluster = &snapshot.cluster;
    let without_logs = findings(&cluster.world, Some(cluster.taken), |source| {
        wanted.borrow_mut().push(source.clone());
        None
    });
    drop(without_logs);
    let mut wanted = wanted.into_inner();
    wanted.truncate(LOGS);
    snapshot.add_logs(&objects, &wanted).await;
    Ok(snapshot.cluster)
}
