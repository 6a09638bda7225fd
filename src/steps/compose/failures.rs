//! What to tell the user when a service is lost, late, or cannot be started. Reading logs is the
//! only effect; whether something failed is decided in `readiness`.

use std::collections::BTreeMap;
use std::time::Duration;

use bollard::errors::Error;
use tokio::time::timeout;

use super::readiness::{Fault, FaultKind, Verdict};
use crate::event::Fix;
use crate::host::containers::{Container, Health, last_lines};
use crate::host::docker::{Engine, classify};
use crate::host::ports::{self, PortOwner, Protocol};
use crate::policy::{Class, Failure};
use crate::steps::StepCtx;

/// Log lines shown with a failure.
const LINES: usize = 4;
/// Logs are evidence: a silent engine must not hold the failure back.
const LOG_PATIENCE: Duration = Duration::from_secs(8);

/// The failure of a service that is lost for good.
pub(super) async fn lost(ctx: &StepCtx, container: &Container, fault: &Fault) -> Failure {
    let service = &container.service;
    let (code, summary) = match fault.kind {
        FaultKind::CrashLoop { restarts, code } => (
            "SERVICE_CRASH_LOOP",
            format!("service `{service}` restarted {restarts} times and exits {code} each time"),
        ),
        FaultKind::Exited { code: 0 } => (
            "SERVICE_EXITED",
            format!("service `{service}` ended with exit code 0, but should stay up"),
        ),
        FaultKind::Exited { code } => {
            ("SERVICE_EXITED", format!("service `{service}` exited {code}{}", known_exit(code)))
        }
        FaultKind::OneShot { code } => {
            ("ONE_SHOT_FAILED", format!("one-shot `{service}` exited {code}{}", known_exit(code)))
        }
        FaultKind::OutOfMemory => {
            ("SERVICE_OOM", format!("service `{service}` was killed: it ran out of memory"))
        }
    };
    let mut failure = Failure::new(Class::Permanent, code, summary);
    if !container.error.is_empty() {
        failure = failure.because(format!("docker inspect {}", container.name), &container.error);
    }
    let failure = with_log(failure, ctx, container, LINES).await;
    failure.fix(Fix::safe(match fault.kind {
        FaultKind::OutOfMemory => {
            format!("raise the memory limit of `{service}` or of the Docker machine")
        }
        FaultKind::Exited { code: 0 } => format!(
            "name `{service}` in `optional` of the deploy, or let another service depend on it \
             with `condition: service_completed_successfully`"
        ),
        _ => format!("mlup logs {service}"),
    }))
}

/// What an exit code says by convention.
fn known_exit(code: i64) -> &'static str {
    match code {
        126 => ": its command cannot be executed",
        127 => ": its command was not found in the image",
        137 => ": it was killed",
        139 => ": it crashed (segmentation fault)",
        _ => "",
    }
}

async fn with_log(
    mut failure: Failure,
    ctx: &StepCtx,
    container: &Container,
    count: usize,
) -> Failure {
    let lines = timeout(LOG_PATIENCE, last_lines(&ctx.host.docker, &container.id, count)).await;
    for line in lines.unwrap_or_default() {
        failure = failure.because(format!("log {}", container.service), line);
    }
    failure
}

/// The failure of a wait whose time is over: names what is in the way, not what waits behind it.
pub(super) async fn not_ready(
    ctx: &StepCtx,
    verdicts: &BTreeMap<String, Verdict>,
    blockers: &[&Container],
) -> Failure {
    let waiting = |name: &str| match verdicts.get(name) {
        Some(Verdict::Pending(why)) => format!("`{name}` ({why})"),
        _ => format!("`{name}`"),
    };
    let mut names: Vec<String> = blockers.iter().map(|c| waiting(&c.service)).collect();
    names.dedup();
    let pending = verdicts.values().filter(|verdict| !verdict.is_good()).count();
    let behind = pending.saturating_sub(names.len());
    let mut summary = match names.len() {
        0 => "the services did not get ready in time".to_owned(),
        1 => format!("service {} did not get ready in time", names[0]),
        _ => format!("services {} did not get ready in time", names.join(", ")),
    };
    if behind > 0 {
        summary = format!("{summary}; {behind} more waited behind");
    }
    let failure = Failure::new(Class::Timeout, "SERVICE_NOT_READY", summary);
    let Some(first) = blockers.first() else { return failure };
    let mut failure = failure;
    for probe in first.health.iter().flat_map(last_probes) {
        failure = failure.because(format!("health {}", first.service), probe);
    }
    let left = 5_usize.saturating_sub(failure.evidence.len());
    with_log(failure, ctx, first, left.min(LINES)).await.fix(Fix::safe(format!(
        "mlup logs {}   # a longer `timeout` if it only needs time",
        first.service
    )))
}

