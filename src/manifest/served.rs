//! Under which name and where an API server serves a kind: what a path is made of. Asking the server
//! for kinds that are not Kubernetes' own is the steps'.

use serde_json::Value;

use super::object::{Object, ObjectId, Scope, api_version};
use super::read;

/// A kind as an API server serves it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Served {
    /// API group, empty for the core group.
    pub group: String,
    /// API version within the group.
    pub version: String,
    /// Kind, such as `Deployment`.
    pub kind: String,
    /// Name of the resource, such as `deployments`.
    pub plural: String,
    /// Where its objects live.
    pub scope: Scope,
}

/// Kinds of Kubernetes 1.36, and of Flux, whose plural is not their name in lower case with an `s`.
const PLURALS: [(&str, &str); 12] = [
    ("Endpoints", "endpoints"),
    ("GitRepository", "gitrepositories"),
    ("HelmRepository", "helmrepositories"),
    ("IngressClass", "ingressclasses"),
    ("Ingress", "ingresses"),
    ("NetworkPolicy", "networkpolicies"),
    ("OCIRepository", "ocirepositories"),
    ("PodSecurityPolicy", "podsecuritypolicies"),
    ("PriorityClass", "priorityclasses"),
    ("RuntimeClass", "runtimeclasses"),
    ("StorageClass", "storageclasses"),
    ("ValidatingAdmissionPolicy", "validatingadmissionpolicies"),
];

impl Served {
    /// A kind that every cluster serves; `None` where only the cluster's discovery knows.
    #[must_use]
    pub fn built_in(id: &ObjectId) -> Option<Self> {
        let scope = Scope::of(id, &[])?;
        Some(Self::of(id, &plural(&id.kind), scope))
    }

    /// A kind that nobody has to ask for by its names, such as `apps/v1` and `Deployment`.
    #[must_use]
    pub fn own(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let id = ObjectId {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
            namespace: None,
            name: String::new(),
        };
        Self::built_in(&id).unwrap_or_else(|| Self::of(&id, &plural(kind), Scope::Namespaced))
    }

    /// A kind that a definition among these objects brings.
    #[must_use]
    pub fn defined(id: &ObjectId, objects: &[Object]) -> Option<Self> {
        let definition = &objects.iter().find(|object| object.defines(id))?.value;
        let plural = read::text(definition, "/spec/names/plural");
        let scope = scope_of(read::text(definition, "/spec/scope") == "Namespaced");
        (!plural.is_empty()).then(|| Self::of(id, plural, scope))
    }

    /// A kind among those that the server lists for its group and version.
    #[must_use]
    pub fn listed(id: &ObjectId, resources: &Value) -> Option<Self> {
        // `deployments/scale` is of a kind too, and not where its objects are.
        let is_meant = |entry: &&Value| {
            read::kind(entry) == id.kind && !read::text(entry, "/name").contains('/')
        };
        let entry = read::list(resources, "/resources").iter().find(is_meant)?;
        let scope = scope_of(read::truth(entry, "/namespaced"));
        Some(Self::of(id, read::text(entry, "/name"), scope))
    }

    fn of(id: &ObjectId, plural: &str, scope: Scope) -> Self {
        let ObjectId { group, version, kind, .. } = id.clone();
        Self { group, version, kind, plural: plural.to_owned(), scope }
    }

    /// `apiVersion` as objects write it.
    #[must_use]
    pub fn api_version(&self) -> String {
        api_version(&self.group, &self.version)
    }

    /// The path of one object, or without a name of all of them; without a namespace those of all
    /// namespaces.
    #[must_use]
    pub fn path(&self, namespace: Option<&str>, name: Option<&str>) -> String {
        let root = if self.group.is_empty() { "/api" } else { "/apis" };
        let space = namespace
            .filter(|_| self.scope == Scope::Namespaced)
            .map_or_else(String::new, |namespace| format!("/namespaces/{namespace}"));
        let name = name.map_or_else(String::new, |name| format!("/{name}"));
        format!("{root}/{}{space}/{}{name}", self.api_version(), self.plural)
    }
}

fn plural(kind: &str) -> String {
    let named = PLURALS.iter().find(|(own, _)| *own == kind);
    named.map_or_else(
        || format!("{}s", kind.to_ascii_lowercase()),
        |(_, plural)| (*plural).to_owned(),
    )
}

fn scope_of(is_namespaced: bool) -> Scope {
    if is_namespaced { Scope::Namespaced } else { Scope::Cluster }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::manifest::Place;

    fn id(api: &str, kind: &str) -> ObjectId {
        let value = json!({"apiVersion": api, "kind": kind, "metadata": {"name": "x"}});
        ObjectId::of(&value).unwrap()
    }

    fn served(api: &str, kind: &str) -> Served {
        Served::built_in(&id(api, kind)).unwrap()
    }

    #[test]
    fn a_kind_is_served_as_its_definition_says() {
        let definition = json!({"apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition", "metadata": {"name": "policies.x.io"},
            "spec": {"group": "x.io", "scope": "Namespaced",
                "names": {"kind": "Policy", "plural": "policies"}}});
        let definition = Object::new(definition, Place::default()).unwrap();
        let policy =
            Served::defined(&id("x.io/v1", "Policy"), std::slice::from_ref(&definition)).unwrap();
        assert_eq!(policy.path(Some("n"), None), "/apis/x.io/v1/namespaces/n/policies");
        assert_eq!(Served::defined(&id("y.io/v1", "Policy"), &[definition]), None);
    }

    #[test]
    fn a_kind_is_served_as_the_server_lists_it() {
        let listed = include_str!("../../tests/corpus/api/discovery/apis_apps_v1.json");
        let listed: Value = serde_json::from_str(listed).unwrap();
        let listed = listed.pointer("/response/body").unwrap_or(&listed);
        let deployment = id("apps/v1", "Deployment");
        assert_eq!(Served::listed(&deployment, listed), Served::built_in(&deployment));
        assert_eq!(Served::listed(&id("apps/v1", "Scale"), listed), None);
    }

    #[test]
    fn paths_are_those_of_the_api() {
        for (api, kind, path) in [
            ("v1", "Secret", "/api/v1/namespaces/n/secrets/x"),
            ("v1", "Namespace", "/api/v1/namespaces/x"),
            ("apps/v1", "Deployment", "/apis/apps/v1/namespaces/n/deployments/x"),
            (
                "networking.k8s.io/v1",
                "Ingress",
                "/apis/networking.k8s.io/v1/namespaces/n/ingresses/x",
            ),
            ("storage.k8s.io/v1", "StorageClass", "/apis/storage.k8s.io/v1/storageclasses/x"),
        ] {
            assert_eq!(served(api, kind).path(Some("n"), Some("x")), path);
        }
        assert_eq!(served("v1", "Pod").path(None, None), "/api/v1/pods");
    }
}
