//! As much of the `OpenAPI` documents as clients ask for before they leave validation to the server:
//! which kinds a PATCH can be strict about.

use serde_json::{Map, Value, json};

use super::http::Request;
use super::world::World;

impl World {
    /// The document at a path of `OpenAPI` 3; none for any other path.
    pub(super) fn openapi(&self, request: &Request) -> Option<Value> {
        if request.method != "GET" {
            return None;
        }
        let below = request.path.strip_prefix("/openapi/v3")?;
        if below.is_empty() {
            return Some(self.openapi_index());
        }
        let parts: Vec<&str> = below.trim_matches('/').split('/').collect();
        match &parts[..] {
            ["api", version] => Some(self.openapi_of("", version)),
            ["apis", group, version] => Some(self.openapi_of(group, version)),
            _ => None,
        }
    }

    fn openapi_index(&self) -> Value {
        let mut paths = Map::new();
        for (group, versions) in self.kinds.groups() {
            for version in versions {
                let path = if group.is_empty() {
                    format!("api/{version}")
                } else {
                    format!("apis/{group}/{version}")
                };
                let at = json!({ "serverRelativeURL": format!("/openapi/v3/{path}?hash=0") });
                paths.insert(path, at);
            }
        }
        json!({ "paths": paths })
    }

    fn openapi_of(&self, group: &str, version: &str) -> Value {
        let mut paths = Map::new();
        for kind in self.kinds.within(group, version) {
            let root = if group.is_empty() { "/api".to_owned() } else { format!("/apis/{group}") };
            let space = if kind.is_namespaced { "/namespaces/{namespace}" } else { "" };
            let operation = json!({
                "parameters": [{ "name": "fieldValidation", "in": "query",
                    "schema": { "type": "string", "uniqueItems": true } }],
                "responses": {},
                "x-kubernetes-action": "patch",
                "x-kubernetes-group-version-kind":
                    { "group": group, "version": version, "kind": kind.name },
            });
            let path = format!("{root}/{version}{space}/{}/{{name}}", kind.plural);
            paths.insert(path, json!({ "patch": operation }));
        }
        json!({ "openapi": "3.0.0", "info": { "title": "Kubernetes", "version": "v1.36" },
            "paths": paths, "components": { "schemas": {} } })
    }
}
