//! Which pull secrets there are to be in which namespaces, and which registries hand out passwords
//! that can be asked for early. How a secret is written is `steps/registry`.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::model::{Config, Credential, Registry};

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
}

/// The registries whose passwords somebody has to be asked for, by server.
pub fn asked(config: &Config) -> Vec<(&str, Vec<Registry>)> {
    let mut all: Vec<(&str, Vec<Registry>)> = Vec::new();
    for registry in &config.registries {
        if matches!(registry.credential, Credential::Static { .. }) {
            continue;
        }
        match all.iter_mut().find(|(server, _)| *server == registry.server) {
            Some((_, registries)) => registries.push(registry.clone()),
            None => all.push((&registry.server, vec![registry.clone()])),
        }
    }
    all
}
