//! How the server sees objects: which lists have keys, which maps are one value, and the set of
//! fields that an object has. What a change writes is in `difference`.

use serde_json::{Map, Value};

use super::fields::Fields;
use super::kinds::Kind;

/// Keys of a list with what stands for one that is missing.
type Keys = &'static [(&'static str, Option<&'static str>)];

/// How a list is merged.
pub(super) enum List {
    /// As one value.
    Atomic,
    /// As a set of values.
    Set,
    /// By the keys of its items.
    Keyed(Keys),
}

const NAME: Keys = &[("name", None)];
const TYPE: Keys = &[("type", None)];
const IP: Keys = &[("ip", None)];

/// Maps that are one value.
const ATOMIC_MAPS: [&str; 17] = [
    "selector",
    "labelSelector",
    "namespaceSelector",
    "podSelector",
    "objectSelector",
    "nodeSelector",
    "secretKeyRef",
    "configMapKeyRef",
    "fieldRef",
    "resourceFieldRef",
    "claimRef",
    "dataSource",
    "involvedObject",
    "roleRef",
    "secretRef",
    "preference",
    "openAPIV3Schema",
];

/// Fields of metadata that nobody owns.
const UNOWNED: [&str; 8] = [
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "generation",
    "selfLink",
    "managedFields",
    "resourceVersion",
];

/// How the list at a path of field names is merged.
pub(super) fn list(kind: &Kind, path: &[String]) -> List {
    let last = path.last().map(String::as_str).unwrap_or_default();
    let parent = path.iter().rev().nth(1).map(String::as_str).unwrap_or_default();
    let is_metadata = path.first().is_some_and(|first| first == "metadata");
    match (last, parent) {
        ("finalizers", "metadata") => return List::Set,
        ("ownerReferences", "metadata") => return List::Keyed(&[("uid", None)]),
        _ if kind.is_custom && !is_metadata => return List::Atomic,
        _ => {}
    }
    let is_container = matches!(parent, "containers" | "initContainers" | "ephemeralContainers");
    List::Keyed(match (last, parent) {
        ("env" | "matchConditions" | "variables" | "claims", _)
        | ("secrets" | "webhooks", "")
        | (
            "containers"
            | "initContainers"
            | "ephemeralContainers"
            | "volumes"
            | "imagePullSecrets"
            | "resourceClaims"
            | "schedulingGates",
            "spec",
        ) => NAME,
        ("volumeMounts", _) if is_container => &[("mountPath", None)],
        ("volumeDevices", _) if is_container => &[("devicePath", None)],
        ("ports", _) if is_container => &[("containerPort", None), ("protocol", Some("TCP"))],
        ("ports", "spec") if kind.name == "Service" => &[("port", None), ("protocol", Some("TCP"))],
        ("hostAliases", "spec") | ("hostIPs" | "podIPs", "status") => IP,
        ("topologySpreadConstraints", "spec") => {
            &[("topologyKey", None), ("whenUnsatisfiable", None)]
        }
        ("conditions", "status") => TYPE,
        ("addresses", "status") if kind.name == "Node" => TYPE,
        ("podCIDRs", _) => return List::Set,
        _ => return List::Atomic,
    })
}

/// Whether the map at a path of field names is one value.
pub(super) fn is_atomic(kind: &Kind, path: &[String]) -> bool {
    let last = path.last().map(String::as_str).unwrap_or_default();
    let is_custom = kind.is_custom && path.first().is_none_or(|first| first != "metadata");
    !is_custom && ATOMIC_MAPS.contains(&last)
}

/// Whether an item of the list at a path is one value.
pub(super) fn is_atomic_item(path: &[String]) -> bool {
    path.last().is_some_and(|last| matches!(last.as_str(), "imagePullSecrets" | "secrets"))
}

/// How a set of fields names an item of a list; none in one that is a value as a whole.
pub(super) fn element(list: &List, item: &Value) -> Option<String> {
    match list {
        List::Atomic => None,
        List::Set => Some(format!("v:{item}")),
        List::Keyed(keys) => {
            let mut found = Map::new();
            for (key, otherwise) in *keys {
                match (&item[*key], otherwise) {
                    (Value::Null, Some(otherwise)) => {
                        found.insert((*key).to_owned(), (*otherwise).into());
                    }
                    (Value::Null, None) => {}
                    (value, _) => drop(found.insert((*key).to_owned(), value.clone())),
                }
            }
            Some(format!("k:{}", Value::Object(found)))
        }
    }
}

/// The fields of an object that is applied.
pub(super) fn fields(kind: &Kind, object: &Value, below: &str) -> Fields {
    let mut all = collect(kind, &mut Vec::new(), object);
    strip(kind, &mut all, below);
    all
}

fn collect(kind: &Kind, path: &mut Vec<String>, value: &Value) -> Fields {
    let mut all = Fields::default();
    match value {
        Value::Object(map) if !is_atomic(kind, path) => {
            for (name, value) in map {
                path.push(name.clone());
                let mut own = collect(kind, path, value);
                path.pop();
                own.is_member |= value.as_object().is_some_and(Map::is_empty);
                all.below.insert(format!("f:{name}"), own);
            }
        }
        Value::Array(items) => {
            let list = list(kind, path);
            for item in items {
                let Some(element) = element(&list, item) else { return Fields::leaf() };
                let is_whole = matches!(list, List::Set) || is_atomic_item(path);
                let mut own = if is_whole { Fields::leaf() } else { collect(kind, path, item) };
                own.is_member = true;
                all.below.insert(element, own);
            }
            all.is_member = matches!(list, List::Atomic);
        }
        _ => all.is_member = true,
    }
    all
}

/// Takes out what nobody owns: what the object is called, and what is written apart.
pub(super) fn strip(kind: &Kind, all: &mut Fields, below: &str) {
    all.drop_field(&["apiVersion"]);
    all.drop_field(&["kind"]);
    for field in UNOWNED {
        all.drop_field(&["metadata", field]);
    }
    if below == "status" {
        all.below.retain(|element, _| element == "f:status");
    } else if kind.has_status() {
        all.drop_field(&["status"]);
    }
    all.below.retain(|_, fields| !fields.is_empty());
    all.is_member = false;
}
