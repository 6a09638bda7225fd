//! What is wrong with a configuration: one [`Problem`] each, with its place, rendered as a block
//! that stands on its own without colour. Finding problems does not belong here.

use std::fmt;

use super::source::{Place, Span, Texts};
use crate::redact::Scrubber;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Stable identifier, such as `CONFIG_UNKNOWN_KEY`.
    pub code: &'static str,
    /// One sentence without a final period.
    pub message: String,
    /// Where it stands.
    pub place: Option<Place>,
    /// A second place that belongs to it, with what is there.
    pub related: Option<(String, Place)>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Problem {
    /// A problem without a place.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), place: None, related: None, help: None }
    }

    /// The same problem with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same problem at a place.
    #[must_use]
    pub fn at(mut self, place: Option<Place>) -> Self {
        self.place = place;
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error[{}]: {}", self.code, self.message)?;
        let shown = self.place.iter().chain(self.related.iter().map(|(_, place)| place));
        let gutter = shown.map(|place| digits(place.line)).max().unwrap_or(1);
        if let Some(place) = &self.place {
            snippet(f, place, gutter, "")?;
        }
        if let Some((label, place)) = &self.related {
            snippet(f, place, gutter, label)?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n{:gutter$} = help: {help}", "")?;
        }
        Ok(())
    }
}

fn digits(line: Option<usize>) -> usize {
    line.map_or(1, |line| line.to_string().len())
}

fn snippet(f: &mut fmt::Formatter<'_>, place: &Place, gutter: usize, label: &str) -> fmt::Result {
    let number = place.line.map(|line| line.to_string()).unwrap_or_default();
    let lead: String = place
        .text
        .chars()
        .take(place.column.saturating_sub(1))
        .map(|character| if character == '\t' { '\t' } else { ' ' })
        .collect();
    let carets = "^".repeat(place.width);
    let gap = if label.is_empty() { "" } else { " " };
    write!(f, "\n{:gutter$}--> {place}", "")?;
    write!(f, "\n{:gutter$} |", "")?;
    write!(f, "\n{number:>gutter$} | {}", place.text)?;
    write!(f, "\n{:gutter$} | {lead}{carets}{gap}{label}", "")
}

/// Everything that is wrong with the configuration, each with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// What is wrong, in the order of files and lines; never empty.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n\n" };
            write!(f, "{gap}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// Collects problems beside the texts that they point into.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    /// The texts.
    pub(crate) texts: Texts,
    found: Vec<(usize, Problem)>,
    muted: Vec<Span>,
}

impl Problems {
    /// Whether one of these codes was recorded.
    pub(crate) fn has(&self, codes: &[&str]) -> bool {
        self.found.iter().any(|(_, problem)| codes.contains(&problem.code))
    }

    /// Keeps quiet about a value from here on: it could not be expanded, so whatever else is wrong
    /// with it follows from that.
    pub(crate) fn mute(&mut self, span: &Span) {
        self.muted.push(span.clone());
    }

    /// Records a problem at a span.
    pub(crate) fn push(&mut self, span: Option<&Span>, problem: Problem) {
        if span.is_some_and(|span| self.muted.contains(span)) {
            return;
        }
        let rank = span.map_or(usize::MAX, |span| span.source);
        let place = span.and_then(|span| self.texts.place(span));
        self.found.push((rank, Problem { place, ..problem }));
    }

    /// Records a problem at a span, with a second place that belongs to it.
    pub(crate) fn push_pair(
        &mut self,
        span: Option<&Span>,
        related: Option<&Span>,
        label: &str,
        problem: Problem,
    ) {
        let place = related.and_then(|span| self.texts.place(span));
        let related = place.map(|place| (label.to_owned(), place));
        self.push(span, Problem { related, ..problem });
    }

    /// Takes the problems out, sorted by file and line, with known secrets scrubbed from them.
    pub(crate) fn take(&mut self, scrubber: &Scrubber) -> Option<ConfigError> {
        if self.found.is_empty() {
            return None;
        }
        let mut found = std::mem::take(&mut self.found);
        found.sort_by_key(|(rank, problem)| {
            let place = problem.place.as_ref();
            (*rank, place.and_then(|place| place.line), place.map(|place| place.column))
        });
        let mut problems: Vec<Problem> = Vec::with_capacity(found.len());
        for (_, mut problem) in found {
            problem.message = scrubber.scrub(&problem.message);
            problem.help = problem.help.map(|help| scrubber.scrub(&help));
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
        Some(ConfigError { problems })
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::SourceKind;
    use super::*;

    #[test]
    fn a_problem_shows_its_line_with_carets_and_help() {
        let mut problems = Problems::default();
        let text = "name = \"x\"\nnmae = 1\n";
        let source = problems.texts.add("mlup.toml", text, SourceKind::File);
        let problem =
            Problem::new("CONFIG_UNKNOWN_KEY", "unknown key `nmae`").help("did you mean `name`?");
        problems.push(Some(&Span { source, range: 11..15 }), problem);
        let error = problems.take(&Scrubber::default()).unwrap();
        assert_eq!(
            error.to_string(),
            "error[CONFIG_UNKNOWN_KEY]: unknown key `nmae`\n \
             --> mlup.toml:2:1\n  |\n2 | nmae = 1\n  | ^^^^\n  = help: did you mean `name`?"
        );
    }

    #[test]
    fn problems_are_sorted_by_file_and_line() {
        let mut problems = Problems::default();
        let source = problems.texts.add("a", "1\n2\n3\n", SourceKind::File);
        for start in [4, 0, 2] {
            let span = Span { source, range: start..start + 1 };
            problems.push(Some(&span), Problem::new("X", format!("at {start}")));
        }
        problems.push(None, Problem::new("X", "nowhere"));
        let error = problems.take(&Scrubber::default()).unwrap();
        let messages: Vec<_> = error.problems.iter().map(|p| p.message.as_str()).collect();
        assert_eq!(messages, ["at 0", "at 2", "at 4", "nowhere"]);
    }

    #[test]
    fn tabs_keep_the_carets_in_line() {
        let mut problems = Problems::default();
        let source = problems.texts.add("a", "\tx = 1", SourceKind::File);
        problems.push(Some(&Span { source, range: 1..2 }), Problem::new("X", "m"));
        let text = problems.take(&Scrubber::default()).unwrap().to_string();
        assert!(text.ends_with("  | \t^"), "{text}");
    }
}
