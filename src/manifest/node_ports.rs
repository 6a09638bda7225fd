//! The ports that services want on every node, and who has them already.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde_json::Value;

use super::object::{Object, ObjectId, Place};
use super::read;
use crate::event::Fix;
use crate::policy::{Class, Failure};

/// Ports that a cluster gives out unless its API server is told otherwise.
pub const USUAL_RANGE: RangeInclusive<i64> = 30000..=32767;

/// One port that a service wants on every node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodePort {
    /// The service.
    pub service: ObjectId,
    /// The port.
    pub port: i64,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    /// Where the service was read; empty for a live one.
    pub place: Place,
}

/// The node ports that a service states.
#[must_use]
pub fn of_service(service: &Value, place: &Place) -> Vec<NodePort> {
    let Some(id) = ObjectId::of(service).filter(|id| id.kind == "Service" && id.group.is_empty())
    else {
        return Vec::new();
    };
    let port = |port: &Value| {
        let protocol = match read::text(port, "/protocol") {
            "" => "TCP",
            protocol => protocol,
        };
        Some(NodePort {
            service: id.clone(),
            port: read::number(port, "/nodePort").filter(|port| *port != 0)?,
            protocol: protocol.to_owned(),
            place: place.clone(),
        })
    };
    read::list(service, "/spec/ports").iter().filter_map(port).collect()
}

/// A failure for every wanted port that another service has, live or among `objects`, and for every
/// one that the cluster does not give out.
#[must_use]
pub fn failures(objects: &[Object], live: &[Value], range: &RangeInclusive<i64>) -> Vec<Failure> {
    let mut holders = held(objects, live);
    // A live port elsewhere shows that the cluster has another range.
    let is_usual = holders.keys().all(|(port, _)| range.contains(port));
    let mut failures = Vec::new();
    for wanted in objects.iter().flat_map(|object| of_service(&object.value, &object.place)) {
        if is_usual && !range.contains(&wanted.port) {
            failures.push(outside(&wanted, range));
            continue;
        }
        match holders.get(&(wanted.port, wanted.protocol.clone())) {
            Some(holder) => failures.push(taken(&wanted, holder)),
            None => {
                holders.insert((wanted.port, wanted.protocol.clone()), wanted.service.clone());
            }
        }
    }
    failures
}

/// The ports that live services keep. One that is applied again gives up what it states anew.
fn held(objects: &[Object], live: &[Value]) -> BTreeMap<(i64, String), ObjectId> {
    let nowhere = Place::default();
    let gives_up = |held: &NodePort| {
        objects.iter().filter(|object| object.id.is_same(&held.service)).any(|object| {
            !of_service(&object.value, &nowhere).is_empty()
                || !["LoadBalancer", "NodePort"].contains(&read::text(&object.value, "/spec/type"))
        })
    };
    live.iter()
        .flat_map(|service| of_service(service, &nowhere))
        .filter(|held| !gives_up(held))
        .map(|held| ((held.port, held.protocol), held.service))
        .collect()
}

fn taken(wanted: &NodePort, holder: &ObjectId) -> Failure {
    let NodePort { service, port, protocol, place } = wanted;
    let summary = format!("node port {port} of {service} belongs to {holder}");
    Failure::new(Class::Refused, "NODE_PORT_TAKEN", summary)
        .because(place.to_string(), format!("{port} {protocol}"))
        .fix(Fix::safe(format!("choose another `nodePort` than {port} for {service}")))
}

fn outside(wanted: &NodePort, range: &RangeInclusive<i64>) -> Failure {
    let NodePort { service, port, protocol, place } = wanted;
    let (first, last) = (range.start(), range.end());
    let summary = format!(
        "node port {port} of {service} is none that the cluster gives out: {first} to {last}"
    );
    Failure::new(Class::Config, "NODE_PORT_RANGE", summary)
        .because(place.to_string(), format!("{port} {protocol}"))
        .fix(Fix::safe(format!("choose a `nodePort` from {first} to {last} for {service}")))
}

