//! By reason id: what minikube gives as the reason of its last error (minikube,
//! `pkg/minikube/reason/reason.go` and `known_issues.go`), and what it means here.

use super::meanings::{
    ARGS, CERTS, CONTROL_PLANE, CORRUPT, DEEP, DISK_FULL, DOCKER_DOWN, DOCKER_UNSUITABLE, DOWNLOAD,
    DRIVER, HOST_UNFIT, LOCK, MEMORY_TOO_LARGE, Meaning, NETWORK, NO_ONSET, NODE_EXITED, RECREATE,
    RUNTIME, SILENT_NODE, START_FAILED, STATE_CORRUPT, TRANSIENT, WAIT,
};
use crate::policy::Class::{Config, Permanent, Prerequisite, Refused};

/// What these reason ids mean; one that ends in `_` stands for all that begin so.
pub(super) struct Id {
    pub(super) ids: &'static [&'static str],
    /// Whether the words of the error say more than the id.
    pub(super) is_general: bool,
    pub(super) meaning: Meaning,
}

impl Id {
    pub(super) fn names(&self, id: &str) -> bool {
        let is_it = |own: &&str| *own == id || own.ends_with('_') && id.starts_with(*own);
        self.ids.iter().any(is_it)
    }
}

const RESTART_DOCKER: &str = "sudo systemctl restart docker   # or restart Docker Desktop";

const fn row(ids: &'static [&'static str], meaning: Meaning) -> Id {
    Id { ids, is_general: false, meaning }
}

const fn general(ids: &'static [&'static str], meaning: Meaning) -> Id {
    Id { ids, is_general: true, meaning }
}

