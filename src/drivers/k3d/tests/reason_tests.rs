//! Each row of the table of reasons, and the recorded failures.

use super::{Recording, recorded};
use crate::drivers::k3d::reasons::{failure, of_node_log};
use crate::host::cmd::{End, Output};
use crate::policy::escalate::Onset;
use crate::policy::{Class, Failure};

fn said(message: &str) -> Failure {
    let stderr = format!("time=\"2026-11-21T10:25:25Z\" level=fatal msg=\"{message}\"\n");
    let output = Output { end: End::Exit(1), stdout: String::new(), stderr };
    failure(&output, "create cluster `dev`", "dev")
}

fn of(recording: Recording) -> Failure {
    failure(&recording.output(), "create cluster `dev`", "dev")
}

const FATAL: Option<Onset> = None;
const WAIT: Option<Onset> = Some(Onset::Wait);
const AGAIN: Option<Onset> = Some(Onset::Transient);
const CORRUPT: Option<Onset> = Some(Onset::Corrupt);
const DEEP: Option<Onset> = Some(Onset::Deep);

/// What k3d says, and the class, code and onset that it must give.
#[rustfmt::skip]
const ROWS: &[(&str, Class, &str, Option<Onset>)] = &[
    ("Cannot connect to the Docker daemon at unix:///x.sock. Is the docker daemon running?", Class::Prerequisite, "DOCKER_UNREACHABLE", WAIT),
    ("permission denied while trying to connect to the Docker daemon socket", Class::Prerequisite, "DOCKER_PERMISSION", FATAL),
    ("permission denied while trying to connect", Class::Prerequisite, "DOCKER_PERMISSION", FATAL),
    ("provided cluster name 'X' does not match requirements", Class::Config, "CLUSTER_NAME_INVALID", FATAL),
    ("Schema Validation failed for config file", Class::Config, "CLUSTER_ARGS_INVALID", FATAL),
    ("Failed Cluster Configuration Validation:  x", Class::Config, "CLUSTER_ARGS_INVALID", FATAL),
    ("Bind for 0.0.0.0:30080 failed: port is already allocated", Class::Refused, "PORT_TAKEN", FATAL),
    ("port is already allocated", Class::Refused, "PORT_TAKEN", FATAL),
    ("listen tcp4 0.0.0.0:30080: bind: address already in use", Class::Refused, "PORT_TAKEN", FATAL),
    ("Ports are not available: exposing port TCP 0.0.0.0:30080", Class::Refused, "PORT_TAKEN", FATAL),
    ("no gateway defined for network mlnet", Class::Prerequisite, "CLUSTER_NETWORK_UNFIT", FATAL),
    ("failed to parse IP Prefix of network 'mlnet'", Class::Prerequisite, "CLUSTER_NETWORK_UNFIT", FATAL),
    ("cannot specify subnet for exiting network", Class::Config, "CLUSTER_ARGS_INVALID", FATAL),
    ("all predefined address pools have been fully subnetted", Class::Prerequisite, "ADDRESS_POOLS_EXHAUSTED", FATAL),
    ("could not find an available, non-overlapping IPv4 address pool among the defaults", Class::Prerequisite, "ADDRESS_POOLS_EXHAUSTED", FATAL),
    ("write /x: no space left on device", Class::Prerequisite, "DISK_FULL", FATAL),
    ("Failed to create cluster 'dev' because a cluster with that name already exists", Class::Refused, "CLUSTER_EXISTS", FATAL),
    ("Context deadline exceeded while waiting for log message 'k3s is up and running'", Class::Timeout, "CLUSTER_START_TIMEOUT", AGAIN),
    ("docker failed to pull image 'rancher/k3s:x'", Class::Prerequisite, "CLUSTER_IMAGE_UNAVAILABLE", AGAIN),
    ("docker failed to pull image 'rancher/k3s:x': manifest unknown", Class::Prerequisite, "CLUSTER_IMAGE_UNAVAILABLE", FATAL),
    ("toomanyrequests: You have reached your pull rate limit", Class::Prerequisite, "RATE_LIMITED", AGAIN),
    ("Failed to add one or more agents: x", Class::Permanent, "CLUSTER_NODE_CRASHES", AGAIN),
    ("stopped returning log lines: node k3d-dev-server-0 is running=true in status=restarting", Class::Permanent, "CLUSTER_NODE_CRASHES", AGAIN),
    ("Error response from daemon: network 442446f7 not found", Class::Permanent, "CLUSTER_CORRUPT", CORRUPT),
    ("The container name '/k3d-dev-tools' is already in use by container x", Class::Permanent, "CLUSTER_CORRUPT", CORRUPT),
    ("Didn't find container for node 'k3d-dev-server-0'", Class::Permanent, "CLUSTER_CORRUPT", CORRUPT),
    ("didn't find any server node", Class::Permanent, "CLUSTER_CORRUPT", CORRUPT),
    ("error starting existing tools node 'k3d-dev-tools'", Class::Permanent, "CLUSTER_CORRUPT", CORRUPT),
    ("Failed to find image volume for cluster 'dev'", Class::Permanent, "CLUSTER_CORRUPT", CORRUPT),
    ("failed to find interface with specified node ip", Class::Permanent, "CLUSTER_CORRUPT", CORRUPT),
    ("failed to parse IP '' for container k3d-dev-server-0", Class::Permanent, "CLUSTER_CORRUPT", DEEP),
    ("failed to parse IP '' for container k3d-other-server-0: x", Class::Refused, "CLUSTER_FOREIGN_IN_THE_WAY", FATAL),
    ("tried to kill container, but did not receive an exit event", Class::Permanent, "CLUSTER_CORRUPT", DEEP),
    ("Failed to delete 2 nodes: Try to delete them manually", Class::Permanent, "CLUSTER_CORRUPT", DEEP),
    ("Cluster creation FAILED, also FAILED to rollback changes!", Class::Permanent, "CLUSTER_CORRUPT", DEEP),
    ("nobody has ever seen this", Class::Permanent, "TOOL_FAILED", AGAIN),
];

