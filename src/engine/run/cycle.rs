//! The one loop: the machine's actions become tasks, timers and events; what comes back becomes
//! its inputs. Decisions have no place here.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::engine::Interrupt;
use crate::engine::crew::Crew;
use crate::engine::journal::Journal;
use crate::engine::machine::{Action, Cancel, Finish, Input, Limits, Machine};
use crate::engine::order::{Run, Stepper};
use crate::event::{EventKind, TunnelState};
use crate::plan::progress::{Progress, StepEnd};
use crate::plan::{Plan, StepId};

/// Time between two ticks of the reports.
pub(super) const TICK: Duration = Duration::from_millis(100);
/// How long steps that were told to stop may take before their children are killed.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// How long they may take after that before the run ends without them.
pub(super) const LAST_PATIENCE: Duration = Duration::from_secs(5);
/// Stands in for a moment too far away to be counted.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// What the loop can hear.
enum Heard {
    Deadline,
    Due,
    Ended(StepId, StepEnd),
    Interrupt(Option<Interrupt>),
    OutOfPatience,
    Progress(StepId, Progress),
    Tick,
    Tunnel(Option<TunnelState>),
}

/// Everything that the loop holds while it runs.
pub(super) struct Engine {
    plan: Plan,
    pub(super) machine: Machine,
    pub(super) journal: Journal,
    crew: Crew,
    progress: UnboundedReceiver<(StepId, Progress)>,
    /// `None` once nobody can send one any more.
    interrupts: Option<UnboundedReceiver<Interrupt>>,
    /// `None` once there are none any more.
    tunnels: Option<UnboundedReceiver<TunnelState>>,
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
    pub(super) fn new(run: Run, step: Stepper, began: Instant) -> Self {
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
            tunnels: run.tunnels,
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

    /// Goes through the plan once.
    pub(super) async fn go_through(&mut self) -> Finish {
        self.tell(Input::Begin);
        loop {
            if let Some(finish) = self.finish {
                return finish;
            }
            let heard = self.listen().await;
            self.react(heard);
        }
    }

    /// Puts the plan back to its beginning, every step with its event. The time goes on.
    pub(super) fn begin_again(&mut self, lost: &StepId) {
        // What steps that have ended still say is of no interest any more.
        while self.progress.try_recv().is_ok() {}
        self.timers.clear();
        self.finish = None;
        for kind in self.machine.begin_again(self.began.elapsed(), lost) {
            self.journal.write(kind);
        }
    }

    /// Whether neither the user nor the deadline has ended the run.
    pub(super) fn is_free(&self) -> bool {
        !self.interrupted && self.deadline.is_some_and(|deadline| Instant::now() < deadline)
    }

    /// Waits for something that is no step, as long as the run is free to: `Err` when it is not.
    pub(super) async fn meanwhile<T>(
        &mut self,
        future: impl Future<Output = T>,
    ) -> Result<T, Option<Cancel>> {
        tokio::pin!(future);
        loop {
            tokio::select! {
                biased;
                heard = next(self.interrupts.as_mut()) => match heard {
                    None => self.interrupts = None,
                    Some(signal) => return Err(Some(cancel(signal))),
                },
                () = moment(self.deadline) => return Err(None),
                value = &mut future => return Ok(value),
                _ = self.tick.tick() => self.journal.tick(),
            }
        }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Waits for the next thing to happen. What is rare and urgent is asked first, so that a tool
    /// that never stops talking holds up neither a signal nor the deadline.
    async fn listen(&mut self) -> Heard {
        let due = self.timers.peek().map(|Reverse((at, _))| *at);
        tokio::select! {
            biased;
            heard = next(self.interrupts.as_mut()) => Heard::Interrupt(heard),
            () = moment(self.deadline) => Heard::Deadline,
            () = moment(self.patience) => Heard::OutOfPatience,
            () = moment(due) => Heard::Due,
            Some((id, end)) = self.crew.next() => Heard::Ended(id, end),
            turn = next(self.tunnels.as_mut()) => Heard::Tunnel(turn),
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
            Heard::Tunnel(None) => self.tunnels = None,
            Heard::Tunnel(Some(turn)) => self.journal.write(EventKind::TunnelState(turn)),
        }
    }

    fn tell(&mut self, input: Input) {
        let is_of_states = !matches!(input, Input::Progress(..));
        for action in self.machine.on(self.began.elapsed(), input) {
            self.act(action);
        }
        if is_of_states {
            self.crew.tell_unfinished(self.machine.unfinished());
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
        self.tell(Input::Cancel(cancel(signal)));
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

fn cancel(signal: Interrupt) -> Cancel {
    match signal {
        Interrupt::Interrupt => Cancel::Interrupt,
        Interrupt::Terminate => Cancel::Terminate,
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

/// The next thing that comes; `None` where no more can come.
async fn next<T>(all: Option<&mut UnboundedReceiver<T>>) -> Option<T> {
    match all {
        Some(all) => all.recv().await,
        None => std::future::pending().await,
    }
}
