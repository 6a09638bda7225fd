//! The end of a run: each root cause once, the verdict, where the time went and where the
//! environment answers. Says nothing before the last event.

use crate::event::{Diagnosis, Outcome, PathEntry, Recovery, State, Url, Verb};
use crate::report::board::{Board, End, Row};
use crate::report::style::{Line, Style, Tone, paint_all};
use crate::report::{failure, story, text};

/// A shorter run has no time to account for.
const WORTH_EXPLAINING_MS: u64 = 1_000;
/// A step that took less has no part in it.
const WORTH_NAMING_MS: u64 = 50;
/// Steps that the verdict names.
const NAMED_STEPS: usize = 3;

/// The summary of a finished run, wrapped at `width` columns; empty while the run goes on.
#[must_use]
pub fn render(board: &Board, run_log: Option<&str>, width: usize, style: Style) -> String {
    let Some(end) = &board.end else { return String::new() };
    let mut lines = Vec::new();
    for diagnosis in causes(board) {
        lines.push(Line::default());
        lines.extend(failure::lines(diagnosis, width));
    }
    lines.push(Line::default());
    lines.extend(verdict(board, end, width));
    lines.extend(recovered(end, width));
    lines.extend(critical_path(end, width));
    if let Some(run_log) = run_log {
        lines.push(Line::default().with(Tone::Dim, format!("run log: {run_log}")));
    }
    lines.extend(urls(&end.urls));
    paint_all(&lines, style)
}

/// What a repair leaves is told by the answer that it is asked for.
const TOLD: &str = "CAUSES_LEFT";

/// The root causes that stand at the end: what was overcome is no failure.
pub(super) fn causes(board: &Board) -> Vec<&Diagnosis> {
    let stands = |diagnosis: &&Diagnosis| {
        diagnosis.code != TOLD && board.row(&diagnosis.step).is_none_or(|row| !row.is_up())
    };
    board.diagnoses.iter().filter(stands).collect()
}

/// The verdict on a finished run in one line.
pub(super) fn verdict_text(board: &Board) -> Option<String> {
    let lines = verdict(board, board.end.as_ref()?, usize::MAX);
    Some(lines.iter().map(|line| line.paint(Style::default())).collect())
}

/// The word that a user typed.
pub(super) fn verb(verb: Verb) -> &'static str {
    match verb {
        Verb::Start => "start",
        Verb::Stop => "stop",
        Verb::Reset => "reset",
        Verb::Purge => "reset --purge",
        Verb::Fix => "doctor --fix",
    }
}

fn verdict(board: &Board, end: &End, width: usize) -> Vec<Line> {
    let action = board.head.as_ref().map_or(Verb::Start, |head| head.action);
    let took = text::duration(end.elapsed_ms);
    let (tone, word, rest) = match end.outcome {
        Outcome::Ready => (Tone::Good, done(action), format!(" in {took}: {}", all(board))),
        Outcome::Degraded => {
            let failed = names(board, |row| matches!(row.state, State::Degraded | State::Failed));
            let rest = format!(" in {took}: {}; optional: {failed}", some(board, action));
            (Tone::Busy, "degraded", rest)
        }
        Outcome::Failed => (Tone::Bad, "failed", format!(" after {took}: {}", some(board, action))),
        Outcome::Deadline => {
            let late = names(board, |row| row.attempt > 0 && !row.is_up());
            let late = if late.is_empty() { late } else { format!("; not ready: {late}") };
            (Tone::Bad, "deadline passed", format!(" after {took}: {}{late}", some(board, action)))
        }
        Outcome::Cancelled => {
            let rest = format!(" after {took}: the next {} continues from here", verb(action));
            (Tone::Busy, "interrupted", rest)
        }
    };
    let mut lines =
        text::wrap(&format!("{word}{rest}"), width, width.saturating_sub(2)).into_iter();
    let first = lines.next().unwrap_or_default();
    let first = first.strip_prefix(word).unwrap_or(&first).to_owned();
    let first = Line::default().with(tone, word).with(Tone::Normal, first);
    let others = lines.map(|line| Line::default().with(Tone::Normal, format!("  {line}")));
    std::iter::once(first).chain(others).collect()
}

fn done(action: Verb) -> &'static str {
    match action {
        Verb::Start => "ready",
        Verb::Stop => "stopped",
        Verb::Reset => "reset",
        Verb::Purge => "purged",
        Verb::Fix => "repaired",
    }
}

/// Counts of a run in which nothing is missing.
fn all(board: &Board) -> String {
    let mut parts = vec![text::count(board.count(Row::is_up), "step"), changed(board)];
    let skipped = board.count(|row| row.state == State::Skipped);
    if skipped > 0 {
        parts.push(format!("{skipped} skipped"));
    }
    parts.join(", ")
}