#[test]
fn each_row_gives_its_class_code_and_onset() {
    for (message, class, code, onset) in ROWS {
        let failure = said(message);
        assert_eq!(
            (failure.class, failure.code, failure.onset),
            (*class, *code, *onset),
            "{message}"
        );
        assert!(!failure.evidence.is_empty(), "{message}");
        assert!(failure.code == "TOOL_FAILED" || failure.fix.is_some(), "{message}");
        assert!(!failure.summary.ends_with('.'), "{}", failure.summary);
    }
}

#[test]
fn the_recorded_failures_are_known() {
    let known = [
        (recorded!("bad-flag"), Class::Config, "CLUSTER_ARGS_INVALID", FATAL),
        (recorded!("bad-name"), Class::Config, "CLUSTER_NAME_INVALID", FATAL),
        (
            recorded!("create-agent-never-registers"),
            Class::Permanent,
            "CLUSTER_NODE_CRASHES",
            AGAIN,
        ),
        (recorded!("create-exists"), Class::Refused, "CLUSTER_EXISTS", FATAL),
        (
            recorded!("create-image-missing"),
            Class::Prerequisite,
            "CLUSTER_IMAGE_UNAVAILABLE",
            AGAIN,
        ),
        (recorded!("create-port-taken"), Class::Refused, "PORT_TAKEN", FATAL),
        (recorded!("docker-down"), Class::Prerequisite, "DOCKER_UNREACHABLE", WAIT),
        (recorded!("docker-down-create"), Class::Prerequisite, "DOCKER_UNREACHABLE", WAIT),
        (recorded!("start-server-vanished"), Class::Permanent, "CLUSTER_CORRUPT", CORRUPT),
        (recorded!("edit-port-add-no-lb"), Class::Permanent, "TOOL_FAILED", AGAIN),
        (recorded!("image-import-missing"), Class::Permanent, "TOOL_FAILED", AGAIN),
    ];
    for (recording, class, code, onset) in known {
        let failure = of(recording);
        assert_eq!(
            (failure.class, failure.code, failure.onset),
            (class, code, onset),
            "{failure:?}"
        );
    }
}

#[test]
fn evidence_is_what_failed_and_not_that_it_failed() {
    let failure = of(recorded!("create-port-taken"));
    assert_eq!(failure.evidence.len(), 1);
    assert_eq!(failure.evidence[0].source, "k3d");
    assert!(failure.evidence[0].text.starts_with("Failed Cluster Start"), "{failure:?}");
    assert!(failure.summary.contains("port 30080"), "{}", failure.summary);
    assert!(of(recorded!("docker-down-create")).evidence.len() <= 5);
    let only = said("Cluster creation FAILED, rollback deactivated.");
    assert_eq!(only.evidence[0].text, "Cluster creation FAILED, rollback deactivated.");
}

#[test]
fn a_creation_that_never_ends_is_out_of_time() {
    let output = Output { end: End::TimedOut, stdout: String::new(), stderr: String::new() };
    let failure = failure(&output, "create cluster `dev`", "dev");
    assert_eq!((failure.class, failure.code), (Class::Timeout, "CLUSTER_START_TIMEOUT"));
    assert_eq!(failure.onset, AGAIN);
}

#[test]
fn the_log_of_a_node_may_say_more() {
    let log = |line: &str| of_node_log(&[line.to_owned()], "start cluster `dev`", "dev");
    let failure = log(
        "time=\"x\" level=fatal msg=\"flannel exited: failed to find interface with specified node ip\"",
    );
    assert_eq!(failure.unwrap().onset, CORRUPT);
    let failure = log("Incorrect Usage: flag provided but not defined: -nope").unwrap();
    assert_eq!((failure.class, failure.onset), (Class::Config, FATAL));
    let failure = log("E1121 failed to create fsnotify watcher: too many open files").unwrap();
    assert_eq!(failure.code, "CLUSTER_INOTIFY_LIMIT");
    assert_eq!(log("time=\"x\" level=info msg=\"k3s is up and running\""), None);
}
