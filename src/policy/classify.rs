//! From what a tool left behind to a [`Failure`]: how it ended first, known words second, its own
//! last lines otherwise. Pure: it takes plain values and names no host type.

use crate::event::{Evidence, Form};
use crate::policy::known_issues::{self, KnownIssue};
use crate::policy::tool::{Tool, ToolEnd};
use crate::policy::{Class, Failure};
use crate::quote::quote;

/// Most lines of evidence that one failure carries.
pub const EVIDENCE_LINES: usize = 5;

/// Longest line of evidence, in characters.
const LINE_LENGTH: usize = 300;

/// What a tool's failure means; `doing` completes "could not ...", such as "start `stack`".
#[must_use]
pub fn tool_failure(tool: Tool, doing: &str, end: ToolEnd, stderr: &str, stdout: &str) -> Failure {
    if end == ToolEnd::TimedOut {
        let mut failure = Failure::new(
            Class::Timeout,
            "TOOL_TIMEOUT",
            format!("could not {doing}: {} did not end in time and was stopped", subject(tool)),
        );
        failure.evidence = last_lines(tool.name(), stderr, stdout);
        return failure;
    }
    known(tool, doing, stderr).or_else(|| known(tool, doing, stdout)).unwrap_or_else(|| {
        let mut failure = Failure::new(
            Class::Permanent,
            "TOOL_FAILED",
            format!("could not {doing}: {} failed ({end})", subject(tool)),
        );
        failure.evidence = last_lines(tool.name(), stderr, stdout);
        failure
    })
}

/// The known issue that these words tell of, if they tell of one.
#[must_use]
pub fn known(tool: Tool, doing: &str, words: &str) -> Option<Failure> {
    let (issue, line, found) = known_issues::all()
        .filter(|issue| tool != Tool::Other && issue.is_said_by(tool))
        .find_map(|issue| issue.find(words).map(|(line, found)| (issue, line, found)))?;
    Some(describe(issue, doing, &found).because(tool.name(), shorten(&line)))
}

fn describe(issue: &KnownIssue, doing: &str, found: &[(String, String)]) -> Failure {
    let fill = |template: &str, shown: &dyn Fn(&str) -> String| {
        found.iter().fold(template.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), &shown(value))
        })
    };
    let summary = format!("could not {doing}: {}", fill(issue.cause, &str::to_owned));
    let failure = Failure::new(issue.class, issue.code, summary);
    let mut fix = issue.fix();
    fix.command = match fix.form {
        Some(Form::Advice) => fill(&fix.command, &str::to_owned),
        _ => fill(&fix.command, &quote),
    };
    failure.fix(fix)
}

/// The last lines that say something, standard error before standard output.
#[must_use]
pub fn last_lines(source: &str, stderr: &str, stdout: &str) -> Vec<Evidence> {
    let text = if stderr.trim().is_empty() { stdout } else { stderr };
    let mut lines: Vec<&str> =
        text.lines().rev().filter(|line| says_something(line)).take(EVIDENCE_LINES).collect();
    lines.reverse();
    lines.into_iter().map(|line| Evidence::new(source, shorten(line))).collect()
}

/// Blank lines and rules, such as `------` round a build error, say nothing.
fn says_something(line: &str) -> bool {
    line.chars().any(char::is_alphanumeric)
}

/// A line of evidence, cut where it is longer than anybody reads.
#[must_use]
pub fn shorten(line: &str) -> String {
    let line = line.trim();
    match line.char_indices().nth(LINE_LENGTH) {
        Some((cut, _)) => format!("{}...", &line[..cut]),
        None => line.to_owned(),
    }
}

fn subject(tool: Tool) -> &'static str {
    match tool {
        Tool::Aws => "`aws`",
        Tool::Az => "`az`",
        Tool::Compose => "`docker compose`",
        Tool::Docker => "`docker`",
        Tool::Gcloud => "`gcloud`",
        Tool::Helm => "`helm`",
        Tool::Kustomize => "`kustomize`",
        Tool::FarSide | Tool::Other => "the command",
        Tool::Ssh => "`ssh`",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compose(end: ToolEnd, stderr: &str) -> Failure {
        tool_failure(Tool::Compose, "start `stack`", end, stderr, "")
    }

    #[test]
    fn a_stopped_tool_is_a_timeout_whatever_it_said() {
        let failure = compose(ToolEnd::TimedOut, "no space left on device");
        assert_eq!((failure.class, failure.code), (Class::Timeout, "TOOL_TIMEOUT"));
    }

    #[test]
    fn unknown_words_give_the_last_lines_that_say_something() {
        let stderr = "1\n2\n3\n\n4\n5\n------\n6\n";
        let failure = compose(ToolEnd::Exit(17), stderr);
        assert_eq!((failure.class, failure.code), (Class::Permanent, "TOOL_FAILED"));
        assert_eq!(
            failure.summary,
            "could not start `stack`: `docker compose` failed (exit code 17)"
        );
        let lines: Vec<_> = failure.evidence.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(lines, ["2", "3", "4", "5", "6"]);
    }

    #[test]
    fn stdout_speaks_where_stderr_is_silent() {
        let lines = last_lines("task", " \n", "from stdout\n");
        assert_eq!(lines, [Evidence::new("task", "from stdout")]);
    }

    #[test]
    fn values_from_the_words_fill_the_sentence() {
        let failure =
            compose(ToolEnd::Exit(1), "Bind for 0.0.0.0:5000 failed: port is already allocated");
        assert_eq!(
            failure.summary,
            "could not start `stack`: port 5000 is published by another container"
        );
        assert_eq!(failure.fix.unwrap().command, "docker ps --filter publish=5000");
    }

    #[test]
    fn other_programs_words_are_not_read_as_dockers() {
        let failure =
            tool_failure(Tool::Other, "run it", ToolEnd::Exit(1), "exec format error", "");
        assert_eq!(failure.code, "TOOL_FAILED");
    }

    #[test]
    fn long_lines_are_cut_between_characters() {
        let line = "ä".repeat(LINE_LENGTH + 10);
        assert_eq!(shorten(&line).chars().count(), LINE_LENGTH + 3);
    }
}
