//! One step as the machine sees it: its state, and the event of every transition. Whether it may
//! move is decided in `schedule` and `ending`.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::machine::{Action, Cancel, Limits, Turn};
use crate::event::{EventKind, Phase, Recovery, State, StepState, Verb};
use crate::plan::{Selected, Step, millis};
use crate::policy::Failure;
use crate::policy::backoff::Backoff;
use crate::policy::escalate::{Ladder, Onset, Rung};

/// Why a running step was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    Cancel(Cancel),
    Deadline,
    /// The required step at this position failed.
    Halt(usize),
    /// Its own time is over and it did not end by itself.
    Overrun,
}

/// One step and all that is known about its course.
#[derive(Debug)]
pub(super) struct Node {
    pub step: Arc<Step>,
    pub needs: Vec<usize>,
    pub after: Vec<usize>,
    pub state: State,
    /// Why the user's choice leaves it out.
    pub left_out: Option<String>,
    pub attempt: u32,
    /// The remedy of the present or next attempt.
    pub rung: Rung,
    pub began: Option<Duration>,
    pub ended: Option<Duration>,
    /// The end of its time over all attempts; known from the first attempt on.
    pub until: Option<Duration>,
    /// Whether that end is the run's and not its own.
    pub bound_by_run: bool,
    /// What it said last that it waits for.
    pub waiting: Option<String>,
    pub stop: Option<Stop>,
    /// When the next attempt is due.
    pub retry_at: Option<Duration>,
    pub last_failure: Option<Failure>,
    pub tried: Vec<String>,
    pub backoff: Backoff,
    /// How stronger remedies follow; `None` for steps that have no stronger one.
    pub ladder: Option<Ladder>,
    /// The step because of which this one was not run.
    pub root: Option<usize>,
    phase: Option<Phase>,
}

/// What an event says beside the two states.
#[derive(Debug, Default)]
pub(super) struct Note {
    pub reason: Option<String>,
    pub changed: Option<bool>,
    pub code: Option<&'static str>,
    pub retry_in: Option<Duration>,
    pub blocked_by: Vec<String>,
}

impl Note {
    pub(super) fn because(reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..Self::default() }
    }
}

impl Node {
    pub(super) fn new(step: &Arc<Step>, plan: &Selected, limits: &Limits) -> Self {
        let positions = |ids: &[crate::plan::StepId]| {
            ids.iter().filter_map(|id| plan.plan().position(id)).collect()
        };
        Self {
            step: Arc::clone(step),
            needs: positions(&step.needs),
            after: positions(&step.after),
            state: State::Pending,
            left_out: plan.left_out(&step.id).map(str::to_owned),
            attempt: 0,
            rung: Rung::Start,
            began: None,
            ended: None,
            until: None,
            bound_by_run: false,
            waiting: None,
            stop: None,
            retry_at: None,
            last_failure: None,
            tried: Vec::new(),
            backoff: Backoff::new(&step.retry, limits.seed ^ fingerprint(step.id.as_str())),
            // Taking down is the gentle and the hard way by itself.
            ladder: step.ladder.filter(|_| limits.verb == Verb::Start).map(Ladder::new),
            root: None,
            phase: None,
        }
    }

    /// Whether an attempt is under way.
    pub(super) fn is_active(&self) -> bool {
        matches!(self.state, State::Running | State::Waiting)
    }

    /// Whether no attempt has been made and none is ruled out.
    pub(super) fn is_unbegun(&self) -> bool {
        matches!(self.state, State::Pending | State::Blocked)
    }

    /// Whether an attempt failed and the next one is not due yet.
    pub(super) fn is_between_attempts(&self) -> bool {
        matches!(self.state, State::Retrying | State::Escalating)
    }

    /// Where recovery from this failure begins; `None` where no further attempt helps.
    pub(super) fn onset(&self, failure: &Failure) -> Option<Onset> {
        // What may pass and names no onset is not the cluster's: no reason for a stronger remedy.
        let may_pass = failure.class.is_retryable().then_some(Onset::Wait);
        failure.onset.filter(|_| self.ladder.is_some()).or(may_pass)
    }

