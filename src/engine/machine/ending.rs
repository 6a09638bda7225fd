//! What follows from the end of an attempt: settled, tried again, stopped, or failed for good.

use std::time::Duration;

use crate::engine::machine::node::{Node, Note, Stop};
use crate::engine::machine::{Course, Defeat, Machine, Turn, verdict};
use crate::event::{Diagnosis, EventKind, Fix, State, Verb};
use crate::plan::StepId;
use crate::plan::change::Settle;
use crate::plan::progress::StepEnd;
use crate::policy::escalate::{Escalation, Rung};
use crate::policy::{Class, Failure};

impl Machine {
    pub(super) fn ended(&mut self, id: &StepId, end: StepEnd, turn: &mut Turn) {
        let Some(at) = self.position(id).filter(|&at| self.nodes[at].is_active()) else { return };
        match end {
            StepEnd::Settled { settled, changed } => {
                let to = match settled.end {
                    Settle::Ready => State::Ready,
                    Settle::Succeeded => State::Succeeded,
                };
                let reason = Some(settled.detail).filter(|detail| !detail.is_empty());
                let note = Note { reason, changed: Some(changed), ..Note::default() };
                self.nodes[at].end(to, note, turn);
            }
            StepEnd::Cancelled => self.stopped(at, turn),
            StepEnd::Failed(failure) => self.failed(at, failure, turn),
        }
    }

    fn stopped(&mut self, at: usize, turn: &mut Turn) {
        let node = &self.nodes[at];
        match node.stop {
            Some(Stop::Cancel(by)) => {
                let why = format!("stopped: {}", by.word());
                self.nodes[at].end(State::Cancelled, Note::because(why), turn);
            }
            Some(Stop::Halt(by)) => {
                let why = format!("stopped: `{}` failed", self.nodes[by].step.id);
                self.nodes[at].end(State::Cancelled, Note::because(why), turn);
            }
            Some(Stop::Deadline) => self.fail(at, &self.deadline_failure(at), turn),
            Some(Stop::Overrun) => self.fail(at, &self.overrun_failure(at), turn),
            None => {
                let summary = format!("`{}` stopped although nobody told it to", node.step.id);
                let failure = Failure::new(Class::Internal, "STOPPED_UNASKED", summary);
                self.fail(at, &failure, turn);
            }
        }
    }

    fn failed(&mut self, at: usize, failure: Failure, turn: &mut Turn) {
        let told = self.nodes[at].stop;
        let Some(onset) = self.nodes[at].onset(&failure) else {
            return self.give_up(at, &failure, turn);
        };
        // A tool that is told to stop reports a broken connection or the like.
        if matches!(told, Some(Stop::Cancel(_) | Stop::Halt(_))) {
            return self.stopped(at, turn);
        }
        if told.is_some() {
            return self.give_up(at, &failure, turn);
        }
        let mut remedy = None;
        if let Some(ladder) = &mut self.nodes[at].ladder {
            let Some(escalation) = ladder.next(onset) else {
                let fix = ladder.consent().or(failure.fix);
                return self.give_up(at, &Failure { fix, ..failure }, turn);
            };
            remedy = Some(escalation).filter(|escalation| escalation.rung > Rung::Start);
        }
        match (self.retry_delay(at, turn.now), remedy) {
            (None, _) => self.give_up(at, &failure, turn),
            (Some(delay), None) => self.retry(at, failure, delay, turn),
            (Some(delay), Some(remedy)) => self.escalate(at, failure, (delay, remedy), turn),
        }
    }

    /// The delay before the next attempt, if there is one that begins within the step's time.
    fn retry_delay(&mut self, at: usize, now: Duration) -> Option<Duration> {
        if self.reason_not_to_begin(at).is_some() {
            return None;
        }
        let node = &mut self.nodes[at];
        let delay = node.backoff.next()?;
        let limit = node.until.unwrap_or(self.limits.deadline).min(self.limits.deadline);
        (now + delay < limit).then_some(delay)
    }

    fn retry(&mut self, at: usize, failure: Failure, delay: Duration, turn: &mut Turn) {
        let node = &mut self.nodes[at];
        node.tried.push(match node.ladder {
            Some(_) => tried(node, &failure),
            None => format!(
                "attempt {}: {} (tried again after {})",
                node.attempt,
                failure.summary,
                verdict::span(delay)
            ),
        });
        node.wait_for_next(State::Retrying, failure, delay, turn);
    }

