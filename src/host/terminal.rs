//! The size of the terminals behind the output streams. What is drawn on them is `report/`.

use std::os::fd::AsFd;

use rustix::termios::tcgetwinsize;

/// What a terminal that does not know its size is taken for.
const USUAL: (usize, usize) = (80, 24);

/// Columns and rows of the terminal behind standard error, now.
#[must_use]
pub fn stderr_size() -> (usize, usize) {
    size(std::io::stderr())
}

/// Columns and rows of the terminal behind standard output, now.
#[must_use]
pub fn stdout_size() -> (usize, usize) {
    size(std::io::stdout())
}

fn size(stream: impl AsFd) -> (usize, usize) {
    match tcgetwinsize(stream) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
            (usize::from(size.ws_col), usize::from(size.ws_row))
        }
        _ => USUAL,
    }
}
