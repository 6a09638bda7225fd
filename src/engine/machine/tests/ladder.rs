//! What the machine does with failures that the recovery ladder may cure.

use super::simulation::{Attempt, Simulation, Trace, failed, ms, ready};
use crate::config::model::Purge;
use crate::engine::machine::{Action, Cancel};
use crate::event::{EventKind, Fix, Outcome, State, Verb};
use crate::plan::fixture::step;
use crate::plan::progress::StepEnd;
use crate::plan::{Retry, Step};
use crate::policy::escalate::Reach;
use crate::policy::escalate::{Onset, Rung};
use crate::policy::{Class, Failure};

fn cluster(attempts: u32, purge: Purge) -> Step {
    let kind = step("task/cluster", &[]).kind;
    let mut step = Step { kind, ..step("cluster", &[]) };
    step.retry = Retry { attempts, min: ms(1000), max: ms(4000) };
    step.ladder = Some(Reach::Own(purge));
    step
}

fn sick(class: Class, onset: Onset) -> Attempt {
    let failure = Failure::new(class, "CLUSTER_SICK", "it is sick").fix(Fix::safe("wait"));
    Attempt::new(10, StepEnd::Failed(failure.curable(onset)))
}

fn broken(onset: Onset) -> Attempt {
    sick(Class::Permanent, onset)
}

fn rungs(trace: &Trace) -> Vec<Rung> {
    let found = trace.actions.iter().filter_map(|(_, action)| match action {
        Action::Start { step, rung, .. } if step.as_str() == "cluster" => Some(*rung),
        _ => None,
    });
    found.collect()
}

/// Rung, reason and attempt of each escalation.
fn escalations(trace: &Trace) -> Vec<(String, String, u32)> {
    let found = trace.actions.iter().filter_map(|(_, action)| match action {
        Action::Emit(EventKind::Escalation { rung, reason, attempt, .. }) => {
            Some((rung.clone(), reason.clone(), *attempt))
        }
        _ => None,
    });
    found.collect()
}

#[test]
fn each_rung_is_taken_told_and_waited_for() {
    let script =
        vec![broken(Onset::Unresponsive), broken(Onset::Corrupt), Attempt::new(10, ready())];
    let (machine, trace) =
        Simulation::new(vec![cluster(5, Purge::Profile)]).script("cluster", script).run();
    assert_eq!(trace.exit_code(), 0);
    assert_eq!(rungs(&trace), [Rung::Start, Rung::Restart, Rung::Recreate]);
    assert_eq!(
        trace.course("cluster"),
        [
            State::Running,
            State::Escalating,
            State::Running,
            State::Escalating,
            State::Running,
            State::Ready
        ]
    );
    let told = |rung: &str, reason: &str, attempt| (rung.to_owned(), reason.to_owned(), attempt);
    assert_eq!(
        escalations(&trace),
        [
            told("restart", "it does not answer: it is sick", 2),
            told("recreate", "its state is broken: it is sick", 3)
        ]
    );
    let state = trace.states().find(|(_, state)| state.to == State::Escalating).unwrap().1;
    assert_eq!(state.code.as_deref(), Some("CLUSTER_SICK"));
    assert!((500..=1000).contains(&state.retry_in_ms.unwrap()), "{state:?}");
    let recovered = machine.recovered();
    assert_eq!(recovered.len(), 1);
    assert_eq!(
        (recovered[0].attempt, recovered[0].rung.as_str(), recovered[0].reason.as_str()),
        (3, "recreate", "it is sick")
    );
}

#[test]
fn what_waits_for_something_outside_is_retried_and_no_recovery() {
    let script = vec![broken(Onset::Wait), broken(Onset::Wait), Attempt::new(10, ready())];
    let (machine, trace) =
        Simulation::new(vec![cluster(5, Purge::All)]).script("cluster", script).run();
    assert_eq!(trace.exit_code(), 0);
    assert_eq!(rungs(&trace), [Rung::Start; 3]);
    assert!(trace.course("cluster").contains(&State::Retrying));
    assert!(escalations(&trace).is_empty() && machine.recovered().is_empty());
}

#[test]
fn the_end_of_the_ladder_names_every_attempt_with_its_rung_and_keeps_the_class() {
    let simulation = Simulation::new(vec![cluster(5, Purge::Profile)])
        .script("cluster", vec![sick(Class::Timeout, Onset::Corrupt)]);
    let (machine, trace) = simulation.run();
    assert_eq!(trace.exit_code(), 5);
    assert_eq!(rungs(&trace), [Rung::Start, Rung::Recreate, Rung::Purge, Rung::Purge]);
    assert_eq!(
        trace.diagnoses()[0].tried,
        [
            "attempt 1 (start): it is sick",
            "attempt 2 (recreate): it is sick",
            "attempt 3 (purge): it is sick",
            "attempt 4 (purge): it is sick"
        ]
    );
    assert_eq!(trace.diagnoses()[0].fix.as_ref().unwrap().command, "wait");
    assert!(machine.recovered().is_empty());
}

#[test]
fn attempts_bound_the_ladder() {
    let simulation =
        Simulation::new(vec![cluster(2, Purge::All)]).script("cluster", vec![broken(Onset::Deep)]);
    let (_, trace) = simulation.run();
    assert_eq!(rungs(&trace), [Rung::Start, Rung::Purge]);
    assert_eq!(escalations(&trace).len(), 1);
}

