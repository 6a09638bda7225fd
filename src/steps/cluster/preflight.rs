//! What is wrong before anything is changed, all of it in one pass: the first failure is the
//! step's, the others stand beside it.

use super::Case;
use super::kubernetes::Kubernetes;
use super::outage::or_wait;
use crate::drivers::cluster::ClusterDriver;
use crate::plan::change::{Probed, Settled};
use crate::policy::Failure;
use crate::steps::secret::value::unreadable_files;

impl<D: ClusterDriver, K: Kubernetes> Case<'_, D, K> {
    /// Satisfied, or the failure of everything that is in the way.
    pub(super) async fn preflight(&self) -> Result<Probed, Failure> {
        let driver = self.driver.preflight(&self.bench).await;
        let mut failures = driver.into_iter().chain(unreadable_files(&self.ctx.config));
        let Some(mut first) = failures.next() else {
            return Ok(Probed::Satisfied(Settled::succeeded(self.object())));
        };
        for other in failures {
            let fix = other.fix.as_ref().map(|fix| fix.command.clone());
            if first.evidence.len() < 5 {
                first = first.because(other.code, other.summary.as_str());
            }
            // The block of one failure has room for a few lines; its fix is that of the first.
            self.bench.warn(other.code, other.summary, fix);
        }
        Err(or_wait(first))
    }
}
