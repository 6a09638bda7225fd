//! How long a wait bears with what. Which of it applies is decided in `patience` and `verdict`.

use std::time::Duration;

/// How long to bear with what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// A state that ends by itself in no case: watches of several kinds may lag behind each other.
    pub(super) confirm: Duration,
    /// A state that somebody else could end, once nobody is left who could.
    pub(super) grace: Duration,
    /// A container that ended before, until it counts as up.
    pub(super) steady: Duration,
    /// No address for a load balancer, once all else is ready.
    pub(super) address: Duration,
    /// Silence, after which everything that may explain it is looked at.
    pub(super) explain: Duration,
    /// More of what explains a failure that is sure already.
    pub(super) evidence: Duration,
    /// An API server that is gone.
    pub(super) outage: Duration,
    /// How long something may stand still already when the wait begins.
    pub(super) stood: Duration,
    /// Silence with no trouble in sight, after which nobody is waited for; none where only the
    /// deadline ends the wait.
    pub(super) silence: Option<Duration>,
    /// Further news that may come with the first one.
    pub(super) gather: Duration,
}

impl Limits {
    /// For objects that stand still from before the wait, until what kept them down is gone.
    pub(super) fn of_recovery() -> Self {
        let silence = Some(Duration::from_secs(10));
        Self { stood: Duration::from_secs(300), silence, ..Self::default() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            confirm: Duration::from_millis(300),
            grace: Duration::from_secs(3),
            steady: Duration::from_secs(10),
            address: Duration::from_secs(15),
            explain: Duration::from_secs(5),
            evidence: Duration::from_secs(3),
            outage: Duration::from_secs(60),
            stood: Duration::ZERO,
            silence: None,
            gather: Duration::from_millis(5),
        }
    }
}
