//! One moment on three clocks, handed in wherever time decides. Reading them is `host/clock`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// A moment, as each clock tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock; anybody may set it.
    pub wall: Timestamp,
    /// Time since the machine was started, its sleep included.
    pub boot: Duration,
    /// The same without its sleep.
    pub monotonic: Duration,
}

impl Moment {
    /// How long the machine slept between that moment and this one.
    #[must_use]
    pub fn slept_since(&self, then: &Self) -> Duration {
        let awake = self.monotonic.saturating_sub(then.monotonic);
        self.boot.saturating_sub(then.boot).saturating_sub(awake)
    }

    /// How far the wall clock was set since that moment: ahead, or back where it is negative.
    #[must_use]
    pub fn set_since(&self, then: &Self) -> SignedDuration {
        let passed = SignedDuration::try_from(self.boot.saturating_sub(then.boot));
        self.wall.duration_since(then.wall) - passed.unwrap_or(SignedDuration::MAX)
    }

    /// The reading of the boot clock when the wall clock will show this time, if nobody sets it;
    /// now where that has passed.
    #[must_use]
    pub fn boot_at(&self, wall: Timestamp) -> Duration {
        let left = Duration::try_from(wall.duration_since(self.wall)).unwrap_or_default();
        self.boot.saturating_add(left)
    }

    /// What the wall clock will show at this reading of the boot clock, if nobody sets it.
    #[must_use]
    pub fn wall_at(&self, boot: Duration) -> Timestamp {
        let left = SignedDuration::try_from(boot.saturating_sub(self.boot));
        left.ok().and_then(|left| self.wall.checked_add(left).ok()).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(wall: i64, boot: u64, monotonic: u64) -> Moment {
        let (boot, monotonic) = (Duration::from_secs(boot), Duration::from_secs(monotonic));
        Moment { wall: Timestamp::from_second(wall).unwrap(), boot, monotonic }
    }

    #[test]
    fn sleep_is_what_the_boot_clock_has_more() {
        let (before, after) = (moment(1_000, 100, 80), moment(4_700, 3_800, 180));
        assert_eq!(after.slept_since(&before), Duration::from_secs(3_600));
        assert_eq!(after.set_since(&before), SignedDuration::ZERO);
    }

    #[test]
    fn a_clock_that_is_set_is_no_sleep() {
        let before = moment(10_000, 100, 100);
        assert_eq!(moment(17_210, 110, 110).set_since(&before), SignedDuration::from_hours(2));
        assert_eq!(moment(6_410, 110, 110).set_since(&before), SignedDuration::from_hours(-1));
        assert_eq!(moment(6_410, 110, 110).slept_since(&before), Duration::ZERO);
    }

    #[test]
    fn times_of_the_wall_are_counted_on_the_boot_clock() {
        let now = moment(1_000, 50, 50);
        let later = Timestamp::from_second(1_090).unwrap();
        assert_eq!(now.boot_at(later), Duration::from_secs(140));
        assert_eq!(now.wall_at(Duration::from_secs(140)), later);
        assert_eq!(now.boot_at(Timestamp::UNIX_EPOCH), now.boot);
    }
}
