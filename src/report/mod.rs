//! What a run looks like: each report sees events and nothing else, so a recorded stream renders
//! like a live one. Adding an event: `event.rs`, then the compiler lists every report below.
//! Writers and the terminal's size are handed in; no clock, no files and no tokio here.

mod board;
pub mod calm;
mod entry;
pub mod failure;
mod first_error;
#[cfg(test)]
mod fixture;
mod hold;
pub mod journal;
pub mod json;
pub mod mode;
pub mod notify;
pub mod plain;
#[cfg(test)]
mod replay_tests;
pub mod story;
pub mod style;
pub mod summary;
pub mod table;
pub mod tally;
pub mod text;
pub mod toollog;
pub mod tty;
pub mod watching;

pub use board::Board;
pub use first_error::FirstError;
pub use mode::{Detail, Front, Mode, choose};
pub use style::Style;

use crate::event::Event;

/// One way to show a run.
pub trait Report: Send {
    /// Shows one event.
    fn event(&mut self, event: &Event);

    /// Time has passed without an event: redraw, or say that the run is alive.
    /// `elapsed_ms` is the time since the run began.
    fn tick(&mut self, elapsed_ms: u64);

    /// The run is over: leave the terminal as it was found. Also called when it ends early.
    fn finish(&mut self);
}

/// How a report for people looks.
#[derive(Clone, Debug)]
pub struct Look {
    /// How much is said.
    pub detail: Detail,
    /// Colour and glyphs.
    pub style: Style,
    /// Where the run log is, named at the end; nothing where there is none.
    pub run_log: Option<String>,
}
