use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::event::{Phase, State};
use crate::report::fixture::{self, Recorder, Sink};
use crate::report::replay_tests::replay;
use crate::report::style::paint_all;
use crate::report::{Detail, Style};

const GLYPHS: Style = Style { colour: false, unicode: true };

/// As much of a terminal as the view needs: rows that grow without end, and a cursor.
#[derive(Default)]
struct Terminal {
    rows: Vec<Vec<char>>,
    row: usize,
    column: usize,
    cursor_hidden: bool,
}

impl Terminal {
    fn of(text: &str) -> Self {
        let mut terminal = Self::default();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '\u{1b}' => {
                    assert_eq!(chars.next(), Some('['));
                    let mut code: String = String::new();
                    while !code.ends_with(|c: char| c.is_ascii_alphabetic()) {
                        code.push(chars.next().unwrap());
                    }
                    terminal.control(&code);
                }
                '\n' => (terminal.row, terminal.column) = (terminal.row + 1, 0),
                '\r' => terminal.column = 0,
                c => terminal.put(c),
            }
        }
        terminal
    }

    fn control(&mut self, code: &str) {
        match (code, code.strip_suffix('A')) {
            (_, Some(rows)) => self.row = self.row.saturating_sub(rows.parse().unwrap()),
            ("K", _) => {
                if let Some(row) = self.rows.get_mut(self.row) {
                    row.truncate(self.column);
                }
            }
            ("J", _) => self.rows.truncate(self.row),
            ("?25l", _) => self.cursor_hidden = true,
            ("?25h", _) => self.cursor_hidden = false,
            (other, _) => panic!("unknown sequence {other}"),
        }
    }

    fn put(&mut self, c: char) {
        self.rows.resize(self.rows.len().max(self.row + 1), Vec::new());
        let row = &mut self.rows[self.row];
        row.resize(row.len().max(self.column + 1), ' ');
        row[self.column] = c;
        self.column += 1;
    }

    fn text(&self) -> String {
        self.rows.iter().map(|row| row.iter().collect::<String>() + "\n").collect()
    }
}

fn tty(size: TerminalSize) -> (Tty, Sink) {
    let sink = Sink::default();
    let look = Look { detail: Detail::Normal, style: GLYPHS, run_log: None };
    (Tty::new(Box::new(sink.clone()), size, look), sink)
}

/// Seven steps begun in different ways, five still to come.
fn busy() -> Board {
    let mut recorder = Recorder::default();
    recorder.started(&[
        ("docker", &[]),
        ("images/stack", &["docker"]),
        ("deploy/stack", &["docker"]),
        ("task/seed", &["docker"]),
        ("check/early", &["docker"]),
        ("check/api", &["deploy/stack"]),
        ("check/web", &["deploy/stack"]),
    ]);
    recorder.at(100).ready("docker", 100, "Docker 20.10.24", false);
    recorder.running("images/stack", Phase::Apply);
    recorder.waiting(
        "deploy/stack",
        0,
        "api: health starting, db: health starting, mlflow: created",
    );
    recorder.at(200).state("task/seed", State::Running, State::Retrying, |state| {
        state.attempt = 2;
        state.reason = Some("exit 1".into());
    });
    recorder.waiting("check/early", 0, "http 503");
    let mut board = Board::default();
    for event in &recorder.events() {
        board.apply(event);
    }
    board
}

fn rendered(board: &Board, width: usize, height: usize) -> String {
    let view = view::View { board, now_ms: 12_340, style: GLYPHS };
    paint_all(&view::render(&view, width, height), GLYPHS)
}

#[test]
fn at_80_by_24_each_step_says_what_it_waits_for() {
    let expected = "\
mlup start · demo · local · 12s                                             1/7
 ⠸ images/stack  running      12s  making changes
 ◌ deploy/stack  waiting      12s  api: health starting, db: health starting,…
 ↻ task/seed     retrying     12s  attempt 2: exit 1
 ◌ check/early   waiting      12s  http 503
   + 2 blocked by deploy/stack
";
    assert_eq!(rendered(&busy(), 80, 24), expected);
}

#[test]
fn at_40_by_6_the_note_is_cut_and_the_word_left_out() {
    let expected = "\
mlup start · demo · local · 12s     1/7
 ⠸ images/stack    12s  making changes
 ◌ deploy/stack    12s  api: health st…
 ↻ task/seed       12s  attempt 2: exi…
 ◌ check/early     12s  http 503
";
    assert_eq!(rendered(&busy(), 40, 6), expected);
}

#[test]
fn steps_that_do_not_fit_are_counted() {
    let expected = "\
mlup start · demo · local · 12s     1/7
 ⠸ images/stack    12s  making changes
 ◌ deploy/stack    12s  api: health st…
   +2 more
";
    assert_eq!(rendered(&busy(), 40, 5), expected);
}

#[test]
fn at_20_by_3_there_is_still_progress() {
    let expected = "\
12s             1/7
 ⠸ images/stack
";
    assert_eq!(rendered(&busy(), 20, 3), expected);
}

