//! What the last lines of a crashed container's log add to its cause. Fetching the log is the step's.

use super::cause::{Cause, Finality, Remedy, Whose};
use super::signatures::{self, DNS, Signature, UNREACHABLE};
use super::traceback::{self, Raised};
use super::world::World;
use super::{answering, asked, commands};
use crate::event::{Evidence, Fix};

/// Most lines of a log that become evidence.
const LINES: usize = 3;

const DEPENDENCY: Finality = Finality::CurableBy(Remedy::Dependency);

/// Causes that a log explains further; the status of the others says what a log can only repeat.
const OPEN: [&str; 5] = ["CRASH_LOOP", "INIT_FAILED", "JOB_FAILED", "POD_FAILED", "PROBE_FAILING"];

/// A line that decides, by its place, and what it means.
pub(super) type Decided = (&'static Signature, usize);

/// The cause with what the log adds: its last lines as evidence, and what known words mean.
#[must_use]
pub fn with_log(mut cause: Cause, log: &str, world: &World) -> Cause {
    let lines: Vec<&str> = lines(log).collect();
    let is_open = OPEN.contains(&cause.code);
    let raised = traceback::last(&lines).filter(|_| is_open);
    let found = if is_open { decide(&lines, raised) } else { None };
    // A container that runs may have logged anything; only what is about its answers counts.
    if cause.code == "PROBE_FAILING" {
        return answering::told(cause, &lines, found, world);
    }
    cause.evidence.truncate(2);
    cause.evidence.extend(evidence(&cause, &lines, found, raised));
    if cause.code == "PROBE_KILLS" {
        return answering::listening(cause, &lines, world);
    }
    if let Some(variable) = raised.and_then(|raised| unset(&lines, raised)) {
        cause.summary =
            format!("{}: variable `{variable}` of its environment is not set", cause.summary);
        cause.fix = Some(Fix::advice(format!("set `{variable}` in `env` of the container")));
        return cause;
    }
    match (found, raised) {
        (Some((signature, at)), _) => {
            cause = explained(cause, signature, lines[at], raised);
            if cause.code == UNREACHABLE || signature.code == Some(UNREACHABLE) {
                cause = asked::placed(cause, &lines, at, world);
            }
        }
        (None, Some(raised)) => cause = broken_off(cause, raised),
        (None, None) => {}
    }
    cause
}

/// The words that decide: those of the exception that ended the program, else any since it began to
/// go wrong.
fn decide(lines: &[&str], raised: Option<Raised<'_>>) -> Option<Decided> {
    let from = raised.map_or(0, |raised| raised.from);
    let fits = |one: &&Signature| one.is_among(&lines[from..]);
    let matching = |line: &str| signatures::all().filter(fits).find(|one| one.is_in(line));
    let first = raised.and_then(|raised| Some((matching(lines[raised.at])?, raised.at)));
    first.or_else(|| {
        signatures::all().filter(fits).find_map(|signature| {
            let at = lines[from..].iter().rposition(|line| signature.is_in(line))?;
            Some((signature, from + at))
        })
    })
}

/// The deciding line with what stands before it, the nearest frame first where there is one.
fn evidence(
    cause: &Cause,
    lines: &[&str],
    found: Option<Decided>,
    raised: Option<Raised<'_>>,
) -> Vec<Evidence> {
    let line = |text: &str| said(cause, text);
    if let Some(raised) = raised.filter(|raised| found.is_none_or(|(_, at)| at == raised.at)) {
        let more = match found {
            // An earlier line may say the same with more words, such as versions.
            Some((one, at)) => lines[..at].iter().rfind(|line| one.is_in(line)).copied(),
            None => lines.get(raised.at + 1).copied(),
        };
        let frame = raised.own.or(raised.frame);
        return frame.into_iter().chain([raised.words]).chain(more).map(line).collect();
    }
    let last = found.map_or(lines.len(), |(_, at)| (at + 1).max(lines.len().min(LINES)));
    let first = last.saturating_sub(LINES);
    lines[first..last].iter().map(|text| line(text)).collect()
}

/// A line of the log as evidence.
pub(super) fn said(cause: &Cause, text: &str) -> Evidence {
    let log = cause.log.as_ref();
    let source = log.map_or("log".to_owned(), |log| format!("log {}/{}", log.pod, log.container));
    Evidence::new(source, shorten(text.trim()))
}

/// Stands in advice for the frame of a traceback.
const LINE: &str = "the line that the traceback ends with";

/// Advice that names the program's own frame.
fn at_frame(fix: String, raised: Option<Raised<'_>>) -> String {
    match raised.and_then(|raised| raised.own.or(raised.frame)) {
        Some(frame) => fix.replace(LINE, &place(frame)),
        None => fix,
    }
}

/// A frame in a sentence: `line 41 of /app/main.py`.
fn place(frame: &str) -> String {
    let python = frame.strip_prefix("File \"").and_then(|rest| rest.split_once("\", line "));
    match python {
        Some((file, rest)) => format!("line {} of {file}", rest.split(',').next().unwrap_or(rest)),
        None => frame.to_owned(),
    }
}

/// The cause with what a signature means.
fn explained(
    mut cause: Cause,
    signature: &Signature,
    line: &str,
    raised: Option<Raised<'_>>,
) -> Cause {
    let (why, fix) = signature.told(line);
    cause.summary = format!("{}: {why}", cause.summary);
    cause.whose = signature.whose;
    // Arguments that a chart left empty are why a program does not take them.
    let says_more = cause.rule == Some("HELM-08") && signature.rule == Some("CFG-04");
    cause.rule = match cause.code {
        "INIT_FAILED" => Some("CRASH-15"),
        "JOB_FAILED" => cause.rule,
        _ if says_more => cause.rule,
        _ => signature.rule.or(cause.rule),
    };
    if !["JOB_FAILED", "POD_FAILED"].contains(&cause.code) {
        cause.code = signature.code.unwrap_or(cause.code);
        cause.finality = match signature.code {
            Some("EXEC_FORMAT") => Finality::Fatal,
            _ => DEPENDENCY,
        };
    }
    if let Some(fix) = fix.filter(|_| !says_more) {
        cause.fix = Some(if signature.code == Some("EXEC_FORMAT") {
            let architecture = cause.log.as_ref().and_then(|log| log.architecture.clone());
            let platform = format!("linux/{}", architecture.as_deref().unwrap_or("amd64"));
            Fix::run(commands::build(&platform, ""))
        } else {
            advised(at_frame(fix, raised))
        });
    }
    cause
}

/// The variable of the environment that a Python program reads and that is not set.
fn unset<'l>(lines: &[&'l str], raised: Raised<'l>) -> Option<&'l str> {
    let name = raised.words.strip_prefix("KeyError: '")?.strip_suffix('\'')?;
    let is_variable = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let reads = lines[raised.from..raised.at].iter().any(|line| line.contains("environ"));
    (reads && name.chars().all(is_variable)).then_some(name)
}

