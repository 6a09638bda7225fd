//! What stands still: borne with while somebody may help, and told with its cause once nobody can.

use std::time::Duration;

use serde_json::{Value, json};

use super::scene::{
    DEPLOYMENTS, PODS, Scene, crashing, deployment, ids, pod, replica_set, without_secret,
};

/// A deployment whose only pod is in this state.
fn stuck(scene: &Scene, name: &str, restarts: u64, state: &Value) {
    scene.fake.change(|world| {
        world.store(deployment(name, 0));
        world.store(replica_set(name));
        world.store(pod(name, &format!("{name}-1-a"), restarts, state));
    });
}

fn secret() -> Value {
    json!({ "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": { "namespace": "n", "name": "keys" }, "data": { "a": "aHVudGVyMg==" } })
}

#[tokio::test]
async fn a_missing_secret_is_told_at_once_where_nobody_brings_it() {
    let scene = Scene::new();
    stuck(&scene, "api", 0, &without_secret());
    let failure = scene.wait(&[deployment("api", 1)]).await.unwrap_err();
    assert_eq!(failure.code, "SECRET_MISSING");
    assert!(failure.summary.contains("`keys`"), "{}", failure.summary);
    assert!(failure.evidence.iter().any(|line| line.text.contains("not found")), "{failure:?}");
    assert!(failure.fix.is_some());
}

#[tokio::test]
async fn a_missing_secret_is_waited_for_while_a_step_may_bring_it() {
    let mut scene = Scene::new();
    scene.others(&["secret/keys", "deploy/stack"]);
    stuck(&scene, "api", 0, &without_secret());
    let unfinished = scene.unfinished();
    scene.fake.change(|world| {
        // Everything that explains is looked at once the pod is seen to stand still.
        world.when("WATCH /api/v1/namespaces/n/secrets", move |world| {
            world.store(secret());
            unfinished.send_replace(ids(&["deploy/stack"]));
            world.store(deployment("api", 1));
        });
    });
    assert!(scene.wait(&[deployment("api", 1)]).await.is_ok());
    let said = scene.waited_for();
    assert!(
        said.iter()
            .any(|said| said.contains("deployment/api blocked: ") && said.contains("`keys`")),
        "{said:?}"
    );
    assert!(!format!("{said:?}").contains("hunter2"));
}

#[tokio::test]
async fn help_that_brought_nothing_ends_the_wait_with_the_next_attempt() {
    let scene = Scene::new();
    scene.others(&["secret/other"]);
    stuck(&scene, "api", 0, &without_secret());
    let unfinished = scene.unfinished();
    scene.fake.change(|world| {
        world.when("WATCH /api/v1/namespaces/n/secrets", move |world| {
            unfinished.send_replace(ids(&[]));
            world.delete("Pod", "n", "api-1-a");
            world.store(pod("api", "api-1-b", 0, &without_secret()));
        });
    });
    let failure = scene.wait(&[deployment("api", 1)]).await.unwrap_err();
    assert_eq!(failure.code, "SECRET_MISSING");
}

#[tokio::test]
async fn a_crash_is_borne_with_while_others_come_up_and_its_log_tells_the_cause() {
    let mut scene = Scene::new();
    stuck(&scene, "api", 4, &crashing());
    scene.fake.change(|world| {
        world.store(deployment("db", 0));
        world.previous_log(
            "n",
            "api-1-a",
            "main",
            "psycopg2: could not translate host name \"db\"\n",
        );
        world.when("GET /api/v1/namespaces/n/pods/api-1-a/log", |world| {
            world.store(deployment("db", 1));
            world.store(deployment("api", 1));
            world.delete("Pod", "n", "api-1-a");
        });
    });
    let wanted = [deployment("api", 1), deployment("db", 1)];
    assert_eq!(scene.wait(&wanted).await.unwrap().detail, "2 of 2 ready");
    let said = scene.waited_for();
    assert!(
        said.iter().any(|said| said.contains("blocked")
            && said.ends_with("deployment/db 0 of 1 replicas available")),
        "{said:?}"
    );
}

#[tokio::test]
async fn a_crash_of_what_the_others_wait_for_is_no_reason_to_wait() {
    let mut scene = Scene::new();
    scene.ends_in(Duration::from_secs(30));
    stuck(&scene, "db", 4, &crashing());
    let mut api = deployment("api", 0);
    api["spec"]["template"]["spec"]["containers"][0]["env"] =
        json!([{ "name": "DATABASE_URL", "value": "postgresql://u@db.n.svc:5432/x" }]);
    scene.fake.change(|world| {
        world.store(api.clone());
        world.log("n", "db-1-a", "main", "no password\n");
    });
    let failure = scene.wait(&[api, deployment("db", 1)]).await.unwrap_err();
    assert_eq!(failure.code, "CRASH_LOOP");
    assert!(failure.evidence.iter().any(|line| line.text == "no password"), "{failure:?}");
    let fix = failure.fix.unwrap().command;
    assert!(fix.starts_with("kubectl --context here -n n logs"), "{fix}");
}

