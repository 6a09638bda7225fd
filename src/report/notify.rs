//! What a service manager is told, as `sd_notify(3)` has it: that the environment is ready, what is in
//! the way, that mlup lives. Datagrams as text; the socket is `host/notify`.

use std::sync::{Arc, Mutex, PoisonError};

use crate::event::{Event, EventKind, Outcome, State, Verb, Watching};
use crate::report::board::{Board, Row};
use crate::report::{Report, summary, text};

/// How much more time is asked for, in microseconds.
const EXTENSION_US: u64 = 120_000_000;
/// How often it is asked for, in milliseconds: often enough for two requests to be lost.
const EXTEND_EVERY_MS: u64 = 30_000;
/// Columns of a status; `systemctl status` shows one line.
const STATUS_COLUMNS: usize = 300;
/// Steps that a status names.
const NAMED_STEPS: usize = 2;

/// Sends one datagram.
pub type Send = Box<dyn FnMut(&str) + std::marker::Send>;

/// What kind of service speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// One that ends when it is done: its end says whether it is ready.
    Oneshot,
    /// One that stays: it says when it is ready.
    Staying,
}

/// The report to a service manager. Clones share what was said, so that one service may show several
/// runs.
#[derive(Clone)]
pub struct Notify(Arc<Mutex<Speaker>>);

struct Speaker {
    send: Send,
    service: Service,
    /// Milliseconds between two signs of life; none where nobody waits for one.
    pulse_ms: Option<u64>,
    board: Board,
    status: String,
    /// When more time was last asked for, in the time of the run.
    extended_ms: Option<u64>,
    pulsed_ms: Option<u64>,
    is_ready: bool,
}

impl Notify {
    /// A report that sends with this; a sign of life every `pulse_ms` milliseconds, from
    /// [`Report::tick`] alone: it shows that the loop behind it goes on.
    #[must_use]
    pub fn new(send: Send, service: Service, pulse_ms: Option<u64>) -> Self {
        Self(Arc::new(Mutex::new(Speaker {
            send,
            service,
            pulse_ms,
            board: Board::default(),
            status: String::new(),
            extended_ms: None,
            pulsed_ms: None,
            is_ready: false,
        })))
    }

    /// Says this of work that makes no events.
    pub fn say(&self, status: &str, elapsed_ms: u64) {
        self.with(|speaker| {
            let mut said: Vec<String> = speaker.extension(elapsed_ms).into_iter().collect();
            said.extend(speaker.status(status));
            speaker.say(&said);
        });
    }

