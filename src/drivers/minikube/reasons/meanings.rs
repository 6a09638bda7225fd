//! Kinds of trouble with minikube, and what each means: class, where recovery begins, sentence, fix.

use crate::policy::Class::{self, Config, Permanent, Prerequisite, Refused, Transient};
use crate::policy::escalate::Onset;

/// What a kind of trouble means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meaning {
    pub(super) code: &'static str,
    pub(super) class: Class,
    pub(super) onset: Option<Onset>,
    /// Completes "minikube could not ...: ".
    pub(super) cause: &'static str,
    /// A safe fix, `{profile}` filled in; empty for none.
    pub(super) fix: &'static str,
}

pub(super) const NO_ONSET: Option<Onset> = None;
pub(super) const WAIT: Option<Onset> = Some(Onset::Wait);
pub(super) const TRANSIENT: Option<Onset> = Some(Onset::Transient);
pub(super) const CORRUPT: Option<Onset> = Some(Onset::Corrupt);
pub(super) const DEEP: Option<Onset> = Some(Onset::Deep);

pub(super) const RECREATE: &str =
    "mlup start --recreate   # deletes the cluster with all that runs in it";

pub(super) const ARGS: Meaning = Meaning {
    code: "CLUSTER_ARGS_INVALID",
    class: Config,
    onset: NO_ONSET,
    cause: "it refuses a setting of `[cluster]`",
    fix: "compare `args` of `[cluster]` with `minikube start --help`",
};
pub(super) const DOCKER_DOWN: Meaning = Meaning {
    code: "DOCKER_UNREACHABLE",
    class: Prerequisite,
    onset: WAIT,
    cause: "the Docker Engine does not answer",
    fix: "sudo systemctl start docker   # or open Docker Desktop",
};
pub(super) const MEMORY_TOO_LARGE: Meaning = Meaning {
    code: "CLUSTER_MEMORY_TOO_LARGE",
    class: Prerequisite,
    onset: NO_ONSET,
    cause: "Docker has less memory than the cluster needs",
    fix: "lower `memory` of `[cluster]`, or give Docker more",
};
pub(super) const DISK_FULL: Meaning = Meaning {
    code: "DISK_FULL",
    class: Prerequisite,
    onset: NO_ONSET,
    cause: "the disk that Docker keeps its data on is full",
    fix: "docker system df   # then remove what is not needed",
};
pub(super) const STATE_CORRUPT: Meaning = Meaning {
    code: "CLUSTER_CONFIG_CORRUPT",
    class: Permanent,
    onset: CORRUPT,
    cause: "what it keeps of this cluster is damaged",
    fix: RECREATE,
};
pub(super) const CERTS: Meaning = Meaning {
    code: "CLUSTER_CERTS_INVALID",
    class: Permanent,
    onset: CORRUPT,
    cause: "the certificates of the cluster do not go together",
    fix: RECREATE,
};
pub(super) const START_FAILED: Meaning = Meaning {
    code: "CLUSTER_START_FAILED",
    class: Permanent,
    onset: TRANSIENT,
    cause: "the node could not be set up",
    fix: "minikube logs -p {profile}",
};
pub(super) const DOWNLOAD: Meaning = Meaning {
    code: "CLUSTER_DOWNLOAD_FAILED",
    class: Transient,
    onset: WAIT,
    cause: "something that it needs could not be downloaded",
    fix: "curl -sSI https://registry.k8s.io   # and `HTTPS_PROXY`, where there is a proxy",
};
pub(super) const CONTROL_PLANE: Meaning = Meaning {
    code: "CLUSTER_CONTROL_PLANE_FAILED",
    class: Permanent,
    onset: TRANSIENT,
    cause: "the control plane did not come up",
    fix: "minikube logs -p {profile}",
};
pub(super) const RUNTIME: Meaning = Meaning {
    code: "CLUSTER_RUNTIME_FAILED",
    class: Permanent,
    onset: TRANSIENT,
    cause: "the container runtime of the node did not start",
    fix: "minikube logs -p {profile}",
};
pub(super) const NODE_EXITED: Meaning = Meaning {
    code: "CLUSTER_NODE_EXITED",
    class: Permanent,
    onset: CORRUPT,
    cause: "the container of the node ended at once",
    fix: "docker logs {profile}",
};
pub(super) const DRIVER: Meaning = Meaning {
    code: "CLUSTER_DRIVER_UNUSABLE",
    class: Prerequisite,
    onset: WAIT,
    cause: "it finds Docker not usable",
    fix: "docker version",
};
pub(super) const HOST_UNFIT: Meaning = Meaning {
    code: "CLUSTER_HOST_UNFIT",
    class: Prerequisite,
    onset: NO_ONSET,
    cause: "it finds this machine or account not fit for it",
    fix: "",
};
pub(super) const NETWORK: Meaning = Meaning {
    code: "CLUSTER_NETWORK_FAILED",
    class: Permanent,
    onset: CORRUPT,
    cause: "the network of the node could not be made",
    fix: "docker network ls",
};
pub(super) const SILENT_NODE: Meaning = Meaning {
    code: "CLUSTER_NODE_SILENT",
    class: Permanent,
    onset: TRANSIENT,
    cause: "the node did not answer",
    fix: "docker logs {profile}",
};
pub(super) const DOCKER_UNSUITABLE: Meaning = Meaning {
    code: "DOCKER_UNSUITABLE",
    class: Prerequisite,
    onset: NO_ONSET,
    cause: "this Docker cannot run it",
    fix: "docker version",
};
pub(super) const PORT_TAKEN: Meaning = Meaning {
    code: "PORT_TAKEN",
    class: Refused,
    onset: NO_ONSET,
    cause: "a port of this machine is in use",
    fix: "sudo ss -ltnp   # who listens",
};

pub(super) const LOCK: Meaning = Meaning {
    code: "CLUSTER_LOCK_HELD",
    class: Permanent,
    onset: TRANSIENT,
    cause: "another minikube holds its lock",
    fix: "ps -C minikube -o pid,etime,args",
};

/// For an exit code that no range holds.
pub(super) const UNKNOWN: Meaning = START_FAILED;
