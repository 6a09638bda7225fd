//! A compose project: probe, apply, verify, take away. This file is the order of things; each
//! question has its own file: `project` (what is wanted), `observe` (what is there), `decide`
//! (what has to change), `converge` (starting and waiting), `readiness` (what counts as up).
//!
//! Nothing to change means that compose is only asked for its configuration and hashes. A change
//! is `docker compose create` and then starts through the engine, see `converge`.

mod attached;
pub mod beside;
mod converge;
mod decide;
#[cfg(test)]
mod docker_tests;
mod failures;
#[cfg(test)]
mod fixtures;
mod hashes;
pub mod images;
mod interrupted;
mod ledger;
mod logs;
mod model;
mod observe;
mod oneshot;
pub(in crate::steps) mod plugin;
pub mod preflight;
mod project;
mod readiness;
mod remove;
mod status;
pub(in crate::steps) mod survey;
mod tool;
mod urls;

use std::collections::{BTreeMap, BTreeSet};

use crate::drivers::compose::Replace;
use crate::plan::ComposeDeploy;
use crate::plan::change::{Change, Probed, Settled};
use crate::plan::progress::Progress;
use crate::policy::Failure;
use crate::steps::StepCtx;

use decide::{Need, Observed, What};
use project::Project;
use readiness::{Situation, Verdict};

pub use attached::{Attached, attached};
pub use interrupted::interrupt;
pub use logs::{LogRequest, logs};
pub use project::Projects;
pub use remove::{removals, remove};
pub use status::{ServiceStatus, status};
pub use urls::urls;

/// Looks what the project needs.
pub async fn probe(deploy: &ComposeDeploy, ctx: &StepCtx) -> Result<Probed, Failure> {
    let project = ctx.projects.resolve(deploy, ctx).await?;
    let observed = observe::observe(&project, ctx).await?;
    let project = interrupted::with_interrupted(&project, &observed.containers);
    if let Some(changes) = changes(&project, &observed) {
        return Ok(Probed::Needed(changes));
    }
    let history = BTreeMap::new();
    let situation =
        Situation { project: &project, containers: &observed.containers, history: &history };
    Ok(Probed::Satisfied(settled(&project, ctx, &situation.verdicts())))
}

/// What has to change, if anything has to.
fn changes(project: &Project, observed: &Observed) -> Option<Vec<Change>> {
    let needs = decide::decide(project, observed);
    (!needs.is_empty()).then(|| needs.iter().map(Need::change).collect())
}

/// Makes and replaces containers, starts them in order and waits for them. Looks again first:
/// what `probe` saw may be minutes old.
pub async fn apply(
    deploy: &ComposeDeploy,
    ctx: &StepCtx,
    _changes: &[Change],
) -> Result<(), Failure> {
    let project = ctx.projects.resolve(deploy, ctx).await?;
    bring_up(&project, ctx).await
}

/// Makes, replaces and starts what the project needs, and waits until it is ready.
async fn bring_up(project: &Project, ctx: &StepCtx) -> Result<(), Failure> {
    let observed = observe::observe(project, ctx).await?;
    let project = &*interrupted::with_interrupted(project, &observed.containers);
    let needs = decide::decide(project, &observed);
    let observed = if needs.iter().all(|need| matches!(need.what, What::Start(_) | What::Wait)) {
        observed
    } else {
        create(project, ctx, &needs).await?;
        observe::observe(project, ctx).await?
    };
    let to_start = decide::to_start(project, &observed);
    converge::converge(project, ctx, to_start).await.map(|_| ())
}

/// Waits until every service is ready.
pub async fn verify(deploy: &ComposeDeploy, ctx: &StepCtx) -> Result<Settled, Failure> {
    let project = ctx.projects.resolve(deploy, ctx).await?;
    let verdicts = converge::converge(&project, ctx, BTreeSet::new()).await?;
    Ok(settled(&project, ctx, &verdicts))
}

/// Has compose make what is missing and replace what is outdated. It starts nothing.
async fn create(project: &Project, ctx: &StepCtx, needs: &[Need]) -> Result<(), Failure> {
    let replaced: BTreeSet<&String> =
        needs.iter().filter(|need| need.what == What::Replace).map(|need| &need.service).collect();
    let replaced: Vec<String> = replaced.into_iter().cloned().collect();
    if !replaced.is_empty() {
        let cmd = project.invocation.create(Replace::Named, &replaced);
        tool::change(ctx, cmd, "replace containers").await?;
    }
    let others =
        needs.iter().any(|n| matches!(n.what, What::Create | What::Recreate | What::Reduce));
    if others {
        let cmd = project.invocation.create(Replace::Changed, &project.wanted);
        tool::change(ctx, cmd, "create containers").await?;
    }
    Ok(())
}

/// How many services are as wanted; warns about the optional ones that are not.
fn settled(project: &Project, ctx: &StepCtx, verdicts: &BTreeMap<String, Verdict>) -> Settled {
    let mut good = 0;
    for (service, verdict) in verdicts {
        let what = match verdict {
            Verdict::Ready | Verdict::Done => {
                good += 1;
                continue;
            }
            Verdict::Pending(why) => why.clone(),
            Verdict::Failed(fault) => fault.kind.describe(),
        };
        ctx.say(Progress::Warning {
            code: "SERVICE_OPTIONAL_NOT_READY",
            message: format!("Optional service `{service}` is not ready: {what}"),
            hint: Some(format!("mlup logs {service}")),
        });
    }
    Settled::ready(format!("{good} of {} services ready", project.selected.len()))
}
