//! A stand-in for the loop: scripted steps, virtual time, no waiting.

use std::collections::HashMap;
use std::time::Duration;

use super::agenda::Agenda;
use crate::engine::machine::{Action, Cancel, Finish, Input, Limits, Machine};
use crate::event::{Diagnosis, EventKind, State, StepState, Verb};
use crate::plan::change::Settled;
use crate::plan::progress::{Progress, StepEnd};
use crate::plan::{Plan, Selected, Step, StepId};
use crate::policy::{Class, Failure};

pub(super) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// One attempt of a step: how long it takes, what it says, how it ends, how it takes a stop.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub takes: Duration,
    pub says: Vec<(Duration, Progress)>,
    pub end: StepEnd,
    pub on_stop: OnStop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnStop {
    /// Ends as cancelled, this long after.
    Obeys(Duration),
    /// Goes on to the end that it was going to have.
    GoesOn,
}

impl Attempt {
    pub(super) fn new(takes: u64, end: StepEnd) -> Self {
        Self { takes: ms(takes), says: Vec::new(), end, on_stop: OnStop::Obeys(ms(5)) }
    }

    pub(super) fn says(mut self, at: u64, progress: Progress) -> Self {
        self.says.push((ms(at), progress));
        self
    }

    pub(super) fn goes_on(mut self) -> Self {
        self.on_stop = OnStop::GoesOn;
        self
    }
}

pub(super) fn ready() -> StepEnd {
    StepEnd::Settled { settled: Settled::ready("up"), changed: true }
}

pub(super) fn failed(class: Class) -> StepEnd {
    StepEnd::Failed(Failure::new(class, "BROKEN", "it broke"))
}

/// Something that happens at a time of its own.
#[derive(Clone, Debug)]
enum Happening {
    Input(Input),
    /// The end of the attempt with this number, unless it has been stopped.
    End(StepId, u32),
    Said(StepId, Progress),
    Stopped(StepId, u32),
}

/// What is seen of a simulated run.
#[derive(Debug, Default)]
pub(super) struct Trace {
    pub actions: Vec<(Duration, Action)>,
    pub finish: Option<(Duration, Finish)>,
    pub after_finish: usize,
}

impl Trace {
    pub(super) fn states(&self) -> impl Iterator<Item = (Duration, &StepState)> {
        self.actions.iter().filter_map(|(at, action)| match action {
            Action::Emit(EventKind::StepState(state)) => Some((*at, state)),
            _ => None,
        })
    }

    pub(super) fn diagnoses(&self) -> Vec<&Diagnosis> {
        let found = self.actions.iter().filter_map(|(_, action)| match action {
            Action::Emit(EventKind::Diagnosis(diagnosis)) => Some(diagnosis),
            _ => None,
        });
        found.collect()
    }

    /// The last event of a step.
    pub(super) fn last(&self, step: &str) -> &StepState {
        self.states().map(|(_, state)| state).filter(|state| state.step == step).last().unwrap()
    }

    pub(super) fn end(&self, step: &str) -> State {
        self.last(step).to
    }

    /// `from>to` of each event of a step.
    pub(super) fn course(&self, step: &str) -> Vec<State> {
        let of_step = self.states().filter(|(_, state)| state.step == step);
        of_step.map(|(_, state)| state.to).collect()
    }

    pub(super) fn starts(&self) -> Vec<(Duration, &str)> {
        let found = self.actions.iter().filter_map(|(at, action)| match action {
            Action::Start { step, .. } => Some((*at, step.as_str())),
            _ => None,
        });
        found.collect()
    }

    pub(super) fn exit_code(&self) -> u8 {
        self.finish.unwrap().1.exit_code
    }
}

/// A plan, how its steps behave, and what happens from outside.
pub(super) struct Simulation {
    pub plan: Selected,
    pub limits: Limits,
    script: HashMap<StepId, Vec<Attempt>>,
    outside: Vec<(Duration, Input)>,
}

impl Simulation {
    pub(super) fn new(steps: Vec<Step>) -> Self {
        Self::of(Plan::new(steps).unwrap().into())
    }

