//! The Kubernetes API: connecting by a kubeconfig, whether server and nodes are ready, and what an
//! error means. Which objects are wanted is decided in `steps/`.

pub mod access;
pub mod certificate;
pub mod client;
pub mod error;
#[cfg(test)]
#[path = "../../../tests/support/kube/mod.rs"]
pub(crate) mod fake;
#[cfg(test)]
pub(crate) mod fixture;
mod follow;
pub mod nodes;
mod plugin;
mod proxy;
pub mod readiness;
#[cfg(test)]
mod tests;
pub mod watch;

use k8s_openapi::ByteString;

pub use client::{Api, connect};
pub use nodes::{NodeFacts, nodes};
pub(crate) use plugin::missing as plugin_missing;
pub use readiness::{
    ApiVerdict, ClusterFacts, Look, Version, look, look_inside, ready, version, wait_ready,
};

/// Base64 as Kubernetes writes it.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    let value = serde_json::to_value(ByteString(bytes.to_vec())).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

/// What base64 text holds; nothing for what is no base64.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    serde_json::from_value(text.into()).ok().map(|ByteString(bytes)| bytes)
}
