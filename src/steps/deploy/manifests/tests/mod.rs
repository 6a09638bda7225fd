//! Deploys of manifests against a fake API server: what is applied, what is left alone, what is
//! refused, and what goes.

mod left;
mod refused;
mod scene;

use serde_json::json;

use scene::{API, DEPLOYMENT, Scene};

#[tokio::test]
async fn everything_is_made_once_and_then_left_alone() {
    let scene = Scene::new(API);
    let changes = scene.changes().await;
    assert_eq!(changes.len(), 5, "{changes:?}");
    assert_eq!(changes[0], "create namespace mlops: it is not there");
    assert!(scene.start().await.unwrap().is_empty());
    let seen = scene.since();
    let ready = scene.changes().await;
    assert_eq!(ready.len(), 1, "{ready:?}");
    assert!(ready[0].starts_with("wait for deployment mlops/api: "), "{ready:?}");
    let calls = scene.calls_after(seen);
    assert_eq!(calls.iter().filter(|call| !call.starts_with("GET ")).count(), 0, "{calls:?}");
    assert_eq!(calls.len(), 5, "one list a kind: {calls:?}");
    scene.start().await.unwrap();
    assert_eq!(
        scene.fake.writes().len(),
        6,
        "five objects and the inventory: {:?}",
        scene.fake.writes()
    );
}

#[tokio::test]
async fn an_edit_by_hand_is_put_back_with_a_word() {
    let scene = Scene::new(API);
    scene.start().await.unwrap();
    edit(&scene, "kubectl-edit");
    assert_eq!(
        scene.changes().await,
        ["update deployment mlops/api: spec.replicas was changed by kubectl-edit"]
    );
    assert_eq!(scene.start().await.unwrap(), ["FIELDS_TAKEN_OVER"]);
    let live = scene.fake.change(|world| world.get(DEPLOYMENT).unwrap());
    assert_eq!(live["spec"]["replicas"], 2);
}

#[tokio::test]
async fn a_field_of_another_controller_is_not_taken() {
    let scene = Scene::new(API);
    scene.start().await.unwrap();
    edit(&scene, "autoscaler");
    let failure = scene.start().await.unwrap_err();
    assert_eq!(failure.code, "FIELD_OWNED");
    assert!(
        failure.summary.contains("`spec.replicas` is owned by `autoscaler`"),
        "{}",
        failure.summary
    );
    assert_eq!(failure.evidence[0].source, "manifest");
    assert!(failure.evidence[0].text.starts_with("app.yaml:"), "{:?}", failure.evidence[0]);
}

#[tokio::test]
async fn a_kept_field_stays_as_others_set_it() {
    let mut scene = Scene::new(API);
    scene.deploy("app", API).keep = vec!["spec.replicas".to_owned()];
    scene.start().await.unwrap();
    let replicas = |scene: &Scene| {
        scene.fake.change(|world| world.get(DEPLOYMENT).unwrap())["spec"]["replicas"].clone()
    };
    assert_eq!(replicas(&scene), 2, "set when it is made");
    edit(&scene, "autoscaler");
    let writes = scene.fake.writes().len();
    scene.start().await.unwrap();
    assert_eq!(scene.fake.writes().len(), writes);
    scene.deploy("app", &API.replace("api:1", "api:2").replace("replicas: 2", "replicas: 3"));
    scene.start().await.unwrap();
    assert_eq!(replicas(&scene), 9);
}

