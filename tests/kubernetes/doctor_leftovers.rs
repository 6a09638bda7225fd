//! Failed pods whose workload is well: no finding, one line, and `mlup doctor --fix` removes those of
//! this environment.

use std::path::Path;

use serde_json::{Value, json};

use super::doctor::as_in;
use crate::support::kubernetes::Kubernetes;

const POD: &str = "/api/v1/namespaces/mlops/pods/api-old";

/// A cluster with an evicted pod in `mlops`, and an environment of this namespace.
fn evicted(namespace: &str) -> Kubernetes {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let site = as_in(&folder.join("tests/corpus/constructed/healthy-leftover-evicted"));
    site.config(&format!(
        "[[secret]]\nname = \"own\"\nnamespace = \"{namespace}\"\nkeys = {{ a = \"b\" }}\n"
    ));
    site
}

fn answer(site: &Kubernetes, args: &[&str]) -> Value {
    let all = [&["doctor", "--offline", "-o", "json"], args].concat();
    let ran = site.sandbox.run(&all).exits(0);
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.report()))
}

#[test]
fn a_failed_pod_that_nobody_needs_is_told_in_a_line_and_removed_by_fix() {
    let site = evicted("mlops");
    let told = site.sandbox.run(&["doctor", "--offline"]).exits(0);
    let line = "left over: 1 failed pod of workloads that are well: mlops/api-old (Evicted)\n";
    assert!(told.stdout.contains(line), "{}", told.report());
    assert!(told.stdout.contains("nothing wrong"), "{}", told.report());
    assert!(told.stderr.contains("`mlup doctor --fix` removes 1 failed pod"), "{}", told.report());
    let seen = answer(&site, &[]);
    assert_eq!(seen["leftovers"][0]["name"], "api-old", "{seen:#}");
    assert_eq!(seen["leftovers"][0]["owner"], "deployment/mlops/api", "{seen:#}");

    let fixed = answer(&site, &["--fix"]);
    let applied = json!([{ "rule": "NODE-06", "object": "pod/mlops/api-old", "outcome": "fixed",
        "detail": "removed (Evicted); deployment/mlops/api is well" }]);
    assert_eq!(fixed["applied"], applied, "{fixed:#}");
    assert!(fixed.get("leftovers").is_none(), "{fixed:#}");
    assert!(site.get(POD).is_none(), "it is gone");
    let writes = site.writes();
    assert!(
        matches!(&*writes, [one] if one.starts_with("DELETE") && one.contains(POD)),
        "{writes:?}"
    );

    let again = answer(&site, &["--fix"]);
    assert_eq!(again["applied"], json!([]), "{again:#}");
    assert_eq!(site.writes(), writes, "a second time removes nothing");
}

#[test]
fn a_failed_pod_of_somebody_else_or_of_a_workload_that_needs_it_stays() {
    let site = evicted("other");
    assert_eq!(answer(&site, &["--fix"])["applied"], json!([]), "another namespace");
    let site = evicted("mlops");
    let path = "/apis/apps/v1/namespaces/mlops/deployments/api";
    site.fake_api().unwrap().change(|world| {
        let mut deployment = world.get(path).unwrap();
        deployment["spec"]["replicas"] = json!(2);
        world.store(deployment);
    });
    let told = site.sandbox.run(&["doctor", "--offline", "--fix", "-o", "json"]);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(told["applied"], json!([]), "one of two: {told:#}");
    for site in [site, evicted("other")] {
        assert!(site.writes().is_empty() && site.get(POD).is_some(), "{:?}", site.writes());
    }
}

#[test]
fn a_pod_that_may_not_be_removed_is_told() {
    let site = evicted("mlops");
    site.fake_api().unwrap().change(|world| world.forbid("delete", "pods", "*"));
    let ran = site.sandbox.run(&["doctor", "--offline", "--fix", "-o", "json"]).exits(1);
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(told["applied"][0]["outcome"], "failed", "{told:#}");
    let detail = told["applied"][0]["detail"].as_str().unwrap();
    assert!(detail.starts_with("API_FORBIDDEN: "), "{detail}");
}
