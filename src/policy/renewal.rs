//! When a registry may be asked for a password by a watch that runs for weeks: often enough that no
//! password ends while somebody works, and so rarely that nobody is pestered. Pure: moments come in.

use std::time::Duration;

use jiff::Timestamp;

use super::moment::Moment;
use super::{Class, Failure};

/// How long a password counts as living where nobody says it: that of ECR, the most common one.
const LIFE: Duration = Duration::from_secs(12 * 3600);
/// How many requests may be answered within one life of a password: one when half of it is over,
/// one at its end, and one more for what goes wrong.
const MOST: usize = 3;
/// How long a request that was refused is not made again, at the least.
const REFUSED: Duration = Duration::from_secs(300);
/// Pauses after requests that reached nobody, while the password still lives.
const PATIENT: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(600));
/// The same once it has ended: a network that comes back after a sleep is there within minutes.
const URGENT: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(300));
/// How many of the urgent ones follow each other before they grow.
const URGENT_TRIES: u32 = 40;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// With a password that lives until then, where that is known.
    Given(Option<Timestamp>),
    /// Somebody answered, and said no.
    Refused,
    /// Nobody was reached, or nobody can tell.
    Unreached,
}

impl Answer {
    /// What a failure says about the one who was asked.
    #[must_use]
    pub fn of(failure: &Failure) -> Self {
        // Commands are not known to have reached anybody when they fail.
        let is_command = failure.code.starts_with("REGISTRY_EXEC");
        let may_pass = matches!(failure.class, Class::Transient | Class::Timeout);
        if is_command || may_pass { Self::Unreached } else { Self::Refused }
    }
}

/// What is remembered of one registry.
#[derive(Clone, Debug, Default)]
pub struct Renewal {
    given: Option<Given>,
    /// When requests were answered, on the boot clock, oldest first.
    answered: Vec<Duration>,
    /// Requests in a row that reached nobody.
    unreached: u32,
    /// Before this nobody is asked, on the boot clock.
    not_before: Duration,
}

/// A password that was given.
#[derive(Clone, Copy, Debug)]
struct Given {
    at: Moment,
    ends: Option<Timestamp>,
}

impl Given {
    fn life(self) -> Duration {
        let life = self.ends.map(|end| end.duration_since(self.at.wall));
        life.and_then(|life| Duration::try_from(life).ok()).unwrap_or(LIFE)
    }
}

impl Renewal {
    /// Whether the password that was given last is less than half of its life old, so that it can
    /// be used again; one of which nobody knows how long it lives, a third of the usual one. The boot
    /// clock tells its age: nobody sets it.
    #[must_use]
    pub fn is_fresh(&self, now: &Moment) -> bool {
        let fresh = |given: Given| {
            let age = now.boot.saturating_sub(given.at.boot);
            age < if given.ends.is_some() { given.life() / 2 } else { LIFE / 3 }
        };
        self.given.is_some_and(fresh)
    }

    /// From when on the registry may be asked, on the boot clock; now or earlier if it may.
    #[must_use]
    pub fn not_before(&self, now: &Moment) -> Duration {
        let life = self.life();
        let recent = || self.answered.iter().filter(|at| now.boot.saturating_sub(**at) < life);
        let count = recent().count();
        let oldest = (count >= MOST).then(|| recent().nth(count - MOST)).flatten();
        oldest.map_or(Duration::ZERO, |at| *at + life).max(self.not_before)
    }

    /// Takes note of a request that ended now.
    pub fn asked(&mut self, now: &Moment, answer: Answer) {
        match answer {
            Answer::Given(ends) => {
                self.note_answer(now);
                self.given = Some(Given { at: *now, ends });
                (self.unreached, self.not_before) = (0, Duration::ZERO);
            }
            Answer::Refused => {
                self.note_answer(now);
                // The rest of its life is halved with each request, not spent on the first minutes.
                let pause = (self.left(now) / 2).max(REFUSED.min(self.life() / 8));
                (self.unreached, self.not_before) = (0, now.boot + pause);
            }
            Answer::Unreached => {
                self.not_before = now.boot + self.pause(self.left(now).is_zero());
                self.unreached = self.unreached.saturating_add(1);
            }
        }
    }

    /// The machine woke: what was not to be reached before may be reached now.
    pub fn woke(&mut self) {
        if self.unreached > 0 {
            (self.unreached, self.not_before) = (0, Duration::ZERO);
        }
    }

    fn note_answer(&mut self, now: &Moment) {
        self.answered.push(now.boot);
        // More are never looked at.
        self.answered.drain(..self.answered.len().saturating_sub(MOST));
    }

    fn life(&self) -> Duration {
        self.given.map_or(LIFE, Given::life)
    }

    /// How long the password that was given last still lives.
    fn left(&self, now: &Moment) -> Duration {
        let left =
            |given: Given| given.life().saturating_sub(now.boot.saturating_sub(given.at.boot));
        self.given.filter(|given| given.ends.is_some()).map(left).unwrap_or_default()
    }

