//! The step of a `[[secret]]`, as the plan knows it: connects, then hands on.

use super::namespace_of;
use crate::config::model::KubeSecret;
use crate::host::kube::error::may_pass;
use crate::plan::change::{Change, Op, Probed, Settled};
use crate::policy::Failure;
use crate::steps::objects::Objects;
use crate::steps::{StepCtx, Teardown};

pub(in crate::steps) async fn probe(secret: &KubeSecret, ctx: &StepCtx) -> Result<Probed, Failure> {
    let Some(objects) = Objects::if_there(ctx).await? else { return Ok(later(secret, ctx)) };
    match super::probe(secret, &objects).await {
        // The step comes after the cluster's, so that in a run this is told when it writes.
        Err(failure) if may_pass(&failure) => Ok(later(secret, ctx)),
        probed => probed,
    }
}

pub(in crate::steps) async fn apply(secret: &KubeSecret, ctx: &StepCtx) -> Result<(), Failure> {
    super::apply(secret, &Objects::connect(ctx).await?).await
}

pub(in crate::steps) async fn verify(
    secret: &KubeSecret,
    ctx: &StepCtx,
) -> Result<Settled, Failure> {
    super::verify(secret, &Objects::connect(ctx).await?).await
}

pub(in crate::steps) async fn removals(
    secret: &KubeSecret,
    ctx: &StepCtx,
    how: Teardown,
) -> Result<Vec<Change>, Failure> {
    match Objects::if_there(ctx).await? {
        Some(objects) => super::removals(secret, &objects, how).await,
        None => Ok(Vec::new()),
    }
}

pub(in crate::steps) async fn remove(
    secret: &KubeSecret,
    ctx: &StepCtx,
    how: Teardown,
) -> Result<Vec<Change>, Failure> {
    match Objects::if_there(ctx).await? {
        Some(objects) => super::remove(secret, &objects, how).await,
        None => Ok(Vec::new()),
    }
}

/// What a cluster that does not answer yet will need.
fn later(secret: &KubeSecret, ctx: &StepCtx) -> Probed {
    let object = format!("secret {}/{}", namespace_of(secret, &ctx.config), secret.name);
    Probed::Needed(vec![Change::new(Op::Create, object, "after the cluster is up")])
}
