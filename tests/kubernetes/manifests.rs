//! Deploys of manifests: applied once, left alone then, pruned and reset; what is refused names the
//! manifest's line.

use serde_json::json;

use super::CANARY;
use crate::commands::changed;
use crate::support::kubernetes::Kubernetes;

/// Objects that are ready when they are there; `NAMESPACE` stands for theirs.
const OBJECTS: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: NAMESPACE}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {mode: \"${MODE}\"}
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {token: \"${TOKEN}\"}
---
apiVersion: v1
kind: Service
metadata: {name: outside}
spec: {type: ExternalName, externalName: example.org}
";

fn deploy(site: &Kubernetes, namespace: &str, text: &str, mode: &str) {
    site.sandbox.write("k8s/all.yaml", &text.replace("NAMESPACE", namespace));
    site.config(&format!(
        "[[deploy]]\nname = \"app\"\nmanifests = \"k8s\"\nnamespace = \"{namespace}\"\n\
         vars = {{ MODE = \"{mode}\", TOKEN = \"{CANARY}: {{[\\\"\" }}\n"
    ));
}

fn started(site: &Kubernetes, more: &[&str]) -> Vec<String> {
    let args = [&["start", "--progress", "json"], more].concat();
    let ran = site.sandbox.run(&args).exits(0);
    assert!(!ran.report().contains(CANARY), "{}", ran.report());
    changed(&ran)
}

#[test]
fn a_warm_start_writes_nothing_and_asks_little() {
    let site = Kubernetes::site();
    let namespace = site.namespace("a");
    deploy(&site, &namespace, OBJECTS, "dev");
    assert_eq!(started(&site, &[]), ["deploy/app"]);
    let settings = format!("/api/v1/namespaces/{namespace}/configmaps/settings");
    assert_eq!(site.get(&settings).unwrap()["data"]["mode"], "dev");
    let (writes, asked) = (site.writes().len(), asked(&site));
    assert!(started(&site, &[]).is_empty());
    assert_eq!(site.writes().len(), writes);
    let calls = asked_since(&site, asked);
    assert!(calls.len() <= 12, "{calls:#?}");
    let status = site.sandbox.run(&["status"]).exits(0);
    assert!(status.stdout.contains("4 of 4 ready"), "{}", status.report());

    deploy(&site, &namespace, OBJECTS, "prod");
    let planned = site.sandbox.run(&["plan"]).exits(0);
    assert!(planned.stdout.contains("data.mode differs"), "{}", planned.report());
    assert_eq!(started(&site, &[]), ["deploy/app"]);
    assert_eq!(site.get(&settings).unwrap()["data"]["mode"], "prod");
    site.merge(&settings, &json!({ "data": { "theirs": "x" } }));
    assert!(started(&site, &[]).is_empty(), "what others set beside is left alone");
}

#[test]
fn what_left_the_manifests_goes_with_prune_and_all_of_it_with_a_purge() {
    let site = Kubernetes::site();
    let namespace = site.namespace("a");
    let path = |plural: &str, name: &str| format!("/api/v1/namespaces/{namespace}/{plural}/{name}");
    deploy(&site, &namespace, OBJECTS, "dev");
    started(&site, &[]);
    let less = OBJECTS.rsplit_once("---").unwrap().0;
    deploy(&site, &namespace, less, "dev");
    let ran = site.sandbox.run(&["start", "--progress", "plain"]).exits(0);
    assert!(ran.report().contains(&format!("service {namespace}/outside")), "{}", ran.report());
    assert!(site.get(&path("services", "outside")).is_some());
    assert_eq!(started(&site, &["--prune"]), ["deploy/app"]);
    assert!(site.get(&path("services", "outside")).is_none());

    site.sandbox.run(&["reset", "--yes"]).exits(0);
    assert!(site.get(&path("configmaps", "settings")).is_none());
    let space = format!("/api/v1/namespaces/{namespace}");
    assert!(site.get(&space).is_some(), "a namespace may hold data");
    assert_eq!(started(&site, &[]), ["deploy/app"]);
    site.sandbox.run(&["reset", "--purge", "--yes"]).exits(0);
    assert!(site.get(&space).is_none());
}

#[test]
fn what_is_wrong_names_the_manifest_and_its_line() {
    let site = Kubernetes::site();
    let namespace = site.made_namespace("a");
    let head = "# one\n---\n";
    for (text, exit, code, place) in [
        ("kind: [", 3, "MANIFEST_UNREADABLE", "k8s/all.yaml:"),
        ("kind: Pod\n", 3, "MANIFEST_INVALID", "k8s/all.yaml:3"),
        (
            "apiVersion: none.example.org/v1\nkind: Pool\nmetadata: {name: x}\n",
            4,
            "KIND_UNKNOWN",
            "k8s/all.yaml:3",
        ),
        (
            "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\ndataa: {}\n",
            3,
            "OBJECT_INVALID",
            "k8s/all.yaml:3",
        ),
    ] {
        deploy(&site, &namespace, &format!("{head}{text}"), "dev");
        let ran = site.sandbox.run(&["start", "--progress", "plain"]).exits(exit);
        let report = ran.report();
        assert!(report.contains(code) && report.contains(place), "{report}");
    }
}

fn asked(site: &Kubernetes) -> usize {
    site.fake_api().map_or(0, |fake| fake.calls().len())
}

/// The calls since then; none where the cluster is real.
fn asked_since(site: &Kubernetes, seen: usize) -> Vec<String> {
    site.fake_api().map(|fake| fake.calls().split_off(seen)).unwrap_or_default()
}