fn last_probes(health: &Health) -> &[String] {
    &health.log[health.log.len().saturating_sub(3)..]
}

/// What it means that the engine refused to start a container.
pub(super) async fn cannot_start(engine: &Engine, container: &Container, error: &Error) -> Failure {
    let text = error.to_string();
    if let Some(port) = taken_port(&text) {
        let owner = ports::owner(engine, port, Protocol::Tcp).await;
        let owner = owner.unwrap_or(PortOwner::Unknown);
        let taken = [(container.service.clone(), port, owner)];
        return port_taken(&taken);
    }
    let missing_command = ["executable file not found", "no such file or directory"];
    if text.contains("OCI runtime") && missing_command.iter().any(|phrase| text.contains(phrase)) {
        let summary = format!(
            "service `{}` cannot be started: its command was not found in the image",
            container.service
        );
        return Failure::new(Class::Permanent, "SERVICE_COMMAND_MISSING", summary)
            .because("docker start", text)
            .fix(Fix::safe(format!(
                "correct `command` or `entrypoint` of `{}`",
                container.service
            )));
    }
    classify(error, &format!("start service `{}`", container.service))
}

/// The host port that the engine could not take, from its message: `Bind for 0.0.0.0:8080 failed:
/// port is already allocated` or `listen tcp4 0.0.0.0:8080: bind: address already in use`.
fn taken_port(text: &str) -> Option<u16> {
    let end = ["failed: port is already allocated", "bind: address already in use"]
        .iter()
        .find_map(|phrase| text.find(phrase))?;
    let before = text[..end].trim_end_matches([' ', ':']);
    before.rsplit(':').next()?.parse().ok()
}

/// The refusal that names who holds the ports: service, port and owner each.
pub(super) fn port_taken(taken: &[(String, u16, PortOwner)]) -> Failure {
    let summary = match taken {
        [(service, port, owner)] => {
            format!("port {port}, which `{service}` publishes, is held by {owner}")
        }
        _ => format!("{} ports that the services publish are held by others", taken.len()),
    };
    let mut failure = Failure::new(Class::Refused, "PORT_TAKEN", summary);
    for (service, port, owner) in taken.iter().take(5) {
        let text = format!("`{service}` wants port {port}: held by {owner}");
        failure = failure.because("ports", text);
    }
    failure.fix(match taken.first().map(|(_, _, owner)| owner) {
        Some(PortOwner::Container { name, .. }) => Fix::safe(format!("docker stop {name}")),
        Some(PortOwner::Process(holder)) => Fix::destructive(format!("kill {}", holder.pid)),
        _ => Fix::safe("free the port, or publish another one in the compose file"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::ports::Holder;

    #[test]
    fn a_taken_port_names_its_container_or_process() {
        let container = PortOwner::Container {
            name: "other-web-1".to_owned(),
            project: Some("other".to_owned()),
        };
        let failure = port_taken(&[("web".to_owned(), 8080, container)]);
        assert_eq!((failure.code, failure.class), ("PORT_TAKEN", Class::Refused));
        assert_eq!(
            failure.summary,
            "port 8080, which `web` publishes, is held by container `other-web-1` of the \
             compose project `other`"
        );
        let process = PortOwner::Process(Holder { pid: 42, command: "nginx".to_owned() });
        let failure = port_taken(&[("web".to_owned(), 80, process)]);
        assert!(failure.summary.ends_with("held by `nginx` (pid 42)"), "{}", failure.summary);
    }

    #[test]
    fn the_port_is_read_from_what_the_engine_says() {
        let allocated = "driver failed programming external connectivity on endpoint a-b-1 (7f): Bind \
                         for 0.0.0.0:8080 failed: port is already allocated";
        assert_eq!(taken_port(allocated), Some(8080));
        let in_use = "Error starting userland proxy: listen tcp4 0.0.0.0:5432: bind: address already \
                      in use";
        assert_eq!(taken_port(in_use), Some(5432));
        assert_eq!(taken_port("no such image"), None);
    }
}
