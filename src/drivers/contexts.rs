//! The current context of the user's kubeconfig. What mlup does itself names its context in every
//! call: this is for the tools that a person uses afterwards.

use crate::drivers::kubeconfig;
use crate::host::workbench::Workbench;
use crate::policy::Failure;

/// The context that is current, if one is.
///
/// # Errors
/// `KUBECONFIG_UNREADABLE`.
#[expect(clippy::unused_async, reason = "asked as the rest of the kubeconfig is")]
pub async fn current(bench: &Workbench) -> Result<Option<String>, Failure> {
    kubeconfig::current(bench)
}

/// Makes a context the current one; whether it was not before.
///
/// # Errors
/// `CONTEXT_MISSING`, `KUBECONFIG_UNREADABLE`, `FILE_UNWRITABLE`.
#[expect(clippy::unused_async, reason = "asked as the rest of the kubeconfig is")]
pub async fn switch(bench: &Workbench, context: &str) -> Result<bool, Failure> {
    kubeconfig::set_current(bench, context)
}
