//! Who made the pods decides nothing: the same fault under a stateful set, a daemon set, a job, a
//! replica set of its own or nobody has the same rule, and the same root where that is no workload.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Story, none_wrong, rooted};
use crate::manifest::read;

/// Incidents, by how they begin, that there cannot be under another owner, with the kind and why.
const IMPOSSIBLE: [(&str, &str, &str); 16] = [
    ("crash-completed-loop", "Job", "a job's container that ends with 0 has done its work"),
    ("rs-", "Pod", "a pod that is refused is not there"),
    ("webhook-", "Pod", "a pod that is refused is not there"),
    ("healthy-scaled-to-zero", "Job", "a job has no replicas"),
    ("healthy-scaled-to-zero", "DaemonSet", "a daemon set has no replicas"),
    ("healthy-scaled-to-zero", "Pod", "there is none"),
    ("healthy-leftover-evicted", "Pod", "nobody makes up for a pod of its own"),
    ("pod-never-ends", "Pod", "it is told by its own name"),
    ("svc-", "Job", "nobody has a service for a job"),
    ("two-faults-secret-and-selector", "Job", "nobody has a service for a job"),
    ("healthy-rolled-twice", "Job", "a job is never rolled out anew"),
    ("metallb-", "StatefulSet", MANIFEST),
    ("metallb-", "DaemonSet", MANIFEST),
    ("metallb-", "Job", MANIFEST),
    ("metallb-", "ReplicaSet", MANIFEST),
    ("metallb-", "Pod", MANIFEST),
];

const MANIFEST: &str = "the controller of MetalLB is a deployment by its manifest";

/// A deployment as another kind that makes pods.
fn as_kind(deployment: &Value, kind: &str) -> Value {
    let spec = &deployment["spec"];
    let status = &deployment["status"];
    let number = |field: &str| read::number(status, field).unwrap_or_default();
    let (wanted, ready) = (read::number(spec, "/replicas").unwrap_or(1), number("/readyReplicas"));
    let available = number("/availableReplicas");
    let made = number("/replicas");
    let mut metadata = deployment["metadata"].clone();
    metadata["uid"] = format!("{}-as-{kind}", read::text(&metadata, "/uid")).into();
    let seen = status["observedGeneration"].clone();
    let (version, spec, status) = match kind {
        "StatefulSet" => (
            "apps/v1",
            json!({ "replicas": wanted, "selector": spec["selector"], "template": spec["template"],
                "serviceName": read::name(deployment) }),
            json!({ "observedGeneration": seen, "replicas": made, "readyReplicas": ready,
                "availableReplicas": available, "currentReplicas": made, "updatedReplicas": made,
                "currentRevision": "r-1", "updateRevision": "r-1" }),
        ),
        "DaemonSet" => (
            "apps/v1",
            json!({ "selector": spec["selector"], "template": spec["template"] }),
            json!({ "observedGeneration": seen, "desiredNumberScheduled": wanted,
                "currentNumberScheduled": made, "updatedNumberScheduled": made,
                "numberReady": ready, "numberAvailable": available }),
        ),
        _ => (
            "batch/v1",
            json!({ "parallelism": wanted, "completions": wanted, "backoffLimit": 6,
                "selector": spec["selector"], "template": spec["template"] }),
            json!({ "active": made, "ready": ready }),
        ),
    };
    json!({ "apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec,
        "status": status })
}

/// Whether the first owner of an object is this one.
fn is_of(object: &Value, uid: &str) -> bool {
    read::list(object, "/metadata/ownerReferences")
        .iter()
        .any(|owner| read::text(owner, "/uid") == uid)
}

