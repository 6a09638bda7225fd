//! Writing pull secrets and attaching them to service accounts.

use super::*;
use crate::host::kube::fake::{Fault, Held};
use crate::plan::change::{Op, Probed};
use crate::policy::{Class, Failure};
use crate::steps::Teardown;
use crate::steps::objects::fixture::FakeApi;
use crate::steps::registry::apply::{self, Renewal};
use crate::steps::registry::remove::remove;

async fn up(secret: &PullSecret, bed: &TestBed, api: &FakeApi) -> Result<Vec<String>, Failure> {
    let passwords = Passwords::default();
    let objects = api.objects(&bed.ctx);
    let touched = apply::bring_up(secret, Renewal::Due, (&passwords, &bed.ctx), &objects).await;
    touched.map(|touched| touched.written)
}

async fn probed(secret: &PullSecret, bed: &TestBed, api: &FakeApi) -> Result<Probed, Failure> {
    apply::probe(secret, &Passwords::default(), &bed.ctx, &api.objects(&bed.ctx)).await
}

#[tokio::test]
async fn a_secret_is_made_in_every_namespace_and_a_second_run_writes_nothing() {
    let (mut bed, _) = bed(&[]);
    let api = FakeApi::with_namespaces(["a"]);
    let secret = secret_of(&mut bed, vec![fixed("ghcr.io", &["a", "b"])]);
    let Probed::Needed(changes) = probed(&secret, &bed, &api).await.unwrap() else { panic!() };
    assert_eq!(changes[0].op, Op::Create);
    up(&secret, &bed, &api).await.unwrap();
    for namespace in ["a", "b"] {
        let object = api.at(&path(namespace)).unwrap();
        assert_eq!(object["type"], "kubernetes.io/dockerconfigjson");
        assert_eq!(object["metadata"]["labels"]["dev.mlup.project"], "mlup-test");
        assert_eq!(document(&object)["auths"]["ghcr.io"]["password"], "s3cret");
    }
    let made = api.at("/api/v1/namespaces/b").unwrap();
    assert_eq!(made["metadata"]["labels"]["dev.mlup.project"], "mlup-test");
    assert!(apply::verify(&secret, &api.objects(&bed.ctx)).await.is_ok());

    let before = api.writes().len();
    assert!(matches!(probed(&secret, &bed, &api).await.unwrap(), Probed::Satisfied(_)));
    assert!(up(&secret, &bed, &api).await.unwrap().is_empty());
    assert_eq!(api.writes().len(), before);
}

#[tokio::test]
async fn writing_is_server_side_apply_by_mlup_in_place() {
    let (mut bed, _) = bed(&[]);
    let api = FakeApi::with_namespaces(["a"]);
    up(&secret_of(&mut bed, vec![fixed("ghcr.io", &["a"])]), &bed, &api).await.unwrap();
    let uid = api.at(&path("a")).unwrap()["metadata"]["uid"].clone();
    let other = secret_of(&mut bed, vec![fixed("quay.io", &["a"])]);
    up(&other, &bed, &api).await.unwrap();
    let object = api.at(&path("a")).unwrap();
    assert_eq!(object["metadata"]["uid"], uid);
    assert!(document(&object)["auths"]["ghcr.io"].is_null(), "what left the configuration is gone");
    let writes = api.writes();
    assert!(writes.iter().all(|call| call.starts_with("PATCH ")), "{writes:?}");
    assert!(writes[0].contains("fieldManager=mlup") && writes[0].contains("force=true"));
}

#[tokio::test]
async fn a_fresh_token_is_not_asked_for_again() {
    let (mut bed, runner) = bed(&["t0ken\n"]);
    let api = FakeApi::with_namespaces(["a"]);
    let secret = secret_of(&mut bed, vec![printed("r.example", &["a"], Some(7200))]);
    up(&secret, &bed, &api).await.unwrap();
    up(&secret, &bed, &api).await.unwrap();
    assert_eq!(runner.calls().len(), 1);
}

