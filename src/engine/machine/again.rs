//! What a step that was up and is lost leads to, once every step has ended: the same plan from its
//! beginning, or the end of the run as failed. Who looks, and how often, is the loop's.

use std::time::Duration;

use crate::engine::machine::node::Note;
use crate::engine::machine::{Action, Finish, Machine, Turn};
use crate::event::{EventKind, Outcome, State};
use crate::plan::StepId;
use crate::policy::Failure;

/// The exit code of a run whose cluster does not stay.
const LOST: u8 = 1;

impl Machine {
    /// Whether this step was brought up by this run, so that it can be lost.
    #[must_use]
    pub fn is_up(&self, id: &StepId) -> bool {
        let node = self.position(id).map(|at| &self.nodes[at]);
        node.is_some_and(|node| matches!(node.state, State::Ready | State::Succeeded))
    }

    /// Whether recovery of a step came to its end, so that there is nothing left to lose.
    #[must_use]
    pub fn recovery_failed(&self) -> bool {
        self.nodes.iter().any(|node| node.ladder.is_some() && !node.is_met())
    }

    /// Attempts that were begun of this step.
    #[must_use]
    pub fn attempts(&self, id: &StepId) -> u32 {
        self.position(id).map_or(0, |at| self.nodes[at].attempt)
    }

    /// Forgets the run so far, but not its time; the events by which every step goes back.
    pub fn begin_again(&mut self, now: Duration, lost: &StepId) -> Vec<EventKind> {
        let mut turn = Turn { now, actions: Vec::new() };
        for node in &mut self.nodes {
            node.attempt = 0;
            node.began = None;
            let why = format!("gone through again: `{lost}` was lost");
            node.enter(State::Pending, Note::because(why), &mut turn);
        }
        *self = Self::new(self.plan.clone(), self.limits);
        events(turn)
    }

    /// Ends the run as failed because this step does not stay up.
    pub fn lose(
        &mut self,
        now: Duration,
        id: &StepId,
        failure: &Failure,
    ) -> (Finish, Vec<EventKind>) {
        let mut turn = Turn { now, actions: Vec::new() };
        if let Some(at) = self.position(id) {
            let reason = Some(failure.summary.clone());
            let note = Note { reason, code: Some(failure.code), ..Note::default() };
            self.nodes[at].enter(State::Failed, note, &mut turn);
        }
        turn.emit(EventKind::Diagnosis(failure.diagnosis(id.as_str())));
        (Finish { outcome: Outcome::Failed, exit_code: LOST }, events(turn))
    }
}

fn events(turn: Turn) -> Vec<EventKind> {
    let events = turn.actions.into_iter().filter_map(|action| match action {
        Action::Emit(kind) => Some(kind),
        _ => None,
    });
    events.collect()
}