    pub(super) fn of(plan: Selected) -> Self {
        let limits = Limits {
            verb: Verb::Start,
            jobs: 8,
            deadline: Duration::from_secs(60),
            strict: false,
            seed: 1,
        };
        Self { plan, limits, script: HashMap::new(), outside: Vec::new() }
    }

    /// Sets the attempts of a step; the last one repeats. Unset: ready after 10 ms.
    pub(super) fn script(mut self, step: &str, attempts: Vec<Attempt>) -> Self {
        self.script.insert(crate::plan::fixture::id(step), attempts);
        self
    }

    pub(super) fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    pub(super) fn cancel(mut self, at: u64, by: Cancel) -> Self {
        self.outside.push((ms(at), Input::Cancel(by)));
        self
    }

    pub(super) fn run(self) -> (Machine, Trace) {
        let mut machine = Machine::new(self.plan.clone(), self.limits);
        let mut agenda = Agenda::default();
        agenda.push(Duration::ZERO, Happening::Input(Input::Begin));
        agenda.push(self.limits.deadline, Happening::Input(Input::Deadline));
        for (at, input) in &self.outside {
            agenda.push(*at, Happening::Input(input.clone()));
        }
        let mut trace = Trace::default();
        let mut attempts: HashMap<StepId, u32> = HashMap::new();
        let mut over: HashMap<StepId, u32> = HashMap::new();
        for _ in 0..100_000 {
            let Some((now, happening)) = agenda.pop() else { break };
            let Some(input) = self.input(happening, &mut over) else { continue };
            let actions = machine.on(now, input);
            if trace.finish.is_some() {
                trace.after_finish += actions.len();
                continue;
            }
            for action in actions {
                self.carry_out(now, &action, &mut attempts, &mut agenda);
                if let Action::Finish(finish) = action {
                    trace.finish = Some((now, finish));
                }
                trace.actions.push((now, action));
            }
        }
        (machine, trace)
    }

    fn attempt(&self, step: &StepId, attempt: u32) -> Attempt {
        let scripted = self.script.get(step).and_then(|attempts| {
            attempts.get(attempt as usize - 1).or_else(|| attempts.last()).cloned()
        });
        scripted.unwrap_or_else(|| Attempt::new(10, ready()))
    }

    fn input(&self, happening: Happening, over: &mut HashMap<StepId, u32>) -> Option<Input> {
        let mut is_over = |step: &StepId, attempt: u32| {
            let last = over.entry(step.clone()).or_insert(0);
            *last >= attempt || {
                *last = attempt;
                false
            }
        };
        match happening {
            Happening::Input(input) => Some(input),
            Happening::Said(step, progress) => Some(Input::Progress(step, progress)),
            Happening::End(step, attempt) => (!is_over(&step, attempt)).then(|| {
                let end = self.attempt(&step, attempt).end;
                Input::Ended(step, end)
            }),
            Happening::Stopped(step, attempt) => {
                (!is_over(&step, attempt)).then_some(Input::Ended(step, StepEnd::Cancelled))
            }
        }
    }

    fn carry_out(
        &self,
        now: Duration,
        action: &Action,
        attempts: &mut HashMap<StepId, u32>,
        agenda: &mut Agenda<Happening>,
    ) {
        match action {
            Action::Start { step, attempt, .. } => {
                attempts.insert(step.clone(), *attempt);
                let script = self.attempt(step, *attempt);
                for (at, progress) in script.says {
                    agenda.push(now + at, Happening::Said(step.clone(), progress));
                }
                agenda.push(now + script.takes, Happening::End(step.clone(), *attempt));
            }
            Action::Stop(step) => {
                let attempt = attempts[step];
                if let OnStop::Obeys(delay) = self.attempt(step, attempt).on_stop {
                    agenda.push(now + delay, Happening::Stopped(step.clone(), attempt));
                }
            }
            Action::Wake { step, after } => {
                agenda.push(now + *after, Happening::Input(Input::Woken(step.clone())));
            }
            Action::Emit(_) | Action::Finish(_) => {}
        }
    }
}
