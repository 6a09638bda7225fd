//! What the API refuses: waited for, replaced, or told with what to do.

use serde_json::json;

use super::scene::{API, DEPLOYMENT, Scene};
use crate::host::kube::fake::Fault;
use crate::policy::Class;

const JOB: &str = r"
apiVersion: batch/v1
kind: Job
metadata: {name: migrate, namespace: default}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: migrate, image: 'migrate:1'}]
";

const JOB_PATH: &str = "/apis/batch/v1/namespaces/default/jobs/migrate";

#[tokio::test]
async fn a_webhook_that_comes_up_is_waited_for() {
    let scene = Scene::new(API);
    scene.fake.change(|world| {
        world.fault("PATCH /api/v1/namespaces/mlops/services", Fault::Webhook("check.x.io"), 2);
    });
    scene.start().await.unwrap();
    let tries = scene
        .fake
        .calls()
        .iter()
        .filter(|call| call.starts_with("PATCH /api/v1/namespaces/mlops/services"))
        .count();
    assert_eq!(tries, 3);
}

#[tokio::test]
async fn a_finished_job_of_ours_is_made_anew() {
    let mut scene = Scene::new(JOB);
    scene.start().await.unwrap();
    let uid = |scene: &Scene| {
        scene.fake.change(|world| world.get(JOB_PATH).unwrap())["metadata"]["uid"].clone()
    };
    let before = uid(&scene);
    scene.deploy("app", &JOB.replace("migrate:1", "migrate:2"));
    let failure = scene.start().await.unwrap_err();
    assert_eq!(
        (failure.class, failure.code),
        (Class::Refused, "FIELD_IMMUTABLE"),
        "it runs: {}",
        failure.summary
    );
    assert_eq!(failure.evidence[0].text, "app.yaml:2");
    scene.fake.change(|world| {
        let mut job = world.get(JOB_PATH).unwrap();
        job["status"] = json!({"conditions": [{"type": "Complete", "status": "True"}]});
        world.store(job);
    });
    scene.start().await.unwrap();
    assert_ne!(uid(&scene), before);
}

#[tokio::test]
async fn an_immutable_field_of_a_deployment_says_what_to_do() {
    let mut scene = Scene::new(API);
    scene.start().await.unwrap();
    scene.deploy("app", &API.replace("app: api", "app: other"));
    let failure = scene.start().await.unwrap_err();
    assert_eq!(failure.code, "FIELD_IMMUTABLE");
    assert!(failure.fix.unwrap().command.starts_with("kubectl delete deployment api -n mlops"));
}

#[tokio::test]
async fn an_unknown_kind_names_what_is_missing_and_where() {
    let scene = Scene::new("# a pool\napiVersion: x.io/v1\nkind: Pool\nmetadata: {name: one}\n");
    assert_eq!(scene.changes().await, ["create pool one: once its kind is known"]);
    let failure = scene.start().await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Prerequisite, "KIND_UNKNOWN"));
    assert_eq!(failure.summary, "the cluster does not know the kind Pool of x.io/v1");
    assert_eq!(failure.evidence[0].text, "app.yaml:2");
}

#[tokio::test]
async fn an_unknown_field_is_told_with_the_objects_place() {
    let scene = Scene::new(&API.replace("  replicas: 2", "  replicaz: 2"));
    let failure = scene.start().await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Config, "OBJECT_INVALID"));
    assert!(failure.summary.contains("replicaz"), "{}", failure.summary);
    assert_eq!(failure.evidence[0].text, "app.yaml:6");
}

#[tokio::test]
async fn a_right_that_is_missing_is_named() {
    let scene = Scene::new(API);
    scene.fake.change(|world| world.forbid("patch", "deployments", "mlops"));
    let failure = scene.start().await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Prerequisite, "API_FORBIDDEN"));
    assert!(
        failure.summary.contains("may not patch deployments in namespace `mlops`"),
        "{}",
        failure.summary
    );
}

#[tokio::test]
async fn a_namespace_that_ends_is_waited_for_where_the_manifests_make_it() {
    let scene = Scene::new(API);
    scene.start().await.unwrap();
    scene.fake.change(|world| {
        let mut namespace = world.get("/api/v1/namespaces/mlops").unwrap();
        namespace["metadata"]["deletionTimestamp"] = json!("2026-11-21T10:00:00Z");
        namespace["status"]["phase"] = json!("Terminating");
        world.store(namespace);
    });
    assert_eq!(scene.changes().await.len(), 5);
    scene.start().await.unwrap();
    assert!(scene.fake.change(|world| world.get(DEPLOYMENT)).is_some());
}

#[tokio::test]
async fn a_namespace_of_others_that_ends_is_a_clear_failure() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: theirs}\n";
    let scene = Scene::new(text);
    scene.fake.change(|world| {
        world.hold(crate::host::kube::fake::Held::Namespaces);
        world.namespace("theirs");
        let mut namespace = world.get("/api/v1/namespaces/theirs").unwrap();
        namespace["metadata"]["deletionTimestamp"] = json!("2026-11-21T10:00:00Z");
        namespace["status"]["phase"] = json!("Terminating");
        world.store(namespace);
    });
    let failure = scene.start().await.unwrap_err();
    assert_eq!(failure.code, "NAMESPACE_TERMINATING");
    assert_eq!(failure.evidence[0].text, "app.yaml:1");
}

#[tokio::test]
async fn an_object_of_another_environment_is_not_touched() {
    let scene = Scene::new(API);
    scene.fake.change(|world| {
        world.namespace("mlops");
        world.store(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings",
            "namespace": "mlops", "labels": {"dev.mlup.project": "other"}, "annotations": {"mlup.dev/applied": "x"}}}));
    });
    let failure = scene.start().await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Refused, "OBJECT_FOREIGN"));
    assert!(scene.fake.writes().is_empty());
}
