//! Holds back the new reasons of a step that waits: a probe that counts or alternates must not fill a
//! log. A reason that still stands when the time is over is said then.

use std::collections::HashMap;

use crate::event::{State, StepState};
use crate::report::board::{Board, Row};
use crate::report::entry::{Entry, Mark};

/// How long a new reason is held back after the last line of its step, in milliseconds; doubles up to
/// [`LONGEST_MS`].
const FIRST_MS: u64 = 1_000;
const LONGEST_MS: u64 = 60_000;

/// What was last said about each waiting step.
#[derive(Default)]
pub(super) struct Holds(HashMap<String, Hold>);

struct Hold {
    said: String,
    at_ms: u64,
    patience_ms: u64,
}

impl Holds {
    /// Whether a state may be said now; remembers that it was.
    pub(super) fn may_say(&mut self, state: &StepState, now_ms: u64) -> bool {
        if state.to != State::Waiting {
            self.0.remove(&state.step);
            return true;
        }
        let reason = state.reason.clone().unwrap_or_default();
        let Some(hold) = self.0.get_mut(&state.step) else {
            let hold = Hold { said: reason, at_ms: now_ms, patience_ms: FIRST_MS };
            self.0.insert(state.step.clone(), hold);
            return true;
        };
        hold.release(&reason, now_ms)
    }

    /// The reasons that were held back and still stand.
    pub(super) fn due(&mut self, board: &Board, now_ms: u64) -> Vec<Entry> {
        let mut due = Vec::new();
        for row in board.rows.iter().filter(|row| row.state == State::Waiting) {
            if self.0.get_mut(&row.id).is_some_and(|hold| hold.release(row.note(), now_ms)) {
                due.push(still_waiting(row));
            }
        }
        due
    }
}

impl Hold {
    fn release(&mut self, reason: &str, now_ms: u64) -> bool {
        let due = self.said != reason && now_ms.saturating_sub(self.at_ms) >= self.patience_ms;
        if due {
            reason.clone_into(&mut self.said);
            self.at_ms = now_ms;
            self.patience_ms = (self.patience_ms * 2).min(LONGEST_MS);
        }
        due
    }
}

fn still_waiting(row: &Row) -> Entry {
    Entry {
        subject: row.id.clone(),
        mark: Mark::State(State::Waiting),
        duration_ms: None,
        code: None,
        text: row.note().to_owned(),
    }
}