#[tokio::test]
async fn what_others_set_beside_is_left_alone() {
    let scene = Scene::new(API);
    scene.start().await.unwrap();
    scene.fake.change(|world| {
        let mut live = world.get(DEPLOYMENT).unwrap();
        live["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = json!("1");
        live["spec"]["template"]["metadata"]["annotations"] =
            json!({"kubectl.kubernetes.io/restartedAt": "now"});
        world.store(live);
    });
    let writes = scene.fake.writes().len();
    scene.start().await.unwrap();
    assert_eq!(scene.fake.writes().len(), writes);
}

#[tokio::test]
async fn a_change_of_the_manifest_says_where() {
    let mut scene = Scene::new(API);
    scene.start().await.unwrap();
    scene.deploy("app", &API.replace("api:1", "api:2").replace("hunter2", "other"));
    let changes = scene.changes().await;
    assert_eq!(
        changes,
        [
            "update deployment mlops/api: spec.template.spec.containers[name=api].image differs",
            "update secret mlops/keys: the value of `token` differs",
        ]
    );
    scene.start().await.unwrap();
    let secret =
        scene.fake.change(|world| world.get("/api/v1/namespaces/mlops/secrets/keys").unwrap());
    assert_eq!(secret["data"]["token"], "b3RoZXI=");
    assert!(!secret.to_string().contains("hunter2"));
}

#[tokio::test]
async fn what_a_script_applied_before_is_taken_over() {
    let scene = Scene::new(API);
    scene.fake.change(|world| {
        world.namespace("mlops");
        world.store(json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "settings", "namespace": "mlops", "managedFields": [
                {"manager": "kubectl-client-side-apply", "operation": "Update", "apiVersion": "v1",
                 "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:mode": {}}}}]},
            "data": {"mode": "old", "beside": "x"}}));
    });
    let changes = scene.changes().await;
    assert!(
        changes.contains(
            &"update configmap mlops/settings: it is there, and mlup did not apply it".to_owned()
        ),
        "{changes:?}"
    );
    assert_eq!(scene.start().await.unwrap(), ["FIELDS_TAKEN_OVER"]);
    let live = scene
        .fake
        .change(|world| world.get("/api/v1/namespaces/mlops/configmaps/settings").unwrap());
    assert_eq!(live["data"], json!({"mode": "dev", "beside": "x"}));
}

#[tokio::test]
async fn a_custom_resource_follows_its_definition() {
    let scene = Scene::new(CUSTOM);
    scene.start().await.unwrap();
    let pool = scene.fake.change(|world| world.get("/apis/x.io/v1/namespaces/default/pools/one"));
    assert!(pool.is_some());
    let writes = scene.fake.writes();
    assert!(writes[0].contains("customresourcedefinitions"), "{writes:?}");
}

#[tokio::test]
async fn a_namespace_that_the_manifests_do_not_make_is_made() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    let mut scene = Scene::new(text);
    scene.deploy("app", text).namespace = Some("fresh".to_owned());
    scene.start().await.unwrap();
    let made = scene.fake.change(|world| world.get("/api/v1/namespaces/fresh/configmaps/a"));
    assert!(made.is_some());
}

#[tokio::test]
async fn a_deploy_before_its_cluster_is_told_object_by_object() {
    let mut scene = Scene::new(API);
    scene.fake.refuse();
    let changes = scene.changes().await;
    assert_eq!(changes.len(), 5);
    assert!(
        changes.iter().all(|change| change.ends_with(": after the cluster is up")),
        "{changes:?}"
    );
}

const CUSTOM: &str = r"
apiVersion: x.io/v1
kind: Pool
metadata: {name: one}
spec: {size: 1}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: pools.x.io}
spec:
  group: x.io
  scope: Namespaced
  names: {kind: Pool, plural: pools, singular: pool, listKind: PoolList}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
";

/// Somebody sets another count of replicas.
fn edit(scene: &Scene, manager: &str) {
    scene.fake.change(|world| {
        let mut live = world.get(DEPLOYMENT).unwrap();
        live["spec"]["replicas"] = json!(9);
        let entries = live["metadata"]["managedFields"].as_array_mut().unwrap();
        entries[0]["fieldsV1"]["f:spec"].as_object_mut().unwrap().shift_remove("f:replicas");
        entries.push(json!({"manager": manager, "operation": "Update", "apiVersion": "apps/v1",
            "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:replicas": {}}}}));
        world.store(live);
    });
}
