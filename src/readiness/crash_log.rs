//! What the last lines of a crashed container's log add to its cause. Fetching the log is the step's.

use super::cause::{Cause, Finality, Remedy};
use super::commands;
use crate::event::{Evidence, Fix};

/// Most lines of a log that become evidence.
const LINES: usize = 3;

/// Words of a log and what they mean.
struct Known {
    words: &'static [&'static str],
    code: Option<&'static str>,
    finality: Finality,
    why: &'static str,
    /// The rule of the catalogue.
    rule: &'static str,
    fix: Option<&'static str>,
}

const DEPENDENCY: Finality = Finality::CurableBy(Remedy::Dependency);

/// In the order in which they decide.
const KNOWN: [Known; 13] = [
    Known {
        words: &["exec format error", "exec user process caused"],
        code: Some("EXEC_FORMAT"),
        finality: Finality::Fatal,
        why: "its program is not for the node's platform",
        rule: "CRASH-05",
        fix: Some("docker buildx build --platform {platform} --push ."),
    },
    Known {
        words: &["cannot import name 'ColumnMapping' from 'evidently'"],
        code: None,
        finality: DEPENDENCY,
        why: "evidently 0.7 no longer has ColumnMapping",
        rule: "CRASH-06",
        fix: Some("pin `evidently<0.7` and build the image anew"),
    },
    Known {
        words: &[
            "KeyError: 60",
            "InconsistentVersionWarning",
            "node array from the pickle has an incompatible dtype",
        ],
        code: None,
        finality: DEPENDENCY,
        why: "its model was written by another version of scikit-learn",
        rule: "CRASH-09",
        fix: Some(
            "build the image with the version of scikit-learn that wrote the model, or export the model again",
        ),
    },
    Known {
        words: &["Duplicated timeseries in CollectorRegistry"],
        code: None,
        finality: DEPENDENCY,
        why: "its module is imported twice, and registers its metrics twice (in your application)",
        rule: "CRASH-08",
        fix: Some(
            "start it once: `uvicorn main:app`, or `uvicorn.run(app)` in place of `uvicorn.run(\"main:app\")`",
        ),
    },
    Known {
        words: &["mlflow/logged-models failed with error code 404", "logged-models failed with"],
        code: None,
        finality: DEPENDENCY,
        why: "its MLflow client is of a newer major version than the server (in your application)",
        rule: "SKEW-01",
        fix: Some(
            "pin `mlflow` in the image to the major version of the server, and build it anew",
        ),
    },
    Known {
        words: &["NameError: name '"],
        code: None,
        finality: DEPENDENCY,
        why: "its code names something that it does not import (in your application)",
        rule: "CRASH-10",
        fix: Some("correct the line that the traceback ends with, and build the image anew"),
    },
    Known {
        words: &["KeyError: \"[", "KeyError: ['", "FileNotFoundError: "],
        code: None,
        finality: DEPENDENCY,
        why: "its code does not find the data that it expects (in your application)",
        rule: "CRASH-14",
        fix: Some("correct the data or the line that the traceback ends with"),
    },
    Known {
        words: &["plugin/loop: Loop ("],
        code: None,
        finality: DEPENDENCY,
        why: "name service asks itself: the node's resolv.conf leads back to it",
        rule: "NODE-08",
        fix: Some("give the kubelet `resolvConf=/run/systemd/resolve/resolv.conf`"),
    },
    Known {
        words: &["ModuleNotFoundError: ", "ImportError: "],
        code: None,
        finality: DEPENDENCY,
        why: "a Python module is missing or of another version",
        rule: "CRASH-07",
        fix: Some("put the module, pinned, into the image's requirements and build it anew"),
    },
    Known {
        words: &["Unable to locate credentials", "ExpiredToken", "InvalidClientTokenId"],
        code: None,
        finality: DEPENDENCY,
        why: "it has no valid cloud credentials",
        rule: "CRASH-12",
        fix: Some("give the container credentials by a `[[secret]]` of mlup.toml"),
    },
    Known {
        words: &[
            "password authentication failed",
            "Access denied for user",
            "FATAL:  role \"",
            "FATAL:  database \"",
        ],
        code: None,
        finality: DEPENDENCY,
        why: "a database does not accept its password; the database keeps the one of its first start",
        rule: "CRASH-13",
        fix: None,
    },
    Known {
        words: &[
            "could not translate host name",
            "Name or service not known",
            "no such host",
            "Temporary failure in name resolution",
            "getaddrinfo",
        ],
        code: Some("DEPENDENCY_UNREACHABLE"),
        finality: DEPENDENCY,
        why: "it does not find the host of something that it needs",
        rule: "CRASH-11",
        fix: Some("check the host's name against the services of its namespace"),
    },
    Known {
        words: &[
            "onnection refused",
            "Could not connect to the endpoint URL",
            "Connection timed out",
        ],
        code: Some("DEPENDENCY_UNREACHABLE"),
        finality: DEPENDENCY,
        why: "something that it needs does not answer",
        rule: "CRASH-11",
        fix: None,
    },
];

