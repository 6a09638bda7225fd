//! The kinds that the server has: those of the recorded discovery documents, a few more rows, and
//! what `CustomResourceDefinition`s add.

use std::sync::Arc;

use serde_json::Value;

/// Discovery documents of a real server.
const RECORDED: [&str; 14] = [
    include_str!("../../corpus/api/discovery/api_v1.json"),
    include_str!("../../corpus/api/discovery/apis_admissionregistration.k8s.io_v1.json"),
    include_str!("../../corpus/api/discovery/apis_apiextensions.k8s.io_v1.json"),
    include_str!("../../corpus/api/discovery/apis_apiregistration.k8s.io_v1.json"),
    include_str!("../../corpus/api/discovery/apis_apps_v1.json"),
    include_str!("../../corpus/api/discovery/apis_authorization.k8s.io_v1.json"),
    include_str!("../../corpus/api/discovery/apis_autoscaling_v2.json"),
    include_str!("../../corpus/api/discovery/apis_batch_v1.json"),
    include_str!("../../corpus/api/discovery/apis_discovery.k8s.io_v1.json"),
    include_str!("../../corpus/api/discovery/apis_events.k8s.io_v1.json"),
    include_str!("../../corpus/api/discovery/apis_networking.k8s.io_v1.json"),
    include_str!("../../corpus/api/discovery/apis_policy_v1.json"),
    include_str!("../../corpus/api/discovery/apis_rbac.authorization.k8s.io_v1.json"),
    include_str!("../../corpus/api/discovery/apis_storage.k8s.io_v1.json"),
];

/// Group, version, plural, kind, whether it has a namespace: what was not recorded.
const MORE: [(&str, &str, &str, &str, bool); 6] = [
    ("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", false),
    ("coordination.k8s.io", "v1", "leases", "Lease", true),
    ("node.k8s.io", "v1", "runtimeclasses", "RuntimeClass", false),
    ("autoscaling", "v1", "horizontalpodautoscalers", "HorizontalPodAutoscaler", true),
    ("certificates.k8s.io", "v1", "certificatesigningrequests", "CertificateSigningRequest", false),
    ("flowcontrol.apiserver.k8s.io", "v1", "flowschemas", "FlowSchema", false),
];

const VERBS: [&str; 8] =
    ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// Kinds whose `generation` the server counts.
const COUNTED: [&str; 17] = [
    "CronJob",
    "CustomResourceDefinition",
    "DaemonSet",
    "Deployment",
    "EndpointSlice",
    "Ingress",
    "IngressClass",
    "Job",
    "MutatingWebhookConfiguration",
    "NetworkPolicy",
    "Pod",
    "PodDisruptionBudget",
    "PriorityClass",
    "ReplicaSet",
    "ReplicationController",
    "StatefulSet",
    "ValidatingWebhookConfiguration",
];

/// A kind of object.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    pub(crate) name: String,
    pub(crate) is_namespaced: bool,
    /// Whether a `CustomResourceDefinition` made it.
    pub(crate) is_custom: bool,
    /// Its row in a discovery document, and those of what is below it.
    pub(crate) rows: Vec<Value>,
}

impl Kind {
    /// As an object names it: `apps/v1`.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The same for all versions of a kind.
    pub(crate) fn key(&self) -> String {
        format!("{}/{}", self.group, self.plural)
    }

    /// As a message about a bad object names it: `Deployment.apps`.
    pub(crate) fn qualified(&self) -> String {
        qualified(&self.name, &self.group)
    }

    /// As a message about a resource names it: `deployments.apps`.
    pub(crate) fn resource(&self) -> String {
        qualified(&self.plural, &self.group)
    }

    /// Whether `status` is written apart.
    pub(crate) fn has_status(&self) -> bool {
        self.has("status")
    }

    /// Whether there is something of this name below its objects.
    pub(crate) fn has(&self, below: &str) -> bool {
        let name = format!("{}/{below}", self.plural);
        self.rows.iter().any(|row| row["name"] == name.as_str())
    }

    /// Whether the server answers this verb.
    pub(crate) fn can(&self, verb: &str) -> bool {
        self.rows[0]["verbs"].as_array().is_some_and(|verbs| verbs.iter().any(|own| own == verb))
    }

    /// Whether the server counts changes of its `spec`.
    pub(crate) fn is_counted(&self) -> bool {
        self.is_custom || COUNTED.contains(&self.name.as_str())
    }
}

fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() { name.to_owned() } else { format!("{name}.{group}") }
}

/// All kinds of a server.
pub(crate) struct Kinds {
    all: Vec<Arc<Kind>>,
}

impl Kinds {
    /// Those that a new server has.
    pub(crate) fn built_in() -> Self {
        let mut all = Vec::new();
        for document in RECORDED {
            let document: Value = serde_json::from_str(document).unwrap_or_default();
            let version = document["groupVersion"].as_str().unwrap_or_default();
            all.extend(of_document(version, &document["resources"]));
        }
        for (group, version, plural, kind, is_namespaced) in MORE {
            let row = serde_json::json!({
                "name": plural, "singularName": kind.to_lowercase(), "namespaced": is_namespaced,
                "kind": kind, "verbs": VERBS,
            });
            all.push(Arc::new(Kind {
                group: group.to_owned(),
                version: version.to_owned(),
                plural: plural.to_owned(),
                name: kind.to_owned(),
                is_namespaced,
                is_custom: false,
                rows: vec![row],
            }));
        }
        Self { all }
    }

