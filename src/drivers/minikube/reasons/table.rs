//! The rows of `reasons`: minikube's reason ids, words and exit codes (minikube,
//! `pkg/minikube/reason/reason.go`, `known_issues.go`, `exitcodes.go`), and what they mean here.

use std::ops::RangeInclusive;

use super::Meaning;
use crate::policy::Class::{Config, Permanent, Prerequisite, Refused, Transient};
use crate::policy::escalate::Onset;

/// What these reason ids mean; one that ends in `_` stands for all that begin so.
pub(super) struct Id {
    ids: &'static [&'static str],
    /// Whether the words of the error say more than the id.
    pub(super) is_general: bool,
    pub(super) meaning: Meaning,
}

impl Id {
    pub(super) fn names(&self, id: &str) -> bool {
        let is_it = |own: &&str| *own == id || own.ends_with('_') && id.starts_with(*own);
        self.ids.iter().any(is_it)
    }

    #[cfg(test)]
    pub(super) fn ids(&self) -> &'static [&'static str] {
        self.ids
    }
}

/// What it means that all of these words, in small letters, stand on one line.
pub(super) struct Words {
    words: &'static [&'static str],
    pub(super) meaning: Meaning,
}

impl Words {
    pub(super) fn is_said(&self, text: &str) -> bool {
        let said = |line: &str| self.words.iter().all(|word| line.contains(word));
        text.lines().any(|line| said(&line.to_lowercase()))
    }
}

/// What an exit code in this range means where nothing else is known.
pub(super) struct Exit {
    pub(super) exits: RangeInclusive<i32>,
    pub(super) meaning: Meaning,
}

const NO_ONSET: Option<Onset> = None;
const WAIT: Option<Onset> = Some(Onset::Wait);
const TRANSIENT: Option<Onset> = Some(Onset::Transient);
const CORRUPT: Option<Onset> = Some(Onset::Corrupt);
const DEEP: Option<Onset> = Some(Onset::Deep);

const RESTART_DOCKER: &str = "sudo systemctl restart docker   # or restart Docker Desktop";
const RECREATE: &str = "mlup start --recreate   # deletes the cluster with all that runs in it";

const ARGS: Meaning = Meaning {
    code: "CLUSTER_ARGS_INVALID",
    class: Config,
    onset: NO_ONSET,
    cause: "it refuses a setting of `[cluster]`",
    fix: "compare `args` of `[cluster]` with `minikube start --help`",
};
const DOCKER_DOWN: Meaning = Meaning {
    code: "DOCKER_UNREACHABLE",
    class: Prerequisite,
    onset: WAIT,
    cause: "the Docker Engine does not answer",
    fix: "sudo systemctl start docker   # or open Docker Desktop",
};
const MEMORY_TOO_LARGE: Meaning = Meaning {
    code: "CLUSTER_MEMORY_TOO_LARGE",
    class: Prerequisite,
    onset: NO_ONSET,
    cause: "Docker has less memory than the cluster needs",
    fix: "lower `memory` of `[cluster]`, or give Docker more",
};
const DISK_FULL: Meaning = Meaning {
    code: "DISK_FULL",
    class: Prerequisite,
    onset: NO_ONSET,
    cause: "the disk that Docker keeps its data on is full",
    fix: "docker system df   # then remove what is not needed",
};
const STATE_CORRUPT: Meaning = Meaning {
    code: "CLUSTER_CONFIG_CORRUPT",
    class: Permanent,
    onset: CORRUPT,
    cause: "what it keeps of this cluster is damaged",
    fix: RECREATE,
};
const CERTS: Meaning = Meaning {
    code: "CLUSTER_CERTS_INVALID",
    class: Permanent,
    onset: CORRUPT,
    cause: "the certificates of the cluster do not go together",
    fix: RECREATE,
};
const START_FAILED: Meaning = Meaning {
    code: "CLUSTER_START_FAILED",
    class: Permanent,
    onset: TRANSIENT,
    cause: "the node could not be set up",
    fix: "minikube logs -p {profile}",
};
const DOWNLOAD: Meaning = Meaning {
    code: "CLUSTER_DOWNLOAD_FAILED",
    class: Transient,
    onset: WAIT,
    cause: "something that it needs could not be downloaded",
    fix: "curl -sSI https://registry.k8s.io   # and `HTTPS_PROXY`, where there is a proxy",
};
const CONTROL_PLANE: Meaning = Meaning {
    code: "CLUSTER_CONTROL_PLANE_FAILED",
    class: Permanent,
    onset: TRANSIENT,
    cause: "the control plane did not come up",
    fix: "minikube logs -p {profile}",
};
const RUNTIME: Meaning = Meaning {
    code: "CLUSTER_RUNTIME_FAILED",
    class: Permanent,
    onset: TRANSIENT,
    cause: "the container runtime of the node did not start",
    fix: "minikube logs -p {profile}",
};
const NODE_EXITED: Meaning = Meaning {
    code: "CLUSTER_NODE_EXITED",
    class: Permanent,
    onset: CORRUPT,
    cause: "the container of the node ended at once",
    fix: "docker logs {profile}",
};
const DRIVER: Meaning = Meaning {
    code: "CLUSTER_DRIVER_UNUSABLE",
    class: Prerequisite,
    onset: WAIT,
    cause: "it finds Docker not usable",
    fix: "docker version",
};
const HOST_UNFIT: Meaning = Meaning {
    code: "CLUSTER_HOST_UNFIT",
    class: Prerequisite,
    onset: NO_ONSET,
    cause: "it finds this machine or account not fit for it",
    fix: "",
};
const NETWORK: Meaning = Meaning {
    code: "CLUSTER_NETWORK_FAILED",
    class: Permanent,
    onset: CORRUPT,
    cause: "the network of the node could not be made",
    fix: "docker network ls",
};
const SILENT_NODE: Meaning = Meaning {
    code: "CLUSTER_NODE_SILENT",
    class: Permanent,
    onset: TRANSIENT,
    cause: "the node did not answer",
    fix: "docker logs {profile}",
};
const DOCKER_UNSUITABLE: Meaning = Meaning {
    code: "DOCKER_UNSUITABLE",
    class: Prerequisite,
    onset: NO_ONSET,
    cause: "this Docker cannot run it",
    fix: "docker version",
};
const PORT_TAKEN: Meaning = Meaning {
    code: "PORT_TAKEN",
    class: Refused,
    onset: NO_ONSET,
    cause: "a port of this machine is in use",
    fix: "sudo ss -ltnp   # who listens",
};

