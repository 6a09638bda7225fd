//! Containers that run and whose probe keeps failing. No failure by itself: it may pass any moment.
//! It is what there is to say when time is over.

use jiff::Timestamp;
use serde_json::Value;

use super::cause::{Cause, Finality};
use super::commands;
use super::pods::Container;
use super::world;
use crate::manifest::read;
use crate::policy::Class;

/// How long a probe that nobody tells of may fail beyond its own time, in seconds.
const SILENCE: i64 = 60;

/// What the answer to a probe means.
pub(super) struct Meaning {
    /// The rule of the catalogue.
    pub(super) rule: &'static str,
    /// Why it fails, to follow a colon.
    pub(super) why: String,
    /// What helps.
    pub(super) fix: String,
}

impl Meaning {
    fn new(rule: &'static str, why: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { rule, why: why.into(), fix: fix.into() }
    }
}

/// Why a running container is not ready, once its probe failed as often as it may.
pub(super) fn cause(container: &Container<'_>) -> Option<Cause> {
    let runs = read::at(container.status, "/state/running").is_some();
    if !runs || container.is_init || read::truth(container.status, "/ready") {
        return None;
    }
    let kind = if read::truth(container.status, "/started") { "readiness" } else { "startup" };
    let probe = container.spec()?.get(format!("{kind}Probe").as_str())?;
    let age = container.world.age(read::text(container.status, "/state/running/startedAt"));
    let budget = budget(probe);
    let title = if kind == "readiness" { "Readiness probe" } else { "Startup probe" };
    let failures: Vec<&Value> = container
        .events("Unhealthy")
        .filter(|event| world::message(event).starts_with(title))
        .collect();
    let count: i64 = failures.iter().map(|event| world::times(event)).sum();
    let answer = failures.last().map(|event| world::message(event)).unwrap_or_default();
    let threshold = read::number(probe, "/failureThreshold").unwrap_or(3);
    // A startup probe that is over ends the container, unless it could not even be asked.
    let is_told = count >= threshold && (kind == "readiness" || answer.contains("errored"))
        || count > 1 && answer.contains("executable file not found");
    // Until then it may still be warming up, whatever the container before it was told.
    let is_warming = age.is_some_and(|age| age < budget);
    if is_warming && !(is_told && failures.iter().all(|event| is_since_start(event, container))) {
        return None;
    }
    let asked = asked(container, probe);
    let begin = |why: &str| {
        let mut cause = Cause::new(
            "PROBE_FAILING",
            Class::Timeout,
            Finality::Transient,
            format!("{} runs, and its {kind} probe {asked} fails: {why}", container.called()),
        )
        .affecting(container.pod);
        cause.log = Some(container.log());
        cause
    };
    if is_told {
        let meaning = explain(container, probe, answer);
        return Some(
            begin(&meaning.why)
                .because(format!("event Unhealthy, {count} times"), answer)
                .rule(meaning.rule)
                .fix(meaning.fix),
        );
    }
    let is_silent = failures.is_empty() && age.is_some_and(|age| age > budget + SILENCE);
    (is_silent && kind == "readiness").then(|| without_events(container, probe, begin))
}

/// Whether an event tells of this run of the container alone.
fn is_since_start(event: &Value, container: &Container<'_>) -> bool {
    let time = |text: &str| text.parse::<Timestamp>().ok();
    let first = match read::text(event, "/firstTimestamp") {
        "" => read::text(event, "/eventTime"),
        first => first,
    };
    let started = time(read::text(container.status, "/state/running/startedAt"));
    started.zip(time(first)).is_some_and(|(started, first)| first >= started)
}

/// What status alone tells: that it does not pass, and whether it asks a port that is not there.
fn without_events(
    container: &Container<'_>,
    probe: &Value,
    begin: impl Fn(&str) -> Cause,
) -> Cause {
    match undeclared(container, probe) {
        Some((port, others)) => {
            begin(&format!("it asks port {port}, and the container declares {others}"))
                .rule("PROBE-03")
                .fix(format!(
                    "let the readiness probe ask port {others}, if the program listens there"
                ))
        }
        None => begin("it does not pass, and no event says why any more")
            .run(commands::last_words(container.pod, container.name())),
    }
    .likely()
    .because(container.source(), "running and not ready")
}

/// How long a probe may fail after the start of its container before that counts, in seconds.
pub(super) fn budget(probe: &Value) -> i64 {
    let number = |field, default| read::number(probe, field).unwrap_or(default);
    number("/initialDelaySeconds", 0)
        + number("/periodSeconds", 10) * number("/failureThreshold", 3)
}

/// What the probe asks: `(GET :8080/health)`.
pub(super) fn asked(container: &Container<'_>, probe: &Value) -> String {
    let port = port(container, probe);
    if let Some(get) = probe.get("httpGet") {
        return format!("(GET :{port}{})", read::text(get, "/path"));
    }
    let kinds = ["tcpSocket", "grpc"];
    if let Some(kind) = kinds.into_iter().find(|kind| probe.get(kind).is_some()) {
        return format!("({kind} :{port})");
    }
    let command = read::list(probe, "/exec/command").iter().filter_map(Value::as_str);
    let words: Vec<&str> = command.take(4).collect();
    format!("(exec {})", words.join(" "))
}

