//! The driver on a scripted minikube and the real engine, where no node of these names exists.

use std::collections::BTreeMap;

use super::*;
use crate::config::model::Provider;
use crate::drivers::fixture;
use crate::host::labelled::Attachment;
use crate::host::testing::engine::unique;
use crate::host::testing::{TestBench, on};

macro_rules! corpus {
    ($path:literal) => {
        include_str!(concat!("../../../tests/corpus/minikube/", $path))
    };
}

/// A cluster of which nothing but the name is configured.
pub(super) fn spec(name: &str) -> Spec {
    fixture::spec(Provider::Minikube, name)
}

/// A driver that does not run as root.
pub(super) fn driver(spec: Spec) -> Minikube {
    Minikube { spec, as_root: false }
}

/// A node's container on its own network.
pub(super) fn node(name: &str, status: Status) -> NodeContainer {
    let place = Attachment { network_id: "n1".to_owned(), address: "10.9.0.2".to_owned() };
    NodeContainer {
        id: "f95".to_owned(),
        name: name.to_owned(),
        image: "kicbase:v0.0.50".to_owned(),
        status,
        exit_code: 0,
        labels: BTreeMap::from([(PROFILE_LABEL.to_owned(), name.to_owned())]),
        networks: BTreeMap::from([(name.to_owned(), place)]),
        ports: Vec::new(),
        finished: None,
    }
}

/// The command line of a status.
pub(super) fn status_call(name: &str) -> String {
    format!("minikube status -p {name} -n {name} -o json")
}

#[tokio::test]
async fn a_cluster_that_nobody_made_is_absent() {
    let name = unique("mk");
    let stdout = corpus!("1.38/status-no-profile.jsonl");
    let bed = TestBench::new([on(&status_call(&name), 85, stdout, "")]);
    let sighting = driver(spec(&name)).probe(&bed.bench).await.unwrap();
    assert_eq!(sighting, Sighting::of(ClusterState::Absent));
}

#[tokio::test]
async fn null_with_exit_0_is_a_vanished_container() {
    let name = unique("mk");
    let bed = TestBench::new([on(&status_call(&name), 0, "null", "")]);
    let sighting = driver(spec(&name)).probe(&bed.bench).await.unwrap();
    let why = "its container vanished".to_owned();
    assert_eq!(sighting.state, ClusterState::Broken { onset: Onset::Transient, why });
}

#[tokio::test]
async fn an_engine_that_is_down_is_waited_for_and_minikube_is_not_asked() {
    let bed = TestBench::with_env([], &[("DOCKER_HOST", "unix:///nowhere/docker.sock")]);
    let driver = driver(spec("dev"));
    let failure = driver.probe(&bed.bench).await.unwrap_err();
    assert_eq!((failure.code, failure.onset), ("DOCKER_UNREACHABLE", Some(Onset::Wait)));
    let failure = driver.delete(&bed.bench).await.unwrap_err();
    assert_eq!((failure.code, failure.onset), ("DOCKER_UNREACHABLE", Some(Onset::Wait)));
    assert!(bed.runner.seen().is_empty());
}

#[tokio::test]
async fn drift_is_asked_for_only_where_something_is_configured() {
    let name = unique("mk");
    let running = corpus!("1.38/status-running.json");
    let bed = TestBench::new([on(&status_call(&name), 0, running, "")]);
    let sighting = driver(spec(&name)).probe(&bed.bench).await.unwrap();
    assert_eq!(sighting, Sighting::of(ClusterState::Running));

    let listing = corpus!("1.38/profile-list.json").replace("\"dev\"", &format!("\"{name}\""));
    let bed = TestBench::new([
        on(&status_call(&name), 0, running, ""),
        on("minikube profile list -o json", 0, &listing, ""),
    ]);
    let wanted = Spec { memory: Some(2 << 30), ..spec(&name) };
    let sighting = driver(wanted.clone()).probe(&bed.bench).await.unwrap();
    assert_eq!(sighting.drift.len(), 1);
    assert_eq!(
        (sighting.drift[0].what.as_str(), sighting.drift[0].cure),
        ("memory", Cure::Recreate)
    );

    let error = corpus!("1.38/profile-list-error.json");
    let bed = TestBench::new([
        on(&status_call(&name), 0, running, ""),
        on("minikube profile list -o json", 80, error, ""),
    ]);
    assert!(driver(wanted).probe(&bed.bench).await.unwrap().drift.is_empty());
    assert_eq!(bed.warnings(), ["CLUSTER_DRIFT_UNKNOWN"]);
}

