//! Every way in which minikube and k3d fail that has a class: what mlup says, with which exit code,
//! and how far it goes. The tools are scripted; nothing exists on the engine.

use mlup::event::EventKind;

use crate::support::cluster::minikube_error;
use crate::support::{DockerGuard, Ran, Sandbox, on, require_docker};

/// How far a failure that never passes is taken.
#[derive(Clone, Copy, Debug)]
enum Goes {
    /// One attempt, then this exit code; nothing is deleted.
    Nowhere(i32),
    /// The same again until the attempts are used up; nothing is deleted.
    Waits,
    /// The same again once, then up the ladder.
    Twice,
    /// A new cluster at once.
    Anew,
    /// A purge at once.
    Deep,
}

use Goes::{Anew, Deep, Nowhere, Twice, Waits};

/// Reason id, exit code, message, mlup's code, how far it goes.
type Row = (&'static str, u8, &'static str, &'static str, Goes);

const MINIKUBE: &[Row] = &[
    ("MK_USAGE", 14, "invalid flag", "CLUSTER_ARGS_INVALID", Nowhere(3)),
    (
        "MK_USAGE",
        14,
        "Docker Desktop has only 1983MB memory but you specified 3900MB",
        "CLUSTER_MEMORY_TOO_LARGE",
        Nowhere(4),
    ),
    ("MK_USAGE", 14, "Ensure your Docker is running and is healthy.", "DOCKER_UNREACHABLE", Waits),
    (
        "MK_PATCH_NOT_FOUND",
        14,
        "Unable to detect the latest patch release",
        "CLUSTER_ARGS_INVALID",
        Nowhere(3),
    ),
    (
        "MK_KVERSION_USAGE",
        14,
        "cannot specify --kubernetes-version",
        "CLUSTER_ARGS_INVALID",
        Nowhere(3),
    ),
    ("MK_RESERVED_PROFILE", 11, "reserved", "CLUSTER_NAME_RESERVED", Nowhere(3)),
    (
        "MK_WRONG_BINARY_WSL",
        16,
        "You are trying to run a windows .exe binary inside WSL",
        "CLUSTER_HOST_UNFIT",
        Nowhere(4),
    ),
    (
        "RSRC_INSUFFICIENT_CORES",
        29,
        "has less than 2 CPUs available",
        "CLUSTER_CPUS_TOO_MANY",
        Nowhere(4),
    ),
    (
        "RSRC_DOCKER_CORES",
        29,
        "Docker Desktop has less than 2 CPUs configured",
        "CLUSTER_CPUS_TOO_MANY",
        Nowhere(4),
    ),
    (
        "RSRC_INSUFFICIENT_REQ_MEMORY",
        23,
        "Requested memory allocation 1000MiB is less than the usable minimum of 1800MB",
        "CLUSTER_MEMORY_TOO_SMALL",
        Nowhere(3),
    ),
    (
        "RSRC_INSUFFICIENT_SYS_MEMORY",
        23,
        "System only has 1000MiB available",
        "CLUSTER_MEMORY_TOO_LARGE",
        Nowhere(4),
    ),
    (
        "RSRC_INSUFFICIENT_CONTAINER_MEMORY",
        23,
        "docker only has 1000MiB available",
        "CLUSTER_MEMORY_TOO_LARGE",
        Nowhere(4),
    ),
    (
        "RSRC_DOCKER_MEMORY",
        23,
        "Docker Desktop only has 1000MiB available",
        "CLUSTER_MEMORY_TOO_LARGE",
        Nowhere(4),
    ),
    (
        "RSRC_OVER_ALLOC_MEM",
        10,
        "Requested memory allocation 99000MB is more than your system limit 24000MB.",
        "CLUSTER_MEMORY_TOO_LARGE",
        Nowhere(4),
    ),
    (
        "RSRC_DOCKER_STORAGE",
        26,
        "Docker is out of disk space! (/var is at 100% of capacity)",
        "DISK_FULL",
        Nowhere(4),
    ),
    ("RSRC_INSUFFICIENT_STORAGE", 26, "disk size below the minimum", "DISK_FULL", Nowhere(4)),
    ("GUEST_PROVISION_NOSPACE", 26, "no space left on device", "DISK_FULL", Nowhere(4)),
    (
        "HOST_CONFIG_LOAD",
        38,
        "Error getting cluster config: unexpected end of JSON input",
        "CLUSTER_CONFIG_CORRUPT",
        Anew,
    ),
    ("HOST_SAVE_PROFILE", 38, "failed to save config", "CLUSTER_HOST_UNFIT", Nowhere(4)),
    ("HOST_CURRENT_USER", 38, "user: unknown", "CLUSTER_HOST_UNFIT", Nowhere(4)),
    (
        "HOST_KUBECONFIG_UPDATE",
        38,
        "Error reading kubeconfig file",
        "KUBECONFIG_UNREADABLE",
        Nowhere(3),
    ),
    ("HOST_KUBECONFIG_DELETE_CTX", 38, "delete context", "KUBECONFIG_UNREADABLE", Nowhere(3)),
    (
        "HOST_HOME_MKDIR",
        37,
        "mkdir /home/user/.minikube: permission denied",
        "CLUSTER_HOME_PERMISSION",
        Nowhere(4),
    ),
    ("HOST_HOME_CHOWN", 37, "chown", "CLUSTER_HOME_PERMISSION", Nowhere(4)),
    (
        "HOST_HOME_PERMISSION",
        37,
        "open /home/user/.minikube: permission denied",
        "CLUSTER_HOME_PERMISSION",
        Nowhere(4),
    ),
    (
        "HOST_JUJU_LOCK_PERMISSION",
        37,
        "unable to open /tmp/juju-mk0: permission denied",
        "CLUSTER_HOME_PERMISSION",
        Nowhere(4),
    ),
    (
        "HOST_KUBECONFIG_WRITE",
        37,
        "write kubeconfig: permission denied",
        "KUBECONFIG_UNWRITABLE",
        Nowhere(4),
    ),
    (
        "HOST_KUBECONFIG_PERMISSION",
        37,
        "open kubeconfig: permission denied",
        "KUBECONFIG_UNWRITABLE",
        Nowhere(4),
    ),
    ("HOST_CGROUP_NOT_SUPPORTED", 36, "cgroup", "CLUSTER_HOST_UNFIT", Nowhere(4)),
    ("HOST_ROOT_CGROUP", 36, "cgroup", "CLUSTER_HOST_UNFIT", Nowhere(4)),
    ("HOST_PIDS_CGROUP", 36, "cgroup", "CLUSTER_HOST_UNFIT", Nowhere(4)),
    ("HOST_CPU_DELEGATION", 36, "cpu delegation", "CLUSTER_HOST_UNFIT", Nowhere(4)),
    ("HOST_PURGE", 30, "unable to delete minikube config folder", "CLUSTER_HOST_UNFIT", Nowhere(4)),
    (
        "PROVIDER_DOCKER_NOT_FOUND",
        65,
        "exec: \"docker\": executable file not found in $PATH",
        "DOCKER_CLI_MISSING",
        Nowhere(4),
    ),
    (
        "PROVIDER_DOCKER_NOT_RUNNING",
        63,
        "deadline exceeded running \"docker version\"",
        "DOCKER_UNREACHABLE",
        Waits,
    ),
    (
        "PROVIDER_DOCKER_NEWGRP",
        69,
        "permission denied while trying to connect",
        "DOCKER_PERMISSION",
        Nowhere(4),
    ),
    (
        "PROVIDER_DOCKER_VERSION_EXIT_1",
        69,
        "\"docker version\" exit status 1",
        "DOCKER_UNREACHABLE",
        Waits,
    ),
    (
        "PROVIDER_DOCKER_INFO_EXIT_1",
        69,
        "\"docker info\" exit status 1",
        "DOCKER_UNREACHABLE",
        Waits,
    ),
    (
        "PROVIDER_DOCKER_DESKTOP_VERSION_BAD",
        69,
        "Docker Desktop 4.16.0",
        "DOCKER_UNSUITABLE",
        Nowhere(4),
    ),
    ("PROVIDER_DOCKER_CONTAINER_OS", 61, "windows containers", "DOCKER_UNSUITABLE", Nowhere(4)),
    ("PROVIDER_DOCKER_NOEXEC", 67, "permission denied", "DOCKER_UNSUITABLE", Nowhere(4)),
    ("PROVIDER_INVALID_VERSION", 88, "invalid version", "CLUSTER_CONFIG_CORRUPT", Anew),
    (
        "PR_DOCKER_CGROUP_MOUNT",
        60,
        "cannot find cgroup mount destination: unknown",
        "DOCKER_BROKEN",
        Waits,
    ),
    (
        "PR_DOCKER_READONLY_VOL",
        60,
        "mkdir /var/lib/docker/volumes: read-only file system",
        "DOCKER_BROKEN",
        Waits,
    ),
    ("PR_DOCKER_MOUNTS_EOF", 60, "mount: EOF", "DOCKER_BROKEN", Waits),
    ("PR_DOCKER_FILE_SHARING", 60, "filesharing", "DOCKER_BROKEN", Waits),
    (
        "PR_DOCKER_IP_CONFLICT",
        60,
        "cannot find cgroup mount destination: unknown",
        "DOCKER_BROKEN",
        Waits,
    ),
    (
        "PR_DOCKER_NO_SSH",
        62,
        "unable to inspect a not running container to get SSH port",
        "CLUSTER_NODE_EXITED",
        Twice,
    ),
    ("DRV_NOT_DETECTED", 55, "No possible driver was detected", "CLUSTER_DRIVER_UNUSABLE", Waits),
    ("DRV_NOT_HEALTHY", 55, "Found driver but it is not healthy", "CLUSTER_DRIVER_UNUSABLE", Waits),
    (
        "DRV_DOCKER_NOT_RUNNING",
        55,
        "Found docker, but the docker service isn't running",
        "CLUSTER_DRIVER_UNUSABLE",
        Waits,
    ),
    ("DRV_NOT_FOUND", 55, "The provider docker was not found", "CLUSTER_DRIVER_UNUSABLE", Waits),
    (
        "DRV_UNSUPPORTED_OS",
        56,
        "The driver 'docker' is not supported on linux/amd64",
        "CLUSTER_DRIVER_UNUSABLE",
        Waits,
    ),
    (
        "DRV_AS_ROOT",
        57,
        "The \"docker\" driver should not be used with root privileges.",
        "CLUSTER_AS_ROOT",
        Nowhere(4),
    ),
    (
        "DRV_CP_ENDPOINT",
        50,
        "failed to get control plane endpoint",
        "CLUSTER_CONTROL_PLANE_FAILED",
        Anew,
    ),
    (
        "DRV_CREATE_TIMEOUT",
        52,
        "create host timed out in 360.000000 seconds",
        "CLUSTER_START_FAILED",
        Twice,
    ),
    (
        "GUEST_DRIVER_MISMATCH",
        81,
        "The existing \"dev\" cluster was created using the \"kvm2\" driver",
        "CLUSTER_DIFFERS",
        Nowhere(7),
    ),
    ("GUEST_MOUNT_CONFLICT", 81, "mount differs", "CLUSTER_DIFFERS", Nowhere(7)),
    (
        "GUEST_PORT_IN_USE",
        81,
        "[ERROR Port-8443]: Port 8443 is in use",
        "CLUSTER_CONTROL_PLANE_FAILED",
        Twice,
    ),
    ("IF_DEDICATED_NETWORK", 70, "failed to create docker network", "CLUSTER_NETWORK_FAILED", Anew),
    ("IF_SSH_TIMEOUT", 72, "waiting for SSH to be available", "CLUSTER_NODE_SILENT", Twice),
    ("INET_CACHE_BINARIES", 40, "Failed to cache binaries", "CLUSTER_DOWNLOAD_FAILED", Waits),
    ("INET_CACHE_KUBECTL", 40, "Failed to cache kubectl", "CLUSTER_DOWNLOAD_FAILED", Waits),
    ("INET_CACHE_TAR", 40, "Failed to cache tar", "CLUSTER_DOWNLOAD_FAILED", Waits),
    (
        "INET_REPOS_UNAVAILABLE",
        40,
        "None of the known repositories are accessible",
        "CLUSTER_DOWNLOAD_FAILED",
        Waits,
    ),
    ("INET_DOWNLOAD_TIMEOUT", 42, "Client.Timeout exceeded", "CLUSTER_DOWNLOAD_FAILED", Waits),
    ("INET_PULL_TIMEOUT", 42, "pull: i/o timeout", "CLUSTER_DOWNLOAD_FAILED", Waits),
    ("INET_DOWNLOAD_BLOCKED", 42, "connection refused", "CLUSTER_DOWNLOAD_FAILED", Waits),
    ("INET_RESET_BY_PEER", 49, "connection reset by peer", "CLUSTER_DOWNLOAD_FAILED", Waits),
    ("INET_GCR_UNAVAILABLE", 49, "gcr.io: unreachable", "CLUSTER_DOWNLOAD_FAILED", Waits),
    ("INET_LOOKUP_HOST", 48, "lookup registry: no such host", "CLUSTER_DOWNLOAD_FAILED", Waits),
    ("INET_TLS_OVERSIZED", 41, "tls: oversized record received", "CLUSTER_PROXY", Nowhere(4)),
    (
        "INET_NOT_TLS",
        41,
        "http: server gave HTTP response to HTTPS client",
        "CLUSTER_PROXY",
        Nowhere(4),
    ),
    ("INET_PROXY_CONFUSION", 48, "proxyconnect tcp", "CLUSTER_PROXY", Nowhere(4)),
    ("INET_PROXY_503", 48, "Service Unavailable", "CLUSTER_PROXY", Nowhere(4)),
    (
        "GUEST_PROVISION",
        80,
        "error provisioning guest: Failed to start host: something",
        "CLUSTER_START_FAILED",
        Twice,
    ),
    (
        "GUEST_PROVISION_CONTAINER_EXITED",
        80,
        "container exited unexpectedly",
        "CLUSTER_NODE_EXITED",
        Anew,
    ),
    (
        "GUEST_PROVISION_EXIT_UNEXPECTED",
        80,
        "container exited unexpectedly",
        "CLUSTER_NODE_EXITED",
        Anew,
    ),
    ("GUEST_PROVISION_CP_PUBKEY", 80, "kicRunner: Copy pub key", "CLUSTER_START_FAILED", Twice),
    ("GUEST_KIC_CP_PUBKEY", 80, "Copy pub key", "CLUSTER_START_FAILED", Twice),
    (
        "GUEST_PROVISION_ACQUIRE_LOCK",
        80,
        "failed to acquire bootstrap client lock",
        "CLUSTER_LOCK_HELD",
        Twice,
    ),
    ("GUEST_START", 80, "failed to start node", "CLUSTER_START_FAILED", Twice),
    ("GUEST_NODE_PROVISION", 80, "failed to provision node", "CLUSTER_START_FAILED", Twice),
    ("GUEST_NODE_START", 80, "failed to start node", "CLUSTER_START_FAILED", Twice),
    ("GUEST_NODE_ADD", 80, "failed to add node", "CLUSTER_START_FAILED", Twice),
    ("GUEST_CERT", 80, "Failed to setup certs", "CLUSTER_CERTS_INVALID", Anew),
    ("GUEST_UNSIGNED_CERT", 88, "crypto/rsa: verification error", "CLUSTER_CERTS_INVALID", Anew),
    ("GUEST_CONFIG_CORRUPT", 88, "configuration file is corrupt", "CLUSTER_CONFIG_CORRUPT", Anew),
    ("GUEST_NOT_FOUND", 85, "machine does not exist", "CLUSTER_CONFIG_CORRUPT", Anew),
    ("GUEST_DOES_NOT_EXIST", 85, "Machine does not exist", "CLUSTER_CONFIG_CORRUPT", Anew),
    (
        "GUEST_SSH_CERT_NOT_FOUND",
        85,
        "open id_rsa: no such file or directory",
        "CLUSTER_CONFIG_CORRUPT",
        Anew,
    ),
    ("GUEST_STATUS", 80, "state: unknown", "CLUSTER_START_FAILED", Twice),
    ("GUEST_LOAD_HOST", 80, "Unable to load host", "CLUSTER_START_FAILED", Twice),
    ("GUEST_STOP_TIMEOUT", 82, "Temporary Error: timed out", "CLUSTER_NODE_SILENT", Twice),
    ("GUEST_DELETION", 80, "Unable to delete", "CLUSTER_DELETE_FAILED", Deep),
    ("GUEST_PROFILE_DELETION", 80, "Failed to delete profile", "CLUSTER_DELETE_FAILED", Deep),
    ("RUNTIME_ENABLE", 90, "Failed to enable container runtime", "CLUSTER_RUNTIME_FAILED", Twice),
    (
        "RT_DOCKER_RESTART",
        90,
        "sudo systemctl restart docker: exit status 1",
        "CLUSTER_RUNTIME_FAILED",
        Twice,
    ),
    (
        "RT_DOCKER_EXIT_1",
        95,
        "sudo systemctl start docker: exit status 1",
        "CLUSTER_RUNTIME_FAILED",
        Anew,
    ),
    (
        "RT_DOCKER_EXIT_5",
        99,
        "sudo systemctl start docker: exit status 5",
        "CLUSTER_RUNTIME_FAILED",
        Anew,
    ),
    (
        "RT_DOCKER_UNAVAILABLE",
        99,
        "Cannot connect to the runtime in the node",
        "CLUSTER_RUNTIME_FAILED",
        Anew,
    ),
    (
        "RT_DOCKER_MISSING_CRI_DOCKER",
        99,
        "sudo systemctl enable cri-docker.socket",
        "CLUSTER_RUNTIME_FAILED",
        Anew,
    ),
    ("K8S_INSTALL_FAILED", 100, "Failed to update cluster", "CLUSTER_CONTROL_PLANE_FAILED", Twice),
    (
        "K8S_INSTALL_FAILED_CONTAINER_RUNTIME_NOT_RUNNING",
        93,
        "container runtime is not running",
        "CLUSTER_CONTROL_PLANE_FAILED",
        Anew,
    ),
    (
        "K8S_APISERVER_MISSING",
        105,
        "apiserver process never appeared",
        "CLUSTER_CONTROL_PLANE_FAILED",
        Twice,
    ),
    (
        "K8S_APISERVER_TIMEOUT",
        102,
        "apiserver healthz never reported healthy",
        "CLUSTER_CONTROL_PLANE_FAILED",
        Twice,
    ),
    ("K8S_DNS_TIMEOUT", 102, "dns: timed out", "CLUSTER_CONTROL_PLANE_FAILED", Twice),
    (
        "K8S_KUBELET_NOT_RUNNING",
        109,
        "The kubelet is not running",
        "CLUSTER_CONTROL_PLANE_FAILED",
        Twice,
    ),
    (
        "K8S_UNHEALTHY_CONTROL_PLANE",
        102,
        "controlPlane never updated to v1.34.0",
        "CLUSTER_CONTROL_PLANE_FAILED",
        Anew,
    ),
    (
        "K8S_OLD_UNSUPPORTED",
        106,
        "Kubernetes v1.10.0 is not supported",
        "CLUSTER_VERSION_UNSUPPORTED",
        Nowhere(3),
    ),
    (
        "K8S_NEW_UNSUPPORTED",
        106,
        "Kubernetes v9.0.0 is not supported",
        "CLUSTER_VERSION_UNSUPPORTED",
        Nowhere(3),
    ),
    ("K8S_DOWNGRADE_UNSUPPORTED", 106, "Unable to safely downgrade", "CLUSTER_DIFFERS", Nowhere(7)),
    ("K8S_FAIL_CONNECT", 40, "unable to connect to kubernetes", "CLUSTER_DOWNLOAD_FAILED", Waits),
    ("K8S_INVALID_CERT_HOSTNAME", 108, "invalid hostname", "CLUSTER_ARGS_INVALID", Nowhere(3)),
    ("K8S_INVALID_DNS_DOMAIN", 108, "invalid domain", "CLUSTER_ARGS_INVALID", Nowhere(3)),
    // By the words of the general reason.
    (
        "GUEST_PROVISION",
        80,
        "error provisioning guest: Failed to start host: driver start: start: docker start dev: Error response from daemon: network 442446f7a9ea not found",
        "",
        Anew,
    ),
    (
        "GUEST_PROVISION",
        80,
        "error provisioning guest: Failed to start host: error loading existing host. Please try running [minikube delete], then run [minikube start] again",
        "CLUSTER_CONFIG_CORRUPT",
        Anew,
    ),
    (
        "GUEST_PROVISION",
        80,
        "error provisioning guest: docker run: Bind for 127.0.0.1:30080 failed: port is already allocated",
        "PORT_TAKEN",
        Nowhere(7),
    ),
    (
        "GUEST_PROVISION",
        80,
        "error provisioning guest: listen tcp4 127.0.0.1:30080: bind: address already in use",
        "PORT_TAKEN",
        Nowhere(7),
    ),
    (
        "GUEST_PROVISION",
        80,
        "error provisioning guest: Ports are not available: exposing port TCP 127.0.0.1:30080",
        "PORT_TAKEN",
        Nowhere(7),
    ),
    (
        "GUEST_PROVISION",
        80,
        "error provisioning guest: write /var/lib: no space left on device",
        "DISK_FULL",
        Nowhere(4),
    ),
];

/// What k3d says on standard error, mlup's code, how far it goes.
type K3dRow = (&'static str, &'static str, Goes);

const K3D: &[K3dRow] = &[
    (
        "failed to list containers: permission denied while trying to connect to the Docker daemon socket",
        "DOCKER_PERMISSION",
        Nowhere(4),
    ),
    (
        "Failed Cluster Configuration Validation:  provided cluster name 'x' does not match requirements",
        "CLUSTER_ARGS_INVALID",
        Nowhere(3),
    ),
    ("Schema Validation failed for config file", "CLUSTER_ARGS_INVALID", Nowhere(3)),
    (
        "Failed Cluster Start: Failed to start server: Bind for 0.0.0.0:30080 failed: port is already allocated",
        "PORT_TAKEN",
        Nowhere(7),
    ),
    (
        "Failed Cluster Start: listen tcp4 0.0.0.0:30080: bind: address already in use",
        "PORT_TAKEN",
        Nowhere(7),
    ),
    ("Ports are not available: exposing port TCP 0.0.0.0:30080", "PORT_TAKEN", Nowhere(7)),
    ("Failed Cluster Preparation: no gateway defined for network mlops-net", "", Nowhere(4)),
    ("cannot specify subnet for exiting network", "", Nowhere(3)),
    (
        "all predefined address pools have been fully subnetted",
        "ADDRESS_POOLS_EXHAUSTED",
        Nowhere(4),
    ),
    (
        "could not find an available, non-overlapping IPv4 address pool",
        "ADDRESS_POOLS_EXHAUSTED",
        Nowhere(4),
    ),
    (
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
        "DOCKER_UNREACHABLE",
        Waits,
    ),
    (
        "Context deadline exceeded while waiting for log message 'k3s is up and running' of node k3d-x-server-0",
        "",
        Twice,
    ),
    ("docker failed to pull image 'rancher/k3s:v1'", "", Twice),
    ("toomanyrequests: You have reached your pull rate limit", "", Twice),
    ("Failed Cluster Start: Failed to add one or more agents", "", Twice),
    (
        "stopped returning log lines: node k3d-x-agent-0 is running=true in status=restarting",
        "",
        Twice,
    ),
    ("Failed Cluster Start: network 58c602b6903e not found", "", Anew),
    ("The container name \\\"/k3d-x-server-0\\\" is already in use", "", Anew),
    ("Didn't find container for node 'k3d-x-server-0'", "", Anew),
    ("didn't find any server node", "", Anew),
    ("error starting existing tools node 'k3d-x-tools'", "", Anew),
    ("Failed to find image volume", "", Anew),
    ("failed to find interface with specified node ip", "", Anew),
    ("failed to parse IP '' for container k3d-NAME-server-0", "", Deep),
    ("did not receive an exit event", "", Deep),
    ("Failed to delete 1 nodes", "", Deep),
    ("Cluster creation FAILED, also FAILED to rollback changes!", "", Deep),
];

/// Attempts that each row is given: as many as show how far it goes.
fn attempts(goes: Goes) -> usize {
    match goes {
        Nowhere(_) | Waits => 3,
        Twice => 4,
        Anew => 3,
        Deep => 2,
    }
}

/// The changing calls that show it; a purge begins with the tool's own deletion.
fn calls(goes: Goes, start: &'static str, delete: &'static str) -> Vec<&'static str> {
    match goes {
        Nowhere(_) => vec![start],
        Waits => vec![start; 3],
        Twice => vec![start, start, delete, start, delete, start],
        Anew => vec![start, delete, start, delete, start],
        Deep => vec![start, delete, start],
    }
}

