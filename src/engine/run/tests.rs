//! The loop under paused time, with scripted steps.

use std::sync::Mutex;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::cycle::{LAST_PATIENCE, PATIENCE, TICK};
use super::*;
use crate::engine::signals::Interrupt;
use crate::event::{Event, Phase, State, Url};
use crate::plan::change::Settled;
use crate::plan::fixture::step;
use crate::plan::progress::{Progress, StepEnd};
use crate::plan::{Plan, Step};
use crate::policy::{Class, Failure};
use crate::redact::{Scrubber, Secret};
use crate::report::Report;

#[derive(Clone, Default)]
pub(super) struct Record {
    events: Arc<Mutex<Vec<Event>>>,
    finished: Arc<Mutex<u32>>,
    ticks: Arc<Mutex<u32>>,
}

impl Report for Record {
    fn event(&mut self, event: &Event) {
        self.events.lock().unwrap().push(event.clone());
    }

    fn tick(&mut self, _elapsed_ms: u64) {
        *self.ticks.lock().unwrap() += 1;
    }

    fn finish(&mut self) {
        *self.finished.lock().unwrap() += 1;
    }
}

impl Record {
    pub(super) fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    pub(super) fn end(&self, step: &str) -> State {
        let mut states = self.events().into_iter().filter_map(|event| match event.kind {
            EventKind::StepState(state) if state.step == step => Some(state.to),
            _ => None,
        });
        states.next_back().unwrap()
    }
}

pub(super) struct Stage {
    pub(super) record: Record,
    pub(super) signals: UnboundedSender<Interrupt>,
    force: CancellationToken,
    pub(super) run: Run,
}

pub(super) fn stage(steps: Vec<Step>) -> Stage {
    let record = Record::default();
    let (signals, interrupts) = unbounded_channel();
    let force = CancellationToken::new();
    let run = Run {
        plan: Plan::new(steps).unwrap().into(),
        verb: Verb::Start,
        project: "demo".to_owned(),
        profile: "compose".to_owned(),
        id: "run-1".to_owned(),
        jobs: 4,
        deadline: Duration::from_secs(60),
        strict: false,
        seed: 1,
        scrubber: Scrubber::new(&[Secret::new("c4n4ry")]),
        reports: vec![Box::new(record.clone())],
        interrupts,
        tunnels: None,
        force: force.clone(),
        urls: Arc::new(|| {
            let url = Url { name: "api".into(), url: "http://localhost:1".into(), login: None };
            Box::pin(async move { vec![url] })
        }),
        last_look: None,
    };
    Stage { record, signals, force, run }
}

pub(super) fn settled() -> StepEnd {
    StepEnd::Settled { settled: Settled::ready("up"), changed: true }
}

/// Each step takes a second, unless it is told to stop.
pub(super) fn obedient() -> Stepper {
    Arc::new(|_, attempt| {
        Box::pin(async move {
            tokio::select! {
                () = sleep(Duration::from_secs(1)) => settled(),
                () = attempt.cancel.cancelled() => StepEnd::Cancelled,
            }
        })
    })
}

/// Never ends, whatever it is told.
fn deaf() -> Stepper {
    Arc::new(|_, _| Box::pin(std::future::pending()))
}

pub(super) fn chain() -> Vec<Step> {
    vec![step("docker", &[]), step("task/a", &["docker"]), step("task/b", &["task/a"])]
}

#[tokio::test(start_paused = true)]
async fn a_run_ends_ready_with_its_path_and_addresses() {
    let stage = stage(chain());
    let finish = run(stage.run, obedient()).await;
    assert_eq!((finish.outcome, finish.exit_code), (Outcome::Ready, 0));
    let events = stage.record.events();
    assert!(matches!(&events[0].kind, EventKind::RunStarted { steps, .. } if steps.len() == 3));
    let EventKind::RunFinished { critical_path, urls, .. } = &events.last().unwrap().kind else {
        panic!("{events:?}");
    };
    assert_eq!((critical_path.len(), urls.len()), (3, 1));
    assert_eq!(critical_path[2].duration_ms, 1000);
    assert_eq!(*stage.record.finished.lock().unwrap(), 1);
    assert!(*stage.record.ticks.lock().unwrap() >= 29);
}

#[tokio::test(start_paused = true)]
async fn events_are_numbered_without_gaps_and_in_time() {
    let stage = stage(chain());
    run(stage.run, obedient()).await;
    let events = stage.record.events();
    let numbers: Vec<u64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>());
    assert!(events.windows(2).all(|pair| pair[0].elapsed_ms <= pair[1].elapsed_ms));
    assert!(events.iter().all(|event| event.run == "run-1" && event.v == 1));
}

#[tokio::test(start_paused = true)]
async fn what_a_step_said_last_comes_before_its_end() {
    let stage = stage(vec![step("task/a", &[])]);
    let talkative: Stepper = Arc::new(|step, attempt| {
        Box::pin(async move {
            let say = |progress| attempt.progress.send((step.id.clone(), progress)).unwrap();
            say(Progress::Phase(Phase::Apply));
            for _ in 0..50 {
                let line = "token c4n4ry".to_owned();
                say(Progress::Output { stream: crate::event::Stream::Stdout, line });
            }
            settled()
        })
    });
    run(stage.run, talkative).await;
    let events = stage.record.events();
    let end = events
        .iter()
        .position(
            |event| matches!(&event.kind, EventKind::StepState(moved) if moved.to == State::Ready),
        )
        .unwrap();
    let lines = events.iter().filter_map(|event| match &event.kind {
        EventKind::StepOutput { line, .. } => Some((event.seq, line.clone())),
        _ => None,
    });
    let lines: Vec<(u64, String)> = lines.collect();
    assert_eq!(lines.len(), 50);
    assert!(lines.iter().all(|(seq, _)| *seq < end as u64));
    assert!(lines.iter().all(|(_, line)| line == "token [redacted]"));
}

