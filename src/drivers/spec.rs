//! A cluster as wanted: `[cluster]` with all that follows from it and from the tool's own names.

use crate::config::model::{Cluster, Config, K3s, NetworkOwner, Provider, Purge};

/// A cluster as wanted, every name settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The tool that owns it.
    pub provider: Provider,
    /// Name of the cluster, or of the tool's profile.
    pub name: String,
    /// Kubeconfig context.
    pub context: String,
    /// Version of Kubernetes with a `v` in front, such as `v1.34.0`.
    pub kubernetes_version: Option<String>,
    /// CPUs of a node.
    pub cpus: Option<u32>,
    /// Memory of a node in bytes.
    pub memory: Option<u64>,
    /// Server nodes, at least 1.
    pub servers: u32,
    /// Agent nodes.
    pub agents: u32,
    /// Further arguments for the tool.
    pub args: Vec<String>,
    /// Add-ons to enable.
    pub addons: Vec<String>,
    /// The Docker network that the nodes are on.
    pub network: ClusterNetwork,
    /// NodePorts published on localhost.
    pub ports: Vec<u16>,
    /// Port of the API server on the host.
    pub api_port: Option<u16>,
    /// Whether the cluster's context becomes the current one.
    pub switch_context: bool,
    /// The strongest rung that recovery may take without asking.
    pub purge: Purge,
    /// What only K3s over ssh has.
    pub k3s: K3s,
    /// The registries that the nodes take images from, as `[[registry]]` names them.
    pub registries: Vec<String>,
}

/// The Docker network that a cluster's nodes are on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterNetwork {
    /// The tool's own, which it makes and deletes; by the name that the tool gives it.
    Own(String),
    /// One that the tool is told to join; it makes it where it does not exist, and keeps it.
    Joined {
        /// Its name.
        name: String,
        /// Its subnet in CIDR form, where `[[network]]` says one.
        subnet: Option<String>,
        /// Its gateway, where `[[network]]` says one.
        gateway: Option<String>,
    },
    /// Not a Docker network of this machine.
    Elsewhere,
}

impl ClusterNetwork {
    /// Its name on the Docker Engine.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Own(name) | Self::Joined { name, .. } => Some(name),
            Self::Elsewhere => None,
        }
    }
}

impl Spec {
    /// The cluster that this configuration wants, if it wants one.
    #[must_use]
    pub fn of(config: &Config) -> Option<Self> {
        let cluster = config.cluster.as_ref()?;
        let name = name(config, cluster);
        let makes = matches!(cluster.provider, Provider::K3d | Provider::K3s | Provider::Minikube);
        Some(Self {
            provider: cluster.provider,
            context: context(cluster, &name),
            network: network(config, cluster, &name),
            kubernetes_version: cluster.kubernetes_version.as_deref().map(with_v),
            cpus: cluster.cpus,
            memory: cluster.memory,
            servers: cluster.nodes.unwrap_or(1).max(1),
            agents: cluster.agents.unwrap_or(0),
            args: cluster.args.clone(),
            addons: cluster.addons.clone(),
            ports: cluster.ports.clone(),
            api_port: cluster.api_port,
            switch_context: cluster.switch_context.unwrap_or(makes),
            purge: cluster.recover.purge,
            k3s: cluster.k3s.clone(),
            registries: config.registries.iter().map(|one| one.server.clone()).collect(),
            name,
        })
    }

    /// Whether mlup makes and deletes the cluster, rather than use what is there.
    #[must_use]
    pub fn is_made_by_mlup(&self) -> bool {
        matches!(self.provider, Provider::K3d | Provider::K3s | Provider::Minikube)
    }

    /// The label that the containers of the nodes carry, as the engine filters by it; none where
    /// nodes are no containers of this machine.
    #[must_use]
    pub fn node_label(&self) -> Option<String> {
        match self.provider {
            Provider::K3d => Some(format!("k3d.cluster={}", self.name)),
            Provider::Minikube => Some(format!("name.minikube.sigs.k8s.io={}", self.name)),
            Provider::DockerDesktop | Provider::Existing | Provider::K3s => None,
        }
    }

    /// The name of the tool, as `provider` has it.
    #[must_use]
    pub fn tool(&self) -> &'static str {
        match self.provider {
            Provider::DockerDesktop => "docker-desktop",
            Provider::Existing => "existing",
            Provider::K3d => "k3d",
            Provider::K3s => "k3s",
            Provider::Minikube => "minikube",
        }
    }

    /// Whether the nodes are containers of this machine's Docker Engine.
    #[must_use]
    pub fn is_in_docker(&self) -> bool {
        matches!(self.provider, Provider::K3d | Provider::Minikube)
    }
}

/// The name that is given; else the one whose network a `[[network]]` of the cluster names; else
/// the environment's, so that two environments never share a cluster by accident.
fn name(config: &Config, cluster: &Cluster) -> String {
    if let Some(name) = &cluster.name {
        return name.clone();
    }
    let of_network = config
        .networks
        .iter()
        .filter(|network| network.owner == NetworkOwner::Cluster && cluster.network.is_none())
        .find_map(|network| match cluster.provider {
            Provider::Minikube => Some(network.name.as_str()),
            Provider::K3d => network.name.strip_prefix("k3d-"),
            _ => None,
        });
    of_network.unwrap_or(&config.name).to_owned()
}

/// minikube and k3d name the context after the cluster, whatever a weaker layer says.
fn context(cluster: &Cluster, name: &str) -> String {
    let given = || cluster.context.clone();
    match cluster.provider {
        Provider::DockerDesktop => given().unwrap_or_else(|| "docker-desktop".to_owned()),
        Provider::Existing | Provider::K3s => given().unwrap_or_else(|| name.to_owned()),
        Provider::K3d => format!("k3d-{name}"),
        Provider::Minikube => name.to_owned(),
    }
}

fn network(config: &Config, cluster: &Cluster, name: &str) -> ClusterNetwork {
    if let Some(joined) = &cluster.network {
        let declared = config.networks.iter().find(|network| network.name == *joined);
        return ClusterNetwork::Joined {
            name: joined.clone(),
            subnet: declared.and_then(|network| network.subnet.clone()),
            gateway: declared.and_then(|network| network.gateway.clone()),
        };
    }
    match cluster.provider {
        Provider::K3d => ClusterNetwork::Own(format!("k3d-{name}")),
        Provider::Minikube => ClusterNetwork::Own(name.to_owned()),
        Provider::DockerDesktop | Provider::Existing | Provider::K3s => ClusterNetwork::Elsewhere,
    }
}

fn with_v(version: &str) -> String {
    if version.starts_with(|c: char| c.is_ascii_digit()) {
        format!("v{version}")
    } else {
        version.to_owned()
    }
}
