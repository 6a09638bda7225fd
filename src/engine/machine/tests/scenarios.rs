//! What the machine does in situations that people meet.

use super::simulation::{Attempt, Simulation, Trace, failed, ms, ready};
use crate::engine::machine::Cancel;
use crate::event::{Outcome, Phase, State, Verb};
use crate::plan::fixture::step;
use crate::plan::progress::{Progress, StepEnd};
use crate::plan::{Plan, Retry, Selection, Step};
use crate::policy::{Class, Failure};

fn optional(mut step: Step) -> Step {
    step.optional = true;
    step
}

fn retrying(mut step: Step, attempts: u32) -> Step {
    step.retry = Retry { attempts, min: ms(1000), max: ms(4000) };
    step
}

fn limited(mut step: Step, millis: u64) -> Step {
    step.timeout = Some(ms(millis));
    step
}

fn waiting(reason: &str) -> Progress {
    Progress::Waiting(reason.to_owned())
}

fn chain() -> Vec<Step> {
    vec![
        step("docker", &[]),
        step("deploy/a", &["docker"]),
        step("deploy/b", &["deploy/a"]),
        step("check/b", &["deploy/b"]),
    ]
}

fn trace(simulation: Simulation) -> Trace {
    simulation.run().1
}

fn outcome(trace: &Trace) -> (Outcome, u8) {
    let (_, finish) = trace.finish.unwrap();
    (finish.outcome, finish.exit_code)
}

#[test]
fn an_empty_plan_is_ready_at_once() {
    let trace = trace(Simulation::new(Vec::new()));
    assert_eq!(outcome(&trace), (Outcome::Ready, 0));
}

#[test]
fn steps_run_one_after_the_other_where_they_need_each_other() {
    let trace = trace(Simulation::new(chain()));
    assert_eq!(outcome(&trace), (Outcome::Ready, 0));
    let starts: Vec<(u128, &str)> =
        trace.starts().iter().map(|(at, step)| (at.as_millis(), *step)).collect();
    assert_eq!(starts, [(0, "docker"), (10, "deploy/a"), (20, "deploy/b"), (30, "check/b")]);
}

#[test]
fn a_step_is_blocked_once_and_then_runs() {
    let trace = trace(Simulation::new(chain()));
    assert_eq!(trace.course("deploy/b"), [State::Blocked, State::Running, State::Ready]);
    let blocked = trace.states().find(|(_, state)| state.step == "deploy/b").unwrap().1;
    assert_eq!(blocked.blocked_by, ["deploy/a"]);
    assert_eq!(trace.course("docker"), [State::Running, State::Ready]);
}

#[test]
fn independent_steps_run_side_by_side_up_to_jobs() {
    let steps = (0..4).map(|n| step(&format!("task/{n}"), &[])).collect();
    let trace = trace(Simulation::new(steps).limits(|limits| limits.jobs = 2));
    let times: Vec<u128> = trace.starts().iter().map(|(at, _)| at.as_millis()).collect();
    assert_eq!(times, [0, 0, 10, 10]);
}

#[test]
fn steps_on_one_resource_take_turns() {
    let mut steps: Vec<Step> = (0..3).map(|n| step(&format!("task/{n}"), &[])).collect();
    steps[0].exclusive = Some("compose:demo".to_owned());
    steps[2].exclusive = Some("compose:demo".to_owned());
    let trace = trace(Simulation::new(steps));
    let times: Vec<u128> = trace.starts().iter().map(|(at, _)| at.as_millis()).collect();
    assert_eq!(times, [0, 0, 10]);
}

#[test]
fn a_transient_failure_is_tried_again_and_told() {
    let simulation = Simulation::new(vec![retrying(step("task/a", &[]), 3)]).script(
        "task/a",
        vec![Attempt::new(10, failed(Class::Transient)), Attempt::new(10, ready())],
    );
    let trace = trace(simulation);
    assert_eq!(outcome(&trace), (Outcome::Ready, 0));
    assert_eq!(
        trace.course("task/a"),
        [State::Running, State::Retrying, State::Running, State::Ready]
    );
    let retry = trace.states().find(|(_, state)| state.to == State::Retrying).unwrap().1;
    assert_eq!(retry.code.as_deref(), Some("BROKEN"));
    assert!((500..=1000).contains(&retry.retry_in_ms.unwrap()), "{retry:?}");
    assert_eq!(trace.last("task/a").attempt, 2);
}

