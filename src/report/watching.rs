//! Lines of a watch, which go on for weeks: each has the time of the day, and there is no summary, since
//! there is no end. Failures are told in full when they are new.

use std::io::Write;

use crate::event::{Event, EventKind};
use crate::report::style::{Line, Style, Tone};
use crate::report::{Board, Detail, Report, entry, failure};

/// The report of a watch.
pub struct Watching {
    out: Box<dyn Write + Send>,
    detail: Detail,
    style: Style,
    width: usize,
    board: Board,
}

impl Watching {
    /// A report into this writer; failure blocks wrap at `width` columns.
    #[must_use]
    pub fn new(out: Box<dyn Write + Send>, detail: Detail, style: Style, width: usize) -> Self {
        Self { out, detail, style, width, board: Board::default() }
    }

    /// A reader that went away is no reason to stop watching.
    fn say(&mut self, line: &Line) {
        let _ = writeln!(self.out, "{}", line.paint(self.style));
        let _ = self.out.flush();
    }

    /// The root causes of a run that is over.
    fn say_causes(&mut self) {
        let is_left = |step: &str| self.board.row(step).is_none_or(|row| !row.is_up());
        let causes = self.board.diagnoses.iter().filter(|diagnosis| is_left(&diagnosis.step));
        let lines: Vec<Line> =
            causes.flat_map(|diagnosis| failure::lines(diagnosis, self.width)).collect();
        for line in &lines {
            self.say(line);
        }
    }
}

impl Report for Watching {
    fn event(&mut self, event: &Event) {
        if matches!(event.kind, EventKind::RunStarted { .. }) {
            self.board = Board::default();
        }
        self.board.apply(event);
        if let Some(entry) = entry::entry(&event.kind, self.detail) {
            let time = Line::default().with(Tone::Dim, clock(&event.ts)).paint(self.style);
            let line = entry.plain(self.board.id_width(28).max(LEAST_WIDTH));
            let _ = write!(self.out, "{time} ");
            self.say(&line);
        }
        if matches!(event.kind, EventKind::RunFinished { .. }) {
            self.say_causes();
        }
    }

    fn tick(&mut self, _elapsed_ms: u64) {}

    fn finish(&mut self) {}
}

/// Columns of the subject, so that the lines of the watch stand under those of its looks.
const LEAST_WIDTH: usize = 12;

/// The time of the day in a timestamp of the event schema, to the second.
fn clock(ts: &str) -> String {
    let time = ts.split_once('T').map_or(ts, |(_, time)| time);
    let whole = time.split_once('.').map_or(time, |(whole, _)| whole);
    format!("{}Z", whole.trim_end_matches('Z'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{WatchState, Watching as State};
    use crate::report::fixture::{self, Recorder, Sink};

    fn text(events: &[Event]) -> String {
        let sink = Sink::default();
        let out = Box::new(sink.clone());
        let mut report = Watching::new(out, Detail::Normal, Style::default(), 80);
        for event in events {
            report.event(event);
        }
        sink.text()
    }

    #[test]
    fn a_state_is_a_line_with_the_time_of_the_day() {
        let mut recorder = Recorder::default();
        let mut state = WatchState::of(State::Degraded, "the engine does not answer");
        state.code = Some("DOCKER_UNREACHABLE".to_owned());
        state.next_at = Some("2026-11-21T10:30:10Z".to_owned());
        recorder.push(EventKind::WatchState(state));
        let text = text(&recorder.events());
        assert!(text.contains("Z watch "), "{text}");
        let rest = "DOCKER_UNREACHABLE  the engine does not answer; next look at 10:30:10Z\n";
        assert!(text.ends_with(rest), "{text}");
    }

    #[test]
    fn a_tunnel_is_a_line_when_it_breaks_and_one_when_it_is_back() {
        let mut recorder = Recorder::default();
        recorder.tunnel_cut_and_back();
        let lines: Vec<String> = text(&recorder.events()).lines().map(str::to_owned).collect();
        let wanted = [
            "10:30:00Z tunnel        down              SSH_CONNECTION_LOST  to vm broke and is being made \
             again: the line went dead",
            "10:30:00Z tunnel        up                to vm is back, at attempt 3",
        ];
        assert_eq!(lines, wanted);
    }

    #[test]
    fn a_failure_is_told_in_full_and_without_a_summary() {
        let text = text(&fixture::failed_start());
        assert!(text.contains("PORT_TAKEN") && text.contains("fix (safe):"), "{text}");
        assert!(!text.contains("failed after"), "{text}");
    }

    #[test]
    fn the_time_of_the_day_is_taken_from_the_event() {
        assert_eq!(clock("2026-11-21T10:30:00.123Z"), "10:30:00Z");
    }
}
