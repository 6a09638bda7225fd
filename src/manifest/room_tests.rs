//! Pods that find room and pods that do not, with the arithmetic of the incidents.

use serde_json::json;

use super::*;
use crate::manifest::Place;

fn spec(requests: &[(&str, &str)]) -> Value {
    let containers: Vec<Value> = requests
        .iter()
        .map(|(cpu, memory)| json!({"resources": {"requests": {"cpu": cpu, "memory": memory}}}))
        .collect();
    json!({"containers": containers})
}

fn deployment(name: &str, replicas: u32, spec: &Value) -> Object {
    let value = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "ml"},
        "spec": {"replicas": replicas, "template": {"spec": spec}}});
    Object::new(value, Place { file: "api.yaml".to_owned(), line: 1 }).unwrap()
}

fn node(name: &str, cpu: &str, extra: &Value) -> Value {
    json!({"metadata": {"name": name, "labels": {"arch": "amd64"}}, "spec": extra,
        "status": {"allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "110"}}})
}

fn pod(node: &str, cpu: &str, phase: &str) -> Value {
    json!({"spec": {"nodeName": node, "containers": [{"resources": {"requests": {"cpu": cpu}}}]},
        "status": {"phase": phase}})
}

fn found(objects: &[Object], nodes: &[NodeRoom]) -> Vec<(&'static str, String)> {
    let failures = failures(objects, objects, nodes);
    failures.into_iter().map(|failure| (failure.code, failure.summary)).collect()
}

#[test]
fn no_pod_fits_although_the_sum_would() {
    // Two nodes of 1900m, half a core used on each: 2800m are free, and a pod wants 1500m.
    let used =
        [pod("a", "500m", "Running"), pod("b", "500m", "Running"), pod("b", "9", "Succeeded")];
    let rooms = ["a", "b"].map(|name| NodeRoom::of(&node(name, "1900m", &json!({})), &used));
    let api = deployment("pred-maint", 3, &spec(&[("1", "1Gi"), ("500m", "1Gi")]));
    let failures = failures(std::slice::from_ref(&api), &[], &rooms);
    assert_eq!(failures.len(), 1);
    assert_eq!(
        failures[0].summary,
        "no node has room for even one pod of Deployment `ml/pred-maint`, which requests 1500m cpu and 2Gi memory"
    );
    let evidence: Vec<String> =
        failures[0].evidence.iter().map(|line| format!("{}: {}", line.source, line.text)).collect();
    assert_eq!(
        evidence,
        [
            "api.yaml:1: Deployment `ml/pred-maint`",
            "node a: wants 1500m cpu, 1400m of 1900m free",
            "node b: wants 1500m cpu, 1400m of 1900m free",
        ]
    );
}

#[test]
fn replicas_of_which_only_some_fit_are_counted() {
    let rooms = ["a", "b"].map(|name| NodeRoom::of(&node(name, "2", &json!({})), &[]));
    let api = deployment("api", 3, &spec(&[("1500m", "1Gi")]));
    assert_eq!(
        found(&[api], &rooms),
        [(
            "NODE_RESOURCES",
            "2 of the 3 pods of Deployment `ml/api` find room; each requests 1500m cpu and 1Gi memory".to_owned()
        )]
    );
    assert_eq!(found(&[deployment("api", 2, &spec(&[("1500m", "1Gi")]))], &rooms), []);
    assert_eq!(found(&[deployment("api", 0, &spec(&[("99", "1Gi")]))], &rooms), []);
    assert_eq!(found(&[deployment("api", 9, &spec(&[("99", "1Gi")]))], &[]), []);
    let selected = json!({"nodeSelector": {"arch": "arm64"}, "containers": []});
    assert_eq!(found(&[deployment("api", 1, &selected)], &rooms)[0].0, "NODE_SELECTOR");
}

#[test]
fn an_autoscaler_raises_the_number() {
    let scaler = |least: u32| {
        let value = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "api", "namespace": "ml"}, "spec": {"minReplicas": least, "maxReplicas": 10,
                "scaleTargetRef": {"kind": "Deployment", "name": "api"}}});
        Object::new(value, Place::default()).unwrap()
    };
    let api = |replicas| deployment("api", replicas, &spec(&[("1", "1Gi")]));
    for (own, least, wanted) in [(1, 3, 3), (5, 3, 5), (0, 3, 0), (12, 3, 10)] {
        assert_eq!(replicas(&api(own), &[scaler(least)]), wanted, "{own} {least}");
    }
}

#[test]
fn workloads_that_fit_alone_and_not_together_are_told_with_the_sum() {
    let rooms = [NodeRoom::of(&node("a", "2", &json!({})), &[])];
    let one = |name: &str| deployment(name, 1, &spec(&[("1500m", "1Gi")]));
    assert_eq!(found(&[one("x")], &rooms), []);
    assert_eq!(
        found(&[one("x"), one("y")], &rooms),
        [(
            "NODE_RESOURCES",
            "all pods together request more cpu than the cluster has free".to_owned()
        )]
    );
}

#[test]
fn taints_and_cordons_have_their_own_words_and_passing_ones_none() {
    let tainted = |key: &str| json!({"taints": [{"key": key, "effect": "NoSchedule"}]});
    for (extra, code) in [
        (tainted("gpu"), Some("NODE_TAINT")),
        (tainted("node.kubernetes.io/not-ready"), None),
        (json!({"unschedulable": true}), Some("UNSCHEDULABLE")),
    ] {
        let rooms = [NodeRoom::of(&node("a", "2", &extra), &[])];
        let codes = found(&[deployment("api", 1, &spec(&[("1", "1Gi")]))], &rooms);
        assert_eq!(codes.first().map(|(code, _)| *code), code);
    }
}

#[test]
fn pods_that_an_update_replaces_are_known_by_their_owners() {
    let owned = |kind: &str, owner: &str, hash: &str| {
        json!({"metadata": {"namespace": "ml", "name": "x", "labels": {"pod-template-hash": hash},
            "ownerReferences": [{"kind": kind, "name": owner}]}})
    };
    let api = deployment("api", 1, &spec(&[]));
    for (pod, is_replaced_by_it) in [
        (owned("ReplicaSet", "api-7f", "7f"), true),
        (owned("ReplicaSet", "api-v2-7f", "7f"), false),
        (owned("Deployment", "api", ""), true),
        (owned("StatefulSet", "api", ""), false),
        (json!({"metadata": {"namespace": "ml", "name": "api"}}), false),
    ] {
        assert_eq!(is_replaced(&pod, std::slice::from_ref(&api)), is_replaced_by_it, "{pod}");
    }
}
