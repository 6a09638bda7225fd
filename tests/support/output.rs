//! What a run printed, and comparing it exactly once everything that differs between two runs is
//! filtered out.

use std::path::Path;

use mlup::event::{Event, EventKind};
use regex::Regex;

/// A run that is over.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    /// The exit code; none when a signal ended it.
    pub(crate) code: Option<i32>,
    /// The signal that ended it.
    pub(crate) signal: Option<i32>,
    /// All of standard output.
    pub(crate) stdout: String,
    /// All of standard error.
    pub(crate) stderr: String,
}

impl Ran {
    /// Fails the test, output included, unless the run exited with this code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "unexpected exit\n{}", self.report());
        self
    }

    /// The events on standard output; any other line there fails the test.
    #[track_caller]
    pub(crate) fn events(&self) -> Vec<Event> {
        let parse = |line| match serde_json::from_str(line) {
            Ok(event) => event,
            Err(error) => panic!("no event: {error}: {line}\n{}", self.report()),
        };
        self.stdout.lines().map(parse).collect()
    }

    /// What happened, without when.
    #[track_caller]
    pub(crate) fn kinds(&self) -> Vec<EventKind> {
        self.events().into_iter().map(|event| event.kind).collect()
    }

    /// Everything about the run, for the message of a failed assertion.
    pub(crate) fn report(&self) -> String {
        let Self { code, signal, stdout, stderr } = self;
        format!("exit {code:?}, signal {signal:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n---")
    }
}

/// Replaces what differs between two runs: `[TIME]`, `[MS]`, `[RUN]`, and `[ROOT]` for the sandbox.
pub(crate) fn without_differences(text: &str, root: &Path) -> String {
    let mut text = text.replace(&root.display().to_string(), "[ROOT]");
    for (pattern, replacement) in [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[TIME]"),
        (r"\b\d{8}T\d{6}Z(-[0-9a-z]+)*", "[RUN]"),
        (r#""run":"[^"]+""#, r#""run":"[RUN]""#),
        (r#""(\w+_ms)":\d+"#, r#""$1":[MS]"#),
        (r"\b(\d+ ?m ?)?\d+(\.\d+)? ?m?s\b", "[MS]"),
    ] {
        let Ok(pattern) = Regex::new(pattern) else { panic!("bad filter {pattern}") };
        text = pattern.replace_all(&text, replacement).into_owned();
    }
    text
}

/// Fails the test at the first line that differs, and shows both texts.
#[track_caller]
pub(crate) fn assert_same(actual: &str, expected: &str) {
    if actual == expected {
        return;
    }
    let differs = actual.lines().zip(expected.lines()).position(|(is, wanted)| is != wanted);
    let line = differs.unwrap_or_else(|| actual.lines().count().min(expected.lines().count())) + 1;
    panic!("differs from line {line} on\n--- actual\n{actual}\n--- expected\n{expected}\n---");
}
