//! Readiness of what keeps pods running: deployments, stateful sets, daemon sets, replica sets.

use serde_json::Value;

use super::cause::{Cause, Finality};
use super::{Readiness, Root};
use crate::manifest::read;
use crate::policy::Class;

/// Whether the controller has seen the latest change; before, its status tells of an earlier one.
fn is_observed(object: &Value) -> bool {
    let wanted = read::number(object, "/metadata/generation").unwrap_or_default();
    read::number(object, "/status/observedGeneration").unwrap_or_default() >= wanted
}

/// Whether an object's pods may still be those of an earlier change.
pub(super) fn is_overtaken(object: &Value) -> bool {
    ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"].contains(&read::kind(object))
        && object.get("status").is_some()
        && !is_observed(object)
}

fn unobserved() -> Readiness {
    Readiness::Progressing("waits for its controller to see the change".to_owned())
}

fn count(object: &Value, field: &str) -> i64 {
    read::number(object, field).unwrap_or_default()
}

fn wanted(object: &Value) -> i64 {
    read::number(object, "/spec/replicas").unwrap_or(1)
}

fn ready_of(ready: i64, wanted: i64) -> Readiness {
    Readiness::Ready(match wanted {
        0 => "scaled to zero".to_owned(),
        wanted => format!("{ready} of {wanted} ready"),
    })
}

/// A deployment: all replicas are of the newest template, available, and none is left over.
pub(super) fn deployment(object: &Value) -> Readiness {
    if !is_observed(object) {
        return unobserved();
    }
    let deadline = read::condition(object, "Progressing")
        .filter(|condition| read::text(condition, "/reason") == "ProgressDeadlineExceeded");
    if let Some(condition) = deadline {
        return Readiness::Failed(
            Cause::new(
                "ROLLOUT_DEADLINE",
                Class::Permanent,
                Finality::Fatal,
                format!("deployment `{}` made no progress within its deadline", read::name(object)),
            )
            .because(
                format!("deployment {}", read::name(object)),
                read::text(condition, "/message"),
            ),
        );
    }
    let wanted = wanted(object);
    let updated = count(object, "/status/updatedReplicas");
    let all = count(object, "/status/replicas");
    let available = count(object, "/status/availableReplicas");
    if updated < wanted {
        Readiness::Progressing(format!("{updated} of {wanted} replicas updated"))
    } else if all > updated {
        Readiness::Progressing(format!("{} old replicas are ending", all - updated))
    } else if available < wanted {
        Readiness::Progressing(format!("{available} of {wanted} replicas available"))
    } else if read::at(object, "/spec/paused") == Some(&Value::Bool(true)) && updated < all {
        Readiness::Progressing("its rollout is paused".to_owned())
    } else {
        ready_of(available, wanted)
    }
}

/// A stateful set: its pods are ready, and those above the partition are of the newest template.
pub(super) fn stateful_set(object: &Value) -> Readiness {
    if !is_observed(object) {
        return unobserved();
    }
    let wanted = wanted(object);
    let ready = count(object, "/status/readyReplicas");
    let updated = count(object, "/status/updatedReplicas");
    if ready < wanted {
        return Readiness::Progressing(format!("{ready} of {wanted} replicas ready"));
    }
    if count(object, "/status/replicas") > wanted {
        return Readiness::Progressing("replicas above the wanted number are ending".to_owned());
    }
    // With `OnDelete` new pods come only when somebody deletes the old ones.
    if read::text(object, "/spec/updateStrategy/type") == "OnDelete" {
        return ready_of(ready, wanted);
    }
    let partition = count(object, "/spec/updateStrategy/rollingUpdate/partition");
    let revisions = ["/status/updateRevision", "/status/currentRevision"]
        .map(|field| read::text(object, field));
    let to_update = (wanted - partition).max(0);
    if revisions[0] != revisions[1] && updated < to_update {
        return Readiness::Progressing(format!("{updated} of {to_update} replicas updated"));
    }
    ready_of(ready, wanted)
}

/// A daemon set: every node that it is meant for has an available pod of the newest template.
pub(super) fn daemon_set(object: &Value) -> Readiness {
    if !is_observed(object) {
        return unobserved();
    }
    let wanted = count(object, "/status/desiredNumberScheduled");
    let updated = count(object, "/status/updatedNumberScheduled");
    let available = count(object, "/status/numberAvailable");
    let on_delete = read::text(object, "/spec/updateStrategy/type") == "OnDelete";
    if updated < wanted && !on_delete {
        Readiness::Progressing(format!("updated on {updated} of {wanted} nodes"))
    } else if available < wanted {
        Readiness::Progressing(format!("available on {available} of {wanted} nodes"))
    } else if wanted == 0 {
        Readiness::Ready("meant for no node".to_owned())
    } else {
        Readiness::Ready(format!("available on {available} of {wanted} nodes"))
    }
}

/// A replica set or replication controller: all replicas are available.
pub(super) fn replica_set(object: &Value) -> Readiness {
    if !is_observed(object) {
        return unobserved();
    }
    let wanted = wanted(object);
    let available = count(object, "/status/availableReplicas");
    if available < wanted {
        return Readiness::Progressing(format!("{available} of {wanted} replicas available"));
    }
    ready_of(available, wanted)
}

/// A word for an object in sentences: `deployment default/api`.
pub(super) fn called(object: &Value) -> String {
    let Root { kind, namespace, name } = Root::of(object);
    let kind = kind.to_ascii_lowercase();
    if namespace.is_empty() {
        format!("{kind} {name}")
    } else {
        format!("{kind} {namespace}/{name}")
    }
}
