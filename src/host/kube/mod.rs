//! The Kubernetes API: stand-in for types and signatures.

use std::net::IpAddr;

use jiff::Timestamp;

use crate::host::workbench::Workbench;
use crate::policy::{Class, Failure};
use crate::redact::Secret;

/// One API server, as the user of one context.
#[derive(Clone)]
pub struct Api;

/// What is worth knowing of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeFacts {
    /// Its name.
    pub name: String,
    /// Its roles.
    pub roles: Vec<String>,
    /// Version of its kubelet.
    pub version: String,
    /// Its address inside of the cluster's network.
    pub internal_ip: Option<IpAddr>,
    /// Its address outside of it.
    pub external_ip: Option<IpAddr>,
    /// Whether it takes work.
    pub ready: bool,
    /// Why it takes none.
    pub trouble: Option<String>,
    /// When it joined.
    pub created: Option<Timestamp>,
}

/// What is worth knowing of a cluster that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterFacts {
    /// Address of the API server.
    pub server: String,
    /// Its version.
    pub version: String,
    /// The nodes.
    pub nodes: Vec<NodeFacts>,
    /// Whether the default service account is there.
    pub default_service_account: bool,
}

/// What one look found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// What the cluster tells.
    pub facts: Option<ClusterFacts>,
    /// What is missing.
    pub missing: Vec<String>,
}

fn unfinished() -> Failure {
    Failure::new(Class::Internal, "INTERNAL", "unfinished")
}

/// Prepares a connection.
///
/// # Errors
/// Always.
pub async fn connect(_: &Workbench, _: &Secret, _: &str) -> Result<Api, Failure> {
    Err(unfinished())
}

/// What there is now.
///
/// # Errors
/// Always.
pub async fn look(_: &Api, _: Option<u32>) -> Result<Look, Failure> {
    Err(unfinished())
}

/// Waits.
///
/// # Errors
/// Always.
pub async fn wait_ready(_: &Api, _: &Workbench, _: Option<u32>) -> Result<ClusterFacts, Failure> {
    Err(unfinished())
}
