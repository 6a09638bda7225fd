//! Readiness of namespaces: active, or stuck while they end.

use serde_json::Value;

use super::Readiness;
use super::cause::{Cause, Finality};
use crate::event::CommandLine;
use crate::manifest::read;
use crate::policy::Class;

/// A namespace: active, or ending.
pub(super) fn namespace(object: &Value) -> Readiness {
    let name = read::name(object);
    if read::text(object, "/status/phase") == "Active" {
        return Readiness::Ready("active".to_owned());
    }
    if read::text(object, "/metadata/deletionTimestamp").is_empty() {
        return Readiness::Progressing("waits to become active".to_owned());
    }
    let remaining = [
        "NamespaceFinalizersRemaining",
        "NamespaceContentRemaining",
        "NamespaceDeletionContentFailure",
        "NamespaceDeletionDiscoveryFailure",
    ];
    let held: Vec<&Value> = remaining
        .iter()
        .filter(|kind| read::holds(object, kind))
        .filter_map(|kind| read::condition(object, kind))
        .collect();
    if held.is_empty() {
        return Readiness::Progressing(format!("namespace {name} is being deleted"));
    }
    let cause = Cause::new(
        "NAMESPACE_TERMINATING",
        Class::Refused,
        Finality::Fatal,
        format!("namespace `{name}` is being deleted and something in it does not end"),
    );
    let cause = held.iter().fold(cause, |cause, condition| {
        cause.because(format!("namespace {name}"), read::text(condition, "/message"))
    });
    let columns = "custom-columns=KIND:.kind,NAME:.metadata.name,FINALIZERS:.metadata.finalizers";
    let held = CommandLine::kubectl(name).args(["get", "configmaps,secrets,all", "-o", columns]);
    Readiness::Failed(cause.run(held).affecting(object))
}
