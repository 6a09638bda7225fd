//! Readiness of objects of custom kinds, Argo CD's applications among them.

use serde_json::Value;

use super::Readiness;
use super::cause::{Cause, Finality, Remedy};
use super::commands;
use crate::manifest::read;
use crate::policy::Class;

/// An application of Argo CD: synced and healthy.
pub(super) fn application(object: &Value) -> Readiness {
    let name = read::name(object);
    let sync = read::text(object, "/status/sync/status");
    let health = read::text(object, "/status/health/status");
    let invalid = read::list(object, "/status/conditions")
        .iter()
        .find(|condition| read::text(condition, "/type").ends_with("Error"));
    if let Some(condition) = invalid {
        let kind = read::text(condition, "/type");
        let class = if kind == "InvalidSpecError" { Class::Config } else { Class::Permanent };
        // The repository may be out of reach for a moment; Argo CD compares again.
        let cause = Cause::new(
            "ARGO_APPLICATION_ERROR",
            class,
            Finality::CurableBy(Remedy::Dependency),
            format!("application `{name}` cannot be compared with its source ({kind})"),
        );
        return Readiness::Blocked(
            cause
                .because(format!("condition {kind}"), read::text(condition, "/message"))
                .run(commands::describe(object)),
        );
    }
    let phase = read::text(object, "/status/operationState/phase");
    if ["Failed", "Error"].contains(&phase) && sync != "Synced" {
        return Readiness::Blocked(sync_failed(object, phase));
    }
    if phase == "Running" {
        return Readiness::Progressing(format!("application {name} is being synced"));
    }
    match (sync, health) {
        ("Synced", "Healthy") => Readiness::Ready("synced and healthy".to_owned()),
        ("Synced", "Suspended") => Readiness::Ready("synced and suspended".to_owned()),
        ("", _) => Readiness::Progressing("waits for Argo CD to look at it".to_owned()),
        (sync, health) => {
            let health = if health.is_empty() { "health unknown" } else { health };
            let why = read::text(object, "/status/health/message");
            let why = if why.is_empty() { String::new() } else { format!(": {why}") };
            Readiness::Progressing(format!("{sync}, {health}{why}"))
        }
    }
}

fn sync_failed(object: &Value, phase: &str) -> Cause {
    let name = read::name(object);
    let cause = Cause::new(
        "ARGO_SYNC_FAILED",
        Class::Permanent,
        Finality::CurableBy(Remedy::Dependency),
        format!("the sync of application `{name}` ended as {phase}"),
    )
    .because("operationState", read::text(object, "/status/operationState/message"));
    let resources = read::list(object, "/status/operationState/syncResult/resources").iter();
    resources
        .filter(|resource| ["SyncFailed", "Failed"].contains(&read::text(resource, "/status")))
        .take(3)
        .fold(cause, |cause, resource| {
            let source =
                format!("{} {}", read::text(resource, "/kind"), read::text(resource, "/name"));
            cause.because(source, read::text(resource, "/message"))
        })
        .run(commands::describe(object))
}

/// Any other kind: `Ready` or `Available` where it has such a condition, otherwise being there. The
/// conditions of an earlier generation do not count.
pub(super) fn custom(object: &Value) -> Readiness {
    let generation = read::number(object, "/metadata/generation").unwrap_or_default();
    let observed = read::number(object, "/status/observedGeneration").unwrap_or(generation);
    if observed < generation {
        return Readiness::Progressing("waits for its controller to see the change".to_owned());
    }
    let Some(condition) =
        ["Ready", "Available"].iter().find_map(|kind| read::condition(object, kind))
    else {
        return Readiness::Ready("present".to_owned());
    };
    let own = read::number(condition, "/observedGeneration").unwrap_or(generation);
    let kind = read::text(condition, "/type");
    if own >= generation && read::text(condition, "/status") == "True" {
        return Readiness::Ready(kind.to_ascii_lowercase());
    }
    let words = [read::text(condition, "/reason"), read::text(condition, "/message")];
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    Readiness::Progressing(
        format!("{kind} is not true: {}", words.join(": ")).trim_end_matches(": ").to_owned(),
    )
}
