//! The order in which objects are applied: each wave needs only what earlier waves made. Applying
//! and waiting are the step's.

use super::object::{Object, ObjectId};

/// What a wave is there for, in the order of waves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Namespaces: to be active before anything goes into them.
    Namespaces,
    /// Definitions of custom kinds: to be established before their objects are known.
    Definitions,
    /// What pods need to be there: classes, accounts, secrets, configuration, rights, claims,
    /// services.
    Foundations,
    /// What runs.
    Workloads,
    /// Webhooks and aggregated APIs: served by workloads, and in the way of others until these run.
    Extensions,
    /// Objects of custom kinds: their definition is established, and their webhooks come up.
    Customs,
}

impl Stage {
    /// Whether the next wave can be applied only when this one is ready.
    #[must_use]
    pub fn is_awaited(self) -> bool {
        matches!(self, Self::Namespaces | Self::Definitions)
    }
}

/// Objects that can be applied beside one another.
#[derive(Clone, Debug, PartialEq)]
pub struct Wave {
    /// What they are.
    pub stage: Stage,
    /// The objects, those that others of the wave name first.
    pub objects: Vec<Object>,
}

/// Core kinds with their stage and their rank within it.
const KINDS: [(&str, Stage, u8); 28] = [
    ("Namespace", Stage::Namespaces, 0),
    ("CustomResourceDefinition", Stage::Definitions, 0),
    ("PriorityClass", Stage::Foundations, 0),
    ("RuntimeClass", Stage::Foundations, 0),
    ("StorageClass", Stage::Foundations, 0),
    ("IngressClass", Stage::Foundations, 0),
    ("ResourceQuota", Stage::Foundations, 1),
    ("LimitRange", Stage::Foundations, 1),
    ("NetworkPolicy", Stage::Foundations, 1),
    ("ServiceAccount", Stage::Foundations, 2),
    ("Secret", Stage::Foundations, 3),
    ("ConfigMap", Stage::Foundations, 3),
    ("ClusterRole", Stage::Foundations, 4),
    ("Role", Stage::Foundations, 4),
    ("ClusterRoleBinding", Stage::Foundations, 5),
    ("RoleBinding", Stage::Foundations, 5),
    ("PersistentVolume", Stage::Foundations, 6),
    ("PersistentVolumeClaim", Stage::Foundations, 7),
    ("Service", Stage::Foundations, 8),
    ("EndpointSlice", Stage::Foundations, 9),
    ("Endpoints", Stage::Foundations, 9),
    ("PodDisruptionBudget", Stage::Foundations, 9),
    ("Ingress", Stage::Extensions, 2),
    ("APIService", Stage::Extensions, 0),
    ("MutatingWebhookConfiguration", Stage::Extensions, 1),
    ("ValidatingWebhookConfiguration", Stage::Extensions, 1),
    ("ValidatingAdmissionPolicy", Stage::Extensions, 1),
    ("ValidatingAdmissionPolicyBinding", Stage::Extensions, 1),
];

/// The stage of an object and its rank within the stage.
fn rank(id: &ObjectId) -> (Stage, u8) {
    if !is_built_in(&id.group) {
        return (Stage::Customs, 0);
    }
    KINDS
        .iter()
        .find(|(kind, ..)| *kind == id.kind)
        .map_or((Stage::Workloads, 0), |(_, stage, rank)| (*stage, *rank))
}

/// Whether a group belongs to Kubernetes: its names have no dot or end so.
fn is_built_in(group: &str) -> bool {
    const FOREIGN: [&str; 3] =
        ["gateway.networking.k8s.io", "snapshot.storage.k8s.io", "metrics.k8s.io"];
    (!group.contains('.') || group.ends_with(".k8s.io"))
        && !FOREIGN.contains(&group)
        && !group.ends_with(".x-k8s.io")
}

/// The stage in which an object is applied.
#[must_use]
pub fn stage(id: &ObjectId) -> Stage {
    rank(id).0
}

/// Splits objects into waves; the order of the files stays where nothing speaks against it.
#[must_use]
pub fn waves(mut objects: Vec<Object>) -> Vec<Wave> {
    objects.sort_by_key(|object| rank(&object.id));
    let mut waves: Vec<Wave> = Vec::new();
    for object in objects {
        let stage = stage(&object.id);
        match waves.last_mut().filter(|wave| wave.stage == stage) {
            Some(wave) => wave.objects.push(object),
            None => waves.push(Wave { stage, objects: vec![object] }),
        }
    }
    waves
}

