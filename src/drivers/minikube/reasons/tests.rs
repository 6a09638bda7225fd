//! Every reason id, the words that matter, and the ranges of exit codes.

use super::*;

/// One line of an error event.
fn event(id: &str, exit: i32, message: &str) -> String {
    let data = serde_json::json!({"exitcode": exit.to_string(), "name": id, "message": message});
    serde_json::json!({"type": "io.k8s.sigs.minikube.error", "data": data}).to_string()
}

fn output(exit: i32, stdout: &str, stderr: &str) -> Output {
    Output { end: End::Exit(exit), stdout: stdout.to_owned(), stderr: stderr.to_owned() }
}

fn failed(id: &str, exit: i32, message: &str) -> Failure {
    failure(&output(exit, &event(id, exit, message), ""), "start the cluster", "dev")
}

/// What the table of reason ids says: `F` fatal, `T` transient, `C` corrupt, `D` deep, `W` wait.
const EXPECTED: &[(&str, i32, char, Class)] = {
    use Class::{Config, Permanent, Prerequisite, Refused, Transient};
    &[
        ("MK_USAGE", 14, 'F', Config),
        ("MK_PATCH_NOT_FOUND", 14, 'F', Config),
        ("MK_KVERSION_USAGE", 14, 'F', Config),
        ("MK_RESERVED_PROFILE", 11, 'F', Config),
        ("MK_WRONG_BINARY_WSL", 16, 'F', Prerequisite),
        ("RSRC_INSUFFICIENT_CORES", 29, 'F', Prerequisite),
        ("RSRC_DOCKER_CORES", 29, 'F', Prerequisite),
        ("RSRC_INSUFFICIENT_REQ_MEMORY", 23, 'F', Config),
        ("RSRC_INSUFFICIENT_SYS_MEMORY", 23, 'F', Prerequisite),
        ("RSRC_INSUFFICIENT_CONTAINER_MEMORY", 23, 'F', Prerequisite),
        ("RSRC_DOCKER_MEMORY", 23, 'F', Prerequisite),
        ("RSRC_OVER_ALLOC_MEM", 10, 'F', Prerequisite),
        ("RSRC_DOCKER_STORAGE", 26, 'F', Prerequisite),
        ("RSRC_INSUFFICIENT_STORAGE", 26, 'F', Prerequisite),
        ("GUEST_PROVISION_NOSPACE", 26, 'F', Prerequisite),
        ("HOST_CONFIG_LOAD", 38, 'C', Permanent),
        ("HOST_SAVE_PROFILE", 38, 'F', Prerequisite),
        ("HOST_KUBECONFIG_UPDATE", 38, 'F', Config),
        ("HOST_KUBECONFIG_DELETE_CTX", 38, 'F', Config),
        ("HOST_CURRENT_USER", 38, 'F', Prerequisite),
        ("HOST_HOME_MKDIR", 37, 'F', Prerequisite),
        ("HOST_HOME_CHOWN", 37, 'F', Prerequisite),
        ("HOST_HOME_PERMISSION", 37, 'F', Prerequisite),
        ("HOST_KUBECONFIG_WRITE", 37, 'F', Prerequisite),
        ("HOST_KUBECONFIG_PERMISSION", 37, 'F', Prerequisite),
        ("HOST_JUJU_LOCK_PERMISSION", 37, 'F', Prerequisite),
        ("HOST_CGROUP_NOT_SUPPORTED", 36, 'F', Prerequisite),
        ("HOST_ROOT_CGROUP", 36, 'F', Prerequisite),
        ("HOST_PIDS_CGROUP", 36, 'F', Prerequisite),
        ("HOST_CPU_DELEGATION", 36, 'F', Prerequisite),
        ("HOST_PURGE", 30, 'F', Prerequisite),
        ("PROVIDER_DOCKER_NOT_FOUND", 65, 'F', Prerequisite),
        ("PROVIDER_DOCKER_NOT_RUNNING", 63, 'W', Prerequisite),
        ("PROVIDER_DOCKER_NEWGRP", 69, 'F', Prerequisite),
        ("PROVIDER_DOCKER_VERSION_EXIT_1", 69, 'W', Prerequisite),
        ("PROVIDER_DOCKER_INFO_EXIT_5", 69, 'W', Prerequisite),
        ("PROVIDER_DOCKER_DESKTOP_VERSION_BAD", 69, 'F', Prerequisite),
        ("PROVIDER_DOCKER_CONTAINER_OS", 61, 'F', Prerequisite),
        ("PROVIDER_DOCKER_NOEXEC", 67, 'F', Prerequisite),
        ("PROVIDER_INVALID_VERSION", 88, 'C', Permanent),
        ("PR_DOCKER_CGROUP_MOUNT", 60, 'W', Prerequisite),
        ("PR_DOCKER_READONLY_VOL", 60, 'W', Prerequisite),
        ("PR_DOCKER_MOUNTS_EOF", 60, 'W', Prerequisite),
        ("PR_DOCKER_FILE_SHARING", 60, 'W', Prerequisite),
        ("PR_DOCKER_IP_CONFLICT", 60, 'W', Prerequisite),
        ("PR_DOCKER_NO_SSH", 62, 'T', Permanent),
        ("DRV_NOT_DETECTED", 55, 'W', Prerequisite),
        ("DRV_NOT_HEALTHY", 55, 'W', Prerequisite),
        ("DRV_DOCKER_NOT_RUNNING", 55, 'W', Prerequisite),
        ("DRV_NOT_FOUND", 55, 'W', Prerequisite),
        ("DRV_UNSUPPORTED_OS", 56, 'W', Prerequisite),
        ("DRV_AS_ROOT", 57, 'F', Prerequisite),
        ("DRV_CP_ENDPOINT", 50, 'C', Permanent),
        ("DRV_CREATE_TIMEOUT", 52, 'T', Permanent),
        ("GUEST_DRIVER_MISMATCH", 81, 'F', Refused),
        ("GUEST_MOUNT_CONFLICT", 81, 'F', Refused),
        ("GUEST_PORT_IN_USE", 81, 'T', Permanent),
        ("IF_DEDICATED_NETWORK", 70, 'C', Permanent),
        ("IF_SSH_TIMEOUT", 72, 'T', Permanent),
        // Waiting is the same again, and never ends in a delete: the network is at fault.
        ("INET_CACHE_BINARIES", 40, 'W', Transient),
        ("INET_CACHE_KUBECTL", 40, 'W', Transient),
        ("INET_CACHE_TAR", 40, 'W', Transient),
        ("INET_REPOS_UNAVAILABLE", 40, 'W', Transient),
        ("INET_DOWNLOAD_TIMEOUT", 42, 'W', Transient),
        ("INET_PULL_TIMEOUT", 42, 'W', Transient),
        ("INET_DOWNLOAD_BLOCKED", 42, 'W', Transient),
        ("INET_RESET_BY_PEER", 49, 'W', Transient),
        ("INET_GCR_UNAVAILABLE", 49, 'W', Transient),
        ("INET_LOOKUP_HOST", 48, 'W', Transient),
        ("K8S_FAIL_CONNECT", 40, 'W', Transient),
        ("INET_TLS_OVERSIZED", 41, 'F', Prerequisite),
        ("INET_NOT_TLS", 41, 'F', Prerequisite),
        ("INET_PROXY_CONFUSION", 41, 'F', Prerequisite),
        ("INET_PROXY_503", 48, 'F', Prerequisite),
        ("GUEST_PROVISION", 80, 'T', Permanent),
        ("GUEST_PROVISION_CONTAINER_EXITED", 80, 'C', Permanent),
        ("GUEST_PROVISION_EXIT_UNEXPECTED", 80, 'C', Permanent),
        ("GUEST_PROVISION_CP_PUBKEY", 80, 'T', Permanent),
        ("GUEST_KIC_CP_PUBKEY", 80, 'T', Permanent),
        ("GUEST_PROVISION_ACQUIRE_LOCK", 80, 'T', Permanent),
        ("GUEST_START", 80, 'T', Permanent),
        ("GUEST_NODE_PROVISION", 80, 'T', Permanent),
        ("GUEST_NODE_START", 80, 'T', Permanent),
        ("GUEST_NODE_ADD", 80, 'T', Permanent),
        ("GUEST_CERT", 80, 'C', Permanent),
        ("GUEST_UNSIGNED_CERT", 88, 'C', Permanent),
        ("GUEST_CONFIG_CORRUPT", 88, 'C', Permanent),
        ("GUEST_NOT_FOUND", 85, 'C', Permanent),
        ("GUEST_DOES_NOT_EXIST", 85, 'C', Permanent),
        ("GUEST_SSH_CERT_NOT_FOUND", 85, 'C', Permanent),
        ("GUEST_STATUS", 80, 'T', Permanent),
        ("GUEST_LOAD_HOST", 80, 'T', Permanent),
        ("GUEST_STOP_TIMEOUT", 82, 'T', Permanent),
        ("GUEST_DELETION", 80, 'D', Permanent),
        ("GUEST_PROFILE_DELETION", 80, 'D', Permanent),
        ("RUNTIME_ENABLE", 90, 'T', Permanent),
        ("RT_DOCKER_RESTART", 90, 'T', Permanent),
        ("RT_DOCKER_EXIT_1", 95, 'C', Permanent),
        ("RT_DOCKER_EXIT_5", 99, 'C', Permanent),
        ("RT_DOCKER_UNAVAILABLE", 99, 'C', Permanent),
        ("RT_DOCKER_MISSING_CRI_DOCKER", 99, 'C', Permanent),
        ("K8S_INSTALL_FAILED", 100, 'T', Permanent),
        ("K8S_INSTALL_FAILED_CONTAINER_RUNTIME_NOT_RUNNING", 93, 'C', Permanent),
        ("K8S_APISERVER_MISSING", 105, 'T', Permanent),
        ("K8S_APISERVER_TIMEOUT", 102, 'T', Permanent),
        ("K8S_DNS_TIMEOUT", 102, 'T', Permanent),
        ("K8S_KUBELET_NOT_RUNNING", 109, 'T', Permanent),
        ("K8S_UNHEALTHY_CONTROL_PLANE", 102, 'C', Permanent),
        ("K8S_OLD_UNSUPPORTED", 106, 'F', Config),
        ("K8S_NEW_UNSUPPORTED", 106, 'F', Config),
        ("K8S_DOWNGRADE_UNSUPPORTED", 106, 'F', Refused),
        ("K8S_INVALID_CERT_HOSTNAME", 108, 'F', Config),
        ("K8S_INVALID_DNS_DOMAIN", 108, 'F', Config),
    ]
};

