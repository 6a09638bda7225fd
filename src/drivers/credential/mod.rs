//! Where registry passwords come from, as far as it is text: names of hosts, files of Docker and
//! podman, and what programs print. Values in, values out; who runs the programs is
//! `steps/registry`.

pub mod docker_config;
pub mod ecr_host;
pub mod exec;
pub mod expiry;
pub mod keychain;

use crate::redact::Secret;

/// A user name and its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: Secret,
}
