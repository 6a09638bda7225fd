//! Starts on a scripted minikube, and the verdict over what is there afterwards.

use super::*;
use crate::drivers::cluster::ClusterDriver;
use crate::drivers::minikube::tests::{driver, node, spec, status_call};
use crate::host::cmd::End;
use crate::host::labelled::Attachment;
use crate::host::testing::engine::unique;
use crate::host::testing::{Script, TestBench, ended, on};

macro_rules! corpus {
    ($path:literal) => {
        include_str!(concat!("../../../../tests/corpus/minikube/", $path))
    };
}

fn start_call(name: &str, more: &str) -> String {
    format!(
        "minikube start -p {name} --output=json --interactive=false --driver=docker \
         --container-runtime=docker --keep-context=false --embed-certs=true --wait=apiserver \
         --wait-timeout=6m{more}"
    )
}

fn absent(name: &str) -> Script {
    on(&status_call(name), 85, corpus!("1.38/status-no-profile.jsonl"), "")
}

fn vanished(name: &str) -> Script {
    on(&status_call(name), 7, corpus!("1.38/status-nonexistent.json"), "")
}

async fn started(name: &str, how: Insistence, script: Vec<Script>) -> (Failure, TestBench) {
    let bed = TestBench::new(script);
    let failure = driver(spec(name)).start(&bed.bench, how).await.unwrap_err();
    (failure, bed)
}

#[tokio::test]
async fn exit_0_without_a_container_is_no_start() {
    let name = unique("mk");
    let script =
        vec![absent(&name), on(&start_call(&name, ""), 0, corpus!("1.38/start.jsonl"), "")];
    let (failure, bed) = started(&name, Insistence::Plain, script).await;
    assert_eq!((failure.code, failure.onset), ("CLUSTER_NODE_VANISHED", Some(Onset::Transient)));
    let doings = bed.doings();
    assert_eq!(doings[0], "starting minikube");
    assert!(doings.contains(&"creating container (8/19)".to_owned()), "{doings:?}");
    assert!(bed.warnings().is_empty());
}

#[tokio::test]
async fn a_container_that_is_gone_in_the_middle_is_named_before_what_failed_of_it() {
    let name = unique("mk");
    let script =
        vec![absent(&name), on(&start_call(&name, ""), 80, corpus!("1.34/start-failed.jsonl"), "")];
    let (failure, _) = started(&name, Insistence::Plain, script).await;
    assert_eq!((failure.code, failure.onset), ("CLUSTER_NODE_VANISHED", Some(Onset::Transient)));
    assert_eq!(failure.evidence[0].text, "exit code 80 (GUEST_PROVISION)");
    assert_eq!(failure.evidence.last().unwrap().text, "no such container");
}

#[tokio::test]
async fn a_container_that_was_never_made_did_not_vanish() {
    let name = unique("mk");
    let stream = corpus!("1.34/start-failed.jsonl");
    for stream in [
        stream.replace("Failed to start host: provision:", "Failed to start host: creating host:"),
        stream.replace("Creating Container", "Pulling Base Image"),
    ] {
        let script = vec![absent(&name), on(&start_call(&name, ""), 80, &stream, "")];
        let (failure, _) = started(&name, Insistence::Plain, script).await;
        assert_eq!((failure.code, failure.onset), ("CLUSTER_START_FAILED", Some(Onset::Transient)));
    }
}

#[tokio::test]
async fn force_is_for_the_last_rung() {
    let name = unique("mk");
    let script =
        vec![absent(&name), on(&start_call(&name, " --force"), 14, "", "Error: unknown flag: --x")];
    let (failure, _) = started(&name, Insistence::Force, script).await;
    assert_eq!((failure.class, failure.code), (Class::Config, "CLUSTER_ARGS_INVALID"));
}

#[tokio::test]
async fn a_hanging_start_ends_with_its_time() {
    let name = unique("mk");
    let script = vec![vanished(&name), ended(&start_call(&name, ""), End::TimedOut, "", "")];
    let (failure, _) = started(&name, Insistence::Plain, script).await;
    assert_eq!((failure.class, failure.code), (Class::Timeout, "TOOL_TIMEOUT"));
}

#[tokio::test]
async fn a_control_plane_made_anew_is_a_warning() {
    let name = unique("mk");
    let script =
        vec![vanished(&name), on(&start_call(&name, ""), 0, corpus!("1.38/start-reset.jsonl"), "")];
    let (_, bed) = started(&name, Insistence::Plain, script).await;
    assert_eq!(bed.warnings(), ["CLUSTER_RESET"]);
}

#[tokio::test]
async fn a_paused_cluster_is_unpaused_and_not_started_again() {
    let name = unique("mk");
    let bed = TestBench::new([
        on(&status_call(&name), 2, corpus!("1.38/status-paused.json"), ""),
        on(&format!("minikube unpause -p {name} -o json"), 0, "", ""),
        on(&status_call(&name), 0, corpus!("1.38/status-running.json"), ""),
    ]);
    driver(spec(&name)).start(&bed.bench, Insistence::Plain).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_stops_before_anything_is_started() {
    let name = unique("mk");
    let script = vec![on(&status_call(&name), 1, corpus!("1.38/status-disk-full.json"), "")];
    let (failure, _) = started(&name, Insistence::Plain, script).await;
    assert_eq!((failure.code, failure.onset), ("DISK_FULL", None));
}

#[tokio::test]
async fn a_network_without_a_gateway_is_refused_before_the_cluster_is_made() {
    let name = unique("mk");
    let bed = TestBench::new([absent(&name)]);
    let network = ClusterNetwork::Joined {
        name: unique("net"),
        subnet: Some("10.213.40.0/24".to_owned()),
        gateway: None,
    };
    let driver = driver(Spec { network, ..spec(&name) });
    let failure = driver.start(&bed.bench, Insistence::Plain).await.unwrap_err();
    assert_eq!(failure.code, "CLUSTER_NETWORK_UNFIT");
}

#[tokio::test]
async fn a_restart_without_a_container_is_a_start() {
    let name = unique("mk");
    let script = vec![vanished(&name), on(&start_call(&name, ""), 83, "", "")];
    let bed = TestBench::new(script);
    let failure = driver(spec(&name)).restart(&bed.bench).await.unwrap_err();
    assert_eq!(failure.code, "CLUSTER_START_FAILED");
}

#[test]
fn the_node_has_to_run_on_the_network_that_is_wanted() {
    let mut spec = spec("dev");
    let mut node = node("dev", Status::Running);
    assert!(verify(&spec, Some(&node)).is_ok() && !on_default_bridge(&spec, Some(&node)));
    spec.network = ClusterNetwork::Joined { name: "mlnet".to_owned(), subnet: None, gateway: None };
    let failure = verify(&spec, Some(&node)).unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Permanent, "NETWORK_NOT_JOINED"));
    assert!(failure.evidence.iter().any(|line| line.text.contains("14767")));
    let place = Attachment { network_id: "n2".to_owned(), address: String::new() };
    node.networks.insert("mlnet".to_owned(), place);
    assert!(verify(&spec, Some(&node)).is_ok());
    node.status = Status::Exited;
    assert_eq!(verify(&spec, Some(&node)).unwrap_err().code, "CLUSTER_NODE_VANISHED");
}

#[test]
fn a_node_on_the_default_bridge_is_noticed() {
    let mut node = node("dev", Status::Running);
    let place = node.networks.remove("dev").unwrap();
    node.networks.insert("bridge".to_owned(), place);
    assert!(on_default_bridge(&spec("dev"), Some(&node)));
    assert!(verify(&spec("dev"), Some(&node)).is_ok());
}
