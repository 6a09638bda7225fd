//! Halts, deletes or purges a cluster that mlup makes. A cluster of somebody else is never touched.

use super::Case;
use super::guard::{self, Purpose};
use super::kubernetes::Kubernetes;
use crate::config::model::Purge;
use crate::drivers::cluster::{ClusterDriver, ClusterState};
use crate::plan::change::{Change, Op};
use crate::policy::Failure;
use crate::steps::Teardown;

impl<D: ClusterDriver, K: Kubernetes> Case<'_, D, K> {
    /// What [`Case::remove`] would do.
    pub(super) async fn removals(&self, how: Teardown) -> Result<Vec<Change>, Failure> {
        if !self.spec.is_made_by_mlup() {
            return Ok(Vec::new());
        }
        match how {
            Teardown::Stop => self.stops().await,
            Teardown::Reset => self.driver.doomed(&self.bench, None).await,
            Teardown::Purge => self.driver.doomed(&self.bench, Some(self.extent())).await,
        }
    }

    async fn stops(&self) -> Result<Vec<Change>, Failure> {
        let state = self.driver.probe(&self.bench).await?.state;
        let why = match state {
            ClusterState::Absent | ClusterState::Stopped => return Ok(Vec::new()),
            ClusterState::Broken { why, .. } => why,
            _ => "it runs".to_owned(),
        };
        Ok(vec![Change::new(Op::Stop, self.object(), why)])
    }

    /// Takes away what [`Case::removals`] lists; the driver looks whether it is gone.
    pub(super) async fn remove(&self, how: Teardown) -> Result<Vec<Change>, Failure> {
        let changes = self.removals(how).await?;
        if changes.is_empty() {
            return Ok(changes);
        }
        if how != Teardown::Stop {
            guard::clear(self.ctx, self.spec, Purpose::Remove).await?;
        }
        match how {
            Teardown::Stop => self.driver.stop(&self.bench).await?,
            Teardown::Reset => self.driver.delete(&self.bench).await?,
            Teardown::Purge => self.driver.purge(&self.bench, self.extent()).await?,
        }
        Ok(changes)
    }

    /// `recover.purge` limits what happens unasked. Who types the environment's name has consented
    /// to the loss of this cluster; what the tool keeps beside it takes the configuration's word too.
    fn extent(&self) -> Purge {
        if self.spec.purge == Purge::All { Purge::All } else { Purge::Profile }
    }
}
