//! Changes that the server does not allow, in its words.

use serde_json::{Value, json};

use super::kinds::Kind;
use super::status::Cause;

/// Fields of a `StatefulSet` that may change.
const LOOSE: [&str; 7] = [
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

/// Changes that are not allowed.
pub(super) fn changes(kind: &Kind, live: &Value, new: &Value) -> Vec<Cause> {
    let immutable = |field: &str, value: &Value| Cause::invalid(field, value, "field is immutable");
    let differs = |field: &str| live["spec"][field] != new["spec"][field];
    let mut causes = Vec::new();
    match kind.name.as_str() {
        "Deployment" | "ReplicaSet" | "DaemonSet" if differs("selector") => {
            causes.push(immutable("spec.selector", &new["spec"]["selector"]));
        }
        "Job" => {
            for field in ["completions", "selector", "template"] {
                if differs(field) {
                    causes.push(immutable(&format!("spec.{field}"), &new["spec"][field]));
                }
            }
        }
        "StatefulSet" if strict(&live["spec"]) != strict(&new["spec"]) => {
            let why = "updates to statefulset spec for fields other than 'replicas', 'ordinals', \
                       'template', 'updateStrategy', 'revisionHistoryLimit', \
                       'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
            causes.push(Cause::forbidden("spec", why));
        }
        "PersistentVolumeClaim" if claimed(&live["spec"]) != claimed(&new["spec"]) => {
            let why = "spec is immutable after creation except resources.requests and \
                       volumeAttributesClassName for bound claims";
            causes.push(Cause::forbidden("spec", why));
        }
        "Service" => causes.extend(service(&live["spec"], &new["spec"])),
        "Secret" | "ConfigMap" => {
            if kind.name == "Secret" && live["type"] != new["type"] {
                causes.push(immutable("type", &new["type"]));
            }
            if live["immutable"] == true && live["data"] != new["data"] {
                let why = "field is immutable when `immutable` is set";
                causes.push(Cause::forbidden("data", why));
            }
        }
        "RoleBinding" | "ClusterRoleBinding" if live["roleRef"] != new["roleRef"] => {
            causes.push(Cause::invalid("roleRef", &new["roleRef"], "cannot change roleRef"));
        }
        "Pod" if imageless(&live["spec"]) != imageless(&new["spec"]) => {
            let why = "pod updates may not change fields other than \
                       `spec.containers[*].image`,`spec.initContainers[*].image`,\
                       `spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
                       tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 \
                       if it was previously negative)";
            causes.push(Cause::forbidden("spec", why));
        }
        _ => {}
    }
    causes
}

fn service(live: &Value, new: &Value) -> Option<Cause> {
    let (own, wanted) = (&live["clusterIP"], &new["clusterIP"]);
    let is_taken = own.as_str().is_some_and(|own| !own.is_empty());
    let is_bad = is_taken && own != wanted && new["type"] != "ExternalName";
    let why = "may not change once set";
    is_bad.then(|| Cause::invalid("spec.clusterIPs[0]", &json!([wanted]), why))
}

fn strict(spec: &Value) -> Value {
    let mut spec = spec.clone();
    if let Some(fields) = spec.as_object_mut() {
        fields.retain(|name, _| !LOOSE.contains(&name.as_str()));
    }
    spec
}

fn claimed(spec: &Value) -> Value {
    let mut spec = spec.clone();
    if let Some(fields) = spec.as_object_mut() {
        fields
            .retain(|name, _| !matches!(name.as_str(), "resources" | "volumeAttributesClassName"));
    }
    spec
}

fn imageless(spec: &Value) -> Value {
    let mut spec = spec.clone();
    for field in ["initContainers", "containers"] {
        let containers = spec.get_mut(field).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            container["image"] = Value::Null;
        }
    }
    if let Some(fields) = spec.as_object_mut() {
        fields.retain(|name, _| {
            !matches!(
                name.as_str(),
                "activeDeadlineSeconds" | "tolerations" | "terminationGracePeriodSeconds"
            )
        });
    }
    spec
}
