//! What is watched for a deploy: which kinds, in which namespaces. First the objects themselves,
//! then what they make, and what explains a trouble only once there is one.

use std::collections::BTreeSet;

use super::part::Part;
use crate::manifest::Scope;
use crate::manifest::served::Served;

/// From so many namespaces on, one watch over all of them is cheaper.
const MANY: usize = 4;

/// The kinds that make pods.
const MAKERS: [&str; 7] =
    ["DaemonSet", "Deployment", "Job", "Pod", "ReplicaSet", "ReplicationController", "StatefulSet"];

/// One kind, in one namespace or everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// The kind.
    pub(super) served: Served,
    /// The namespace; none for all of them.
    pub(super) namespace: Option<String>,
    /// The name of the only object that is meant.
    pub(super) name: Option<String>,
    /// Its place in the world.
    pub(super) shelf: String,
    /// The namespaces that matter; none where all do.
    pub(super) within: BTreeSet<String>,
    /// Whether the wait cannot go on without it.
    pub(super) is_needed: bool,
}

/// Where the world keeps a kind: kinds of others may be called as one of Kubernetes itself.
pub(super) fn shelf(served: &Served) -> String {
    let built_in = !served.group.contains('.') || served.group.ends_with(".k8s.io");
    if built_in { served.kind.clone() } else { format!("{}.{}", served.kind, served.group) }
}

/// The objects themselves.
pub(super) fn own(parts: &[Part]) -> Vec<Source> {
    let kinds: BTreeSet<&Served> = parts.iter().map(|part| &part.served).collect();
    let mut sources = Vec::new();
    for served in kinds {
        let own: Vec<&Part> = parts.iter().filter(|part| part.served == *served).collect();
        if served.scope == Scope::Cluster && own.len() < MANY {
            // Definitions are large, and there may be hundreds of them.
            sources.extend(own.iter().map(|part| Source {
                name: Some(part.id.name.clone()),
                ..everywhere(served.clone(), BTreeSet::new())
            }));
        } else {
            let namespaces = own.iter().filter_map(|part| part.id.namespace.clone()).collect();
            sources.extend(spread(served.clone(), &namespaces));
        }
    }
    sources.into_iter().map(|source| Source { is_needed: true, ..source }).collect()
}

/// What the objects make: without it, one that crashes looks ready between two crashes.
pub(super) fn made(parts: &[Part]) -> Vec<Source> {
    let pods = makers(parts);
    let mut sources = spread(Served::own("apps/v1", "ReplicaSet"), &places(parts, "Deployment"));
    sources.extend(spread(Served::own("v1", "Pod"), &pods));
    let services = places(parts, "Service");
    sources.extend(spread(Served::own("discovery.k8s.io/v1", "EndpointSlice"), &services));
    sources
}

/// What happens to the objects and to what they make.
pub(super) fn happening(parts: &[Part]) -> Vec<Source> {
    let claims = places(parts, "PersistentVolumeClaim");
    let all: BTreeSet<String> = makers(parts).union(&claims).cloned().collect();
    let mut sources = spread(Served::own("v1", "Pod"), &all);
    sources.extend(spread(Served::own("v1", "Event"), &all));
    if !claims.is_empty() {
        sources.push(everywhere(Served::own("storage.k8s.io/v1", "StorageClass"), BTreeSet::new()));
    }
    sources
}

/// The namespaces of the objects of a kind.
fn places(parts: &[Part], kind: &str) -> BTreeSet<String> {
    let own = parts.iter().filter(|part| part.id.kind == kind && part.has_pods_behind);
    own.filter_map(|part| part.id.namespace.clone()).collect()
}

/// What may explain why something stands still.
pub(super) fn explaining(parts: &[Part]) -> Vec<Source> {
    let pods = makers(parts);
    if pods.is_empty() {
        return Vec::new();
    }
    let named = ["Secret", "ConfigMap", "ServiceAccount", "PersistentVolumeClaim"];
    let mut sources: Vec<Source> =
        named.iter().flat_map(|name| spread(Served::own("v1", name), &pods)).collect();
    let of_cluster = [
        ("v1", "Node"),
        ("v1", "PersistentVolume"),
        ("storage.k8s.io/v1", "StorageClass"),
        // Pods of others take room on the same nodes.
        ("v1", "Pod"),
    ];
    sources.extend(
        of_cluster.iter().map(|(api, name)| everywhere(Served::own(api, name), BTreeSet::new())),
    );
    sources
}

/// The namespaces of the objects that make pods.
fn makers(parts: &[Part]) -> BTreeSet<String> {
    let makers = parts.iter().filter(|part| MAKERS.contains(&part.id.kind.as_str()));
    makers.filter_map(|part| part.id.namespace.clone()).collect()
}

/// A kind in these namespaces: each of them, or all of the cluster.
fn spread(served: Served, namespaces: &BTreeSet<String>) -> Vec<Source> {
    if namespaces.is_empty() && served.scope == Scope::Namespaced {
        return Vec::new();
    }
    if served.scope == Scope::Cluster || namespaces.len() >= MANY {
        return vec![everywhere(served, namespaces.clone())];
    }
    each(&everywhere(served, namespaces.clone()))
}

/// The same objects by one watch for each namespace.
pub(super) fn each(source: &Source) -> Vec<Source> {
    let one = |name: &String| Source { namespace: Some(name.clone()), ..source.clone() };
    source.within.iter().map(one).collect()
}

fn everywhere(served: Served, within: BTreeSet<String>) -> Source {
    let shelf = shelf(&served);
    Source { served, namespace: None, name: None, shelf, within, is_needed: false }
}
