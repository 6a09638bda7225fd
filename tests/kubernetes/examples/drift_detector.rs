//! `examples/drift-detector`: a chart with two containers a pod from Azure's registry, four keys of
//! a secret, and four faults that once hid each other.

use mlup::event::{EventKind, State};
use serde_json::json;

use super::{answering, goes_away, helm_calls, recorded_helm, site, there};
use crate::commands::{changed, last_state};
use crate::kubernetes::CANARY;
use crate::kubernetes::charts::left;
use crate::support::document::run_marked;
use crate::support::kubernetes::Kubernetes;
use crate::support::{Ran, on};

/// No registry of Azure can have this name, which keeps hyphens out.
const REGISTRY: &str = "mlup-test";
const NAMESPACE: &str = "pred-maint";

/// A value of the secret.
fn value(name: &str) -> String {
    format!("{CANARY}-{name}")
}

/// The example with stand-ins of both containers, and of Azure's command line.
fn drift_detector() -> Kubernetes {
    let health = |body: &'static str| {
        let answer =
            move |line: &str| if line == "GET /health HTTP/1.1" { (200, body) } else { (404, "") };
        answering(answer).0.to_string()
    };
    let password = on([
        "acr",
        "credential",
        "show",
        "--name",
        REGISTRY,
        "--query",
        "passwords[0].value",
        "--output",
        "tsv",
    ]);
    let mut site = site("drift-detector", &format!("{REGISTRY}.azurecr.io"), REGISTRY, CANARY)
        .tool("az", &[password.stdout(&format!("{CANARY}\n"))])
        .env("ACR_NAME", REGISTRY)
        .env("INFERENCE_PORT", &health("{\"status\":\"degraded\"}"))
        .env("DRIFT_PORT", &health("{\"status\":\"healthy\"}"));
    let names = ["FEAST_REDIS", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID"];
    let lines = names.map(|name| format!("{name}={}\n", value(name)));
    site.sandbox.write(".env", &lines.concat());
    site.sandbox = recorded_helm(site.sandbox);
    site
}

/// Fails where a password is: in what runs printed, on a command line, in what is kept.
#[track_caller]
fn is_nowhere(site: &Kubernetes, runs: &[&Ran]) {
    for ran in runs {
        assert!(!ran.report().contains(CANARY), "{}", ran.report());
    }
    let tools = site.sandbox.all_calls().into_iter().map(|call| call.line());
    let lines: Vec<String> = tools.chain(helm_calls(site)).collect();
    assert!(lines.iter().any(|line| line.starts_with("az ")), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains(CANARY)), "{lines:#?}");
    assert!(!left(site).contains(CANARY), "a password is in the state folder");
}

#[test]
fn commands_of_the_readme_of_drift_detector_work() {
    let site = drift_detector();
    run_marked(&site.sandbox, "examples/drift-detector/README.md", "cluster");
    goes_away(&site);
}

#[test]
fn drift_detector_comes_up_stays_as_it_is_and_goes_without_a_trace() {
    let site = drift_detector();
    let cold = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    for step in ["deploy/pred-maint", "check/inference", "check/drift"] {
        assert_eq!(last_state(&cold, step), Some(State::Ready), "{}", cold.report());
    }
    let path = format!("/apis/apps/v1/namespaces/{NAMESPACE}/deployments/pred-maint");
    let deployment = site.get(&path).unwrap();
    assert_eq!(deployment["status"]["readyReplicas"], 2, "{deployment}");
    let held = site.secret(NAMESPACE, "pred-maint-secrets").unwrap();
    assert_eq!(held["data"].as_object().unwrap().len(), 4);
    assert_eq!(
        site.secret(NAMESPACE, "acr-secret").unwrap()["type"],
        "kubernetes.io/dockerconfigjson"
    );

    let (writes, objects) = (site.writes(), there(&site));
    let warm = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(changed(&warm), Vec::<String>::new(), "{}", warm.report());
    assert_eq!((site.writes(), there(&site)), (writes, objects));

    let reset = site.sandbox.run(&["reset", "--yes"]).exits(0);
    goes_away(&site);
    is_nowhere(&site, &[&cold, &warm, &reset]);
}

/// The example with its four faults of once: no pull secret, an image for another processor,
/// requests that fit no node, and a secret made by hand that lacks its keys.
fn broken() -> Kubernetes {
    let site = drift_detector();
    let (port, _) = answering(|_| {
        (200, "{\"manifests\":[{\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\"}}]}")
    });
    let path = site.sandbox.project().join("mlup.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let (head, rest) = text.split_once("[[registry]]").unwrap();
    let (_, deploy) = rest.split_once("[[deploy]]").unwrap();
    let set = "\"image.registry\" = \"${ACR_NAME:-examplecr}.azurecr.io\"";
    let wanted = format!(
        "\"image.registry\" = \"127.0.0.1:{port}\", \"resources.inference.requests.cpu\" = \"1500m\""
    );
    assert!(deploy.contains(set), "the example has changed: {text}");
    let deploy = deploy.replace(set, &wanted);
    site.sandbox.write("mlup.toml", &format!("{head}[[deploy]]{deploy}"));
    let space =
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE } });
    site.create("/api/v1/namespaces", &space);
    let secret = json!({ "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": "pred-maint-secrets" }, "data": { "placeholder": "eA==" } });
    site.create(&format!("/api/v1/namespaces/{NAMESPACE}/secrets"), &secret);
    site
}

#[test]
fn four_faults_of_drift_detector_are_told_in_one_pass_and_nothing_is_written() {
    let site = broken();
    let (writes, objects) = (site.writes(), there(&site));
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(4);
    let findings = ran.kinds().into_iter().filter_map(|kind| match kind {
        EventKind::Diagnosis(diagnosis) => Some(diagnosis.findings),
        _ => None,
    });
    let mut codes: Vec<String> = findings.flatten().map(|finding| finding.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let wanted = ["IMAGE_PLATFORM", "NODE_RESOURCES", "PULL_SECRET_MISSING", "SECRET_KEY_MISSING"];
    assert_eq!(codes, wanted, "{}", ran.report());
    let shown = site.sandbox.run(&["start"]).exits(4).report();
    for words in wanted.iter().chain(&[
        "azure-tenant-id",
        "feast-redis-connection-string",
        "acr-secret",
        "arm64",
    ]) {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert_eq!((site.writes(), there(&site)), (writes, objects));
    assert!(!helm_calls(&site).iter().any(|call| call.contains("upgrade")));
    assert!(!shown.contains(CANARY) && !ran.report().contains(CANARY));
}
