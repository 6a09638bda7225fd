//! Tables of the read commands: no borders, headers in capitals, as kubectl prints them. What is
//! in a table is the command's matter.

use comfy_table::{ContentArrangement, Table, presets};

/// Columns between two columns.
const GAP: u16 = 3;

/// The table as text, each row on a line of its own where `width` allows; cells wrap otherwise.
/// Without a width, as into a pipe, nothing wraps.
#[must_use]
pub fn render(headers: &[&str], rows: &[Vec<String>], width: Option<usize>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(headers.iter().map(|h| h.to_uppercase()));
    table.add_rows(rows.iter().map(|row| row.iter().map(|cell| super::text::clean(cell))));
    match width.and_then(|width| u16::try_from(width).ok()) {
        Some(width) => {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        None => {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP));
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Vec<String>> {
        [["deploy/stack", "ready", "6 of 6 services healthy"], ["check/api", "failed", "http 503"]]
            .map(|row| row.map(str::to_owned).to_vec())
            .to_vec()
    }

    #[test]
    fn columns_line_up_without_borders_or_trailing_spaces() {
        let expected = "\
STEP           STATE    NOTE
deploy/stack   ready    6 of 6 services healthy
check/api      failed   http 503
";
        assert_eq!(render(&["step", "state", "note"], &rows(), None), expected);
        assert_eq!(render(&["step", "state", "note"], &rows(), Some(80)), expected);
    }

    #[test]
    fn a_narrow_terminal_wraps_cells() {
        let table = render(&["step", "state", "note"], &rows(), Some(36));
        assert!(table.lines().all(|line| line.len() <= 36), "{table}");
        assert!(table.contains("healthy"), "{table}");
    }
}
