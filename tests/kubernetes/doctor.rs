//! `mlup doctor` on recorded incidents that the fake API serves: causes with their fix, few
//! questions, no write, and silence when all is well.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::Sandbox;
use crate::support::kubernetes::Kubernetes;

pub(super) fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/incidents")
}

pub(super) fn ids() -> Vec<String> {
    let entries = fs::read_dir(corpus()).unwrap().map(|entry| entry.unwrap());
    let folders = entries.filter(|entry| entry.path().is_dir());
    let mut ids: Vec<String> =
        folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    ids.sort();
    ids
}

/// A cluster as it was when the incident was recorded, logs included.
pub(super) fn recorded(id: &str) -> Kubernetes {
    as_in(&corpus().join(id))
}

/// A cluster as it is in the snapshot of a folder.
pub(super) fn as_in(folder: &Path) -> Kubernetes {
    let site = Kubernetes::fake();
    let text = fs::read_to_string(folder.join("snapshot.json")).unwrap();
    let snapshot: Value = serde_json::from_str(&text).unwrap();
    site.fake_api().unwrap().change(|world| {
        for node in world.objects("Node") {
            world.delete("Node", "", node["metadata"]["name"].as_str().unwrap());
        }
        for object in snapshot["items"].as_array().unwrap() {
            world.store(object.clone());
        }
        for entry in fs::read_dir(folder.join("logs")).into_iter().flatten() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let Some(name) = name.strip_suffix(".txt") else { continue };
            if let [namespace, pod, container] = name.split('_').collect::<Vec<_>>()[..]
                && !container.ends_with(".previous")
            {
                world.log(namespace, pod, container, &fs::read_to_string(&path).unwrap());
            }
        }
    });
    site.config("");
    site
}

pub(super) fn strings(table: &toml_edit::Table, field: &str) -> Vec<String> {
    let array = table.get(field).and_then(toml_edit::Item::as_array);
    let strings = array.into_iter().flatten().filter_map(toml_edit::Value::as_str);
    strings.map(str::to_lowercase).collect()
}

/// What `doctor` finds, as rule and object, each with those that are right.
fn objections(id: &str, answer: &Value) -> Vec<String> {
    let text = fs::read_to_string(corpus().join(id).join("expect.toml")).unwrap();
    let expect: toml_edit::DocumentMut = text.parse().unwrap();
    let wanted = expect.get("finding").and_then(toml_edit::Item::as_array_of_tables);
    let wanted: Vec<_> = wanted.into_iter().flatten().collect();
    let found = answer["findings"].as_array().unwrap();
    if wanted.len() != found.len() {
        return vec![format!(
            "{id}: {} findings and not {}: {answer:#}",
            found.len(),
            wanted.len()
        )];
    }
    let mut wrong = Vec::new();
    for (found, wanted) in found.iter().zip(wanted) {
        for (field, key, more) in
            [("rule", "rule", "accept_rules"), ("object", "object", "accept_objects")]
        {
            let told = found[field].as_str().unwrap().to_lowercase();
            let mut right = strings(wanted, more);
            right.push(wanted[key].as_str().unwrap().to_lowercase());
            if !right.contains(&told) {
                wrong.push(format!("{id}: {field} {told} and not {right:?}"));
            }
        }
    }
    wrong
}

