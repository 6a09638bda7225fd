//! Where the cluster and its nodes stand, for `mlup status`. Reads only.

use serde::Serialize;

use super::Case;
use super::kubernetes::{Kubernetes, Live};
use super::view::Api;
use super::{drift, wanted};
use crate::drivers::cluster::{ClusterDriver, ClusterState};
use crate::drivers::spec::Spec;
use crate::host::kube::NodeFacts;
use crate::policy::Failure;
use crate::steps::StepCtx;

/// The cluster as `mlup status` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClusterStatus {
    /// The tool that owns it, as `provider` names it.
    pub provider: &'static str,
    /// Its name.
    pub name: String,
    /// Its kubeconfig context.
    pub context: String,
    /// One word: `ready`, `unready`, `absent`, `stopped`, `paused`, `starting`, `misconfigured`,
    /// `broken`, `unknown`.
    pub state: &'static str,
    /// What it lacks, when it is not ready.
    pub reason: Option<String>,
    /// Address of the API server.
    pub server: Option<String>,
    /// Version of Kubernetes.
    pub version: Option<String>,
    /// What differs from the configuration, such as `memory is 2g, not 4g`.
    pub drift: Vec<String>,
    /// Its nodes; shown in a table of their own.
    #[serde(skip)]
    pub nodes: Vec<NodeStatus>,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeStatus {
    /// Its name.
    pub name: String,
    /// Its roles, such as `control-plane`.
    pub roles: Vec<String>,
    /// Whether it takes pods.
    pub ready: bool,
    /// Why it takes none, or what threatens it.
    pub trouble: Option<String>,
    /// Version of the kubelet.
    pub version: String,
    /// Its address inside the cluster's network.
    pub address: Option<String>,
    /// When it joined, in RFC 3339.
    pub created: Option<String>,
}

/// Where the cluster stands; none where the configuration wants none.
pub async fn status(ctx: &StepCtx) -> Option<ClusterStatus> {
    let (spec, driver) = wanted(ctx).ok()?;
    Some(Case::new(ctx, &spec, &driver, &Live).status().await)
}

impl<D: ClusterDriver, K: Kubernetes> Case<'_, D, K> {
    pub(super) async fn status(&self) -> ClusterStatus {
        let view = match self.view().await {
            Ok(view) => view,
            Err(failure) => return unknown(self.spec, failure),
        };
        let drift = view.sighting.drift.iter().map(drift::line).collect();
        let (state, reason) = word(view.sighting.state, &view.api);
        let facts = match view.api {
            Api::Ready(facts) => Some(facts),
            Api::Lacking { facts, .. } => facts,
            Api::Unasked => None,
        };
        ClusterStatus {
            state,
            reason,
            drift,
            server: facts.as_ref().map(|facts| facts.server.clone()),
            version: facts.as_ref().map(|facts| facts.version.clone()),
            nodes: facts.into_iter().flat_map(|facts| facts.nodes).map(node).collect(),
            ..blank(self.spec)
        }
    }
}

fn node(facts: NodeFacts) -> NodeStatus {
    NodeStatus {
        name: facts.name,
        roles: facts.roles,
        ready: facts.ready,
        trouble: facts.trouble,
        version: facts.version,
        address: facts.internal_ip.map(|address| address.to_string()),
        created: facts.created.map(|created| created.to_string()),
    }
}

fn blank(spec: &Spec) -> ClusterStatus {
    ClusterStatus {
        provider: spec.tool(),
        name: spec.name.clone(),
        context: spec.context.clone(),
        state: "unknown",
        reason: None,
        server: None,
        version: None,
        drift: Vec::new(),
        nodes: Vec::new(),
    }
}

fn unknown(spec: &Spec, failure: Failure) -> ClusterStatus {
    ClusterStatus { reason: Some(failure.summary), ..blank(spec) }
}

fn word(state: ClusterState, api: &Api) -> (&'static str, Option<String>) {
    match (state, api) {
        (ClusterState::Absent, _) => ("absent", None),
        (ClusterState::Stopped, _) => ("stopped", None),
        (ClusterState::Paused, _) => ("paused", None),
        (ClusterState::Starting, _) => ("starting", None),
        (ClusterState::Misconfigured { why }, _) => ("misconfigured", Some(why)),
        (ClusterState::Broken { why, .. }, _) => ("broken", Some(why)),
        (ClusterState::Running, Api::Ready(_)) => ("ready", None),
        (ClusterState::Running, Api::Lacking { why, .. }) => ("unready", Some(why.clone())),
        (ClusterState::Running, Api::Unasked) => ("unready", None),
    }
}
