//! The words of k3d and k3s, one row a cause: class, code, where recovery begins, and the fix. Data
//! only.

use crate::event::Safety;
use crate::policy::Class;
use crate::policy::escalate::Onset;

/// One thing that k3d or a node says.
pub(super) struct Reason {
    /// All of these stand in one message.
    pub(super) says: &'static [&'static str],
    pub(super) class: Class,
    pub(super) code: &'static str,
    pub(super) onset: Option<Onset>,
    /// Completes "could not ...: "; `{name}` is the cluster.
    pub(super) cause: &'static str,
    pub(super) fix: (&'static str, Safety),
}

/// What the engine says through k3d, and where recovery from it begins.
pub(super) const ENGINE: [(&str, Option<Onset>); 10] = [
    ("DOCKER_UNREACHABLE", Some(Onset::Wait)),
    ("DOCKER_PERMISSION", None),
    ("DOCKER_API_MISMATCH", None),
    ("DAEMON_CONFIG_INVALID", None),
    ("PORT_TAKEN", None),
    ("ADDRESS_TAKEN", None),
    ("ADDRESS_POOLS_EXHAUSTED", None),
    ("SUBNET_OVERLAP", None),
    ("DISK_FULL", None),
    ("RATE_LIMITED", Some(Onset::Transient)),
];

const DELETE: (&str, Safety) = ("k3d cluster delete {name}", Safety::Destructive);
pub(super) const LOGS: (&str, Safety) = ("docker logs --tail 50 k3d-{name}-server-0", Safety::Safe);
const CONFIG: (&str, Safety) = ("correct `[cluster]` in mlup.toml", Safety::Safe);