    fn escalate(
        &mut self,
        at: usize,
        failure: Failure,
        (delay, remedy): (Duration, Escalation),
        turn: &mut Turn,
    ) {
        let node = &mut self.nodes[at];
        node.tried.push(tried(node, &failure));
        node.rung = remedy.rung;
        let reason = format!("{}: {}", remedy.reason, failure.summary);
        node.wait_for_next(State::Escalating, failure, delay, turn);
        turn.emit(EventKind::Escalation {
            step: node.step.id.to_string(),
            rung: node.rung.to_string(),
            reason,
            attempt: node.attempt + 1,
        });
    }

    /// Ends a step with the failure of its last attempt.
    fn give_up(&mut self, at: usize, failure: &Failure, turn: &mut Turn) {
        let node = &mut self.nodes[at];
        if node.ladder.is_some() && node.attempt > 1 {
            node.tried.push(tried(node, failure));
        }
        self.fail(at, failure, turn);
    }

    /// Ends a step for whose next attempt no time is left with what made it necessary.
    pub(super) fn fail_with_last(&mut self, at: usize, turn: &mut Turn) {
        let known = self.nodes[at].last_failure.take();
        let failure = known.unwrap_or_else(|| self.deadline_failure(at));
        self.fail(at, &failure, turn);
    }

    /// Ends a step as failed for good, with its diagnosis and what follows for the run.
    fn fail(&mut self, at: usize, failure: &Failure, turn: &mut Turn) {
        let node = &mut self.nodes[at];
        // A bug is never a detail, whatever the step is worth.
        let counts = !node.step.optional || failure.class == Class::Internal;
        let to = if counts { State::Failed } else { State::Degraded };
        let by_deadline = failure.class == Class::Timeout
            && (node.stop == Some(Stop::Deadline) || node.bound_by_run && node.is_late(turn.now));
        let reason = Some(failure.summary.clone());
        node.end(to, Note { reason, code: Some(failure.code), ..Note::default() }, turn);
        let diagnosis = self.diagnosis(at, failure);
        turn.emit(EventKind::Diagnosis(diagnosis));
        let exit_code = verdict::exit_code_of(self.limits.verb, failure.class);
        self.defeats.push(Defeat { at, exit_code, counts, by_deadline });
        if counts && self.course == Course::Free && self.limits.verb == Verb::Start {
            self.halt(at, turn);
        }
    }

    fn diagnosis(&self, at: usize, failure: &Failure) -> Diagnosis {
        let node = &self.nodes[at];
        let behind = self.plan.plan().all_dependents(&node.step.id).into_iter();
        let blocks = behind
            .filter(|id| self.position(id).is_some_and(|other| self.nodes[other].is_unbegun()))
            .map(|id| id.to_string());
        Diagnosis {
            blocks: blocks.collect(),
            tried: node.tried.clone(),
            ..failure.diagnosis(node.step.id.as_str())
        }
    }

    fn deadline_failure(&self, at: usize) -> Failure {
        let id = &self.nodes[at].step.id;
        let deadline = verdict::span(self.limits.deadline);
        let summary = match &self.nodes[at].waiting {
            Some(reason) => format!("`{id}` still waited when the {deadline} were over: {reason}"),
            None => format!("`{id}` was still at work when the {deadline} were over"),
        };
        let longer = verdict::span(self.limits.deadline * 2);
        let verb = match self.limits.verb {
            Verb::Start => "start",
            Verb::Stop => "stop",
            Verb::Reset => "reset",
            Verb::Purge => "reset --purge",
            Verb::Fix => "doctor --fix",
        };
        self.late(at, Failure::new(Class::Timeout, "DEADLINE", summary))
            .fix(Fix::safe(format!("mlup {verb} --timeout {longer}")))
    }

    fn overrun_failure(&self, at: usize) -> Failure {
        let step = &self.nodes[at].step;
        let limit = verdict::span(step.timeout.unwrap_or(self.limits.deadline));
        let summary = format!("`{}` did not end within its limit of {limit}", step.id);
        self.late(at, Failure::new(Class::Timeout, "STEP_TIMEOUT", summary))
            .fix(Fix::safe(format!("raise `timeout` of `{}` in mlup.toml", step.id)))
    }

    /// Adds what the step was last known to do.
    fn late(&self, at: usize, mut failure: Failure) -> Failure {
        let node = &self.nodes[at];
        if let Some(reason) = &node.waiting {
            failure = failure.because("waiting for", reason.clone());
        }
        if let Some(last) = &node.last_failure {
            failure = failure.because("last attempt", last.summary.clone());
            failure.evidence.extend(last.evidence.iter().cloned());
            failure.evidence.truncate(5);
        }
        failure
    }
}

/// An attempt that failed, and the remedy that it was.
fn tried(node: &Node, failure: &Failure) -> String {
    format!("attempt {} ({}): {}", node.attempt, node.rung, failure.summary)
}