/// Sorts what is to be removed: what needs others goes before them.
pub fn sort_for_removal(ids: &mut [ObjectId]) {
    ids.sort_by_key(|id| std::cmp::Reverse(rank(id)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::Stage::{Customs, Definitions, Extensions, Foundations, Namespaces, Workloads};
    use super::*;
    use crate::manifest::Place;

    fn object(api: &str, kind: &str, name: &str, namespace: Option<&str>) -> Object {
        let mut value = json!({"apiVersion": api, "kind": kind, "metadata": {"name": name}});
        if let Some(namespace) = namespace {
            value["metadata"]["namespace"] = json!(namespace);
        }
        if kind == "CustomResourceDefinition" {
            value["spec"] =
                json!({"group": "x.io", "scope": "Namespaced", "names": {"kind": "Pool"}});
        }
        Object::new(value, Place::default()).unwrap()
    }

    fn zoo() -> Vec<Object> {
        let n = Some("n");
        vec![
            object("x.io/v1", "Pool", "pool", n),
            object(
                "admissionregistration.k8s.io/v1",
                "ValidatingWebhookConfiguration",
                "hook",
                None,
            ),
            object("networking.k8s.io/v1", "Ingress", "web", n),
            object("apps/v1", "Deployment", "api", n),
            object("batch/v1", "Job", "migrate", n),
            object("v1", "Service", "api", n),
            object("v1", "Secret", "keys", n),
            object("v1", "ServiceAccount", "api", n),
            object("v1", "PersistentVolumeClaim", "data", n),
            object("rbac.authorization.k8s.io/v1", "RoleBinding", "api", n),
            object("rbac.authorization.k8s.io/v1", "Role", "api", n),
            object("apiregistration.k8s.io/v1", "APIService", "v1.x.io", None),
            object("storage.k8s.io/v1", "StorageClass", "local", None),
            object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "pools.x.io", None),
            object("argoproj.io/v1alpha1", "Application", "root", n),
            object("v1", "Namespace", "n", None),
        ]
    }

    /// Whether the API or the kubelet wants the second there before the first.
    fn needs(object: &Object, other: &Object) -> bool {
        let workload = ["Deployment", "Job"].contains(&object.id.kind.as_str());
        (other.id.kind == "Namespace" && object.id.namespace.as_deref() == Some(&other.id.name))
            || other.defines(&object.id)
            || (object.id.kind == "RoleBinding"
                && ["Role", "ServiceAccount"].contains(&other.id.kind.as_str()))
            || (workload
                && ["Secret", "ServiceAccount", "PersistentVolumeClaim"]
                    .contains(&other.id.kind.as_str()))
            || (object.id.kind.ends_with("WebhookConfiguration") && other.id.kind == "Deployment")
            || (object.id.kind == "PersistentVolumeClaim" && other.id.kind == "StorageClass")
    }

    #[test]
    fn waves_come_in_the_order_of_their_stages() {
        let stages: Vec<Stage> = waves(zoo()).iter().map(|wave| wave.stage).collect();
        assert_eq!(stages, [Namespaces, Definitions, Foundations, Workloads, Extensions, Customs]);
        let awaited: Vec<bool> = stages.iter().map(|stage| stage.is_awaited()).collect();
        assert_eq!(awaited, [true, true, false, false, false, false]);
    }

    #[test]
    fn a_gateway_is_a_custom_resource_although_its_group_looks_built_in() {
        let gateway = object("gateway.networking.k8s.io/v1", "Gateway", "g", Some("n"));
        assert_eq!(stage(&gateway.id), Stage::Customs);
    }

    #[test]
    fn removal_goes_the_other_way() {
        let mut ids: Vec<_> = zoo().into_iter().map(|object| object.id).collect();
        sort_for_removal(&mut ids);
        assert_eq!(ids.last().unwrap().kind, "Namespace");
        assert_eq!(ids.first().unwrap().group, "x.io");
    }

    proptest! {
        #[test]
        fn waves_are_a_topological_order_of_any_file_order(order in Just(zoo()).prop_shuffle()) {
            let total = order.len();
            let sorted: Vec<Object> = waves(order).into_iter().flat_map(|wave| wave.objects).collect();
            prop_assert_eq!(sorted.len(), total);
            for (at, object) in sorted.iter().enumerate() {
                for later in &sorted[at + 1..] {
                    prop_assert!(!needs(object, later), "{} before {}", object.id, later.id);
                }
            }
        }
    }
}
