//! Whether a cluster that was brought up is really there: a tool that exits 0 may have done
//! nothing, and a node can be gone seconds after it came.

use std::time::Duration;

use tokio::time::Instant;

use super::kubernetes::Kubernetes;
use super::outage::or_wait;
use super::{Case, lost};
use crate::drivers::cluster::{ClusterDriver, ClusterState, Sighting};
use crate::event::Fix;
use crate::host::kube::ClusterFacts;
use crate::plan::change::Settled;
use crate::policy::escalate::Onset;
use crate::policy::{Class, Failure};
use crate::redact::Secret;

/// How long a cluster that comes up by itself is waited for before a stronger remedy.
const COMING_UP: Duration = Duration::from_secs(120);
/// Between two looks at the tool.
const TOOL_PAUSE: Duration = Duration::from_secs(1);
/// Between two looks at the node's container while the API is waited for.
const NODE_PAUSE: Duration = Duration::from_millis(500);

impl<D: ClusterDriver, K: Kubernetes> Case<'_, D, K> {
    /// Waits until the cluster runs and its API answers.
    pub(super) async fn verify(&self) -> Result<Settled, Failure> {
        let sighting = self.running().await.map_err(or_wait)?;
        let kubeconfig = self.driver.kubeconfig(&self.bench).await?;
        let facts = self.answering(&kubeconfig, &sighting).await.map_err(or_wait)?;
        Ok(self.settled(&facts, &sighting))
    }

    async fn running(&self) -> Result<Sighting, Failure> {
        let began = Instant::now();
        loop {
            let sighting = self.driver.probe(&self.bench).await?;
            let (onset, seen) = match &sighting.state {
                ClusterState::Running => return Ok(sighting),
                ClusterState::Starting if began.elapsed() < COMING_UP => {
                    self.bench.doing(format!("{} is coming up", self.object()));
                    self.bench.pause(TOOL_PAUSE).await?;
                    continue;
                }
                ClusterState::Starting => (Onset::Unresponsive, "it is still coming up".to_owned()),
                ClusterState::Absent => (Onset::Transient, "there is none".to_owned()),
                ClusterState::Stopped => (Onset::Transient, "it is stopped".to_owned()),
                ClusterState::Paused => (Onset::Transient, "it is paused".to_owned()),
                ClusterState::Misconfigured { why } => (Onset::Transient, why.clone()),
                ClusterState::Broken { onset, why } => (*onset, why.clone()),
            };
            return Err(self.not_up(onset, &seen));
        }
    }

    /// Waits for the API, and no longer than its node lives.
    async fn answering(
        &self,
        kubeconfig: &Secret,
        sighting: &Sighting,
    ) -> Result<ClusterFacts, Failure> {
        let waiting = self.kubernetes.wait(self.ask(sighting), kubeconfig);
        tokio::select! {
            answered = waiting => answered.map_err(unresponsive),
            gone = self.gone() => Err(gone),
        }
    }

    /// Ends when the node's container does.
    async fn gone(&self) -> Failure {
        while self.bench.pause(NODE_PAUSE).await.is_ok() {
            if let Some(failure) = lost::look(self.ctx, self.spec).await {
                return failure;
            }
        }
        // The step's time is over, or it was cancelled: whoever waits for the API says so.
        std::future::pending().await
    }

    fn not_up(&self, onset: Onset, seen: &str) -> Failure {
        let tool = self.spec.tool();
        let summary = format!("{} is not up, although {tool} reported success", self.object());
        Failure::new(Class::Permanent, "CLUSTER_NOT_UP", summary)
            .because(format!("{tool} status"), seen)
            .fix(Fix::safe("mlup start"))
            .curable(onset)
    }
}

/// An API that does not get ready in time may come with a restart of the nodes.
fn unresponsive(failure: Failure) -> Failure {
    let is_late = failure.class == Class::Timeout && failure.code != "STEP_TIMEOUT";
    if is_late && failure.onset.is_none() {
        return failure.curable(Onset::Unresponsive);
    }
    failure
}
