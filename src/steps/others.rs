//! What a step may know of the other steps of its run: whether one that could help is still to come
//! or at work. Who tells it is the engine.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::watch;

use crate::plan::StepId;

/// The steps of a run that have not ended.
pub type Unfinished = BTreeSet<StepId>;

/// The other steps of a run, as one step sees them.
#[derive(Clone, Debug, Default)]
pub struct Others {
    unfinished: Option<watch::Receiver<Unfinished>>,
    /// The step itself and those that wait for it: they cannot help.
    dependents: Arc<BTreeSet<StepId>>,
}

impl Others {
    /// The others of a step; `dependents` are the step itself and all that come after it.
    #[must_use]
    pub fn new(unfinished: watch::Receiver<Unfinished>, dependents: BTreeSet<StepId>) -> Self {
        Self { unfinished: Some(unfinished), dependents: Arc::new(dependents) }
    }

    /// Whether a step of these kinds (`registry`, `deploy`) that does not wait for this one has yet
    /// to end.
    #[must_use]
    pub fn may_come(&self, kinds: &[&str]) -> bool {
        let Some(unfinished) = &self.unfinished else { return false };
        unfinished
            .borrow()
            .iter()
            .any(|id| kinds.contains(&id.kind()) && !self.dependents.contains(id))
    }

    /// Whether this step has ended, or has no part in the run; not so where nobody tells.
    #[must_use]
    pub fn is_over(&self, id: &StepId) -> bool {
        self.unfinished.as_ref().is_some_and(|unfinished| !unfinished.borrow().contains(id))
    }

    /// Returns when a step has ended since the last call; never where nobody tells.
    pub async fn changed(&mut self) {
        let is_told = match &mut self.unfinished {
            Some(unfinished) => unfinished.changed().await.is_ok(),
            None => false,
        };
        if !is_told {
            self.unfinished = None;
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(names: &[&str]) -> BTreeSet<StepId> {
        names
            .iter()
            .map(|name| {
                name.split_once('/').map_or(StepId::single(name), |(k, n)| StepId::named(k, n))
            })
            .collect()
    }

    #[tokio::test]
    async fn only_what_does_not_wait_for_the_step_may_come() {
        let (tell, told) = watch::channel(ids(&["deploy/api", "deploy/web", "registry/key"]));
        let mut others = Others::new(told, ids(&["deploy/api", "deploy/web"]));
        assert!(others.may_come(&["registry"]) && !others.may_come(&["deploy", "secret"]));
        tell.send_replace(ids(&["deploy/api"]));
        others.changed().await;
        assert!(!others.may_come(&["registry"]));
        assert!(!Others::default().may_come(&["registry"]));
        let is_over = |others: &Others| others.is_over(&StepId::named("registry", "key"));
        assert!(is_over(&others) && !is_over(&Others::default()));
    }
}