/// The probed port, a named one by its number.
fn port(container: &Container<'_>, probe: &Value) -> String {
    let port = ["/httpGet/port", "/tcpSocket/port", "/grpc/port"]
        .iter()
        .find_map(|path| read::at(probe, path));
    match port {
        Some(Value::String(name)) => declared(container)
            .find(|port| read::text(port, "/name") == name)
            .and_then(|port| read::number(port, "/containerPort"))
            .map_or_else(|| name.clone(), |port| port.to_string()),
        Some(port) => port.to_string(),
        None => String::new(),
    }
}

fn declared<'w>(container: &Container<'w>) -> impl Iterator<Item = &'w Value> {
    container.spec().map(|spec| read::list(spec, "/ports")).unwrap_or_default().iter()
}

/// The probed port with those that the container declares, where it is none of them.
fn undeclared(container: &Container<'_>, probe: &Value) -> Option<(String, String)> {
    let port = port(container, probe);
    let all: Vec<String> = declared(container)
        .filter_map(|port| read::number(port, "/containerPort"))
        .map(|port| port.to_string())
        .collect();
    (!all.is_empty() && !port.is_empty() && !all.contains(&port)).then(|| (port, all.join(", ")))
}

/// What the answer to a probe means, whatever kind of probe it is.
pub(super) fn explain(container: &Container<'_>, probe: &Value, answer: &str) -> Meaning {
    let words = answer.split_once(": ").map_or(answer, |(_, words)| words);
    if answer.contains("connection refused") {
        return refused(container, probe);
    }
    let is_exec = probe.get("exec").is_some();
    let seconds = read::number(probe, "/timeoutSeconds").unwrap_or(1);
    if is_exec && answer.contains("timed out") {
        return Meaning::new(
            "PROBE-05",
            format!("its command does not end within its timeout of {seconds} s"),
            "raise `timeoutSeconds` of the probe, or let it run something quicker",
        );
    }
    if answer.contains("executable file not found")
        || is_exec && answer.contains("no such file or directory")
        || words.starts_with("command ")
    {
        return Meaning::new(
            "PROBE-05",
            words,
            "let the probe run a program that the image has and that ends in time",
        );
    }
    if probe.get("grpc").is_some() && !answer.contains("dial tcp") {
        return Meaning::new(
            "PROBE-05",
            words,
            "let the program answer grpc.health.v1.Health for the probed service, or use `tcpSocket`",
        );
    }
    let timeouts = ["context deadline exceeded", "Client.Timeout", "timed out", "i/o timeout"];
    if timeouts.iter().any(|known| answer.contains(known)) {
        return Meaning::new(
            "PROBE-04",
            format!("no answer within its timeout of {seconds} s"),
            "raise `timeoutSeconds` of the probe, or give the container more CPU",
        );
    }
    if let Some((_, code)) = answer.split_once("statuscode: ") {
        return answered(probe, code.trim());
    }
    let protocol = ["HTTP response to HTTPS client", "malformed HTTP", "x509:", "tls: "];
    if protocol.iter().any(|known| answer.contains(known)) {
        return Meaning::new(
            "PROBE-03",
            format!("the port speaks another protocol: {words}"),
            "set `scheme` of the probe to what the port speaks, or correct its port",
        );
    }
    let why = if words.trim().is_empty() { "its command fails" } else { words };
    Meaning::new("PROBE-05", why, "see in the container's log why it is not ready")
}

fn refused(container: &Container<'_>, probe: &Value) -> Meaning {
    if let Some((port, others)) = undeclared(container, probe) {
        return Meaning::new(
            "PROBE-03",
            format!("nothing listens on port {port}; the container declares {others}"),
            format!("let the probe ask port {others}, if the program listens there"),
        );
    }
    let port = port(container, probe);
    Meaning::new(
        "PROBE-03",
        format!("nothing listens on port {port} yet"),
        format!("let the program listen on 0.0.0.0:{port}, or correct the probe's port"),
    )
}

/// A status that the program answers: it lacks the path, or says that it is not well.
fn answered(probe: &Value, code: &str) -> Meaning {
    let path = read::text(probe, "/httpGet/path");
    if code.starts_with('5') {
        return Meaning::new(
            "PROBE-06",
            format!("the program answers {code}: it does not count itself as ready"),
            format!(
                "see in the answer of `{path}` and in the container's log what the program lacks"
            ),
        );
    }
    Meaning::new(
        "PROBE-02",
        format!("the answer is {code}"),
        format!(
            "correct the probe's path `{path}`: try which of /health, /healthz, /ready, /metrics and / the program answers"
        ),
    )
}
