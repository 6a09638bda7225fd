//! What a service manager hears of recorded runs, datagram by datagram.

use super::*;
use crate::event::WatchState;
use crate::report::fixture::{self, Recorder};

#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Vec<String>>>);

impl Ear {
    fn notify(&self, service: Service, pulse_ms: Option<u64>) -> Notify {
        let heard = Arc::clone(&self.0);
        let send = move |text: &str| heard.lock().unwrap().push(text.to_owned());
        Notify::new(Box::new(send), service, pulse_ms)
    }

    fn drain(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn heard_of(events: &[Event]) -> Vec<String> {
    let ear = Ear::default();
    let mut notify = ear.notify(Service::Oneshot, None);
    for event in events {
        notify.event(event);
    }
    ear.drain()
}

fn watching(state: Watching, reason: &str) -> EventKind {
    let reason = reason.to_owned();
    EventKind::WatchState(WatchState { state, reason, step: None, code: None, next_at: None })
}

#[test]
fn a_start_asks_for_time_and_says_what_is_in_the_way() {
    let heard = heard_of(&fixture::cold_start());
    let expected = [
        "EXTEND_TIMEOUT_USEC=120000000\nSTATUS=starting: 0 of 6 steps done",
        "STATUS=starting: 0 of 6 steps done; docker (looking)",
        "STATUS=starting: 1 of 6 steps done",
        "STATUS=starting: 1 of 6 steps done; network/mlnet (looking)",
        "STATUS=starting: 1 of 6 steps done; network/mlnet (making changes)",
        "STATUS=starting: 2 of 6 steps done",
        "STATUS=starting: 2 of 6 steps done; preflight/stack (looking)",
        "STATUS=starting: 3 of 6 steps done",
        "STATUS=starting: 3 of 6 steps done; images/stack (making changes)",
        "STATUS=starting: 4 of 6 steps done",
        "STATUS=starting: 4 of 6 steps done; deploy/stack (making changes)",
        "STATUS=starting: 4 of 6 steps done; deploy/stack (api: health starting)",
        "STATUS=starting: 4 of 6 steps done; deploy/stack (db: health starting)",
        "STATUS=starting: 5 of 6 steps done",
        "STATUS=starting: 5 of 6 steps done; check/api (looking)",
        "STATUS=starting: 6 of 6 steps done",
        "STATUS=ready: 6 steps",
    ];
    assert_eq!(heard, expected);
}

#[test]
fn the_last_status_of_a_failed_start_is_its_cause() {
    let heard = heard_of(&fixture::failed_start());
    let cause =
        "STATUS=failed: PORT_TAKEN deploy/stack: host port 8080 is taken by container `old-web`";
    assert_eq!(heard.last().unwrap(), cause);
    assert!(heard.iter().all(|text| !text.contains("READY=1")), "{heard:?}");
}

#[test]
fn time_is_asked_for_again_before_it_is_over_and_only_once_in_a_while() {
    let ear = Ear::default();
    let mut notify = ear.notify(Service::Oneshot, None);
    (0..=1_200).for_each(|tick| notify.tick(tick * 100));
    let asked = ear.drain();
    assert_eq!(asked, vec!["EXTEND_TIMEOUT_USEC=120000000"; 5]);
}

#[test]
fn a_watch_is_ready_once_and_asks_for_no_time_afterwards() {
    let ear = Ear::default();
    let mut notify = ear.notify(Service::Staying, Some(60_000));
    let mut recorder = Recorder::default();
    recorder.push(watching(Watching::Degraded, "docker does not answer"));
    recorder.at(100).push(watching(Watching::Ready, "6 steps"));
    recorder.at(200).push(watching(Watching::Mending, "api died"));
    recorder.at(300).push(watching(Watching::Ready, "api is back"));
    recorder.at(400).push(watching(Watching::Ended, "terminated"));
    for event in &recorder.events() {
        notify.event(event);
    }
    let expected = [
        "EXTEND_TIMEOUT_USEC=120000000\nSTATUS=not ready: docker does not answer",
        "READY=1\nSTATUS=ready: 6 steps",
        "STATUS=mending: api died",
        "STATUS=ready: api is back",
        "STOPPING=1\nSTATUS=over: terminated",
    ];
    assert_eq!(ear.drain(), expected);
    (0..=1_200).for_each(|tick| notify.tick(tick * 100));
    assert_eq!(ear.drain(), ["WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"]);
}

#[test]
fn a_run_within_a_watch_shares_what_was_said_and_has_a_clock_of_its_own() {
    let ear = Ear::default();
    let mut notify = ear.notify(Service::Staying, Some(60_000));
    notify.tick(90_000);
    assert_eq!(ear.drain(), ["EXTEND_TIMEOUT_USEC=120000000\nWATCHDOG=1"]);
    let mut run = notify.clone();
    run.tick(0);
    run.tick(100);
    assert_eq!(ear.drain(), ["EXTEND_TIMEOUT_USEC=120000000\nWATCHDOG=1"]);
}

#[test]
fn a_look_of_a_watch_that_is_ready_does_not_change_its_status() {
    let ear = Ear::default();
    let mut notify = ear.notify(Service::Staying, None);
    let mut recorder = Recorder::default();
    recorder.push(watching(Watching::Ready, "6 steps"));
    for event in recorder.events().iter().chain(&fixture::warm_start()) {
        notify.event(event);
    }
    assert_eq!(ear.drain(), ["READY=1\nSTATUS=ready: 6 steps"]);
}

#[test]
fn without_a_loop_that_ticks_there_is_no_sign_of_life() {
    let ear = Ear::default();
    let mut notify = ear.notify(Service::Staying, Some(1));
    for event in &fixture::cold_start() {
        notify.event(event);
    }
    assert!(ear.drain().iter().all(|text| !text.contains("WATCHDOG")));
}

#[test]
fn a_status_is_one_line_of_bounded_length() {
    let mut recorder = Recorder::default();
    recorder.push(watching(Watching::Degraded, &format!("one\nREADY=1\n{}", "x".repeat(1_000))));
    let heard = heard_of(&recorder.events());
    assert_eq!(heard[0].lines().count(), 2, "{heard:?}");
    assert!(heard[0].len() < 400 && !heard[0].contains("\nREADY"), "{heard:?}");
}
