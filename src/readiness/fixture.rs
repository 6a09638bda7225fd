//! Recorded incidents of real clusters, and the codes that they give: for tests alone.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::World;
use crate::manifest::read;

/// Incidents and the codes that they give. Those without a code are not about readiness.
pub(crate) const CODES: [(&str, &[&str]); 51] = [
    ("cfg-12-pods-one-secret", &["SECRET_MISSING"]),
    ("cfg-command-not-found", &["CONTAINER_COMMAND"]),
    ("cfg-missing-configmap", &["CONFIG_MAP_MISSING"]),
    ("cfg-missing-configmap-volume", &["CONFIG_MAP_MISSING"]),
    ("cfg-missing-secret-keys", &["SECRET_KEY_MISSING"]),
    ("cfg-missing-secret-volume", &["SECRET_MISSING"]),
    ("crash-completed-loop", &["CONTAINER_ENDS"]),
    ("crash-database-host", &["DEPENDENCY_UNREACHABLE"]),
    ("crash-evidently-import", &["CRASH_LOOP"]),
    ("crash-exec-format", &["EXEC_FORMAT"]),
    ("crash-keyerror-60", &["CRASH_LOOP"]),
    ("crash-no-aws-credentials", &["CRASH_LOOP"]),
    ("crash-oom-killed", &["OOM_KILLED"]),
    ("init-crash-migration", &["INIT_FAILED"]),
    ("job-backoff-limit", &["JOB_FAILED"]),
    ("job-deadline-exceeded", &["JOB_FAILED"]),
    ("node-not-ready", &["NODE_NOT_READY"]),
    ("ns-terminating-finalizer", &["NAMESPACE_TERMINATING"]),
    ("probe-liveness-slow-start", &["PROBE_KILLS"]),
    ("probe-readiness-timeout", &["PROBE_FAILING"]),
    ("probe-readiness-wrong-port", &["PROBE_FAILING"]),
    ("pull-12-pods-one-secret", &["PULL_SECRET_MISSING"]),
    ("pull-acr-bad-credentials", &["PULL_CREDENTIALS_REFUSED"]),
    ("pull-bitnami-gone", &["IMAGE_MISSING"]),
    ("pull-ecr-secret-missing", &["PULL_SECRET_MISSING"]),
    ("pull-ecr-token-expired", &["PULL_TOKEN_EXPIRED"]),
    ("pull-http-registry", &["REGISTRY_PLAIN_HTTP"]),
    ("pull-invalid-image-name", &["IMAGE_NAME_INVALID"]),
    ("pull-never-policy", &["IMAGE_NOT_ON_NODE"]),
    ("pull-no-platform", &["IMAGE_PLATFORM"]),
    ("pull-rate-limit", &["RATE_LIMITED"]),
    ("pull-registry-dns", &["REGISTRY_UNREACHABLE"]),
    ("pull-registry-refused", &["REGISTRY_UNREACHABLE"]),
    ("pull-secret-opaque", &["PULL_SECRET_UNUSABLE"]),
    ("pull-secret-wrong-host", &["PULL_SECRET_UNUSABLE"]),
    ("pull-tag-not-found", &["IMAGE_MISSING"]),
    ("pvc-claim-missing", &["CLAIM_MISSING"]),
    ("pvc-no-default-class", &["STORAGE_CLASS_MISSING"]),
    ("pvc-unknown-class", &["STORAGE_CLASS_MISSING"]),
    ("rs-pod-security-restricted", &["POD_SECURITY"]),
    ("rs-quota-exceeded", &["QUOTA_EXCEEDED"]),
    ("rs-serviceaccount-missing", &["POD_ACCOUNT_MISSING"]),
    ("sch-host-port-conflict", &["HOST_PORT_TAKEN"]),
    ("sch-insufficient-cpu", &["NODE_RESOURCES"]),
    ("sch-insufficient-memory", &["NODE_RESOURCES"]),
    ("sch-no-gpu", &["NODE_RESOURCES"]),
    ("sch-node-selector", &["NODE_SELECTOR"]),
    ("svc-loadbalancer-pending", &[]),
    ("svc-selector-mismatch", &["SERVICE_SELECTS_NOTHING"]),
    ("svc-target-port-wrong", &[]),
    ("two-faults-secret-and-selector", &["PULL_SECRET_MISSING", "SERVICE_SELECTS_NOTHING"]),
];

/// Where they are.
pub(crate) fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/incidents")
}

/// Those that were made from words of the catalogue.
pub(crate) fn constructed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/constructed")
}

/// A snapshot in which every kind that the recording asked for is known.
pub(crate) fn snapshot(id: &str) -> (Vec<Value>, World) {
    let objects = objects_in(&corpus().join(id));
    (objects.clone(), world_of(objects))
}

/// The objects of an incident.
pub(crate) fn objects_in(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("snapshot.json")).unwrap();
    let list: Value = serde_json::from_str(&text).unwrap();
    read::list(&list, "/items").to_vec()
}

/// A world of objects that knows every kind which the recordings asked for.
pub(crate) fn world_of(objects: Vec<Value>) -> World {
    let mut world = World::of(objects);
    for kind in [
        "Secret",
        "ConfigMap",
        "ServiceAccount",
        "PersistentVolumeClaim",
        "PersistentVolume",
        "StorageClass",
        "Service",
        "Job",
        "CronJob",
        "Pod",
        "EndpointSlice",
        "Event",
    ] {
        if !world.knows(kind) {
            world.set(kind, Vec::new());
        }
    }
    world
}

/// The objects that somebody applied.
pub(crate) fn applied(objects: &[Value]) -> impl Iterator<Item = &Value> {
    const KINDS: [&str; 9] = [
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "Job",
        "CronJob",
        "Pod",
        "Service",
        "PersistentVolumeClaim",
        "Namespace",
    ];
    objects.iter().filter(|object| {
        KINDS.contains(&read::kind(object))
            && read::list(object, "/metadata/ownerReferences").is_empty()
    })
}