/// The range that arguments of a cluster's tool set, if they set one.
#[must_use]
pub fn range_in(args: &[String]) -> Option<RangeInclusive<i64>> {
    args.iter().find_map(|arg| {
        let (_, range) = arg.split_once("service-node-port-range=")?;
        let range: String = range.chars().take_while(|c| c.is_ascii_digit() || *c == '-').collect();
        let (first, last) = range.split_once('-')?;
        Some(first.parse().ok()?..=last.parse().ok()?)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn service(name: &str, port: i64, protocol: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "n"},
            "spec": {"type": "NodePort",
                "ports": [{"port": 80, "nodePort": port, "protocol": protocol}, {"port": 81}]}})
    }

    fn object(value: Value) -> Object {
        Object::new(value, Place { file: "svc.yaml".to_owned(), line: 3 }).unwrap()
    }

    fn told(objects: &[Value], live: &[Value]) -> Vec<String> {
        let objects: Vec<Object> = objects.iter().cloned().map(object).collect();
        let failures = failures(&objects, live, &USUAL_RANGE);
        failures.into_iter().map(|failure| failure.summary).collect()
    }

    #[test]
    fn every_port_of_another_service_is_refused_and_its_holder_named() {
        let live = [service("argocd", 30080, "TCP"), service("web", 30443, "TCP")];
        let wanted = [service("a", 30080, "TCP"), service("b", 30443, "TCP")];
        assert_eq!(
            told(&wanted, &live),
            [
                "node port 30080 of Service `n/a` belongs to Service `n/argocd`",
                "node port 30443 of Service `n/b` belongs to Service `n/web`",
            ]
        );
        let objects = [object(service("a", 30080, "TCP"))];
        let failure = &failures(&objects, &live, &USUAL_RANGE)[0];
        assert_eq!((failure.code, &*failure.evidence[0].source), ("NODE_PORT_TAKEN", "svc.yaml:3"));
    }

    #[test]
    fn two_wanted_services_cannot_share_a_port() {
        let wanted = [service("a", 30080, "TCP"), service("b", 30080, "TCP")];
        assert_eq!(
            told(&wanted, &[]),
            ["node port 30080 of Service `n/b` belongs to Service `n/a`"]
        );
    }

    #[test]
    fn own_ports_and_other_protocols_are_free() {
        let live = [service("web", 30080, "TCP")];
        assert_eq!(told(&[service("web", 30080, "TCP")], &live), [""; 0]);
        assert_eq!(told(&[service("dns", 30080, "UDP")], &live), [""; 0]);
    }

    #[test]
    fn a_service_that_moves_frees_its_old_port_and_one_that_says_nothing_keeps_it() {
        let live = [service("web", 30080, "TCP")];
        let new = service("new", 30080, "TCP");
        assert_eq!(told(&[service("web", 30081, "TCP"), new.clone()], &live), [""; 0]);
        let silent = service("web", 0, "TCP");
        assert_eq!(told(&[silent, new], &live).len(), 1);
    }

    #[test]
    fn ports_outside_of_the_range_are_told_unless_the_cluster_shows_another_range() {
        let wanted = [service("web", 8080, "TCP")];
        assert_eq!(
            told(&wanted, &[]),
            [
                "node port 8080 of Service `n/web` is none that the cluster gives out: 30000 to 32767"
            ]
        );
        assert_eq!(told(&wanted, &[service("old", 80, "TCP")]), [""; 0]);
    }

    #[test]
    fn the_range_is_read_from_a_tools_arguments() {
        for (arg, range) in [
            ("--extra-config=apiserver.service-node-port-range=1-65535", Some(1..=65535)),
            ("--kube-apiserver-arg=service-node-port-range=80-90@server:*", Some(80..=90)),
            ("--service-node-port-range=x", None),
            ("--memory=2g", None),
        ] {
            assert_eq!(range_in(&[arg.to_owned()]), range, "{arg}");
        }
    }
}