#[tokio::test]
async fn a_good_login_survives_a_password_that_cannot_be_had() {
    let (mut bed, _) = bed(&["t0ken\n", ""]);
    let api = FakeApi::with_namespaces(["a"]);
    let both = vec![printed("r.example", &["a"], Some(7200)), fixed("ghcr.io", &["a"])];
    let secret = secret_of(&mut bed, both);
    up(&secret, &bed, &api).await.unwrap();
    let mut due = api.at(&path("a")).unwrap();
    due["metadata"]["annotations"]["mlup.dev/expires-at"] = "2020-01-01T00:00:00Z".into();
    api.put(&path("a"), due);
    let failure = up(&secret, &bed, &api).await.unwrap_err();
    assert_eq!(failure.code, "REGISTRY_EXEC_FAILED");
    let held = document(&api.at(&path("a")).unwrap());
    assert_eq!(held["auths"]["r.example"]["password"], "t0ken");
    assert_eq!(held["auths"]["ghcr.io"]["password"], "s3cret");
}

#[tokio::test]
async fn what_still_lives_outlasts_a_renewal_that_fails() {
    let (mut bed, _) = bed(&["t0ken\n", ""]);
    let api = FakeApi::with_namespaces(["a"]);
    let secret = secret_of(&mut bed, vec![printed("r.example", &["a"], Some(7200))]);
    up(&secret, &bed, &api).await.unwrap();
    let mut due = api.at(&path("a")).unwrap();
    due["metadata"]["annotations"]["mlup.dev/refreshed-at"] = "2020-01-01T00:00:00Z".into();
    api.put(&path("a"), due);
    let before = api.writes().len();
    up(&secret, &bed, &api).await.unwrap();
    assert_eq!(bed.warnings(), ["PULL_SECRET_NOT_RENEWED"]);
    assert_eq!(api.writes().len(), before);
}

#[tokio::test]
async fn a_secret_of_another_type_is_refused_and_left_alone() {
    let (mut bed, _) = bed(&[]);
    let api = FakeApi::with_namespaces(["a"]);
    api.put(&path("a"), json!({ "type": "Opaque", "data": { "x": "eA==" } }));
    let secret = secret_of(&mut bed, vec![fixed("ghcr.io", &["a"])]);
    let failure = up(&secret, &bed, &api).await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Refused, "SECRET_TYPE_DIFFERS"));
    assert!(failure.summary.contains("Opaque"), "{}", failure.summary);
    assert!(api.writes().is_empty());
}

#[tokio::test]
async fn a_foreign_secret_keeps_its_other_logins() {
    let (mut bed, _) = bed(&[]);
    let api = FakeApi::with_namespaces(["a"]);
    let text = json!({ "auths": { "quay.io": { "username": "u", "password": "theirs" } } });
    let data = STANDARD.encode(text.to_string());
    let kind = "kubernetes.io/dockerconfigjson";
    api.put(&path("a"), json!({ "type": kind, "data": { ".dockerconfigjson": data } }));
    let secret = secret_of(&mut bed, vec![fixed("ghcr.io", &["a"])]);
    up(&secret, &bed, &api).await.unwrap();
    let held = document(&api.at(&path("a")).unwrap());
    assert_eq!(held["auths"]["quay.io"]["password"], "theirs");
    assert_eq!(held["auths"]["ghcr.io"]["username"], "ann");
}

#[tokio::test]
async fn a_namespace_that_ends_is_named() {
    let (mut bed, _) = bed(&[]);
    let api = FakeApi::with_namespaces(["a"]);
    api.change(|world| {
        world.hold(Held::Namespaces);
        world.when("PATCH ", |world| world.end_namespace("a"));
    });
    let secret = secret_of(&mut bed, vec![fixed("ghcr.io", &["a"])]);
    let failure = up(&secret, &bed, &api).await.unwrap_err();
    assert_eq!(failure.code, "NAMESPACE_TERMINATING");
    assert!(failure.summary.contains("`a`"));
}