#[test]
fn attempts_end_and_the_diagnosis_says_what_was_tried() {
    let simulation = Simulation::new(vec![retrying(step("task/a", &[]), 3)])
        .script("task/a", vec![Attempt::new(10, failed(Class::Transient))]);
    let trace = trace(simulation);
    assert_eq!(outcome(&trace), (Outcome::Failed, 1));
    assert_eq!(trace.starts().len(), 3);
    let tried = &trace.diagnoses()[0].tried;
    assert_eq!(tried.len(), 2);
    assert!(tried[0].starts_with("attempt 1: it broke (tried again after "), "{tried:?}");
}

#[test]
fn a_permanent_failure_is_not_tried_again() {
    let simulation = Simulation::new(vec![retrying(step("task/a", &[]), 3)])
        .script("task/a", vec![Attempt::new(10, failed(Class::Permanent))]);
    assert_eq!(trace(simulation).starts().len(), 1);
}

#[test]
fn no_attempt_is_planned_beyond_the_deadline() {
    let simulation = Simulation::new(vec![retrying(step("task/a", &[]), 9)])
        .limits(|limits| limits.deadline = ms(400))
        .script("task/a", vec![Attempt::new(10, failed(Class::Transient))]);
    let trace = trace(simulation);
    assert_eq!(trace.finish.unwrap().0, ms(10));
    assert_eq!(trace.diagnoses()[0].code, "BROKEN");
    assert_eq!(trace.exit_code(), 1);
}

#[test]
fn a_failure_names_what_it_blocks_and_skips_it() {
    let simulation =
        Simulation::new(chain()).script("deploy/a", vec![Attempt::new(10, failed(Class::Refused))]);
    let trace = trace(simulation);
    assert_eq!(outcome(&trace), (Outcome::Failed, 7));
    assert_eq!(trace.diagnoses().len(), 1);
    assert_eq!(trace.diagnoses()[0].blocks, ["deploy/b", "check/b"]);
    assert_eq!(trace.end("deploy/b"), State::Skipped);
    assert_eq!(trace.last("check/b").reason.as_deref(), Some("`deploy/a` failed"));
    assert_eq!(trace.last("check/b").blocked_by, ["deploy/a"]);
}

#[test]
fn each_class_has_its_exit_code() {
    for (class, code) in [
        (Class::Config, 3),
        (Class::Internal, 70),
        (Class::Permanent, 1),
        (Class::Prerequisite, 4),
        (Class::Refused, 7),
        (Class::Timeout, 5),
    ] {
        let simulation = Simulation::new(vec![step("task/a", &[])])
            .script("task/a", vec![Attempt::new(10, failed(class))]);
        assert_eq!(outcome(&trace(simulation)), (Outcome::Failed, code), "{class:?}");
    }
}

#[test]
fn the_first_of_two_failures_decides_unless_the_other_is_a_bug() {
    let run = |second: Class| {
        let simulation = Simulation::new(vec![step("check/a", &[]), step("check/b", &[])])
            .script("check/a", vec![Attempt::new(10, failed(Class::Refused))])
            .script("check/b", vec![Attempt::new(20, failed(second))]);
        trace(simulation).exit_code()
    };
    assert_eq!(run(Class::Permanent), 7);
    assert_eq!(run(Class::Internal), 70);
}

