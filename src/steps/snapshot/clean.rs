//! Takes what is or looks like a secret out of a snapshot: out of all text that programs, servers
//! and people wrote. What Kubernetes itself chose stays, or nothing would be found again.

use serde_json::Value;

use crate::manifest::read;
use crate::readiness::World;
use crate::redact::{Learned, Redactor};

/// Fields whose text is a name, an identifier, a time or a word of the API.
const FIXED: [&str; 40] = [
    "apiVersion",
    "claimName",
    "component",
    "creationTimestamp",
    "deletionTimestamp",
    "effect",
    "eventTime",
    "fieldPath",
    "finishedAt",
    "firstTimestamp",
    "image",
    "imageID",
    "imagePullPolicy",
    "kind",
    "lastHeartbeatTime",
    "lastObservedTime",
    "lastTimestamp",
    "lastTransitionTime",
    "lastUpdateTime",
    "mountPath",
    "name",
    "namespace",
    "nodeName",
    "operator",
    "phase",
    "protocol",
    "qosClass",
    "reason",
    "reportingComponent",
    "resourceVersion",
    "restartPolicy",
    "schedulerName",
    "secretName",
    "serviceAccountName",
    "startTime",
    "startedAt",
    "status",
    "storageClassName",
    "type",
    "uid",
];

/// Fields under which all text is so; of a secret, `data` is already none of its values.
const FIXED_BELOW: [&str; 9] = [
    "data",
    "finalizers",
    "labels",
    "matchLabels",
    "nodeInfo",
    "nodeSelector",
    "ownerReferences",
    "resources",
    "selector",
];

/// Cleans every object. What was learned and is also the name of an object is none to hide.
pub(super) fn world(world: &mut World, redactor: &Redactor) {
    world.amend(&mut |object| walk(object, redactor, "", false));
}

/// Forgets of what was learned what is also the name of an object.
pub(super) fn forget_names(world: &World, learned: &mut Learned) {
    for object in world.objects() {
        learned.forget(read::name(object));
        learned.forget(read::namespace(object));
    }
}

fn walk(value: &mut Value, redactor: &Redactor, field: &str, is_fixed: bool) {
    match value {
        Value::String(text) => clean(text, redactor, is_fixed || FIXED.contains(&field)),
        Value::Array(items) => {
            for item in items {
                walk(item, redactor, field, is_fixed);
            }
        }
        Value::Object(fields) => {
            for (field, value) in fields.iter_mut() {
                walk(value, redactor, field, is_fixed || FIXED_BELOW.contains(&field.as_str()));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn clean(text: &mut String, redactor: &Redactor, is_fixed: bool) {
    match (is_fixed, redactor.changes_names()) {
        (true, true) => *text = redactor.name(text).into_owned(),
        (true, false) => {}
        (false, _) => *text = redactor.text(text),
    }
}
