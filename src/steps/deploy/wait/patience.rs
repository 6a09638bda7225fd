//! How long something that stands still is borne with: as long as somebody may help, then as long
//! as its node takes to try again.

use std::time::Duration;

use tokio::time::Instant;

use super::limits::Limits;
use crate::readiness::{Cause, Finality, Remedy};

/// The longest pause of a kubelet between two attempts.
const LONGEST: Duration = Duration::from_secs(300);

/// What an attempt itself may take.
const ATTEMPT: Duration = Duration::from_secs(15);

/// The kinds of steps that may bring a remedy.
pub(super) fn helpers(remedy: Remedy) -> &'static [&'static str] {
    match remedy {
        Remedy::PullSecret => &["registry", "token"],
        Remedy::Image => &["image", "load", "task"],
        Remedy::Object => &["secret", "registry", "deploy", "task"],
        Remedy::Dependency => &["deploy", "beside", "task"],
        Remedy::Nodes => &["cluster"],
    }
}

/// How long one object has been borne with.
#[derive(Clone, Debug, Default)]
pub(super) struct Patience {
    /// Since when it stands still.
    since: Option<Instant>,
    /// When help was last on its way, and what stood still then.
    helped: Option<Helped>,
    /// When it was seen that an attempt after that failed as well.
    proven: Option<Instant>,
    /// Whether help is on its way.
    is_helped: bool,
}

#[derive(Clone, Debug)]
struct Helped {
    by: Remedy,
    at: Instant,
    attempt: i64,
    affects: Vec<String>,
}

impl Patience {
    /// Notes where an object stands, and which help is on its way.
    pub(super) fn note(&mut self, cause: Option<&Cause>, help: Option<Remedy>, now: Instant) {
        self.is_helped = help.is_some();
        if cause.is_none() {
            self.since = None;
        } else {
            self.since.get_or_insert(now);
        }
        if let Some(by) = help {
            let attempt = cause.map_or(0, |cause| cause.attempt);
            let affects = cause.map(|cause| cause.affects.clone()).unwrap_or_default();
            self.helped = Some(Helped { by, at: now, attempt, affects });
            self.proven = None;
        } else if let (Some(helped), Some(cause)) = (&self.helped, cause)
            && helped.is_outlived_by(cause)
        {
            self.proven.get_or_insert(now);
        }
    }

    /// Whether somebody may still help.
    pub(super) fn is_helped(&self) -> bool {
        self.is_helped
    }

    /// When it is over with nobody left to help; nothing for what does not stand still.
    pub(super) fn ends(&self, cause: &Cause, limits: &Limits) -> Option<Instant> {
        let since = self.since?;
        let Finality::CurableBy(remedy) = cause.finality else {
            return Some(since + limits.confirm);
        };
        let plain = since + limits.grace;
        let Some(helped) = self.helped.as_ref().filter(|helped| helped.by == remedy) else {
            return Some(plain);
        };
        let at_next_try = || {
            let stood = helped.at.duration_since(since) + limits.stood;
            helped.at + pause(cause.attempt, stood) + limits.grace
        };
        let again = self.proven.map_or_else(at_next_try, |proven| proven + limits.grace);
        Some(plain.max(again))
    }
}

impl Helped {
    /// Whether a cause is of an attempt that came after the help.
    fn is_outlived_by(&self, cause: &Cause) -> bool {
        // One attempt may have been at work while the help came.
        let is_later = self.attempt > 0 && cause.attempt > self.attempt + 1;
        let is_other = !self.affects.is_empty()
            && !cause.affects.is_empty()
            && cause.affects.iter().all(|pod| !self.affects.contains(pod));
        is_later || is_other
    }
}

