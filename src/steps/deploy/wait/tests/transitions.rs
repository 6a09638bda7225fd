//! From not ready to ready, over watches that break and kinds that may not be seen.

use std::time::Duration;

use serde_json::{Value, json};

use super::scene::{DEPLOYMENTS, PODS, Scene, deployment, pod, replica_set};
use crate::host::kube::fake::{Fault, World};

fn service(name: &str, kind: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Service",
        "metadata": { "namespace": "n", "name": name, "uid": format!("uid-{name}-svc") },
        "spec": { "type": kind, "selector": { "app": name }, "ports": [{ "port": 80 }] } })
}

fn slice(service: &str) -> Value {
    json!({ "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": { "namespace": "n", "name": format!("{service}-x"),
            "labels": { "kubernetes.io/service-name": service } },
        "endpoints": [{ "addresses": ["10.0.0.1"], "conditions": { "ready": true } }] })
}

fn object(api: &str, kind: &str, name: &str, rest: &Value) -> Value {
    let mut object = json!({ "apiVersion": api, "kind": kind,
        "metadata": { "namespace": "n", "name": name, "uid": format!("uid-{name}"),
            "generation": 1 } });
    for (key, value) in rest.as_object().into_iter().flatten() {
        object[key] = value.clone();
    }
    object
}

#[tokio::test]
async fn what_is_ready_needs_a_list_for_each_kind_and_no_watch() {
    let scene = Scene::new();
    let wanted = [
        deployment("api", 1),
        deployment("web", 1),
        service("api", "ClusterIP"),
        json!({ "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "namespace": "n", "name": "settings" } }),
    ];
    scene.fake.change(|world| {
        for object in &wanted {
            world.store(object.clone());
        }
        world.store(slice("api"));
    });
    assert_eq!(scene.wait(&wanted).await.unwrap().detail, "3 of 3 ready");
    let calls = scene.fake.calls();
    // Deployments and services, and what they make: replica sets, pods, endpoints.
    assert_eq!(calls.len(), 5, "{calls:?}");
    assert!(scene.watches().is_empty(), "{calls:?}");
}

#[tokio::test]
async fn objects_that_are_ready_once_applied_are_not_asked_for() {
    let scene = Scene::new();
    let map = json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "namespace": "n", "name": "settings" } });
    assert_eq!(scene.wait(&[map]).await.unwrap().detail, "1 object");
    assert!(scene.fake.calls().is_empty());
}

#[tokio::test]
async fn each_kind_is_followed_until_it_is_ready() {
    let stateful = |ready: u64| {
        object(
            "apps/v1",
            "StatefulSet",
            "db",
            &json!({ "spec": { "replicas": 1 },
            "status": { "observedGeneration": 1, "replicas": 1, "updatedReplicas": 1,
                "readyReplicas": ready } }),
        )
    };
    let daemon = |available: u64| {
        object(
            "apps/v1",
            "DaemonSet",
            "agent",
            &json!({ "spec": {},
            "status": { "observedGeneration": 1, "desiredNumberScheduled": 1,
                "updatedNumberScheduled": 1, "numberAvailable": available } }),
        )
    };
    let job =
        |status: Value| object("batch/v1", "Job", "seed", &json!({ "spec": {}, "status": status }));
    let claim = |phase: &str| {
        object(
            "v1",
            "PersistentVolumeClaim",
            "data",
            &json!({
            "spec": { "storageClassName": "standard" }, "status": { "phase": phase } }),
        )
    };
    let complete = json!({ "conditions": [{ "type": "Complete", "status": "True" }] });
    let rows = [
        ("apps/v1", deployment("api", 0), deployment("api", 1), "0 of 1 replicas available"),
        ("apps/v1", stateful(0), stateful(1), "0 of 1 replicas ready"),
        ("apps/v1", daemon(0), daemon(1), "available on 0 of 1 nodes"),
        ("batch/v1", job(json!({ "active": 1 })), job(complete), "1 pods run"),
        ("v1", claim("Pending"), claim("Bound"), "waits for its volume"),
    ];
    for (api, before, after, words) in rows {
        let mut scene = Scene::new();
        let kind = before["kind"].as_str().unwrap_or_default().to_ascii_lowercase();
        let root = if api == "v1" { "/api/v1".to_owned() } else { format!("/apis/{api}") };
        let path = format!("WATCH {root}/namespaces/n/{kind}s");
        scene.fake.change(|world| {
            world.store(json!({ "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
                "metadata": { "name": "standard" }, "volumeBindingMode": "Immediate" }));
            world.store(before.clone());
            world.when(&path, move |world| world.store(after));
        });
        let end = scene.wait(std::slice::from_ref(&before)).await;
        assert_eq!(end.map(|settled| settled.detail), Ok("1 of 1 ready".to_owned()), "{kind}");
        let said = scene.waited_for();
        assert!(
            said.iter().any(|said| said.starts_with("0 of 1 ready: ") && said.contains(words)),
            "{said:?}"
        );
    }
}

