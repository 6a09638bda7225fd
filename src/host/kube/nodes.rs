//! Nodes: what people want to know of one, and whether it takes work.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, NodeCondition, NodeStatus};
use kube::api::ListParams;

use super::client::Api;
use crate::host::clock;
use crate::policy::Failure;

/// Labels of this prefix name a role.
const ROLE: &str = "node-role.kubernetes.io/";

/// What is worth knowing of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeFacts {
    /// Its name.
    pub name: String,
    /// Its roles in alphabetical order, such as `control-plane`; none for a plain worker.
    pub roles: Vec<String>,
    /// Version of its kubelet, such as `v1.34.0`.
    pub version: String,
    /// Its address inside of the cluster's network.
    pub internal_ip: Option<IpAddr>,
    /// Its address outside of it.
    pub external_ip: Option<IpAddr>,
    /// Whether it takes work.
    pub ready: bool,
    /// Why it takes none, or what threatens it: `KubeletNotReady: cni plugin not initialized`.
    pub trouble: Option<String>,
    /// When it joined.
    pub created: Option<Timestamp>,
}

impl NodeFacts {
    /// How long ago it joined.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        clock::age(&self.created?.to_string())
    }
}

/// The nodes as they are now.
///
/// # Errors
/// Classified; `API_FORBIDDEN` for a user that may not see nodes.
pub async fn nodes(api: &Api) -> Result<Vec<NodeFacts>, Failure> {
    let nodes: kube::Api<Node> = kube::Api::all(api.client().clone());
    let list = api.call(nodes.list(&ListParams::default())).await?;
    Ok(list.items.iter().map(facts).collect())
}

/// What is worth knowing of this node.
pub(super) fn facts(node: &Node) -> NodeFacts {
    let status = node.status.as_ref();
    let labels = node.metadata.labels.iter().flatten();
    let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let readiness = conditions.iter().find(|condition| condition.type_ == "Ready");
    let ready = readiness.is_some_and(|condition| condition.status == "True");
    NodeFacts {
        name: node.metadata.name.clone().unwrap_or_default(),
        roles: labels.filter_map(|(name, _)| name.strip_prefix(ROLE)).map(str::to_owned).collect(),
        version: status
            .and_then(|status| status.node_info.as_ref())
            .map(|info| info.kubelet_version.clone())
            .unwrap_or_default(),
        internal_ip: address(status, "InternalIP"),
        external_ip: address(status, "ExternalIP"),
        ready,
        trouble: if ready { pressure(conditions) } else { Some(unready(readiness)) },
        created: node.metadata.creation_timestamp.as_ref().map(|time| time.0),
    }
}

/// Whether these are the nodes that are expected, each ready; otherwise what is missing. Without a
/// number all nodes have to be ready and there is at least one.
pub(super) fn judge(nodes: &[NodeFacts], expected: Option<u32>) -> Result<(), String> {
    let ready = nodes.iter().filter(|node| node.ready).count();
    let wanted = expected.map_or(nodes.len().max(1), |count| count.max(1) as usize);
    if ready >= wanted {
        return Ok(());
    }
    match nodes.iter().find(|node| !node.ready) {
        Some(node) => {
            let why = node.trouble.as_deref().unwrap_or("no reason given");
            let more = match nodes.iter().filter(|node| !node.ready).count() {
                1 => String::new(),
                count => format!(" and {} more", count - 1),
            };
            Err(format!("node {}: NotReady ({why}){more}", node.name))
        }
        None => Err(format!("nodes: {} of {wanted} have joined", nodes.len())),
    }
}

fn unready(readiness: Option<&NodeCondition>) -> String {
    let Some(condition) = readiness else { return "it has not reported yet".to_owned() };
    said(condition)
}

/// A ready node may still be short of something.
fn pressure(conditions: &[NodeCondition]) -> Option<String> {
    let is_bad =
        |condition: &&NodeCondition| condition.type_ != "Ready" && condition.status == "True";
    let bad = conditions.iter().find(is_bad)?;
    Some(format!("{}: {}", bad.type_, bad.message.as_deref().unwrap_or_default()))
}

/// Reason and message, without the frame that the kubelet puts around the latter.
fn said(condition: &NodeCondition) -> String {
    let reason = condition.reason.as_deref().unwrap_or("NotReady");
    let message = condition.message.as_deref().unwrap_or_default();
    let message = message.lines().next().unwrap_or_default().trim();
    let message = message
        .strip_prefix("container runtime network not ready: NetworkReady=false ")
        .and_then(|rest| rest.split_once("message:"))
        .map_or(message, |(_, message)| message)
        .trim_end_matches('.');
    if message.is_empty() { reason.to_owned() } else { format!("{reason}: {message}") }
}

fn address(status: Option<&NodeStatus>, kind: &str) -> Option<IpAddr> {
    let addresses = status?.addresses.as_deref()?;
    addresses
        .iter()
        .filter(|address| address.type_ == kind)
        .find_map(|address| address.address.parse().ok())
}
