//! Every recorded incident, played by the fake server: the wait for what was applied there ends
//! with the incident's code.

use std::fs;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;

use super::scene::Scene;
use crate::manifest::read;
use crate::plan::change::Settled;
use crate::policy::Failure;
use crate::readiness::fixture::{self as incidents, CODES};

/// Incidents whose state may end by itself: the step's time is over first.
const MAY_PASS: [&str; 7] = [
    "CLAIM_NOT_PROVISIONED",
    "CLAIM_UNBOUND",
    "PROBE_FAILING",
    "RATE_LIMITED",
    "REGISTRY_UNREACHABLE",
    "PULL_FAILED",
    "UNSCHEDULABLE",
];

/// Plays an incident.
async fn play(id: &str, time: Duration) -> (Result<Settled, Failure>, Vec<&'static str>) {
    let mut scene = Scene::new();
    scene.ends_in(time);
    let (objects, _) = incidents::snapshot(id);
    scene.fake.change(|world| {
        world.remove("/api/v1/nodes", "node-0");
        for object in &objects {
            world.store(object.clone());
        }
        for (path, text) in logs(id) {
            let mut parts = path.splitn(3, '_');
            let mut part = || parts.next().unwrap_or_default();
            let (namespace, pod, rest) = (part(), part(), part());
            let container = rest.trim_end_matches(".txt");
            match container.strip_suffix(".previous") {
                Some(container) => world.previous_log(namespace, pod, container, &text),
                None => world.log(namespace, pod, container, &text),
            }
        }
    });
    let wanted: Vec<Value> = incidents::applied(&objects).cloned().collect();
    let end = scene.wait(&wanted).await;
    let warnings = scene.bed.warnings();
    (end, warnings)
}

fn logs(id: &str) -> Vec<(String, String)> {
    let Ok(folder) = fs::read_dir(incidents::corpus().join(id).join("logs")) else {
        return Vec::new();
    };
    folder
        .flatten()
        .map(|entry| {
            let text = fs::read_to_string(entry.path()).unwrap();
            (entry.file_name().into_string().unwrap(), text)
        })
        .collect()
}

/// Whether an incident ended as its codes say.
fn is_as_recorded(codes: &[&'static str], end: &Result<Settled, Failure>) -> bool {
    let [first, others @ ..] = codes else {
        return end.is_ok();
    };
    let Err(failure) = end else { return false };
    let words = format!("{failure:?}");
    if MAY_PASS.contains(first) {
        return failure.code == "STEP_TIMEOUT" && words.contains(first);
    }
    let is_told = |other: &&str| failure.detail.findings.iter().any(|one| one.code == *other);
    failure.code == *first && others.iter().all(is_told)
}

#[tokio::test]
async fn every_recorded_incident_ends_the_wait_with_its_code() {
    let play = CODES.iter().map(|&(id, codes)| async move {
        let may_pass = codes.first().is_some_and(|code| MAY_PASS.contains(code));
        let time = Duration::from_secs(if may_pass { 6 } else { 40 });
        let (end, warnings) = play(id, time).await;
        let is_right = is_as_recorded(codes, &end) && (end.is_ok() || warnings.is_empty());
        (!is_right).then(|| format!("{id}: {codes:?}, and it ended {end:?} {warnings:?}"))
    });
    let wrong: Vec<String> = join_all(play).await.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn clusters_that_only_look_suspicious_are_ready_at_the_first_look() {
    for entry in fs::read_dir(incidents::corpus()).unwrap() {
        let id = entry.unwrap().file_name().into_string().unwrap();
        if id.starts_with("healthy-") {
            let (end, warnings) = play(&id, Duration::from_secs(3)).await;
            assert!(warnings.is_empty(), "{id}: {warnings:?}");
            match end {
                Err(failure) if id == "healthy-pods-starting" => {
                    assert_eq!(failure.code, "STEP_TIMEOUT", "{failure:?}");
                    assert!(failure.fix.is_none(), "{failure:?}");
                }
                end => assert!(end.is_ok(), "{id}: {end:?}"),
            }
        }
    }
}

/// Names of objects are told as the configuration names them.
#[test]
fn incidents_are_of_objects_that_somebody_applied() {
    for (id, _) in CODES {
        let (objects, _) = incidents::snapshot(id);
        assert!(incidents::applied(&objects).all(|object| !read::name(object).is_empty()), "{id}");
    }
}
