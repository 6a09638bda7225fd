//! `EndpointSlices`: the pods behind a service and which of them are ready.

use serde_json::{Value, json};

use super::super::world::World;
use super::context::Context;
use super::objects::{
    generation, is_leaving, is_true, list, name, namespace, owner_reference, revise, selects, text,
    uid,
};

const BY: &str = "endpointslice-controller.k8s.io";

pub(super) fn turn(world: &mut World, _: &mut Context<'_>) {
    let pods = world.objects("Pod");
    let slices = world.objects("EndpointSlice");
    for service in world.objects("Service") {
        let has_selector =
            service["spec"]["selector"].as_object().is_some_and(|all| !all.is_empty());
        if !has_selector || is_leaving(&service) || service["spec"]["type"] == "ExternalName" {
            continue;
        }
        let own: Vec<&Value> = pods.iter().filter(|pod| is_behind(pod, &service)).collect();
        let known = slices.iter().find(|slice| {
            namespace(slice) == namespace(&service)
                && slice["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"] == BY
                && slice["metadata"]["labels"]["kubernetes.io/service-name"] == name(&service)
        });
        write(world, &service, &own, known);
    }
}

fn is_behind(pod: &Value, service: &Value) -> bool {
    namespace(pod) == namespace(service)
        && selects(&service["spec"]["selector"], &pod["metadata"]["labels"])
        && !text(pod, "/status/podIP").is_empty()
        && !["Succeeded", "Failed"].contains(&text(pod, "/status/phase"))
}

fn write(world: &mut World, service: &Value, pods: &[&Value], known: Option<&Value>) {
    let endpoints: Vec<Value> = pods.iter().map(|pod| endpoint(pod, service)).collect();
    let ports = ports(service, pods);
    let or_null = |all: Vec<Value>| if all.is_empty() { Value::Null } else { all.into() };
    let (endpoints, ports) = (or_null(endpoints), or_null(ports));
    if let Some(known) = known {
        let mut after = known.clone();
        after["endpoints"] = endpoints;
        after["ports"] = ports;
        if after != *known {
            after["metadata"]["generation"] = (generation(known) + 1).into();
            revise(world, known, after);
        }
        return;
    }
    let begin = format!("{}-", name(service));
    let own = format!("{begin}{}", world.next_name());
    world.store(json!({
        "kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1",
        "metadata": {
            "name": own, "generateName": begin, "namespace": namespace(service), "generation": 1,
            "labels": {
                "endpointslice.kubernetes.io/managed-by": BY,
                "kubernetes.io/service-name": name(service),
            },
            "ownerReferences": [owner_reference(service)],
        },
        "addressType": "IPv4", "endpoints": endpoints, "ports": ports,
    }));
}

fn endpoint(pod: &Value, service: &Value) -> Value {
    let is_ready = is_true(pod, "Ready");
    let is_published = is_ready || service["spec"]["publishNotReadyAddresses"] == true;
    json!({
        "addresses": [pod["status"]["podIP"]],
        "conditions": { "ready": is_published, "serving": is_ready, "terminating": false },
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": { "kind": "Pod", "name": name(pod), "namespace": namespace(pod), "uid": uid(pod) },
    })
}

/// The ports of the pods; a name that no container has gives none.
fn ports(service: &Value, pods: &[&Value]) -> Vec<Value> {
    let Some(pod) = pods.first() else { return Vec::new() };
    let ports = list(service, "/spec/ports").iter();
    ports
        .filter_map(|port| {
            let number = match &port["targetPort"] {
                Value::Null => port["port"].as_i64(),
                Value::String(wanted) => named(pod, wanted),
                number => number.as_i64(),
            }?;
            let mut own = json!({ "port": number,
                "protocol": port["protocol"].as_str().unwrap_or("TCP") });
            own["name"] = text(port, "/name").into();
            Some(own)
        })
        .collect()
}

fn named(pod: &Value, wanted: &str) -> Option<i64> {
    let containers = list(pod, "/spec/containers").iter();
    let mut ports = containers.flat_map(|container| list(container, "/ports"));
    ports.find(|port| port["name"] == wanted)?["containerPort"].as_i64()
}
