//! The texts that a configuration is read from, and places inside them. What is wrong at a place
//! is `diagnostic`; which layer a text belongs to is `layers`.

use std::fmt;
use std::ops::Range;

use super::sensitive;

/// A range of bytes in one of the [`Texts`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Index of the text.
    pub(crate) source: usize,
    /// Bytes in it.
    pub(crate) range: Range<usize>,
}

/// What kind of text it is, which decides how much of it may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceKind {
    /// An env file: only the names are shown.
    EnvFile,
    /// A file of configuration, on disk or compiled in.
    File,
    /// A variable or a flag, which has no lines.
    Given,
    /// A template of a `[[file]]`.
    Template,
}

/// One text.
#[derive(Clone, Debug)]
pub(crate) struct SourceText {
    /// How it is called in messages: a path relative to the project, or the variable or flag.
    pub(crate) name: String,
    /// Its content.
    pub(crate) text: String,
    /// What it is.
    pub(crate) kind: SourceKind,
    /// Ranges that hold secrets and are shown as stars.
    pub(crate) hidden: Vec<Range<usize>>,
}

/// All texts of one load.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    texts: Vec<SourceText>,
}

impl Texts {
    /// Takes a text in and returns its index.
    pub(crate) fn add(&mut self, name: &str, text: &str, kind: SourceKind) -> usize {
        let hidden = Vec::new();
        let text = SourceText { name: name.to_owned(), text: text.to_owned(), kind, hidden };
        self.texts.push(text);
        self.texts.len() - 1
    }

    /// The text with this index.
    pub(crate) fn source(&self, index: usize) -> Option<&SourceText> {
        self.texts.get(index)
    }

    /// Marks a range that is never shown.
    pub(crate) fn hide(&mut self, span: &Span) {
        if let Some(text) = self.texts.get_mut(span.source) {
            text.hidden.push(span.range.clone());
        }
    }

    /// Every text that was written as configuration, for the question whether a value stands in it.
    pub(crate) fn configuration(&self) -> impl Iterator<Item = &str> {
        self.texts
            .iter()
            .filter(|text| text.kind == SourceKind::File)
            .map(|text| text.text.as_str())
    }

    /// The place of a span, with the line that it stands on made safe to show.
    pub(crate) fn place(&self, span: &Span) -> Option<Place> {
        let source = self.texts.get(span.source)?;
        let text = source.text.as_str();
        let start = floor(text, span.range.start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let end = floor(text, span.range.end).clamp(start, line_end);
        let before = text[..start].matches('\n').count();
        let shown = shown_line(source, line_start, line_end);
        Some(Place {
            file: source.name.clone(),
            line: if source.kind == SourceKind::Given { None } else { Some(before + 1) },
            column: text[line_start..start].chars().count() + 1,
            text: shown.trim_end().to_owned(),
            width: text[start..end].trim_end().chars().count().max(1),
        })
    }
}

/// The line with secrets as stars, one for each character so that columns stay true.
fn shown_line(source: &SourceText, start: usize, end: usize) -> String {
    let line = &source.text[start..end];
    if source.kind == SourceKind::EnvFile {
        return sensitive::names_only(line);
    }
    let masked: String = line
        .char_indices()
        .map(|(at, character)| {
            let hidden = source.hidden.iter().any(|range| range.contains(&(start + at)));
            if hidden {
                '*'
            } else if character.is_control() && character != '\t' {
                ' '
            } else {
                character
            }
        })
        .collect();
    sensitive::mask_assignments(&masked)
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Where something stands, with the line itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Path relative to the project, or the name of a variable or flag.
    pub file: String,
    /// Line from 1; `None` for variables and flags.
    pub line: Option<usize>,
    /// Column in characters from 1.
    pub column: usize,
    /// The line itself, secrets as stars.
    pub text: String,
    /// How many characters are meant, at least 1.
    pub width: usize,
}

impl Place {
    /// The place without its column, such as `mlup.toml:7`.
    pub fn file_and_line(&self) -> String {
        self.line.map_or_else(|| self.file.clone(), |line| format!("{}:{line}", self.file))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}:{}", self.file, self.column),
            None => f.write_str(&self.file),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str, kind: SourceKind, range: Range<usize>) -> Place {
        let mut texts = Texts::default();
        let source = texts.add("mlup.toml", text, kind);
        texts.place(&Span { source, range }).unwrap()
    }

    #[test]
    fn a_place_counts_lines_and_characters_from_one() {
        let place = place("a = 1\nü = x\n", SourceKind::File, 11..12);
        assert_eq!((place.to_string().as_str(), place.width), ("mlup.toml:2:5", 1));
    }

    #[test]
    fn a_span_past_the_end_still_has_a_place() {
        assert_eq!(place("a", SourceKind::File, 90..99).to_string(), "mlup.toml:1:2");
    }

    #[test]
    fn carriage_returns_are_not_shown() {
        assert_eq!(place("a = 1\r\n", SourceKind::File, 0..1).text, "a = 1");
    }

    #[test]
    fn a_line_of_an_env_file_shows_its_name_alone() {
        assert_eq!(place("TOKEN=hunter2\n", SourceKind::EnvFile, 0..5).text, "TOKEN=…");
    }

    #[test]
    fn hidden_ranges_become_stars_of_the_same_width() {
        let mut texts = Texts::default();
        let source = texts.add("mlup.toml", "k = \"hunter2\" # x", SourceKind::File);
        texts.hide(&Span { source, range: 5..12 });
        let place = texts.place(&Span { source, range: 0..1 }).unwrap();
        assert_eq!(place.text, "k = \"*******\" # x");
    }
}