/// How long a kubelet may take until it tries again: its pauses double, so none is longer than what
/// went before it.
fn pause(attempt: i64, stood: Duration) -> Duration {
    let doublings = u32::try_from(attempt.clamp(1, 6) - 1).unwrap_or_default();
    let counted = if attempt > 0 { Duration::from_secs(10) * 2_u32.pow(doublings) } else { stood };
    counted.min(LONGEST) + ATTEMPT
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::readiness::World;

    /// A crash after so many restarts, or a pull that misses its secret, as judged.
    fn cause(attempt: i64, pod: &str) -> Cause {
        let state = match attempt {
            0 => json!({"waiting": {"reason": "CreateContainerConfigError",
                "message": "secret \"s\" not found"}}),
            _ => json!({"waiting": {"reason": "CrashLoopBackOff"}}),
        };
        let pod = json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"namespace": "n", "name": pod, "uid": pod},
            "spec": {"containers": [{"name": "c", "image": "i"}]},
            "status": {"phase": "Running", "containerStatuses": [{"name": "c", "state": state,
                "restartCount": attempt, "lastState": {"terminated": {"exitCode": 1}}}]}});
        crate::readiness::pods::pod_cause(&pod, &World::default()).unwrap()
    }

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn without_help_the_grace_is_short() {
        let (start, limits) = (Instant::now(), Limits::default());
        let mut patience = Patience::default();
        let cause = cause(0, "p");
        assert_eq!(patience.ends(&cause, &limits), None);
        patience.note(Some(&cause), None, start);
        patience.note(Some(&cause), None, after(start, 2));
        assert_eq!(patience.ends(&cause, &limits), Some(after(start, 3)));
        patience.note(None, None, after(start, 2));
        patience.note(Some(&cause), None, after(start, 9));
        assert_eq!(patience.ends(&cause, &limits), Some(after(start, 12)));
    }

    #[test]
    fn after_help_one_more_attempt_is_waited_for() {
        let (start, limits) = (Instant::now(), Limits::default());
        let mut patience = Patience::default();
        let cause = cause(0, "p");
        patience.note(Some(&cause), Some(Remedy::Object), start);
        patience.note(Some(&cause), Some(Remedy::Object), after(start, 30));
        patience.note(Some(&cause), None, after(start, 31));
        assert_eq!(patience.ends(&cause, &limits), Some(after(start, 30 + 30 + 15 + 3)));
    }

    #[test]
    fn what_stood_still_long_before_may_take_the_longest_pause() {
        let (start, limits) = (Instant::now(), Limits::of_recovery());
        let mut patience = Patience::default();
        patience.note(Some(&cause(0, "p")), Some(Remedy::Object), start);
        patience.note(Some(&cause(0, "p")), None, start);
        let ends = patience.ends(&cause(0, "p"), &limits);
        assert_eq!(ends, Some(after(start, 300 + 15 + 3)));
        patience.note(Some(&cause(0, "new")), None, after(start, 2));
        assert_eq!(patience.ends(&cause(0, "new"), &limits), Some(after(start, 5)));
    }

    #[test]
    fn a_new_pod_with_the_same_trouble_proves_that_the_help_was_none() {
        let (start, limits) = (Instant::now(), Limits::default());
        let mut patience = Patience::default();
        patience.note(Some(&cause(0, "old")), Some(Remedy::Object), start);
        patience.note(Some(&cause(0, "new")), None, after(start, 2));
        assert_eq!(patience.ends(&cause(0, "new"), &limits), Some(after(start, 5)));
    }

    #[test]
    fn a_crash_after_its_dependencies_came_gets_its_next_back_off() {
        let (start, limits) = (Instant::now(), Limits::default());
        let mut patience = Patience::default();
        patience.note(None, Some(Remedy::Dependency), start);
        patience.note(Some(&cause(3, "p")), None, after(start, 1));
        let ends = patience.ends(&cause(3, "p"), &limits);
        assert_eq!(ends, Some(after(start, 40 + 15 + 3)));
        let mut tried = Patience::default();
        tried.note(Some(&cause(3, "p")), Some(Remedy::Dependency), start);
        tried.note(Some(&cause(5, "p")), None, after(start, 50));
        assert_eq!(tried.ends(&cause(5, "p"), &limits), Some(after(start, 53)));
    }
}
