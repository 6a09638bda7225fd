//! What is lost at the end of a start, under paused time.

use std::sync::Mutex;

use futures_util::FutureExt;
use tokio::time::sleep;

use super::tests::{Stage, chain, obedient, settled, stage};
use super::*;
use crate::config::model::Purge;
use crate::engine::order::{LastLook, Loss};
use crate::engine::signals::Interrupt;
use crate::event::{Diagnosis, Event, Recovery, Safety, State};
use crate::plan::Plan;
use crate::plan::progress::StepEnd;
use crate::policy::escalate::Reach;
use crate::policy::{Class, Failure};

fn gone() -> Failure {
    Failure::new(Class::Transient, "CLUSTER_VANISHED", "the node container is gone")
        .because("docker inspect", "no such container: demo")
}

/// Finds `docker`, the first step of the chain, lost as often as it is said; counts the looks.
fn lost(times: u32) -> (LastLook, Arc<Mutex<u32>>) {
    let looks = Arc::new(Mutex::new(0));
    let count = Arc::clone(&looks);
    let look: LastLook = Arc::new(move || {
        let mut looks = count.lock().unwrap();
        *looks += 1;
        let loss = Loss { step: StepId::single("docker"), failure: gone() };
        let loss = (*looks <= times).then_some(loss);
        async move { loss }.boxed()
    });
    (look, looks)
}

fn staged(times: u32) -> (Stage, Arc<Mutex<u32>>) {
    let mut stage = stage(chain());
    let (look, looks) = lost(times);
    stage.run.last_look = Some(look);
    (stage, looks)
}

fn count(events: &[Event], test: impl Fn(&EventKind) -> bool) -> usize {
    events.iter().filter(|event| test(&event.kind)).count()
}

fn diagnosis(events: &[Event]) -> Diagnosis {
    let found = events.iter().find_map(|event| match &event.kind {
        EventKind::Diagnosis(diagnosis) => Some(diagnosis.clone()),
        _ => None,
    });
    found.unwrap()
}

fn recovered(events: &[Event]) -> Vec<Recovery> {
    match &events.last().unwrap().kind {
        EventKind::RunFinished { recovered, .. } => recovered.clone(),
        other => panic!("{other:?}"),
    }
}

