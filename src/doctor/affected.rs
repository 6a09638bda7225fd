//! The edges along which trouble spreads: from a pod to what owns it, from pods to the services
//! that select them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::manifest::read;
use crate::readiness::{Root, World, top};

/// The workloads of these pods (`namespace/name`) and the services that select any of them.
pub(super) fn of_pods(pods: &[String], world: &World) -> Vec<Root> {
    let found: Vec<&Value> = pods
        .iter()
        .filter_map(|pod| pod.split_once('/'))
        .filter_map(|(namespace, name)| world.find("Pod", namespace, name))
        .collect();
    let workloads = found.iter().map(|pod| Root::of(top(pod, world)));
    let services = found.iter().flat_map(|pod| {
        let near = world.within("Service", read::namespace(pod));
        near.filter(|service| selects(service, pod)).map(Root::of)
    });
    let claims = found.iter().flat_map(|pod| unbound_claims(pod, world));
    let affected: BTreeSet<Root> = workloads.chain(services).chain(claims).collect();
    affected.into_iter().collect()
}

/// The claims whose volumes are made once this pod has a node.
fn unbound_claims<'w>(pod: &'w Value, world: &'w World) -> impl Iterator<Item = Root> + use<'w> {
    let waits = read::text(pod, "/spec/nodeName").is_empty();
    let volumes = read::list(pod, "/spec/volumes").iter().filter(move |_| waits);
    volumes
        .filter_map(move |volume| {
            let name = read::text(volume, "/persistentVolumeClaim/claimName");
            world.find("PersistentVolumeClaim", read::namespace(pod), name)
        })
        .filter(|claim| read::text(claim, "/status/phase") == "Pending")
        .map(Root::of)
}

/// Whether a service selects a pod.
pub(super) fn selects(service: &Value, pod: &Value) -> bool {
    let selector: Vec<(&str, &str)> = read::texts(service, "/spec/selector").collect();
    let labels: Vec<(&str, &str)> = read::texts(pod, "/metadata/labels").collect();
    !selector.is_empty()
        && read::namespace(service) == read::namespace(pod)
        && read::selects(&selector, &labels)
}

/// The workloads whose pods a service selects by the template that they are made from.
pub(super) fn services_of<'w>(
    workload: &'w Value,
    world: &'w World,
) -> impl Iterator<Item = Root> + use<'w> {
    let labels: Vec<(&str, &str)> =
        read::texts(workload, "/spec/template/metadata/labels").collect();
    let services = world.within("Service", read::namespace(workload)).filter(move |service| {
        let selector: Vec<(&str, &str)> = read::texts(service, "/spec/selector").collect();
        !selector.is_empty() && read::selects(&selector, &labels)
    });
    services.map(Root::of)
}