#[tokio::test]
async fn an_object_that_was_changed_is_not_ready_by_its_old_status() {
    let scene = Scene::new();
    let mut stale = deployment("api", 1);
    stale["metadata"]["generation"] = 2.into();
    let mut fresh = stale.clone();
    fresh["status"]["observedGeneration"] = 2.into();
    scene.fake.change(|world| {
        world.store(stale.clone());
        world.store(replica_set("api"));
        // The pod of the version before, which the new one replaces.
        world.store(pod("api", "api-1-a", 9, &super::scene::crashing()));
        world.when(&format!("WATCH {PODS}"), |world| world.delete("Pod", "n", "api-1-a"));
        world.when(&format!("WATCH {DEPLOYMENTS}"), |world| world.store(fresh));
    });
    assert!(scene.wait(&[stale]).await.is_ok());
}

#[tokio::test]
async fn a_claim_that_waits_for_its_first_pod_is_not_waited_for() {
    let scene = Scene::new();
    let claim = object(
        "v1",
        "PersistentVolumeClaim",
        "data",
        &json!({
        "spec": { "storageClassName": "lazy" }, "status": { "phase": "Pending" } }),
    );
    scene.fake.change(|world| {
        world.store(json!({ "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
            "metadata": { "name": "lazy" }, "volumeBindingMode": "WaitForFirstConsumer" }));
        world.store(claim.clone());
    });
    assert!(scene.wait(&[claim]).await.is_ok());
}

#[tokio::test]
async fn a_load_balancer_without_a_controller_is_warned_about() {
    let mut scene = Scene::new();
    let wanted = [deployment("web", 1), service("web", "LoadBalancer")];
    scene.fake.change(|world| {
        for object in &wanted {
            world.store(object.clone());
        }
        world.store(slice("web"));
    });
    assert_eq!(scene.wait(&wanted).await.unwrap().detail, "1 of 2 ready");
    assert_eq!(scene.bed.warnings(), ["LOAD_BALANCER_PENDING"]);
}

#[tokio::test]
async fn a_service_for_the_pods_of_somebody_else_is_not_waited_for() {
    let scene = Scene::new();
    let wanted = [deployment("api", 1), service("elsewhere", "ClusterIP")];
    let mut late = deployment("api", 0);
    late["status"]["availableReplicas"] = 0.into();
    scene.fake.change(|world| {
        world.store(late);
        world.store(wanted[1].clone());
        world.store(pod("api", "api-1-a", 0, &json!({ "running": {} })));
        let ready = wanted[0].clone();
        world.when(&format!("WATCH {DEPLOYMENTS}"), |world| world.store(ready));
    });
    assert!(scene.wait(&wanted).await.is_ok());
}

