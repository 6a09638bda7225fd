//! The clocks of the machine. The wall clock is for timestamps only: durations are measured with
//! tokio's monotonic clock, and a sleep of the machine by what the boot clock has more.

use std::time::Duration;

use jiff::{Timestamp, Unit};
use rustix::time::{ClockId, clock_gettime};

use crate::policy::moment::Moment;

/// Now.
#[must_use]
pub fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the one reader of the wall clock")]
    Timestamp::now()
}

/// Now, on each clock.
#[must_use]
pub fn moment() -> Moment {
    // In this order, so that the boot clock is never behind.
    let (monotonic, wall) = (reading(ClockId::Monotonic), now());
    Moment { wall, boot: since_boot(wall), monotonic }
}

/// Linux counts the sleep of the machine (`clock_gettime(2)`, since 2.6.39).
#[cfg(target_os = "linux")]
fn since_boot(_: Timestamp) -> Duration {
    reading(ClockId::Boottime)
}

/// Elsewhere the wall clock stands in: it goes on during a sleep, and one that is set ahead looks
/// like a sleep.
#[cfg(not(target_os = "linux"))]
fn since_boot(wall: Timestamp) -> Duration {
    Duration::try_from(wall.as_duration()).unwrap_or_default()
}

fn reading(clock: ClockId) -> Duration {
    let read = clock_gettime(clock);
    let seconds = u64::try_from(read.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(read.tv_nsec).unwrap_or_default())
}

/// Now in RFC 3339, UTC, milliseconds.
#[must_use]
pub fn rfc3339_now() -> String {
    let now = now();
    let rounded = now.round(Unit::Millisecond).unwrap_or(now);
    format!("{rounded:.3}")
}

/// Now as `20261121T103000Z`, fit for a folder name.
#[must_use]
pub fn compact_now() -> String {
    let full = rfc3339_now();
    let digits: String = full.chars().filter(|c| !matches!(c, '-' | ':')).collect();
    format!("{}Z", digits.split('.').next().unwrap_or(&digits))
}

/// How long ago an RFC 3339 time was; nothing for one that cannot be read or is still to come.
#[must_use]
pub fn age(since: &str) -> Option<Duration> {
    let since: Timestamp = since.parse().ok()?;
    let now = now();
    Duration::try_from(now.duration_since(since)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_milliseconds_and_utc() {
        let now = rfc3339_now();
        assert_eq!(now.len(), "2026-11-21T10:30:00.123Z".len(), "{now}");
        assert!(now.ends_with('Z'), "{now}");
    }

    #[test]
    fn age_is_known_of_the_past_alone() {
        assert!(age("2020-01-01T00:00:00Z").is_some_and(|age| age.as_secs() > 0));
        assert_eq!(age("2999-01-01T00:00:00Z"), None);
        assert_eq!(age("yesterday"), None);
    }

    #[test]
    fn moments_follow_each_other_on_each_clock() {
        let first = moment();
        let second = moment();
        assert!(first.boot <= second.boot && first.monotonic <= second.monotonic);
        assert!(first.monotonic <= first.boot && !first.monotonic.is_zero(), "{first:?}");
        assert_eq!(second.slept_since(&first).as_secs(), 0);
    }

    #[test]
    fn compact_form_sorts_by_time() {
        let now = compact_now();
        assert_eq!(now.len(), "20261121T103000Z".len(), "{now}");
    }
}
