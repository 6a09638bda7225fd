//! `minikube status` together with the node's container: where the cluster stands. Exit 0 alone
//! proves nothing, and neither `null` nor `Nonexistent` says that there is no cluster.

use serde::Deserialize;

use crate::drivers::cluster::ClusterState;
use crate::drivers::minikube::{PROFILE_LABEL, events, reasons};
use crate::event::{BLANK, Fix};
use crate::host::cmd::{End, Output};
use crate::host::containers::Status;
use crate::host::labelled::NodeContainer;
use crate::policy::escalate::Onset;
use crate::policy::{Class, Failure};

/// Exit code when there is no such profile.
const NO_PROFILE: i32 = 85;

/// Exit code when a configuration cannot be read.
const UNREADABLE: i32 = 38;

/// What `minikube status` said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// One node or several, control plane first.
    Nodes(Vec<NodeStatus>),
    /// Nothing: what some versions print, with exit 0, when a container is gone.
    Nothing,
    /// There is no such profile.
    NoProfile,
    /// The profile has no such node.
    NoNode,
    /// The profile's file cannot be read.
    CorruptProfile,
}

/// One node, in minikube's words.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NodeStatus {
    /// The machine.
    #[serde(default)]
    pub(super) host: String,
    /// The kubelet.
    #[serde(default)]
    pub(super) kubelet: String,
    /// The API server.
    #[serde(default, rename = "APIServer")]
    pub(super) api_server: String,
    /// The kubeconfig entry.
    #[serde(default)]
    pub(super) kubeconfig: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Document {
    One(NodeStatus),
    Several(Vec<NodeStatus>),
    Nothing(()),
}

/// Reads what the command printed.
///
/// # Errors
/// `CLUSTER_STATE_UNKNOWN`, and what minikube itself gives as the reason.
pub(super) fn parse(output: &Output) -> Result<Report, Failure> {
    let End::Exit(exit) = output.end else { return Err(unknown(output)) };
    let error = events::deciding(&output.stdout);
    let name = error.as_ref().map_or("", |error| error.name.as_str());
    match (exit, name) {
        (NO_PROFILE, "GUEST_NODE_RETRIEVE") => return Ok(Report::NoNode),
        (NO_PROFILE, _) => return Ok(Report::NoProfile),
        (UNREADABLE, "HOST_CONFIG_LOAD" | "") => return Ok(Report::CorruptProfile),
        _ => {}
    }
    if error.is_some() {
        return Err(reasons::failure(output, "say where the cluster stands", ""));
    }
    match serde_json::from_str(output.stdout.trim()) {
        Ok(Document::One(node)) => Ok(Report::Nodes(vec![node])),
        Ok(Document::Several(nodes)) if nodes.is_empty() => Ok(Report::Nothing),
        Ok(Document::Several(nodes)) => Ok(Report::Nodes(nodes)),
        Ok(Document::Nothing(())) => Ok(Report::Nothing),
        Err(_) => Err(unknown(output)),
    }
}

fn unknown(output: &Output) -> Failure {
    let mut failure = Failure::new(
        Class::Transient,
        "CLUSTER_STATE_UNKNOWN",
        "`minikube status` did not say where the cluster stands",
    );
    failure.evidence = reasons::last_words("minikube status", output);
    failure.because("minikube status", reasons::ended(output.end))
}

/// Where the cluster stands, from the report on its first node and that node's container.
///
/// # Errors
/// Something is in the way that no start and no new cluster mends.
pub(super) fn state(
    profile: &str,
    report: &Report,
    node: Option<&NodeContainer>,
) -> Result<ClusterState, Failure> {
    match report {
        Report::NoProfile => absent(profile, node),
        Report::CorruptProfile => Ok(corrupt("its profile cannot be read")),
        Report::NoNode => Ok(corrupt("its profile names no node")),
        Report::Nothing => by_container(profile, node),
        Report::Nodes(nodes) => match nodes.first() {
            Some(first) => by_status(profile, first, node),
            None => by_container(profile, node),
        },
    }
}

