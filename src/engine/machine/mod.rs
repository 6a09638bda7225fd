//! The machine: inputs in, actions out. No clock, no async, no effects: time is handed in as the
//! duration since the run began. It alone owns the states of the steps.
//!
//! The rules, in the order in which they win:
//! - Cancel and deadline: nothing begins any more, what runs is told to stop, and its end is awaited.
//! - When a required step of `start` has failed for good, nothing that changes anything begins any
//!   more, and what is being changed is told to stop. Steps that only look (checks, preflights) go
//!   on, so that one run names all that is wrong.
//! - Taking down goes on past failures: what can be taken down is.
//! - A step begins when its `needs` are met, its `after` have ended, its exclusive resource is free
//!   and fewer than `jobs` steps are at work. A delay between attempts occupies no job.
//! - A failure that the recovery ladder may cure is answered with the rung that the ladder names.

mod again;
mod ending;
mod node;
mod schedule;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::event::{EventKind, Outcome, PathEntry, Recovery, Verb};
use crate::plan::progress::{Progress, StepEnd};
use crate::plan::{Selected, Span, StepId};
use crate::policy::escalate::Rung;
use node::{Node, Note, Stop};

/// What the machine is told.
#[derive(Clone, Debug)]
pub enum Input {
    /// The run begins.
    Begin,
    /// A running step says something.
    Progress(StepId, Progress),
    /// An attempt of a step ended.
    Ended(StepId, StepEnd),
    /// A delay that [`Action::Wake`] asked for is over.
    Woken(StepId),
    /// The overall deadline passed.
    Deadline,
    /// The user wants the run to stop.
    Cancel(Cancel),
}

/// Who wants the run to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancel {
    /// Ctrl-C, exit 130.
    Interrupt,
    /// SIGTERM or SIGHUP, exit 143.
    Terminate,
}

/// What the machine wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Begin an attempt of a step.
    Start {
        /// The step.
        step: StepId,
        /// Counts from 1.
        attempt: u32,
        /// How strong a remedy it is.
        rung: Rung,
        /// Time since the run began at which the attempt must be over.
        until: Duration,
    },
    /// Tell a running step to stop; its end is still awaited.
    Stop(StepId),
    /// Feed [`Input::Woken`] after this long.
    Wake {
        /// The step.
        step: StepId,
        /// How long.
        after: Duration,
    },
    /// Tell the reports.
    Emit(EventKind),
    /// The run is over: every step has ended.
    Finish(Finish),
}

/// The verdict over a whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finish {
    /// How it ended.
    pub outcome: Outcome,
    /// The exit code that follows.
    pub exit_code: u8,
}

/// What bounds a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// What is done: only `start` gives up at the first failure.
    pub verb: Verb,
    /// Steps that may be at work at a time; 0 counts as 1.
    pub jobs: usize,
    /// The overall deadline.
    pub deadline: Duration,
    /// Whether a degraded environment is a failure.
    pub strict: bool,
    /// Seeds the jitter of delays.
    pub seed: u64,
}

impl Limits {
    /// The time in which a step whose limit is the run's tells what it saw before the run stops it.
    fn margin(&self) -> Duration {
        (self.deadline / 10).min(Duration::from_secs(1))
    }
}

/// Why the run still begins steps, or no longer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    /// Everything may begin.
    Free,
    /// This required step failed: only steps that look may begin.
    Halted(usize),
    /// The deadline passed.
    OutOfTime,
    /// The user said so.
    Cancelled(Cancel),
}

/// A failure that will not be retried.
#[derive(Clone, Copy, Debug)]
struct Defeat {
    at: usize,
    exit_code: u8,
    counts: bool,
    by_deadline: bool,
}

/// Owns the states of all steps of one run.
#[derive(Debug)]
pub struct Machine {
    plan: Selected,
    nodes: Vec<Node>,
    limits: Limits,
    course: Course,
    defeats: Vec<Defeat>,
    begun: bool,
    finished: bool,
}

/// One input's time and the actions that it leads to.
#[derive(Debug)]
struct Turn {
    now: Duration,
    actions: Vec<Action>,
}

impl Turn {
    fn emit(&mut self, kind: EventKind) {
        self.actions.push(Action::Emit(kind));
    }
}

