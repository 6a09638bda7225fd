//! An object with its identity and the place that it was read from.

use std::fmt;

use serde_json::Value;

use super::read;

/// Where an object was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The file as the reader knows it, or the tool that rendered the text.
    pub file: String,
    /// The line of the document's first word, from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// `apiVersion` as objects write it; the core group has no name.
pub(super) fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// What tells one object from all others of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId {
    /// API group, empty for the core group.
    pub group: String,
    /// API version within the group.
    pub version: String,
    /// Kind, such as `Deployment`.
    pub kind: String,
    /// Namespace; `None` for objects of the cluster, and before a default is filled in.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

impl ObjectId {
    /// The identity that an object states, if it states kind, version and name.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let version = filled(read::text(value, "/apiVersion"))?;
        let (group, version) = version.split_once('/').unwrap_or(("", &version));
        Some(Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: filled(read::kind(value))?,
            namespace: filled(read::namespace(value)),
            name: filled(read::name(value))?,
        })
    }

    /// `apiVersion` as objects write it.
    #[must_use]
    pub fn api_version(&self) -> String {
        api_version(&self.group, &self.version)
    }

    /// Whether both name the same object; versions of one group show the same objects.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.group, &self.kind, &self.namespace, &self.name)
            == (&other.group, &other.kind, &other.namespace, &other.name)
    }

    /// As `optional` in `mlup.toml` names an object: `deployment/api`.
    #[must_use]
    pub fn short(&self) -> String {
        format!("{}/{}", self.kind.to_ascii_lowercase(), self.name)
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} `{namespace}/{}`", self.kind, self.name),
            None => write!(f, "{} `{}`", self.kind, self.name),
        }
    }
}

/// Whether objects of a kind live in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// One for the whole cluster.
    Cluster,
    /// In a namespace.
    Namespaced,
}

/// Kinds of the groups that every cluster serves, and that live in no namespace.
const CLUSTER_KINDS: [(&str, &str); 20] = [
    ("", "Namespace"),
    ("", "Node"),
    ("", "PersistentVolume"),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("apiregistration.k8s.io", "APIService"),
    ("certificates.k8s.io", "CertificateSigningRequest"),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
    ("networking.k8s.io", "IngressClass"),
    ("node.k8s.io", "RuntimeClass"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("scheduling.k8s.io", "PriorityClass"),
    ("storage.k8s.io", "CSIDriver"),
    ("storage.k8s.io", "StorageClass"),
    ("storage.k8s.io", "VolumeAttachment"),
];

/// Groups that belong to Kubernetes itself, all of whose other kinds are namespaced.
const BUILT_IN_GROUPS: [&str; 14] = [
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "autoscaling",
    "batch",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

impl Scope {
    /// The scope of a kind as Kubernetes itself, or a definition among these objects, says it;
    /// `None` where only the cluster's discovery knows.
    #[must_use]
    pub fn of(id: &ObjectId, objects: &[Object]) -> Option<Self> {
        if CLUSTER_KINDS.contains(&(id.group.as_str(), id.kind.as_str())) {
            return Some(Self::Cluster);
        }
        if BUILT_IN_GROUPS.contains(&id.group.as_str()) {
            return Some(Self::Namespaced);
        }
        let definition = objects.iter().find(|object| object.defines(id))?;
        Some(match read::text(&definition.value, "/spec/scope") {
            "Cluster" => Self::Cluster,
            _ => Self::Namespaced,
        })
    }
}

/// One object to apply.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Its identity; always that which `value` states.
    pub id: ObjectId,
    /// The object itself.
    pub value: Value,
    /// Where it was read.
    pub place: Place,
}

impl Object {
    /// The object with its identity, if it states one.
    #[must_use]
    pub fn new(value: Value, place: Place) -> Option<Self> {
        Some(Self { id: ObjectId::of(&value)?, value, place })
    }

    /// Puts an object that names no namespace into this one. Only for namespaced kinds.
    pub fn put_into(&mut self, namespace: &str) {
        if self.id.namespace.is_some() {
            return;
        }
        if let Some(metadata) = self.value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("namespace".to_owned(), Value::from(namespace));
            self.id.namespace = Some(namespace.to_owned());
        }
    }

    /// Takes away a namespace that an object of the cluster must not have.
    pub fn take_out(&mut self) {
        if let Some(metadata) = self.value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.shift_remove("namespace");
        }
        self.id.namespace = None;
    }

    /// Whether this is the definition of the other's kind.
    #[must_use]
    pub fn defines(&self, id: &ObjectId) -> bool {
        self.id.kind == "CustomResourceDefinition"
            && read::text(&self.value, "/spec/group") == id.group
            && read::text(&self.value, "/spec/names/kind") == id.kind
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Object {
        Object::new(value, Place::default()).unwrap()
    }

    #[test]
    fn an_identity_reads_as_people_write_it() {
        let api = object(json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "api", "namespace": "mlops"}}));
        assert_eq!(api.id.to_string(), "Deployment `mlops/api`");
        assert_eq!(
            (api.id.api_version().as_str(), api.id.short().as_str()),
            ("apps/v1", "deployment/api")
        );
        let namespace =
            object(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}));
        assert_eq!(namespace.id.to_string(), "Namespace `x`");
    }

    #[test]
    fn a_namespace_is_filled_in_once() {
        let mut api =
            object(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}));
        api.put_into("one");
        api.put_into("two");
        assert_eq!(api.id.namespace.as_deref(), Some("one"));
        assert_eq!(ObjectId::of(&api.value), Some(api.id));
    }

    #[test]
    fn the_scope_of_a_custom_kind_is_in_its_definition() {
        let definition = object(json!({"apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition", "metadata": {"name": "pools.x.io"},
            "spec": {"group": "x.io", "scope": "Cluster", "names": {"kind": "Pool"}}}));
        let pool =
            object(json!({"apiVersion": "x.io/v1", "kind": "Pool", "metadata": {"name": "p"}}));
        assert_eq!(Scope::of(&pool.id, &[]), None);
        assert_eq!(Scope::of(&pool.id, std::slice::from_ref(&definition)), Some(Scope::Cluster));
        assert_eq!(Scope::of(&definition.id, &[]), Some(Scope::Cluster));
    }
}
