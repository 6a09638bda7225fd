//! Lines of state changes for pipes, CI and dumb terminals: each thing is said once, and silence
//! is broken by a heartbeat that says what is waited for.

use std::io::Write;

use crate::event::{Event, EventKind};
use crate::report::board::{Board, Head, Row};
use crate::report::entry::{self, Entry};
use crate::report::hold::Holds;
use crate::report::mode::Detail;
use crate::report::style::{Line, Tone};
use crate::report::{Look, Report, summary, text};

/// First silence that is broken, in milliseconds; doubles up to [`LONGEST_SILENCE_MS`].
const FIRST_SILENCE_MS: u64 = 5_000;
const LONGEST_SILENCE_MS: u64 = 60_000;
/// Steps that one heartbeat names.
const NAMED_STEPS: usize = 4;

/// The plain report.
pub struct Plain {
    out: Box<dyn Write + Send>,
    look: Look,
    width: usize,
    board: Board,
    spoke_ms: u64,
    silence_ms: u64,
    holds: Holds,
}

impl Plain {
    /// A report into this writer; failure blocks wrap at `width` columns.
    #[must_use]
    pub fn new(out: Box<dyn Write + Send>, look: Look, width: usize) -> Self {
        Self {
            out,
            look,
            width,
            board: Board::default(),
            spoke_ms: 0,
            silence_ms: FIRST_SILENCE_MS,
            holds: Holds::default(),
        }
    }

    /// Writes one line with its time. A reader that went away is no reason to stop the run.
    fn say(&mut self, now_ms: u64, line: &Line) {
        let seconds = now_ms / 1000;
        let stamp = format!("[{seconds:>3}.{}]", now_ms % 1000 / 100);
        let stamp = Line::default().with(Tone::Dim, stamp).paint(self.look.style);
        let _ = writeln!(self.out, "{stamp} {}", line.paint(self.look.style));
        let _ = self.out.flush();
        self.spoke_ms = now_ms;
    }

    fn say_entry(&mut self, now_ms: u64, entry: &Entry) {
        let line = entry.plain(self.board.id_width(28));
        self.say(now_ms, &line);
        self.silence_ms = FIRST_SILENCE_MS;
    }

    /// Says the reasons that were held back and still stand.
    fn release_held(&mut self, now_ms: u64) {
        for entry in self.holds.due(&self.board, now_ms) {
            self.say_entry(now_ms, &entry);
        }
    }

    fn beat(&mut self, now_ms: u64) {
        let active = self.board.active();
        if active.is_empty() || now_ms.saturating_sub(self.spoke_ms) < self.silence_ms {
            return;
        }
        let line = heartbeat(&active);
        self.say(now_ms, &line);
        self.silence_ms = (self.silence_ms * 2).min(LONGEST_SILENCE_MS);
    }
}

impl Report for Plain {
    fn event(&mut self, event: &Event) {
        self.board.apply(event);
        let now_ms = event.elapsed_ms;
        let opens = matches!(event.kind, EventKind::RunStarted { .. });
        if let Some(head) = &self.board.head
            && opens
            && self.look.detail > Detail::Quiet
        {
            let line = opening(head, self.board.rows.len());
            self.say(now_ms, &line);
        }
        let Some(entry) = entry::entry(&event.kind, self.look.detail) else { return };
        let may_say = match &event.kind {
            EventKind::StepState(state) => self.holds.may_say(state, now_ms),
            _ => true,
        };
        if may_say {
            self.say_entry(now_ms, &entry);
        }
    }

    fn tick(&mut self, elapsed_ms: u64) {
        if self.look.detail > Detail::Quiet && self.board.end.is_none() {
            self.release_held(elapsed_ms);
            self.beat(elapsed_ms);
        }
    }

    fn finish(&mut self) {
        let run_log = self.look.run_log.as_deref();
        let text = summary::render(&self.board, run_log, self.width, self.look.style);
        // Where nothing was said before, there is nothing to stand apart from.
        let quiet = self.look.detail == Detail::Quiet;
        let text = if quiet { text.trim_start_matches('\n') } else { &text };
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        // A second call has nothing to add.
        self.board.end = None;
    }
}

/// The first line of a run.
pub(super) fn opening(head: &Head, steps: usize) -> Line {
    let text = format!(
        " {} (profile {}): {}, deadline {}",
        head.project,
        head.profile,
        text::count(steps, "step"),
        text::limit(head.deadline_ms)
    );
    Line::default().with(Tone::Strong, summary::verb(head.action)).with(Tone::Normal, text)
}

fn heartbeat(active: &[&Row]) -> Line {
    let mut named: Vec<String> = active.iter().take(NAMED_STEPS).map(|row| named(row)).collect();
    if active.len() > NAMED_STEPS {
        named.push(format!("{} more", active.len() - NAMED_STEPS));
    }
    let text = format!("waiting {}: {}", active.len(), named.join(", "));
    Line::default().with(Tone::Dim, text)
}

