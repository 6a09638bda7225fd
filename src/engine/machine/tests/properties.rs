//! What must hold for every plan, whatever its steps do and whenever the user interferes.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use proptest::prelude::*;

use super::simulation::{Attempt, OnStop, Simulation, Trace, failed, ms, ready};
use crate::config::model::Purge;
use crate::engine::machine::{Action, Cancel};
use crate::event::{EventKind, Phase, State, Verb};
use crate::plan::change::Settled;
use crate::plan::fixture::step;
use crate::plan::progress::{Progress, StepEnd};
use crate::plan::{Plan, Retry, Selection, Step, StepId};
use crate::policy::escalate::Onset;
use crate::policy::{Class, Failure};

/// Longest time that a simulated step takes to stop.
const STOP: u64 = 50;

#[derive(Clone, Debug)]
struct Scene {
    steps: Vec<Step>,
    scripts: Vec<Vec<Attempt>>,
    skip: Vec<usize>,
    jobs: usize,
    deadline: u64,
    cancel: Option<u64>,
    verb: Verb,
}

impl Scene {
    fn simulation(&self) -> Simulation {
        let plan = Plan::new(self.steps.clone()).unwrap();
        let skip = self.skip.iter().map(|&at| self.steps[at].id.to_string()).collect();
        let selection = Selection { skip, ..Selection::default() };
        let mut simulation = Simulation::of(plan.select(&selection).unwrap()).limits(|limits| {
            limits.jobs = self.jobs;
            limits.deadline = ms(self.deadline);
            limits.verb = self.verb;
        });
        for (step, script) in self.steps.iter().zip(&self.scripts) {
            simulation = simulation.script(step.id.as_str(), script.clone());
        }
        match self.cancel {
            Some(at) => simulation.cancel(at, Cancel::Interrupt),
            None => simulation,
        }
    }

    fn step(&self, id: &str) -> &Step {
        self.steps.iter().find(|step| step.id.as_str() == id).unwrap()
    }

    fn is_skipped(&self, id: &StepId) -> bool {
        self.skip.iter().any(|&at| self.steps[at].id == *id)
    }
}

fn class() -> impl Strategy<Value = Class> {
    prop_oneof![
        6 => Just(Class::Transient),
        2 => Just(Class::Permanent),
        1 => Just(Class::Timeout),
        1 => Just(Class::Config),
        1 => Just(Class::Internal),
    ]
}

fn onset() -> impl Strategy<Value = Onset> {
    prop_oneof![
        Just(Onset::Wait),
        Just(Onset::Transient),
        Just(Onset::Unresponsive),
        Just(Onset::Corrupt),
        Just(Onset::Deep),
    ]
}

fn purge() -> impl Strategy<Value = Purge> {
    prop_oneof![Just(Purge::Never), Just(Purge::Profile), Just(Purge::All)]
}

fn attempt() -> impl Strategy<Value = Attempt> {
    let end = prop_oneof![
        5 => Just(ready()),
        1 => Just(StepEnd::Settled { settled: Settled::succeeded("done"), changed: false }),
        2 => class().prop_map(failed),
        2 => (class(), onset()).prop_map(|(class, onset)| {
            StepEnd::Failed(Failure::new(class, "SICK", "it is sick").curable(onset))
        }),
        1 => Just(StepEnd::Cancelled),
    ];
    let progress = prop_oneof![
        Just(Progress::Phase(Phase::Apply)),
        Just(Progress::Phase(Phase::Verify)),
        (0..3).prop_map(|n| Progress::Waiting(format!("reason {n}"))),
        Just(Progress::Warning { code: "ODD", message: "odd".to_owned(), hint: None }),
    ];
    let says = proptest::collection::vec((0_u64..400, progress), 0..4);
    let on_stop = prop_oneof![
        4 => (0..STOP).prop_map(|delay| OnStop::Obeys(ms(delay))),
        1 => Just(OnStop::GoesOn),
    ];
    (0_u64..400, end, says, on_stop).prop_map(|(takes, end, says, on_stop)| {
        let says = says.into_iter().map(|(at, progress)| (ms(at), progress)).collect();
        Attempt { takes: ms(takes), says, end, on_stop }
    })
}

prop_compose! {
    fn node(at: usize)(
        needs in proptest::collection::hash_set(0..at.max(1), 0..4),
        after in proptest::option::weighted(0.15, 0..at.max(1)),
        is_check in proptest::bool::weighted(0.3),
        optional in proptest::bool::weighted(0.2),
        exclusive in proptest::option::weighted(0.3, 0..3),
        timeout in proptest::option::weighted(0.3, 1_u64..800),
        attempts in 1_u32..5,
        ladder in proptest::option::weighted(0.3, purge()),
        scripts in proptest::collection::vec(attempt(), 1..5),
        is_skipped in proptest::bool::weighted(0.05),
    ) -> (Step, Vec<Attempt>, bool, Vec<usize>) {
        let name = if is_check { format!("check/s{at}") } else { format!("task/s{at}") };
        let mut step = step(&name, &[]);
        step.optional = optional;
        step.exclusive = exclusive.map(|resource: i32| format!("resource {resource}"));
        step.timeout = timeout.map(ms);
        step.retry = Retry { attempts, min: ms(20), max: ms(200) };
        step.ladder = ladder.map(crate::policy::escalate::Reach::Own);
        let mut edges: Vec<usize> = needs.into_iter().filter(|need| *need < at).collect();
        edges.sort_unstable();
        // The last edge, if marked by its place, becomes an `after` edge.
        edges.extend(after.filter(|other| *other < at).map(|other| other + 1000));
        (step, scripts, is_skipped, edges)
    }
}

