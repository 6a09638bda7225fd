//! Containers that run, or are killed, because a probe does not pass: where their program listens and
//! what it answers, as its log tells.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::cause::{Cause, Confidence, Whose};
use super::crash_log::{Decided, said};
use super::world::World;
use crate::event::Fix;
use crate::manifest::read;

/// How programs say where they listen: the address, then the port; or the port alone.
static ADDRESS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)\b(?:running|listen(?:ing|s)?|serving|started|available|bound|url)\b.*?(?:https?://)?(\[[\w:]+\]|[\w.*-]*):(\d{4,5}|80|443)\b",
    )
    .ok()
});
static PORT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)\b(?:running|listen(?:ing|s)?|serving|started)\b.*?\bport(?:\(s\))?[:= ]+(\d{4,5}|80|443)\b",
    )
    .ok()
});

/// A request for a path that was answered well, as servers log it.
static GOOD: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#""(?:GET|HEAD) (/[^ "?]*)[^"]*" 200"#).ok());

/// Where a program listens.
#[derive(Debug, PartialEq, Eq)]
struct Listening<'l> {
    line: &'l str,
    port: &'l str,
    /// Whether it hears its own container alone.
    is_inside: bool,
}

fn last_listening<'l>(lines: &[&'l str]) -> Option<Listening<'l>> {
    lines.iter().rev().find_map(|line| {
        if let Some(found) = ADDRESS.as_ref().and_then(|pattern| pattern.captures(line)) {
            let host = found.get(1).map_or("", |host| host.as_str());
            let is_inside = ["127.0.0.1", "localhost", "[::1]"].contains(&host);
            return Some(Listening { line, port: found.get(2)?.as_str(), is_inside });
        }
        let found = PORT.as_ref()?.captures(line)?;
        Some(Listening { line, port: found.get(1)?.as_str(), is_inside: false })
    })
}

/// The ports that the probes of the container ask, by number.
fn asked(cause: &Cause, world: &World) -> Vec<String> {
    let Some(log) = &cause.log else { return Vec::new() };
    let pod = world.find("Pod", &log.namespace, &log.pod);
    let spec = pod.and_then(|pod| {
        let all = ["/spec/containers", "/spec/initContainers"].iter();
        let mut all = all.flat_map(|list| read::list(pod, list));
        all.find(|container| read::text(container, "/name") == log.container)
    });
    let number = |port: &Value| match port {
        Value::String(name) => spec
            .into_iter()
            .flat_map(|spec| read::list(spec, "/ports"))
            .find(|one| read::text(one, "/name") == name)
            .and_then(|one| read::number(one, "/containerPort"))
            .map(|port| port.to_string()),
        port => Some(port.to_string()),
    };
    let probes = ["livenessProbe", "readinessProbe", "startupProbe"];
    let kinds = ["httpGet", "tcpSocket", "grpc"];
    probes
        .iter()
        .flat_map(|probe| kinds.map(|kind| format!("/{probe}/{kind}/port")))
        .filter_map(|path| number(spec?.pointer(&path)?))
        .collect()
}

/// A probe that nobody answers, with where the program listens by its own words.
pub(super) fn listening(mut cause: Cause, lines: &[&str], world: &World) -> Cause {
    let is_refused = cause.evidence.iter().any(|line| line.text.contains("connection refused"));
    let Some(own) = last_listening(lines).filter(|_| is_refused) else { return cause };
    let asked = asked(&cause, world);
    let is_elsewhere = !asked.is_empty() && !asked.iter().any(|port| port == own.port);
    let line = said(&cause, own.line);
    cause.evidence.retain(|known| known.text != line.text);
    cause.evidence.truncate(3);
    cause.evidence.push(line);
    if is_elsewhere {
        cause.summary = format!("{}; the program listens on port {}", cause.summary, own.port);
        cause.fix = Some(Fix::advice(format!("let the probe ask port {}", own.port)));
    } else if own.is_inside {
        cause.summary =
            format!("{}: the program listens for its own container alone", cause.summary);
        cause.whose = Whose::Application;
        cause.fix = Some(Fix::advice("let the program listen on 0.0.0.0 in place of 127.0.0.1"));
    } else {
        return cause;
    }
    cause.confidence = Confidence::Proven;
    cause.rule("PROBE-03")
}