fn letter(onset: Option<Onset>) -> char {
    match onset {
        None => 'F',
        Some(Onset::Wait) => 'W',
        Some(Onset::Transient) => 'T',
        Some(Onset::Unresponsive) => 'U',
        Some(Onset::Corrupt) => 'C',
        Some(Onset::Deep) => 'D',
    }
}

#[test]
fn every_reason_id_means_what_the_table_says() {
    for (id, exit, onset, class) in EXPECTED {
        let failure = failed(id, *exit, "words that say nothing");
        assert_eq!((letter(failure.onset), failure.class), (*onset, *class), "{id}");
        let reason = format!("exit code {exit} ({id})");
        assert_eq!(failure.evidence[0], Evidence::new("minikube", reason));
    }
    let ids: usize = BY_ID.iter().map(|row| row.ids.len()).sum();
    assert_eq!(ids, EXPECTED.len(), "a row of the table is not tested, or tested twice");
}

#[test]
fn words_refine_a_general_reason() {
    for (words, code, onset) in [
        ("Ensure your Docker is running and is healthy.", "DOCKER_UNREACHABLE", 'W'),
        (
            "Docker Desktop has only 1987MB memory but you specified 4096MB",
            "CLUSTER_MEMORY_TOO_LARGE",
            'F',
        ),
        (
            "error provisioning guest: Failed to start host: driver start: start: docker start dev: \
             exit status 1\nError response from daemon: network 5d2f not found",
            "CLUSTER_NETWORK_GONE",
            'C',
        ),
        (
            "setting up container node: creating volume: can't create with that IP, address already \
             in use",
            "ADDRESS_TAKEN",
            'W',
        ),
        (
            "Error loading existing host. Please try running [minikube delete], then run \
             [minikube start] again: unexpected end of JSON input",
            "CLUSTER_CONFIG_CORRUPT",
            'C',
        ),
        (
            "driver ip: container addresses should have 2 values, got 3 values: [a b c]",
            "CLUSTER_NETWORK_EXTRA",
            'F',
        ),
        (
            "docker run: Bind for 127.0.0.1:30080 failed: port is already allocated",
            "PORT_TAKEN",
            'F',
        ),
        ("Ports are not available: exposing port TCP", "PORT_TAKEN", 'F'),
        ("write /var/lib: no space left on device", "DISK_FULL", 'F'),
        (
            "create kic node: all predefined address pools have been fully subnetted",
            "ADDRESS_POOLS_EXHAUSTED",
            'F',
        ),
        (
            "Get \"https://x\": x509: certificate signed by unknown authority",
            "CLUSTER_CERTS_INVALID",
            'C',
        ),
        ("failed to acquire bootstrap client lock: bad file descriptor", "CLUSTER_LOCK_HELD", 'T'),
        ("provision: ssh command error: EOF", "CLUSTER_START_FAILED", 'T'),
    ] {
        let failure = failed("GUEST_PROVISION", 80, words);
        assert_eq!((failure.code, letter(failure.onset)), (code, onset), "{words}");
    }
}

