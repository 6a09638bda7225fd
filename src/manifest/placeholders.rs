//! Variables that still stand in objects: `${NAME}` where neither a kubelet nor a shell replaces it,
//! and images that are empty for want of one.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::object::{Object, Scope};
use super::pod_spec::{containers, pod_spec};
use super::read;

/// A variable that nobody will replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholder {
    /// Its name.
    pub name: String,
    /// As it stands in the text: `${TAG}`.
    pub text: String,
    /// The field that holds it.
    pub path: String,
    /// What comes of it.
    pub harm: Harm,
}

/// What comes of a variable that is not replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// The object cannot be right.
    Certain,
    /// A program gets the text as it is, and may know what to do with it.
    Possible,
}

/// Fields whose texts are for others: shells, programs, controllers.
const FOREIGN: [&str; 8] =
    ["annotations", "args", "binaryData", "command", "data", "exec", "lifecycle", "stringData"];

static VARIABLE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::[-?][^}]*)?\}").ok());

/// The variables that still stand in an object.
#[must_use]
pub fn placeholders(object: &Object) -> Vec<Placeholder> {
    let mut found = Vec::new();
    if Scope::of(&object.id, &[]).is_some() && object.id.kind != "CustomResourceDefinition" {
        walk(&object.value, "", Harm::Certain, &mut found);
    } else if let Some((spec, path)) = pod_spec(&object.value) {
        for (list, at, container) in containers(spec) {
            let image = read::text(container, "/image");
            note(image, &format!("{path}.{list}[{at}].image"), Harm::Certain, &mut found);
        }
    }
    found
}

/// The fields of images that are empty.
#[must_use]
pub fn empty_images(object: &Object) -> Vec<String> {
    let Some((spec, path)) = pod_spec(&object.value) else { return Vec::new() };
    containers(spec)
        .filter(|(_, _, container)| read::text(container, "/image").trim().is_empty())
        .map(|(list, at, _)| format!("{path}.{list}[{at}].image"))
        .collect()
}

fn walk(value: &Value, path: &str, harm: Harm, found: &mut Vec<Placeholder>) {
    match value {
        Value::String(text) => note(text, path, harm, found),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                walk(item, &format!("{path}[{at}]"), harm, found);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                if FOREIGN.contains(&name.as_str()) {
                    continue;
                }
                let is_variable = name == "value" && fields.contains_key("name");
                let harm = if is_variable { Harm::Possible } else { harm };
                let dot = if path.is_empty() { "" } else { "." };
                walk(field, &format!("{path}{dot}{name}"), harm, found);
            }
        }
        _ => {}
    }
}

fn note(text: &str, path: &str, harm: Harm, found: &mut Vec<Placeholder>) {
    let Some(pattern) = VARIABLE.as_ref() else { return };
    for found_in in pattern.captures_iter(text) {
        let whole = found_in.get(0).map_or("", |all| all.as_str());
        let name = found_in.get(1).map_or("", |name| name.as_str());
        found.push(Placeholder {
            name: name.to_owned(),
            text: whole.to_owned(),
            path: path.to_owned(),
            harm,
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::manifest::Place;

    fn object(value: Value) -> Object {
        Object::new(value, Place::default()).unwrap()
    }

    #[test]
    fn variables_are_found_where_nobody_replaces_them() {
        let api = object(json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "api-${STAGE}", "annotations": {"note": "${IGNORED}"}},
            "spec": {"replicas": "${REPLICAS:-2}", "template": {"spec": {"containers": [{
                "image": "${REGISTRY:?set it}/api:${TAG}",
                "command": ["sh", "-c", "echo ${HOME}"], "args": ["$(POD)"],
                "env": [{"name": "URL", "value": "http://${HOST}/$(POD)"}],
                "lifecycle": {"preStop": {"exec": {"command": ["${X}"]}}}}]}}}}));
        let found = placeholders(&api);
        let found: Vec<_> =
            found.iter().map(|one| (one.name.as_str(), one.path.as_str(), one.harm)).collect();
        let container = "spec.template.spec.containers[0]";
        assert_eq!(
            found,
            [
                ("STAGE", "metadata.name", Harm::Certain),
                ("REPLICAS", "spec.replicas", Harm::Certain),
                ("REGISTRY", &*format!("{container}.image"), Harm::Certain),
                ("TAG", &*format!("{container}.image"), Harm::Certain),
                ("HOST", &*format!("{container}.env[0].value"), Harm::Possible),
            ]
        );
    }

    #[test]
    fn data_and_custom_kinds_keep_their_dollar_signs() {
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"},
            "data": {"run.sh": "echo ${HOME} ${1}"}});
        let rollout = json!({"apiVersion": "argoproj.io/v1", "kind": "Rollout",
            "metadata": {"name": "r"}, "spec": {"note": "${X}",
                "template": {"spec": {"containers": [{"image": "api:${TAG}"}]}}}});
        assert_eq!(placeholders(&object(map)), []);
        let found = placeholders(&object(rollout));
        assert_eq!(found.iter().map(|one| one.text.as_str()).collect::<Vec<_>>(), ["${TAG}"]);
    }

    #[test]
    fn images_that_are_empty_are_found() {
        let pod = object(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
            "spec": {"initContainers": [{"image": "x"}], "containers": [{"image": " "}, {}]}}));
        assert_eq!(empty_images(&pod), ["spec.containers[0].image", "spec.containers[1].image"]);
    }
}
