//! Asks for passwords while the cluster is made, so that the pull secrets do not wait for them. A
//! cluster that is up needs none early: its secrets say themselves whether they are good.

use crate::config::model::Registry;
use crate::plan::change::{Change, Op, Probed, Settled};
use crate::policy::Failure;
use crate::steps::StepCtx;
use crate::steps::objects::{Standing, standing};

/// Needed where there is no cluster, or none that answers now.
pub(in crate::steps) async fn probe(
    registries: &[Registry],
    ctx: &StepCtx,
) -> Result<Probed, Failure> {
    if ctx.passwords.has_all(registries).await || standing(ctx).await == Standing::Ready {
        return Ok(Probed::Satisfied(Settled::succeeded("asked for where a secret needs it")));
    }
    let server = registries.first().map(|registry| registry.server.as_str()).unwrap_or_default();
    let object = format!("the password of {server}");
    let why = "the cluster comes up meanwhile";
    Ok(Probed::Needed(vec![Change::new(Op::Ask, object, why)]))
}

/// Asks. The secrets of a cluster that is only halted may still be good, so that there a password
/// which cannot be had is no failure yet: their own step asks again where one is needed.
pub(in crate::steps) async fn apply(registries: &[Registry], ctx: &StepCtx) -> Result<(), Failure> {
    for registry in registries {
        if let Err(failure) = ctx.passwords.of(registry, ctx).await
            && standing(ctx).await == Standing::Absent
        {
            return Err(failure);
        }
    }
    Ok(())
}

/// Whether the passwords are there.
pub(in crate::steps) async fn verify(
    registries: &[Registry],
    ctx: &StepCtx,
) -> Result<Settled, Failure> {
    let is_there = ctx.passwords.has_all(registries).await;
    let detail = if is_there { "at hand" } else { "not at hand: asked for again when needed" };
    Ok(Settled::succeeded(detail))
}
