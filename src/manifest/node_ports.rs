//! The ports that services want on every node, and who has them already.

use std::collections::BTreeMap;

use serde_json::Value;

use super::object::{Object, ObjectId, Place};
use super::read;
use crate::event::Fix;
use crate::policy::{Class, Failure};

/// Ports that a cluster gives out unless its API server is told otherwise.
pub const USUAL_RANGE: std::ops::RangeInclusive<i64> = 30000..=32767;

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

/// The failure that names every wanted port that another service has, live or among `objects`.
pub fn demand_free(objects: &[Object], live: &[Value]) -> Result<(), Failure> {
    let wanted: Vec<NodePort> =
        objects.iter().flat_map(|object| of_service(&object.value, &object.place)).collect();
    let nowhere = Place::default();
    let mut holders: BTreeMap<(i64, String), ObjectId> = BTreeMap::new();
    for held in live.iter().flat_map(|service| of_service(service, &nowhere)) {
        // A service that is applied again may give its port up.
        if !objects.iter().any(|object| object.id.is_same(&held.service)) {
            holders.insert((held.port, held.protocol), held.service);
        }
    }
    let mut clashes = Vec::new();
    for port in wanted {
        match holders.get(&(port.port, port.protocol.clone())) {
            Some(holder) => clashes.push((holder.clone(), port)),
            None => {
                holders.insert((port.port, port.protocol.clone()), port.service.clone());
            }
        }
    }
    let Some((holder, port)) = clashes.first() else { return Ok(()) };
    let mut failure = Failure::new(
        Class::Refused,
        "NODE_PORT_TAKEN",
        format!("node port {} of {} belongs to {holder}", port.port, port.service),
    );
    for (holder, port) in clashes.iter().take(5) {
        failure = failure
            .because(port.place.to_string(), format!("{} {}: {holder}", port.port, port.protocol));
    }
    Err(failure.fix(Fix::safe(format!(
        "choose another `nodePort` than {} for {}",
        port.port, port.service
    ))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn service(name: &str, port: i64, protocol: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "n"},
            "spec": {"ports": [{"port": 80, "nodePort": port, "protocol": protocol}, {"port": 81}]}})
    }

    fn object(value: Value) -> Object {
        Object::new(value, Place { file: "svc.yaml".to_owned(), line: 3 }).unwrap()
    }

    #[test]
    fn a_port_of_another_service_is_refused_and_its_holder_named() {
        let failure = demand_free(
            &[object(service("web", 30080, "TCP"))],
            &[service("argocd", 30080, "TCP")],
        )
        .unwrap_err();
        assert_eq!(failure.code, "NODE_PORT_TAKEN");
        assert_eq!(
            failure.summary,
            "node port 30080 of Service `n/web` belongs to Service `n/argocd`"
        );
        assert_eq!(failure.evidence[0].source, "svc.yaml:3");
    }

    #[test]
    fn two_wanted_services_cannot_share_a_port() {
        let objects = [object(service("a", 30080, "TCP")), object(service("b", 30080, "TCP"))];
        assert!(
            demand_free(&objects, &[])
                .unwrap_err()
                .summary
                .contains("`n/b` belongs to Service `n/a`")
        );
    }

    #[test]
    fn a_services_own_port_and_other_protocols_are_free() {
        let live = [service("web", 30080, "TCP")];
        assert_eq!(demand_free(&[object(service("web", 30080, "TCP"))], &live), Ok(()));
        assert_eq!(demand_free(&[object(service("dns", 30080, "UDP"))], &live), Ok(()));
    }

    #[test]
    fn a_service_that_moves_frees_its_old_port() {
        let live = [service("web", 30080, "TCP")];
        let objects = [object(service("web", 30081, "TCP")), object(service("new", 30080, "TCP"))];
        assert_eq!(demand_free(&objects, &live), Ok(()));
    }
}
