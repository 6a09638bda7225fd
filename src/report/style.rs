//! Colour and glyphs, and a line made of toned pieces. Meaning never rests on colour alone: every
//! tone comes with a word or a glyph.

use crate::event::State;
use crate::report::text;

/// What the terminal is good for; decided outside (`NO_COLOR`, `--no-color`, the locale).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether colours are used.
    pub colour: bool,
    /// Whether glyphs beyond ASCII are used.
    pub unicode: bool,
}

impl Style {
    /// What stands in place of text that was cut.
    pub(super) fn ellipsis(self) -> &'static str {
        if self.unicode { "…" } else { "..." }
    }

    /// What stands between the parts of a header.
    pub(super) fn dot(self) -> &'static str {
        if self.unicode { " · " } else { " - " }
    }

    /// The sign of a state; `running` turns with the time.
    pub(super) fn glyph(self, state: State, now_ms: u64) -> char {
        let turn = |frames: &[char]| {
            let at = usize::try_from(now_ms / 100).unwrap_or(0);
            frames[at % frames.len()]
        };
        match (state, self.unicode) {
            (State::Running, true) => turn(&['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']),
            (State::Running, false) => turn(&['-', '\\', '|', '/']),
            (State::Waiting, true) => '◌',
            (State::Waiting, false) => '~',
            (State::Retrying, true) => '↻',
            (State::Retrying, false) => 'r',
            (State::Escalating, true) => '↑',
            (State::Escalating, false) => '^',
            (State::Ready | State::Succeeded, true) => '✓',
            (State::Ready | State::Succeeded, false) => '+',
            (State::Failed, true) => '✗',
            (State::Failed, false) => 'x',
            (State::Degraded, _) => '!',
            (State::Skipped | State::Cancelled, _) => '-',
            (State::Pending | State::Blocked, true) => '·',
            (State::Pending | State::Blocked, false) => '.',
        }
    }
}

/// The word of a state, the same in every report.
pub(super) fn word(state: State) -> &'static str {
    match state {
        State::Pending => "pending",
        State::Blocked => "blocked",
        State::Running => "running",
        State::Waiting => "waiting",
        State::Retrying => "retrying",
        State::Escalating => "escalate",
        State::Ready => "ready",
        State::Succeeded => "succeeded",
        State::Degraded => "degraded",
        State::Failed => "failed",
        State::Skipped => "skipped",
        State::Cancelled => "cancelled",
    }
}

/// What a piece of text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// Nothing special.
    Normal,
    /// A name or a headline.
    Strong,
    /// A detail.
    Dim,
    /// Up.
    Good,
    /// On its way, or worth a look.
    Busy,
    /// Failed.
    Bad,
}

impl Tone {
    /// The tone of a state.
    pub(super) fn of(state: State) -> Self {
        match state {
            State::Ready | State::Succeeded => Self::Good,
            State::Waiting | State::Retrying | State::Escalating | State::Degraded => Self::Busy,
            State::Failed => Self::Bad,
            State::Running => Self::Normal,
            State::Pending | State::Blocked | State::Skipped | State::Cancelled => Self::Dim,
        }
    }

    /// Select Graphic Rendition parameters (ECMA-48).
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Normal => None,
            Self::Strong => Some("1"),
            Self::Dim => Some("2"),
            Self::Good => Some("32"),
            Self::Busy => Some("33"),
            Self::Bad => Some("1;31"),
        }
    }
}

/// One line of output, cleaned of control characters, not painted yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line(Vec<(Tone, String)>);

impl Line {
    /// The line with this piece at its end.
    pub(super) fn with(mut self, tone: Tone, piece: impl AsRef<str>) -> Self {
        self.0.push((tone, text::clean(piece.as_ref())));
        self
    }

    /// The line further in.
    pub(super) fn indented(mut self, columns: usize) -> Self {
        self.0.insert(0, (Tone::Normal, " ".repeat(columns)));
        self
    }

    /// Columns that the line takes.
    pub(super) fn width(&self) -> usize {
        self.0.iter().map(|(_, piece)| text::width(piece)).sum()
    }

    /// The line cut to `columns`.
    pub(super) fn clip(self, columns: usize, style: Style) -> Self {
        if self.width() <= columns {
            return self;
        }
        let (mut kept, mut room) = (Vec::new(), columns);
        for (tone, piece) in self.0 {
            let wide = text::width(&piece);
            // The ellipsis needs its own room even where a piece ends exactly at the edge.
            if wide + text::width(style.ellipsis()) <= room {
                room -= wide;
                kept.push((tone, piece));
                continue;
            }
            let cut =
                text::clip(&format!("{piece}{}", " ".repeat(columns)), room, style.ellipsis());
            kept.push((tone, cut));
            break;
        }
        Self(kept)
    }

    /// The line as it is written, without a newline and without spaces at its end.
    pub(super) fn paint(&self, style: Style) -> String {
        let last = self.0.iter().rposition(|(_, piece)| !piece.trim_end().is_empty());
        let mut painted = String::new();
        for (at, (tone, piece)) in self.0.iter().enumerate().take(last.map_or(0, |at| at + 1)) {
            let piece = if Some(at) == last { piece.trim_end() } else { piece };
            match tone.code() {
                Some(code) if style.colour && !piece.trim().is_empty() => {
                    painted.extend(["\u{1b}[", code, "m", piece, "\u{1b}[0m"]);
                }
                _ => painted.push_str(piece),
            }
        }
        painted
    }
}

/// The lines as text, each with its newline.
pub(super) fn paint_all(lines: &[Line], style: Style) -> String {
    lines.iter().map(|line| line.paint(style) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLOUR: Style = Style { colour: true, unicode: true };
    const PLAIN: Style = Style { colour: false, unicode: false };

    #[test]
    fn without_colour_no_escape_is_written() {
        let line = Line::default().with(Tone::Bad, "a\u{1b}[31mb").with(Tone::Dim, "c  ");
        assert_eq!(line.paint(PLAIN), "abc");
        assert_eq!(line.paint(COLOUR), "\u{1b}[1;31mab\u{1b}[0m\u{1b}[2mc\u{1b}[0m");
    }

    #[test]
    fn clipping_counts_columns_over_all_pieces() {
        let line = Line::default().with(Tone::Normal, "abc").with(Tone::Dim, "defgh");
        assert_eq!(line.clone().clip(8, COLOUR).paint(PLAIN), "abcdefgh");
        assert_eq!(line.clone().clip(6, COLOUR).paint(PLAIN), "abcde…");
        assert_eq!(line.clone().clip(3, COLOUR).paint(PLAIN), "ab…");
        assert_eq!(line.clip(7, PLAIN).paint(PLAIN), "abcd...");
    }
}