    /// What brought it up, if that was more than a plain start.
    pub(super) fn recovery(&self) -> Option<Recovery> {
        let failure = self.last_failure.as_ref()?;
        (self.is_met() && self.rung > Rung::Start).then(|| Recovery {
            step: self.step.id.to_string(),
            attempt: self.attempt,
            rung: self.rung.to_string(),
            reason: failure.summary.clone(),
        })
    }

    /// Whether what needs this step may begin.
    pub(super) fn is_met(&self) -> bool {
        matches!(self.state, State::Ready | State::Succeeded) || self.left_out.is_some()
    }

    /// Whether its time is over.
    pub(super) fn is_late(&self, now: Duration) -> bool {
        self.until.is_some_and(|until| now >= until)
    }

    /// Time since its first attempt began.
    pub(super) fn busy(&self, now: Duration) -> Duration {
        self.began.map_or(Duration::ZERO, |began| now.saturating_sub(began))
    }

    pub(super) fn enter(&mut self, to: State, note: Note, turn: &mut Turn) {
        let from = std::mem::replace(&mut self.state, to);
        turn.emit(EventKind::StepState(StepState {
            step: self.step.id.to_string(),
            from,
            to,
            reason: note.reason,
            attempt: self.attempt,
            duration_ms: millis(self.busy(turn.now)),
            phase: self.phase.filter(|_| to == State::Running),
            changed: note.changed,
            code: note.code.map(str::to_owned),
            retry_in_ms: note.retry_in.map(millis),
            blocked_by: note.blocked_by,
        }));
    }

    /// Enters a state that it will not leave.
    pub(super) fn end(&mut self, to: State, note: Note, turn: &mut Turn) {
        self.ended = Some(turn.now);
        self.enter(to, note, turn);
    }

    pub(super) fn enter_phase(&mut self, phase: Phase, turn: &mut Turn) {
        let is_new = self.phase != Some(phase) || self.state == State::Waiting;
        if self.is_active() && is_new {
            self.phase = Some(phase);
            self.enter(State::Running, Note::default(), turn);
        }
    }

    pub(super) fn enter_waiting(&mut self, reason: String, turn: &mut Turn) {
        let is_new = self.state != State::Waiting || self.waiting.as_ref() != Some(&reason);
        if self.is_active() && is_new {
            self.waiting = Some(reason.clone());
            self.enter(State::Waiting, Note::because(reason), turn);
        }
    }

    /// Begins the next attempt.
    pub(super) fn start(&mut self, until: Duration, turn: &mut Turn) {
        self.attempt += 1;
        self.began.get_or_insert(turn.now);
        self.phase = None;
        self.waiting = None;
        self.retry_at = None;
        self.enter(State::Running, Note::default(), turn);
        let step = self.step.id.clone();
        turn.actions.push(Action::Start { step, attempt: self.attempt, rung: self.rung, until });
    }

    /// Waits for its next attempt after this failure; occupies nothing meanwhile.
    pub(super) fn wait_for_next(
        &mut self,
        to: State,
        failure: Failure,
        delay: Duration,
        turn: &mut Turn,
    ) {
        self.retry_at = Some(turn.now + delay);
        let note = Note {
            reason: Some(failure.summary.clone()),
            code: Some(failure.code),
            retry_in: Some(delay),
            ..Note::default()
        };
        self.last_failure = Some(failure);
        self.enter(to, note, turn);
        turn.actions.push(Action::Wake { step: self.step.id.clone(), after: delay });
    }

    /// Tells a running step to stop, once; the first reason stays.
    pub(super) fn tell_to_stop(&mut self, why: Stop, turn: &mut Turn) {
        if self.is_active() && self.stop.is_none() {
            self.stop = Some(why);
            turn.actions.push(Action::Stop(self.step.id.clone()));
        }
    }
}

/// Spreads one seed over steps, so that they do not retry in step with each other (FNV-1a).
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}
