//! Containers that run and whose readiness probe keeps failing. No failure by itself: it may pass
//! any moment. It is what there is to say when time is over.

use serde_json::Value;

use super::cause::{Cause, Finality};
use super::pods::Container;
use super::world;
use crate::manifest::read;
use crate::policy::Class;

/// Why a running container is not ready, once its probe failed as often as it may.
pub(super) fn cause(container: &Container<'_>) -> Option<Cause> {
    let runs = container.status.pointer("/state/running").is_some();
    if !runs
        || read::truth(container.status, "/ready")
        || !read::truth(container.status, "/started")
    {
        return None;
    }
    let probe = container.spec()?.get("readinessProbe")?;
    let threshold = read::number(probe, "/failureThreshold").unwrap_or(3);
    let failures: Vec<&Value> = container
        .events("Unhealthy")
        .filter(|event| world::message(event).starts_with("Readiness probe"))
        .collect();
    let count: i64 = failures.iter().map(|event| world::times(event)).sum();
    if count < threshold {
        return None;
    }
    let answer = failures.last().map(|event| world::message(event)).unwrap_or_default();
    let asked = asked(container, probe);
    let (rule, why, fix) = explain(container, probe, answer);
    Some(
        Cause::new(
            "PROBE_FAILING",
            Class::Timeout,
            Finality::Transient,
            format!("{} runs, and its readiness probe {asked} fails: {why}", container.called()),
        )
        .because(format!("event Unhealthy, {count} times"), answer)
        .rule(rule)
        .fix(fix)
        .affecting(container.pod),
    )
}

/// What the probe asks: `GET :8080/health`.
fn asked(container: &Container<'_>, probe: &Value) -> String {
    let port = port(container, probe);
    if let Some(get) = probe.get("httpGet") {
        return format!("(GET :{port}{})", read::text(get, "/path"));
    }
    match ["tcpSocket", "grpc"].into_iter().find(|kind| probe.get(kind).is_some()) {
        Some(kind) => format!("({kind} :{port})"),
        None => "(exec)".to_owned(),
    }
}

/// The probed port, a named one by its number.
fn port(container: &Container<'_>, probe: &Value) -> String {
    let port = ["/httpGet/port", "/tcpSocket/port", "/grpc/port"]
        .iter()
        .find_map(|path| probe.pointer(path));
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

fn explain(
    container: &Container<'_>,
    probe: &Value,
    answer: &str,
) -> (&'static str, String, String) {
    if answer.contains("connection refused") {
        let port = port(container, probe);
        let others: Vec<String> = declared(container)
            .filter_map(|port| read::number(port, "/containerPort"))
            .map(|port| port.to_string())
            .filter(|other| *other != port)
            .collect();
        return if others.is_empty() {
            (
                "PROBE-03",
                format!("nothing listens on port {port} yet"),
                format!("let the program listen on 0.0.0.0:{port}, or correct the probe's port"),
            )
        } else {
            let others = others.join(", ");
            (
                "PROBE-03",
                format!("nothing listens on port {port}; the container declares {others}"),
                format!("let the readiness probe ask port {others}, if the program listens there"),
            )
        };
    }
    let words = answer.split_once(": ").map_or(answer, |(_, words)| words);
    if words.starts_with("command ") || answer.contains("executable file not found") {
        return (
            "PROBE-05",
            words.to_owned(),
            "let the probe run a program that the image has and that ends in time".to_owned(),
        );
    }
    if answer.contains("context deadline exceeded")
        || answer.contains("timed out")
        || answer.contains("timeout")
    {
        let seconds = read::number(probe, "/timeoutSeconds").unwrap_or(1);
        return (
            "PROBE-04",
            format!("no answer within its timeout of {seconds} s"),
            "raise `timeoutSeconds` of the readiness probe, or give the container more CPU"
                .to_owned(),
        );
    }
    if let Some((_, code)) = answer.split_once("statuscode: ") {
        return (
            "PROBE-02",
            format!("the answer is {code}"),
            "correct the probe's path, or see in the container's log why it answers so".to_owned(),
        );
    }
    ("PROBE-05", words.to_owned(), "see in the container's log why it is not ready".to_owned())
}
