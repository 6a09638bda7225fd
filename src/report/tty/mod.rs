//! The live view: what goes on now is redrawn in place, what is over scrolls away above it. What
//! the view shows is `view`; how it gets on the terminal is `screen`.

mod screen;
mod view;

use std::io::Write;

use crate::event::{Event, State};
use crate::report::board::Board;
use crate::report::entry::{self, Entry, Mark};
use crate::report::style::Line;
use crate::report::{Look, Report, summary};
use screen::Screen;

pub use screen::RESTORE;

/// The view is drawn at most this often, in milliseconds, and not before: a start that has nothing
/// to do does not flicker.
const REDRAW_MS: u64 = 100;

/// Columns and rows of the terminal, asked for on each redraw: a resize is just another answer.
pub type TerminalSize = Box<dyn Fn() -> (usize, usize) + Send>;

/// The live report.
pub struct Tty {
    screen: Screen,
    size: TerminalSize,
    look: Look,
    board: Board,
    left_behind: Vec<Line>,
    drawn_ms: u64,
}

impl Tty {
    /// A view on the terminal behind this writer.
    #[must_use]
    pub fn new(out: Box<dyn Write + Send>, size: TerminalSize, look: Look) -> Self {
        Self {
            screen: Screen::new(out),
            size,
            look,
            board: Board::default(),
            left_behind: Vec::new(),
            drawn_ms: 0,
        }
    }

    fn draw(&mut self, now_ms: u64) {
        if now_ms.saturating_sub(self.drawn_ms) < REDRAW_MS {
            return;
        }
        self.drawn_ms = now_ms;
        let (width, height) = (self.size)();
        let style = self.look.style;
        let view = view::View { board: &self.board, now_ms, style };
        let block = view::render(&view, width, height);
        let above = std::mem::take(&mut self.left_behind);
        self.screen.draw(&above, &block, style, width);
    }
}

/// Whether the block shows it: then it is not left behind too. Why something is tried again is soon
/// replaced there by what the next attempt does.
fn is_live(entry: &Entry) -> bool {
    matches!(entry.mark, Mark::State(state) if !state.is_end() && state != State::Retrying)
}

impl Report for Tty {
    fn event(&mut self, event: &Event) {
        self.board.apply(event);
        if let Some(entry) = entry::entry(&event.kind, self.look.detail)
            && !is_live(&entry)
        {
            let (id_width, (width, _)) = (self.board.id_width(28), (self.size)());
            self.left_behind.extend(entry.left_behind(id_width, self.look.style, width));
        }
        if self.board.end.is_none() {
            self.draw(event.elapsed_ms);
        }
    }

    fn tick(&mut self, elapsed_ms: u64) {
        if self.board.end.is_none() && self.board.head.is_some() {
            self.draw(elapsed_ms);
        }
    }

    fn finish(&mut self) {
        let (width, _) = (self.size)();
        let style = self.look.style;
        let above = std::mem::take(&mut self.left_behind);
        self.screen.draw(&above, &[], style, width);
        let run_log = self.look.run_log.as_deref();
        self.screen.close(&summary::render(&self.board, run_log, width, style));
        // A second call has nothing to add.
        self.board.end = None;
    }
}

#[cfg(test)]
mod tests;