#[tokio::test(start_paused = true)]
async fn a_signal_stops_the_run_midway() {
    let stage = stage(chain());
    let signals = stage.signals.clone();
    tokio::spawn(async move {
        sleep(Duration::from_millis(1500)).await;
        signals.send(Interrupt::Terminate).unwrap();
    });
    let began = Instant::now();
    let finish = run(stage.run, obedient()).await;
    assert_eq!((finish.outcome, finish.exit_code), (Outcome::Cancelled, 143));
    assert!(began.elapsed() < Duration::from_millis(1600), "{:?}", began.elapsed());
    assert_eq!(stage.record.end("docker"), State::Ready);
    assert_eq!(stage.record.end("task/a"), State::Cancelled);
    assert_eq!(stage.record.end("task/b"), State::Cancelled);
    assert!(!stage.force.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_second_signal_forces_and_the_run_ends_without_the_deaf() {
    let stage = stage(chain());
    stage.signals.send(Interrupt::Interrupt).unwrap();
    let signals = stage.signals.clone();
    tokio::spawn(async move {
        sleep(Duration::from_secs(2)).await;
        signals.send(Interrupt::Interrupt).unwrap();
    });
    let deaf_from_the_start: Stepper = deaf();
    let began = Instant::now();
    let finish = run(stage.run, deaf_from_the_start).await;
    assert_eq!(finish.exit_code, 130);
    assert!(stage.force.is_cancelled());
    assert!(began.elapsed() <= Duration::from_secs(8), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn one_signal_is_enough_even_if_a_step_never_stops() {
    let stage = stage(chain());
    stage.signals.send(Interrupt::Interrupt).unwrap();
    let began = Instant::now();
    let finish = run(stage.run, deaf()).await;
    assert_eq!(finish.exit_code, 130);
    assert!(began.elapsed() <= PATIENCE + LAST_PATIENCE + TICK, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_the_run() {
    let mut stage = stage(chain());
    stage.run.deadline = Duration::from_millis(1500);
    let began = Instant::now();
    let finish = run(stage.run, obedient()).await;
    assert_eq!((finish.outcome, finish.exit_code), (Outcome::Deadline, 5));
    assert!(began.elapsed() < Duration::from_millis(1600), "{:?}", began.elapsed());
    assert_eq!(stage.record.end("task/a"), State::Failed);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_may_pass_is_tried_again_after_its_delay() {
    let stage = stage(vec![step("task/a", &[])]);
    let count = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&count);
    let flaky: Stepper = Arc::new(move |_, _| {
        let mut count = counter.lock().unwrap();
        *count += 1;
        let end = if *count < 3 {
            StepEnd::Failed(Failure::new(Class::Transient, "BUSY", "it is busy"))
        } else {
            settled()
        };
        Box::pin(async move { end })
    });
    let began = Instant::now();
    let finish = run(stage.run, flaky).await;
    assert_eq!(finish.exit_code, 0);
    assert_eq!(*count.lock().unwrap(), 3);
    assert!(began.elapsed() >= Duration::from_millis(750), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_step_is_a_bug_and_no_hang() {
    let stage = stage(chain());
    let broken: Stepper = Arc::new(|step, _| {
        assert_ne!(step.id.as_str(), "task/a", "an idea that was wrong");
        Box::pin(async { settled() })
    });
    let finish = run(stage.run, broken).await;
    assert_eq!((finish.outcome, finish.exit_code), (Outcome::Failed, 70));
    let found = stage.record.events().into_iter().find_map(|event| match event.kind {
        EventKind::Diagnosis(diagnosis) => Some(diagnosis),
        _ => None,
    });
    let diagnosis = found.unwrap();
    assert_eq!((diagnosis.step.as_str(), diagnosis.code.as_str()), ("task/a", "INTERNAL"));
    assert!(diagnosis.evidence[0].text.contains("an idea that was wrong"), "{diagnosis:?}");
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_never_stops_talking_does_not_hold_up_the_deadline() {
    let mut stage = stage(vec![step("task/a", &[])]);
    stage.run.deadline = Duration::from_secs(1);
    let chatty: Stepper = Arc::new(|step, attempt| {
        Box::pin(async move {
            while !attempt.cancel.is_cancelled() {
                let line = "still here".to_owned();
                let said = Progress::Output { stream: crate::event::Stream::Stdout, line };
                attempt.progress.send((step.id.clone(), said)).unwrap();
                sleep(Duration::from_millis(1)).await;
            }
            StepEnd::Cancelled
        })
    });
    assert_eq!(run(stage.run, chatty).await.outcome, Outcome::Deadline);
}

#[tokio::test(start_paused = true)]
async fn reports_are_told_of_the_end_even_if_the_run_is_dropped() {
    let stage = stage(chain());
    let _ = timeout(Duration::from_millis(500), run(stage.run, obedient())).await;
    assert_eq!(*stage.record.finished.lock().unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn addresses_that_cannot_be_found_do_not_hold_up_the_end() {
    let mut stage = stage(chain());
    stage.run.urls = Arc::new(|| Box::pin(std::future::pending()));
    let began = Instant::now();
    assert_eq!(run(stage.run, obedient()).await.exit_code, 0);
    assert!(began.elapsed() <= Duration::from_secs(3) + URLS + TICK, "{:?}", began.elapsed());
}
