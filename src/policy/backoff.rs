//! How long to wait before the next attempt: exponential, with jitter from a seed. The only user
//! of the crate `backoff`, which is no longer maintained: replacing it is a change of this file.

use std::time::Duration;

use backoff::backoff::Backoff as _;
use backoff::exponential::ExponentialBackoff;
use backoff::{Clock, SystemClock};

use crate::plan::Retry;

/// The delays before the second, third, ... attempt; ends after the last attempt that is allowed.
#[derive(Debug)]
pub struct Backoff {
    policy: ExponentialBackoff<Still>,
    left: u32,
    max: Duration,
    jitter: Jitter,
}

impl Backoff {
    /// Delays for this policy. Equal seeds give equal delays.
    #[must_use]
    pub fn new(retry: &Retry, seed: u64) -> Self {
        // The crate wants an instant to count from. It is read once, here, and `Still` hands it
        // back for ever: no time passes for the policy, so no clock decides about a delay.
        let origin = ExponentialBackoff::<SystemClock>::default().start_time;
        let min = retry.min.min(retry.max);
        let policy = ExponentialBackoff {
            current_interval: min,
            initial_interval: min,
            // Randomness comes from the seed instead.
            randomization_factor: 0.0,
            multiplier: 2.0,
            max_interval: retry.max,
            start_time: origin,
            max_elapsed_time: None,
            clock: Still(origin),
        };
        let left = retry.attempts.saturating_sub(1);
        Self { policy, left, max: retry.max, jitter: Jitter(seed) }
    }
}

impl Iterator for Backoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let nominal = self.policy.next_backoff()?;
        Some(nominal.mul_f64(self.jitter.factor()).min(self.max))
    }
}

/// A clock that stands.
#[derive(Clone, Copy, Debug)]
struct Still(std::time::Instant);

impl Clock for Still {
    fn now(&self) -> std::time::Instant {
        self.0
    }
}

/// Numbers that look random and follow from the seed alone (`SplitMix64`).
#[derive(Debug)]
struct Jitter(u64);

impl Jitter {
    /// Evenly spread over 0.5 to 1: never longer than nominal, never next to nothing.
    fn factor(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        let top = u32::try_from(mixed >> 32).unwrap_or(u32::MAX);
        0.5 + f64::from(top) / f64::from(u32::MAX) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn retry(attempts: u32, min_ms: u64, max_ms: u64) -> Retry {
        Retry { attempts, min: Duration::from_millis(min_ms), max: Duration::from_millis(max_ms) }
    }

    fn millis(retry: &Retry, seed: u64) -> Vec<u128> {
        Backoff::new(retry, seed).map(|delay| delay.as_millis()).collect()
    }

    #[test]
    fn delays_double_up_to_the_longest() {
        let nominal = [1000.0, 2000.0, 4000.0, 5000.0, 5000.0];
        let delays = Backoff::new(&retry(6, 1000, 5000), 7);
        for (delay, nominal) in delays.zip(nominal) {
            let share = delay.as_secs_f64() * 1000.0 / nominal;
            assert!((0.5..=1.0).contains(&share), "{delay:?} of {nominal} ms");
        }
    }

    #[test]
    fn the_sequence_follows_from_the_seed() {
        assert_eq!(millis(&Retry::default(), 0), [470, 715, 1026]);
        assert_eq!(millis(&Retry::default(), 1), [391, 872, 1971]);
        assert_eq!(millis(&retry(7, 1000, 10_000), 42), [870, 1159, 2557, 5376, 5190, 9341]);
    }

    #[test]
    fn one_attempt_has_no_delay() {
        assert!(millis(&retry(1, 10, 20), 3).is_empty());
        assert!(millis(&retry(0, 10, 20), 3).is_empty());
    }

    #[test]
    fn a_first_delay_above_the_longest_is_cut() {
        assert!(millis(&retry(9, 60_000, 10), 3).iter().all(|&delay| delay <= 10));
    }

    proptest! {
        #[test]
        fn every_delay_is_within_half_and_all_of_the_longest(
            attempts in 1_u32..20, min in 0_u64..20_000, max in 0_u64..120_000, seed: u64,
        ) {
            let retry = retry(attempts, min, max);
            let delays: Vec<Duration> = Backoff::new(&retry, seed).collect();
            prop_assert_eq!(delays.len(), attempts as usize - 1);
            for delay in delays {
                prop_assert!(delay <= retry.max);
                prop_assert!(delay + Duration::from_micros(1) >= retry.min.min(retry.max) / 2);
            }
        }
    }
}
