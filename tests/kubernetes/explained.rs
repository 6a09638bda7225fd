//! One cause, told four times: by the start that it fails, by `why`, by `status` and by `doctor`, each
//! time in the same words.

use mlup::event::{Diagnosis, EventKind};
use serde_json::{Value, json};

use super::doctor::recorded;
use crate::support::kubernetes::Kubernetes;

/// The workloads and services of a recorded incident as manifests: what somebody applied.
pub(super) fn applied(id: &str) -> Kubernetes {
    let site = recorded(id);
    let mut text = String::new();
    site.fake_api().unwrap().change(|world| {
        for kind in ["Deployment", "Service"] {
            for mut object in world.objects(kind) {
                let name = object["metadata"]["name"].as_str().unwrap().to_owned();
                if name == "kubernetes" {
                    continue;
                }
                let namespace = object["metadata"]["namespace"].clone();
                object["metadata"] = json!({ "name": name, "namespace": namespace,
                    "labels": object["metadata"]["labels"].clone() });
                object.as_object_mut().unwrap().remove("status");
                text.extend(["---\n", &object.to_string(), "\n"]);
            }
        }
    });
    site.sandbox.write("all.yaml", &text);
    site.config("[[deploy]]\nname = \"all\"\nmanifests = \"all.yaml\"\n");
    site
}

/// Rule, sentence and fix of a cause.
fn gist(row: &Value) -> (String, String, String) {
    let text =
        |path: &str| row.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    (text("/rule"), text("/summary"), text("/fix/command"))
}

fn answer(site: &Kubernetes, args: &[&str]) -> Value {
    let ran = site.sandbox.run(&[args, &["-o", "json"]].concat());
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.report()))
}

#[test]
fn a_failed_start_why_status_and_doctor_tell_the_same_cause() {
    for (id, code) in [
        ("cfg-command-not-found", "CONTAINER_COMMAND"),
        ("crash-oom-killed", "OOM_KILLED"),
        ("pull-invalid-image-name", "IMAGE_NAME_INVALID"),
        ("pull-12-pods-one-secret", "PULL_SECRET_MISSING"),
    ] {
        let site = applied(id);
        let ran = site.sandbox.run(&[
            "start",
            "--progress",
            "json",
            "--timeout",
            "40s",
            "--skip",
            "preflight/deploys",
        ]);
        let told = ran.kinds().into_iter().find_map(|kind| match kind {
            EventKind::Diagnosis(diagnosis) => Some(diagnosis),
            _ => None,
        });
        let Diagnosis { code: told_code, rule, summary, evidence, fix, .. } =
            told.unwrap_or_else(|| panic!("{id}: {}", ran.report()));
        assert_eq!(told_code, code, "{id}: {}", ran.report());
        let started =
            (rule.unwrap_or_default(), summary, fix.map(|fix| fix.command).unwrap_or_default());

        let doctor = answer(&site, &["doctor", "--offline"]);
        let of_doctor = &doctor["findings"][0];
        assert_eq!(gist(of_doctor), started, "{id}: doctor");
        let lines = |row: &Value| serde_json::to_string(&row["evidence"]).unwrap();
        let first = serde_json::to_string(&evidence[..1]).unwrap();
        assert!(lines(of_doctor).starts_with(first.trim_end_matches(']')), "{id}: {of_doctor:#}");

        let why = answer(&site, &["why", "deploy/all"]);
        assert_eq!(gist(&why["causes"][0]), started, "{id}: why");
        let status = answer(&site, &["status"]);
        assert_eq!(gist(&status["causes"][0]), started, "{id}: status");
    }
}

#[test]
fn people_read_it_in_why_and_in_status() {
    let site = applied("cfg-command-not-found");
    site.sandbox.run(&["start", "--timeout", "40s"]).exits(3);
    let why = site.sandbox.run(&["why", "deploy/all"]).exits(0);
    assert!(why.stdout.contains("what keeps it down, seen now:"), "{}", why.report());
    let status = site.sandbox.run(&["status"]).exits(8);
    assert!(status.stdout.contains("CFG-04"), "{}", status.report());
    assert!(status.stdout.contains("mlup doctor"), "{}", status.report());
}