#[test]
fn words_do_not_overrule_a_precise_reason() {
    let failure = failed("GUEST_UNSIGNED_CERT", 88, "network 5d2f not found");
    assert_eq!(failure.code, "CLUSTER_CERTS_INVALID");
}

#[test]
fn a_dead_docker_under_force_is_told_by_the_last_error() {
    let stdout = include_str!("../../../../tests/corpus/minikube/1.35/start-docker-down.jsonl");
    let failure = failure(&output(14, stdout, ""), "start the cluster", "dev");
    assert_eq!((failure.code, failure.onset), ("DOCKER_UNREACHABLE", Some(Onset::Wait)));
}

#[test]
fn without_an_event_the_range_of_the_exit_code_decides() {
    for (exit, code, onset) in [
        (1, "CLUSTER_START_FAILED", 'T'),
        (2, "CLUSTER_START_FAILED", 'T'),
        (14, "CLUSTER_ARGS_INVALID", 'F'),
        (25, "CLUSTER_RESOURCES_MISSING", 'F'),
        (38, "CLUSTER_HOST_UNFIT", 'F'),
        (45, "CLUSTER_DOWNLOAD_FAILED", 'W'),
        (58, "CLUSTER_DRIVER_UNUSABLE", 'W'),
        (66, "CLUSTER_DRIVER_UNUSABLE", 'W'),
        (75, "CLUSTER_NETWORK_FAILED", 'T'),
        (83, "CLUSTER_START_FAILED", 'T'),
        (93, "CLUSTER_RUNTIME_FAILED", 'T'),
        (103, "CLUSTER_CONTROL_PLANE_FAILED", 'T'),
        (115, "CLUSTER_ADDON_FAILED", 'F'),
        (200, "CLUSTER_START_FAILED", 'T'),
    ] {
        let failure = failure(&output(exit, "", "odd words"), "start the cluster", "dev");
        assert_eq!((failure.code, letter(failure.onset)), (code, onset), "{exit}");
    }
}