    fn pause(&self, has_ended: bool) -> Duration {
        let ((first, longest), flat) =
            if has_ended { (URGENT, URGENT_TRIES) } else { (PATIENT, 0) };
        let doublings = self.unreached.saturating_sub(flat).min(16);
        (first * 2_u32.pow(doublings)).min(longest).min(self.life() / 8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3600;

    /// A machine that does not sleep, this long after some beginning.
    fn at(seconds: u64) -> Moment {
        let since = Duration::from_secs(seconds);
        let wall = Timestamp::from_second(1_700_000_000 + i64::try_from(seconds).unwrap()).unwrap();
        Moment { wall, boot: since, monotonic: since }
    }

    fn given_at(seconds: u64, life: u64) -> Renewal {
        let mut renewal = Renewal::default();
        renewal.asked(&at(seconds), Answer::Given(Some(at(seconds + life).wall)));
        renewal
    }

    fn may_ask(renewal: &Renewal, seconds: u64) -> bool {
        renewal.not_before(&at(seconds)) <= at(seconds).boot
    }

    #[test]
    fn a_password_is_used_again_for_half_of_its_life() {
        let renewal = given_at(0, 12 * HOUR);
        assert!(renewal.is_fresh(&at(6 * HOUR - 1)));
        assert!(!renewal.is_fresh(&at(6 * HOUR)));
    }

    #[test]
    fn a_password_without_a_known_end_is_compared_six_times_a_day() {
        let mut endless = Renewal::default();
        endless.asked(&at(0), Answer::Given(None));
        assert!(endless.is_fresh(&at(4 * HOUR - 1)));
        assert!(!endless.is_fresh(&at(4 * HOUR)));
    }

    #[test]
    fn a_wall_clock_that_is_set_makes_a_password_neither_old_nor_young() {
        let renewal = given_at(HOUR, 12 * HOUR);
        for wrong in [0, 24 * HOUR] {
            assert!(renewal.is_fresh(&Moment { wall: at(wrong).wall, ..at(2 * HOUR) }));
            assert!(!renewal.is_fresh(&Moment { wall: at(wrong).wall, ..at(8 * HOUR) }));
        }
    }

    #[test]
    fn three_answers_a_life_are_the_most() {
        let mut renewal = given_at(0, 12 * HOUR);
        for seconds in [60, 120] {
            assert!(may_ask(&renewal, seconds));
            renewal.asked(&at(seconds), Answer::Given(Some(at(seconds + 12 * HOUR).wall)));
        }
        assert!(!may_ask(&renewal, 180));
        assert_eq!(renewal.not_before(&at(180)), Duration::from_secs(12 * HOUR));
        assert!(may_ask(&renewal, 12 * HOUR));
    }

    #[test]
    fn a_refusal_halves_what_is_left_of_the_life() {
        let mut renewal = given_at(0, 12 * HOUR);
        renewal.asked(&at(6 * HOUR), Answer::Refused);
        assert_eq!(renewal.not_before(&at(6 * HOUR)), Duration::from_secs(9 * HOUR));
        renewal.asked(&at(9 * HOUR), Answer::Refused);
        assert_eq!(renewal.not_before(&at(9 * HOUR)), Duration::from_secs(12 * HOUR));
    }

    #[test]
    fn who_is_not_reached_is_tried_often_once_the_password_has_ended() {
        let mut renewal = given_at(0, 12 * HOUR);
        let woke = 20 * HOUR;
        renewal.asked(&at(woke), Answer::Unreached);
        for n in 1..40 {
            let next = woke + n * 15;
            assert_eq!(renewal.not_before(&at(next)), Duration::from_secs(next), "try {n}");
            renewal.asked(&at(next), Answer::Unreached);
        }
        let (last, mut now) = (woke + 40 * 15, woke + 40 * 15);
        for _ in 0..8 {
            renewal.asked(&at(now), Answer::Unreached);
            now = renewal.not_before(&at(now)).as_secs();
        }
        assert!(now - last > 15 * 60, "the tries get rarer: 8 in {} s", now - last);
        renewal.woke();
        assert!(may_ask(&renewal, last + 61));
    }

    #[test]
    fn while_it_lives_who_is_not_reached_is_tried_ever_more_rarely() {
        let mut renewal = given_at(0, 12 * HOUR);
        let (mut now, mut pauses) = (6 * HOUR, Vec::new());
        for _ in 0..7 {
            renewal.asked(&at(now), Answer::Unreached);
            let next = renewal.not_before(&at(now)).as_secs();
            pauses.push(next - now);
            now = next;
        }
        assert_eq!(pauses, [30, 60, 120, 240, 480, 600, 600]);
    }

    #[test]
    fn a_failure_tells_whether_somebody_answered() {
        let failure = |class, code| Failure::new(class, code, "");
        for (class, code, answer) in [
            (Class::Transient, "ECR_UNREACHABLE", Answer::Unreached),
            (Class::Prerequisite, "REGISTRY_EXEC_FAILED", Answer::Unreached),
            (Class::Timeout, "REGISTRY_EXEC_TIMEOUT", Answer::Unreached),
            (Class::Prerequisite, "AWS_LOGIN_EXPIRED", Answer::Refused),
        ] {
            assert_eq!(Answer::of(&failure(class, code)), answer, "{code}");
        }
    }
}
