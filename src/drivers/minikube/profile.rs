//! `minikube profile list`: the clusters that minikube knows, and what of one differs from the
//! configuration. minikube itself ignores most changes of a cluster that exists.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::drivers::cluster::{Cure, Drift};
use crate::drivers::minikube::argv::{MIB, nodes};
use crate::drivers::spec::{ClusterNetwork, Spec};
use crate::host::labelled::NodeContainer;

/// The network of containers that were given none.
const DEFAULT_BRIDGE: &str = "bridge";

/// What minikube lists.
#[derive(Debug, Default, Deserialize, PartialEq)]
pub(super) struct Listing {
    /// The clusters of this user.
    pub(super) valid: Vec<Profile>,
    /// What is damaged, and containers of others.
    pub(super) invalid: Vec<Profile>,
}

/// One cluster.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Profile {
    /// Its name.
    pub(super) name: String,
    /// What it was made with.
    #[serde(default)]
    pub(super) config: Option<Settings>,
}

/// What a cluster was made with.
#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Settings {
    driver: String,
    /// In mebibytes.
    memory: u64,
    #[serde(rename = "CPUs")]
    cpus: u32,
    exposed_ports: Option<Vec<String>>,
    kubernetes_config: KubernetesSettings,
    nodes: Option<Vec<serde::de::IgnoredAny>>,
    addons: Option<BTreeMap<String, bool>>,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase", default)]
struct KubernetesSettings {
    kubernetes_version: String,
}

impl Listing {
    /// Reads what the command printed; nothing when it is an error or cannot be read.
    pub(super) fn parse(stdout: &str) -> Option<Self> {
        serde_json::from_str(stdout.trim()).ok()
    }

    /// What the cluster of this name was made with.
    pub(super) fn settings(&self, name: &str) -> Option<&Settings> {
        self.valid.iter().find(|profile| profile.name == name)?.config.as_ref()
    }
}

/// Whether the configuration says anything that only the listing can be compared with.
pub(super) fn is_needed(spec: &Spec) -> bool {
    spec.cpus.is_some()
        || spec.memory.is_some()
        || spec.kubernetes_version.is_some()
        || !spec.ports.is_empty()
        || !spec.addons.is_empty()
        || nodes(spec) > 1
}

/// What differs of the settings that are configured.
pub(super) fn drift(spec: &Spec, has: &Settings) -> Vec<Drift> {
    let mut found = Vec::new();
    let mut differs = |what: &str, wanted: String, has: String| {
        found.push(Drift { what: what.to_owned(), wanted, found: has, cure: Cure::Recreate });
    };
    let own_driver = spec.args.iter().any(|arg| arg.starts_with("--driver"));
    if !own_driver && !has.driver.is_empty() && has.driver != "docker" {
        differs("driver", "docker".to_owned(), has.driver.clone());
    }
    if let Some(cpus) = spec.cpus.filter(|cpus| *cpus != has.cpus) {
        differs("cpus", cpus.to_string(), has.cpus.to_string());
    }
    if let Some(memory) = spec.memory.map(|bytes| bytes / MIB).filter(|mib| *mib != has.memory) {
        differs("memory", format!("{memory} MiB"), format!("{} MiB", has.memory));
    }
    let version = &has.kubernetes_config.kubernetes_version;
    if let Some(wanted) = spec.kubernetes_version.as_ref().filter(|it| !is_version(it, version)) {
        differs("kubernetes_version", wanted.clone(), version.clone());
    }
    let has_nodes = has.nodes.as_ref().map_or(0, Vec::len);
    if nodes(spec) as usize != has_nodes && has_nodes > 0 {
        differs("nodes", nodes(spec).to_string(), has_nodes.to_string());
    }
    let exposed = has.exposed_ports.clone().unwrap_or_default();
    let missing = |port: &&u16| !exposed.iter().any(|mapping| publishes(mapping, **port));
    let missing: Vec<String> = spec.ports.iter().filter(missing).map(u16::to_string).collect();
    if !missing.is_empty() {
        differs("ports", missing.join(", "), "not published".to_owned());
    }
    found.extend(spec.addons.iter().filter(|addon| !has.enables(addon)).map(|addon| Drift {
        what: "addons".to_owned(),
        wanted: addon.clone(),
        found: "not enabled".to_owned(),
        cure: Cure::InPlace,
    }));
    found
}

impl Settings {
    fn enables(&self, addon: &str) -> bool {
        self.addons.as_ref().and_then(|addons| addons.get(addon)).copied().unwrap_or(false)
    }
}

/// Whether `v1.34` or `v1.34.2` is what `has` is; a word such as `stable` is never compared.
fn is_version(wanted: &str, has: &str) -> bool {
    let is_number = wanted.strip_prefix('v').is_some_and(|rest| rest.starts_with(char::is_numeric));
    let longer = has.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('.'));
    !is_number || wanted == has || longer
}

/// Whether `127.0.0.1:30080:30080`, `30080:30080` or `30080:30080/tcp` publishes this port.
fn publishes(mapping: &str, port: u16) -> bool {
    let mut parts = mapping.trim_end_matches("/tcp").rsplit(':');
    let inside = parts.next().and_then(|part| part.parse().ok());
    let outside = parts.next().and_then(|part| part.parse().ok());
    inside == Some(port) && outside == Some(port)
}

