//! Services that make way for the cluster: the containers on its network are stopped while it is
//! made, started or deleted, and the next deploy of their project brings them back. How a
//! container is marked is `host::containers::interruption`; who is stopped is the guard's to say.

use std::borrow::Cow;
use std::collections::BTreeSet;

use futures_util::{StreamExt, stream};

use super::project::Project;
use crate::host::containers::{Container, interruption};
use crate::policy::Failure;
use crate::steps::StepCtx;

/// Stops under way at a time.
const PARALLEL: usize = 16;

/// Stops these containers side by side, so that the next deploy of their project starts them again
/// whatever their exit code, also when this process is killed right after. Those that do not run
/// are left as they are.
///
/// # Errors
/// One of them could not be stopped, the time is over, or the run was cancelled.
pub async fn interrupt(ctx: &StepCtx, containers: &[Container]) -> Result<(), Failure> {
    let engine = &ctx.host.docker;
    // Collected first: a stream of borrowed containers cannot be sent to another thread.
    let stopping: Vec<_> = containers.iter().map(|c| interruption::begin(engine, c)).collect();
    let stopping = stream::iter(stopping);
    // All of them are tried before one failure is told: each that stops is one less in the way.
    let stopped = async {
        let results: Vec<Result<(), Failure>> = stopping.buffer_unordered(PARALLEL).collect().await;
        results.into_iter().collect()
    };
    ctx.in_time("stop the services on the cluster's network", stopped).await
}

/// The project with those services that were interrupted while the configuration does not select
/// them: they ran, so they come back, but nothing fails because of them.
pub(super) fn with_interrupted<'p>(
    project: &'p Project,
    containers: &[Container],
) -> Cow<'p, Project> {
    let left_out: Vec<String> = containers
        .iter()
        .filter(|c| c.interrupted && project.model.services.contains_key(&c.service))
        .map(|c| c.service.clone())
        .filter(|service| !project.selected.contains(service))
        .collect();
    if left_out.is_empty() {
        return Cow::Borrowed(project);
    }
    let mut wider = project.clone();
    let added: BTreeSet<String> = project.model.closure(&left_out);
    wider.optional.extend(added.difference(&project.selected).cloned());
    wider.selected.extend(added);
    Cow::Owned(wider)
}
