//! What is left over of earlier runs, and what a reset takes away.

use serde_json::json;

use super::scene::{API, DEPLOYMENT, Scene, words};
use crate::steps::{Prune, Teardown};

/// Only the deployment is left of the manifests.
fn less() -> String {
    let parts: Vec<&str> = API.split("---").take(2).collect();
    parts.join("---")
}

const CLAIM: &str = r"
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: mlops}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
";

const SERVICE: &str = "/api/v1/namespaces/mlops/services/api";
const CLAIM_PATH: &str = "/api/v1/namespaces/mlops/persistentvolumeclaims/data";

fn is_there(scene: &Scene, path: &str) -> bool {
    scene.fake.change(|world| world.get(path)).is_some()
}

#[tokio::test]
async fn what_left_the_manifests_is_told_and_goes_with_prune() {
    let mut scene = Scene::new(API);
    scene.start().await.unwrap();
    scene.deploy("app", &less());
    assert_eq!(scene.start_of("app", Prune::No).await.unwrap(), ["LEFTOVERS"]);
    assert!(is_there(&scene, SERVICE));
    let mut bed = scene.bed();
    bed.ctx.prune = Prune::KeepData;
    let deploy = bed.ctx.config.deploys[0].clone();
    let changes = words(super::super::probe(&deploy, &bed.ctx).await.unwrap());
    assert_eq!(
        changes,
        [
            "remove service mlops/api: `app` applied it, and nothing wants it any more",
            "remove configmap mlops/settings: `app` applied it, and nothing wants it any more",
            "remove secret mlops/keys: `app` applied it, and nothing wants it any more",
        ]
    );
    assert!(scene.start_of("app", Prune::KeepData).await.unwrap().is_empty());
    for path in [
        SERVICE,
        "/api/v1/namespaces/mlops/secrets/keys",
        "/api/v1/namespaces/mlops/configmaps/settings",
    ] {
        assert!(!is_there(&scene, path), "{path}");
    }
    assert!(is_there(&scene, DEPLOYMENT));
    assert!(scene.start().await.unwrap().is_empty(), "nothing is left over any more");
}

#[tokio::test]
async fn data_goes_with_a_consent_alone() {
    let mut scene = Scene::new(&format!("{API}{CLAIM}"));
    scene.start().await.unwrap();
    scene.deploy("app", API);
    assert_eq!(scene.start_of("app", Prune::KeepData).await.unwrap(), ["LEFTOVERS"]);
    assert!(is_there(&scene, CLAIM_PATH));
    scene.start_of("app", Prune::All).await.unwrap();
    assert!(!is_there(&scene, CLAIM_PATH));
}

#[tokio::test]
async fn what_moved_to_another_deploy_is_not_left_over() {
    let mut scene = Scene::new(API);
    scene.start().await.unwrap();
    let parts: Vec<&str> = API.split("---").skip(2).collect();
    scene.deploy("app", &less());
    scene.deploy("rest", &parts.join("---"));
    assert!(scene.start_of("app", Prune::All).await.unwrap().is_empty());
    assert!(is_there(&scene, SERVICE));
    scene.start_of("rest", Prune::All).await.unwrap();
    scene.drop("rest");
    assert_eq!(
        scene.start_of("app", Prune::No).await.unwrap(),
        ["LEFTOVERS"],
        "the deploy is gone"
    );
    scene.start_of("app", Prune::All).await.unwrap();
    assert!(!is_there(&scene, SERVICE));
    assert!(is_there(&scene, DEPLOYMENT));
}

#[tokio::test]
async fn a_reset_keeps_data_and_a_purge_does_not() {
    let scene = Scene::new(&format!("{API}{CLAIM}"));
    scene.start().await.unwrap();
    scene.fake.change(|world| {
        world.store(json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "plain", "namespace": "default"}}));
    });
    assert!(scene.remove(Teardown::Stop).await.unwrap().is_empty());
    let gone = scene.remove(Teardown::Reset).await.unwrap();
    assert_eq!(
        gone,
        [
            "deployment mlops/api",
            "service mlops/api",
            "configmap mlops/settings",
            "secret mlops/keys"
        ]
    );
    assert!(is_there(&scene, CLAIM_PATH) && is_there(&scene, "/api/v1/namespaces/mlops"));
    let gone = scene.remove(Teardown::Purge).await.unwrap();
    assert_eq!(gone, ["persistentvolumeclaim mlops/data", "namespace mlops"]);
    assert!(!is_there(&scene, "/api/v1/namespaces/mlops"));
    assert!(is_there(&scene, "/api/v1/namespaces/default/configmaps/plain"));
    let left = scene.fake.change(|world| world.objects("ConfigMap"));
    assert!(
        left.iter().all(|one| one["metadata"]["labels"]["dev.mlup.role"].is_null()),
        "{left:?}"
    );
}

#[tokio::test]
async fn a_namespace_with_objects_of_others_stays() {
    let scene = Scene::new(API);
    scene.start().await.unwrap();
    scene.fake.change(|world| {
        world.store(json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "theirs", "namespace": "mlops"}}));
    });
    let gone = scene.remove(Teardown::Purge).await.unwrap();
    assert!(!gone.contains(&"namespace mlops".to_owned()), "{gone:?}");
    assert!(is_there(&scene, "/api/v1/namespaces/mlops/configmaps/theirs"));
}

#[tokio::test]
async fn a_namespace_with_objects_of_others_outlives_its_manifest() {
    let config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: default}\n";
    let mut scene = Scene::new(&format!(
        "{config}---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: mlops}}\n"
    ));
    scene.start().await.unwrap();
    scene.deploy("app", config);
    scene.fake.change(|world| {
        world.store(json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "theirs", "namespace": "mlops"}}));
    });
    assert_eq!(scene.start_of("app", Prune::All).await.unwrap(), ["NAMESPACE_KEPT"]);
    assert!(is_there(&scene, "/api/v1/namespaces/mlops"));
    scene.fake.change(|world| world.delete("ConfigMap", "mlops", "theirs"));
    scene.start_of("app", Prune::All).await.unwrap();
    assert!(!is_there(&scene, "/api/v1/namespaces/mlops"));
}

#[tokio::test]
async fn what_a_deploy_that_cannot_be_read_applied_is_known_by_its_inventory() {
    let mut scene = Scene::new(API);
    scene.start().await.unwrap();
    scene.deploy("app", "a: [\n");
    let gone = scene.remove(Teardown::Reset).await.unwrap();
    assert_eq!(gone.len(), 4, "{gone:?}");
}