/// By reason id.
pub(super) const BY_ID: &[Id] = &[
    general(&["MK_USAGE"], ARGS),
    row(&["MK_PATCH_NOT_FOUND", "MK_KVERSION_USAGE"], ARGS),
    row(&["K8S_INVALID_CERT_HOSTNAME", "K8S_INVALID_DNS_DOMAIN"], ARGS),
    row(
        &["MK_RESERVED_PROFILE"],
        Meaning {
            code: "CLUSTER_NAME_RESERVED",
            class: Config,
            onset: NO_ONSET,
            cause: "the name of the cluster is a word of its own",
            fix: "give `[cluster]` another `name`",
        },
    ),
    row(&["MK_WRONG_BINARY_WSL"], HOST_UNFIT),
    row(
        &["RSRC_INSUFFICIENT_CORES", "RSRC_DOCKER_CORES"],
        Meaning {
            code: "CLUSTER_CPUS_TOO_MANY",
            class: Prerequisite,
            onset: NO_ONSET,
            cause: "Docker has fewer CPUs than the cluster needs",
            fix: "lower `cpus` of `[cluster]`, or give Docker more",
        },
    ),
    row(
        &["RSRC_INSUFFICIENT_REQ_MEMORY"],
        Meaning {
            code: "CLUSTER_MEMORY_TOO_SMALL",
            class: Config,
            onset: NO_ONSET,
            cause: "the cluster is given less memory than it needs",
            fix: "raise `memory` of `[cluster]` to 1800MiB or more",
        },
    ),
    row(&["RSRC_INSUFFICIENT_SYS_MEMORY", "RSRC_INSUFFICIENT_CONTAINER_MEMORY"], MEMORY_TOO_LARGE),
    row(&["RSRC_DOCKER_MEMORY", "RSRC_OVER_ALLOC_MEM"], MEMORY_TOO_LARGE),
    row(
        &["RSRC_DOCKER_STORAGE", "RSRC_INSUFFICIENT_STORAGE", "GUEST_PROVISION_NOSPACE"],
        DISK_FULL,
    ),
    row(&["HOST_CONFIG_LOAD"], STATE_CORRUPT),
    row(&["HOST_SAVE_PROFILE", "HOST_CURRENT_USER"], HOST_UNFIT),
    row(
        &["HOST_KUBECONFIG_UPDATE", "HOST_KUBECONFIG_DELETE_CTX"],
        Meaning {
            code: "KUBECONFIG_UNREADABLE",
            class: Config,
            onset: NO_ONSET,
            cause: "the kubeconfig cannot be read or changed",
            fix: "kubectl config view   # names the line",
        },
    ),
    row(
        &[
            "HOST_HOME_MKDIR",
            "HOST_HOME_CHOWN",
            "HOST_HOME_PERMISSION",
            "HOST_JUJU_LOCK_PERMISSION",
        ],
        Meaning {
            code: "CLUSTER_HOME_PERMISSION",
            class: Prerequisite,
            onset: NO_ONSET,
            cause: "its folder belongs to another user, as after a start with `sudo`",
            fix: "sudo chown -R $USER ~/.minikube && chmod -R u+wrx ~/.minikube",
        },
    ),
    row(
        &["HOST_KUBECONFIG_WRITE", "HOST_KUBECONFIG_PERMISSION"],
        Meaning {
            code: "KUBECONFIG_UNWRITABLE",
            class: Prerequisite,
            onset: NO_ONSET,
            cause: "the kubeconfig cannot be written",
            fix: "sudo chown $USER ~/.kube/config",
        },
    ),
    row(
        &[
            "HOST_CGROUP_NOT_SUPPORTED",
            "HOST_ROOT_CGROUP",
            "HOST_PIDS_CGROUP",
            "HOST_CPU_DELEGATION",
        ],
        HOST_UNFIT,
    ),
    row(&["HOST_PURGE"], HOST_UNFIT),
    row(
        &["PROVIDER_DOCKER_NOT_FOUND"],
        Meaning {
            code: "DOCKER_CLI_MISSING",
            class: Prerequisite,
            onset: NO_ONSET,
            cause: "there is no `docker` on PATH",
            fix: "https://docs.docker.com/engine/install/",
        },
    ),
    row(
        &["PROVIDER_DOCKER_NOT_RUNNING", "PROVIDER_DOCKER_VERSION_", "PROVIDER_DOCKER_INFO_"],
        DOCKER_DOWN,
    ),
    row(
        &["PROVIDER_DOCKER_NEWGRP"],
        Meaning {
            code: "DOCKER_PERMISSION",
            class: Prerequisite,
            onset: NO_ONSET,
            cause: "this user may not use the Docker Engine",
            fix: "sudo usermod -aG docker $USER   # then log in again",
        },
    ),
    row(&["PROVIDER_DOCKER_DESKTOP_VERSION_BAD", "PROVIDER_DOCKER_NOEXEC"], DOCKER_UNSUITABLE),
    row(&["PROVIDER_DOCKER_CONTAINER_OS"], DOCKER_UNSUITABLE),
    row(&["PROVIDER_INVALID_VERSION"], STATE_CORRUPT),
    row(
        &[
            "PR_DOCKER_CGROUP_MOUNT",
            "PR_DOCKER_READONLY_VOL",
            "PR_DOCKER_MOUNTS_EOF",
            "PR_DOCKER_FILE_SHARING",
            // Its pattern is that of the cgroup mount; it never tells of an address.
            "PR_DOCKER_IP_CONFLICT",
        ],
        Meaning {
            code: "DOCKER_BROKEN",
            class: Prerequisite,
            onset: WAIT,
            cause: "the Docker Engine is in a state that only its restart ends",
            fix: RESTART_DOCKER,
        },
    ),
    row(&["PR_DOCKER_NO_SSH"], Meaning { onset: TRANSIENT, ..NODE_EXITED }),
    row(&["DRV_NOT_DETECTED", "DRV_NOT_HEALTHY", "DRV_DOCKER_NOT_RUNNING"], DRIVER),
    row(&["DRV_NOT_FOUND", "DRV_UNSUPPORTED_OS"], DRIVER),
    row(
        &["DRV_AS_ROOT"],
        Meaning {
            code: "CLUSTER_AS_ROOT",
            class: Prerequisite,
            onset: NO_ONSET,
            cause: "it does not run as root",
            fix: "run mlup as a user of the group `docker`",
        },
    ),
    row(&["DRV_CP_ENDPOINT"], Meaning { onset: CORRUPT, ..CONTROL_PLANE }),
    row(&["DRV_CREATE_TIMEOUT"], START_FAILED),
    row(
        &["GUEST_DRIVER_MISMATCH", "GUEST_MOUNT_CONFLICT", "K8S_DOWNGRADE_UNSUPPORTED"],
        Meaning {
            code: "CLUSTER_DIFFERS",
            class: Refused,
            onset: NO_ONSET,
            cause: "the cluster that exists was made with other settings",
            fix: RECREATE,
        },
    ),
    row(&["GUEST_PORT_IN_USE"], CONTROL_PLANE),
    general(&["IF_DEDICATED_NETWORK"], NETWORK),
    row(&["IF_SSH_TIMEOUT"], SILENT_NODE),
    row(&["INET_CACHE_BINARIES", "INET_CACHE_KUBECTL", "INET_CACHE_TAR"], DOWNLOAD),
    row(&["INET_REPOS_UNAVAILABLE", "INET_DOWNLOAD_TIMEOUT", "INET_PULL_TIMEOUT"], DOWNLOAD),
    row(&["INET_DOWNLOAD_BLOCKED", "INET_RESET_BY_PEER", "INET_GCR_UNAVAILABLE"], DOWNLOAD),
    row(&["INET_LOOKUP_HOST", "K8S_FAIL_CONNECT"], DOWNLOAD),
    row(
        &["INET_TLS_OVERSIZED", "INET_NOT_TLS", "INET_PROXY_CONFUSION", "INET_PROXY_503"],
        Meaning {
            code: "CLUSTER_PROXY",
            class: Prerequisite,
            onset: NO_ONSET,
            cause: "a proxy stands between this machine and the registry",
            fix: "set `HTTPS_PROXY`, and `NO_PROXY` for the addresses of the cluster",
        },
    ),
    general(&["GUEST_PROVISION", "GUEST_START", "GUEST_STATUS", "GUEST_LOAD_HOST"], START_FAILED),
    general(&["GUEST_NODE_PROVISION", "GUEST_NODE_START", "GUEST_NODE_ADD"], START_FAILED),
    row(&["GUEST_PROVISION_CONTAINER_EXITED", "GUEST_PROVISION_EXIT_UNEXPECTED"], NODE_EXITED),
    row(
        &["GUEST_PROVISION_CP_PUBKEY", "GUEST_KIC_CP_PUBKEY"],
        Meaning {
            cause: "its key could not be copied into the node, as with Docker from a snap",
            ..START_FAILED
        },
    ),
    row(&["GUEST_PROVISION_ACQUIRE_LOCK"], LOCK),
    row(&["GUEST_CERT", "GUEST_UNSIGNED_CERT"], CERTS),
    row(&["GUEST_CONFIG_CORRUPT", "GUEST_NOT_FOUND", "GUEST_DOES_NOT_EXIST"], STATE_CORRUPT),
    row(&["GUEST_SSH_CERT_NOT_FOUND"], STATE_CORRUPT),
    row(&["GUEST_STOP_TIMEOUT"], Meaning { cause: "the node did not stop in time", ..SILENT_NODE }),
    row(
        &["GUEST_DELETION", "GUEST_PROFILE_DELETION"],
        Meaning {
            code: "CLUSTER_DELETE_FAILED",
            class: Permanent,
            onset: DEEP,
            cause: "something of the cluster cannot be deleted",
            fix: "",
        },
    ),
    row(&["RUNTIME_ENABLE", "RT_DOCKER_RESTART"], RUNTIME),
    row(
        &[
            "RT_DOCKER_EXIT_1",
            "RT_DOCKER_EXIT_5",
            "RT_DOCKER_UNAVAILABLE",
            "RT_DOCKER_MISSING_CRI_DOCKER",
        ],
        Meaning { onset: CORRUPT, ..RUNTIME },
    ),
    row(&["K8S_INSTALL_FAILED", "K8S_APISERVER_MISSING", "K8S_APISERVER_TIMEOUT"], CONTROL_PLANE),
    row(&["K8S_DNS_TIMEOUT", "K8S_KUBELET_NOT_RUNNING"], CONTROL_PLANE),
    row(
        &["K8S_INSTALL_FAILED_CONTAINER_RUNTIME_NOT_RUNNING", "K8S_UNHEALTHY_CONTROL_PLANE"],
        Meaning { onset: CORRUPT, ..CONTROL_PLANE },
    ),
    row(
        &["K8S_OLD_UNSUPPORTED", "K8S_NEW_UNSUPPORTED"],
        Meaning {
            code: "CLUSTER_VERSION_UNSUPPORTED",
            class: Config,
            onset: NO_ONSET,
            cause: "this version of it does not know that version of Kubernetes",
            fix: "minikube config defaults kubernetes-version   # or upgrade minikube",
        },
    ),
];