const LOCK: Meaning = Meaning {
    code: "CLUSTER_LOCK_HELD",
    class: Permanent,
    onset: TRANSIENT,
    cause: "another minikube holds its lock",
    fix: "ps -C minikube -o pid,etime,args",
};

/// For an exit code that no range holds.
pub(super) const UNKNOWN: Meaning = START_FAILED;

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

/// By the words of an error whose id is a general one. The first that matches wins.
pub(super) const BY_WORDS: &[Words] = &[
    Words { words: &["ensure your docker is running"], meaning: DOCKER_DOWN },
    Words { words: &["cannot connect to the docker daemon"], meaning: DOCKER_DOWN },
    Words { words: &["memory but you specified"], meaning: MEMORY_TOO_LARGE },
    Words { words: &["no space left on device"], meaning: DISK_FULL },
    Words {
        words: &["can't create with that ip", "address already in use"],
        meaning: Meaning {
            code: "ADDRESS_TAKEN",
            class: Refused,
            // A new cluster would want the same address: its holder has to go.
            onset: WAIT,
            cause: "another container has the address of the node",
            fix: "docker network inspect {profile}   # then stop the container that has it",
        },
    },
    Words {
        words: &["container addresses should have 2 values"],
        meaning: Meaning {
            code: "CLUSTER_NETWORK_EXTRA",
            class: Refused,
            onset: NO_ONSET,
            cause: "the node is on a second Docker network",
            fix: "docker network disconnect NETWORK {profile}   # the one that does not belong to it",
        },
    },
    Words {
        words: &["network ", " not found"],
        meaning: Meaning {
            code: "CLUSTER_NETWORK_GONE",
            class: Permanent,
            onset: CORRUPT,
            cause: "the Docker network that its container was made on is gone",
            fix: RECREATE,
        },
    },
    Words { words: &["error loading existing host"], meaning: STATE_CORRUPT },
    Words { words: &["x509: certificate"], meaning: CERTS },
    Words { words: &["acquire bootstrap client lock"], meaning: LOCK },
    Words { words: &["ports are not available"], meaning: PORT_TAKEN },
];

/// By exit code.
pub(super) const BY_EXIT: &[Exit] = &[
    Exit { exits: 1..=9, meaning: START_FAILED },
    Exit { exits: 10..=19, meaning: ARGS },
    Exit {
        exits: 20..=29,
        meaning: Meaning {
            code: "CLUSTER_RESOURCES_MISSING",
            class: Prerequisite,
            onset: NO_ONSET,
            cause: "this machine lacks memory, CPUs or disk for it",
            fix: "docker info",
        },
    },
    Exit { exits: 30..=39, meaning: HOST_UNFIT },
    Exit { exits: 40..=49, meaning: DOWNLOAD },
    Exit { exits: 50..=59, meaning: DRIVER },
    Exit { exits: 60..=69, meaning: Meaning { cause: "Docker failed it", ..DRIVER } },
    Exit { exits: 70..=79, meaning: Meaning { onset: TRANSIENT, ..NETWORK } },
    Exit { exits: 80..=89, meaning: START_FAILED },
    Exit { exits: 90..=99, meaning: RUNTIME },
    Exit { exits: 100..=109, meaning: CONTROL_PLANE },
    Exit {
        exits: 110..=119,
        meaning: Meaning {
            code: "CLUSTER_ADDON_FAILED",
            class: Permanent,
            onset: NO_ONSET,
            cause: "an add-on could not be enabled",
            fix: "minikube addons list -p {profile}",
        },
    },
];
