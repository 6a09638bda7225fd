//! The current context of the user's kubeconfig: stand-in for signatures.

use crate::host::workbench::Workbench;
use crate::policy::{Class, Failure};

/// The context that is current, if one is.
///
/// # Errors
/// Always.
pub async fn current(_bench: &Workbench) -> Result<Option<String>, Failure> {
    Err(Failure::new(Class::Internal, "INTERNAL", "unfinished"))
}

/// Makes a context the current one; whether it was not before.
///
/// # Errors
/// Always.
pub async fn switch(_bench: &Workbench, _context: &str) -> Result<bool, Failure> {
    Err(Failure::new(Class::Internal, "INTERNAL", "unfinished"))
}