#[tokio::test]
async fn what_may_not_be_done_names_verb_resource_and_namespace() {
    let (mut bed, _) = bed(&[]);
    let api = FakeApi::with_namespaces(["a"]);
    api.change(|world| world.forbid("patch", "secrets", "a"));
    let secret = secret_of(&mut bed, vec![fixed("ghcr.io", &["a"])]);
    let failure = up(&secret, &bed, &api).await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Prerequisite, "API_FORBIDDEN"));
    let summary = "this user may not patch secrets/regcred in the namespace `a`";
    assert_eq!(failure.summary, summary);
}

#[tokio::test]
async fn an_account_is_waited_for_and_its_list_is_appended_to() {
    let (mut bed, _) = bed(&[]);
    let api = FakeApi::with_namespaces(["a"]);
    let account = "/api/v1/namespaces/a/serviceaccounts/default";
    let own = json!({ "imagePullSecrets": [{ "name": "theirs" }] });
    api.change(|world| {
        world.when("WATCH /api/v1/namespaces/a/serviceaccounts", |world| {
            world.put("/api/v1/namespaces/a/serviceaccounts", "default", own);
        });
    });
    let mut registry = fixed("ghcr.io", &["a"]);
    registry.service_accounts = vec!["default".to_owned()];
    let secret = secret_of(&mut bed, vec![registry]);
    up(&secret, &bed, &api).await.unwrap();
    let list = &api.at(account).unwrap()["imagePullSecrets"];
    assert_eq!(*list, json!([{ "name": "theirs" }, { "name": "regcred" }]));
}

#[tokio::test]
async fn an_account_that_changes_meanwhile_is_read_again() {
    let (mut bed, _) = bed(&[]);
    let api = FakeApi::with_namespaces(["a"]);
    let account = "/api/v1/namespaces/a/serviceaccounts/default";
    api.put(account, json!({}));
    let theirs = json!({ "imagePullSecrets": [{ "name": "theirs" }] });
    api.change(|world| {
        world.when(&format!("PUT {account}"), |world| {
            world.put("/api/v1/namespaces/a/serviceaccounts", "default", theirs);
        });
    });
    let mut registry = fixed("ghcr.io", &["a"]);
    registry.service_accounts = vec!["default".to_owned()];
    let secret = secret_of(&mut bed, vec![registry]);
    up(&secret, &bed, &api).await.unwrap();
    let list = &api.at(account).unwrap()["imagePullSecrets"];
    assert_eq!(*list, json!([{ "name": "theirs" }, { "name": "regcred" }]));
    let before = api.writes().len();
    up(&secret, &bed, &api).await.unwrap();
    assert_eq!(api.writes().len(), before);
}

