//! The services of a project that come up beside the cluster.

use crate::plan::ComposeDeploy;
use crate::plan::change::{Probed, Settled};
use crate::policy::Failure;
use crate::steps::StepCtx;

/// Nothing is brought up beside the cluster yet.
pub async fn probe(_deploy: &ComposeDeploy, _ctx: &StepCtx) -> Result<Probed, Failure> {
    Ok(Probed::Satisfied(Settled::ready("nothing beside the cluster")))
}

/// Nothing to do.
pub async fn apply(_deploy: &ComposeDeploy, _ctx: &StepCtx) -> Result<(), Failure> {
    Ok(())
}

/// As it was seen.
pub async fn verify(_deploy: &ComposeDeploy, _ctx: &StepCtx) -> Result<Settled, Failure> {
    Ok(Settled::ready("nothing beside the cluster"))
}
