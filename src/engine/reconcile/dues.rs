//! When pull secrets are looked at again: by the ends of their passwords on the wall clock, which
//! somebody may set, counted anew at each turn.

use std::time::Duration;

use super::Due;
use crate::policy::moment::Moment;

/// Between two looks for passwords, at least.
const SHORTEST: Duration = Duration::from_secs(15);
/// The longest pause while one is due and cannot be renewed.
const LONGEST: Duration = Duration::from_secs(600);
/// Looks in a row, for a password that has ended, whose pauses do not grow.
const URGENT_TRIES: u32 = 40;

/// What is known of the pull secrets.
#[derive(Debug, Default)]
pub(super) struct Dues {
    all: Vec<Due>,
    /// No look for them before this.
    hold: Duration,
    /// Looks in a row that have left one due.
    tries: u32,
}

impl Dues {
    pub(super) fn know(&mut self, dues: Vec<Due>) {
        self.all = dues;
    }

    /// The next look for them, on the boot clock.
    pub(super) fn next(&self, now: &Moment) -> Duration {
        let at = |due: &Due| now.boot_at(due.at).max(due.not_before);
        self.all.iter().map(at).min().map_or(Duration::MAX, |next| next.max(self.hold))
    }

    pub(super) fn hold(&mut self, until: Duration) {
        self.hold = self.hold.max(until);
    }

    /// The machine woke.
    pub(super) fn begin_anew(&mut self) {
        (self.hold, self.tries) = (Duration::ZERO, 0);
        for due in &mut self.all {
            due.not_before = Duration::ZERO;
        }
    }

    /// A look for them is over, at this moment.
    pub(super) fn tried(&mut self, now: &Moment) {
        let is_past = |at: jiff::Timestamp| at <= now.wall;
        if !self.all.iter().any(|due| is_past(due.at)) {
            (self.tries, self.hold) = (0, now.boot + SHORTEST.min(self.shortest_life(now)));
            return;
        }
        let flat = if self.all.iter().any(|due| is_past(due.ends)) { URGENT_TRIES } else { 0 };
        let doublings = self.tries.saturating_sub(flat).min(10);
        self.hold = now.boot + (SHORTEST * 2_u32.pow(doublings)).min(LONGEST);
        self.tries = self.tries.saturating_add(1);
    }

    /// A look at everything is over, which renews what it can too.
    pub(super) fn looked(&mut self, now: &Moment) {
        if self.all.iter().any(|due| due.at <= now.wall) {
            self.hold(now.boot + SHORTEST);
        }
    }

    /// Half of the time until the next one is due: passwords that live for seconds are renewed in time.
    fn shortest_life(&self, now: &Moment) -> Duration {
        let left = self.all.iter().map(|due| now.boot_at(due.at).saturating_sub(now.boot));
        left.min().unwrap_or(SHORTEST) / 2
    }
}
