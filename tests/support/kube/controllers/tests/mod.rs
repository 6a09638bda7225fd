//! The simulated cluster of the tests held against recordings of a real one: the same conditions,
//! reasons and words, and the same judgement of mlup. What it does beyond them is in `behaviour`.

mod argo;
mod behaviour;
mod cluster;
mod facts;
mod incidents;

use serde_json::Value;

use mlup::readiness::{Cause, Readiness, World, cause, causes, crash_log, judge};

/// Kinds that a judgement may look at.
const KINDS: [&str; 17] = [
    "CronJob",
    "ConfigMap",
    "DaemonSet",
    "Deployment",
    "EndpointSlice",
    "Event",
    "Job",
    "Namespace",
    "Node",
    "PersistentVolumeClaim",
    "Pod",
    "ReplicaSet",
    "Secret",
    "Service",
    "ServiceAccount",
    "StatefulSet",
    "StorageClass",
];

/// Kinds of what somebody applies.
const APPLIED: [&str; 8] = [
    "CronJob",
    "DaemonSet",
    "Deployment",
    "Job",
    "PersistentVolumeClaim",
    "Pod",
    "Service",
    "StatefulSet",
];

/// The codes of all causes that mlup finds in a cluster, each root once.
fn codes(objects: &[Value], log: Option<&str>) -> Vec<&'static str> {
    let mut world = World::of(objects.to_vec());
    for kind in KINDS {
        if !world.knows(kind) {
            world.set(kind, Vec::new());
        }
    }
    let mut found: Vec<Cause> = Vec::new();
    for object in objects {
        let is_applied = APPLIED.contains(&object["kind"].as_str().unwrap_or_default());
        if !is_applied || object["metadata"]["ownerReferences"].is_array() {
            continue;
        }
        found.extend(causes(object, &world));
        if let Readiness::Failed(cause) | Readiness::Blocked(cause) = judge(object, &world) {
            found.push(cause);
        }
    }
    let logged = found.into_iter().map(|cause| match log.filter(|_| cause.log.is_some()) {
        Some(log) => crash_log::with_log(cause, log, &world),
        None => cause,
    });
    let mut codes: Vec<_> = cause::fold(logged.collect()).iter().map(|cause| cause.code).collect();
    codes.sort_unstable();
    codes
}
