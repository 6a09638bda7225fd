//! Looks before anything is done: what runs is ready already, and what does not is never called so.

use serde_json::{Value, json};

use super::scene::{Scene, crashing, deployment, pod, replica_set};
use crate::host::kube::fake::World;

fn settings() -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "namespace": "n", "name": "settings" } })
}

/// What the cluster holds, and whether a deployment of it counts as ready.
type Row = (&'static str, fn(&mut World), Option<&'static str>);

#[tokio::test]
async fn only_what_runs_is_ready_already() {
    let rows: [Row; 4] = [
        ("it runs", |world| world.store(deployment("api", 1)), Some("1 of 1 ready")),
        ("it is not there", |_| {}, None),
        ("it comes up", |world| world.store(deployment("api", 0)), None),
        (
            "its status lags behind its pod",
            |world| {
                world.store(deployment("api", 1));
                world.store(replica_set("api"));
                world.store(pod("api", "api-1-a", 3, &crashing()));
            },
            None,
        ),
    ];
    for (name, set, ready) in rows {
        let scene = Scene::new();
        scene.fake.change(set);
        let settled = scene.look(&[deployment("api", 1), settings()]).await.unwrap();
        assert_eq!(settled.map(|settled| settled.detail).as_deref(), ready, "{name}");
        assert!(scene.watches().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn looks_of_one_run_share_their_lists() {
    let scene = Scene::new();
    scene.fake.change(|world| {
        world.store(deployment("api", 1));
        world.store(deployment("web", 1));
    });
    for name in ["api", "web"] {
        assert!(scene.look(&[deployment(name, 1)]).await.unwrap().is_some(), "{name}");
    }
    let calls = scene.fake.calls();
    assert_eq!(calls.len(), 3, "deployments, replica sets and pods: {calls:?}");
}

#[tokio::test]
async fn pods_that_may_not_be_seen_are_left_out() {
    let scene = Scene::new();
    scene.fake.change(|world| {
        world.store(deployment("api", 1));
        world.forbid("list", "pods", "n");
    });
    assert!(scene.look(&[deployment("api", 1)]).await.unwrap().is_some());
    scene.fake.change(|world| world.forbid("list", "deployments", "n"));
    scene.bed.ctx.listings.forget_all();
    assert!(scene.look(&[deployment("api", 1)]).await.unwrap().is_none(), "unknown is not ready");
}