/// Counts of a run in which something is missing.
fn some(board: &Board, action: Verb) -> String {
    let (up, steps) = (board.count(Row::is_up), text::count(board.rows.len(), "step"));
    let word = if action == Verb::Start { "ready" } else { "done" };
    let mut parts = vec![format!("{up} of {steps} {word}"), changed(board)];
    let failed = board.count(|row| row.state == State::Failed);
    let not_run = board.count(|row| row.attempt == 0 && !row.is_up());
    for (count, word) in [(failed, "failed"), (not_run, "not run")] {
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    parts.join(", ")
}

fn changed(board: &Board) -> String {
    match board.count(|row| row.changed) {
        0 => "nothing changed".to_owned(),
        count => format!("{count} changed"),
    }
}

fn names(board: &Board, test: impl Fn(&Row) -> bool) -> String {
    let all: Vec<&str> = board.rows.iter().filter(|row| test(row)).map(|row| &*row.id).collect();
    let mut named = all[..all.len().min(NAMED_STEPS)].join(", ");
    if all.len() > NAMED_STEPS {
        named = format!("{named}, {} more", all.len() - NAMED_STEPS);
    }
    named
}

/// What is up only after a stronger remedy, one entry each.
fn recovered(end: &End, width: usize) -> Vec<Line> {
    let told = |recovery: &Recovery| {
        let text = text::clean(&story::recovered(recovery));
        let wrapped = text::wrap(&text, width, width.saturating_sub(2));
        let lines = wrapped.into_iter().enumerate().map(|(at, line)| {
            let indent = if at == 0 { "" } else { "  " };
            Line::default().with(Tone::Normal, format!("{indent}{line}"))
        });
        lines.collect::<Vec<_>>()
    };
    end.recovered.iter().flat_map(told).collect()
}

/// The chain that decided how long it took, in one line where it fits.
fn critical_path(end: &End, width: usize) -> Vec<Line> {
    let link = |(at, entry): (usize, &PathEntry)| {
        let arrow = if at == 0 { "critical path: " } else { "> " };
        format!("{arrow}{} {}", entry.step, text::duration(entry.duration_ms))
    };
    let slow = end.critical_path.iter().filter(|entry| entry.duration_ms >= WORTH_NAMING_MS);
    let links: Vec<String> = slow.enumerate().map(link).collect();
    if links.is_empty() || end.elapsed_ms < WORTH_EXPLAINING_MS {
        return Vec::new();
    }
    text::wrap_chunks(&links, width, width.saturating_sub(2))
        .iter()
        .enumerate()
        .map(|(at, line)| {
            let indent = if at == 0 { "" } else { "  " };
            Line::default().with(Tone::Dim, format!("{indent}{line}"))
        })
        .collect()
}

fn urls(urls: &[Url]) -> Vec<Line> {
    if urls.is_empty() {
        return Vec::new();
    }
    let name_width = urls.iter().map(|url| text::width(&url.name)).max().unwrap_or(0);
    let url_width = urls.iter().map(|url| text::width(&url.url)).max().unwrap_or(0);
    let mut lines = vec![Line::default()];
    for url in urls {
        let line = Line::default()
            .with(Tone::Normal, format!("  {}  ", text::pad(&url.name, name_width)))
            .with(Tone::Strong, text::pad(&url.url, url_width));
        lines.push(match &url.login {
            Some(login) => line.with(Tone::Dim, format!("  login: {login}")),
            None => line,
        });
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{self, Recorder};

    const STEPS: [(&str, &[&str]); 2] = [("docker", &[]), ("deploy/stack", &["docker"])];

    fn summary(recorder: &Recorder) -> String {
        let mut board = Board::default();
        for event in &recorder.events() {
            board.apply(event);
        }
        render(&board, None, 80, Style::default())
    }

    fn late() -> Recorder {
        let mut recorder = Recorder::default();
        recorder.started(&STEPS).ready("docker", 40, "", false);
        recorder.at(60_000).state("deploy/stack", State::Waiting, State::Cancelled, |_| {});
        recorder
    }

    #[test]
    fn a_passed_deadline_names_what_was_not_ready() {
        let mut recorder = late();
        recorder.finished(Outcome::Deadline, &[]);
        let expected = "\ndeadline passed after 1m00s: 1 of 2 steps ready, nothing changed; \
                        not ready:\n  deploy/stack\n";
        assert_eq!(summary(&recorder), expected);
    }

    #[test]
    fn an_interrupted_run_says_that_it_can_be_resumed() {
        let mut recorder = late();
        recorder.finished(Outcome::Cancelled, &[]);
        let expected = "\ninterrupted after 1m00s: the next start continues from here\n";
        assert_eq!(summary(&recorder), expected);
    }

    #[test]
    fn a_degraded_run_names_the_optional_part() {
        let mut recorder = Recorder::default();
        recorder.started(&STEPS).ready("docker", 40, "", true);
        recorder.state("deploy/stack", State::Waiting, State::Degraded, |_| {});
        recorder.at(700).finished(Outcome::Degraded, &[]);
        let expected =
            "\ndegraded in 0.7s: 1 of 2 steps ready, 1 changed; optional: deploy/stack\n";
        assert_eq!(summary(&recorder), expected);
    }

    #[test]
    fn nothing_is_claimed_before_the_last_event() {
        let mut events = fixture::cold_start();
        events.pop();
        let mut board = Board::default();
        for event in &events {
            board.apply(event);
        }
        assert_eq!(render(&board, Some("/log"), 80, Style::default()), "");
    }

    #[test]
    fn what_failed_before_the_plan_was_gone_through_again_is_no_cause() {
        let mut events = fixture::failed_start();
        let mut recorder = Recorder::default();
        recorder.at(1_900).state("deploy/stack", State::Failed, State::Pending, |_| {});
        recorder.state("deploy/stack", State::Blocked, State::Skipped, |_| {});
        let end = events.pop().unwrap();
        events.extend(recorder.events());
        events.push(end);
        let mut board = Board::default();
        for event in &events {
            board.apply(event);
        }
        let text = render(&board, None, 80, Style::default());
        assert!(!text.contains("PORT_TAKEN"), "{text}");
    }

    #[test]
    fn a_failure_that_was_overcome_is_not_shown() {
        let mut events = fixture::failed_start();
        let mut recorder = Recorder::default();
        recorder.at(1_900).ready("deploy/stack", 1_000, "up", true);
        events.insert(events.len() - 1, recorder.events().remove(0));
        let mut board = Board::default();
        for event in &events {
            board.apply(event);
        }
        let text = render(&board, None, 80, Style::default());
        assert!(!text.contains("PORT_TAKEN"), "{text}");
    }
}