#[test]
fn without_consent_the_fix_is_how_to_give_it() {
    for (onset, command) in
        [(Onset::Corrupt, "mlup start --recreate"), (Onset::Deep, "mlup reset --purge")]
    {
        let simulation =
            Simulation::new(vec![cluster(5, Purge::Never)]).script("cluster", vec![broken(onset)]);
        let (_, trace) = simulation.run();
        assert_eq!(rungs(&trace), [Rung::Start]);
        assert_eq!(trace.diagnoses()[0].fix, Some(Fix::destructive(command)));
        assert!(trace.diagnoses()[0].tried.is_empty());
    }
}

#[test]
fn a_fatal_class_stops_at_once() {
    for class in [Class::Prerequisite, Class::Config, Class::Refused, Class::Permanent] {
        let simulation = Simulation::new(vec![cluster(5, Purge::All)])
            .script("cluster", vec![Attempt::new(10, failed(class))]);
        let (_, trace) = simulation.run();
        assert_eq!(rungs(&trace), [Rung::Start], "{class:?}");
    }
}

#[test]
fn what_may_pass_without_an_onset_is_no_reason_for_a_stronger_remedy() {
    let simulation = Simulation::new(vec![cluster(5, Purge::All)])
        .script("cluster", vec![Attempt::new(10, failed(Class::Transient))]);
    let (_, trace) = simulation.run();
    assert_eq!(rungs(&trace), [Rung::Start; 5]);
}

#[test]
fn a_step_without_a_ladder_has_no_use_for_an_onset() {
    let mut plain = cluster(5, Purge::All);
    plain.ladder = None;
    let run = |class| {
        let simulation =
            Simulation::new(vec![plain.clone()]).script("cluster", vec![sick(class, Onset::Deep)]);
        rungs(&simulation.run().1)
    };
    assert_eq!(run(Class::Permanent), [Rung::Start]);
    assert_eq!(run(Class::Transient), [Rung::Start; 5]);
}

#[test]
fn taking_down_climbs_no_ladder() {
    let simulation = Simulation::new(vec![cluster(5, Purge::All)])
        .limits(|limits| limits.verb = Verb::Stop)
        .script("cluster", vec![broken(Onset::Deep)]);
    assert_eq!(rungs(&simulation.run().1), [Rung::Start]);
}

#[test]
fn a_delay_on_the_ladder_occupies_no_job() {
    let steps = vec![cluster(5, Purge::Profile), step("task/a", &[])];
    let simulation = Simulation::new(steps)
        .limits(|limits| limits.jobs = 1)
        .script("cluster", vec![broken(Onset::Corrupt), Attempt::new(10, ready())]);
    let (_, trace) = simulation.run();
    assert_eq!(trace.exit_code(), 0);
    assert_eq!(trace.starts()[1], (ms(10), "task/a"));
}

#[test]
fn cancel_ends_the_delay_on_the_ladder() {
    let simulation = Simulation::new(vec![cluster(5, Purge::Profile)])
        .cancel(100, Cancel::Interrupt)
        .script("cluster", vec![broken(Onset::Corrupt)]);
    let (_, trace) = simulation.run();
    assert_eq!(trace.finish.unwrap().0, ms(100));
    assert_eq!(trace.end("cluster"), State::Cancelled);
    assert_eq!(rungs(&trace), [Rung::Start]);
}

#[test]
fn a_failure_elsewhere_ends_the_delay_on_the_ladder() {
    let steps = vec![cluster(5, Purge::Profile), step("task/a", &[])];
    let simulation = Simulation::new(steps)
        .script("cluster", vec![broken(Onset::Corrupt)])
        .script("task/a", vec![Attempt::new(50, failed(Class::Permanent))]);
    let (_, trace) = simulation.run();
    assert_eq!(trace.end("cluster"), State::Cancelled);
    assert_eq!(trace.last("cluster").reason.as_deref(), Some("not tried again: `task/a` failed"));
    assert_eq!(rungs(&trace), [Rung::Start]);
}

#[test]
fn the_deadline_ends_the_ladder_with_what_failed_last() {
    let simulation = Simulation::new(vec![cluster(9, Purge::Profile)])
        .limits(|limits| limits.deadline = ms(1200))
        .script("cluster", vec![broken(Onset::Corrupt)]);
    let (_, trace) = simulation.run();
    let (at, finish) = trace.finish.unwrap();
    assert!(at <= ms(1200), "{at:?}");
    assert_eq!(finish.outcome, Outcome::Failed);
    assert_eq!(trace.diagnoses()[0].code, "CLUSTER_SICK");
}

#[test]
fn a_tool_that_was_told_to_stop_is_not_taken_at_its_word() {
    let attempt = Attempt { takes: ms(300), ..broken(Onset::Corrupt) }.goes_on();
    let simulation = Simulation::new(vec![cluster(5, Purge::Profile)])
        .cancel(100, Cancel::Terminate)
        .script("cluster", vec![attempt]);
    let (_, trace) = simulation.run();
    assert_eq!(trace.end("cluster"), State::Cancelled);
    assert!(trace.diagnoses().is_empty());
}
