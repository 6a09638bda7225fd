//! The step of the cluster: look, bring up with the remedy of the rung, wait until its API answers
//! and its nodes are ready. What a tool is asked for is the driver's, which rung is taken the
//! machine's, and who must make way on the cluster's network the guard's.

mod bring_up;
mod decide;
mod drift;
mod guard;
mod kubernetes;
mod look;
mod lost;
mod network;
mod nodes;
mod outage;
mod preflight;
mod remove;
mod status;
#[cfg(test)]
mod tests;
mod verify;
mod view;

use crate::drivers::cluster::{ClusterDriver, ClusterState};
use crate::drivers::driver::Driver;
use crate::drivers::spec::Spec;
use crate::host::workbench::Workbench;
use crate::plan::change::{Change, Probed, Settled};
use crate::policy::{Class, Failure};
use crate::steps::{StepCtx, Teardown};

use kubernetes::{Kubernetes, Live};

pub use lost::lost;
pub(in crate::steps) use network::instead;
pub use status::{ClusterStatus, NodeStatus, status};

/// One cluster and everything that its step works with.
struct Case<'a, D, K> {
    ctx: &'a StepCtx,
    spec: &'a Spec,
    driver: &'a D,
    kubernetes: &'a K,
    bench: Workbench,
}

impl<'a, D: ClusterDriver, K: Kubernetes> Case<'a, D, K> {
    fn new(ctx: &'a StepCtx, spec: &'a Spec, driver: &'a D, kubernetes: &'a K) -> Self {
        Self { ctx, spec, driver, kubernetes, bench: ctx.workbench() }
    }

    /// The cluster in the words of changes and messages.
    fn object(&self) -> String {
        format!("{} cluster `{}`", self.spec.tool(), self.spec.name)
    }
}

/// The cluster of the configuration and its driver.
pub(in crate::steps) fn wanted(ctx: &StepCtx) -> Result<(Spec, Driver), Failure> {
    let spec = Spec::of(&ctx.config).ok_or_else(|| {
        let summary = "there is no cluster in this configuration";
        Failure::new(Class::Config, "NOT_RUN_YET", summary)
    })?;
    let driver = Driver::new(spec.clone());
    Ok((spec, driver))
}

pub(super) async fn probe(ctx: &StepCtx) -> Result<Probed, Failure> {
    let (spec, driver) = wanted(ctx)?;
    Case::new(ctx, &spec, &driver, &Live).probe().await
}

pub(super) async fn apply(ctx: &StepCtx) -> Result<(), Failure> {
    let (spec, driver) = wanted(ctx)?;
    Case::new(ctx, &spec, &driver, &Live).apply().await
}

pub(super) async fn verify(ctx: &StepCtx) -> Result<Settled, Failure> {
    let (spec, driver) = wanted(ctx)?;
    Case::new(ctx, &spec, &driver, &Live).verify().await
}

pub(super) async fn preflight(ctx: &StepCtx) -> Result<Probed, Failure> {
    let (spec, driver) = wanted(ctx)?;
    Case::new(ctx, &spec, &driver, &Live).preflight().await
}

/// That the cluster is halted, in words; none where it is not, or where nobody can tell.
pub async fn halted(ctx: &StepCtx) -> Option<String> {
    let (spec, driver) = wanted(ctx).ok()?;
    let case = Case::new(ctx, &spec, &driver, &Live);
    let looked = ctx.in_time("look at the cluster", driver.probe(&case.bench)).await;
    match looked.ok()?.state {
        ClusterState::Stopped => Some(format!("the {} is stopped", case.object())),
        ClusterState::Paused => Some(format!("the {} is paused", case.object())),
        _ => None,
    }
}

pub(super) async fn removals(ctx: &StepCtx, how: Teardown) -> Result<Vec<Change>, Failure> {
    let (spec, driver) = wanted(ctx)?;
    Case::new(ctx, &spec, &driver, &Live).removals(how).await
}

pub(super) async fn remove(ctx: &StepCtx, how: Teardown) -> Result<Vec<Change>, Failure> {
    let (spec, driver) = wanted(ctx)?;
    Case::new(ctx, &spec, &driver, &Live).remove(how).await
}
