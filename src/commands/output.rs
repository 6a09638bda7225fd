//! Data on stdout in the format that was asked for. What the data is belongs to the command.

use serde::Serialize;

use crate::cli::Format;
use crate::commands::session::{self, Session};
use crate::error::Error;
use crate::host::terminal;

/// Prints `data` as JSON or YAML, or as the text that `table` makes of it for
/// so many columns.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn print<T: Serialize>(
    session: &Session,
    format: Format,
    data: &T,
    table: impl FnOnce(Option<usize>) -> String,
) -> Result<(), Error> {
    let text = match format {
        Format::Json => json(data)?,
        Format::Yaml => yaml(data)?,
        Format::Table => table(table_width(session)),
    };
    Ok(session::stdout().write_all(text.as_bytes())?)
}

/// Indented JSON with a final newline.
///
/// # Errors
/// A bug: the data cannot be JSON.
pub(super) fn json<T: Serialize>(data: &T) -> Result<String, Error> {
    let text = serde_json::to_string_pretty(data);
    text.map(|text| text + "\n").map_err(|error| Error::internal(format!("no JSON: {error}")))
}

/// YAML.
///
/// # Errors
/// A bug: the data cannot be YAML.
pub(super) fn yaml<T: Serialize>(data: &T) -> Result<String, Error> {
    serde_norway::to_string(data).map_err(|error| Error::internal(format!("no YAML: {error}")))
}

/// Columns for a table: the terminal's, or no limit where a program reads.
pub(super) fn table_width(session: &Session) -> Option<usize> {
    session.terminal.terminals.stdout.then(|| terminal::stdout_size().0)
}
