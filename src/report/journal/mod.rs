//! Entries of systemd's journal: what the plain report says, each thing once, with fields that
//! `journalctl MLUP_STEP=deploy/stack` finds. The journal has times of its own, and needs no sign that
//! the run is alive.

mod record;

use std::io::Write;

use crate::event::{
    Diagnosis, Event, EventKind, Outcome, State, StepState, TunnelStage, WatchState, Watching,
};
use crate::report::board::Board;
use crate::report::entry::{self, Entry, Mark};
use crate::report::hold::Holds;
use crate::report::mode::Detail;
use crate::report::{Look, Report, Style, failure, plain, summary, text};
use record::{Priority, Record};

/// Columns of the block of a failure: a journal has no width.
const WIDTH: usize = 100;

/// Sends one datagram to the journal; `false` when it did not take it.
pub type SendDatagram = Box<dyn FnMut(&[u8]) -> bool + Send>;

/// The report to the journal.
pub struct Journal {
    send: Option<SendDatagram>,
    lines: Box<dyn Write + Send>,
    look: Look,
    board: Board,
    holds: Holds,
}

impl Journal {
    /// A report that sends with this, and writes lines to the stream behind `lines`, which the journal
    /// reads too, where that is not possible.
    #[must_use]
    pub fn new(send: Option<SendDatagram>, lines: Box<dyn Write + Send>, look: Look) -> Self {
        Self { send, lines, look, board: Board::default(), holds: Holds::default() }
    }

    fn write(&mut self, record: &Record) {
        let sent = self.send.as_mut().is_some_and(|send| send(&record.native()));
        if !sent {
            // A journal that went away is no reason to stop the run.
            let text = record.lines();
            let _ = self.lines.write_all(text.as_bytes()).and_then(|()| self.lines.flush());
        }
    }

    /// With the fields that every entry of this run has.
    fn signed(&self, record: Record, event: &Event) -> Record {
        let head = self.board.head.as_ref();
        record
            .with("MLUP_RUN", &event.run)
            .with_some("MLUP_PROJECT", head.map(|head| &head.project))
            .with_some("MLUP_PROFILE", head.map(|head| &head.profile))
    }

    /// What an event is worth to the journal.
    fn records(&mut self, event: &Event) -> Vec<Record> {
        let detail = self.look.detail;
        match &event.kind {
            EventKind::RunStarted { .. } if detail > Detail::Quiet => {
                let steps = self.board.rows.len();
                let opening = self.board.head.as_ref().map(|head| plain::opening(head, steps));
                let text = opening.map(|line| line.paint(Style::default()));
                text.map(|text| Record::new(Priority::Info, text)).into_iter().collect()
            }
            EventKind::RunFinished { outcome, exit_code, .. } => self.ending(*outcome, *exit_code),
            EventKind::WatchState(watch) => vec![of_watch(watch)],
            EventKind::StepState(state) if !self.holds.may_say(state, event.elapsed_ms) => {
                Vec::new()
            }
            kind => {
                let said = entry::entry(kind, detail);
                said.map(|entry| of_entry(&entry, kind)).into_iter().collect()
            }
        }
    }

    /// Each root cause with its block, then the verdict.
    fn ending(&self, outcome: Outcome, exit_code: u8) -> Vec<Record> {
        let causes = summary::causes(&self.board).into_iter().map(of_diagnosis);
        let mut records: Vec<Record> = causes.collect();
        let verdict = summary::verdict_text(&self.board).unwrap_or_default();
        let priority = match outcome {
            Outcome::Ready => Priority::Notice,
            Outcome::Degraded | Outcome::Cancelled => Priority::Warning,
            Outcome::Failed | Outcome::Deadline => Priority::Error,
        };
        let verdict = Record::new(priority, verdict)
            .with("MLUP_OUTCOME", outcome_word(outcome))
            .with("MLUP_EXIT_CODE", &exit_code)
            .with_some("MLUP_RUN_LOG", self.look.run_log.as_ref());
        records.push(verdict);
        records
    }
}

impl Report for Journal {
    fn event(&mut self, event: &Event) {
        if matches!(event.kind, EventKind::RunStarted { .. }) {
            // A watch shows one run after the other.
            self.board = Board::default();
            self.holds = Holds::default();
        }
        self.board.apply(event);
        for record in self.records(event) {
            let record = self.signed(record, event);
            self.write(&record);
        }
    }

