//! Applications of Argo CD: waited for until they are synced and healthy, and what is told where they
//! do not get there. Nothing of them is ever written.

use mlup::event::{Diagnosis, EventKind};
use serde_json::{Value, json};

use crate::commands::changed;
use crate::support::Ran;
use crate::support::kube::{FakeKube, World};
use crate::support::kubernetes::Kubernetes;
use crate::support::simulated::{Outcome, Settings};

/// An application as its controller left it.
fn application(name: &str, status: &Value) -> Value {
    json!({ "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": { "name": name, "namespace": "argocd" },
        "spec": { "syncPolicy": { "automated": {} }, "source": {}, "destination": {} },
        "status": status })
}

fn stands(sync: &str, health: &str, message: &str) -> Value {
    json!({ "sync": { "status": sync }, "health": { "status": health, "message": message } })
}

/// What makes applications known to the cluster.
pub(super) fn install(world: &mut World) {
    world.namespace("argocd");
    world.store(json!({ "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition", "metadata": { "name": "applications.argoproj.io" },
        "spec": { "group": "argoproj.io", "scope": "Namespaced",
            "names": { "kind": "Application", "plural": "applications" },
            "versions": [{ "name": "v1alpha1", "served": true, "storage": true }] } }));
}

/// A site that waits for these applications; `more` belongs to the deploy.
fn site(names: &[&str], more: &str) -> Kubernetes {
    let site = Kubernetes::fake();
    api(&site).change(install);
    site.config(&format!("[[deploy]]\nname = \"apps\"\nargocd = {names:?}\n{more}"));
    site
}

fn api(site: &Kubernetes) -> &FakeKube {
    site.fake_api().unwrap()
}

fn store(site: &Kubernetes, name: &str, status: &Value) {
    api(site).change(|world| world.store(application(name, status)));
}

/// The one diagnosis of a start that ends so. It writes nothing.
fn told(site: &Kubernetes, code: i32) -> Diagnosis {
    let writes = site.writes();
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(code);
    assert_eq!(site.writes(), writes);
    let mut all = ran.kinds().into_iter().filter_map(|kind| match kind {
        EventKind::Diagnosis(diagnosis) => Some(diagnosis),
        _ => None,
    });
    let only = all.next().unwrap_or_else(|| panic!("{}", ran.report()));
    assert_eq!((all.next(), only.step.as_str()), (None, "deploy/apps"));
    only
}

/// Whether the proof has this line.
#[track_caller]
fn proves(diagnosis: &Diagnosis, source: &str, text: &str) {
    let is_it = diagnosis.evidence.iter().any(|line| line.source == source && line.text == text);
    assert!(is_it, "{source}: {text}: {diagnosis:#?}");
}

fn says(ran: &Ran, words: &str) -> bool {
    ran.kinds().into_iter().any(|kind| match kind {
        EventKind::StepState(state) => state.reason.is_some_and(|reason| reason.contains(words)),
        _ => false,
    })
}

#[test]
fn applications_that_others_make_are_waited_for_and_then_left_alone() {
    let site = site(&["root", "mlflow"], "");
    let mut settings = Settings::default();
    let child = application("mlflow", &json!({}));
    settings.argo.children.insert("root".to_owned(), vec![child]);
    api(&site).change(|world| {
        let labels = json!({ "app": "argocd" });
        let pod = json!({ "metadata": { "labels": labels }, "spec": { "containers": [
            { "name": "controller", "image": "quay.io/argoproj/argocd:v3.2.0" }] } });
        world.store(json!({ "apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": { "name": "argocd-application-controller", "namespace": "argocd" },
            "spec": { "replicas": 1, "serviceName": "argocd", "selector": { "matchLabels": labels },
                "template": pod } }));
        world.store(application("root", &json!({})));
        world.simulate(settings);
    });
    let writes = site.writes();
    let cold = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert!(says(&cold, "2 of 2 ready"), "{}", cold.report());
    let warm = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert!(says(&warm, "2 of 2 ready"), "{}", warm.report());
    assert_eq!((changed(&warm), site.writes()), (Vec::new(), writes));
    let planned = site.sandbox.run(&["plan"]).exits(0);
    assert!(!planned.stdout.contains("until it is synced"), "{}", planned.report());
}

#[test]
fn a_degraded_application_is_waited_for_with_its_message_and_may_recover() {
    let site = site(&["shop"], "");
    store(&site, "shop", &stands("Synced", "Degraded", "Deployment has minimum availability"));
    let mut running = site.sandbox.spawn(&["start", "--progress", "json"]);
    let words = "application/shop Synced, Degraded: Deployment has minimum availability";
    running.wait_event(|event| match &event.kind {
        EventKind::StepState(state) => {
            state.reason.as_ref().is_some_and(|reason| reason.contains(words))
        }
        _ => false,
    });
    store(&site, "shop", &stands("Synced", "Healthy", ""));
    running.wait().exits(0);
}