fn absent(profile: &str, node: Option<&NodeContainer>) -> Result<ClusterState, Failure> {
    let Some(node) = node else { return Ok(ClusterState::Absent) };
    refuse_foreign(profile, node)?;
    Ok(corrupt("its profile is gone and its container is left"))
}

/// Nothing is done to a container that has the node's name and is none.
///
/// # Errors
/// `CLUSTER_NAME_TAKEN`.
pub(super) fn refuse_foreign(profile: &str, node: &NodeContainer) -> Result<(), Failure> {
    if node.labels.get(PROFILE_LABEL).is_some_and(|owner| owner == profile) {
        return Ok(());
    }
    Err(Failure::new(
        Class::Refused,
        "CLUSTER_NAME_TAKEN",
        format!("a container named `{profile}` exists that is no node of minikube"),
    )
    .because("docker", format!("container `{profile}` was made from `{}`", node.image))
    .fix(Fix::safe("give `[cluster]` another `name`, or rename the container")))
}

/// minikube's status has no words for some states of a container; the container itself has.
fn by_container(profile: &str, node: Option<&NodeContainer>) -> Result<ClusterState, Failure> {
    let Some(node) = node else { return Ok(passing("its container vanished")) };
    match node.status {
        Status::Paused => Ok(ClusterState::Paused),
        Status::Exited | Status::Dead => Ok(ClusterState::Stopped),
        Status::Running => on_two_networks(profile, node).map_or_else(
            || Ok(silent("its container runs and minikube cannot read its state")),
            Err,
        ),
        Status::Created | Status::Removing | Status::Restarting => {
            Ok(passing(&format!("its container is {}", node.status.as_str())))
        }
    }
}

fn by_status(
    profile: &str,
    status: &NodeStatus,
    node: Option<&NodeContainer>,
) -> Result<ClusterState, Failure> {
    match status.host.as_str() {
        "Running" => Ok(running(status)),
        "Paused" => Ok(ClusterState::Paused),
        "Starting" => Ok(ClusterState::Starting),
        "Stopped" | "Stopping" | "Saved" => Ok(ClusterState::Stopped),
        "InsufficientStorage" => Err(disk_full(profile)),
        "Nonexistent" if node.is_some_and(|node| node.status == Status::Running) => {
            by_container(profile, node).map(|_| passing("minikube lost track of its container"))
        }
        _ => by_container(profile, node),
    }
}

fn running(status: &NodeStatus) -> ClusterState {
    let serves = |state: &str| matches!(state, "Running" | "Irrelevant");
    if status.api_server == "Paused" {
        ClusterState::Paused
    } else if status.kubelet != "Running" {
        // A start that was interrupted leaves it so, and the next one completes it.
        passing(&format!("its kubelet is {}", status.kubelet.to_lowercase()))
    } else if !serves(&status.api_server) {
        silent(&format!("its API server is {}", status.api_server.to_lowercase()))
    } else if !matches!(status.kubeconfig.as_str(), "Configured" | "Irrelevant") {
        let why = "the kubeconfig does not lead to its API server".to_owned();
        ClusterState::Misconfigured { why }
    } else {
        ClusterState::Running
    }
}

/// What minikube cannot cope with: it reads the addresses of all networks as one.
fn on_two_networks(profile: &str, node: &NodeContainer) -> Option<Failure> {
    if node.networks.len() < 2 {
        return None;
    }
    let names: Vec<&str> = node.networks.keys().map(String::as_str).collect();
    Some(
        Failure::new(
            Class::Refused,
            "CLUSTER_NETWORK_EXTRA",
            format!("the node `{profile}` is on a second Docker network, which minikube cannot cope with"),
        )
        .because(format!("docker inspect {profile}"), format!("networks: {}", names.join(", ")))
        .fix(Fix::safe(format!(
            "docker network disconnect {} {profile}",
            names.iter().find(|name| **name != profile).unwrap_or(&BLANK)
        ))),
    )
}