fn named(row: &Row) -> String {
    match row.note() {
        "" => row.id.clone(),
        note => format!("{} ({note})", row.id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Phase;
    use crate::report::Style;
    use crate::report::fixture::{Recorder, Sink};

    fn plain() -> (Plain, Sink) {
        let sink = Sink::default();
        let look = Look { detail: Detail::Normal, style: Style::default(), run_log: None };
        (Plain::new(Box::new(sink.clone()), look, 80), sink)
    }

    fn feed(plain: &mut Plain, recorder: &Recorder) {
        for event in &recorder.events() {
            plain.event(event);
        }
    }

    fn ticks(plain: &mut Plain, until_ms: u64) {
        (0..=until_ms / 100).for_each(|tick| plain.tick(tick * 100));
    }

    #[test]
    fn silence_is_broken_after_five_seconds_then_twice_as_late_each_time() {
        let (mut plain, sink) = plain();
        let mut recorder = Recorder::default();
        recorder.waiting("deploy/stack", 0, "api: health starting");
        recorder.waiting("check/x", 0, "http 503");
        feed(&mut plain, &recorder);
        sink.drain();
        ticks(&mut plain, 240_000);
        let text = sink.text();
        let times: Vec<&str> = text.lines().map(|line| &line[..7]).collect();
        assert_eq!(times, ["[  5.0]", "[ 15.0]", "[ 35.0]", "[ 75.0]", "[135.0]", "[195.0]"]);
        let said = "waiting 2: deploy/stack (api: health starting), check/x (http 503)";
        assert!(text.lines().all(|line| &line[8..] == said), "{text}");
    }

    #[test]
    fn nothing_is_said_while_nothing_goes_on() {
        let (mut plain, sink) = plain();
        let mut recorder = Recorder::default();
        recorder.started(&[("docker", &[])]);
        feed(&mut plain, &recorder);
        sink.drain();
        ticks(&mut plain, 60_000);
        assert_eq!(sink.text(), "");
    }

    #[test]
    fn a_probe_that_counts_does_not_fill_the_log() {
        let (mut plain, sink) = plain();
        let mut recorder = Recorder::default();
        for n in 0..600 {
            recorder.at(n * 100).waiting("check/x", n * 100, &format!("http 503, try {n}"));
        }
        for event in recorder.events() {
            plain.event(&event);
            plain.tick(event.elapsed_ms);
        }
        let lines = sink.text().lines().count();
        assert!(lines < 15, "{}", sink.text());
    }

    #[test]
    fn a_reason_that_was_held_back_is_said_once_it_stands() {
        let (mut plain, sink) = plain();
        let mut recorder = Recorder::default();
        recorder.waiting("deploy/stack", 0, "api: starting");
        recorder.at(200).waiting("deploy/stack", 200, "db: starting");
        feed(&mut plain, &recorder);
        ticks(&mut plain, 3_000);
        let expected = "\
[  0.0] deploy/stack  waiting           api: starting
[  1.0] deploy/stack  waiting           db: starting
";
        assert_eq!(sink.text(), expected);
    }

    #[test]
    fn a_heartbeat_names_four_steps_and_counts_the_rest() {
        let (mut plain, sink) = plain();
        let mut recorder = Recorder::default();
        (0..9).for_each(|n| {
            recorder.running(&format!("check/{n}"), Phase::Probe);
        });
        feed(&mut plain, &recorder);
        ticks(&mut plain, 5_000);
        let expected = "[  5.0] waiting 9: check/0 (looking), check/1 (looking), check/2 (looking), \
                        check/3 (looking), 5 more\n";
        assert_eq!(sink.text(), expected);
    }

    #[test]
    fn a_tunnel_that_breaks_meanwhile_is_said_and_so_is_its_return() {
        let (mut plain, sink) = plain();
        let mut recorder = Recorder::default();
        recorder.running("cluster", Phase::Probe);
        recorder.tunnel_cut_and_back();
        feed(&mut plain, &recorder);
        let expected = "\
[  0.0] tunnel   down              SSH_CONNECTION_LOST  to vm broke and is being made again: the line went dead
[  0.0] tunnel   up                to vm is back, at attempt 3
";
        assert_eq!(sink.text(), expected);
    }

    #[test]
    fn a_run_that_ended_early_claims_nothing() {
        let (mut plain, sink) = plain();
        let mut recorder = Recorder::default();
        recorder.started(&[("docker", &[])]);
        feed(&mut plain, &recorder);
        sink.drain();
        plain.finish();
        assert_eq!(sink.text(), "");
    }
}