fn site(provider: &str, goes: Goes) -> (DockerGuard, Sandbox) {
    let guard = DockerGuard::new();
    let config = format!(
        "name = \"{name}\"\n[cluster]\nprovider = \"{provider}\"\nname = \"{name}\"\n\
         recover = {{ attempts = {}, backoff = \"1ms..2ms\", purge = \"profile\" }}\n",
        attempts(goes),
        name = guard.name(),
    );
    (guard, Sandbox::new().real_docker().file("mlup.toml", &config))
}

/// The code of the first diagnosis.
fn code(ran: &Ran) -> String {
    let diagnoses = ran.kinds().into_iter().filter_map(|kind| match kind {
        EventKind::Diagnosis(diagnosis) => Some(diagnosis.code),
        _ => None,
    });
    diagnoses.into_iter().next().unwrap_or_default()
}

/// Everything that is not as the row says; all rows are gone through before any is told.
fn wrong(
    label: &str,
    ran: &Ran,
    made: &[String],
    row: (&str, Goes),
    wanted: &[&str],
) -> Option<String> {
    let (wanted_code, goes) = row;
    let is_code = wanted_code.is_empty() || code(ran) == wanted_code;
    let is_exit = match goes {
        Nowhere(exit) => ran.code == Some(exit),
        _ => !matches!(ran.code, Some(0 | 70) | None),
    };
    (made != wanted || !is_code || !is_exit).then(|| {
        format!(
            "{label}: exit {:?} {}, calls {made:?}; wanted {goes:?} {wanted_code}",
            ran.code,
            code(ran)
        )
    })
}