#[test]
fn a_bad_flag_shows_what_minikube_said_of_it() {
    let stderr = "Error: unknown flag: --cpu\nSee 'minikube start --help' for usage.\n";
    let failure = failure(&output(14, "", stderr), "start the cluster", "dev");
    assert_eq!((failure.class, failure.code), (Class::Config, "CLUSTER_ARGS_INVALID"));
    assert_eq!(failure.evidence[0].text, "Error: unknown flag: --cpu");
}

#[test]
fn a_killed_and_a_hanging_minikube_may_be_tried_again() {
    let mut output = output(0, "", "");
    output.end = End::Signal(9);
    let killed = failure(&output, "start the cluster", "dev");
    assert_eq!((killed.code, killed.onset), ("CLUSTER_START_FAILED", Some(Onset::Transient)));
    output.end = End::TimedOut;
    let hung = failure(&output, "start the cluster", "dev");
    assert_eq!((hung.class, hung.onset), (Class::Timeout, Some(Onset::Transient)));
}

#[test]
fn a_fix_that_deletes_says_so() {
    let differs = failed("GUEST_DRIVER_MISMATCH", 81, "x").fix.unwrap();
    assert_eq!(differs.safety, crate::event::Safety::Destructive);
    let logs = failed("GUEST_START", 80, "x").fix.unwrap();
    assert_eq!(logs, Fix::safe("minikube logs -p dev"));
}
