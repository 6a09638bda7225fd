//! News of one scope on their way to a look, and how soon that look may be.

use std::time::Duration;

use super::pace::{self, Pace};
use super::{News, Weight};

/// News of one cause come in bursts: a look waits this long for the rest of them.
const SETTLE: Duration = Duration::from_millis(300);

/// What is known of one scope.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) noticed: Option<Noticed>,
    pub(super) is_failing: bool,
    /// Paced news wait until then.
    hold: Duration,
    /// When the last look was over.
    ended: Duration,
    pace: Pace,
}

/// News that no look has answered yet.
#[derive(Clone, Debug)]
pub(super) struct Noticed {
    /// When, on the boot clock.
    pub(super) at: Duration,
    pub(super) news: News,
    /// Came up during a look, which may have caused it itself: it is not told.
    pub(super) is_echo: bool,
}

impl Noticed {
    /// Since when there is trouble. Of what is looked at because the machine woke, or something came
    /// back, nobody can tell that it was calm before.
    pub(super) fn since(&self) -> Duration {
        match self.news.weight {
            Weight::Usual => self.at,
            Weight::Urgent => Duration::ZERO,
        }
    }
}

impl Lane {
    pub(super) fn new(now: Duration, seed: u64) -> Self {
        let pace = Pace::new(seed);
        Self { noticed: None, is_failing: false, hold: now, ended: now, pace }
    }

    /// Keeps the weightiest of the news, and of these the first.
    pub(super) fn notice(&mut self, noticed: Noticed) {
        let rank = |noticed: &Noticed| (noticed.news.weight, !noticed.is_echo);
        if self.noticed.as_ref().is_none_or(|known| rank(known) < rank(&noticed)) {
            self.noticed = Some(noticed);
        }
    }

    /// When the look is made that answers the news.
    pub(super) fn next(&self) -> Duration {
        self.noticed.as_ref().map_or(Duration::MAX, |noticed| {
            let settled = noticed.at + SETTLE;
            match noticed.news.weight {
                Weight::Usual => settled.max(self.hold),
                Weight::Urgent => settled.max(self.ended + pace::SHORTEST),
            }
        })
    }

    /// Whether news are held up that people are to hear of: because of many mends.
    pub(super) fn is_held(&self, now: Duration) -> bool {
        let held = |noticed: &Noticed| {
            let begins = noticed.at + SETTLE;
            noticed.news.weight == Weight::Usual && begins <= now && now < self.hold
        };
        self.noticed.as_ref().is_some_and(held) && self.mends() > pace::FREE
    }

    pub(super) fn mends(&self) -> u32 {
        self.pace.mends()
    }

    /// What had been noticed is still to be looked at, not before then.
    pub(super) fn put_back(&mut self, handled: Option<Noticed>, hold: Duration) {
        self.hold = self.hold.max(hold);
        let noticed = self.noticed.take().or(handled);
        self.noticed = noticed.map(|noticed| Noticed { is_echo: true, ..noticed });
    }

    /// A look of this scope ended now; until when the next one is held up.
    pub(super) fn settle(
        &mut self,
        now: Duration,
        since: Duration,
        has_mended: bool,
        is_up: bool,
    ) -> Duration {
        let pause = if is_up {
            self.pace.up(now, since, has_mended, self.noticed.is_some())
        } else {
            self.pace.down(now)
        };
        self.is_failing = !is_up;
        (self.ended, self.hold) = (now, now + pause);
        self.hold
    }

    /// The machine woke.
    pub(super) fn begin_anew(&mut self) {
        self.pace.begin_anew();
    }
}