/// Every state follows from the one before it, also from one round to the next.
fn assert_gapless(events: &[Event]) {
    let mut known = std::collections::HashMap::new();
    for (at, event) in events.iter().enumerate() {
        assert_eq!(event.seq, at as u64);
        if let EventKind::StepState(state) = &event.kind {
            let before = known.insert(state.step.clone(), state.to).unwrap_or(State::Pending);
            assert_eq!(before, state.from, "{state:?}");
        }
    }
    assert_eq!(count(events, |kind| matches!(kind, EventKind::RunStarted { .. })), 1);
    assert_eq!(count(events, |kind| matches!(kind, EventKind::RunFinished { .. })), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_once_is_brought_up_again_in_the_same_run() {
    let (stage, looks) = staged(1);
    let began = Instant::now();
    let finish = run(stage.run, obedient()).await;
    assert_eq!((finish.outcome, finish.exit_code), (Outcome::Ready, 0));
    assert_eq!(*looks.lock().unwrap(), 2);
    assert!(began.elapsed() >= Duration::from_secs(6), "{:?}", began.elapsed());
    let events = stage.record.events();
    assert_gapless(&events);
    let told = events.iter().find_map(|event| match &event.kind {
        EventKind::Warning { step, code, message, .. } => {
            Some((step.clone().unwrap(), code.clone(), message.clone()))
        }
        _ => None,
    });
    let message = "it was up and is lost: the node container is gone".to_owned();
    assert_eq!(told, Some(("docker".to_owned(), "CLUSTER_LOST".to_owned(), message)));
    let escalations = count(
        &events,
        |kind| matches!(kind, EventKind::Escalation { rung, attempt: 1, .. } if rung == "start"),
    );
    assert_eq!(escalations, 1);
    let reason = gone().summary;
    let recovery =
        Recovery { step: "docker".to_owned(), attempt: 1, rung: "start".to_owned(), reason };
    assert_eq!(recovered(&events), [recovery]);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_stay_fails_the_run_after_two_repeats() {
    let (stage, looks) = staged(u32::MAX);
    let finish = run(stage.run, obedient()).await;
    assert_eq!((finish.outcome, finish.exit_code), (Outcome::Failed, 1));
    assert_eq!(*looks.lock().unwrap(), 3);
    let events = stage.record.events();
    assert_gapless(&events);
    assert_eq!(stage.record.end("docker"), State::Failed);
    let diagnosis = diagnosis(&events);
    assert_eq!((diagnosis.step.as_str(), diagnosis.code.as_str()), ("docker", "CLUSTER_LOST"));
    assert_eq!(
        diagnosis.summary,
        "`docker` came up and was lost 3 times: the node container is gone"
    );
    assert_eq!(diagnosis.evidence, gone().evidence);
    assert_eq!(diagnosis.fix.unwrap().safety, Safety::Safe);
    assert_eq!(recovered(&events), []);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_failed_because_of_the_loss_gets_its_chance() {
    let (mut stage, _) = staged(1);
    stage.run.plan = Plan::new(chain()).unwrap().into();
    let tries = Arc::new(Mutex::new(0));
    let count = Arc::clone(&tries);
    let stepper: Stepper = Arc::new(move |step, _| {
        let mut tries = count.lock().unwrap();
        let is_victim = step.id.as_str() == "task/b";
        *tries += u32::from(is_victim);
        let failed = is_victim && *tries == 1;
        let end = if failed {
            StepEnd::Failed(Failure::new(Class::Permanent, "TOOL_FAILED", "no cluster"))
        } else {
            settled()
        };
        async move { end }.boxed()
    });
    assert_eq!(run(stage.run, stepper).await.exit_code, 0);
    assert_eq!(stage.record.end("task/b"), State::Ready);
    assert_gapless(&stage.record.events());
}

#[tokio::test(start_paused = true)]
async fn ctrl_c_in_a_repeat_ends_the_run_for_good() {
    let (stage, looks) = staged(u32::MAX);
    let signals = stage.signals.clone();
    tokio::spawn(async move {
        sleep(Duration::from_millis(4500)).await;
        signals.send(Interrupt::Interrupt).unwrap();
    });
    let finish = run(stage.run, obedient()).await;
    assert_eq!((finish.outcome, finish.exit_code), (Outcome::Cancelled, 130));
    assert_eq!(*looks.lock().unwrap(), 1);
    assert_gapless(&stage.record.events());
}

#[tokio::test(start_paused = true)]
async fn a_signal_ends_the_last_look() {
    let mut stage = stage(chain());
    stage.run.last_look = Some(Arc::new(|| std::future::pending().boxed()));
    let signals = stage.signals.clone();
    tokio::spawn(async move {
        sleep(Duration::from_millis(3500)).await;
        signals.send(Interrupt::Terminate).unwrap();
    });
    let began = Instant::now();
    let finish = run(stage.run, obedient()).await;
    assert_eq!((finish.outcome, finish.exit_code), (Outcome::Cancelled, 143));
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_look_without_an_answer_is_no_loss() {
    let mut patient = stage(chain());
    patient.run.last_look = Some(Arc::new(|| std::future::pending().boxed()));
    assert_eq!(run(patient.run, obedient()).await.outcome, Outcome::Ready);

    let mut short = stage(chain());
    short.run.deadline = Duration::from_secs(4);
    short.run.last_look = Some(Arc::new(|| std::future::pending().boxed()));
    let began = Instant::now();
    assert_eq!(run(short.run, obedient()).await.outcome, Outcome::Ready);
    assert!(began.elapsed() <= Duration::from_secs(4) + URLS, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_one_over_all_repeats() {
    let (mut stage, looks) = staged(u32::MAX);
    stage.run.deadline = Duration::from_millis(4500);
    let began = Instant::now();
    let finish = run(stage.run, obedient()).await;
    assert_eq!((finish.outcome, finish.exit_code), (Outcome::Deadline, 5));
    assert!(began.elapsed() < Duration::from_millis(4600), "{:?}", began.elapsed());
    assert_eq!(*looks.lock().unwrap(), 1);
    assert_gapless(&stage.record.events());
}

#[tokio::test(start_paused = true)]
async fn taking_down_does_not_look() {
    for verb in [Verb::Stop, Verb::Reset, Verb::Purge] {
        let (mut stage, looks) = staged(u32::MAX);
        stage.run.verb = verb;
        assert_eq!(run(stage.run, obedient()).await.exit_code, 0);
        assert_eq!(*looks.lock().unwrap(), 0, "{verb:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_recovery_is_at_its_end_nobody_looks() {
    let (mut stage, looks) = staged(u32::MAX);
    let mut steps = chain();
    steps[0].ladder = Some(Reach::Own(Purge::Profile));
    stage.run.plan = Plan::new(steps).unwrap().into();
    let stepper: Stepper = Arc::new(|_, _| {
        let failure = Failure::new(Class::Prerequisite, "DOCKER_DOWN", "no engine");
        async move { StepEnd::Failed(failure) }.boxed()
    });
    assert_eq!(run(stage.run, stepper).await.exit_code, 4);
    assert_eq!(*looks.lock().unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_this_run_did_not_bring_up_cannot_be_lost_by_it() {
    let mut stage = stage(chain());
    stage.run.last_look = Some(Arc::new(|| {
        let loss = Loss { step: StepId::single("cluster"), failure: gone() };
        async move { Some(loss) }.boxed()
    }));
    assert_eq!(run(stage.run, obedient()).await.outcome, Outcome::Ready);
}
