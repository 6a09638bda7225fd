//! `mlup doctor --fix` waits for what it gets going: on a cluster with controllers and kubelets, a
//! workload is ready when it returns, and a password that helps nobody is not waited for.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::Ran;
use crate::support::kubernetes::Kubernetes;
use crate::support::simulated::Settings;

const HOST: &str = "registry.example.com";

/// A cluster whose registry takes one password, and an environment that knows this one.
fn site(known: &str) -> (Kubernetes, String) {
    let site = Kubernetes::fake();
    let mut settings = Settings::default();
    let login = ("robot".to_owned(), "c4n4ry-right".to_owned());
    settings.images.private.insert(HOST.to_owned(), login);
    site.fake_api().unwrap().change(|world| {
        let mut node = world.objects("Node").remove(0);
        node["status"]["allocatable"] = json!({ "cpu": "2", "memory": "4Gi", "pods": "110" });
        world.store(node);
        world.simulate(settings);
    });
    let namespace = site.made_namespace("shop");
    site.config(&format!(
        "[[registry]]\nserver = \"{HOST}\"\nsecret = \"pull\"\nnamespaces = [\"{namespace}\"]\n\
         username = \"robot\"\npassword = \"{known}\"\n"
    ));
    (site, namespace)
}

fn pod_spec() -> Value {
    json!({ "imagePullSecrets": [{ "name": "pull" }],
        "containers": [{ "name": "api", "image": format!("{HOST}/api:1") }] })
}

/// Makes a deployment that waits for its pull secret.
fn deployment(site: &Kubernetes, namespace: &str) -> String {
    let labels = json!({ "app": "api" });
    let collection = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
    let template = json!({ "metadata": { "labels": labels }, "spec": pod_spec() });
    site.create(
        &collection,
        &json!({ "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "api", "namespace": namespace },
            "spec": { "replicas": 2, "selector": { "matchLabels": labels }, "template": template } }),
    );
    format!("{collection}/api")
}

/// Waits until a pod of the namespace says that it cannot pull.
fn until_stuck(site: &Kubernetes, namespace: &str) {
    let pods = format!("/api/v1/namespaces/{namespace}/pods");
    let says =
        |found: Option<&Value>| found.is_some_and(|all| all.to_string().contains("ImagePull"));
    site.until(&pods, "a pod that cannot pull", says);
}

fn fix(site: &Kubernetes) -> (Ran, Value) {
    let ran = site.sandbox.run(&["doctor", "--offline", "--fix", "-o", "json"]);
    assert!(!ran.report().contains("c4n4ry"), "{}", ran.report());
    let answer = serde_json::from_str(&ran.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", ran.report()));
    (ran, answer)
}

#[test]
fn a_deployment_that_lacked_its_pull_secret_is_ready_when_it_returns() {
    let (site, namespace) = site("c4n4ry-right");
    let path = deployment(&site, &namespace);
    until_stuck(&site, &namespace);
    let (ran, answer) = fix(&site);
    let ran = ran.exits(0);
    assert_eq!(answer["applied"][0]["outcome"], "fixed", "{answer:#}");
    let found = site.get(&path).unwrap();
    assert_eq!(found["status"]["readyReplicas"], 2, "{found:#}\n{}", ran.report());
    let writes = site.writes();
    let (_, again) = fix(&site);
    assert_eq!((&again["applied"], site.writes()), (&json!([]), writes), "{again:#}");
}

#[test]
fn a_pod_that_nobody_makes_anew_is_waited_for_until_its_kubelet_tries_again() {
    let (site, namespace) = site("c4n4ry-right");
    let collection = format!("/api/v1/namespaces/{namespace}/pods");
    site.create(
        &collection,
        &json!({ "apiVersion": "v1", "kind": "Pod", "spec": pod_spec(),
            "metadata": { "name": "api", "namespace": namespace } }),
    );
    until_stuck(&site, &namespace);
    let (ran, answer) = fix(&site);
    ran.exits(0);
    assert_eq!(answer["applied"][0]["outcome"], "fixed", "{answer:#}");
    let found = site.get(&format!("{collection}/api")).unwrap();
    assert!(found["status"]["containerStatuses"][0]["ready"] == true, "{found:#}");
    let is_delete = |write: &String| write.starts_with("DELETE");
    assert!(!site.writes().iter().any(is_delete), "{:?}", site.writes());
}

#[test]
fn a_password_that_helps_nobody_is_not_waited_for() {
    let (site, namespace) = site("c4n4ry-wrong");
    deployment(&site, &namespace);
    until_stuck(&site, &namespace);
    let began = Instant::now();
    let (ran, answer) = fix(&site);
    let ran = ran.exits(1);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    assert_eq!(answer["findings"][0]["rule"], "PULL-02", "{answer:#}\n{}", ran.stderr);
}
