//! How soon the next look may follow the last one: at once as a rule, ever later while the environment
//! fails, or has to be mended again and again.

use std::time::Duration;

use crate::plan::Retry;
use crate::policy::backoff::Backoff;

/// Between two looks, at least.
pub(super) const SHORTEST: Duration = Duration::from_secs(2);
/// Mends in a row that are not held up.
pub(super) const FREE: u32 = 3;
/// An environment that stays up for this long is calm: what happens to it then is a new trouble.
const CALM: Duration = Duration::from_secs(900);
/// Pauses after looks that failed.
const FAILED: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(600));
/// Pauses after mends of what was mended just before.
const MENDED: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(1800));
/// Longest pause after looks in which something stirred, and which changed nothing.
const ECHO: Duration = Duration::from_secs(300);

/// What is remembered of the last looks.
#[derive(Debug)]
pub(super) struct Pace {
    seed: u64,
    failed: Backoff,
    mended: Backoff,
    mends: u32,
    /// When it failed or was mended last.
    troubled: Duration,
    /// Mends are paced until then.
    held: Duration,
    echoes: u32,
}

impl Pace {
    pub(super) fn new(seed: u64) -> Self {
        let (failed, mended) = (delays(FAILED, seed), delays(MENDED, seed));
        let (troubled, held) = (Duration::ZERO, Duration::ZERO);
        Self { seed, failed, mended, mends: 0, troubled, held, echoes: 0 }
    }

    /// Mends in a row, without a calm time between them.
    pub(super) fn mends(&self) -> u32 {
        self.mends
    }

    /// What failed before may work now. What had to be mended again and again is no better.
    pub(super) fn begin_anew(&mut self) {
        (self.failed, self.echoes) = (delays(FAILED, self.seed), 0);
    }

    /// The pause after a look that found or made everything up. `since` is when the trouble was
    /// noticed, and `is_stirred` whether there are news already.
    pub(super) fn up(
        &mut self,
        now: Duration,
        since: Duration,
        has_mended: bool,
        is_stirred: bool,
    ) -> Duration {
        self.failed = delays(FAILED, self.seed);
        if since.saturating_sub(self.troubled) >= CALM {
            (self.mends, self.mended) = (0, delays(MENDED, self.seed));
        }
        if has_mended {
            (self.mends, self.troubled, self.echoes) = (self.mends + 1, now, 0);
            let pause = (self.mends > FREE).then(|| self.mended.next()).flatten();
            self.held = now + pause.unwrap_or(SHORTEST);
        } else {
            self.echoes = if is_stirred { self.echoes.saturating_add(1) } else { 0 };
        }
        let echo = (SHORTEST * 2_u32.pow(self.echoes.min(10))).min(ECHO);
        // A look without effect shortens no pause after a mend.
        self.held.saturating_sub(now).max(echo)
    }

    /// The pause after a look that failed.
    pub(super) fn down(&mut self, now: Duration) -> Duration {
        self.troubled = now;
        self.failed.next().unwrap_or(FAILED.1)
    }
}

fn delays((min, max): (Duration, Duration), seed: u64) -> Backoff {
    Backoff::new(&Retry { attempts: u32::MAX, min, max }, seed)
}