#[tokio::test(start_paused = true)]
async fn many_namespaces_are_written_few_at_a_time_and_a_busy_server_is_given_its_pause() {
    let names: Vec<String> = (0..500).map(|number| format!("n{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (mut bed, _) = bed(&[]);
    let api = FakeApi::with_namespaces(&names);
    api.change(|world| world.fault("PATCH ", Fault::Throttle(2), 3));
    let secret = secret_of(&mut bed, vec![fixed("ghcr.io", &names)]);
    let began = tokio::time::Instant::now();
    assert_eq!(up(&secret, &bed, &api).await.unwrap().len(), 500);
    let took = began.elapsed().as_secs_f64();
    assert!((2.0..10.0).contains(&took), "{took} s");
    assert!(api.most_at_once() <= 16);
    assert_eq!(api.writes().len(), 503);
    let before = api.calls().len();
    up(&secret, &bed, &api).await.unwrap();
    assert_eq!(api.calls().len() - before, 1, "one list tells that all is well");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stays_busy_is_given_up() {
    let (mut bed, _) = bed(&[]);
    let api = FakeApi::with_namespaces(["a"]);
    api.change(|world| world.fault("PATCH ", Fault::Throttle(1), 20));
    let secret = secret_of(&mut bed, vec![fixed("ghcr.io", &["a"])]);
    assert!(up(&secret, &bed, &api).await.is_err());
    assert_eq!(api.writes().len(), 8);
}

#[tokio::test]
async fn without_the_right_to_list_each_namespace_is_asked() {
    let names = ["a", "b", "c", "d"];
    let (mut bed, _) = bed(&[]);
    let api = FakeApi::with_namespaces(names);
    api.change(|world| world.fault("GET /api/v1/secrets", Fault::Status(403), 1));
    let secret = secret_of(&mut bed, vec![fixed("ghcr.io", &names)]);
    assert_eq!(up(&secret, &bed, &api).await.unwrap().len(), 4);
}

#[tokio::test]
async fn the_password_is_in_the_secrets_data_and_nowhere_else() {
    let (mut bed, _) = bed(&[]);
    let api = FakeApi::with_namespaces(["a"]);
    let secret = secret_of(&mut bed, vec![fixed("ghcr.io", &["a"])]);
    up(&secret, &bed, &api).await.unwrap();
    let object = api.at(&path("a")).unwrap();
    for hidden in ["s3cret".to_owned(), STANDARD.encode("ann:s3cret")] {
        assert!(!object["metadata"].to_string().contains(&hidden));
        assert!(!format!("{:?}", api.calls()).contains(&hidden));
        assert!(!format!("{secret:?}").contains(&hidden));
    }
}

#[tokio::test]
async fn a_reset_takes_away_what_is_ours_and_leaves_the_lists_of_others() {
    let (mut bed, _) = bed(&[]);
    let api = FakeApi::with_namespaces(["a", "b"]);
    let account = "/api/v1/namespaces/a/serviceaccounts/default";
    api.put(account, json!({ "imagePullSecrets": [{ "name": "theirs" }] }));
    let mut registry = fixed("ghcr.io", &["a"]);
    registry.service_accounts = vec!["default".to_owned()];
    let secret = secret_of(&mut bed, vec![registry, fixed("ghcr.io", &["b"])]);
    up(&secret, &bed, &api).await.unwrap();
    let foreign = json!({ "type": "kubernetes.io/dockerconfigjson", "data": {} });
    api.put(&path("b"), foreign);
    let objects = api.objects(&bed.ctx);
    assert!(remove(&secret, &objects, Teardown::Stop).await.unwrap().is_empty());
    assert_eq!(remove(&secret, &objects, Teardown::Reset).await.unwrap().len(), 1);
    assert_eq!(api.at(&path("a")), None);
    assert!(api.at(&path("b")).is_some());
    assert_eq!(api.at(account).unwrap()["imagePullSecrets"], json!([{ "name": "theirs" }]));
}

#[tokio::test]
async fn a_look_asks_for_no_password_that_it_does_not_need() {
    let (mut bed, runner) = bed(&["t0ken\n"]);
    let api = FakeApi::with_namespaces(["a"]);
    let secret = secret_of(&mut bed, vec![printed("r.example", &["a"], Some(7200))]);
    let op = |probed| match probed {
        Probed::Needed(changes) => changes.iter().map(|change| change.op).collect::<Vec<_>>(),
        Probed::Satisfied(_) => Vec::new(),
    };
    assert_eq!(op(probed(&secret, &bed, &api).await.unwrap()), [Op::Create]);
    up(&secret, &bed, &api).await.unwrap();
    assert!(op(probed(&secret, &bed, &api).await.unwrap()).is_empty());
    for (name, wanted) in [("refreshed-at", Op::Renew), ("expires-at", Op::Update)] {
        let mut object = api.at(&path("a")).unwrap();
        object["metadata"]["annotations"][format!("mlup.dev/{name}")] =
            "2020-01-01T00:00:00Z".into();
        api.put(&path("a"), object);
        assert_eq!(op(probed(&secret, &bed, &api).await.unwrap()), [wanted]);
    }
    assert_eq!(runner.calls().len(), 1);
}
