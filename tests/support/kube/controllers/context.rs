//! What a part of the cluster has at hand in its turn: the settings, the time, what it remembers,
//! and a way to ask for another turn.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::kubelet::PodLife;
use super::settings::Settings;

/// What is known of earlier turns and not written into objects.
#[derive(Default)]
pub(super) struct Memory {
    /// Pods that a kubelet has seen, by their uid.
    pub(super) pods: BTreeMap<String, PodLife>,
    /// Nodes and the images that they pulled.
    pub(super) pulled: BTreeSet<(String, String)>,
    /// Pods and images that are not pulled before a moment, and why.
    pub(super) held_off: BTreeMap<(String, String), (Instant, String)>,
    /// How many addresses were given.
    pub(super) addresses: u32,
    since: BTreeMap<String, (String, Instant)>,
}

/// One turn.
pub(super) struct Context<'t> {
    pub(super) settings: &'t Settings,
    pub(super) memory: &'t mut Memory,
    pub(super) now: Instant,
    due: Option<Instant>,
}

impl<'t> Context<'t> {
    pub(super) fn new(settings: &'t Settings, memory: &'t mut Memory, now: Instant) -> Self {
        Self { settings, memory, now, due: None }
    }

    /// When the next turn is wanted.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether a moment has come; otherwise there is another turn then.
    pub(super) fn is_past(&mut self, moment: Instant) -> bool {
        if moment <= self.now {
            return true;
        }
        self.due = Some(self.due.map_or(moment, |due| due.min(moment)));
        false
    }

    /// The moment after so many seconds of the simulated cluster.
    pub(super) fn after(&self, seconds: u32) -> Instant {
        self.now + self.settings.pace.second * seconds
    }

    /// Whether something has been as it is (`state`) for this long.
    pub(super) fn has_been(&mut self, what: &str, state: &str, long: Duration) -> bool {
        let begin = match self.memory.since.get(what) {
            Some((known, begin)) if known == state => *begin,
            _ => {
                self.memory.since.insert(what.to_owned(), (state.to_owned(), self.now));
                self.now
            }
        };
        self.is_past(begin + long)
    }

    /// The same in seconds of the simulated cluster.
    pub(super) fn has_been_seconds(&mut self, what: &str, state: &str, seconds: u32) -> bool {
        let long = self.settings.pace.second * seconds;
        self.has_been(what, state, long)
    }
}