fn disk_full(profile: &str) -> Failure {
    Failure::new(
        Class::Prerequisite,
        "DISK_FULL",
        format!("the disk of the node `{profile}` is full"),
    )
    .because("minikube status", "Host: InsufficientStorage")
    .fix(Fix::safe("docker system df   # then remove what is not needed"))
}

fn passing(why: &str) -> ClusterState {
    ClusterState::Broken { onset: Onset::Transient, why: why.to_owned() }
}

fn silent(why: &str) -> ClusterState {
    ClusterState::Broken { onset: Onset::Unresponsive, why: why.to_owned() }
}

fn corrupt(why: &str) -> ClusterState {
    ClusterState::Broken { onset: Onset::Corrupt, why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drivers::minikube::tests::node;

    macro_rules! corpus {
        ($path:literal) => {
            include_str!(concat!("../../../tests/corpus/minikube/", $path))
        };
    }

    fn report(exit: i32, stdout: &str) -> Result<Report, Failure> {
        let end = End::Exit(exit);
        parse(&Output { end, stdout: stdout.to_owned(), stderr: String::new() })
    }

    fn seen(exit: i32, stdout: &str, node: Option<&NodeContainer>) -> ClusterState {
        state("dev", &report(exit, stdout).unwrap(), node).unwrap()
    }

    fn onset(state: ClusterState) -> Onset {
        match state {
            ClusterState::Broken { onset, .. } => onset,
            other => panic!("not broken: {other:?}"),
        }
    }

    #[test]
    fn a_running_cluster_reads_the_same_in_every_version() {
        let up = node("dev", Status::Running);
        for stdout in [
            corpus!("1.34/status-running.json"),
            corpus!("1.35/status-running.json"),
            corpus!("1.38/status-running.json"),
            corpus!("1.38/status-two-nodes.json"),
        ] {
            assert_eq!(seen(0, stdout, Some(&up)), ClusterState::Running);
        }
    }

    #[test]
    fn a_vanished_container_is_no_absent_cluster_in_any_version() {
        for (exit, stdout) in [
            (7, corpus!("1.34/status-nonexistent.json")),
            (7, corpus!("1.35/status-nonexistent.json")),
            (7, corpus!("1.38/status-nonexistent.json")),
            (0, corpus!("1.35/status-null.json")),
            (7, corpus!("1.35/status-null.json")),
        ] {
            assert_eq!(onset(seen(exit, stdout, None)), Onset::Transient, "{stdout}");
        }
    }

    #[test]
    fn only_a_missing_profile_without_a_container_is_absent() {
        for stdout in [
            corpus!("1.34/status-no-profile.jsonl"),
            corpus!("1.35/status-no-profile.jsonl"),
            corpus!("1.38/status-no-profile.jsonl"),
        ] {
            assert_eq!(seen(85, stdout, None), ClusterState::Absent);
            let left = node("dev", Status::Exited);
            assert_eq!(onset(seen(85, stdout, Some(&left))), Onset::Corrupt);
        }
        let no_node = corpus!("1.38/status-no-node.jsonl");
        assert_eq!(onset(seen(85, no_node, None)), Onset::Corrupt);
    }

    #[test]
    fn a_foreign_container_of_that_name_is_refused() {
        let mut foreign = node("dev", Status::Running);
        foreign.labels.clear();
        let failure = state("dev", &Report::NoProfile, Some(&foreign)).unwrap_err();
        assert_eq!((failure.class, failure.code), (Class::Refused, "CLUSTER_NAME_TAKEN"));
        assert_eq!(failure.onset, None);
    }

    #[test]
    fn halted_and_frozen_clusters_are_told_apart() {
        let stopped = node("dev", Status::Exited);
        let stdout = corpus!("1.38/status-stopped.json");
        assert_eq!(seen(7, stdout, Some(&stopped)), ClusterState::Stopped);
        assert_eq!(seen(0, "null", Some(&stopped)), ClusterState::Stopped);
        let up = node("dev", Status::Running);
        assert_eq!(seen(2, corpus!("1.38/status-paused.json"), Some(&up)), ClusterState::Paused);
        let frozen = node("dev", Status::Paused);
        let stdout = corpus!("1.38/status-frozen.json");
        assert_eq!(seen(7, stdout, Some(&frozen)), ClusterState::Paused);
        assert_eq!(seen(0, "null", Some(&frozen)), ClusterState::Paused);
    }

    #[test]
    fn a_stale_kubeconfig_entry_is_no_broken_cluster() {
        let up = node("dev", Status::Running);
        let state = seen(4, corpus!("1.38/status-misconfigured.json"), Some(&up));
        assert!(matches!(state, ClusterState::Misconfigured { .. }), "{state:?}");
    }

    #[test]
    fn parts_that_do_not_run_say_where_recovery_begins() {
        let up = node("dev", Status::Running);
        let of = |exit, stdout| onset(seen(exit, stdout, Some(&up)));
        assert_eq!(of(2, corpus!("1.38/status-no-kubelet.json")), Onset::Transient);
        assert_eq!(of(2, corpus!("1.38/status-no-apiserver.json")), Onset::Unresponsive);
        assert_eq!(of(7, corpus!("1.38/status-error.json")), Onset::Unresponsive);
        assert_eq!(of(0, "null"), Onset::Unresponsive);
        assert_eq!(of(7, corpus!("1.38/status-nonexistent.json")), Onset::Transient);
        for status in [Status::Created, Status::Removing] {
            let odd = node("dev", status);
            assert_eq!(onset(seen(0, "null", Some(&odd))), Onset::Transient);
        }
    }

    #[test]
    fn a_second_network_is_named_and_nothing_is_deleted_for_it() {
        let mut both = node("dev", Status::Running);
        both.networks.insert("shared".to_owned(), both.networks["dev"].clone());
        for stdout in [
            corpus!("1.38/status-error.json"),
            corpus!("1.38/status-nonexistent.json"),
            corpus!("1.35/status-null.json"),
        ] {
            let report = report(7, stdout).unwrap();
            let failure = state("dev", &report, Some(&both)).unwrap_err();
            assert_eq!((failure.code, failure.onset), ("CLUSTER_NETWORK_EXTRA", None));
            assert_eq!(failure.evidence[0].text, "networks: dev, shared");
            assert!(failure.fix.unwrap().command.starts_with("docker network disconnect"));
        }
    }

    #[test]
    fn a_full_disk_stops_at_once() {
        let report = report(1, corpus!("1.38/status-disk-full.json")).unwrap();
        let failure = state("dev", &report, None).unwrap_err();
        assert_eq!((failure.class, failure.code), (Class::Prerequisite, "DISK_FULL"));
    }

    #[test]
    fn thirty_eight_is_read_by_its_reason() {
        let stdout = corpus!("1.38/status-config-unreadable.jsonl");
        assert_eq!(onset(seen(38, stdout, None)), Onset::Corrupt);
        let failure = report(38, corpus!("1.38/status-kubeconfig-unreadable.jsonl")).unwrap_err();
        assert_eq!((failure.code, failure.onset), ("KUBECONFIG_UNREADABLE", None));
    }

    #[test]
    fn what_cannot_be_read_is_unknown_and_not_absent() {
        for (exit, stdout) in [(0, ""), (0, "not json"), (2, "panic: runtime error"), (1, "[1]")] {
            let failure = report(exit, stdout).unwrap_err();
            assert_eq!((failure.class, failure.code), (Class::Transient, "CLUSTER_STATE_UNKNOWN"));
        }
        let hung = Output { end: End::TimedOut, stdout: String::new(), stderr: String::new() };
        assert_eq!(parse(&hung).unwrap_err().code, "CLUSTER_STATE_UNKNOWN");
    }
}
