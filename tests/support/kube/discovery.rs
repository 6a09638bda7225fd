//! Discovery: which groups, versions and kinds there are, as plain and as aggregated documents.

use serde_json::{Value, json};

use super::http::Request;
use super::kinds::Kind;
use super::world::World;

impl World {
    /// The document at a path of discovery; none for any other path.
    pub(super) fn document(&self, request: &Request) -> Option<Value> {
        if request.method != "GET" {
            return None;
        }
        let is_aggregated = request.header("accept").contains("as=APIGroupDiscoveryList");
        let parts: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        match &parts[..] {
            ["api"] if is_aggregated => Some(self.aggregated(str::is_empty)),
            ["apis"] if is_aggregated => Some(self.aggregated(|group| !group.is_empty())),
            ["api"] => Some(json!({ "kind": "APIVersions", "versions": ["v1"],
                "serverAddressByClientCIDRs":
                    [{ "clientCIDR": "0.0.0.0/0", "serverAddress": "192.0.2.2:16443" }] })),
            ["apis"] => Some(self.groups()),
            ["apis", group] => self.group(group),
            ["api", version] => self.resources("", version),
            ["apis", group, version] => self.resources(group, version),
            _ => None,
        }
    }

    fn groups(&self) -> Value {
        let groups = self.kinds.groups();
        let named = groups.iter().filter(|(group, _)| !group.is_empty());
        let groups: Vec<Value> =
            named.map(|(group, versions)| described(group, versions)).collect();
        json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
    }

    fn group(&self, group: &str) -> Option<Value> {
        let groups = self.kinds.groups();
        let (_, versions) = groups.iter().find(|(own, _)| own == group)?;
        let mut document = json!({ "kind": "APIGroup", "apiVersion": "v1" });
        for (field, value) in described(group, versions).as_object()? {
            document[field] = value.clone();
        }
        Some(document)
    }

    fn resources(&self, group: &str, version: &str) -> Option<Value> {
        let kinds = self.kinds.within(group, version);
        let own = kinds.first()?.api_version();
        let rows: Vec<&Value> = kinds.iter().flat_map(|kind| &kind.rows).collect();
        let mut list = json!({ "kind": "APIResourceList" });
        if !group.is_empty() {
            list["apiVersion"] = "v1".into();
        }
        list["groupVersion"] = own.into();
        list["resources"] = json!(rows);
        Some(list)
    }

    fn aggregated(&self, is_meant: impl Fn(&str) -> bool) -> Value {
        let groups = self.kinds.groups();
        let meant = groups.iter().filter(|(group, _)| is_meant(group));
        let items: Vec<Value> = meant
            .map(|(group, versions)| {
                let versions = versions.iter().map(|version| {
                    let kinds = self.kinds.within(group, version);
                    let resources: Vec<Value> = kinds.iter().map(|kind| resource(kind)).collect();
                    json!({ "version": version, "resources": resources, "freshness": "Current" })
                });
                let mut metadata = json!({ "creationTimestamp": null });
                if !group.is_empty() {
                    metadata["name"] = group.as_str().into();
                }
                json!({ "metadata": metadata, "versions": versions.collect::<Vec<_>>() })
            })
            .collect();
        json!({ "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2",
            "metadata": {}, "items": items })
    }
}

fn described(group: &str, versions: &[String]) -> Value {
    let version = |version: &String| json!({ "groupVersion": format!("{group}/{version}"), "version": version });
    let versions: Vec<Value> = versions.iter().map(version).collect();
    json!({ "name": group, "versions": versions, "preferredVersion": versions[0] })
}

fn resource(kind: &Kind) -> Value {
    let (own, below) = kind.rows.split_first().unzip();
    let own = own.cloned().unwrap_or_default();
    let response = |row: &Value| {
        json!({ "group": row["group"].as_str().unwrap_or(&kind.group),
            "version": row["version"].as_str().unwrap_or(&kind.version), "kind": row["kind"] })
    };
    let mut resource = json!({
        "resource": kind.plural,
        "responseKind": response(&own),
        "scope": if kind.is_namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": own["singularName"],
        "verbs": own["verbs"],
    });
    for list in ["shortNames", "categories"] {
        if own[list].is_array() {
            resource[list] = own[list].clone();
        }
    }
    let sub = |row: &Value| {
        let name = row["name"].as_str().and_then(|name| name.split_once('/'));
        json!({ "subresource": name.map(|(_, name)| name), "responseKind": response(row),
            "verbs": row["verbs"] })
    };
    let below: Vec<Value> = below.into_iter().flatten().map(sub).collect();
    if !below.is_empty() {
        resource["subresources"] = below.into();
    }
    resource
}