/// Runs the rows on as many threads as there are cores.
fn each<T: Sync>(rows: &[T], check: impl Fn(&T) -> Option<String> + Sync) {
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let parts: Vec<_> = (0..threads)
            .map(|part| {
                let check = &check;
                scope.spawn(move || {
                    rows.iter().skip(part).step_by(threads).filter_map(check).collect::<Vec<_>>()
                })
            })
            .collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn every_way_in_which_minikube_fails_goes_as_far_as_its_class_says() {
    require_docker!();
    each(MINIKUBE, |(id, exit, message, code, goes)| {
        let (guard, sandbox) = site("minikube", *goes);
        let name = guard.name();
        let vanished = serde_json::json!({"Name": name, "Host": "Nonexistent", "Kubelet": "Nonexistent",
            "APIServer": "Nonexistent", "Kubeconfig": "Nonexistent", "Worker": false});
        let sandbox = sandbox.tool(
            "minikube",
            &[
                on(["version", "..."])
                    .stdout("{\"commit\":\"x\",\"minikubeVersion\":\"v1.38.1\"}\n"),
                on(["status", "..."]).stdout(&vanished.to_string()).exit(7),
                on(["profile", "list", "..."]).stdout("{\"invalid\":[],\"valid\":[]}"),
                on(["start", "..."]).stdout(&minikube_error(id, *exit, message)).exit(*exit),
                on(["delete", "..."]),
                on(["stop", "..."]),
            ],
        );
        let ran = sandbox.run(&["start", "--progress", "json"]);
        let made: Vec<String> = sandbox
            .calls("minikube")
            .into_iter()
            .map(|call| call.argv[0].clone())
            .filter(|command| matches!(command.as_str(), "start" | "stop" | "delete"))
            .collect();
        let is_forced = sandbox
            .calls("minikube")
            .last()
            .is_some_and(|call| call.argv.iter().any(|arg| arg == "--force"));
        if matches!(goes, Twice | Anew | Deep) && !is_forced {
            return Some(format!("{id}: the last start is not forced"));
        }
        wrong(id, &ran, &made, (code, *goes), &calls(*goes, "start", "delete"))
    });
}

#[test]
fn every_way_in_which_k3d_fails_goes_as_far_as_its_class_says() {
    require_docker!();
    each(K3D, |(words, code, goes)| {
        let (guard, sandbox) = site("k3d", *goes);
        let words = words.replace("NAME", guard.name());
        let time = "time=\"2026-11-21T10:23:12Z\"";
        let is_closing = words.starts_with("Cluster creation FAILED");
        let mut stderr = format!("{time} level=error msg=\"{words}\"\n");
        if !is_closing {
            stderr += &format!(
                "{time} level=fatal msg=\"Cluster creation FAILED, rollback deactivated.\"\n"
            );
        }
        let sandbox = sandbox.tool(
            "k3d",
            &[
                on(["version", "..."])
                    .stdout("k3d version v5.9.0\nk3s version v1.33.5-k3s1 (default)\n"),
                on(["cluster", "list", "..."]).stdout("[]\n"),
                on(["cluster", "create", "..."]).stderr(&stderr).exit(1),
                on(["cluster", "delete", "..."])
                    .stdout(&format!("{time} level=info msg=\"No clusters found\"\n")),
            ],
        );
        let ran = sandbox.run(&["start", "--progress", "json"]);
        let made: Vec<String> = sandbox
            .calls("k3d")
            .into_iter()
            .map(|call| call.argv.get(1).cloned().unwrap_or_default())
            .filter(|command| matches!(command.as_str(), "create" | "delete"))
            .collect();
        wrong(&words, &ran, &made, (code, *goes), &calls(*goes, "create", "delete"))
    });
}