/// The cause with what the log adds: its last lines as evidence, and what known words mean.
#[must_use]
pub fn with_log(mut cause: Cause, log: &str) -> Cause {
    let lines: Vec<&str> = lines(log).collect();
    // The status already says what the log can only repeat.
    let known =
        KNOWN.iter().filter(|_| ["CRASH_LOOP", "INIT_FAILED", "JOB_FAILED"].contains(&cause.code));
    let found = known
        .flat_map(|known| known.words.iter().map(move |words| (known, words)))
        .find_map(|(known, words)| {
            lines.iter().rposition(|line| line.contains(words)).map(|at| (known, at))
        });
    let last = found.map_or(lines.len(), |(_, at)| (at + 1).max(lines.len().min(LINES)));
    let first = last.saturating_sub(LINES);
    let source = cause
        .log
        .as_ref()
        .map_or("log".to_owned(), |log| format!("log {}/{}", log.pod, log.container));
    let shown = lines[first..last].iter().map(|line| Evidence::new(source.as_str(), shorten(line)));
    cause.evidence.truncate(2);
    cause.evidence.extend(shown);
    if let Some((known, _)) = found {
        cause.summary = format!("{}: {}", cause.summary, known.why);
        if !keeps_its_rule(&cause) {
            cause.rule = Some(known.rule);
        }
        cause.code = known.code.filter(|_| cause.code != "JOB_FAILED").unwrap_or(cause.code);
        cause.finality = if cause.code == "JOB_FAILED" { cause.finality } else { known.finality };
        let architecture = cause.log.as_ref().and_then(|log| log.architecture.clone());
        let platform = format!("linux/{}", architecture.as_deref().unwrap_or("amd64"));
        if let Some(fix) = known.fix {
            cause.fix = Some(if cause.code == "EXEC_FORMAT" {
                Fix::run(commands::build(&platform, ""))
            } else {
                Fix::advice(fix)
            });
        }
    }
    cause
}

/// Whether it counts more what failed than why: an attempt of a job, a container before the others.
fn keeps_its_rule(cause: &Cause) -> bool {
    ["JOB_FAILED", "INIT_FAILED"].contains(&cause.code)
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

    fn crash() -> Cause {
        Cause::new("CRASH_LOOP", Class::Permanent, DEPENDENCY, "container `api` crashes")
    }

    #[test]
    fn a_lost_dependency_is_told_from_a_broken_program() {
        let log = "Traceback\npsycopg2.OperationalError: could not translate host name \"db\" to address\n\n(Background on this error at: x)\n";
        let cause = with_log(crash(), log);
        assert_eq!(cause.code, "DEPENDENCY_UNREACHABLE");
        assert!(cause.evidence.iter().any(|line| line.text.contains("host name \"db\"")));
    }

    #[test]
    fn an_unknown_log_gives_its_last_lines() {
        let cause = with_log(crash(), "a\nb\n\n---\nc\nd\n");
        assert_eq!(cause.code, "CRASH_LOOP");
        let lines: Vec<_> = cause.evidence.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(lines, ["b", "c", "d"]);
    }

    #[test]
    fn a_log_that_is_gone_adds_nothing() {
        let cause = with_log(crash(), "unable to retrieve container logs for containerd://abc\n");
        assert_eq!(cause, crash());
    }
}