#[test]
fn every_recorded_incident_is_found_by_few_questions_and_no_write() {
    let mut wrong = Vec::new();
    for id in ids() {
        let site = recorded(&id);
        let ran = site.sandbox.run(&["doctor", "--offline", "-o", "json"]);
        let answer: Value = serde_json::from_str(&ran.stdout)
            .unwrap_or_else(|error| panic!("{id}: {error}\n{}", ran.report()));
        let is_well = answer["findings"].as_array().unwrap().is_empty();
        if ran.code != Some(i32::from(!is_well)) {
            wrong.push(format!("{id}: exit code {:?}", ran.code));
        }
        wrong.extend(objections(&id, &answer));
        let fake = site.fake_api().unwrap();
        let lists = fake.calls().iter().filter(|call| is_list(call)).count();
        if lists > 12 || !fake.writes().is_empty() {
            wrong.push(format!("{id}: {lists} lists: {:#?}", fake.calls()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The findings that an incident must give: the rules and the objects that are right.
fn expected(folder: &Path) -> Vec<(Vec<String>, Vec<String>)> {
    let text = fs::read_to_string(folder.join("expect.toml")).unwrap();
    let expect: toml_edit::DocumentMut = text.parse().unwrap();
    let wanted = expect.get("finding").and_then(toml_edit::Item::as_array_of_tables);
    let either = |table: &toml_edit::Table, field: &str, more: &str| {
        let mut right = strings(table, more);
        right.push(table[field].as_str().unwrap().to_lowercase());
        right
    };
    let one = |table: &toml_edit::Table| {
        (either(table, "rule", "accept_rules"), either(table, "object", "accept_objects"))
    };
    wanted.into_iter().flatten().map(one).collect()
}

#[test]
fn constructed_incidents_are_found_as_the_recorded_ones_are() {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/constructed");
    let folders = fs::read_dir(all).unwrap().map(|entry| entry.unwrap().path());
    let mut wrong = Vec::new();
    let mut seen = 0;
    for folder in folders.filter(|folder| folder.join("snapshot.json").is_file()) {
        let id = folder.file_name().unwrap().to_str().unwrap().to_owned();
        seen += 1;
        let site = as_in(&folder);
        let ran = site.sandbox.run(&["doctor", "-o", "json"]);
        let answer: Value = serde_json::from_str(&ran.stdout)
            .unwrap_or_else(|error| panic!("{id}: {error}\n{}", ran.report()));
        let text = |row: &Value, field: &str| row[field].as_str().unwrap().to_lowercase();
        let told: Vec<(String, String)> = answer["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| (text(row, "rule"), text(row, "object")))
            .collect();
        let wanted = expected(&folder);
        let is_right = |(rules, objects): &(Vec<String>, Vec<String>)| {
            told.iter().any(|(rule, object)| rules.contains(rule) && objects.contains(object))
        };
        if told.len() != wanted.len() || !wanted.iter().all(is_right) {
            wrong.push(format!("{id}: {told:?} and not {wanted:?}"));
        }
        if !site.fake_api().unwrap().writes().is_empty() {
            wrong.push(format!("{id}: it writes"));
        }
    }
    assert!(seen > 150, "{seen}");
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

/// Whether a call asks for all objects of a kind.
pub(super) fn is_list(call: &str) -> bool {
    call.contains("limit=") && !call.contains("/namespaces/")
}

#[test]
fn people_read_causes_with_their_fix_and_what_is_well() {
    let site = recorded("pull-12-pods-one-secret");
    let ran = site.sandbox.run(&["doctor"]).exits(1);
    for words in [
        "PULL-01",
        "secret/mlops/ecr-registry-key",
        "fix (safe)",
        "deployment/mlops/api",
        "12 pods; ",
        "then: recovers by itself",
        "1 cause found",
    ] {
        assert!(ran.stdout.contains(words), "{words}: {}", ran.stdout);
    }
    assert_eq!(
        ran.stdout.matches("\nPULL-01").count() + usize::from(ran.stdout.starts_with("PULL-01")),
        1
    );
    let site = recorded("healthy-completed-jobs");
    let ran = site.sandbox.run(&["doctor"]).exits(0);
    assert!(ran.stdout.contains("nothing wrong"), "{}", ran.stdout);
}

#[test]
fn what_may_not_be_seen_is_said_and_the_rest_is_checked() {
    let site = recorded("pull-12-pods-one-secret");
    site.fake_api().unwrap().change(|world| world.forbid("list", "events", "*"));
    let ran = site.sandbox.run(&["doctor", "--offline", "-o", "json"]).exits(1);
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(answer["findings"][0]["rule"], "PULL-01", "{answer:#}");
    assert_eq!(answer["unchecked"][0]["kind"], "Event", "{answer:#}");
}

#[test]
fn a_cluster_that_does_not_answer_is_told_as_such() {
    let site = Kubernetes::fake();
    site.config("");
    let kubeconfig = site.sandbox.root().join("home/.kube/config");
    let url = site.fake_api().unwrap().url();
    let text = fs::read_to_string(&kubeconfig).unwrap();
    fs::write(&kubeconfig, text.replace(&url, "http://127.0.0.1:9")).unwrap();
    let ran = site.sandbox.run(&["doctor"]).exits(1);
    assert_eq!(ran.stdout.matches("API-01").count(), 1, "{}", ran.report());
    assert!(ran.stdout.contains("not checked: cluster"), "{}", ran.report());
}

#[test]
fn what_keeps_a_start_from_its_work_is_found_without_any_cluster() {
    let sandbox = Sandbox::new()
        .real_tool("docker")
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        .file("compose.yml", "services: {a: {image: mlup-test-none:1}}\n")
        .file(
            "mlup.toml",
            "name = \"demo\"\n[[deploy]]\nname = \"stack\"\ncompose = \"compose.yml\"\n",
        );
    let ran = sandbox.run(&["doctor", "-o", "json"]).exits(1);
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
    let findings = answer["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{answer:#}");
    assert_eq!(findings[0]["rule"], "DOC-01", "{answer:#}");
    assert!(findings[0]["fix"]["command"].is_string(), "{answer:#}");
}

#[test]
fn a_manifest_that_the_cluster_explains_is_told_once() {
    let site = recorded("cfg-missing-configmap");
    site.sandbox.write(
        "app.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: second}\nspec:\n  containers:\n  - name: a\n    \
         image: 127.0.0.1:1/a:1\n    envFrom: [{configMapRef: {name: fastapi-config}}]\n",
    );
    site.config("[[deploy]]\nname = \"app\"\nmanifests = \"app.yaml\"\nnamespace = \"flts\"\n");
    let ran = site.sandbox.run(&["doctor", "--offline", "-o", "json"]).exits(1);
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
    let rules: Vec<&Value> =
        answer["findings"].as_array().unwrap().iter().map(|one| &one["rule"]).collect();
    assert_eq!(rules, ["CFG-02"], "{answer:#}");
}
