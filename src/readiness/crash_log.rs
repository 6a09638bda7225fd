//! What the last lines of a crashed container's log add to its cause. Fetching the log is the step's.

use super::cause::{Cause, Finality, Remedy, Root, Whose};
use super::commands;
use super::dependency::{self, Asked};
use super::signatures::{self, DNS, Signature, UNREACHABLE};
use super::traceback::{self, Raised};
use super::world::World;
use crate::event::{CommandLine, Evidence, Fix};

/// Most lines of a log that become evidence.
const LINES: usize = 3;

const DEPENDENCY: Finality = Finality::CurableBy(Remedy::Dependency);

/// Causes that a log explains further; the status of the others says what a log can only repeat.
const OPEN: [&str; 5] = ["CRASH_LOOP", "INIT_FAILED", "JOB_FAILED", "POD_FAILED", "PROBE_FAILING"];

/// A line that decides, by its place, and what it means.
type Decided = (&'static Signature, usize);

/// The cause with what the log adds: its last lines as evidence, and what known words mean.
#[must_use]
pub fn with_log(mut cause: Cause, log: &str, world: &World) -> Cause {
    let lines: Vec<&str> = lines(log).collect();
    let is_open = OPEN.contains(&cause.code);
    let raised = traceback::last(&lines).filter(|_| is_open);
    let found = if is_open { decide(&lines, raised) } else { None };
    // A container that runs may have logged anything; only what is about its answers counts.
    if cause.code == "PROBE_FAILING" {
        return running(cause, &lines, found);
    }
    cause.evidence.truncate(2);
    cause.evidence.extend(evidence(&cause, &lines, found, raised));
    if let Some(variable) = raised.and_then(|raised| unset(&lines, raised)) {
        cause.summary =
            format!("{}: variable `{variable}` of its environment is not set", cause.summary);
        cause.fix = Some(Fix::advice(format!("set `{variable}` in `env` of the container")));
        return cause;
    }
    match (found, raised) {
        (Some((signature, at)), _) => {
            cause = explained(cause, signature);
            if cause.code == UNREACHABLE || signature.code == Some(UNREACHABLE) {
                cause = placed(cause, lines[at], world);
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
    let matching = |line: &str| signatures::all().find(|one| one.is_in(line));
    let first = raised.and_then(|raised| Some((matching(lines[raised.at])?, raised.at)));
    let from = raised.map_or(0, |raised| raised.from);
    first.or_else(|| {
        signatures::all().find_map(|signature| {
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
    let log = cause.log.as_ref();
    let source = log.map_or("log".to_owned(), |log| format!("log {}/{}", log.pod, log.container));
    let line = |text: &str| Evidence::new(source.as_str(), shorten(text.trim()));
    if let Some(raised) = raised.filter(|raised| found.is_none_or(|(_, at)| at == raised.at)) {
        let more = found.is_none().then(|| lines.get(raised.at + 1).copied()).flatten();
        return raised.frame.into_iter().chain([raised.words]).chain(more).map(line).collect();
    }
    let last = found.map_or(lines.len(), |(_, at)| (at + 1).max(lines.len().min(LINES)));
    let first = last.saturating_sub(LINES);
    lines[first..last].iter().map(|text| line(text)).collect()
}

/// The cause with what a signature means.
fn explained(mut cause: Cause, signature: &Signature) -> Cause {
    cause.summary = format!("{}: {}", cause.summary, signature.why);
    cause.whose = signature.whose;
    // Arguments that a chart left empty are why a program does not take them.
    let says_more = cause.rule == Some("HELM-08") && signature.rule == Some("CFG-04");
    cause.rule = match cause.code {
        "INIT_FAILED" => Some("CRASH-15"),
        "JOB_FAILED" => cause.rule,
        _ if says_more => cause.rule,
        _ => signature.rule,
    };
    if !["JOB_FAILED", "POD_FAILED"].contains(&cause.code) {
        cause.code = signature.code.unwrap_or(cause.code);
        cause.finality = match signature.code {
            Some("EXEC_FORMAT") => Finality::Fatal,
            _ => DEPENDENCY,
        };
    }
    if let Some(fix) = signature.fix.filter(|_| !says_more) {
        cause.fix = Some(if signature.code == Some("EXEC_FORMAT") {
            let architecture = cause.log.as_ref().and_then(|log| log.architecture.clone());
            let platform = format!("linux/{}", architecture.as_deref().unwrap_or("amd64"));
            Fix::run(commands::build(&platform, ""))
        } else {
            advised(fix)
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
    if let Some(frame) = raised.frame {
        cause.fix =
            Some(Fix::advice(format!("correct what fails at {frame}, and build the image anew")));
    }
    cause
}

/// What an advice of a signature is: that on the cluster's name service is a command.
fn advised(words: &str) -> Fix {
    if words == DNS { Fix::run(name_service()) } else { Fix::advice(words) }
}

/// The cluster's name service.
fn kube_dns() -> Root {
    Root::new("Service", "kube-system", "kube-dns")
}

/// Whether the cluster's name service runs.
fn name_service() -> CommandLine {
    CommandLine::kubectl("kube-system")
        .args(["get", "pods", "-l", "k8s-app=kube-dns"])
        .comment("if they run, look for a NetworkPolicy that bars UDP port 53")
}

/// The cause with the service that the container asks for in vain.
fn placed(mut cause: Cause, line: &str, world: &World) -> Cause {
    let Some(namespace) = cause.log.as_ref().map(|log| log.namespace.clone()) else { return cause };
    // A name service that does not answer says nothing of the name.
    if cause.rule == Some("DNS-01") {
        cause.needs = Some(kube_dns());
        return cause;
    }
    match dependency::asked(line, &namespace, world) {
        Some(Asked::Silent(service)) => {
            cause.summary = format!("{} (service `{}`)", cause.summary, service.name);
            cause.fix = Some(Fix::run(
                CommandLine::kubectl(&service.namespace)
                    .args(["get", "endpointslices", "-l"])
                    .arg(format!("kubernetes.io/service-name={}", service.name))
                    .comment(format!("are the pods behind service `{}` ready?", service.name)),
            ));
            cause.needs = Some(service);
        }
        Some(Asked::Unresolved(service)) => {
            cause.summary = format!(
                "{}, though service `{}` is in namespace `{}`",
                cause.summary, service.name, service.namespace
            );
            if !["JOB-01", "CRASH-15"].iter().any(|rule| cause.rule == Some(*rule)) {
                cause.rule = cause.rule.map(|_| "DNS-01");
            }
            cause.fix = Some(Fix::run(name_service()));
            cause.needs = Some(kube_dns());
        }
        Some(Asked::Nowhere(host, elsewhere)) => {
            let hint = match elsewhere {
                Some(other) => format!(
                    "name it `{}.{}`: that is where service `{}` is",
                    other.name, other.namespace, other.name
                ),
                None => format!(
                    "deploy service `{host}`, or correct the host in the container's environment"
                ),
            };
            cause.summary = format!(
                "{}: no service is called `{host}` in namespace `{namespace}`",
                cause.summary
            );
            cause.fix = Some(Fix::advice(hint));
        }
        None => {}
    }
    cause
}

/// A container that runs and does not answer its probe: where it listens, and what it says of
/// itself.
fn running(mut cause: Cause, lines: &[&str], found: Option<Decided>) -> Cause {
    let source = cause
        .log
        .as_ref()
        .map_or("log".to_owned(), |log| format!("log {}/{}", log.pod, log.container));
    let listens = lines
        .iter()
        .rev()
        .find(|line| line.contains("unning on http://") || line.contains("istening at: http://"));
    if let Some(line) = listens.filter(|_| cause.rule == Some("PROBE-03")) {
        let is_inside = line.contains("127.0.0.1") || line.contains("localhost");
        cause.evidence.push(Evidence::new(source, shorten(line)));
        if is_inside {
            cause.summary =
                format!("{}: the program listens for its own container alone", cause.summary);
            cause.whose = Whose::Application;
            cause.fix =
                Some(Fix::advice("let the program listen on 0.0.0.0 in place of 127.0.0.1"));
        }
        return cause;
    }
    let degraded = lines.iter().rev().find(|line| {
        let line = line.to_ascii_lowercase();
        line.contains("degraded")
            || line.contains("model_loaded\":false")
            || line.contains("model_loaded\": false")
            || line.contains("not ready")
    });
    let told = degraded.copied().or_else(|| found.map(|(_, at)| lines[at]));
    if let Some(line) = told {
        cause.evidence.push(Evidence::new(source, shorten(line)));
    }
    if let (None, Some((signature, _))) = (degraded, found) {
        cause.summary = format!("{}; its log: {}", cause.summary, signature.why);
        cause.whose = signature.whose;
    }
    if degraded.is_some() {
        cause.whose = Whose::Application;
    }
    cause
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
