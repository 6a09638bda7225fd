//! Ownership against the `managedFields` that a real server wrote, and against hands in between.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn recorded(text: &str) -> (Value, Value) {
    let call: Value = serde_json::from_str(text).unwrap();
    (call["request"]["body"].clone(), call["response"]["body"].clone())
}

fn deployment() -> (Value, Value) {
    recorded(include_str!("../../tests/corpus/api/calls/19-deployment-apply-create-201.json"))
}

fn secret() -> (Value, Value) {
    recorded(include_str!("../../tests/corpus/api/calls/04-secret-apply-create-201.json"))
}

/// Every path of `f:` and `k:` entries down to a leaf.
fn leaves(owned: &Value, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    for (key, below) in owned.as_object().unwrap() {
        if key == "." {
            continue;
        }
        path.push(key.clone());
        if below.as_object().unwrap().is_empty() {
            found.push(path.clone());
        } else {
            leaves(below, path, found);
        }
        path.pop();
    }
}

/// Moves one leaf of mlup to another manager, as an edit by hand does.
fn taken(mut live: Value, path: &[String], manager: &str) -> Value {
    let entry = &mut live["metadata"]["managedFields"][0];
    take(&mut entry["fieldsV1"], path);
    let theirs = path.iter().rev().fold(json!({}), |below, key| json!({ key.as_str(): below }));
    let theirs = json!({"manager": manager, "operation": "Update", "fieldsV1": theirs});
    live["metadata"]["managedFields"].as_array_mut().unwrap().push(theirs);
    live
}

/// A server keeps no entry in which nothing is left.
fn take(owned: &mut Value, path: &[String]) {
    let (first, rest) = path.split_first().unwrap();
    let fields = owned.as_object_mut().unwrap();
    if !rest.is_empty() {
        take(&mut fields[first.as_str()], rest);
    }
    if rest.is_empty() || fields[first.as_str()].as_object().unwrap().is_empty() {
        fields.shift_remove(first.as_str());
    }
}

#[test]
fn what_a_real_server_recorded_is_held() {
    for (wanted, live) in [deployment(), secret()] {
        assert_eq!(lost(&wanted, &live), []);
    }
}

#[test]
fn a_replica_count_edited_by_hand_is_lost() {
    let (wanted, live) = deployment();
    let path = ["f:spec".to_owned(), "f:replicas".to_owned()];
    let manager = Some("kubectl-edit".to_owned());
    assert_eq!(
        lost(&wanted, &taken(live, &path, "kubectl-edit")),
        [Lost { path: "spec.replicas".to_owned(), manager }]
    );
}

#[test]
fn a_path_is_one_that_keep_takes() {
    let (mut wanted, live) = deployment();
    wanted["metadata"]["annotations"] = json!({"a.b/c": "1"});
    wanted["spec"]["template"]["spec"]["containers"][0]["command"] = json!(["x"]);
    let found = lost(&wanted, &live);
    let paths: Vec<&str> = found.iter().map(|lost| lost.path.as_str()).collect();
    assert_eq!(
        paths,
        ["metadata.annotations[\"a.b/c\"]", "spec.template.spec.containers[name=api].command"]
    );
    for path in paths {
        assert!(crate::manifest::keep::FieldPath::parse(path).is_ok(), "{path}");
    }
}

#[test]
fn an_object_that_mlup_never_applied_is_not_its() {
    let (wanted, mut live) = secret();
    live["metadata"]["managedFields"][0]["manager"] = json!("kubectl-client-side-apply");
    let found = lost(&wanted, &live);
    assert!(!found.is_empty());
    assert!(found.iter().all(|lost| lost.manager.as_deref() == Some("kubectl-client-side-apply")));
    live["metadata"]["managedFields"] = json!(null);
    assert!(lost(&wanted, &live).iter().all(|lost| lost.manager.is_none()));
}

#[test]
fn items_are_told_apart_by_their_keys() {
    let live = json!({"metadata": {"managedFields": [{"manager": MANAGER, "operation": "Apply",
        "fieldsV1": {"f:spec": {"f:ports": {
            "k:{\"port\":53,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}},
            "k:{\"port\":53,\"protocol\":\"UDP\"}": {".": {}, "f:port": {}, "f:protocol": {}}}}}},
        {"manager": "cloud", "operation": "Update", "fieldsV1": {"f:metadata": {"f:finalizers": {"v:\"b\"": {}}}}}]}});
    for (ports, paths) in [
        (json!([{"port": 53}, {"port": 53, "protocol": "UDP"}]), vec![]),
        (json!([{"port": 80}]), vec!["spec.ports[0]"]),
        (json!([{"port": 53, "name": "dns"}]), vec!["spec.ports[name=dns].name"]),
    ] {
        let found = lost(&json!({"spec": {"ports": ports}}), &live);
        assert_eq!(found.iter().map(|lost| lost.path.as_str()).collect::<Vec<_>>(), paths);
    }
    let finalizers = json!({"metadata": {"finalizers": ["b"]}});
    assert_eq!(lost(&finalizers, &live)[0].manager.as_deref(), Some("cloud"));
}

#[test]
fn empty_collections_count_as_held() {
    let (mut wanted, live) = deployment();
    wanted["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({"limits": {}});
    wanted["spec"]["template"]["spec"]["volumes"] = json!([]);
    wanted["metadata"]["annotations"] = json!({});
    assert_eq!(lost(&wanted, &live), []);
}

proptest! {
    #[test]
    fn each_field_that_another_takes_is_found(at in 0usize..64, manager in prop_oneof![Just("kubectl-edit"), Just("hpa")]) {
        let (wanted, live) = deployment();
        let mut all = Vec::new();
        leaves(&live["metadata"]["managedFields"][0]["fieldsV1"], &mut Vec::new(), &mut all);
        let path = &all[at % all.len()];
        let found = lost(&wanted, &taken(live, path, manager));
        prop_assert_eq!(found.len(), 1, "{:?}", path);
        prop_assert_eq!(found[0].manager.as_deref(), Some(manager));
    }
}
