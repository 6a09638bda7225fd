//! `mlup watch` as people run it: what dies, goes or ends is brought back, and what somebody does by
//! hand is respected.

mod by_hand;
mod gate;
mod on_docker;
mod secrets;

use mlup::event::{Event, EventKind, WatchState, Watching};

use crate::support::Sandbox;
use crate::support::running::Running;

/// Begins to watch, and waits until everything is up.
#[track_caller]
fn watch(sandbox: &Sandbox) -> Running {
    let mut watch = sandbox.spawn(&["watch", "--progress", "json"]);
    until(&mut watch, Watching::Ready);
    watch
}

/// Waits until the environment stands like this; what is said of it.
#[track_caller]
fn until(watch: &mut Running, wanted: Watching) -> WatchState {
    let mut found = None;
    watch.wait_event(|event: &Event| match &event.kind {
        EventKind::WatchState(state) if state.state == wanted => {
            found = Some(state.clone());
            true
        }
        _ => false,
    });
    found.unwrap()
}

/// Waits until this step was mended.
#[track_caller]
fn until_mended(watch: &mut Running, step: &str) {
    while !until(watch, Watching::Ready).reason.contains(step) {}
}
