//! What is applied for an object: what its manifest says, without what only a server sets, and with
//! the marks by which mlup knows it again.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::keep::{self, FieldPath};
use super::{Object, labels, read};

/// Annotation: what the object was when it was applied, as a hash. Values of secrets are not in it.
pub const APPLIED: &str = "mlup.dev/applied";

/// What servers write into `metadata`, so that it is in manifests that were exported.
const SET_BY_SERVERS: [&str; 8] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Annotation of `kubectl apply`: the object once more, secrets included.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Makes of a rendered object what is applied for it.
pub fn prepare(object: &mut Object, project: &str, deploy: &str, keep: &[FieldPath]) {
    let value = &mut object.value;
    drop_nulls(value);
    if let Some(fields) = value.as_object_mut() {
        fields.shift_remove("status");
        let metadata = fields.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
        if let Some(metadata) = metadata.as_object_mut() {
            metadata.retain(|name, _| !SET_BY_SERVERS.contains(&name.as_str()));
        }
    }
    if is_secret(value) {
        encode(value);
    }
    labels::mark(value, project, deploy);
    let hash = fingerprint(value, keep);
    if let Some(annotations) = annotations(value) {
        annotations.shift_remove(LAST_APPLIED);
        annotations.insert(APPLIED.to_owned(), hash.into());
    }
}

/// What the live object was when mlup applied it last.
#[must_use]
pub fn applied(object: &Value) -> Option<&str> {
    object.pointer("/metadata/annotations")?.get(APPLIED)?.as_str()
}

/// Whether an object is a secret.
#[must_use]
pub fn is_secret(object: &Value) -> bool {
    read::kind(object) == "Secret" && read::text(object, "/apiVersion") == "v1"
}

fn annotations(value: &mut Value) -> Option<&mut Map<String, Value>> {
    let metadata = value.get_mut("metadata")?.as_object_mut()?;
    let annotations = metadata.entry("annotations").or_insert_with(|| Value::Object(Map::new()));
    annotations.as_object_mut()
}

/// Takes out fields that are null: they say nothing, and would be another object's change.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// Turns `stringData` into `data`, as the server would, and writes `data` as it does: base64 in one
/// line. What is no text stays, for the server to refuse.
fn encode(secret: &mut Value) {
    let Some(fields) = secret.as_object_mut() else { return };
    for value in
        fields.get_mut("data").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut)
    {
        if let Some(text) = value.as_str().filter(|text| text.contains(char::is_whitespace)) {
            *value = text.split_whitespace().collect::<String>().into();
        }
    }
    let all_text = |texts: &Map<String, Value>| texts.values().all(Value::is_string);
    if !fields.get("stringData").and_then(Value::as_object).is_some_and(all_text) {
        return;
    }
    let Some(Value::Object(texts)) = fields.shift_remove("stringData") else { return };
    let data = fields.entry("data").or_insert_with(|| Value::Object(Map::new()));
    for (key, text) in texts {
        if let (Some(data), Some(text)) = (data.as_object_mut(), text.as_str()) {
            data.insert(key, STANDARD.encode(text).into());
        }
    }
}

/// The hash by which a change of what is wanted is known. Values of secrets are left out: a hash of
/// a short password tells the password.
fn fingerprint(value: &Value, keep: &[FieldPath]) -> String {
    let mut value = keep::without(value, keep);
    if is_secret(&value) {
        for part in ["data", "stringData"] {
            let values = value.get_mut(part).and_then(Value::as_object_mut);
            values.into_iter().flat_map(Map::values_mut).for_each(|value| *value = Value::Null);
        }
    }
    if let Some(annotations) = annotations(&mut value) {
        annotations.shift_remove(APPLIED);
        annotations.shift_remove(LAST_APPLIED);
    }
    value.sort_all_objects();
    let hash = Sha256::digest(value.to_string());
    hash.iter().take(16).fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::manifest::Place;

    fn prepared(value: Value, keep: &[&str]) -> Value {
        let keep: Vec<FieldPath> =
            keep.iter().map(|path| FieldPath::parse(path).unwrap()).collect();
        let mut object = Object::new(value, Place::default()).unwrap();
        prepare(&mut object, "demo", "api", &keep);
        object.value
    }

    fn deployment(image: &str, replicas: u8) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api"},
            "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"name": "api", "image": image}]}}}})
    }

    #[test]
    fn what_a_server_sets_is_not_applied() {
        let exported = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b", "c": null},
            "status": {"x": 1}, "metadata": {"name": "x", "uid": "1", "resourceVersion": "2",
            "creationTimestamp": null, "generation": 3, "managedFields": [],
            "annotations": {LAST_APPLIED: "{}"}}});
        let value = prepared(exported, &[]);
        assert_eq!(value["data"], json!({"a": "b"}));
        assert_eq!(value.get("status"), None);
        let metadata: Vec<&String> = value["metadata"].as_object().unwrap().keys().collect();
        assert_eq!(metadata, ["name", "annotations", "labels"]);
        assert_eq!(read::keys(&value, "/metadata/annotations").collect::<Vec<_>>(), [APPLIED]);
        assert!(labels::is_ours(&value, "demo"));
    }

    #[test]
    fn the_hash_follows_what_is_wanted_and_nothing_else() {
        let hash = |value| {
            applied(&prepared(value, &["spec.template.spec.containers[*].image"]))
                .unwrap()
                .to_owned()
        };
        let one = hash(deployment("a:1", 1));
        assert_eq!(one, hash(deployment("a:2", 1)), "what is kept is no change");
        assert_ne!(one, hash(deployment("a:1", 2)));
        let mut other_order = json!({});
        let value = deployment("a:1", 1);
        for (name, field) in value.as_object().unwrap().iter().rev() {
            other_order[name.as_str()] = field.clone();
        }
        assert_eq!(one, hash(other_order));
        assert_eq!(one, hash(prepared(deployment("a:1", 1), &[])), "applied twice");
    }

    #[test]
    fn a_secrets_values_are_encoded_and_not_in_the_hash() {
        let secret = |password: &str, key: &str| {
            prepared(
                json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
                "data": {"wrapped": "aGVs\n  bG8="}, "stringData": {key: password}}),
                &[],
            )
        };
        let one = secret("hunter2", "password");
        assert_eq!(one["data"], json!({"wrapped": "aGVsbG8=", "password": "aHVudGVyMg=="}));
        assert_eq!(one.get("stringData"), None);
        assert_eq!(applied(&one), applied(&secret("other", "password")));
        assert_ne!(applied(&one), applied(&secret("hunter2", "pass")));
        let odd = prepared(
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
            "stringData": {"port": 5432}}),
            &[],
        );
        assert_eq!(odd["stringData"], json!({"port": 5432}), "the server says what is wrong");
    }
}
