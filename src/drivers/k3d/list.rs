//! `k3d cluster list -o json`. Only what decisions need is read: the document also holds the
//! cluster's token, which no type here can carry.

use serde::Deserialize;

/// A cluster as k3d lists it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Cluster {
    pub(super) name: String,
    #[serde(default)]
    network: Network,
    #[serde(default)]
    pub(super) nodes: Vec<Node>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
struct Network {
    #[serde(default)]
    name: String,
}

/// One of its containers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) role: String,
    #[serde(default)]
    pub(super) image: String,
    #[serde(default, rename = "Memory")]
    pub(super) memory: String,
    #[serde(default, rename = "portMappings", deserialize_with = "mappings")]
    pub(super) ports: Vec<Published>,
    #[serde(default, rename = "State")]
    state: State,
    #[serde(default, rename = "IP")]
    address: Address,
    #[serde(default, rename = "runtimeLabels")]
    labels: Labels,
}

/// The one label that is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
struct Labels {
    #[serde(default, rename = "k3d.server.loadbalancer")]
    load_balancer: String,
}

/// A port of a node that is published on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Published {
    pub(super) inside: u16,
    pub(super) host: u16,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    #[serde(default)]
    status: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
struct Address {
    #[serde(default, rename = "IP")]
    ip: String,
}

impl Cluster {
    /// The network that its nodes are on.
    pub(super) fn network(&self) -> &str {
        &self.network.name
    }

    pub(super) fn servers(&self) -> impl Iterator<Item = &Node> {
        self.with_role("server")
    }

    pub(super) fn agents(&self) -> impl Iterator<Item = &Node> {
        self.with_role("agent")
    }

    pub(super) fn load_balancer(&self) -> Option<&Node> {
        self.with_role("loadbalancer").next()
    }

    /// The load balancer that it was made with, whether it is still there or not.
    pub(super) fn expected_load_balancer(&self) -> Option<&str> {
        let mut named = self.servers().map(|node| node.labels.load_balancer.as_str());
        named.find(|name| !name.is_empty())
    }

    /// The containers that have to run: the nodes and the load balancer.
    pub(super) fn needed(&self) -> impl Iterator<Item = &Node> {
        self.nodes
            .iter()
            .filter(|node| matches!(node.role.as_str(), "server" | "agent" | "loadbalancer"))
    }

    /// The port of the API server on the host.
    pub(super) fn api_port(&self) -> Option<u16> {
        self.host_port(6443)
    }

    /// The port on the host through which this port of a node is reached.
    pub(super) fn host_port(&self, inside: u16) -> Option<u16> {
        let mut ports = self.nodes.iter().flat_map(|node| &node.ports);
        ports.find(|port| port.inside == inside).map(|port| port.host)
    }

    fn with_role(&self, role: &str) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(move |node| node.role == role)
    }
}

impl Node {
    /// What the engine calls its state; `Running` beside it is also true of a container that
    /// restarts again and again.
    pub(super) fn status(&self) -> &str {
        &self.state.status
    }

    pub(super) fn runs(&self) -> bool {
        self.status() == "running"
    }

    /// Its address on the cluster's network, while it runs.
    pub(super) fn address(&self) -> Option<&str> {
        Some(self.address.ip.as_str()).filter(|address| !address.is_empty())
    }
}

/// All clusters.
pub(super) fn parse(text: &str) -> Result<Vec<Cluster>, String> {
    serde_json::from_str::<Option<Vec<Cluster>>>(text.trim())
        .map(Option::unwrap_or_default)
        .map_err(|error| {
            format!("line {}, column {}: {}", error.line(), error.column(), kind(&error))
        })
}

/// The kind alone: the words of the error may repeat a value of the document.
fn kind(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Io => "it could not be read",
        serde_json::error::Category::Syntax => "it is no JSON",
        serde_json::error::Category::Data => "a field is not what it should be",
        serde_json::error::Category::Eof => "it ends too early",
    }
}

/// `{"30080/tcp": [{"HostIp": "", "HostPort": "30080"}], "6443": ...}`, or null.
fn mappings<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<Published>, D::Error> {
    #[derive(Deserialize)]
    struct Binding {
        #[serde(default, rename = "HostPort")]
        host: String,
    }
    type Bindings = std::collections::BTreeMap<String, Option<Vec<Binding>>>;
    let listed = Option::<Bindings>::deserialize(from)?.unwrap_or_default();
    let mut found = Vec::new();
    for (inside, bindings) in listed {
        let Ok(inside) = inside.split('/').next().unwrap_or_default().parse() else { continue };
        let bindings = bindings.unwrap_or_default();
        let hosts = bindings.iter().filter_map(|binding| binding.host.parse().ok());
        found.extend(hosts.map(|host| Published { inside, host }));
    }
    Ok(found)
}