    fn with(&self, act: impl FnOnce(&mut Speaker)) {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Report for Notify {
    fn event(&mut self, event: &Event) {
        self.with(|speaker| speaker.event(event));
    }

    fn tick(&mut self, elapsed_ms: u64) {
        self.with(|speaker| speaker.tick(elapsed_ms));
    }

    fn finish(&mut self) {}
}

impl Speaker {
    fn event(&mut self, event: &Event) {
        if matches!(event.kind, EventKind::RunStarted { .. }) {
            self.board = Board::default();
        }
        self.board.apply(event);
        let mut said = Vec::new();
        match &event.kind {
            EventKind::WatchState(watch) => {
                if watch.state == Watching::Ready && !self.is_ready {
                    self.is_ready = true;
                    said.push("READY=1".to_owned());
                }
                if watch.state == Watching::Ended {
                    said.push("STOPPING=1".to_owned());
                }
                said.extend(self.status(&watch_status(watch.state, &watch.reason)));
            }
            // Once it is up, the watch says how it stands; its looks come and go.
            _ if self.is_ready => {}
            _ => said.extend(self.status(&run_status(&self.board))),
        }
        said.splice(0..0, self.extension(event.elapsed_ms));
        self.say(&said);
    }

    fn tick(&mut self, now_ms: u64) {
        let mut said: Vec<String> = self.extension(now_ms).into_iter().collect();
        if self.pulse_ms.is_some_and(|every| is_due(&mut self.pulsed_ms, now_ms, every)) {
            said.push("WATCHDOG=1".to_owned());
        }
        self.say(&said);
    }

    /// A request for more time, as long as the service has not said that it is ready.
    fn extension(&mut self, now_ms: u64) -> Option<String> {
        let wanted = self.service == Service::Oneshot || !self.is_ready;
        let is_due = wanted && is_due(&mut self.extended_ms, now_ms, EXTEND_EVERY_MS);
        is_due.then(|| format!("EXTEND_TIMEOUT_USEC={EXTENSION_US}"))
    }

    /// The status, unless it was said last.
    fn status(&mut self, status: &str) -> Option<String> {
        let status = text::clip(&text::clean(status), STATUS_COLUMNS, "...");
        if status.is_empty() || status == self.status {
            return None;
        }
        self.status.clone_from(&status);
        Some(format!("STATUS={status}"))
    }

    fn say(&mut self, lines: &[String]) {
        if !lines.is_empty() {
            (self.send)(&lines.join("\n"));
        }
    }
}

/// Whether so much time has passed since the last time; remembers this one. A clock that goes back is
/// that of another run.
fn is_due(last: &mut Option<u64>, now_ms: u64, every_ms: u64) -> bool {
    let due = last.is_none_or(|last| now_ms < last || now_ms - last >= every_ms);
    if due {
        *last = Some(now_ms);
    }
    due
}

fn watch_status(state: Watching, reason: &str) -> String {
    let word = match state {
        Watching::Ready => "ready",
        Watching::Mending => "mending",
        Watching::Degraded => "not ready",
        Watching::Paused => "paused",
        Watching::Ended => "over",
    };
    if reason.is_empty() { word.to_owned() } else { format!("{word}: {reason}") }
}

fn run_status(board: &Board) -> String {
    let Some(head) = &board.head else { return String::new() };
    match &board.end {
        Some(end) => verdict(board, end.outcome),
        None => format!("{}: {}", doing(head.action), progress(board)),
    }
}

fn doing(verb: Verb) -> &'static str {
    match verb {
        Verb::Start => "starting",
        Verb::Stop => "stopping",
        Verb::Reset => "resetting",
        Verb::Purge => "purging",
        Verb::Fix => "repairing",
    }
}

/// How far it is, then the blocker: the first of what goes on.
fn progress(board: &Board) -> String {
    let (up, steps) = (board.count(Row::is_up), text::count(board.rows.len(), "step"));
    let active = board.active();
    let named: Vec<String> = active.iter().take(NAMED_STEPS).map(|row| named(row)).collect();
    let more = match active.len().saturating_sub(NAMED_STEPS) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    if named.is_empty() {
        return format!("{up} of {steps} done");
    }
    format!("{up} of {steps} done; {}{more}", named.join(", "))
}

fn named(row: &Row) -> String {
    match row.note() {
        "" => row.id.clone(),
        note => format!("{} ({note})", row.id),
    }
}

fn verdict(board: &Board, outcome: Outcome) -> String {
    let cause = summary::causes(board)
        .first()
        .map(|cause| format!(": {} {}: {}", cause.code, cause.step, cause.summary))
        .unwrap_or_default();
    let done = board.head.as_ref().map_or("done", |head| match head.action {
        Verb::Start => "ready",
        Verb::Stop => "stopped",
        Verb::Reset => "reset",
        Verb::Purge => "purged",
        Verb::Fix => "repaired",
    });
    match outcome {
        Outcome::Ready => format!("{done}: {}", text::count(board.count(Row::is_up), "step")),
        Outcome::Degraded => format!("degraded{cause}"),
        Outcome::Failed => format!("failed{cause}"),
        Outcome::Deadline => {
            let late: Vec<&str> = board
                .rows
                .iter()
                .filter(|row| row.attempt > 0 && !row.is_up() && row.state != State::Skipped)
                .map(|row| row.id.as_str())
                .collect();
            format!("the deadline passed; not ready: {}", late.join(", "))
        }
        Outcome::Cancelled => "interrupted".to_owned(),
    }
}

#[cfg(test)]
#[path = "notify_tests.rs"]
mod tests;
