//! How a tunnel stands, and whether and when it is made again once its connection broke. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::event::{TunnelStage, TunnelState};
use crate::plan::Retry;
use crate::policy::backoff::Backoff;
use crate::policy::{Class, Failure};

/// How a tunnel stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// What it is at.
    pub stage: Stage,
    /// How often it was made again.
    pub restarts: u32,
    /// Attempts to make it again since it broke.
    pub attempts: u32,
}

/// What a tunnel is at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It is being made for the first time.
    Connecting,
    /// These ports of this machine lead to the other one.
    Up(BTreeSet<u16>),
    /// It broke, and is being made again.
    Down(Failure),
    /// It is not made again.
    Over(Failure),
}

impl Default for Tunnel {
    fn default() -> Self {
        Self { stage: Stage::Connecting, restarts: 0, attempts: 0 }
    }
}

impl Tunnel {
    /// It is tried to make it again.
    pub fn begin_attempt(&mut self) {
        self.attempts += 1;
    }

    /// Stands like this from now on; what there is to tell, which is nothing while it only goes on.
    pub fn turn(&mut self, destination: &str, stage: Stage) -> Option<TunnelState> {
        let (from, to) = (self.stage.kind(), stage.kind());
        self.stage = stage;
        if from == to {
            return None;
        }
        let trouble = self.stage.trouble();
        let told = TunnelState {
            destination: destination.to_owned(),
            from,
            to,
            reason: trouble.map(|failure| failure.summary.clone()),
            code: trouble.map(|failure| failure.code.to_owned()),
            attempt: self.attempts,
        };
        if to == TunnelStage::Up {
            self.restarts += u32::from(from == TunnelStage::Down);
            self.attempts = 0;
        }
        Some(told)
    }
}

impl Stage {
    /// The stage alone.
    #[must_use]
    pub fn kind(&self) -> TunnelStage {
        match self {
            Self::Connecting => TunnelStage::Connecting,
            Self::Up(_) => TunnelStage::Up,
            Self::Down(_) => TunnelStage::Down,
            Self::Over(_) => TunnelStage::Over,
        }
    }

    /// Why it is not up, where something is wrong.
    #[must_use]
    pub fn trouble(&self) -> Option<&Failure> {
        match self {
            Self::Connecting | Self::Up(_) => None,
            Self::Down(failure) | Self::Over(failure) => Some(failure),
        }
    }
}

/// What to do once a connection has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Make it again after this long.
    Again(Duration),
    /// Leave it.
    Never,
}

/// Decides how patiently a tunnel is made again.
#[derive(Debug)]
pub struct Patience {
    delays: Backoff,
    seed: u64,
    was_up: bool,
}

impl Patience {
    /// Equal seeds give equal delays.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { delays: delays(seed), seed, was_up: false }
    }

    /// The tunnel is up: what went wrong before counts no more.
    pub fn came_up(&mut self) {
        self.was_up = true;
        self.begin_anew();
    }

    /// What was in the way may have gone: the next attempts are quick again.
    pub fn begin_anew(&mut self) {
        self.delays = delays(self.seed);
    }

    /// What follows from the end of a connection. One that never came up is the caller's to try
    /// again, and a machine that shows another key than before is no longer trusted; everything else
    /// may pass: a machine that restarts, an agent that is locked, a line that is down.
    pub fn after(&mut self, failure: &Failure) -> Next {
        let is_another_machine = failure.class == Class::Refused && failure.code != "PORT_TAKEN";
        if !self.was_up || is_another_machine {
            return Next::Never;
        }
        self.delays.next().map_or(Next::Never, Next::Again)
    }
}

/// Quick at first, for most breaks are short; twice a minute at the slowest.
fn delays(seed: u64) -> Backoff {
    let (min, max) = (Duration::from_millis(250), Duration::from_secs(30));
    Backoff::new(&Retry { attempts: u32::MAX, min, max }, seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost() -> Failure {
        Failure::new(Class::Transient, "SSH_CONNECTION_LOST", "lost")
    }

    fn delay(next: Next) -> Duration {
        let Next::Again(delay) = next else { panic!("it is given up") };
        delay
    }

    #[test]
    fn what_is_told_is_that_it_turns_and_how_long_that_took() {
        let mut tunnel = Tunnel::default();
        let up = || Stage::Up(BTreeSet::from([6443]));
        let told = tunnel.turn("vm", up()).unwrap();
        assert_eq!((told.from, told.to), (TunnelStage::Connecting, TunnelStage::Up));
        assert_eq!(tunnel.turn("vm", Stage::Up(BTreeSet::from([6443, 30_080]))), None);
        let told = tunnel.turn("vm", Stage::Down(lost())).unwrap();
        assert_eq!((told.to, told.attempt), (TunnelStage::Down, 0));
        assert_eq!(told.code.as_deref(), Some("SSH_CONNECTION_LOST"));
        tunnel.begin_attempt();
        assert_eq!(tunnel.turn("vm", Stage::Down(lost())), None);
        tunnel.begin_attempt();
        assert_eq!(tunnel.restarts, 0, "what was tried was not made");
        let told = tunnel.turn("vm", up()).unwrap();
        assert_eq!((told.from, told.attempt, told.reason), (TunnelStage::Down, 2, None));
        assert_eq!((tunnel.restarts, tunnel.attempts), (1, 0));
    }

    #[test]
    fn a_tunnel_that_never_came_up_is_the_callers_to_try_again() {
        assert_eq!(Patience::new(1).after(&lost()), Next::Never);
    }

    #[test]
    fn one_that_was_up_is_made_again_ever_more_slowly_until_it_is_up_again() {
        let mut patience = Patience::new(1);
        patience.came_up();
        let first = delay(patience.after(&lost()));
        let denied = Failure::new(Class::Prerequisite, "SSH_DENIED", "the agent is locked");
        let later: Vec<Duration> = (0..10).map(|_| delay(patience.after(&denied))).collect();
        assert!(first <= Duration::from_millis(250) && later.iter().all(|delay| *delay >= first));
        assert!(later[9] >= Duration::from_secs(15) && later[9] <= Duration::from_secs(30));
        patience.came_up();
        assert_eq!(delay(patience.after(&lost())), first);
    }

    #[test]
    fn a_machine_with_another_host_key_is_left_alone() {
        let mut patience = Patience::new(1);
        patience.came_up();
        let changed = Failure::new(Class::Refused, "SSH_HOST_KEY_CHANGED", "changed");
        assert_eq!(patience.after(&changed), Next::Never);
        let taken = Failure::new(Class::Refused, "PORT_TAKEN", "taken in between");
        assert!(matches!(patience.after(&taken), Next::Again(_)));
    }
}
