//! The story of one step, from a recorded stream: what `mlup why STEP` tells. Live runs are shown
//! by `tty` and `plain`.

use std::fmt::Write as _;

use crate::event::{Event, EventKind, FIRST_RUNG, Outcome, Phase, Recovery, State, StepState};
use crate::report::{style, text};

/// The events that are about this step, in order.
#[must_use]
pub fn of<'a>(events: &'a [Event], step: &str) -> Vec<&'a Event> {
    events.iter().filter(|event| subject(&event.kind) == Some(step)).collect()
}

fn subject(kind: &EventKind) -> Option<&str> {
    match kind {
        EventKind::StepState(state) => Some(&state.step),
        EventKind::StepOutput { step, .. } | EventKind::Escalation { step, .. } => Some(step),
        EventKind::Probe(probe) => Some(&probe.step),
        EventKind::Diagnosis(diagnosis) => Some(&diagnosis.step),
        EventKind::Warning { step, .. } => step.as_deref(),
        EventKind::RunStarted { .. }
        | EventKind::RunFinished { .. }
        | EventKind::TunnelState(_)
        | EventKind::WatchState(_) => None,
    }
}

/// How a run ended, in words.
#[must_use]
pub fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Cancelled => "it was interrupted",
        Outcome::Deadline => "its deadline passed",
        Outcome::Degraded => "ready, but an optional part failed",
        Outcome::Failed => "it failed",
        Outcome::Ready => "ready",
    }
}

/// What came up only after a stronger remedy, and which one it was.
#[must_use]
pub fn recovered(Recovery { step, attempt, rung, reason }: &Recovery) -> String {
    if rung == FIRST_RUNG {
        return format!("recovered: {step} is up again after it was lost: {reason}");
    }
    format!("recovered: {step} is up since attempt {attempt} ({rung}); the last failure: {reason}")
}

/// Columns in front of what happened: the seconds in brackets.
const MARGIN: usize = 10;

/// One line an event: seconds since the run began, then what happened, wrapped at `width` columns
/// where there is a limit. What a tool printed stays as it was.
#[must_use]
pub fn lines(events: &[&Event], width: Option<usize>) -> String {
    let mut story = String::new();
    for event in events {
        if let Some(line) = line(&event.kind) {
            let tenths = event.elapsed_ms / 100;
            let line = match width {
                Some(width) if !matches!(event.kind, EventKind::StepOutput { .. }) => {
                    let room = width.saturating_sub(MARGIN);
                    text::wrap(&line, room, room).join(&format!("\n{}", " ".repeat(MARGIN)))
                }
                _ => line,
            };
            let _ = writeln!(story, "[{:>5}.{}] {line}", tenths / 10, tenths % 10);
        }
    }
    story
}

/// What happened, or nothing for what other lines say already.
fn line(kind: &EventKind) -> Option<String> {
    Some(match kind {
        // The escalation itself says more.
        EventKind::StepState(state) if state.to == State::Escalating => return None,
        EventKind::StepState(state) => moved(state),
        EventKind::StepOutput { line, .. } => format!("  | {}", text::spoken(line)),
        EventKind::Probe(probe) => {
            let verdict = if probe.ok { "ok" } else { "not yet" };
            format!(
                "probe {} {} from {}: {verdict}: {}",
                probe.n, probe.kind, probe.from, probe.detail
            )
        }
        EventKind::Escalation { rung, reason, attempt, .. } => {
            format!("escalate: {rung} (attempt {attempt}): {reason}")
        }
        EventKind::Warning { message, .. } => format!("warning: {message}"),
        EventKind::Diagnosis(_)
        | EventKind::RunStarted { .. }
        | EventKind::RunFinished { .. }
        | EventKind::TunnelState(_)
        | EventKind::WatchState(_) => {
            return None;
        }
    })
}

fn moved(state: &StepState) -> String {
    let mut line = style::word(state.to).to_owned();
    if let Some(phase) = state.phase {
        let phase = match phase {
            Phase::Apply => "apply",
            Phase::Probe => "probe",
            Phase::Undo => "undo",
            Phase::Verify => "verify",
        };
        let _ = write!(line, " ({phase})");
    }
    if !state.blocked_by.is_empty() {
        let _ = write!(line, " by {}", state.blocked_by.join(", "));
    }
    if let Some(reason) = state.reason.as_deref().filter(|reason| !reason.is_empty()) {
        let _ = write!(line, ": {reason}");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Probe, Stream};

    fn event(elapsed_ms: u64, kind: EventKind) -> Event {
        Event { v: 1, seq: 0, ts: String::new(), elapsed_ms, run: "r".to_owned(), kind }
    }

    fn state(step: &str, to: State, reason: &str) -> EventKind {
        EventKind::StepState(StepState {
            step: step.to_owned(),
            from: State::Pending,
            to,
            reason: Some(reason.to_owned()),
            attempt: 1,
            duration_ms: 0,
            phase: (to == State::Running).then_some(Phase::Apply),
            changed: None,
            code: None,
            retry_in_ms: None,
            blocked_by: Vec::new(),
        })
    }

    #[test]
    fn a_recovery_names_its_rung_where_it_took_one() {
        let told = |rung: &str| {
            let (step, reason) = ("cluster".to_owned(), "a node is gone".to_owned());
            recovered(&Recovery { step, attempt: 3, rung: rung.to_owned(), reason })
        };
        assert_eq!(
            told("purge"),
            "recovered: cluster is up since attempt 3 (purge); the last failure: a node is gone"
        );
        assert_eq!(
            told("start"),
            "recovered: cluster is up again after it was lost: a node is gone"
        );
    }

    #[test]
    fn a_story_holds_only_its_step_and_reads_in_order() {
        let output = EventKind::StepOutput {
            step: "task/a".to_owned(),
            stream: Stream::Stderr,
            line: "no luck".to_owned(),
        };
        let probe = EventKind::Probe(Probe {
            step: "task/a".to_owned(),
            kind: "http".to_owned(),
            from: "host".to_owned(),
            ok: false,
            detail: "http 503".to_owned(),
            latency_ms: 3,
            n: 2,
        });
        let events = [
            event(0, state("task/a", State::Running, "")),
            event(40, state("task/b", State::Running, "")),
            event(1_250, output),
            event(1_900, probe),
            event(61_300, state("task/a", State::Failed, "exit 3")),
        ];
        assert_eq!(
            lines(&of(&events, "task/a"), None),
            "[    0.0] running (apply)\n\
             [    1.2]   | no luck\n\
             [    1.9] probe 2 http from host: not yet: http 503\n\
             [   61.3] failed: exit 3\n"
        );
    }
}
