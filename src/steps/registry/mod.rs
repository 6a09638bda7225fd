//! Pull secrets of `[[registry]]`. Passwords come from `credential`, early ones are asked for in
//! `token`, the cluster is changed in `apply`, `account` and `pods`; what registries say of images
//! is asked in `pulls` and `answers`.

pub mod account;
pub mod answers;
pub mod apply;
pub mod credential;
pub mod dues;
pub mod memory;
pub mod pods;
pub(in crate::steps) mod pulls;
pub mod refresh;
pub mod remove;
pub mod status;
pub(in crate::steps) mod step;
#[cfg(test)]
mod tests;
pub(in crate::steps) mod token;

use crate::config::model::Credential;
use crate::drivers::credential::Login;
use crate::drivers::pull_secret::Expected;

pub use crate::plan::pull_secret::{Place, PullSecret, pull_secrets};

/// What is known of a place's registries without asking for passwords.
pub fn expected(secret: &PullSecret, place: &Place) -> Vec<Expected> {
    let all = secret.registries_of(place).map(|registry| Expected {
        server: registry.server.clone(),
        source: credential::source(registry),
        login: match &registry.credential {
            Credential::Static { username, password } => {
                Some(Login { username: username.clone(), password: password.clone() })
            }
            _ => None,
        },
    });
    all.collect()
}
