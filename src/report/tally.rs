//! What came of a run, for a program that goes on: the steps that changed something, and what is in the
//! way. Shows nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::event::{Diagnosis, Event};
use crate::report::{Board, Report};

/// A handle on the count of one run; clones share it.
#[derive(Clone, Default)]
pub struct Tally(Arc<Mutex<Board>>);

impl Tally {
    /// The steps that changed something outside mlup.
    #[must_use]
    pub fn changed(&self) -> Vec<String> {
        let board = self.board();
        let changed = board.rows.iter().filter(|row| row.changed && row.is_up());
        changed.map(|row| row.id.clone()).collect()
    }

    /// The first root cause of what is not up.
    #[must_use]
    pub fn cause(&self) -> Option<Diagnosis> {
        let board = self.board();
        let is_left =
            |diagnosis: &&Diagnosis| board.row(&diagnosis.step).is_none_or(|row| !row.is_up());
        board.diagnoses.iter().find(is_left).cloned()
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Report for Tally {
    fn event(&mut self, event: &Event) {
        self.board().apply(event);
    }

    fn tick(&mut self, _elapsed_ms: u64) {}

    fn finish(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_run_that_failed_has_a_cause() {
        let mut tally = Tally::default();
        for event in &fixture::failed_start() {
            tally.event(event);
        }
        assert_eq!(tally.cause().map(|cause| cause.code), Some("PORT_TAKEN".to_owned()));
    }

    #[test]
    fn a_run_that_got_ready_has_changed_something_and_has_no_cause() {
        let mut tally = Tally::default();
        for event in &fixture::cold_start() {
            tally.event(event);
        }
        assert_eq!(tally.cause(), None);
        assert!(!tally.changed().is_empty());
    }
}