impl Machine {
    /// A machine at the start of a run.
    #[must_use]
    pub fn new(plan: Selected, limits: Limits) -> Self {
        let steps = plan.plan().steps().iter();
        let nodes = steps.map(|step| Node::new(step, &plan, &limits)).collect();
        Self {
            plan,
            nodes,
            limits,
            course: Course::Free,
            defeats: Vec::new(),
            begun: false,
            finished: false,
        }
    }

    /// The steps that have not ended.
    #[must_use]
    pub fn unfinished(&self) -> BTreeSet<StepId> {
        let open = self.nodes.iter().filter(|node| !node.state.is_end() && node.left_out.is_none());
        open.map(|node| node.step.id.clone()).collect()
    }

    /// Takes one input at a time since the run began; the answer is to be carried out in order.
    /// After [`Action::Finish`] the answer is always empty.
    pub fn on(&mut self, now: Duration, input: Input) -> Vec<Action> {
        if self.finished {
            return Vec::new();
        }
        let mut turn = Turn { now, actions: Vec::new() };
        if !std::mem::replace(&mut self.begun, true) {
            self.begin(&mut turn);
        }
        match input {
            Input::Begin => {}
            Input::Progress(id, progress) => self.progress(&id, progress, &mut turn),
            Input::Ended(id, end) => self.ended(&id, end, &mut turn),
            Input::Woken(id) => self.woken(&id, &mut turn),
            Input::Deadline => self.deadline(&mut turn),
            Input::Cancel(cancel) => self.cancel(cancel, &mut turn),
        }
        self.advance(&mut turn);
        turn.actions
    }

    /// The chain of steps that decided how long the run took so far, first to last.
    #[must_use]
    pub fn critical_path(&self) -> Vec<PathEntry> {
        let plan = self.plan.plan();
        plan.deciding_chain(&|id| {
            let node = &self.nodes[plan.position(id)?];
            Some(Span { began: node.began?, ended: node.ended? })
        })
    }

    /// The steps that are up after more than a plain start.
    #[must_use]
    pub fn recovered(&self) -> Vec<Recovery> {
        self.nodes.iter().filter_map(Node::recovery).collect()
    }

    fn position(&self, id: &StepId) -> Option<usize> {
        self.plan.plan().position(id)
    }

    fn progress(&mut self, id: &StepId, progress: Progress, turn: &mut Turn) {
        let Some(at) = self.position(id) else { return };
        let step = id.to_string();
        match progress {
            Progress::Phase(phase) => self.nodes[at].enter_phase(phase, turn),
            Progress::Waiting(reason) => self.nodes[at].enter_waiting(reason, turn),
            Progress::Output { stream, line } => {
                turn.emit(EventKind::StepOutput { step, stream, line });
            }
            Progress::Probe(probe) => turn.emit(EventKind::Probe(probe)),
            Progress::Warning { code, message, hint } => {
                let code = code.to_owned();
                turn.emit(EventKind::Warning { step: Some(step), code, message, hint });
            }
        }
    }

    fn deadline(&mut self, turn: &mut Turn) {
        if matches!(self.course, Course::OutOfTime | Course::Cancelled(_)) {
            return;
        }
        self.course = Course::OutOfTime;
        self.stop_all(Stop::Deadline, turn);
    }

    fn cancel(&mut self, cancel: Cancel, turn: &mut Turn) {
        if matches!(self.course, Course::OutOfTime | Course::Cancelled(_)) {
            return;
        }
        self.course = Course::Cancelled(cancel);
        self.stop_all(Stop::Cancel(cancel), turn);
    }

    fn stop_all(&mut self, why: Stop, turn: &mut Turn) {
        for node in &mut self.nodes {
            node.tell_to_stop(why, turn);
        }
        self.end_retries(turn);
    }

    /// Ends steps that wait for another attempt which will not be made.
    fn end_retries(&mut self, turn: &mut Turn) {
        for at in 0..self.nodes.len() {
            if !self.nodes[at].is_between_attempts() {
                continue;
            }
            let out_of_time = self.course == Course::OutOfTime || self.nodes[at].is_late(turn.now);
            match self.reason_not_to_begin(at) {
                _ if out_of_time => self.fail_with_last(at, turn),
                Some((to, why)) => self.nodes[at].end(to, Note::because(why), turn),
                None => {}
            }
        }
    }
}
