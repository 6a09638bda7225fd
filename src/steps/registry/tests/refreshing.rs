//! `mlup creds refresh` and `mlup creds status`.

use super::*;
use crate::steps::objects::fixture::FakeApi;
use crate::steps::registry::refresh::{Refreshed, refresh};
use crate::steps::registry::status::{Row, status};

const POD: &str = "/api/v1/namespaces/a/pods/api-1";

fn pod(image: &str, reason: &str, is_owned: bool) -> Value {
    let owner = json!([{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "api",
                         "uid": "u", "controller": true }]);
    json!({
        "metadata": { "ownerReferences": if is_owned { owner } else { json!([]) } },
        "spec": {
            "containers": [{ "name": "api", "image": image }],
            "imagePullSecrets": [{ "name": "regcred" }],
        },
        "status": { "containerStatuses": [{
            "name": "api", "image": image, "imageID": "", "ready": false, "restartCount": 0,
            "state": { "waiting": { "reason": reason } },
        }] },
    })
}

async fn refreshed(
    secret: &PullSecret,
    is_forced: bool,
    bed: &TestBed,
    api: &FakeApi,
) -> Refreshed {
    let passwords = Passwords::default();
    refresh(secret, is_forced, (&passwords, &bed.ctx), &api.objects(&bed.ctx)).await.unwrap()
}

async fn rows(secret: &PullSecret, bed: &TestBed, api: &FakeApi) -> Vec<Row> {
    status(secret, &api.objects(&bed.ctx)).await.unwrap()
}

#[tokio::test]
async fn only_what_is_due_is_renewed_unless_forced() {
    let (mut bed, runner) = bed(&["one\n", "two\n"]);
    let api = FakeApi::with_namespaces(["a"]);
    let secret = secret_of(&mut bed, vec![printed("r.example", &["a"], Some(7200))]);
    assert_eq!(refreshed(&secret, false, &bed, &api).await.written, ["a"]);
    assert!(refreshed(&secret, false, &bed, &api).await.written.is_empty());
    assert_eq!(refreshed(&secret, true, &bed, &api).await.written, ["a"]);
    assert_eq!(runner.calls().len(), 2);
    assert_eq!(document(&api.at(&path("a")).unwrap())["auths"]["r.example"]["password"], "two");
}

#[tokio::test]
async fn a_pod_that_waits_for_the_image_pulls_again_at_once() {
    let (mut bed, _) = bed(&["one\n"]);
    let api = FakeApi::with_namespaces(["a"]);
    api.put(POD, pod("r.example/api:1", "ImagePullBackOff", true));
    let secret = secret_of(&mut bed, vec![printed("r.example", &["a"], Some(7200))]);
    assert_eq!(refreshed(&secret, false, &bed, &api).await.retried, ["a/api-1"]);
    assert_eq!(api.at(POD), None);
}

#[tokio::test]
async fn other_pods_stay() {
    for (image, reason, is_owned, left) in [
        ("r.example/api:1", "ImagePullBackOff", false, 1),
        ("other.example/api:1", "ErrImagePull", true, 0),
        ("r.example/api:1", "CrashLoopBackOff", true, 0),
    ] {
        let (mut bed, _) = bed(&["one\n"]);
        let api = FakeApi::with_namespaces(["a"]);
        api.put(POD, pod(image, reason, is_owned));
        let secret = secret_of(&mut bed, vec![printed("r.example", &["a"], Some(7200))]);
        let refreshed = refreshed(&secret, false, &bed, &api).await;
        assert!(refreshed.retried.is_empty(), "{image} {reason}");
        assert_eq!(refreshed.left.len(), left, "{image} {reason}");
        assert!(api.at(POD).is_some());
    }
}

#[tokio::test]
async fn status_says_what_is_there_and_asks_for_no_password() {
    let (mut bed, runner) = bed(&["one\n"]);
    let api = FakeApi::with_namespaces(["a", "b"]);
    let secret = secret_of(&mut bed, vec![printed("r.example", &["a", "b"], Some(7200))]);
    assert_eq!(rows(&secret, &bed, &api).await[0].state, "missing");
    refreshed(&secret, false, &bed, &api).await;
    api.put(POD, pod("r.example/api:1", "ImagePullBackOff", true));
    let mut old = api.at(&path("b")).unwrap();
    old["metadata"]["annotations"]["mlup.dev/expires-at"] = "2020-01-01T00:00:00Z".into();
    api.put(&path("b"), old);
    let rows = rows(&secret, &bed, &api).await;
    assert_eq!((rows[0].state, rows[1].state), ("good", "expired"));
    assert_eq!(rows[0].pods, ["api-1"]);
    assert!(rows[0].expires.as_ref().is_some_and(|text| text.starts_with("in ")));
    assert!(rows[1].expires.as_ref().is_some_and(|text| text.starts_with("expired ")));
    assert_eq!(runner.calls().len(), 1);
    assert!(!serde_json::to_string(&rows).unwrap().contains("one"));
}