/// What differs of the network: as the container has it, for minikube falls back to Docker's default
/// bridge and remembers the name that it was asked for.
pub(super) fn network_drift(spec: &Spec, node: &NodeContainer) -> Option<Drift> {
    let on = |name: &str| node.networks.contains_key(name);
    let (wanted, is_other) = match &spec.network {
        ClusterNetwork::Joined { name, .. } => (name, !on(name)),
        ClusterNetwork::Own(name) => (name, !on(name) && !on(DEFAULT_BRIDGE)),
        ClusterNetwork::Elsewhere => return None,
    };
    if !is_other || node.networks.is_empty() {
        return None;
    }
    let found: Vec<&str> = node.networks.keys().map(String::as_str).collect();
    Some(Drift {
        what: "network".to_owned(),
        wanted: wanted.clone(),
        found: found.join(", "),
        cure: Cure::Recreate,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drivers::minikube::tests::{node, spec};
    use crate::host::containers::Status;

    const OLD: &str = include_str!("../../../tests/corpus/minikube/1.34/profile-list.json");
    const NEW: &str = include_str!("../../../tests/corpus/minikube/1.38/profile-list.json");
    const NONE: &str = include_str!("../../../tests/corpus/minikube/1.38/profile-list-none.json");
    const ERROR: &str = include_str!("../../../tests/corpus/minikube/1.38/profile-list-error.json");

    fn differences(spec: &Spec, listing: &str) -> Vec<(String, String, String, Cure)> {
        let listing = Listing::parse(listing).unwrap();
        let drift = drift(spec, listing.settings("dev").unwrap());
        drift.into_iter().map(|it| (it.what, it.wanted, it.found, it.cure)).collect()
    }

    #[test]
    fn what_is_not_configured_is_not_compared() {
        for listing in [OLD, NEW] {
            assert!(differences(&spec("dev"), listing).is_empty());
        }
        assert!(!is_needed(&spec("dev")));
    }

    #[test]
    fn what_is_as_wanted_does_not_differ() {
        let mut spec = spec("dev");
        spec.memory = Some(4096 * MIB);
        spec.cpus = Some(2);
        spec.kubernetes_version = Some("v1.36".to_owned());
        spec.addons = vec!["storage-provisioner".to_owned()];
        spec.ports = vec![30080];
        assert!(is_needed(&spec));
        assert!(differences(&spec, NEW).is_empty());
    }

    #[test]
    fn each_difference_says_what_mends_it() {
        let mut spec = spec("dev");
        spec.memory = Some(3900 * MIB);
        spec.cpus = Some(4);
        spec.kubernetes_version = Some("v1.34.0".to_owned());
        spec.agents = 1;
        spec.addons = vec!["ingress".to_owned()];
        spec.ports = vec![30080, 30090];
        let text = |(a, b, c, d): (&str, &str, &str, Cure)| (a.into(), b.into(), c.into(), d);
        let common = [
            ("cpus", "4", "2", Cure::Recreate),
            ("memory", "3900 MiB", "4096 MiB", Cure::Recreate),
            ("kubernetes_version", "v1.34.0", "v1.36.2", Cure::Recreate),
            ("nodes", "2", "1", Cure::Recreate),
        ];
        let addon = ("addons", "ingress", "not enabled", Cure::InPlace);
        for (listing, ports) in [(NEW, "30090"), (OLD, "30080, 30090")] {
            let ports = ("ports", ports, "not published", Cure::Recreate);
            let wanted: Vec<_> = common.into_iter().chain([ports, addon]).map(text).collect();
            assert_eq!(differences(&spec, listing), wanted);
        }
    }

    #[test]
    fn a_listing_that_failed_is_no_empty_listing() {
        assert_eq!(Listing::parse(NONE), Some(Listing::default()));
        assert_eq!(Listing::parse(ERROR), None);
        assert_eq!(Listing::parse(""), None);
        let listing = Listing::parse(NEW).unwrap();
        assert_eq!(listing.invalid[0].name, "orphan");
        assert!(listing.settings("nobody").is_none());
    }

    #[test]
    fn versions_that_are_words_or_short_are_taken_as_met() {
        assert!(is_version("stable", "v1.36.2") && is_version("v1.36", "v1.36.2"));
        assert!(!is_version("v1.3", "v1.36.2") && !is_version("v1.36.20", "v1.36.2"));
    }

    #[test]
    fn ports_are_read_in_every_notation() {
        for mapping in ["127.0.0.1:30080:30080", "30080:30080", "30080:30080/tcp"] {
            assert!(publishes(mapping, 30080), "{mapping}");
        }
        for mapping in ["8080:30080", "30080:80", "30080"] {
            assert!(!publishes(mapping, 30080), "{mapping}");
        }
    }

    #[test]
    fn a_node_that_landed_on_another_network_differs() {
        let mut spec = spec("dev");
        let mut node = node("dev", Status::Running);
        assert_eq!(network_drift(&spec, &node), None);
        let place = node.networks.remove("dev").unwrap();
        node.networks.insert("bridge".to_owned(), place.clone());
        assert_eq!(network_drift(&spec, &node), None);
        spec.network =
            ClusterNetwork::Joined { name: "mlnet".to_owned(), subnet: None, gateway: None };
        let drift = network_drift(&spec, &node).unwrap();
        assert_eq!((drift.wanted.as_str(), drift.found.as_str()), ("mlnet", "bridge"));
        node.networks.insert("mlnet".to_owned(), place);
        assert_eq!(network_drift(&spec, &node), None);
    }
}