#[test]
fn after_a_failure_what_changes_things_stops_and_what_looks_goes_on() {
    let steps = vec![
        step("task/bad", &[]),
        step("task/pull", &[]),
        step("task/next", &["task/pull"]),
        step("check/slow", &[]),
        step("check/later", &["check/slow"]),
    ];
    let simulation = Simulation::new(steps)
        .script("task/bad", vec![Attempt::new(10, failed(Class::Permanent))])
        .script("task/pull", vec![Attempt::new(500, ready())])
        .script("check/slow", vec![Attempt::new(100, ready())]);
    let trace = trace(simulation);
    assert_eq!(trace.end("task/pull"), State::Cancelled);
    assert_eq!(trace.last("task/pull").reason.as_deref(), Some("stopped: `task/bad` failed"));
    assert_eq!(trace.end("task/next"), State::Skipped);
    assert_eq!(trace.end("check/slow"), State::Ready);
    assert_eq!(trace.end("check/later"), State::Ready);
    assert_eq!(outcome(&trace), (Outcome::Failed, 1));
    assert_eq!(trace.diagnoses().len(), 1);
}

#[test]
fn a_failed_check_does_not_stop_the_others() {
    let steps = vec![step("check/a", &[]), step("check/b", &[]), step("check/c", &[])];
    let simulation = Simulation::new(steps)
        .limits(|limits| limits.jobs = 1)
        .script("check/a", vec![Attempt::new(10, failed(Class::Permanent))])
        .script("check/c", vec![Attempt::new(10, failed(Class::Permanent))]);
    let trace = trace(simulation);
    assert_eq!(trace.end("check/b"), State::Ready);
    assert_eq!(trace.diagnoses().len(), 2);
}

#[test]
fn taking_down_goes_on_past_a_failure() {
    let steps = vec![step("deploy/b", &[]), step("deploy/a", &[]), step("task/t", &["deploy/b"])];
    let simulation = Simulation::new(steps)
        .limits(|limits| (limits.verb, limits.jobs) = (Verb::Stop, 1))
        .script("deploy/b", vec![Attempt::new(10, failed(Class::Permanent))]);
    let trace = trace(simulation);
    assert_eq!(trace.end("deploy/a"), State::Ready);
    assert_eq!(trace.end("task/t"), State::Skipped);
    assert_eq!(outcome(&trace), (Outcome::Failed, 1));
}

#[test]
fn an_optional_failure_degrades_and_strict_makes_it_a_failure() {
    let run = |strict| {
        let simulation =
            Simulation::new(vec![optional(step("check/a", &[])), step("check/b", &[])])
                .limits(|limits| limits.strict = strict)
                .script("check/a", vec![Attempt::new(5, failed(Class::Timeout))]);
        trace(simulation)
    };
    let trace = run(false);
    assert_eq!(outcome(&trace), (Outcome::Degraded, 6));
    assert_eq!(trace.end("check/a"), State::Degraded);
    assert_eq!(trace.diagnoses().len(), 1);
    assert_eq!(outcome(&run(true)), (Outcome::Degraded, 1));
}

#[test]
fn a_required_step_behind_an_optional_failure_fails_the_run() {
    let steps = vec![optional(step("check/a", &[])), step("task/t", &["check/a"])];
    let simulation =
        Simulation::new(steps).script("check/a", vec![Attempt::new(5, failed(Class::Permanent))]);
    let trace = trace(simulation);
    assert_eq!(trace.end("task/t"), State::Skipped);
    assert_eq!(outcome(&trace), (Outcome::Failed, 1));
}

#[test]
fn an_optional_step_behind_an_optional_failure_degrades() {
    let steps = vec![optional(step("check/a", &[])), optional(step("task/t", &["check/a"]))];
    let simulation =
        Simulation::new(steps).script("check/a", vec![Attempt::new(5, failed(Class::Permanent))]);
    assert_eq!(outcome(&trace(simulation)), (Outcome::Degraded, 6));
}

#[test]
fn a_bug_in_an_optional_step_is_not_hushed_up() {
    let simulation = Simulation::new(vec![optional(step("check/a", &[]))])
        .script("check/a", vec![Attempt::new(5, failed(Class::Internal))]);
    let trace = trace(simulation);
    assert_eq!(trace.end("check/a"), State::Failed);
    assert_eq!(outcome(&trace), (Outcome::Failed, 70));
}

