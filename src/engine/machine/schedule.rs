//! Which steps begin, which never will, and when the run is over.

use std::time::Duration;

use crate::engine::machine::node::{Note, Stop};
use crate::engine::machine::{Action, Cancel, Course, Machine, Turn};
use crate::event::State;
use crate::plan::StepId;

impl Machine {
    /// Says of every step that cannot begin at once why not.
    pub(super) fn begin(&mut self, turn: &mut Turn) {
        for at in 0..self.nodes.len() {
            if let Some(why) = self.nodes[at].left_out.clone() {
                self.nodes[at].end(State::Skipped, Note::because(why), turn);
                continue;
            }
            let node = &self.nodes[at];
            let waits = node.needs.iter().chain(&node.after).map(|&need| &self.nodes[need]);
            let blocked_by: Vec<String> = waits
                .filter(|need| need.left_out.is_none())
                .map(|need| need.step.id.to_string())
                .collect();
            if !blocked_by.is_empty() {
                let blocked = Note { blocked_by, ..Note::default() };
                self.nodes[at].enter(State::Blocked, blocked, turn);
            }
        }
    }

    /// Begins and rules out all that the present states allow. The nodes are in topological order,
    /// so one pass carries a failure to everything behind it.
    pub(super) fn advance(&mut self, turn: &mut Turn) {
        self.end_retries(turn);
        for at in 0..self.nodes.len() {
            if self.nodes[at].is_unbegun() {
                self.consider(at, turn);
            } else if self.is_due(at, turn.now) {
                self.try_start(at, turn);
            }
        }
        if self.nodes.iter().all(|node| node.state.is_end()) {
            self.finish(turn);
        }
    }

    fn consider(&mut self, at: usize, turn: &mut Turn) {
        let node = &self.nodes[at];
        let lost = node
            .needs
            .iter()
            .copied()
            .find(|&need| self.nodes[need].state.is_end() && !self.nodes[need].is_met());
        if let Some(lost) = lost {
            return self.end_for_want_of(at, lost, turn);
        }
        let met = node.needs.iter().all(|&need| self.nodes[need].is_met());
        let over = node.after.iter().all(|&other| self.nodes[other].state.is_end());
        if !(met && over) {
            return;
        }
        match self.reason_not_to_begin(at) {
            Some((to, why)) => self.nodes[at].end(to, Note::because(why), turn),
            None => self.try_start(at, turn),
        }
    }

    /// Ends a step that was not run because one that it needs is not there.
    fn end_for_want_of(&mut self, at: usize, lost: usize, turn: &mut Turn) {
        let root = self.nodes[lost].root.unwrap_or(lost);
        self.nodes[at].root = Some(root);
        let cause = &self.nodes[root];
        let (id, to, what) = match (cause.state, self.course) {
            (State::Failed | State::Degraded, _) => (&cause.step.id, State::Skipped, "failed"),
            (_, Course::Cancelled(_)) => (&cause.step.id, State::Cancelled, "was stopped"),
            (State::Cancelled, _) => (&cause.step.id, State::Skipped, "was stopped"),
            _ => (&cause.step.id, State::Skipped, "was not run"),
        };
        let reason = Some(format!("`{id}` {what}"));
        let note = Note { reason, blocked_by: vec![id.to_string()], ..Note::default() };
        self.nodes[at].end(to, note, turn);
    }

    /// Why the course of the run rules out another attempt of this step, and how it then ends.
    pub(super) fn reason_not_to_begin(&self, at: usize) -> Option<(State, String)> {
        let node = &self.nodes[at];
        let (unrun, what) = if node.attempt > 0 {
            (State::Cancelled, "not tried again")
        } else {
            (State::Skipped, "not begun")
        };
        match self.course {
            Course::Free => None,
            Course::Halted(_) if node.step.only_looks() => None,
            Course::Halted(by) => {
                Some((unrun, format!("{what}: `{}` failed", self.nodes[by].step.id)))
            }
            Course::OutOfTime => Some((unrun, format!("{what}: the deadline passed"))),
            Course::Cancelled(by) => Some((State::Cancelled, format!("{what}: {}", by.word()))),
        }
    }

    fn is_due(&self, at: usize, now: Duration) -> bool {
        let node = &self.nodes[at];
        node.is_between_attempts() && node.retry_at.is_none_or(|due| now >= due)
    }

    fn try_start(&mut self, at: usize, turn: &mut Turn) {
        let busy = self.nodes.iter().filter(|node| node.is_active());
        let taken = self.nodes[at].step.exclusive.as_ref().is_some_and(|resource| {
            busy.clone().any(|node| node.step.exclusive.as_ref() == Some(resource))
        });
        if taken || busy.count() >= self.limits.jobs.max(1) {
            return;
        }
        let is_first = self.nodes[at].until.is_none();
        let (until, bound_by_run) = self.limit(at, turn.now);
        let node = &mut self.nodes[at];
        node.until = Some(until);
        node.bound_by_run = bound_by_run;
        node.start(until, turn);
        if is_first && !bound_by_run {
            let after = until.saturating_sub(turn.now) + self.limits.margin();
            turn.actions.push(Action::Wake { step: node.step.id.clone(), after });
        }
    }

    /// The end of a step's time, and whether it is the run's. A little before the deadline the run
    /// keeps time for steps to tell what they saw; a step that begins later gets what is left.
    fn limit(&self, at: usize, now: Duration) -> (Duration, bool) {
        let node = &self.nodes[at];
        if let Some(until) = node.until {
            return (until, node.bound_by_run);
        }
        let early = self.limits.deadline.saturating_sub(self.limits.margin());
        let run = if now < early { early } else { self.limits.deadline };
        match node.step.timeout.map(|timeout| now.saturating_add(timeout)) {
            Some(own) if own < run => (own, false),
            _ => (run, true),
        }
    }

    /// A delay is over: either the next attempt is due, which `advance` sees, or a step has
    /// overrun its time without ending by itself.
    pub(super) fn woken(&mut self, id: &StepId, turn: &mut Turn) {
        let Some(at) = self.position(id) else { return };
        let margin = self.limits.margin();
        let node = &mut self.nodes[at];
        let overrun = !node.bound_by_run
            && node.until.is_some_and(|until| turn.now >= until.saturating_add(margin));
        if overrun {
            node.tell_to_stop(Stop::Overrun, turn);
        }
    }

    /// After a required step failed: nothing is changed any more.
    pub(super) fn halt(&mut self, by: usize, turn: &mut Turn) {
        self.course = Course::Halted(by);
        for node in self.nodes.iter_mut().filter(|node| !node.step.only_looks()) {
            node.tell_to_stop(Stop::Halt(by), turn);
        }
        self.end_retries(turn);
    }
}

impl Cancel {
    /// What happened to the run, in one word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Interrupt => "interrupted",
            Self::Terminate => "terminated",
        }
    }
}
