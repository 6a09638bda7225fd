//! What the engine answers about labelled objects, reduced to what drivers ask for. Pure.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    ContainerInspectResponse, Network as EngineNetwork, NetworkInspect, NetworkSettings,
};

use super::{Attachment, NamedNetwork, NodeContainer};
use crate::host::containers::{status, timestamp};

pub(super) fn sorted(labels: HashMap<String, String>) -> BTreeMap<String, String> {
    labels.into_iter().collect()
}

pub(super) fn node(found: ContainerInspectResponse) -> NodeContainer {
    let state = found.state.unwrap_or_default();
    let config = found.config.unwrap_or_default();
    let settings = found.network_settings.unwrap_or_default();
    NodeContainer {
        id: found.id.unwrap_or_default(),
        name: found.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        image: config.image.unwrap_or_default(),
        status: status(&state),
        exit_code: state.exit_code.unwrap_or_default(),
        labels: sorted(config.labels.unwrap_or_default()),
        ports: published(&settings),
        networks: attachments(settings),
        finished: timestamp(state.finished_at.as_deref()),
    }
}

fn attachments(settings: NetworkSettings) -> BTreeMap<String, Attachment> {
    let networks = settings.networks.into_iter().flatten();
    networks
        .map(|(name, end)| {
            let network_id = end.network_id.unwrap_or_default();
            let address = end.ip_address.unwrap_or_default();
            (name, Attachment { network_id, address })
        })
        .collect()
}

/// The engine lists a port once for IPv4 and once for IPv6.
fn published(settings: &NetworkSettings) -> Vec<(String, u16)> {
    let mut ports = Vec::new();
    for (inside, bindings) in settings.ports.iter().flatten() {
        for binding in bindings.iter().flatten() {
            let host = binding.host_port.as_deref().and_then(|port| port.parse().ok());
            ports.extend(host.map(|host| (inside.clone(), host)));
        }
    }
    ports.sort();
    ports.dedup();
    ports
}

pub(super) fn listed_network(found: EngineNetwork) -> NamedNetwork {
    let pools = found.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
    NamedNetwork {
        id: found.id.unwrap_or_default(),
        name: found.name.unwrap_or_default(),
        labels: sorted(found.labels.unwrap_or_default()),
        pools: pools.into_iter().map(|pool| (pool.subnet, pool.gateway)).collect(),
        containers: Vec::new(),
    }
}

pub(super) fn inspected_network(found: NetworkInspect) -> NamedNetwork {
    let pools = found.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
    let ends = found.containers.unwrap_or_default();
    let mut containers: Vec<String> =
        ends.into_iter().map(|(id, end)| end.name.unwrap_or(id)).collect();
    containers.sort();
    NamedNetwork {
        id: found.id.unwrap_or_default(),
        name: found.name.unwrap_or_default(),
        labels: sorted(found.labels.unwrap_or_default()),
        pools: pools.into_iter().map(|pool| (pool.subnet, pool.gateway)).collect(),
        containers,
    }
}
