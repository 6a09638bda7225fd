//! What a failure of k3d means. It only ever exits 0 or 1, so that its words decide: its own are in
//! `table`, those of the engine that it hands on are in `policy::known_issues`.

mod table;

use crate::drivers::k3d::log::{self, Entry, Level};
use crate::event::{Evidence, Fix};
use crate::host::cmd::{End, Output};
use crate::policy::classify::{EVIDENCE_LINES, known, shorten};
use crate::policy::escalate::Onset;
use crate::policy::tool::Tool;
use crate::policy::{Class, Failure};
use table::{ENGINE, LOGS, NODE, REASONS, Reason};

/// What it means that k3d did not succeed; `doing` completes "could not ...".
pub(super) fn failure(output: &Output, doing: &str, name: &str) -> Failure {
    let said = log::complaints(&output.stderr);
    let mut failure = classified(output.end, &said, doing, name);
    failure.evidence = evidence(&said, &failure);
    failure
}

/// What the log of a node says about why it ends, if it says something known.
pub(super) fn of_node_log(lines: &[String], doing: &str, name: &str) -> Option<Failure> {
    let said: Vec<Entry> = lines.iter().map(|line| log::entry(line)).collect();
    NODE.iter().find(|reason| reason.is_said(&said)).map(|reason| reason.failure(doing, name))
}

/// Whether a node gave up rather than was stopped.
pub(super) fn is_fatal(line: &str) -> bool {
    log::entry(line).level == Level::Fatal
}

fn classified(end: End, said: &[Entry], doing: &str, name: &str) -> Failure {
    let words: Vec<&str> = said.iter().map(|entry| entry.message.as_str()).collect();
    let of_engine = known(Tool::Docker, doing, &words.join("\n"));
    let passed_on = of_engine.and_then(|failure| {
        let (_, onset) = ENGINE.iter().find(|(code, _)| *code == failure.code)?;
        Some(Failure { onset: *onset, ..failure })
    });
    if let Some(failure) = passed_on {
        return failure;
    }
    if let Some(reason) = REASONS.iter().find(|reason| reason.is_said(said)) {
        return foreign(said, doing, name).unwrap_or_else(|| reason.failure(doing, name));
    }
    if end == End::TimedOut {
        let summary = format!("could not {doing}: k3d did not end in time and was stopped");
        return Failure::new(Class::Timeout, "CLUSTER_START_TIMEOUT", summary)
            .fix(Fix::safe(LOGS.0.replace("{name}", name)))
            .curable(Onset::Transient);
    }
    let how = match end {
        End::Exit(code) => format!("exit code {code}"),
        End::Signal(signal) => format!("signal {signal}"),
        End::TimedOut | End::Cancelled => "it was stopped".to_owned(),
    };
    let summary = format!("could not {doing}: k3d failed ({how})");
    Failure::new(Class::Permanent, "TOOL_FAILED", summary).curable(Onset::Transient)
}

/// k3d looks at the containers of all clusters, so that one of another cluster can stop it: nothing
/// that is done to this cluster helps then.
fn foreign(said: &[Entry], doing: &str, name: &str) -> Option<Failure> {
    let words = "failed to parse IP '' for container ";
    let message = said.iter().find_map(|entry| entry.message.split_once(words))?.1;
    let container = message.split([':', ' ', ',']).next()?.trim_matches(['\'', '"', '/']);
    let own = format!("k3d-{name}-");
    if container.is_empty() || container.starts_with(&own) || !container.starts_with("k3d-") {
        return None;
    }
    let summary = format!(
        "could not {doing}: `{container}` of another cluster has no address, and k3d stops at it"
    );
    let failure = Failure::new(Class::Refused, "CLUSTER_FOREIGN_IN_THE_WAY", summary);
    Some(failure.fix(Fix::safe(format!("docker restart {container}"))))
}

impl Reason {
    fn is_said(&self, said: &[Entry]) -> bool {
        said.iter().any(|entry| self.says.iter().all(|words| entry.message.contains(words)))
    }

    fn failure(&self, doing: &str, name: &str) -> Failure {
        let cause = self.cause.replace("{name}", name);
        let fix = Fix::written(self.fix.0.replace("{name}", name), self.fix.1);
        let failure = Failure::new(self.class, self.code, format!("could not {doing}: {cause}"));
        let failure = failure.fix(fix);
        match self.onset {
            Some(onset) => failure.curable(onset),
            None => failure,
        }
    }
}

/// What k3d said. Its closing line, which says only that it failed, is left out where more is known;
/// warnings are left out where there are errors.
fn evidence(said: &[Entry], failure: &Failure) -> Vec<Evidence> {
    let closing = |entry: &Entry| {
        entry.message.starts_with("Cluster creation FAILED")
            || entry.message.ends_with(">>> Rolling Back")
    };
    let telling: Vec<&Entry> = said.iter().filter(|entry| !closing(entry)).collect();
    let telling = if telling.is_empty() { said.iter().collect() } else { telling };
    let errors: Vec<&Entry> =
        telling.iter().copied().filter(|entry| entry.level > Level::Warning).collect();
    let shown = if errors.is_empty() { telling } else { errors };
    let mut lines: Vec<_> = shown
        .iter()
        .take(EVIDENCE_LINES)
        .map(|entry| Evidence::new("k3d", shorten(&entry.message)))
        .collect();
    if lines.is_empty() {
        lines.clone_from(&failure.evidence);
    }
    lines.dedup();
    lines
}
