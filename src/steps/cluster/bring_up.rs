//! Brings a cluster up with the remedy of the rung. Looks again first: between the probe and the
//! change, and all the more between two attempts, a cluster can come and go.

use super::Case;
use super::decide::{self, Act};
use super::guard::{self, Purpose};
use super::kubernetes::Kubernetes;
use super::outage::or_wait;
use crate::drivers::cluster::{ClusterDriver, ClusterState, Cure, Insistence, Sighting};
use crate::event::Fix;
use crate::policy::escalate::Onset;
use crate::policy::{Class, Failure};
use crate::steps::Consent;

impl<D: ClusterDriver, K: Kubernetes> Case<'_, D, K> {
    /// Does what is needed now, which may be nothing.
    pub(super) async fn apply(&self) -> Result<(), Failure> {
        let view = self.view().await?;
        let act = decide::act(&view, self.ctx.rung, self.ctx.recreate, self.spec.purge);
        self.carry_out(act, &view.sighting).await.map_err(or_wait)?;
        if self.switches_context() {
            self.kubernetes.switch_context(self.ask(&view.sighting)).await?;
        }
        Ok(())
    }

    async fn carry_out(&self, act: Act, sighting: &Sighting) -> Result<(), Failure> {
        let (driver, bench) = (self.driver, &self.bench);
        match act {
            Act::Nothing | Act::Wait => return Ok(()),
            Act::Amend => return driver.amend(bench, &self.consented(sighting)).await,
            Act::Escalate(onset, why) => return Err(self.broken(onset, &why)),
            Act::Start | Act::Restart | Act::Recreate | Act::Purge => {
                guard::clear(self.ctx, self.spec, Purpose::Start).await?;
            }
        }
        let insistence = match act {
            Act::Restart
                if !matches!(sighting.state, ClusterState::Absent | ClusterState::Stopped) =>
            {
                return driver.restart(bench).await;
            }
            Act::Recreate => {
                driver.delete(bench).await?;
                Insistence::Plain
            }
            Act::Purge => {
                driver.purge(bench, self.spec.purge).await?;
                Insistence::Force
            }
            _ => Insistence::Plain,
        };
        driver.start(bench, insistence).await
    }

    /// What was seen, without the drift that nobody agreed to mend.
    fn consented(&self, sighting: &Sighting) -> Sighting {
        let mut sighting = sighting.clone();
        let may_restart = self.ctx.recreate != Consent::NotGiven;
        sighting.drift.retain(|drift| match drift.cure {
            Cure::InPlace => true,
            Cure::Restart => may_restart,
            Cure::Recreate | Cure::Reinstall | Cure::Theirs => false,
        });
        sighting
    }

    fn broken(&self, onset: Onset, why: &str) -> Failure {
        let summary = format!("{} is there and does not work: {why}", self.object());
        Failure::new(Class::Permanent, "CLUSTER_BROKEN", summary)
            .fix(Fix::destructive("mlup reset --purge && mlup start"))
            .curable(onset)
    }
}