/// Words of a line that says what a program lacks.
const LACKS: [&str; 9] = [
    "degraded",
    "model_loaded\":false",
    "model_loaded\": false",
    "not ready",
    "not loaded",
    "unhealthy",
    "error",
    "failed",
    "warning",
];

/// A container that runs and whose probe does not pass: where it listens, and what it says of itself.
pub(super) fn told(
    mut cause: Cause,
    lines: &[&str],
    found: Option<Decided>,
    world: &World,
) -> Cause {
    if cause.rule == Some("PROBE-03") {
        return listening(cause, lines, world);
    }
    if cause.rule == Some("PROBE-02") {
        return with_path(cause, lines);
    }
    let says = |words: &&str| {
        let lacks = |line: &&&str| line.to_ascii_lowercase().contains(words);
        lines.iter().rev().filter(|line| !line.contains(" HTTP/1.")).find(lacks).copied()
    };
    let lack = LACKS.iter().find_map(says);
    let is_degraded = LACKS[..4].iter().any(|words| says(words).is_some());
    if let Some(line) = lack.or_else(|| found.map(|(_, at)| lines[at])) {
        cause.evidence.push(said(&cause, line));
    }
    match found {
        Some((signature, at)) if !is_degraded => {
            cause.summary = format!("{}; its log: {}", cause.summary, signature.told(lines[at]).0);
            cause.whose = signature.whose;
        }
        _ if is_degraded => cause.whose = Whose::Application,
        _ => {}
    }
    cause
}

/// A path that the program does not know, with one that it answers.
fn with_path(mut cause: Cause, lines: &[&str]) -> Cause {
    let answered = |line: &&&str| {
        let found = GOOD.as_ref()?.captures(line)?;
        let path = found.get(1)?.as_str();
        let names = ["health", "ready", "live", "ping", "status"];
        names.iter().any(|name| path.contains(name)).then(|| path.to_owned())
    };
    let known = lines.iter().rev().find_map(|line| Some((*line, answered(&line)?)));
    if let Some((line, path)) = known {
        cause.evidence.push(said(&cause, line));
        cause.fix =
            Some(Fix::advice(format!("let the probe ask `{path}`, which the program answers")));
    } else if let Some(line) = lines.iter().rev().find(|line| line.contains("\" 404")) {
        cause.evidence.push(said(&cause, line));
    }
    cause
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_program_listens_is_read_from_its_words() {
        for (line, port, is_inside) in [
            (
                "INFO:     Uvicorn running on http://0.0.0.0:8050 (Press CTRL+C to quit)",
                "8050",
                false,
            ),
            ("[INFO] Listening at: http://127.0.0.1:8000 (7)", "8000", true),
            (" * Running on http://localhost:5000/", "5000", true),
            ("Tomcat started on port(s): 8080 (http) with context path ''", "8080", false),
            ("Server listening on port 3000", "3000", false),
            ("level=info msg=\"Listening on\" address=[::]:9090", "9090", false),
            ("2024/01/01 10:37:44 listening on :8080", "8080", false),
            ("grpc server listening at [::1]:50051", "50051", true),
        ] {
            let found = last_listening(&[line]).unwrap_or_else(|| panic!("{line}"));
            assert_eq!((found.port, found.is_inside), (port, is_inside), "{line}");
        }
        for line in [
            "[2026-11-21 10:37:44,301] INFO Kafka Server started (kafka.server.KafkaRaftServer)",
            "INFO:     Started server process [1]",
            "connecting to postgres:5432",
            "running since 10:37:44",
        ] {
            assert_eq!(last_listening(&[line]), None, "{line}");
        }
    }
}
