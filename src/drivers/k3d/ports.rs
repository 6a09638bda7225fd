//! The published NodePorts of a cluster against the wanted ones. Pure.

use crate::drivers::cluster::{Cure, Drift};
use crate::drivers::k3d::list::Cluster;
use crate::drivers::spec::Spec;

/// The wanted ports that are not published under their own number.
pub(super) fn missing(spec: &Spec, cluster: &Cluster) -> Vec<u16> {
    let published = |port: u16| {
        let mut ports = cluster.nodes.iter().flat_map(|node| &node.ports);
        ports.any(|found| found.inside == port && found.host == port)
    };
    spec.ports.iter().copied().filter(|port| !published(*port)).collect()
}

/// Missing ports as drift. Ports that are published beyond the wanted ones do no harm and may come
/// from `args`. Without a load balancer k3d cannot add any: it panics.
pub(super) fn drift(spec: &Spec, cluster: &Cluster) -> Option<Drift> {
    if missing(spec, cluster).is_empty() {
        return None;
    }
    let mut found: Vec<u16> = cluster
        .nodes
        .iter()
        .flat_map(|node| &node.ports)
        .filter(|port| port.inside != 6443 && port.inside == port.host)
        .map(|port| port.host)
        .collect();
    found.sort_unstable();
    found.dedup();
    let cure = if cluster.load_balancer().is_some() { Cure::InPlace } else { Cure::Recreate };
    let (wanted, found) = (joined(&spec.ports), joined(&found));
    Some(Drift { what: "ports".to_owned(), wanted, found, cure })
}

fn joined(ports: &[u16]) -> String {
    if ports.is_empty() {
        return "none".to_owned();
    }
    ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