#[test]
fn what_the_user_skips_counts_as_there() {
    let plan = Plan::new(chain()).unwrap();
    let selection = Selection { skip: vec!["deploy/a".to_owned()], ..Selection::default() };
    let trace = trace(Simulation::of(plan.select(&selection).unwrap()));
    assert_eq!(outcome(&trace), (Outcome::Ready, 0));
    assert_eq!(trace.course("deploy/a"), [State::Skipped]);
    assert_eq!(trace.last("deploy/a").reason.as_deref(), Some("left out by `--skip`"));
    assert_eq!(trace.end("deploy/b"), State::Ready);
}

#[test]
fn an_after_edge_waits_for_any_end() {
    let mut late = step("check/late", &[]);
    late.after = vec![crate::plan::fixture::id("task/a")];
    let simulation = Simulation::new(vec![optional(step("task/a", &[])), late])
        .script("task/a", vec![Attempt::new(30, failed(Class::Permanent))]);
    let trace = trace(simulation);
    assert_eq!(trace.starts()[1], (ms(30), "check/late"));
    assert_eq!(outcome(&trace), (Outcome::Degraded, 6));
}

#[test]
fn the_deadline_names_who_was_waiting_and_for_what() {
    let slow = Attempt::new(99_000, ready()).says(50, waiting("api: health starting"));
    let trace = trace(
        Simulation::new(chain())
            .limits(|limits| limits.deadline = ms(2000))
            .script("deploy/a", vec![slow]),
    );
    assert_eq!(outcome(&trace), (Outcome::Deadline, 5));
    assert_eq!(trace.finish.unwrap().0, ms(2005));
    let diagnoses = trace.diagnoses();
    assert_eq!(diagnoses.len(), 1);
    assert_eq!(diagnoses[0].code, "DEADLINE");
    assert_eq!(
        diagnoses[0].summary,
        "`deploy/a` still waited when the 2s were over: api: health starting"
    );
    assert_eq!(diagnoses[0].blocks, ["deploy/b", "check/b"]);
    assert_eq!(diagnoses[0].fix.as_ref().unwrap().command, "mlup start --timeout 4s");
    assert_eq!(trace.end("deploy/a"), State::Failed);
}

#[test]
fn a_step_that_sees_the_deadline_coming_tells_what_it_saw() {
    let failure = Failure::new(Class::Timeout, "UNHEALTHY", "`api` is unhealthy")
        .because("log api", "no database");
    // The run keeps a tenth of its time, at most a second, for this.
    let trace = trace(
        Simulation::new(chain())
            .limits(|limits| limits.deadline = ms(2000))
            .script("deploy/a", vec![Attempt::new(1790, StepEnd::Failed(failure))]),
    );
    assert_eq!(outcome(&trace), (Outcome::Deadline, 5));
    assert_eq!(trace.diagnoses()[0].code, "UNHEALTHY");
    assert_eq!(trace.diagnoses()[0].evidence[0].text, "no database");
}

#[test]
fn an_optional_check_that_is_late_degrades_only() {
    let trace = trace(
        Simulation::new(vec![step("task/a", &[]), optional(step("check/a", &[]))])
            .limits(|limits| limits.deadline = ms(1000))
            .script("check/a", vec![Attempt::new(99_000, ready())]),
    );
    assert_eq!(outcome(&trace), (Outcome::Degraded, 6));
}

#[test]
fn the_limit_of_a_step_holds_even_if_the_step_forgets_it() {
    let trace = trace(
        Simulation::new(vec![limited(step("task/hangs", &[]), 3000)])
            .script("task/hangs", vec![Attempt::new(99_000, ready())]),
    );
    assert_eq!(outcome(&trace), (Outcome::Failed, 5));
    assert_eq!(trace.diagnoses()[0].code, "STEP_TIMEOUT");
    assert_eq!(trace.diagnoses()[0].summary, "`task/hangs` did not end within its limit of 3s");
    assert_eq!(trace.finish.unwrap().0, ms(4005));
}