    fn tick(&mut self, elapsed_ms: u64) {
        if self.look.detail == Detail::Quiet || self.board.end.is_some() {
            return;
        }
        for entry in self.holds.due(&self.board, elapsed_ms) {
            let record = Record::new(Priority::Info, message(&entry))
                .with("MLUP_STEP", &entry.subject)
                .with("MLUP_STATE", "waiting");
            self.write(&record);
        }
    }

    fn finish(&mut self) {}
}

fn of_entry(entry: &Entry, kind: &EventKind) -> Record {
    let record = Record::new(priority(entry.mark), message(entry));
    let record = match kind {
        EventKind::StepState(state) => of_state(record, state),
        EventKind::TunnelState(state) => record.with("MLUP_TUNNEL", &state.to),
        EventKind::Warning { step, .. } => record.with_some("MLUP_STEP", step.as_ref()),
        _ => record.with("MLUP_STEP", &entry.subject),
    };
    record.with_some("MLUP_CODE", entry.code.as_ref())
}

fn of_state(record: Record, state: &StepState) -> Record {
    record
        .with("MLUP_STEP", &state.step)
        .with("MLUP_STATE", Mark::State(state.to).word())
        .with("MLUP_ATTEMPT", &state.attempt)
        .with("MLUP_DURATION_MS", &state.duration_ms)
}

fn of_diagnosis(diagnosis: &Diagnosis) -> Record {
    let block = failure::render(diagnosis, WIDTH, Style::default());
    Record::new(Priority::Error, block.trim_end())
        .with("MLUP_STEP", &diagnosis.step)
        .with("MLUP_CODE", &diagnosis.code)
        .with_some("MLUP_FIX", diagnosis.fix.as_ref().map(|fix| &fix.command))
}

fn of_watch(watch: &WatchState) -> Record {
    let (priority, word) = match watch.state {
        Watching::Ready => (Priority::Notice, "ready"),
        Watching::Mending => (Priority::Notice, "mending"),
        Watching::Degraded => (Priority::Warning, "degraded"),
        Watching::Paused => (Priority::Notice, "paused"),
        Watching::Ended => (Priority::Notice, "ended"),
    };
    let reason = text::clean(&watch.reason);
    Record::new(priority, format!("watch {word}: {reason}"))
        .with("MLUP_WATCH", word)
        .with_some("MLUP_STEP", watch.step.as_ref())
        .with_some("MLUP_CODE", watch.code.as_ref())
}

fn priority(mark: Mark) -> Priority {
    match mark {
        Mark::Output | Mark::Probe => Priority::Debug,
        Mark::Rung
        | Mark::Tunnel(TunnelStage::Down)
        | Mark::Warning
        | Mark::State(State::Degraded | State::Escalating | State::Retrying) => Priority::Warning,
        Mark::Tunnel(TunnelStage::Over) | Mark::State(State::Failed) => Priority::Error,
        Mark::State(_) | Mark::Tunnel(_) | Mark::Watch(_) => Priority::Info,
    }
}

/// An entry as one line without columns.
fn message(entry: &Entry) -> String {
    let Entry { subject, mark, duration_ms, code, text } = entry;
    let text = text::clean(text);
    if *mark == Mark::Output {
        return format!("{subject} | {text}");
    }
    let after = duration_ms.map(|ms| format!(" after {}", text::duration(ms))).unwrap_or_default();
    let code = code.as_ref().map(|code| format!(" {code}")).unwrap_or_default();
    let colon = if text.is_empty() { "" } else { ": " };
    format!("{subject} {}{after}{code}{colon}{text}", mark.word())
}

fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ready => "ready",
        Outcome::Degraded => "degraded",
        Outcome::Failed => "failed",
        Outcome::Deadline => "deadline",
        Outcome::Cancelled => "cancelled",
    }
}

/// Lines that are no part of a run, as a stream that the journal reads takes them.
#[must_use]
pub fn complaint(text: &str) -> String {
    record::prefixed(Priority::Error, text)
}

/// A line of the conversation, as a stream that the journal reads takes it.
#[must_use]
pub fn remark(text: &str) -> String {
    let priority = if text.starts_with("warning") { Priority::Warning } else { Priority::Info };
    record::prefixed(priority, text)
}

#[cfg(test)]
mod tests;
