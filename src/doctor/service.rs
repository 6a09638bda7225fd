//! Rules on services whose pods are ready: a port that leads nowhere, an address that nobody gives.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::affected::selects;
use super::finding::{Confidence, Finding};
use crate::event::{CommandLine, Fix};
use crate::manifest::read;
use crate::readiness::keeper::{Field, keeper};
use crate::readiness::world::when;
use crate::readiness::{Root, World, lacks_only_an_address};

/// How long a controller may take to give an address, in seconds.
const ADDRESS: i64 = 120;

/// What is wrong with the services. `taken` is when the look was; without it nothing counts as
/// young.
pub(super) fn findings(world: &World, taken: Option<Timestamp>) -> Vec<Finding> {
    let services = world.all("Service").iter();
    services
        .flat_map(|service| [wrong_port(service, world), no_address(service, world, taken)])
        .flatten()
        .collect()
}

/// A target port that no container of the selected pods has.
fn wrong_port(service: &Value, world: &World) -> Option<Finding> {
    let near = world.within("Pod", read::namespace(service));
    let pods: Vec<&Value> = near.filter(|pod| selects(service, pod) && lives(pod)).collect();
    if pods.is_empty() {
        return None;
    }
    let ports = read::list(service, "/spec/ports");
    let (target, confidence, declared) = ports.iter().find_map(|port| {
        let target = port.get("targetPort")?;
        let (confidence, declared) = match target {
            Value::String(name) => (Confidence::Proven, lacks_name(&pods, name)?),
            number => (Confidence::Likely, lacks_number(&pods, number.as_i64()?)?),
        };
        Some((target, confidence, declared))
    })?;
    let shown = target.as_str().map_or_else(|| target.to_string(), str::to_owned);
    let (name, namespace) = (read::name(service), read::namespace(service));
    let declared = declared.into_iter().collect::<Vec<_>>().join(", ");
    let has = if declared.is_empty() { "no port".to_owned() } else { declared };
    let summary = format!(
        "service `{name}` in namespace `{namespace}` sends to port {shown}, and the containers behind it declare {has}"
    );
    let finding = Finding::new("SVC-03", Root::of(service), summary)
        .because(format!("service {name}"), format!("targetPort: {shown}"))
        .because(format!("pod {}", read::name(pods[0])), format!("containerPort: {has}"));
    let fix = match keeper(service, world) {
        Some(keeper) => {
            let what = format!("`targetPort` of service `{name}` to {has}");
            keeper.fix(&Field::new(what, None), service, world)
        }
        None => retarget(service, target, &has),
    };
    Some(Finding { fix: Some(fix), confidence, ..finding })
}

/// Sends to the only port that the containers declare.
fn retarget(service: &Value, wrong: &Value, declared: &str) -> Fix {
    let (name, namespace) = (read::name(service), read::namespace(service));
    let at = read::list(service, "/spec/ports")
        .iter()
        .position(|port| port.get("targetPort") == Some(wrong));
    let right: Result<i64, _> = declared.parse();
    let (Some(at), Ok(right)) = (at, right) else {
        return Fix::advice(format!(
            "set `targetPort` of service `{name}` in namespace `{namespace}` to the port on which the container listens"
        ));
    };
    let field = format!("/spec/ports/{at}/targetPort");
    let patch = json!([{ "op": "replace", "path": field, "value": right }]);
    let line =
        CommandLine::kubectl(namespace).args(["patch", "service", name, "--type=json", "-p"]);
    Fix::run(line.arg(patch.to_string()))
}

/// Reaches a service without a balancer.
fn forward(service: &Value) -> CommandLine {
    let ports = read::list(service, "/spec/ports").first();
    let port = ports.and_then(|port| read::number(port, "/port")).unwrap_or(80);
    CommandLine::kubectl(read::namespace(service))
        .arg("port-forward")
        .arg(format!("service/{}", read::name(service)))
        .arg(format!("8080:{port}"))
}