/// The incident with other owners in the place of its deployments, and the names of the new roots
/// by which the deployments are told now.
fn under(story: &Story, kind: &str) -> (Story, BTreeMap<String, String>) {
    let mut told = story.clone();
    let mut roots = BTreeMap::new();
    for deployment in story.kind("Deployment") {
        let uid = read::text(deployment, "/metadata/uid");
        let path = |kind: &str, object: &Value| {
            format!("{kind}/{}/{}", read::namespace(object), read::name(object))
        };
        let old = path("deployment", deployment);
        let sets: Vec<&Value> = story.kind("ReplicaSet").filter(|set| is_of(set, uid)).collect();
        let newest =
            sets.iter().max_by_key(|set| revision(set)).map(|set| read::text(set, "/metadata/uid"));
        let is_old = |set: &&&Value| Some(read::text(set, "/metadata/uid")) != newest;
        let gone: BTreeSet<&str> =
            sets.iter().filter(is_old).map(|set| read::text(set, "/metadata/uid")).collect();
        told.objects.retain(|object| {
            !(read::text(object, "/metadata/uid") == uid
                || read::kind(object) == "Pod" && gone.iter().any(|set| is_of(object, set))
                || gone.contains(read::text(object, "/metadata/uid"))
                || gone.contains(read::text(object, "/involvedObject/uid"))
                || read::text(object, "/involvedObject/uid") == uid)
        });
        // What was made may lack the replica set.
        let newest = newest.unwrap_or_default();
        if kind == "ReplicaSet" {
            for object in &mut told.objects {
                if read::text(object, "/metadata/uid") == newest {
                    roots.insert(path("replicaset", object), old.clone());
                    object["metadata"]["ownerReferences"] = json!([]);
                }
            }
            continue;
        }
        let owner = as_kind(deployment, kind);
        let reference = json!([{ "apiVersion": owner["apiVersion"], "kind": kind, "controller": true,
            "name": read::name(&owner), "uid": owner["metadata"]["uid"] }]);
        for object in &mut told.objects {
            let is_its_pod = read::kind(object) == "Pod" && is_of(object, newest);
            if is_its_pod && kind == "Pod" {
                roots.insert(path("pod", object), old.clone());
                object["metadata"]["ownerReferences"] = json!([]);
            } else if is_its_pod {
                object["metadata"]["ownerReferences"] = reference.clone();
            }
            if read::text(object, "/involvedObject/uid") == newest {
                for field in ["kind", "name", "uid"] {
                    object["involvedObject"][field] = reference[0][field].clone();
                }
            }
        }
        told.objects.retain(|object| read::text(object, "/metadata/uid") != newest);
        told.objects.extend(refusal(&told, deployment, &sets, &reference[0]));
        if kind != "Pod" {
            roots.insert(path(&kind.to_lowercase(), &owner), old);
            told.objects.push(owner);
        }
    }
    (told, roots)
}

/// Controllers without such a condition say by an event that their pods are refused.
fn refusal(told: &Story, deployment: &Value, sets: &[&Value], owner: &Value) -> Option<Value> {
    let all = [&[deployment], sets].concat();
    let failed = all.iter().find_map(|object| read::condition(object, "ReplicaFailure"))?;
    let uid = read::text(owner, "/uid");
    let is_said = |event: &Value| {
        read::text(event, "/reason") == "FailedCreate"
            && read::text(event, "/involvedObject/uid") == uid
    };
    let namespace = read::namespace(deployment);
    (!told.kind("Event").any(is_said)).then(|| {
        json!({ "apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": "FailedCreate",
            "message": format!("Error creating: {}", read::text(failed, "/message")),
            "metadata": { "name": format!("{uid}.refused"), "namespace": namespace },
            "involvedObject": { "kind": owner["kind"], "name": owner["name"],
                "namespace": namespace, "uid": uid } })
    })
}

fn revision(set: &Value) -> i64 {
    let text = set.pointer("/metadata/annotations/deployment.kubernetes.io~1revision");
    text.and_then(Value::as_str).and_then(|text| text.parse().ok()).unwrap_or_default()
}

#[test]
fn who_made_the_pods_decides_nothing() {
    let mut wrong = Vec::new();
    for story in Story::with_made() {
        let before = rooted(&story.findings());
        for kind in ["StatefulSet", "DaemonSet", "Job", "ReplicaSet", "Pod"] {
            if IMPOSSIBLE.iter().any(|(id, other, _)| story.id.starts_with(id) && *other == kind) {
                continue;
            }
            let (told, roots) = under(&story, kind);
            assert_eq!(told.kind("Deployment").count(), 0);
            let has_deployments = story.kind("Deployment").count() > 0;
            assert!(!story.is_recorded || roots.is_empty() != has_deployments, "{}", story.id);
            let found = rooted(&told.findings());
            let after: BTreeSet<(String, String)> = found
                .iter()
                .map(|(rule, root)| (rule.clone(), roots.get(root).unwrap_or(root).clone()))
                .collect();
            if before != after {
                wrong.push(format!("{} under {kind}: {found:?} and not {before:?}", story.id));
            }
        }
    }
    none_wrong(&wrong);
}