#[tokio::test]
async fn a_job_that_failed_ends_the_wait_with_its_log() {
    let scene = Scene::new();
    let job = json!({ "apiVersion": "batch/v1", "kind": "Job",
        "metadata": { "namespace": "n", "name": "seed", "uid": "uid-seed" }, "spec": {},
        "status": { "failed": 1, "conditions": [{ "type": "Failed", "status": "True",
            "reason": "BackoffLimitExceeded", "message": "reached the limit" }] } });
    let mut pod = pod("x", "seed-a", 0, &json!({ "terminated": { "exitCode": 3 } }));
    pod["metadata"]["ownerReferences"] =
        json!([{ "apiVersion": "batch/v1", "kind": "Job", "name": "seed", "uid": "uid-seed" }]);
    pod["status"]["phase"] = "Failed".into();
    scene.fake.change(|world| {
        world.store(job.clone());
        world.store(pod);
        world.log("n", "seed-a", "main", "no bucket `models`\n");
    });
    let failure = scene.wait(&[job]).await.unwrap_err();
    assert_eq!(failure.code, "JOB_FAILED");
    assert!(failure.evidence.iter().any(|line| line.text == "no bucket `models`"), "{failure:?}");
}

#[tokio::test]
async fn what_runs_again_after_a_crash_has_to_stay_up() {
    let mut scene = Scene::new();
    let started = crate::host::clock::rfc3339_now();
    stuck(&scene, "api", 1, &json!({ "running": { "startedAt": started } }));
    scene.fake.change(|world| world.store(deployment("api", 1)));
    assert!(scene.wait(&[deployment("api", 1)]).await.is_ok());
    let said = scene.waited_for();
    assert!(said.iter().any(|said| said.ends_with("was started again a moment ago")), "{said:?}");
}

#[tokio::test]
async fn what_is_optional_is_warned_about_and_not_waited_for() {
    let mut scene = Scene::new();
    scene.deploy.optional = vec!["deployment/locust-*".to_owned()];
    stuck(&scene, "locust-worker", 0, &without_secret());
    scene.fake.change(|world| world.store(deployment("api", 1)));
    let wanted = [deployment("api", 1), deployment("locust-worker", 1)];
    assert_eq!(scene.wait(&wanted).await.unwrap().detail, "1 of 2 ready");
    assert_eq!(scene.bed.warnings(), ["OPTIONAL_NOT_READY"]);
}

#[tokio::test]
async fn several_causes_are_told_together() {
    let mut scene = Scene::new();
    stuck(&scene, "api", 0, &without_secret());
    stuck(&scene, "web", 0, &json!({ "waiting": { "reason": "InvalidImageName" } }));
    let wanted = [deployment("api", 1), deployment("web", 1)];
    let failure = scene.wait(&wanted).await.unwrap_err();
    assert_eq!(failure.code, "IMAGE_NAME_INVALID");
    let [other] = &failure.detail.findings[..] else { panic!("{failure:?}") };
    assert_eq!(other.code, "SECRET_MISSING");
    assert!(other.summary.contains("`keys`") && other.fix.is_some(), "{other:?}");
    assert_eq!(scene.bed.warnings(), Vec::<&str>::new());
}

#[tokio::test]
async fn of_many_causes_so_many_are_told_as_people_read() {
    let scene = Scene::new();
    let names: Vec<String> = (0..12).map(|at| format!("api-{at}")).collect();
    for (at, name) in names.iter().enumerate() {
        let words = format!("secret \"keys-{at}\" not found");
        let waiting = json!({ "reason": "CreateContainerConfigError", "message": words });
        stuck(&scene, name, 0, &json!({ "waiting": waiting }));
    }
    let wanted: Vec<Value> = names.iter().map(|name| deployment(name, 1)).collect();
    let failure = scene.wait(&wanted).await.unwrap_err();
    assert_eq!((failure.code, failure.detail.findings.len()), ("SECRET_MISSING", 8));
    let last = failure.evidence.last().unwrap();
    assert_eq!(
        (last.source.as_str(), last.text.as_str()),
        ("beside", "3 more causes, such as SECRET_MISSING")
    );
    assert!(failure.evidence.len() <= 5, "{failure:?}");
}

#[tokio::test]
async fn the_end_of_the_time_names_what_was_missing_and_why() {
    let mut scene = Scene::new();
    scene.ends_in(Duration::from_secs(2));
    scene.fake.change(|world| {
        world.store(deployment("api", 0));
        world.store(deployment("web", 1));
        world.store(deployment("ui", 0));
    });
    let wanted = ["api", "web", "ui"].map(|name| deployment(name, 1));
    let failure = scene.wait(&wanted).await.unwrap_err();
    assert_eq!(
        (failure.code, failure.summary.as_str()),
        (
            "STEP_TIMEOUT",
            "the time was over with 1 of 3 ready: deployment/api 0 of 1 replicas available"
        )
    );
    assert_eq!(failure.evidence[0].source, "deployment/ui");
}

#[tokio::test]
async fn the_most_final_cause_is_named_first_at_the_end_of_the_time() {
    let mut scene = Scene::new();
    scene.ends_in(Duration::from_secs(2));
    scene.others(&["secret/keys"]);
    scene.fake.change(|world| world.store(deployment("api", 0)));
    stuck(&scene, "web", 0, &without_secret());
    let wanted = ["api", "web"].map(|name| deployment(name, 1));
    let failure = scene.wait(&wanted).await.unwrap_err();
    assert_eq!(failure.code, "STEP_TIMEOUT");
    assert!(failure.summary.ends_with("(SECRET_MISSING)"), "{}", failure.summary);
    let paths = [DEPLOYMENTS, PODS].map(|path| format!("GET {path}?"));
    let calls = scene.fake.calls();
    let lists = |path: &String| {
        calls
            .iter()
            .filter(|call| call.starts_with(path.as_str()) && !call.contains("watch="))
            .count()
    };
    assert!(paths.iter().all(|path| lists(path) == 1), "polled: {calls:?}");
}