#[tokio::test]
async fn watches_that_break_lose_nothing() {
    type Act = fn(&mut World);
    let rows: [(&str, Act); 4] = [
        ("dropped", |world| world.drop_watches()),
        ("too old", |world| world.expire()),
        ("refused", |world| {
            world.fault(&format!("WATCH {DEPLOYMENTS}"), Fault::Status(503), 2);
            world.drop_watches();
        }),
        ("cut", |world| {
            world.fault(&format!("WATCH {DEPLOYMENTS}"), Fault::Cut, 2);
            world.fault(&format!("GET {DEPLOYMENTS}"), Fault::Status(500), 1);
            world.expire();
        }),
    ];
    for (name, act) in rows {
        let scene = Scene::new();
        scene.fake.change(|world| {
            world.store(deployment("api", 0));
            world.when(&format!("WATCH {DEPLOYMENTS}"), move |world| {
                act(world);
                world.store(deployment("api", 1));
            });
        });
        assert!(scene.wait(&[deployment("api", 1)]).await.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn what_may_not_be_seen_is_left_out_unless_it_is_waited_for() {
    let scene = Scene::new();
    scene.fake.change(|world| {
        for kind in ["events", "secrets", "nodes", "pods", "replicasets"] {
            world.forbid("list", kind, "*");
        }
        world.store(deployment("api", 0));
        world.when("GET /api/v1/nodes", |world| world.store(deployment("api", 1)));
    });
    assert!(scene.wait(&[deployment("api", 1)]).await.is_ok());
    for verb in ["list", "watch"] {
        let scene = Scene::new();
        scene.fake.change(|world| {
            world.forbid(verb, "deployments", "n");
            world.store(deployment("api", 0));
        });
        let failure = scene.wait(&[deployment("api", 1)]).await.unwrap_err();
        assert_eq!(failure.code, "API_FORBIDDEN");
        let words = format!("{verb} deployments in the namespace `n`");
        assert!(failure.summary.contains(&words), "{}", failure.summary);
    }
}

#[tokio::test]
async fn credentials_that_are_not_accepted_end_the_wait() {
    let scene = Scene::new();
    scene.fake.change(|world| world.accept_only("another"));
    let failure = scene.wait(&[deployment("api", 1)]).await.unwrap_err();
    assert_eq!(failure.code, "API_UNAUTHORIZED");
}

#[tokio::test]
async fn a_wait_that_is_told_to_stop_does() {
    let scene = Scene::new();
    let cancel = scene.bed.ctx.cancel.clone();
    scene.fake.change(|world| {
        world.store(deployment("api", 0));
        world.when(&format!("WATCH {DEPLOYMENTS}"), move |_| cancel.cancel());
    });
    assert!(scene.wait(&[deployment("api", 1)]).await.unwrap_err().is_cancelled());
}

#[tokio::test]
async fn objects_of_many_namespaces_are_one_watch() {
    let mut scene = Scene::new();
    let names = ["n1", "n2", "n3", "n4", "n5"];
    let wanted = names.map(|namespace| {
        let mut one = deployment("api", 0);
        one["metadata"]["namespace"] = namespace.into();
        one["metadata"]["uid"] = namespace.into();
        one
    });
    scene.ends_in(Duration::from_secs(20));
    scene.fake.change(|world| {
        for (namespace, object) in names.iter().zip(&wanted) {
            world.namespace(namespace);
            world.store(object.clone());
        }
        let ready = wanted.clone().map(|mut object| {
            object["status"]["availableReplicas"] = 1.into();
            object
        });
        world.when("WATCH /apis/apps/v1/deployments", |world| {
            for object in ready {
                world.store(object);
            }
        });
    });
    assert_eq!(scene.wait(&wanted).await.unwrap().detail, "5 of 5 ready");
    let watches = scene.watches();
    assert_eq!(
        watches.iter().filter(|path| path.contains("deployments")).count(),
        1,
        "{watches:?}"
    );
}
