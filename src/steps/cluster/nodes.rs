//! The containers that are the nodes of a cluster in Docker, by the label that its tool gives
//! them. One request; nothing is decided here.

use std::collections::HashMap;
use std::net::IpAddr;

use bollard::models::{ContainerSummary, ContainerSummaryStateEnum as State};
use bollard::query_parameters::ListContainersOptionsBuilder;

use crate::drivers::spec::Spec;
use crate::host::docker::classify;
use crate::policy::Failure;
use crate::steps::StepCtx;

/// One container of the cluster's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NodeContainer {
    /// Its id.
    pub(super) id: String,
    /// Its name.
    pub(super) name: String,
    /// Whether it is a node rather than a load balancer or a registry of the tool.
    pub(super) is_node: bool,
    /// Whether it runs, be it paused.
    pub(super) is_up: bool,
    /// Docker's word for its state.
    pub(super) state: String,
    /// The networks that it is on, or would be.
    pub(super) networks: Vec<String>,
    /// The addresses that it is pinned to, by network.
    pub(super) fixed: HashMap<String, IpAddr>,
}

/// All containers of the cluster, stopped ones included; none for a cluster elsewhere.
///
/// # Errors
/// The engine could not be asked.
pub(super) async fn containers(ctx: &StepCtx, spec: &Spec) -> Result<Vec<NodeContainer>, Failure> {
    let Some(label) = spec.node_label() else { return Ok(Vec::new()) };
    let filters = HashMap::from([("label", vec![label])]);
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    let listed = ctx.host.docker.client().await?.list_containers(Some(options)).await;
    let listed = listed.map_err(|error| classify(&error, "list the nodes of the cluster"))?;
    let mut found: Vec<NodeContainer> = listed.into_iter().filter_map(node).collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

fn node(summary: ContainerSummary) -> Option<NodeContainer> {
    let labels = summary.labels.unwrap_or_default();
    // minikube's containers are all nodes and carry no such label.
    let is_node =
        labels.get("k3d.role").is_none_or(|role| matches!(role.as_str(), "server" | "agent"));
    let networks = summary.network_settings.and_then(|settings| settings.networks);
    let networks = networks.unwrap_or_default();
    let fixed = networks.iter().filter_map(|(name, endpoint)| {
        let address = endpoint.ipam_config.as_ref()?.ipv4_address.as_deref()?;
        Some((name.clone(), address.parse().ok()?))
    });
    let name = summary.names.unwrap_or_default().into_iter().next().unwrap_or_default();
    Some(NodeContainer {
        id: summary.id?,
        name: name.trim_start_matches('/').to_owned(),
        is_node,
        is_up: matches!(summary.state, Some(State::RUNNING | State::PAUSED)),
        state: summary.state.map_or_else(|| "unknown".to_owned(), |state| state.to_string()),
        fixed: fixed.collect(),
        networks: networks.into_keys().collect(),
    })
}
