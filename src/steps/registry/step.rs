//! The step of a pull secret, as the plan knows it: connects, then hands on to `apply` and `remove`.

use super::{PullSecret, apply as writing, pods, remove as removing};
use crate::host::kube::error::may_pass;
use crate::plan::change::{Change, Effect, Op, Probed, Settled};
use crate::policy::Failure;
use crate::steps::objects::Objects;
use crate::steps::{StepCtx, Teardown};

pub(in crate::steps) async fn probe(secret: &PullSecret, ctx: &StepCtx) -> Result<Probed, Failure> {
    let Some(objects) = Objects::if_there(ctx).await? else { return Ok(later(secret)) };
    match writing::probe(secret, &ctx.passwords, ctx, &objects).await {
        // The step comes after the cluster's, so that in a run this is told when it writes.
        Err(failure) if may_pass(&failure) => Ok(later(secret)),
        probed => probed,
    }
}

/// Writes, and has pods pull at once that wait because of what was missing.
pub(in crate::steps) async fn apply(secret: &PullSecret, ctx: &StepCtx) -> Result<Effect, Failure> {
    let objects = Objects::connect(ctx).await?;
    let with = (&*ctx.passwords, ctx);
    let touched = writing::bring_up(secret, writing::Renewal::Due, with, &objects).await?;
    let places = touched.places();
    if places.is_empty() {
        return Ok(Effect::Unchanged);
    }
    let retried = pods::retry(secret, &places, &objects).await?;
    if !retried.deleted.is_empty() {
        ctx.waiting(format!("new pods instead of {}", retried.deleted.join(", ")));
    }
    Ok(Effect::Changed)
}

pub(in crate::steps) async fn verify(
    secret: &PullSecret,
    ctx: &StepCtx,
) -> Result<Settled, Failure> {
    writing::verify(secret, &Objects::connect(ctx).await?).await
}

pub(in crate::steps) async fn removals(
    secret: &PullSecret,
    ctx: &StepCtx,
    how: Teardown,
) -> Result<Vec<Change>, Failure> {
    match Objects::if_there(ctx).await? {
        Some(objects) => removing::removals(secret, &objects, how).await,
        None => Ok(Vec::new()),
    }
}

pub(in crate::steps) async fn remove(
    secret: &PullSecret,
    ctx: &StepCtx,
    how: Teardown,
) -> Result<Vec<Change>, Failure> {
    match Objects::if_there(ctx).await? {
        Some(objects) => removing::remove(secret, &objects, how).await,
        None => Ok(Vec::new()),
    }
}

/// What a cluster that does not answer yet will need.
fn later(secret: &PullSecret) -> Probed {
    let change = |namespace: &String| {
        let object = format!("pull secret {namespace}/{}", secret.name);
        Change::new(Op::Create, object, "after the cluster is up")
    };
    Probed::Needed(secret.places.keys().map(change).collect())
}
