//! The order of things decides nothing: lists in another order, containers in another order, and a
//! healthy sidecar or init container before all others.

use serde_json::{Value, json};

use super::{Story, Told, Way, none_wrong, rooted, told};
use crate::manifest::read;

/// A sidecar as a service mesh puts it into every pod.
fn sidecar() -> Value {
    json!({ "name": "mesh-proxy", "image": "mesh.example/proxy:1.24", "resources": {},
        "imagePullPolicy": "IfNotPresent",
        "ports": [{ "name": "http-mesh-prom", "containerPort": 15090, "protocol": "TCP" }],
        "readinessProbe": { "httpGet": { "path": "/healthz/ready", "port": 15021 },
            "periodSeconds": 15, "failureThreshold": 4 } })
}

fn first_init() -> Value {
    json!({ "name": "mesh-init", "image": "mesh.example/proxy:1.24", "resources": {},
        "imagePullPolicy": "IfNotPresent" })
}

/// Puts one before all others of a list, where there is one or it may be made.
fn put_first(object: &mut Value, at: &str, list: &str, one: Value) {
    let Some(Value::Object(fields)) = object.pointer_mut(at) else { return };
    let items = fields.entry(list).or_insert_with(|| json!([]));
    if let Some(items) = items.as_array_mut() {
        items.insert(0, one);
    }
}

/// Where a pod or a template of pods has its specification.
const SPECS: [&str; 3] = ["/spec", "/spec/template/spec", "/spec/jobTemplate/spec/template/spec"];

fn has_containers(object: &Value, at: &str) -> bool {
    !read::list(object, &format!("{at}/containers")).is_empty()
}

fn with_sidecar(object: &mut Value) {
    for at in SPECS {
        if has_containers(object, at) {
            put_first(object, at, "containers", sidecar());
        }
    }
    let statuses = read::list(object, "/status/containerStatuses");
    if read::kind(object) != "Pod" || statuses.is_empty() {
        return;
    }
    let waits = statuses.iter().find(|status| {
        let reason = read::text(status, "/state/waiting/reason");
        ["ContainerCreating", "PodInitializing"].contains(&reason)
    });
    let is_over = ["Succeeded", "Failed"].contains(&read::text(object, "/status/phase"));
    let mut status = json!({ "name": "mesh-proxy", "ready": waits.is_none() && !is_over,
        "restartCount": 0, "image": "mesh.example/proxy:1.24",
        "started": waits.is_none() && !is_over });
    status["state"] = match waits {
        Some(waits) => waits["state"].clone(),
        None if is_over => json!({ "terminated": { "exitCode": 0, "reason": "Completed" } }),
        None => json!({ "running": { "startedAt": object["status"]["startTime"] } }),
    };
    put_first(object, "/status", "containerStatuses", status);
}

fn with_init(object: &mut Value) {
    for at in SPECS {
        if has_containers(object, at) {
            put_first(object, at, "initContainers", first_init());
        }
    }
    let statuses = read::list(object, "/status/containerStatuses");
    if read::kind(object) != "Pod" || statuses.is_empty() {
        return;
    }
    let is_creating = statuses
        .iter()
        .any(|status| read::text(status, "/state/waiting/reason") == "ContainerCreating");
    let state = if is_creating {
        json!({ "waiting": { "reason": "PodInitializing" } })
    } else {
        json!({ "terminated": { "exitCode": 0, "reason": "Completed" } })
    };
    let status = json!({ "name": "mesh-init", "ready": !is_creating, "restartCount": 0,
        "image": "mesh.example/proxy:1.24", "state": state });
    put_first(object, "/status", "initContainerStatuses", status);
}

/// Containers and their states the other way round.
fn backwards(object: &mut Value) {
    let lists = SPECS.iter().map(|at| format!("{at}/containers"));
    for list in lists.chain(["/status/containerStatuses".to_owned()]) {
        if let Some(Value::Array(items)) = object.pointer_mut(&list) {
            items.reverse();
        }
    }
}

/// The objects in an order that only a number decides.
fn shuffled(story: &Story, seed: usize) -> Story {
    let mut story = story.clone();
    let mut state = seed;
    for at in (1..story.objects.len()).rev() {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        story.objects.swap(at, (state >> 33) % (at + 1));
    }
    story
}

fn reversed(story: &Story) -> Story {
    let mut story = story.clone();
    story.objects.reverse();
    story
}

#[test]
fn the_order_of_things_decides_nothing() {
    let ways: [Way<'_>; 6] = [
        ("reversed", &reversed),
        ("shuffled once", &|story| shuffled(story, 7)),
        ("shuffled twice", &|story| shuffled(story, 1_234_567)),
        ("containers backwards", &|story| story.with(backwards)),
        ("a sidecar first", &|story| story.with(with_sidecar)),
        ("an init container first", &|story| story.with(with_init)),
    ];
    let mut wrong = Vec::new();
    for story in Story::with_made() {
        let before = sorted(&story);
        for (how, way) in &ways {
            let after = sorted(&way(&story));
            // A sentence may name what a sidecar has.
            let is_same = if how.starts_with('a') {
                rooted(&story.findings()) == rooted(&way(&story).findings())
            } else {
                before == after
            };
            if !is_same {
                wrong.push(format!("{} {how}:\n  {after:?}\n  and not\n  {before:?}", story.id));
            }
        }
    }
    none_wrong(&wrong);
}

/// What is told, in an order that does not depend on how it was found.
fn sorted(story: &Story) -> Vec<Told> {
    let mut all: Vec<Told> = story.findings().iter().map(told).collect();
    all.sort();
    all
}
