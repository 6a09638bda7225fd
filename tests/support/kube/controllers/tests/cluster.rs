//! A small simulated cluster and objects for it, and ways to look at it.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::super::{FakeKube, World};
use super::super::Simulation;
use super::super::settings::Settings;
use super::facts::{list, text};

const LIMIT: Duration = Duration::from_secs(8);

pub(super) fn cluster(settings: Settings) -> (FakeKube, Simulation) {
    let fake = FakeKube::empty();
    let simulation = fake.change(|world| {
        world.node_ready("node-0");
        world.simulate(settings)
    });
    (fake, simulation)
}

#[track_caller]
pub(super) fn comes_to(fake: &FakeKube, what: &str, is_it: impl FnMut(&World) -> bool) {
    if !fake.until(LIMIT, is_it) {
        let pods = fake.change(|world| world.objects("Pod"));
        let events = fake.change(|world| world.objects("Event"));
        let told: Vec<&str> = events.iter().map(|event| text(event, "/message")).collect();
        panic!("never: {what}\n{pods:#?}\n{told:#?}");
    }
}

pub(super) fn container(name: &str, image: &str) -> Value {
    json!({ "name": name, "image": image,
        "ports": [{ "name": "http", "containerPort": 8000 }],
        "readinessProbe": { "httpGet": { "path": "/health", "port": "http" } } })
}

pub(super) fn deployment(name: &str, replicas: u64, image: &str) -> Value {
    workload("Deployment", name, replicas, &container(name, image))
}

pub(super) fn workload(kind: &str, name: &str, replicas: u64, container: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": kind,
        "metadata": { "name": name, "namespace": "default", "generation": 1 },
        "spec": {
            "replicas": replicas, "serviceName": name,
            "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": { "containers": [container] },
            },
        },
    })
}

pub(super) fn service(name: &str, kind: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": name, "namespace": "default" },
        "spec": { "type": kind, "selector": { "app": name },
            "ports": [{ "port": 80, "targetPort": "http" }] },
    })
}

pub(super) fn ready(world: &World, kind: &str, name: &str) -> i64 {
    let found = world.find(kind, "default", name).unwrap_or_default();
    found["status"]["readyReplicas"].as_i64().unwrap_or_default()
}

pub(super) fn waits_for(world: &World) -> Vec<String> {
    let pods = world.objects("Pod");
    let all = pods.iter().flat_map(|pod| list(pod, "/status/containerStatuses"));
    all.map(|status| text(status, "/state/waiting/reason").to_owned()).collect()
}

pub(super) fn messages(world: &World, reason: &str) -> Vec<String> {
    let mut events = world.objects("Event");
    events.retain(|event| text(event, "/reason") == reason);
    events.sort_by_key(|event| text(event, "/metadata/name").rsplit('.').next().map(str::to_owned));
    events.iter().map(|event| text(event, "/message").to_owned()).collect()
}