#[test]
fn an_application_that_stays_degraded_or_out_of_sync_is_named_when_the_time_is_over() {
    let site = site(&["shop", "drift"], "timeout = \"2s\"\n");
    store(&site, "shop", &stands("Synced", "Degraded", "back-off restarting failed container"));
    store(&site, "drift", &stands("OutOfSync", "Healthy", ""));
    let told = told(&site, 5);
    assert_eq!(told.code, "STEP_TIMEOUT");
    let words = "application/shop Synced, Degraded: back-off restarting failed container";
    assert!(told.summary.contains(words), "{}", told.summary);
    proves(&told, "application/drift", "OutOfSync, Healthy");
}

#[test]
fn a_source_that_cannot_be_read_ends_the_wait_with_the_words_of_argo() {
    for (kind, code) in [("ComparisonError", 1), ("InvalidSpecError", 3)] {
        let site = site(&["shop"], "");
        let words = "failed to generate manifest for source 1 of 1: app path does not exist";
        let mut status = stands("Unknown", "Healthy", "");
        status["conditions"] = json!([{ "type": kind, "message": words }]);
        store(&site, "shop", &status);
        let told = told(&site, code);
        assert_eq!(told.code, "ARGO_APPLICATION_ERROR");
        proves(&told, &format!("condition {kind}"), words);
        let fix = told.fix.unwrap().command;
        assert_eq!(fix, "kubectl --context test -n argocd describe application shop");
    }
}

#[test]
fn a_sync_that_failed_names_what_was_refused_and_why() {
    for phase in ["Failed", "Error"] {
        let site = site(&["shop"], "");
        let refused = "Deployment.apps \"api\" is invalid: spec.selector: field is immutable";
        let mut status = stands("OutOfSync", "Missing", "");
        status["operationState"] = json!({ "phase": phase,
            "message": "one or more objects failed to apply, reason: field is immutable",
            "syncResult": { "resources": [
                { "kind": "Service", "name": "api", "status": "Synced", "message": "created" },
                { "kind": "Deployment", "name": "api", "status": "SyncFailed", "message": refused },
            ] } });
        store(&site, "shop", &status);
        let told = told(&site, 1);
        assert_eq!(told.code, "ARGO_SYNC_FAILED");
        assert!(told.summary.ends_with(&format!("ended as {phase}")), "{}", told.summary);
        let message = "one or more objects failed to apply, reason: field is immutable";
        proves(&told, "operationState", message);
        proves(&told, "Deployment api", refused);
        assert!(told.evidence.iter().all(|line| line.source != "Service api"), "{told:#?}");
    }
}

#[test]
fn what_argo_itself_makes_of_a_bad_sync_is_told() {
    let site = site(&["shop"], "");
    let mut settings = Settings::default();
    let words = "one or more synchronization tasks are not valid";
    settings.argo.outcomes.insert("shop".to_owned(), Outcome::SyncFailed(words.to_owned()));
    api(&site).change(|world| {
        let labels = json!({ "app": "argocd" });
        world.store(json!({ "apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": { "name": "argocd-application-controller", "namespace": "argocd" },
            "spec": { "replicas": 1, "serviceName": "argocd", "selector": { "matchLabels": labels },
                "template": { "metadata": { "labels": labels }, "spec": { "containers": [
                    { "name": "controller", "image": "quay.io/argoproj/argocd:v3.2.0" }] } } } }));
        world.store(application("shop", &json!({})));
        world.simulate(settings);
    });
    let told = told(&site, 1);
    assert_eq!(told.code, "ARGO_SYNC_FAILED");
    proves(&told, "operationState", words);
}

#[test]
fn applications_that_fail_for_different_reasons_are_told_together() {
    let site = site(&["shop", "mlflow", "fine"], "");
    let mut broken = stands("Unknown", "Healthy", "");
    broken["conditions"] =
        json!([{ "type": "ComparisonError", "message": "repository not found" }]);
    let mut refused = stands("OutOfSync", "Missing", "");
    refused["operationState"] =
        json!({ "phase": "Failed", "message": "namespaces \"x\" not found" });
    store(&site, "shop", &broken);
    store(&site, "mlflow", &refused);
    store(&site, "fine", &stands("Synced", "Healthy", ""));
    let told = told(&site, 1);
    let [other] = &told.findings[..] else { panic!("{told:#?}") };
    let mut codes = [told.code.as_str(), other.code.as_str()];
    codes.sort_unstable();
    assert_eq!(codes, ["ARGO_APPLICATION_ERROR", "ARGO_SYNC_FAILED"]);
    assert!(!other.evidence.is_empty() && other.fix.is_some(), "{other:#?}");
}

#[test]
fn an_application_that_nobody_makes_is_named() {
    let site = site(&["none"], "timeout = \"2s\"\n");
    let told = told(&site, 5);
    assert_eq!(told.code, "STEP_TIMEOUT");
    assert!(told.summary.ends_with("application/none is not there"), "{}", told.summary);
}

#[test]
fn a_cluster_without_argo_is_told_what_to_install() {
    let site = Kubernetes::fake();
    site.config("[[deploy]]\nname = \"apps\"\nargocd = [\"shop\"]\n");
    let planned = site.sandbox.run(&["plan"]).exits(0);
    assert!(planned.stdout.contains("application argocd/shop"), "{}", planned.report());
    let told = told(&site, 4);
    assert_eq!(told.code, "KIND_UNKNOWN");
    let fix = told.fix.unwrap().command;
    assert_eq!(fix, "install Argo CD in a `[[deploy]]` above this one");
}
