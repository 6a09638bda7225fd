//! `[cluster]` as it is written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::scalar::{Address, Amount, Cidr, Count, Delays, Port, Size, SshDestination, Word};
use crate::config::model;

/// Which cluster, and how to make it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Cluster")]
pub(crate) struct RawCluster {
    /// The tool that owns the cluster; `none` for environments without one.
    #[serde(default)]
    pub(crate) provider: Provider,
    /// Name of the cluster, or of the tool's profile.
    pub(crate) name: Option<Word>,
    /// Kubeconfig context.
    pub(crate) context: Option<Word>,
    /// Version of Kubernetes, such as `v1.34.0`.
    pub(crate) kubernetes_version: Option<Word>,
    /// CPUs of a node.
    pub(crate) cpus: Option<Count>,
    /// Memory of a node, such as `4g`.
    pub(crate) memory: Option<Size>,
    /// Server nodes.
    pub(crate) nodes: Option<Count>,
    /// Agent nodes.
    pub(crate) agents: Option<Amount>,
    /// Further arguments for the tool.
    #[serde(default)]
    pub(crate) args: Vec<String>,
    /// Add-ons to enable.
    #[serde(default)]
    pub(crate) addons: Vec<Word>,
    /// Docker network that the cluster joins.
    pub(crate) network: Option<Word>,
    /// NodePorts published on localhost.
    #[serde(default)]
    pub(crate) ports: Vec<Port>,
    /// Port of the API server on the host.
    pub(crate) api_port: Option<Port>,
    /// Whether to make the cluster's context the current one.
    pub(crate) switch_context: Option<bool>,
    /// How far recovery may go.
    #[serde(default)]
    pub(crate) recover: RawRecover,
    /// k3s only: ssh destination.
    pub(crate) host: Option<SshDestination>,
    /// k3s only: version of K3s.
    pub(crate) version: Option<Word>,
    /// k3s only: pod network.
    pub(crate) cluster_cidr: Option<Cidr>,
    /// k3s only: service network.
    pub(crate) service_cidr: Option<Cidr>,
    /// k3s only: address of the cluster's DNS.
    pub(crate) dns: Option<Address>,
    /// k3s only: bundled components to leave out.
    #[serde(default)]
    pub(crate) disable: Vec<Word>,
    /// k3s only: `script`, or the path of a local binary or of a folder with all that K3s needs.
    pub(crate) install: Option<Word>,
    /// k3s only: opt-in preparations of the machine.
    #[serde(default)]
    pub(crate) prepare: Vec<RawPrepare>,
    /// k3s only: whether the API and NodePorts go through ssh.
    pub(crate) tunnel: Option<bool>,
}

/// The tool that owns a cluster.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Provider {
    /// minikube.
    Minikube,
    /// k3d.
    K3d,
    /// Docker Desktop's own Kubernetes.
    DockerDesktop,
    /// K3s on a machine reached by ssh.
    K3s,
    /// A context that somebody else owns.
    Existing,
    /// No cluster.
    #[default]
    None,
}

/// What is done to the machine of a K3s cluster beside K3s. Neither firewall nor `SELinux` is ever
/// switched off.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "Prepare")]
pub(crate) enum RawPrepare {
    /// Lets through firewalld what K3s needs.
    Firewalld,
    /// Installs and starts the iSCSI client.
    Iscsid,
    /// Installs and loads the kernel modules.
    KernelModules,
    /// Installs the NFS client.
    Nfs,
    /// Installs the `SELinux` policy of K3s.
    Selinux,
}

impl From<RawPrepare> for model::Prepare {
    fn from(prepare: RawPrepare) -> Self {
        match prepare {
            RawPrepare::Firewalld => Self::Firewalld,
            RawPrepare::Iscsid => Self::Iscsid,
            RawPrepare::KernelModules => Self::KernelModules,
            RawPrepare::Nfs => Self::Nfs,
            RawPrepare::Selinux => Self::Selinux,
        }
    }
}

/// How often, how patiently and how far a cluster is recovered.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Recover")]
pub(crate) struct RawRecover {
    /// Attempts in all.
    pub(crate) attempts: Option<Count>,
    /// First and longest delay between attempts.
    pub(crate) backoff: Option<Delays>,
    /// What may be purged without asking.
    pub(crate) purge: Option<RawPurge>,
}

/// What may be purged without asking.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "Purge")]
pub(crate) enum RawPurge {
    /// Nothing.
    Never,
    /// This cluster.
    Profile,
    /// Everything of the tool.
    All,
}

impl From<RawPurge> for model::Purge {
    fn from(purge: RawPurge) -> Self {
        match purge {
            RawPurge::Never => Self::Never,
            RawPurge::Profile => Self::Profile,
            RawPurge::All => Self::All,
        }
    }
}
