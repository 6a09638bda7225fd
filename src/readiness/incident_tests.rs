//! Every recorded incident of a real cluster is judged as its `expect.toml` says, and the clusters
//! that only look suspicious give nothing.

use std::fs;

use serde_json::Value;

use super::fixture::{CODES, applied, corpus, snapshot};
use super::*;

fn log_of(id: &str, cause: &Cause) -> Option<String> {
    let log = cause.log.as_ref()?;
    let name = format!("{}_{}_{}.txt", log.namespace, log.pod, log.container);
    fs::read_to_string(corpus().join(id).join("logs").join(name)).ok()
}

/// All causes of an incident, each root once.
fn causes_of(id: &str, objects: &[Value], world: &World) -> Vec<Cause> {
    let mut found = Vec::new();
    for object in applied(objects) {
        found.extend(causes(object, world));
        if let Readiness::Failed(cause) | Readiness::Blocked(cause) = judge(object, world) {
            found.push(cause);
        }
    }
    let logged = found.into_iter().map(|cause| match log_of(id, &cause) {
        Some(log) => crash_log::with_log(cause, &log, world),
        None => cause,
    });
    let mut folded = cause::fold(logged.collect());
    folded.sort_by_key(|cause| cause.code);
    folded
}

fn words_of(cause: &Cause) -> (String, String) {
    let failure = cause.failure();
    let mut words = failure.summary;
    for line in &failure.evidence {
        words.extend(["\n", &line.source, ": ", &line.text]);
    }
    let fix = failure.fix.map(|fix| fix.command).unwrap_or_default();
    (format!("{words}\n{fix}").to_lowercase(), fix.to_lowercase())
}

fn strings<'t>(finding: &'t toml_edit::Table, field: &str) -> Vec<&'t str> {
    let array = finding.get(field).and_then(toml_edit::Item::as_array);
    array.into_iter().flatten().filter_map(toml_edit::Value::as_str).collect()
}

#[test]
fn every_recorded_incident_gives_its_cause_and_no_other() {
    let mut wrong = Vec::new();
    for (id, codes) in CODES {
        let (objects, world) = snapshot(id);
        let found = causes_of(id, &objects, &world);
        let found_codes: Vec<&str> = found.iter().map(|cause| cause.code).collect();
        if found_codes != codes {
            wrong.push(format!("{id}: {found_codes:?} and not {codes:?}: {found:#?}"));
            continue;
        }
        let expect = fs::read_to_string(corpus().join(id).join("expect.toml")).unwrap();
        let expect: toml_edit::DocumentMut = expect.parse().unwrap();
        let findings = expect["finding"].as_array_of_tables().unwrap();
        for (cause, finding) in found.iter().zip(findings) {
            let (words, fix) = words_of(cause);
            for (field, text, wanted) in [
                ("must_mention", &words, true),
                ("fix_must_contain", &fix, true),
                ("must_not_say", &words, false),
            ] {
                for word in strings(finding, field) {
                    if text.contains(&word.to_lowercase()) != wanted {
                        wrong.push(format!("{id}: {field} {word:?}:\n{text}\n"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_healthy_cluster_gives_nothing_however_suspicious_it_looks() {
    let mut seen = 0;
    for entry in fs::read_dir(corpus()).unwrap() {
        let id = entry.unwrap().file_name().into_string().unwrap();
        if !id.starts_with("healthy-") {
            continue;
        }
        seen += 1;
        let (objects, world) = snapshot(&id);
        for object in applied(&objects) {
            assert_eq!(causes(object, &world), [], "{id}");
            let readiness = judge(object, &world);
            assert!(
                id == "healthy-pods-starting" || readiness.is_ready(),
                "{id}: {} {readiness:?}",
                workload::called(object)
            );
            assert!(
                !matches!(readiness, Readiness::Failed(_) | Readiness::Blocked(_)),
                "{id}: {readiness:?}"
            );
        }
    }
    assert_eq!(seen, 7);
}

#[test]
fn the_status_alone_tells_the_same_once_events_are_gone() {
    let kept = ["pull-", "cfg-", "pvc-", "sch-", "rs-", "svc-sel", "job-", "crash-oom"];
    for (id, codes) in CODES.iter().filter(|(id, _)| kept.iter().any(|kind| id.starts_with(kind))) {
        let (objects, mut world) = snapshot(id);
        world.set("Event", Vec::new());
        let found = causes_of(id, &objects, &world);
        let found: Vec<&str> = found.iter().map(|cause| cause.code).collect();
        assert_eq!(found, *codes, "{id}");
    }
}

#[test]
fn every_fix_in_a_namespace_names_it() {
    for (id, _) in CODES {
        let (objects, world) = snapshot(id);
        for cause in causes_of(id, &objects, &world) {
            let fix = cause.fix.as_ref().map(|fix| fix.command.as_str()).unwrap_or_default();
            let things =
                ["Secret", "ConfigMap", "PersistentVolumeClaim", "ServiceAccount", "ResourceQuota"];
            if let Some(root) =
                cause.root.as_ref().filter(|root| things.contains(&root.kind.as_str()))
            {
                assert!(fix.contains(&root.namespace), "{id}: {fix}");
            }
            assert!(
                !fix.starts_with("kubectl") || fix.contains(" -n ") || fix.contains("label node"),
                "{id}: {fix}"
            );
        }
    }
}

#[test]
fn the_table_has_every_incident() {
    let mut missing: Vec<String> = fs::read_dir(corpus())
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter(|id| corpus().join(id).is_dir())
        .filter(|id| !id.starts_with("healthy-") && !CODES.iter().any(|(known, _)| known == id))
        .collect();
    missing.sort();
    assert_eq!(missing, Vec::<String>::new());
}