/// A program that ended by an exception which nobody knows.
fn broken_off(mut cause: Cause, raised: Raised<'_>) -> Cause {
    cause.summary = format!("{}: its program ends with {}", cause.summary, shorten(raised.words));
    cause.whose = Whose::Application;
    if let Some(frame) = raised.own.or(raised.frame) {
        cause.fix = Some(Fix::advice(format!(
            "correct what fails at {}, and build the image anew",
            place(frame)
        )));
    }
    cause
}

/// What an advice of a signature is: that on the cluster's name service is a command.
fn advised(words: String) -> Fix {
    if words == DNS { Fix::run(asked::name_service()) } else { Fix::advice(words) }
}

/// Whether a log has anything to say; the runtime may have cleared it away.
#[must_use]
pub fn says_something(log: &str) -> bool {
    lines(log).next().is_some()
}

fn lines(log: &str) -> impl Iterator<Item = &str> {
    log.lines()
        .map(str::trim_end)
        .filter(|line| line.chars().any(char::is_alphanumeric))
        .filter(|line| !line.starts_with("unable to retrieve container logs"))
}

fn shorten(line: &str) -> String {
    match line.char_indices().nth(300) {
        Some((cut, _)) => format!("{}...", &line[..cut]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Class;

    fn read(cause: Cause, log: &str) -> Cause {
        with_log(cause, log, &World::default())
    }

    fn crash() -> Cause {
        Cause::new("CRASH_LOOP", Class::Permanent, DEPENDENCY, "container `api` crashes")
    }

    #[test]
    fn a_lost_dependency_is_told_from_a_broken_program() {
        let log = "Traceback\npsycopg2.OperationalError: could not translate host name \"db\" to address\n\n(Background on this error at: x)\n";
        let cause = read(crash(), log);
        assert_eq!(cause.code, "DEPENDENCY_UNREACHABLE");
        assert!(cause.evidence.iter().any(|line| line.text.contains("host name \"db\"")));
    }

    #[test]
    fn an_unknown_log_gives_its_last_lines() {
        let cause = read(crash(), "a\nb\n\n---\nc\nd\n");
        assert_eq!(cause.code, "CRASH_LOOP");
        let lines: Vec<_> = cause.evidence.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(lines, ["b", "c", "d"]);
    }

    #[test]
    fn a_log_that_is_gone_adds_nothing() {
        let cause = read(crash(), "unable to retrieve container logs for containerd://abc\n");
        assert_eq!(cause, crash());
    }
}