#[test]
fn the_view_fits_any_window() {
    let board = busy();
    for (width, height) in (0..100).flat_map(|width| (0..12).map(move |height| (width, height))) {
        let view = view::View { board: &board, now_ms: 12_340, style: GLYPHS };
        let lines = view::render(&view, width, height);
        assert!(lines.len() < height.max(2), "{width}x{height}: {lines:?}");
        assert!(
            lines.iter().all(|line| line.width() < width.max(2)),
            "{width}x{height}: {lines:?}"
        );
    }
}

#[test]
fn without_unicode_the_view_is_ascii() {
    let board = busy();
    let view = view::View { board: &board, now_ms: 12_340, style: Style::default() };
    let text = paint_all(&view::render(&view, 80, 24), Style::default());
    assert!(text.is_ascii(), "{text}");
}

#[test]
fn what_is_over_stays_on_the_terminal_and_the_block_goes() {
    let (mut tty, sink) = tty(Box::new(|| (80, 24)));
    replay(&mut tty, &fixture::cold_start());
    let terminal = Terminal::of(&sink.text());
    let expected = " \
✓ docker           ready       0.1s  Docker 20.10.24, compose 2.26.1
 ✓ network/mlnet    ready       0.1s  bridge 172.30.0.0/16 (changed)
 ✓ preflight/stack  ready       0.1s  5 services
 ✓ images/stack     ready       8.1s  5 images (changed)
 ✓ deploy/stack     ready       3.6s  5 of 5 services up (changed)
 ✓ check/api        ready       0.0s  http 200

ready in 12.0s: 6 steps, 3 changed
critical path: docker 0.1s > images/stack 8.1s > deploy/stack 3.6s

  api      http://localhost:8080
  grafana  http://localhost:3000  login: admin, password in `.env`
";
    assert_eq!(terminal.text(), expected);
    assert!(!terminal.cursor_hidden);
}

#[test]
fn a_warm_start_is_over_before_anything_is_drawn() {
    let (mut tty, sink) = tty(Box::new(|| (80, 24)));
    replay(&mut tty, &fixture::warm_start());
    let moves = sink.text().matches("A ").count() + sink.text().matches("0/2").count();
    assert_eq!(moves, 0, "{:?}", sink.text());
}

#[test]
fn the_view_is_drawn_at_most_ten_times_a_second() {
    let (mut tty, sink) = tty(Box::new(|| (80, 24)));
    let mut recorder = Recorder::default();
    recorder.started(&[("check/x", &[])]);
    for n in 0..1_000 {
        recorder.at(n).waiting("check/x", n, &format!("try {n}"));
    }
    for event in &recorder.events() {
        tty.event(event);
    }
    (0..1_000).for_each(|ms| tty.tick(ms));
    assert_eq!(sink.text().matches("mlup start").count(), 9);
}

#[test]
fn a_narrower_window_takes_back_the_rows_that_its_lines_were_wrapped_into() {
    let width = Arc::new(AtomicUsize::new(80));
    let now = Arc::clone(&width);
    let (mut tty, sink) = tty(Box::new(move || (now.load(Ordering::Relaxed), 24)));
    let mut recorder = Recorder::default();
    recorder.started(&[("check/x", &[])]).running("check/x", Phase::Probe);
    for event in &recorder.events() {
        tty.event(event);
    }
    tty.tick(1_000);
    sink.drain();
    width.store(40, Ordering::Relaxed);
    tty.tick(1_100);
    // The header was 79 columns wide, which is two rows of 40; the step's line is still one.
    assert!(sink.drain().starts_with("\r\u{1b}[3A"));
    tty.tick(1_200);
    assert!(sink.drain().starts_with("\r\u{1b}[2A"));
}

#[test]
fn the_cursor_comes_back_on_every_way_out() {
    for finished in [true, false] {
        let (mut tty, sink) = tty(Box::new(|| (80, 24)));
        let mut events = fixture::failed_start();
        events.truncate(events.len() - 3);
        for event in &events {
            tty.event(event);
        }
        assert!(Terminal::of(&sink.text()).cursor_hidden);
        if finished {
            tty.finish();
        }
        drop(tty);
        assert!(!Terminal::of(&sink.text()).cursor_hidden);
    }
}

#[test]
fn each_rung_of_recovery_stays_on_the_terminal() {
    let (mut tty, sink) = tty(Box::new(|| (80, 24)));
    replay(&mut tty, &fixture::recovered_start());
    let text = Terminal::of(&sink.text()).text();
    let rungs = "\
 ↑ cluster       escalate          restart (attempt 2): it does not answer: no
                                   answer within 2s
 ↑ cluster       escalate          recreate (attempt 3): a restart did not help:
                                   no answer within 2s
";
    assert!(text.contains(rungs), "{text}");
}

#[test]
fn why_something_is_tried_again_stays_on_the_terminal_at_any_width() {
    for (columns, expected) in [
        (
            80,
            " ↻ deploy/stack  retrying          DOCKER_BUSY  attempt 2 in 0.5s: the engine
                                   closed the connection
",
        ),
        (
            44,
            " ↻ deploy/stack  retrying
     DOCKER_BUSY  attempt 2 in 0.5s: the
     engine closed the connection
",
        ),
    ] {
        let (mut tty, sink) = tty(Box::new(move || (columns, 24)));
        replay(&mut tty, &fixture::failed_start());
        let text = Terminal::of(&sink.text()).text();
        assert!(text.contains(expected), "{text}");
    }
}