    /// The kind at `/apis/GROUP/VERSION/PLURAL`.
    pub(crate) fn served(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Kind>> {
        let is_it = |kind: &&Arc<Kind>| {
            kind.group == group && kind.version == version && kind.plural == plural
        };
        self.all.iter().find(is_it).cloned()
    }

    /// The kind that an object says that it is of.
    pub(crate) fn of(&self, object: &Value) -> Option<Arc<Kind>> {
        let (version, kind) = (object["apiVersion"].as_str()?, object["kind"].as_str()?);
        self.all.iter().find(|own| own.name == kind && own.api_version() == version).cloned()
    }

    /// The first kind of this name.
    pub(crate) fn named(&self, kind: &str) -> Option<Arc<Kind>> {
        self.all.iter().find(|own| own.name == kind).cloned()
    }

    /// The first kind that is stored so.
    pub(crate) fn keyed(&self, key: &str) -> Option<Arc<Kind>> {
        self.all.iter().find(|own| own.key() == key).cloned()
    }

    /// Whether a group belongs to the server itself.
    pub(crate) fn is_built_in(&self, group: &str) -> bool {
        self.all.iter().any(|kind| kind.group == group && !kind.is_custom)
    }

    /// Groups and their versions, in the order of the server.
    pub(crate) fn groups(&self) -> Vec<(String, Vec<String>)> {
        let mut groups: Vec<(String, Vec<String>)> = Vec::new();
        for kind in &self.all {
            match groups.iter_mut().find(|(group, _)| *group == kind.group) {
                Some((_, versions)) if versions.contains(&kind.version) => {}
                Some((_, versions)) => versions.push(kind.version.clone()),
                None => groups.push((kind.group.clone(), vec![kind.version.clone()])),
            }
        }
        groups
    }

    /// The kinds of one version of a group.
    pub(crate) fn within(&self, group: &str, version: &str) -> Vec<Arc<Kind>> {
        let is_it = |kind: &&Arc<Kind>| kind.group == group && kind.version == version;
        self.all.iter().filter(is_it).cloned().collect()
    }

    /// Adds what a `CustomResourceDefinition` describes.
    pub(crate) fn define(&mut self, definition: &Value) {
        let spec = &definition["spec"];
        let group = spec["group"].as_str().unwrap_or_default();
        self.forget(group, spec["names"]["plural"].as_str().unwrap_or_default());
        for version in spec["versions"].as_array().into_iter().flatten() {
            if version["served"] == true {
                self.all.push(Arc::new(custom(spec, version)));
            }
        }
    }

    /// Takes back what a `CustomResourceDefinition` added.
    pub(crate) fn forget(&mut self, group: &str, plural: &str) {
        self.all.retain(|kind| !(kind.is_custom && kind.group == group && kind.plural == plural));
    }
}

fn of_document(version: &str, rows: &Value) -> Vec<Arc<Kind>> {
    let rows: Vec<Value> = rows.as_array().cloned().unwrap_or_default();
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let text = |row: &Value, field: &str| row[field].as_str().unwrap_or_default().to_owned();
    let kind = |row: &Value| {
        let plural = text(row, "name");
        let below = format!("{plural}/");
        let own = rows.iter().filter(|other| text(other, "name").starts_with(&below)).cloned();
        Arc::new(Kind {
            group: group.to_owned(),
            version: version.to_owned(),
            name: text(row, "kind"),
            is_namespaced: row["namespaced"] == true,
            is_custom: false,
            rows: std::iter::once(row.clone()).chain(own).collect(),
            plural,
        })
    };
    rows.iter().filter(|row| !text(row, "name").contains('/')).map(kind).collect()
}

fn custom(spec: &Value, version: &Value) -> Kind {
    let names = &spec["names"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (plural, kind) = (text(&names["plural"]), text(&names["kind"]));
    let is_namespaced = spec["scope"] == "Namespaced";
    let mut row = serde_json::json!({
        "name": plural, "singularName": names["singular"], "namespaced": is_namespaced,
        "kind": kind, "verbs": VERBS,
    });
    for list in ["shortNames", "categories"] {
        if names[list].is_array() {
            row[list] = names[list].clone();
        }
    }
    let mut rows = vec![row];
    if version["subresources"]["status"].is_object() {
        rows.push(serde_json::json!({
            "name": format!("{plural}/status"), "singularName": "", "namespaced": is_namespaced,
            "kind": kind, "verbs": ["get", "patch", "update"],
        }));
    }
    Kind {
        group: text(&spec["group"]),
        version: text(&version["name"]),
        plural,
        name: kind,
        is_namespaced,
        is_custom: true,
        rows,
    }
}