/// The first row that fits wins: causes come before what follows from them.
pub(super) const REASONS: &[Reason] = &[
    Reason {
        says: &["permission denied while trying to connect"],
        class: Class::Prerequisite,
        code: "DOCKER_PERMISSION",
        onset: None,
        cause: "this user may not open Docker's socket; members of the group `docker` may",
        fix: ("sudo usermod -aG docker $USER   # then log in again", Safety::Safe),
    },
    Reason {
        says: &["Error: unknown"],
        class: Class::Config,
        code: "CLUSTER_ARGS_INVALID",
        onset: None,
        cause: "k3d does not know one of the arguments that it was given",
        fix: ("correct `args` of `[cluster]` in mlup.toml", Safety::Safe),
    },
    Reason {
        says: &["Error: invalid argument"],
        class: Class::Config,
        code: "CLUSTER_ARGS_INVALID",
        onset: None,
        cause: "k3d does not accept one of the arguments that it was given",
        fix: ("correct `args` of `[cluster]` in mlup.toml", Safety::Safe),
    },
    Reason {
        says: &["does not match requirements"],
        class: Class::Config,
        code: "CLUSTER_NAME_INVALID",
        onset: None,
        cause: "k3d does not accept the name `{name}`",
        fix: ("correct `name` of `[cluster]` in mlup.toml", Safety::Safe),
    },
    Reason {
        says: &["Schema Validation failed"],
        class: Class::Config,
        code: "CLUSTER_ARGS_INVALID",
        onset: None,
        cause: "k3d does not accept the configuration",
        fix: CONFIG,
    },
    Reason {
        says: &["Failed Cluster Configuration Validation"],
        class: Class::Config,
        code: "CLUSTER_ARGS_INVALID",
        onset: None,
        cause: "k3d does not accept the configuration",
        fix: CONFIG,
    },
    Reason {
        says: &["port is already allocated"],
        class: Class::Refused,
        code: "PORT_TAKEN",
        onset: None,
        cause: "a port of the cluster is held by somebody else on this machine",
        fix: ("docker ps   # then stop the owner, or choose another port", Safety::Safe),
    },
    Reason {
        says: &["orts are not available"],
        class: Class::Refused,
        code: "PORT_TAKEN",
        onset: None,
        cause: "Docker Desktop may not open a port of the cluster on this machine",
        fix: ("choose another port in `[cluster]` of mlup.toml", Safety::Safe),
    },
    Reason {
        says: &["address already in use"],
        class: Class::Refused,
        code: "PORT_TAKEN",
        onset: None,
        cause: "a port of the cluster is held by somebody else on this machine",
        fix: ("sudo ss -ltnp   # then stop the owner, or choose another port", Safety::Safe),
    },
    Reason {
        says: &["no gateway defined for network"],
        class: Class::Prerequisite,
        code: "CLUSTER_NETWORK_UNFIT",
        onset: None,
        cause: "the network that it shall join has no gateway",
        fix: (
            "give the network a `subnet` and a `gateway`, and make it again",
            Safety::Destructive,
        ),
    },
    Reason {
        says: &["failed to parse IP Prefix of network"],
        class: Class::Prerequisite,
        code: "CLUSTER_NETWORK_UNFIT",
        onset: None,
        cause: "a container on the network that it shall join has no IPv4 address",
        fix: ("make the network IPv4 only, with a `subnet` and a `gateway`", Safety::Destructive),
    },
    Reason {
        says: &["cannot specify subnet for exiting network"],
        class: Class::Config,
        code: "CLUSTER_ARGS_INVALID",
        onset: None,
        cause: "`--subnet` cannot be given for a network that exists",
        fix: ("take `--subnet` out of `args` of `[cluster]` in mlup.toml", Safety::Safe),
    },
    Reason {
        says: &["because a cluster with that name already exists"],
        class: Class::Refused,
        code: "CLUSTER_EXISTS",
        onset: None,
        cause: "there is a cluster `{name}` already",
        fix: ("k3d cluster start {name}", Safety::Safe),
    },
    Reason {
        says: &["failed to parse IP ''"],
        class: Class::Permanent,
        code: "CLUSTER_CORRUPT",
        onset: Some(Onset::Deep),
        cause: "one of its containers has no address, and k3d cannot even list it any more",
        fix: ("mlup reset --purge", Safety::Destructive),
    },
    Reason {
        says: &["did not receive an exit event"],
        class: Class::Permanent,
        code: "CLUSTER_CORRUPT",
        onset: Some(Onset::Deep),
        cause: "the engine could not end one of its containers",
        fix: ("sudo systemctl restart docker", Safety::Safe),
    },
    Reason {
        says: &["Failed to delete", "nodes"],
        class: Class::Permanent,
        code: "CLUSTER_CORRUPT",
        onset: Some(Onset::Deep),
        cause: "k3d could not delete all of its containers",
        fix: ("mlup reset --purge", Safety::Destructive),
    },
    Reason {
        says: &["docker failed to pull", "manifest"],
        class: Class::Prerequisite,
        code: "CLUSTER_IMAGE_UNAVAILABLE",
        onset: None,
        cause: "there is no such node image in the registry",
        fix: ("correct `kubernetes_version` of `[cluster]` in mlup.toml", Safety::Safe),
    },
    Reason {
        says: &["docker failed to pull"],
        class: Class::Prerequisite,
        code: "CLUSTER_IMAGE_UNAVAILABLE",
        onset: Some(Onset::Transient),
        cause: "an image of k3d could not be pulled",
        fix: ("check network and proxy, then docker pull the image that is named", Safety::Safe),
    },
    Reason {
        says: &["failed to find interface with specified node ip"],
        class: Class::Permanent,
        code: "CLUSTER_CORRUPT",
        onset: Some(Onset::Corrupt),
        cause: "a node got another address than it was made with, as happens when Docker restarts",
        fix: DELETE,
    },
    Reason {
        says: &["Didn't find container for node"],
        class: Class::Permanent,
        code: "CLUSTER_CORRUPT",
        onset: Some(Onset::Corrupt),
        cause: "the container of a node is gone",
        fix: DELETE,
    },
    Reason {
        says: &["idn't find any server node"],
        class: Class::Permanent,
        code: "CLUSTER_CORRUPT",
        onset: Some(Onset::Corrupt),
        cause: "it has no server node any more",
        fix: DELETE,
    },
    Reason {
        says: &["No nodes found for given cluster"],
        class: Class::Permanent,
        code: "CLUSTER_CORRUPT",
        onset: Some(Onset::Corrupt),
        cause: "its nodes are gone",
        fix: DELETE,
    },
    Reason {
        says: &["The container name", "is already in use"],
        class: Class::Permanent,
        code: "CLUSTER_CORRUPT",
        onset: Some(Onset::Corrupt),
        cause: "a container of an earlier cluster is in the way",
        fix: DELETE,
    },
    Reason {
        says: &["error starting existing tools node"],
        class: Class::Permanent,
        code: "CLUSTER_CORRUPT",
        onset: Some(Onset::Corrupt),
        cause: "k3d's helper container of an earlier run cannot be started",
        fix: DELETE,
    },
    Reason {
        says: &["Failed to find image volume"],
        class: Class::Permanent,
        code: "CLUSTER_CORRUPT",
        onset: Some(Onset::Corrupt),
        cause: "its image volume is gone",
        fix: DELETE,
    },
    Reason {
        says: &["network ", " not found"],
        class: Class::Permanent,
        code: "CLUSTER_CORRUPT",
        onset: Some(Onset::Corrupt),
        cause: "the network that its containers hold is gone",
        fix: DELETE,
    },
    Reason {
        says: &["stopped returning log lines", "status=restarting"],
        class: Class::Permanent,
        code: "CLUSTER_NODE_CRASHES",
        onset: Some(Onset::Transient),
        cause: "k3s ends again and again in a node",
        fix: LOGS,
    },
    Reason {
        says: &["ontext deadline exceeded"],
        class: Class::Timeout,
        code: "CLUSTER_START_TIMEOUT",
        onset: Some(Onset::Transient),
        cause: "a node was not up in time",
        fix: LOGS,
    },
    Reason {
        says: &["Failed to add one or more agents"],
        class: Class::Permanent,
        code: "CLUSTER_NODE_CRASHES",
        onset: Some(Onset::Transient),
        cause: "an agent did not join",
        fix: LOGS,
    },
    Reason {
        says: &["also FAILED to rollback"],
        class: Class::Permanent,
        code: "CLUSTER_CORRUPT",
        onset: Some(Onset::Deep),
        cause: "k3d could not take back what it had made",
        fix: ("mlup reset --purge", Safety::Destructive),
    },
];

/// What k3s says in the log of a node that ends.
pub(super) const NODE: &[Reason] = &[
    Reason {
        says: &["flag provided but not defined"],
        class: Class::Config,
        code: "CLUSTER_ARGS_INVALID",
        onset: None,
        cause: "k3s does not know an argument that `args` hands on to it",
        fix: ("correct `args` of `[cluster]` in mlup.toml", Safety::Safe),
    },
    Reason {
        says: &["too many open files"],
        class: Class::Prerequisite,
        code: "CLUSTER_INOTIFY_LIMIT",
        onset: None,
        cause: "this machine lets its containers watch too few files",
        fix: (
            "sudo sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512",
            Safety::Safe,
        ),
    },
    Reason {
        says: &["failed to find interface with specified node ip"],
        class: Class::Permanent,
        code: "CLUSTER_CORRUPT",
        onset: Some(Onset::Corrupt),
        cause: "a node got another address than it was made with, as happens when Docker restarts",
        fix: DELETE,
    },
];
