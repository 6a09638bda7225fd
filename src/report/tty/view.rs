//! What the live view shows at a moment, as lines that fit the window: a header, one line for each
//! step with which something happens, and how many are still to come. Pure.

use crate::report::board::{Board, Row};
use crate::report::style::{Line, Style, Tone, word};
use crate::report::{summary, text};

/// From this width on a row has its state as a word, too.
const WITH_WORD: usize = 60;
/// From this width on a row has its time and what it waits for; below it is a name.
const WITH_NOTE: usize = 30;

/// A moment of a run.
pub(super) struct View<'a> {
    pub(super) board: &'a Board,
    pub(super) now_ms: u64,
    pub(super) style: Style,
}

/// The lines of the view: none wider than the window, and one row less than it has, so that
/// nothing scrolls.
pub(super) fn render(view: &View<'_>, width: usize, height: usize) -> Vec<Line> {
    // A line as wide as the window wraps on some terminals and not on others.
    let width = width.saturating_sub(1).max(1);
    let room = height.saturating_sub(2);
    let active = view.board.active();
    let mut lines = vec![header(view, width).clip(width, view.style)];
    if room == 0 {
        return lines;
    }
    let shown = if active.len() > room { room.saturating_sub(1).max(1) } else { active.len() };
    let shown_rows = &active[..shown];
    let id_width = id_width(shown_rows, width);
    lines.extend(shown_rows.iter().map(|row| step(view, row, id_width, width)));
    if lines.len() <= room && shown < active.len() {
        let more = format!("   +{} more", active.len() - shown);
        lines.push(Line::default().with(Tone::Dim, more));
    }
    if lines.len() <= room {
        lines.extend(to_come(view.board, &active));
    }
    lines.into_iter().map(|line| line.clip(width, view.style)).collect()
}

/// Verb, environment, profile and time on the left, progress on the right; the less needed parts
/// go first where there is no room.
fn header(view: &View<'_>, width: usize) -> Line {
    let Some(head) = &view.board.head else { return Line::default() };
    let time = text::running_duration(view.now_ms);
    let progress = progress(view.board);
    let name = format!("mlup {}", summary::verb(head.action));
    let candidates = [
        vec![name.as_str(), &head.project, &head.profile, &time],
        vec![name.as_str(), &head.profile, &time],
        vec![name.as_str(), &time],
        vec![time.as_str()],
    ];
    let fits = |parts: &&Vec<&str>| {
        text::width(&parts.join(view.style.dot())) + 2 + text::width(&progress) <= width
    };
    let parts = candidates.iter().find(fits).unwrap_or(&candidates[3]);
    let whole = parts.join(view.style.dot());
    let rest = whole.strip_prefix(parts[0]).unwrap_or_default();
    let gap = width.saturating_sub(text::width(&whole) + text::width(&progress)).max(1);
    Line::default()
        .with(Tone::Strong, parts[0])
        .with(Tone::Dim, rest)
        .with(Tone::Normal, " ".repeat(gap))
        .with(Tone::Normal, progress)
}

fn progress(board: &Board) -> String {
    let over = board.count(|row| row.state.is_end());
    let failed = board.count(|row| row.state == crate::event::State::Failed);
    let done = format!("{over}/{}", board.rows.len());
    if failed > 0 { format!("{failed} failed  {done}") } else { done }
}

fn id_width(rows: &[&Row], width: usize) -> usize {
    let widest = rows.iter().map(|row| text::width(&row.id)).max().unwrap_or(0);
    widest.min(match width {
        ..WITH_NOTE => width.saturating_sub(3),
        WITH_NOTE..WITH_WORD => width / 2,
        WITH_WORD.. => width / 3,
    })
}

fn step(view: &View<'_>, row: &Row, id_width: usize, width: usize) -> Line {
    let tone = Tone::of(row.state);
    let id = text::pad(&text::clip(&row.id, id_width, view.style.ellipsis()), id_width);
    let mut line = Line::default()
        .with(tone, format!(" {} ", view.style.glyph(row.state, view.now_ms)))
        .with(Tone::Normal, id);
    if width >= WITH_WORD {
        line = line.with(tone, format!("  {}", text::pad(word(row.state), 9)));
    }
    if width < WITH_NOTE {
        return line;
    }
    let time = text::running_duration(view.now_ms.saturating_sub(row.began_ms));
    let attempt =
        if row.attempt > 1 { format!("attempt {}: ", row.attempt) } else { String::new() };
    line.with(Tone::Dim, format!("  {time:>5}  {attempt}{}", row.note()))
}

/// How many steps have not begun, and the one that most of them wait for.
fn to_come(board: &Board, active: &[&Row]) -> Option<Line> {
    // The first of equals: it is the one that was begun first in the plan.
    let blocker = active.iter().rev().map(|row| (board.behind(row), *row)).max_by_key(|(n, _)| *n);
    let total = board.count(Row::is_to_come);
    let text = match blocker {
        _ if total == 0 => return None,
        Some((count, row)) if count == total => format!("   + {total} blocked by {}", row.id),
        Some((count, row)) if count > 0 => {
            format!("   + {total} to come, {count} of them blocked by {}", row.id)
        }
        _ => format!("   + {total} to come"),
    };
    Some(Line::default().with(Tone::Dim, text))
}
