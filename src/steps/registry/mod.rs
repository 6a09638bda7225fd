//! Pull secrets of `[[registry]]`: which secrets there are to be in which namespaces. Passwords come
//! from `credential`, the cluster is changed in `apply`, `refresh` and `account`.

pub mod account;
pub mod apply;
pub mod credential;
pub mod refresh;
pub mod remove;
pub mod status;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::config::model::{Config, Credential, Registry};
use crate::drivers::credential::Login;
use crate::drivers::pull_secret::Expected;

/// The namespace where neither the registry nor the configuration names one.
const DEFAULT_NAMESPACE: &str = "default";

/// One pull secret by its name: registries that name the same one share it.
#[derive(Clone, Debug)]
pub struct PullSecret {
    /// Its name.
    pub name: String,
    /// Its registries.
    pub registries: Vec<Registry>,
    /// Namespace to what it is to hold there.
    pub places: BTreeMap<String, Place>,
}

/// A pull secret in one namespace.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// Positions in [`PullSecret::registries`].
    pub registries: Vec<usize>,
    /// Service accounts whose pods get it.
    pub accounts: BTreeSet<String>,
}

/// The pull secrets of a configuration, by name.
pub fn pull_secrets(config: &Config) -> Vec<PullSecret> {
    let default = config.namespace.clone().unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned());
    let mut all: Vec<PullSecret> = Vec::new();
    for registry in &config.registries {
        let known = all.iter().position(|secret| secret.name == registry.secret);
        let at = known.unwrap_or_else(|| {
            let name = registry.secret.clone();
            all.push(PullSecret { name, registries: Vec::new(), places: BTreeMap::new() });
            all.len() - 1
        });
        let Some(secret) = all.get_mut(at) else { continue };
        let own = secret.registries.len();
        secret.registries.push(registry.clone());
        let namespaces = if registry.namespaces.is_empty() {
            vec![default.clone()]
        } else {
            registry.namespaces.clone()
        };
        for namespace in namespaces {
            let place = secret.places.entry(namespace).or_default();
            if !place.registries.contains(&own) {
                place.registries.push(own);
            }
            place.accounts.extend(registry.service_accounts.iter().cloned());
        }
    }
    all
}

impl PullSecret {
    /// The registries of one place.
    pub fn registries_of<'a>(&'a self, place: &'a Place) -> impl Iterator<Item = &'a Registry> {
        place.registries.iter().filter_map(|&at| self.registries.get(at))
    }

    /// What is known of a place's registries without asking for passwords.
    pub fn expected(&self, place: &Place) -> Vec<Expected> {
        let all = self.registries_of(place).map(|registry| Expected {
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
}
