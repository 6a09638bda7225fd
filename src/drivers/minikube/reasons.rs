//! What it means that minikube failed: by the reason id of its last error, by known words where the
//! id is a general one, by the range of its exit code otherwise. The rows are `ids` and `words`.

mod ids;
mod meanings;
mod words;

use crate::drivers::minikube::events::{self, ErrorEvent};
use crate::event::{Evidence, Fix};
use crate::host::cmd::{End, Output};
use crate::policy::classify::{EVIDENCE_LINES, known, last_lines};
use crate::policy::escalate::Onset;
use crate::policy::tool::Tool;
use crate::policy::{Class, Failure};
use ids::BY_ID;
use meanings::Meaning;
use words::{BY_EXIT, BY_WORDS};

/// What a failed minikube means; `doing` completes "minikube could not ...". Whether the Docker
/// Engine answers has to be asked first: minikube reports a dead one in many ways.
pub(super) fn failure(output: &Output, doing: &str, profile: &str) -> Failure {
    let exit = match output.end {
        End::Exit(exit) => exit,
        End::TimedOut => return timed_out(output, doing),
        End::Signal(signal) => 128 + signal,
        End::Cancelled => return Failure::cancelled(),
    };
    let error = events::deciding(&output.stdout);
    let words = error.as_ref().map_or(output.stderr.as_str(), |error| error.message.as_str());
    let id = error.as_ref().map_or("", |error| error.name.as_str());
    let row = BY_ID.iter().find(|row| row.names(id));
    let evidence = evidence(output, error.as_ref());
    let tell = |meaning: &Meaning| {
        let mut failure = describe(meaning, doing, profile);
        failure.evidence.clone_from(&evidence);
        failure
    };
    if row.is_none_or(|row| row.is_general) {
        if let Some(row) = BY_WORDS.iter().find(|row| row.is_said(words)) {
            return tell(&row.meaning);
        }
        if let Some(mut failure) = known(Tool::Docker, doing, words) {
            failure.evidence.extend(evidence);
            failure.evidence.truncate(EVIDENCE_LINES);
            return failure;
        }
    }
    let by_exit = || BY_EXIT.iter().find(|row| row.exits.contains(&exit)).map(|row| &row.meaning);
    row.map(|row| &row.meaning).or_else(by_exit).map_or_else(|| tell(&meanings::UNKNOWN), tell)
}

fn describe(meaning: &Meaning, doing: &str, profile: &str) -> Failure {
    let summary = format!("minikube could not {doing}: {}", meaning.cause);
    let mut failure = Failure::new(meaning.class, meaning.code, summary);
    failure.onset = meaning.onset;
    if meaning.fix.is_empty() {
        return failure;
    }
    let command = meaning.fix.replace("{profile}", profile);
    let recreates = command.contains("--recreate");
    failure.fix(if recreates { Fix::destructive(command) } else { Fix::safe(command) })
}

fn timed_out(output: &Output, doing: &str) -> Failure {
    let mut failure = Failure::new(
        Class::Timeout,
        "TOOL_TIMEOUT",
        format!("minikube could not {doing}: it did not end in time and was stopped"),
    );
    failure.evidence = last_words("minikube", output);
    failure.curable(Onset::Transient)
}

/// The reason with its exit code, minikube's own words, its advice.
fn evidence(output: &Output, error: Option<&ErrorEvent>) -> Vec<Evidence> {
    let Some(error) = error else {
        let mut lines = last_words("minikube", output);
        lines.truncate(EVIDENCE_LINES - 1);
        lines.push(Evidence::new("minikube", ended(output.end)));
        return lines;
    };
    let reason = format!("{} ({})", ended(output.end), error.name);
    let mut lines = vec![Evidence::new("minikube", reason)];
    let mut words = last_lines("minikube", &error.message, "");
    words.truncate(EVIDENCE_LINES - 2);
    lines.extend(words);
    if !error.advice.is_empty() {
        lines.extend(last_lines("minikube advises", &error.advice, "").into_iter().take(1));
    }
    lines
}

/// The last lines that are meant for people: standard error, else the messages of the events.
pub(super) fn last_words(source: &str, output: &Output) -> Vec<Evidence> {
    let told: Vec<String> = output
        .stdout
        .lines()
        .filter_map(|line| match events::parse(line) {
            Some(event) => events::progress(&event),
            None => Some(line.to_owned()),
        })
        .collect();
    last_lines(source, &output.stderr, &told.join("\n"))
}

/// How it ended, in words.
pub(super) fn ended(end: End) -> String {
    match end {
        End::Exit(code) => format!("exit code {code}"),
        End::Signal(signal) => format!("signal {signal}"),
        End::TimedOut => "its time was over".to_owned(),
        End::Cancelled => "stopped by mlup".to_owned(),
    }
}

#[cfg(test)]
mod tests;
