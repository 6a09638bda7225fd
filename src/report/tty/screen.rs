//! The block of lines at the cursor: written over itself on each redraw, wiped at the end. Sees
//! lines only.

use std::io::Write;

use crate::report::style::{Line, Style};

const HIDE_CURSOR: &str = "\u{1b}[?25l";

/// Shows the cursor again. For the panic hook: the release build aborts on a panic, and then
/// nothing is dropped.
pub const RESTORE: &str = "\u{1b}[?25h";

/// Wipes from the cursor to the end of its line (ECMA-48, EL).
const WIPE_LINE: &str = "\u{1b}[K";
/// Wipes from the cursor to the end of the screen (ECMA-48, ED).
const WIPE_BELOW: &str = "\u{1b}[J";

pub(super) struct Screen {
    out: Box<dyn Write + Send>,
    /// Columns of each line of the block as it stands.
    block: Vec<usize>,
    cursor_hidden: bool,
}

impl Screen {
    pub(super) fn new(out: Box<dyn Write + Send>) -> Self {
        Self { out, block: Vec::new(), cursor_hidden: false }
    }

    /// Puts `above` where the block was and the new block under it, in one write.
    pub(super) fn draw(&mut self, above: &[Line], block: &[Line], style: Style, width: usize) {
        if !self.cursor_hidden && block.is_empty() && above.is_empty() {
            return;
        }
        let mut frame = String::new();
        if !self.cursor_hidden {
            frame.push_str(HIDE_CURSOR);
            self.cursor_hidden = true;
        }
        frame.push_str(&self.to_first_row(width));
        for line in above.iter().chain(block) {
            frame.push_str(&line.paint(style));
            frame.push_str(WIPE_LINE);
            frame.push('\n');
        }
        frame.push_str(WIPE_BELOW);
        self.block = block.iter().map(Line::width).collect();
        self.write(&frame);
    }

    /// Wipes the block, gives the cursor back and leaves this text.
    pub(super) fn close(&mut self, text: &str) {
        let mut last = String::new();
        if self.cursor_hidden {
            last.push_str(&self.to_first_row(usize::MAX));
            last.push_str(WIPE_BELOW);
            last.push_str(RESTORE);
            self.block.clear();
            self.cursor_hidden = false;
        }
        last.push_str(text);
        if !last.is_empty() {
            self.write(&last);
        }
    }

    /// To the first row of the block. A terminal that got narrower has wrapped its lines, so each
    /// may take several rows by now.
    fn to_first_row(&self, width: usize) -> String {
        let rows: usize = self.block.iter().map(|line| line.div_ceil(width.max(1)).max(1)).sum();
        if rows == 0 { "\r".to_owned() } else { format!("\r\u{1b}[{rows}A") }
    }

    /// A terminal that went away is no reason to stop the run.
    fn write(&mut self, frame: &str) {
        let _ = self.out.write_all(frame.as_bytes()).and_then(|()| self.out.flush());
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.cursor_hidden {
            self.write(RESTORE);
        }
    }
}