#[tokio::test]
async fn a_worker_that_does_not_run_breaks_the_cluster_and_one_never_made_does_not() {
    let name = unique("mk");
    let running = corpus!("1.38/status-running.json");
    let worker = format!("minikube status -p {name} -n {name}-m02 -o json");
    let wanted = Spec { agents: 1, ..spec(&name) };
    let gone = corpus!("1.38/status-nonexistent.json");
    let bed = TestBench::new([on(&status_call(&name), 0, running, ""), on(&worker, 7, gone, "")]);
    let sighting = driver(wanted.clone()).probe(&bed.bench).await.unwrap();
    let why = format!("its node `{name}-m02` does not run");
    assert_eq!(sighting.state, ClusterState::Broken { onset: Onset::Transient, why });

    let listing = corpus!("1.38/profile-list.json").replace("\"dev\"", &format!("\"{name}\""));
    let bed = TestBench::new([
        on(&status_call(&name), 0, running, ""),
        on(&worker, 85, corpus!("1.38/status-no-node.jsonl"), ""),
        on("minikube profile list -o json", 0, &listing, ""),
    ]);
    let sighting = driver(wanted).probe(&bed.bench).await.unwrap();
    assert_eq!((sighting.state, sighting.drift[0].what.as_str()), (ClusterState::Running, "nodes"));
}

#[tokio::test]
async fn a_stale_entry_is_written_anew_and_addons_are_enabled() {
    let addon = |wanted: &str| Drift {
        what: "addons".to_owned(),
        wanted: wanted.to_owned(),
        found: "not enabled".to_owned(),
        cure: Cure::InPlace,
    };
    let sighting = Sighting {
        state: ClusterState::Misconfigured { why: "stale".to_owned() },
        drift: vec![addon("ingress"), Drift { cure: Cure::Recreate, ..addon("x") }],
    };
    let bed = TestBench::new([
        on("minikube update-context -p dev", 0, "", ""),
        on("minikube addons enable ingress -p dev", 0, "", ""),
    ]);
    driver(spec("dev")).amend(&bed.bench, &sighting).await.unwrap();
    assert_eq!(bed.doings(), ["enabling the add-on ingress"]);
}

#[tokio::test]
async fn a_context_that_must_not_be_switched_is_mended_by_a_start() {
    let name = unique("mk");
    let start = format!(
        "minikube start -p {name} --output=json --interactive=false --driver=docker \
         --container-runtime=docker --keep-context=true --embed-certs=true --wait=apiserver \
         --wait-timeout=6m"
    );
    let stale = corpus!("1.38/status-misconfigured.json");
    let bed = TestBench::new([on(&status_call(&name), 4, stale, ""), on(&start, 0, "", "")]);
    let why = "stale".to_owned();
    let sighting = Sighting::of(ClusterState::Misconfigured { why });
    let driver = driver(Spec { switch_context: false, ..spec(&name) });
    let failure = driver.amend(&bed.bench, &sighting).await.unwrap_err();
    assert_eq!(failure.code, "CLUSTER_NODE_VANISHED");
}

#[tokio::test]
async fn a_cluster_without_a_container_is_stopped_already() {
    let bed = TestBench::new([]);
    driver(spec(&unique("mk"))).stop(&bed.bench).await.unwrap();
}

#[tokio::test]
async fn the_address_of_a_node_that_does_not_run_is_not_known() {
    let name = unique("mk");
    let bed = TestBench::new([on(&format!("minikube ip -p {name}"), 85, "", "")]);
    let failure = driver(spec(&name)).node_address(&bed.bench).await.unwrap_err();
    assert_eq!(failure.code, "CLUSTER_NOT_RUNNING");
}

#[tokio::test]
async fn every_command_runs_in_the_sealed_environment() {
    let name = unique("mk");
    let stdout = corpus!("1.38/status-no-profile.jsonl");
    let script = [on(&status_call(&name), 85, stdout, "")];
    let bed = TestBench::with_env(script, &[("HOME", "/h"), ("MINIKUBE_PROFILE", "other")]);
    driver(spec(&name)).probe(&bed.bench).await.unwrap();
    let seen = bed.runner.seen()[0].full_env(&bed.bench.host.env);
    assert!(!seen.contains_key("MINIKUBE_PROFILE"), "{seen:?}");
    assert_eq!(seen["KUBECONFIG"], "/h/.kube/config");
}
