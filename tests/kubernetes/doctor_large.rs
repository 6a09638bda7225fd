//! `mlup doctor` on a thousand generated pods: one answer for each cause, by a dozen lists. How long it
//! takes is measured by `scripts/bench`.

use serde_json::{Value, json};

use super::doctor::is_list;
use crate::support::kubernetes::Kubernetes;

const NAMESPACES: usize = 20;
const PODS: usize = 50;
const MADE: &str = "2026-11-21T10:00:00Z";

/// Whether the pods of a cluster are as they should be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Health {
    Good,
    /// All pods of a namespace want a pull secret that is not there.
    NoPullSecret,
}

fn cluster(health: Health) -> Kubernetes {
    let site = Kubernetes::fake();
    site.fake_api().unwrap().change(|world| {
        world.node_ready("node-0");
        for number in 0..NAMESPACES {
            let namespace = format!("team-{number}");
            world.namespace(&namespace);
            for object in objects(&namespace, health) {
                world.store(object);
            }
        }
    });
    site.config("");
    site
}

fn objects(namespace: &str, health: Health) -> Vec<Value> {
    let meta = |name: &str| {
        json!({"name": name, "namespace": namespace, "uid": format!("{namespace}-{name}"),
            "creationTimestamp": MADE, "labels": {"app": "api"}})
    };
    let owned = |name: &str, kind: &str, owner: &str| {
        let mut meta = meta(name);
        meta["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": kind, "name": owner,
            "uid": format!("{namespace}-{owner}"), "controller": true}]);
        meta
    };
    let ready = if health == Health::Good { PODS } else { 0 };
    let spec = json!({"containers": [{"name": "main", "image": "registry.example.com/api:1"}],
        "imagePullSecrets": [{"name": "regcred"}], "nodeName": "node-0"});
    let template = json!({"metadata": {"labels": {"app": "api"}}, "spec": spec});
    let mut service = meta("api");
    service["uid"] = format!("{namespace}-api-service").into();
    let mut all = vec![
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta("api"),
            "spec": {"replicas": PODS, "selector": {"matchLabels": {"app": "api"}}, "template": template},
            "status": {"replicas": PODS, "updatedReplicas": PODS, "availableReplicas": ready}}),
        json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": owned("api-1", "Deployment", "api"),
            "spec": {"replicas": PODS, "template": template}, "status": {"replicas": PODS}}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": service,
            "spec": {"selector": {"app": "api"}, "ports": [{"port": 80}]}}),
    ];
    for number in 0..PODS {
        let name = format!("api-1-{number}");
        let status = if health == Health::Good { good() } else { waiting() };
        all.push(json!({"apiVersion": "v1", "kind": "Pod", "metadata": owned(&name, "ReplicaSet", "api-1"),
            "spec": spec, "status": status}));
        all.extend((0..10).map(|event| {
            json!({"apiVersion": "v1", "kind": "Event", "metadata": meta(&format!("{name}.{event}")),
                "type": "Warning", "reason": "Failed", "message": "Error: ImagePullBackOff",
                "involvedObject": {"kind": "Pod", "namespace": namespace, "name": name,
                    "uid": format!("{namespace}-{name}")}})
        }));
    }
    all
}

fn good() -> Value {
    json!({"phase": "Running", "podIP": "192.0.2.1",
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [{"name": "main", "ready": true, "restartCount": 0,
            "state": {"running": {"startedAt": MADE}}}]})
}

fn waiting() -> Value {
    json!({"phase": "Pending", "podIP": "192.0.2.1",
        "conditions": [{"type": "Ready", "status": "False"}, {"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [{"name": "main", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": "ImagePullBackOff",
                "message": "Back-off pulling image: 401 Unauthorized"}}}]})
}

fn answer(site: &Kubernetes, code: i32) -> Value {
    let ran = site.sandbox.run(&["doctor", "--offline", "-o", "json"]).exits(code);
    let fake = site.fake_api().unwrap();
    let calls = fake.calls();
    let mut lists: Vec<&str> = calls
        .iter()
        .filter(|call| is_list(call))
        .filter_map(|call| call.split('?').next())
        .collect();
    lists.dedup();
    lists.sort_unstable();
    lists.dedup();
    assert!(lists.len() <= 12, "{lists:?}");
    assert!(fake.writes().is_empty(), "{:?}", fake.writes());
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn a_thousand_pods_that_lack_one_secret_a_namespace_have_one_cause_each() {
    let answer = answer(&cluster(Health::NoPullSecret), 1);
    let findings = answer["findings"].as_array().unwrap();
    assert_eq!(findings.len(), NAMESPACES, "{answer:#}");
    for finding in findings {
        assert_eq!(finding["rule"], "PULL-01", "{finding:#}");
        assert_eq!(finding["pods"], PODS, "{finding:#}");
    }
}

#[test]
fn a_thousand_pods_that_are_well_have_none() {
    let answer = answer(&cluster(Health::Good), 0);
    assert!(answer["findings"].as_array().unwrap().is_empty(), "{answer:#}");
    assert!(answer["checked"].as_u64().unwrap() > (NAMESPACES * PODS) as u64, "{answer:#}");
}
