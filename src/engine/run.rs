//! The one loop: the machine's actions become tasks, timers and events; what comes back becomes
//! its inputs. Decisions have no place here.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::engine::Interrupt;
use crate::engine::crew::Crew;
use crate::engine::journal::Journal;
use crate::engine::machine::{Action, Cancel, Finish, Input, Limits, Machine};
use crate::event::{EventKind, Outcome, StepInfo, Url, Verb};
use crate::plan::progress::{Progress, StepEnd};
use crate::plan::{Plan, Selected, Step, StepId, millis};
use crate::policy::escalate::Rung;
use crate::redact::Scrubber;
use crate::report::Report;

/// Time between two ticks of the reports.
const TICK: Duration = Duration::from_millis(100);
/// How long steps that were told to stop may take before their children are killed.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long they may take after that before the run ends without them.
const LAST_PATIENCE: Duration = Duration::from_secs(5);
/// How long the addresses of a finished run may take to find.
const URLS: Duration = Duration::from_secs(5);
/// Stands in for a moment too far away to be counted.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Carries out one attempt of a step.
pub type Stepper = Arc<dyn Fn(Arc<Step>, Attempt) -> BoxFuture<'static, StepEnd> + Send + Sync>;

/// What one attempt is given.
pub struct Attempt {
    /// How strong a remedy it is.
    pub rung: Rung,
    /// When its time is over.
    pub deadline: Instant,
    /// Fires when it has to stop.
    pub cancel: CancellationToken,
    /// Where it says what it does.
    pub progress: UnboundedSender<(StepId, Progress)>,
}

/// Everything that one run needs.
pub struct Run {
    /// What is done, and what is left out of it.
    pub plan: Selected,
    /// What it is called.
    pub verb: Verb,
    /// Name of the environment.
    pub project: String,
    /// Active profile.
    pub profile: String,
    /// Identifier of the run.
    pub id: String,
    /// Steps that may run at a time, at least 1.
    pub jobs: usize,
    /// The overall deadline.
    pub deadline: Duration,
    /// Whether a degraded environment is a failure.
    pub strict: bool,
    /// Seeds the jitter.
    pub seed: u64,
    /// Hides secrets in every event.
    pub scrubber: Scrubber,
    /// Who is shown the events.
    pub reports: Vec<Box<dyn Report>>,
    /// Signals of the user.
    pub interrupts: UnboundedReceiver<Interrupt>,
    /// Fires on the second signal: children are killed at once.
    pub force: CancellationToken,
    /// Asked at the end of a run that got ready.
    pub urls: Arc<dyn Fn() -> BoxFuture<'static, Vec<Url>> + Send + Sync>,
}

/// Runs the plan to its end.
pub async fn run(run: Run, step: Stepper) -> Finish {
    let began = Instant::now();
    let (started, urls) = (started(&run), Arc::clone(&run.urls));
    let mut engine = Engine::new(run, step, began);
    engine.journal.write(started);
    engine.tell(Input::Begin);
    let finish = loop {
        if let Some(finish) = engine.finish {
            break finish;
        }
        let heard = engine.listen().await;
        engine.react(heard);
    };
    let is_up = matches!(finish.outcome, Outcome::Ready | Outcome::Degraded);
    let urls = if is_up { timeout(URLS, urls()).await.unwrap_or_default() } else { Vec::new() };
    engine.journal.write(EventKind::RunFinished {
        outcome: finish.outcome,
        exit_code: finish.exit_code,
        critical_path: engine.machine.critical_path(),
        urls,
    });
    finish
}

fn started(run: &Run) -> EventKind {
    let texts = |ids: &[StepId]| ids.iter().map(ToString::to_string).collect();
    let steps = run.plan.plan().steps().iter().map(|step| StepInfo {
        id: step.id.to_string(),
        title: step.title.clone(),
        needs: texts(&step.needs),
        optional: step.optional,
    });
    EventKind::RunStarted {
        action: run.verb,
        project: run.project.clone(),
        profile: run.profile.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        deadline_ms: millis(run.deadline),
        steps: steps.collect(),
    }
}

/// What the loop can hear.
enum Heard {
    Deadline,
    Due,
    Ended(StepId, StepEnd),
    Interrupt(Option<Interrupt>),
    OutOfPatience,
    Progress(StepId, Progress),
    Tick,
}

/// Everything that the loop holds while it runs.
struct Engine {
    plan: Plan,
    machine: Machine,
    journal: Journal,
    crew: Crew,
    progress: UnboundedReceiver<(StepId, Progress)>,
    /// `None` once nobody can send one any more.
    interrupts: Option<UnboundedReceiver<Interrupt>>,
    interrupted: bool,
    timers: BinaryHeap<Reverse<(Instant, StepId)>>,
    tick: Interval,
    began: Instant,
    /// `None` once it has passed.
    deadline: Option<Instant>,
    /// When waiting for the steps that were told to stop is over.
    patience: Option<Instant>,
    force: CancellationToken,
    finish: Option<Finish>,
}