#[test]
fn the_limit_of_a_step_counts_over_all_attempts() {
    let trace = trace(
        Simulation::new(vec![limited(retrying(step("task/a", &[]), 99), 5000)])
            .script("task/a", vec![Attempt::new(900, failed(Class::Transient))]),
    );
    assert_eq!(outcome(&trace), (Outcome::Failed, 1));
    assert!(trace.finish.unwrap().0 <= ms(6000), "{:?}", trace.finish);
    assert!(trace.starts().len() < 5);
}

#[test]
fn cancel_stops_what_runs_and_begins_nothing() {
    let trace = trace(
        Simulation::new(chain())
            .cancel(15, Cancel::Interrupt)
            .script("deploy/a", vec![Attempt::new(5000, ready())]),
    );
    assert_eq!(outcome(&trace), (Outcome::Cancelled, 130));
    assert_eq!(trace.finish.unwrap().0, ms(20));
    assert_eq!(trace.end("docker"), State::Ready);
    for step in ["deploy/a", "deploy/b", "check/b"] {
        assert_eq!(trace.end(step), State::Cancelled, "{step}");
    }
    assert!(trace.diagnoses().is_empty());
}

#[test]
fn terminate_has_its_own_exit_code() {
    let trace = trace(Simulation::new(chain()).cancel(15, Cancel::Terminate));
    assert_eq!(outcome(&trace), (Outcome::Cancelled, 143));
}

#[test]
fn what_gets_done_in_spite_of_cancel_counts_as_done() {
    let trace = trace(
        Simulation::new(chain())
            .cancel(15, Cancel::Interrupt)
            .script("deploy/a", vec![Attempt::new(100, ready()).goes_on()]),
    );
    assert_eq!(trace.end("deploy/a"), State::Ready);
    assert_eq!(trace.end("deploy/b"), State::Cancelled);
    assert_eq!(outcome(&trace), (Outcome::Cancelled, 130));
}

#[test]
fn cancel_ends_the_wait_for_another_attempt() {
    let trace = trace(
        Simulation::new(vec![retrying(step("task/a", &[]), 5)])
            .cancel(100, Cancel::Interrupt)
            .script("task/a", vec![Attempt::new(10, failed(Class::Transient))]),
    );
    assert_eq!(trace.finish.unwrap().0, ms(100));
    assert_eq!(trace.end("task/a"), State::Cancelled);
    assert_eq!(trace.last("task/a").reason.as_deref(), Some("not tried again: interrupted"));
}

#[test]
fn waiting_is_told_when_its_reason_changes_and_only_then() {
    let says = Attempt::new(100, ready())
        .says(10, Progress::Phase(Phase::Verify))
        .says(20, waiting("2 of 3"))
        .says(30, waiting("2 of 3"))
        .says(40, waiting("3 of 3"));
    let trace = trace(Simulation::new(vec![step("task/a", &[])]).script("task/a", vec![says]));
    let reasons: Vec<Option<&str>> =
        trace.states().map(|(_, state)| state.reason.as_deref()).collect();
    assert_eq!(reasons, [None, None, Some("2 of 3"), Some("3 of 3"), Some("up")]);
    let phases: Vec<Option<Phase>> = trace.states().map(|(_, state)| state.phase).collect();
    assert_eq!(phases[1], Some(Phase::Verify));
}

#[test]
fn the_chain_that_decided_is_known_at_the_end() {
    let steps = vec![
        step("docker", &[]),
        step("task/slow", &["docker"]),
        step("task/fast", &["docker"]),
        step("check/a", &["task/fast", "task/slow"]),
    ];
    let (machine, _) =
        Simulation::new(steps).script("task/slow", vec![Attempt::new(700, ready())]).run();
    let path: Vec<(String, u64)> =
        machine.critical_path().into_iter().map(|entry| (entry.step, entry.duration_ms)).collect();
    assert_eq!(
        path,
        [("docker".to_owned(), 10), ("task/slow".to_owned(), 700), ("check/a".to_owned(), 10)]
    );
}