prop_compose! {
    fn scene()(size in 1_usize..25)(
        nodes in (0..size).map(node).collect::<Vec<_>>(),
        jobs in 1_usize..6,
        deadline in 100_u64..4000,
        cancel in proptest::option::weighted(0.4, 0_u64..2000),
        is_start in proptest::bool::weighted(0.8),
    ) -> Scene {
        let ids: Vec<StepId> = nodes.iter().map(|(step, ..)| step.id.clone()).collect();
        let skip = (0..nodes.len()).filter(|&at| nodes[at].2).collect();
        let scripts = nodes.iter().map(|(_, scripts, ..)| scripts.clone()).collect();
        let steps = nodes.into_iter().map(|(mut step, _, _, edges)| {
            for edge in edges {
                if edge >= 1000 {
                    step.after.push(ids[edge - 1000].clone());
                } else {
                    step.needs.push(ids[edge].clone());
                }
            }
            step
        });
        Scene {
            steps: steps.collect(),
            scripts,
            skip,
            jobs,
            deadline,
            cancel,
            verb: if is_start { Verb::Start } else { Verb::Stop },
        }
    }
}

fn check_states(scene: &Scene, trace: &Trace) -> Result<(), TestCaseError> {
    let mut now: HashMap<String, State> = HashMap::new();
    let mut ends: HashMap<String, u32> = HashMap::new();
    for (_, action) in &trace.actions {
        match action {
            Action::Emit(EventKind::StepState(state)) => {
                let known = now.get(&state.step).copied().unwrap_or(State::Pending);
                prop_assert_eq!(known, state.from, "a gap in the states of {}", &state.step);
                prop_assert!(!known.is_end(), "{} moved after its end", &state.step);
                if state.to.is_end() {
                    *ends.entry(state.step.clone()).or_default() += 1;
                }
                now.insert(state.step.clone(), state.to);
            }
            Action::Start { step, .. } => {
                let wanted = scene.step(step.as_str());
                prop_assert!(!scene.is_skipped(step));
                for need in wanted.needs.iter().filter(|need| !scene.is_skipped(need)) {
                    let state = now.get(need.as_str()).copied();
                    let met = matches!(state, Some(State::Ready | State::Succeeded));
                    prop_assert!(met, "{} began before {}", step, need);
                }
                for other in &wanted.after {
                    let state = now.get(other.as_str()).copied();
                    prop_assert!(state.is_some_and(State::is_end), "{step} before {other}");
                }
                check_room(scene, &now)?;
            }
            _ => {}
        }
    }
    for step in &scene.steps {
        prop_assert_eq!(ends.get(step.id.as_str()), Some(&1), "ends of {}", &step.id);
    }
    Ok(())
}

/// Jobs and exclusive resources, right after a step entered `running`.
fn check_room(scene: &Scene, now: &HashMap<String, State>) -> Result<(), TestCaseError> {
    let at_work = |state: &State| matches!(state, State::Running | State::Waiting);
    let busy: Vec<&Step> =
        now.iter().filter(|(_, state)| at_work(state)).map(|(id, _)| scene.step(id)).collect();
    prop_assert!(busy.len() <= scene.jobs, "{} steps at work", busy.len());
    let mut taken = HashSet::new();
    for resource in busy.iter().filter_map(|step| step.exclusive.as_ref()) {
        prop_assert!(taken.insert(resource), "{resource} is used twice");
    }
    Ok(())
}

fn check_times(scene: &Scene, trace: &Trace) -> Result<(), TestCaseError> {
    let deadline = ms(scene.deadline);
    let last_start = scene.cancel.map_or(deadline, |cancel| deadline.min(ms(cancel)));
    for (at, action) in &trace.actions {
        match action {
            Action::Start { until, .. } => {
                prop_assert!(*at <= last_start, "a start after cancel or deadline");
                prop_assert!(*until <= deadline);
            }
            Action::Wake { after, .. } => {
                prop_assert!(*at + *after <= deadline + Duration::from_secs(1));
            }
            _ => {}
        }
    }
    // Steps that pay no heed to being told to stop take at most 400 ms.
    let (end, _) = trace.finish.expect("the run did not end");
    prop_assert!(end <= deadline + ms(400), "ended at {end:?} of {deadline:?}");
    Ok(())
}

/// Exit code 0 and 6 are promises.
fn check_verdict(scene: &Scene, trace: &Trace) -> Result<(), TestCaseError> {
    let met = |step: &Step| {
        scene.is_skipped(&step.id)
            || matches!(trace.end(step.id.as_str()), State::Ready | State::Succeeded)
    };
    let required = scene.steps.iter().filter(|step| !step.optional).all(met);
    let all = scene.steps.iter().all(met);
    match trace.exit_code() {
        0 => prop_assert!(all, "0 although something is not up"),
        6 => prop_assert!(required && !all, "6 although something required is not up"),
        130 => prop_assert!(scene.cancel.is_some()),
        _ => prop_assert!(!all, "a failure although all is up"),
    }
    let ready = [0, 6].contains(&trace.exit_code());
    let cancelled = trace.exit_code() == 130;
    prop_assert!(ready || cancelled || !trace.diagnoses().is_empty(), "a failure unexplained");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_rules_of_the_machine_hold(scene in scene()) {
        let (_, trace) = scene.simulation().run();
        prop_assert!(trace.finish.is_some(), "the run did not end");
        prop_assert_eq!(trace.after_finish, 0, "actions after the end");
        check_states(&scene, &trace)?;
        check_times(&scene, &trace)?;
        check_verdict(&scene, &trace)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_same_run_takes_the_same_course(scene in scene()) {
        let (_, one) = scene.simulation().run();
        let (_, other) = scene.simulation().run();
        prop_assert_eq!(one.actions, other.actions);
    }
}