impl Engine {
    fn new(run: Run, step: Stepper, began: Instant) -> Self {
        let limits = Limits {
            verb: run.verb,
            jobs: run.jobs,
            deadline: run.deadline,
            strict: run.strict,
            seed: run.seed,
        };
        let (sender, progress) = unbounded_channel();
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            plan: run.plan.plan().clone(),
            machine: Machine::new(run.plan, limits),
            journal: Journal::new(run.id, began, run.scrubber, run.reports),
            crew: Crew::new(step, sender),
            progress,
            interrupts: Some(run.interrupts),
            interrupted: false,
            timers: BinaryHeap::new(),
            tick,
            began,
            deadline: Some(after(began, run.deadline)),
            patience: None,
            force: run.force,
            finish: None,
        }
    }

    /// Waits for the next thing to happen. What is rare and urgent is asked first, so that a tool
    /// that never stops talking holds up neither a signal nor the deadline.
    async fn listen(&mut self) -> Heard {
        let due = self.timers.peek().map(|Reverse((at, _))| *at);
        tokio::select! {
            biased;
            heard = interrupt(self.interrupts.as_mut()) => Heard::Interrupt(heard),
            () = moment(self.deadline) => Heard::Deadline,
            () = moment(self.patience) => Heard::OutOfPatience,
            () = moment(due) => Heard::Due,
            Some((id, end)) = self.crew.next() => Heard::Ended(id, end),
            _ = self.tick.tick() => Heard::Tick,
            Some((id, progress)) = self.progress.recv() => Heard::Progress(id, progress),
        }
    }

    fn react(&mut self, heard: Heard) {
        match heard {
            Heard::Deadline => {
                self.deadline = None;
                self.lose_patience_after(PATIENCE);
                self.tell(Input::Deadline);
            }
            Heard::Due => self.wake(),
            Heard::Ended(id, end) => {
                // What a step said last must not come after its end.
                while let Ok((id, progress)) = self.progress.try_recv() {
                    self.tell(Input::Progress(id, progress));
                }
                self.tell(Input::Ended(id, end));
            }
            Heard::Interrupt(None) => self.interrupts = None,
            Heard::Interrupt(Some(signal)) => self.interrupt(signal),
            Heard::OutOfPatience => self.press_on(),
            Heard::Progress(id, progress) => self.tell(Input::Progress(id, progress)),
            Heard::Tick => self.journal.tick(),
        }
    }

    fn tell(&mut self, input: Input) {
        for action in self.machine.on(self.began.elapsed(), input) {
            self.act(action);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Start { step, rung, until, .. } => {
                if let Some(step) = self.plan.step(&step) {
                    self.crew.start(Arc::clone(step), rung, after(self.began, until));
                }
            }
            Action::Stop(step) => self.crew.stop(&step),
            Action::Wake { step, after: delay } => {
                self.timers.push(Reverse((after(Instant::now(), delay), step)));
            }
            Action::Emit(kind) => self.journal.write(kind),
            Action::Finish(finish) => self.finish = Some(finish),
        }
    }

    fn wake(&mut self) {
        let now = Instant::now();
        while let Some(Reverse((at, _))) = self.timers.peek()
            && *at <= now
            && let Some(Reverse((_, step))) = self.timers.pop()
        {
            self.tell(Input::Woken(step));
        }
    }

    /// The first signal stops the run, the second one kills.
    fn interrupt(&mut self, signal: Interrupt) {
        if std::mem::replace(&mut self.interrupted, true) {
            self.kill();
            return;
        }
        self.lose_patience_after(PATIENCE);
        self.tell(Input::Cancel(match signal {
            Interrupt::Interrupt => Cancel::Interrupt,
            Interrupt::Terminate => Cancel::Terminate,
        }));
    }

    fn kill(&mut self) {
        self.force.cancel();
        self.patience = Some(after(Instant::now(), LAST_PATIENCE));
    }

    fn lose_patience_after(&mut self, patience: Duration) {
        self.patience.get_or_insert(after(Instant::now(), patience));
    }

    /// Steps that do not stop are killed, and those that cannot be killed are left behind.
    fn press_on(&mut self) {
        if !self.force.is_cancelled() {
            return self.kill();
        }
        self.patience = None;
        for step in self.crew.give_up() {
            self.tell(Input::Ended(step, StepEnd::Cancelled));
        }
    }
}

fn after(moment: Instant, delay: Duration) -> Instant {
    moment.checked_add(delay).unwrap_or_else(|| moment + FAR)
}

async fn moment(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

async fn interrupt(interrupts: Option<&mut UnboundedReceiver<Interrupt>>) -> Option<Interrupt> {
    match interrupts {
        Some(interrupts) => interrupts.recv().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