fn lives(pod: &Value) -> bool {
    !["Succeeded", "Failed"].contains(&read::text(pod, "/status/phase"))
        && read::text(pod, "/metadata/deletionTimestamp").is_empty()
}

fn declared(pod: &Value) -> impl Iterator<Item = &Value> {
    // A sidecar is an init container that stays.
    ["/spec/containers", "/spec/initContainers"]
        .into_iter()
        .flat_map(|list| read::list(pod, list))
        .flat_map(|container| read::list(container, "/ports"))
}

/// The names that the pods' ports have, if none of them is this one.
fn lacks_name(pods: &[&Value], wanted: &str) -> Option<BTreeSet<String>> {
    let names: BTreeSet<String> = pods
        .iter()
        .flat_map(|pod| declared(pod))
        .map(|port| read::text(port, "/name").to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    (!names.contains(wanted)).then_some(names)
}

/// The ports that containers declare and answer on, if none declares this one. A container may listen
/// where it declares nothing: only where each declares something, and in each pod a probe asks there,
/// that speaks against another port.
fn lacks_number(pods: &[&Value], wanted: i64) -> Option<BTreeSet<String>> {
    let is_silent = |ports: &Vec<i64>| -> bool { ports.is_empty() || ports.contains(&wanted) };
    let mut found = BTreeSet::new();
    for pod in pods {
        let containers = read::list(pod, "/spec/containers").iter();
        let all: Vec<(&Value, Vec<i64>)> = containers.map(|one| (one, ports(one))).collect();
        let mut probed = all.iter().filter(|(one, ports)| is_probed(one, ports)).peekable();
        if all.iter().any(|(_, ports)| is_silent(ports)) || probed.peek().is_none() {
            return None;
        }
        found.extend(probed.flat_map(|(_, ports)| ports).map(i64::to_string));
    }
    Some(found)
}

/// The ports that a container declares.
fn ports(container: &Value) -> Vec<i64> {
    let ports = read::list(container, "/ports").iter();
    ports.filter_map(|port| read::number(port, "/containerPort")).collect()
}

/// Whether a probe asks one of the ports, by number or by name.
fn is_probed(container: &Value, declared: &[i64]) -> bool {
    ["readinessProbe", "livenessProbe", "startupProbe"].iter().any(|probe| {
        ["httpGet", "tcpSocket", "grpc"].iter().any(|kind| {
            match read::at(container, &format!("/{probe}/{kind}/port")) {
                Some(Value::String(_)) => true,
                Some(port) => port.as_i64().is_some_and(|port| declared.contains(&port)),
                None => false,
            }
        })
    })
}

/// A balancer that no controller has given an address, though pods answer behind it.
fn no_address(service: &Value, world: &World, taken: Option<Timestamp>) -> Option<Finding> {
    if !lacks_only_an_address(service, world) || is_young(service, taken) {
        return None;
    }
    let (name, namespace) = (read::name(service), read::namespace(service));
    let failed = world.all("Event").iter().filter(|event| {
        read::text(event, "/reason") == "SyncLoadBalancerFailed"
            && read::text(event, "/involvedObject/name") == name
            && read::text(event, "/involvedObject/namespace") == namespace
    });
    let failed = failed.max_by_key(|event| when(event));
    let words =
        failed.map_or("status.loadBalancer is empty", |event| read::text(event, "/message"));
    let summary = format!(
        "LoadBalancer `{name}` in namespace `{namespace}` has no address: no controller of this cluster gives it one"
    );
    let finding = Finding::new("SVC-04", Root::of(service), summary)
        .because(format!("service {name}"), words);
    Some(Finding { fix: Some(Fix::run(forward(service))), ..finding })
}

fn is_young(object: &Value, taken: Option<Timestamp>) -> bool {
    let made: Option<Timestamp> = read::text(object, "/metadata/creationTimestamp").parse().ok();
    taken.zip(made).is_some_and(|(taken, made)| taken.duration_since(made).as_secs() < ADDRESS)
}
