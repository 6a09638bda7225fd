//! `k3d cluster create`: network, image volume, servers, agents and the load balancer, or what
//! went wrong on the way.

use std::error::Error;
use std::thread::sleep;

use serde_json::Value;

use super::log::{error, fatal, info};
use super::{entry, list, text};
use crate::api::{self, ApiNode, Serving};
use crate::engine::{self, Node, strings};
use crate::flags::{Flags, Grammar};
use crate::{Call, Ended, kubeconfig};

/// The flags of a creation.
pub(crate) const GRAMMAR: Grammar = Grammar {
    values: &[
        "agents",
        "agents-memory",
        "api-port",
        "config",
        "env",
        "gpus",
        "host-alias",
        "image",
        "k3s-arg",
        "k3s-node-label",
        "lb-config-override",
        "network",
        "port",
        "registry-config",
        "registry-create",
        "registry-use",
        "runtime-label",
        "runtime-ulimit",
        "servers",
        "servers-memory",
        "subnet",
        "timeout",
        "token",
        "volume",
    ],
    switches: &[
        "enforce-registry-port-match",
        "host-pid-mode",
        "kubeconfig-switch-context",
        "kubeconfig-update-default",
        "no-image-volume",
        "no-lb",
        "no-rollback",
        "wait",
        "verbose",
        "trace",
        "timestamps",
    ],
    letters: &[
        ('a', "agents"),
        ('c', "config"),
        ('e', "env"),
        ('i', "image"),
        ('p', "port"),
        ('s', "servers"),
        ('v', "volume"),
    ],
};

/// A cluster as the flags want it.
struct Wanted<'a> {
    call: &'a Call,
    flags: &'a Flags,
    name: &'a str,
    labels: Vec<(String, String)>,
    network: String,
}

/// Creates as the flags say.
pub(crate) fn run(call: &Call, flags: &Flags, name: &str) -> Ended {
    let is_valid = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !is_valid || name.len() > 32 {
        return fatal(&format!(
            "Failed Cluster Configuration Validation:  provided cluster name '{name}' does not match \
             requirements: Invalid cluster name. name {name} is not a valid hostname as per RFC 1123"
        ));
    }
    if !list::containers(name)?.is_empty() {
        return fatal(&format!(
            "Failed to create cluster '{name}' because a cluster with that name already exists"
        ));
    }
    let begun = std::time::Instant::now();
    info("Prep: Network")?;
    let (network, is_external) = match network(flags, name)? {
        Ok(network) => network,
        Err(refusal) => {
            return failed(
                flags,
                name,
                &format!("Failed Cluster Preparation: Failed Network Preparation: {refusal}"),
            );
        }
    };
    engine::docker(&[
        "volume",
        "create",
        "--label",
        "app=k3d",
        "--label",
        &format!("k3d.cluster={name}"),
        &format!("k3d-{name}-images"),
    ])?;
    info(&format!("Created image volume k3d-{name}-images"))?;
    info("Starting new tools node...")?;
    info(&format!("Starting node 'k3d-{name}-tools'"))?;
    let labels = labels(flags, name, &network, is_external);
    let wanted = Wanted { call, flags, name, labels, network };
    if let Err(refusal) = wanted.nodes()? {
        return failed(flags, name, &refusal);
    }
    call.hang();
    sleep(call.duration().saturating_sub(begun.elapsed()));
    if let Err(refusal) = serve(call, name) {
        let server = format!("k3d-{name}-server-0");
        return failed(
            flags,
            name,
            &format!(
                "Failed Cluster Start: Failed to start server {server}: runtime failed to start node '{server}': \
             docker failed to start container for node '{server}': Error response from daemon: driver failed \
             programming external connectivity on endpoint {server}: {refusal}"
            ),
        );
    }
    info("All helpers already running.")?;
    info(
        "Injecting records for hostAliases (incl. host.k3d.internal) and for 1 network members into CoreDNS configmap...",
    )?;
    if flags.is_on("kubeconfig-update-default", true) {
        let switch = flags.is_on("kubeconfig-switch-context", true);
        kubeconfig::write(&kubeconfig::default_file()?, &entry(name)?, switch)?;
    }
    info(&format!("Cluster '{name}' created successfully!"))?;
    info("You can now use it like this:")?;
    Ok(0)
}

/// The network and whether it was there before; one of the cluster's own name that a deleted
/// cluster left counts as somebody else's from then on.
fn network(flags: &Flags, name: &str) -> Result<Result<(String, bool), String>, Box<dyn Error>> {
    let network = flags.get("network").map_or_else(|| format!("k3d-{name}"), str::to_owned);
    if let Some(found) = engine::inspect("network", &network) {
        if engine::gateway(&network).is_none() {
            return Ok(Err(format!(
                "failed to create cluster network: no gateway defined for network {network}"
            )));
        }
        info(&format!("Re-using existing network '{network}' ({})", text(&found["Id"])))?;
        return Ok(Ok((network, true)));
    }
    match engine::create_network(&network, &[("app".to_owned(), "k3d".to_owned())]) {
        Ok(_) => info(&format!("Created network '{network}'"))?,
        Err(refusal) => return Ok(Err(format!("failed to create cluster network: {refusal}"))),
    }
    Ok(Ok((network, false)))
}

fn labels(flags: &Flags, name: &str, network: &str, is_external: bool) -> Vec<(String, String)> {
    let api = flags.get("api-port").unwrap_or("0.0.0.0:0");
    let (host, port) = api.rsplit_once(':').unwrap_or(("0.0.0.0", api));
    let now = jiff::Timestamp::now().as_nanosecond();
    let found = engine::inspect("network", network).unwrap_or_default();
    let balancer =
        if flags.is_on("no-lb", false) { String::new() } else { format!("k3d-{name}-serverlb") };
    let port =
        if matches!(port, "0" | "random") { free_port().to_string() } else { port.to_owned() };
    [
        ("app", "k3d".to_owned()),
        ("k3d.cluster", name.to_owned()),
        ("k3d.cluster.imageVolume", format!("k3d-{name}-images")),
        ("k3d.cluster.network", network.to_owned()),
        ("k3d.cluster.network.external", is_external.to_string()),
        ("k3d.cluster.network.id", text(&found["Id"])),
        ("k3d.cluster.network.iprange", text(&found["IPAM"]["Config"][0]["Subnet"])),
        (
            "k3d.cluster.token",
            flags.get("token").map_or_else(|| format!("token-{now}"), str::to_owned),
        ),
        ("k3d.cluster.url", format!("https://k3d-{name}-server-0:6443")),
        ("k3d.server.api.host", host.to_owned()),
        ("k3d.server.api.hostIP", host.to_owned()),
        ("k3d.server.api.port", port),
        ("k3d.server.loadbalancer", balancer),
        ("k3d.version", "v5.9.0".to_owned()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .to_vec()
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0));
    listener.and_then(|listener| listener.local_addr()).map_or(0, |address| address.port())
}

impl Wanted<'_> {
    /// Makes and starts the nodes.
    fn nodes(&self) -> Result<Result<(), String>, Box<dyn Error>> {
        let count = |flag: &str, otherwise: usize| {
            self.flags.get(flag).and_then(|count| count.parse().ok()).unwrap_or(otherwise)
        };
        let has_balancer = !self.flags.is_on("no-lb", false);
        let servers = (0..count("servers", 1)).map(|number| ("server", format!("server-{number}")));
        let agents = (0..count("agents", 0)).map(|number| ("agent", format!("agent-{number}")));
        let balancer = has_balancer.then(|| ("loadbalancer", "serverlb".to_owned()));
        let nodes: Vec<_> = servers.chain(agents).chain(balancer).collect();
        for (role, suffix) in &nodes {
            let node = self.node(role, suffix);
            info(&format!("Creating node '{}'", node.name))?;
            if let Err(refusal) = engine::create(&node) {
                return Ok(Err(format!(
                    "failed Cluster Creation: failed setup of {role} node {0}: failed to create node: \
                     runtime failed to create node '{0}': failed to create container for node '{0}': {refusal}",
                    node.name
                )));
            }
        }
        info(&format!("Starting cluster '{}'", self.name))?;
        info("Starting servers...")?;
        for (role, suffix) in &nodes {
            let node = format!("k3d-{}-{suffix}", self.name);
            info(&format!("Starting node '{node}'"))?;
            if let Err(refusal) = engine::docker(&["start", &node]) {
                return Ok(Err(format!(
                    "Failed Cluster Start: Failed to start {role} {node}: runtime failed to start node '{node}': \
                     docker failed to start container for node '{node}': {refusal}"
                )));
            }
        }
        Ok(Ok(()))
    }

    fn node(&self, role: &str, suffix: &str) -> Node {
        let mut labels = self.labels.clone();
        let token = labels.iter().find(|(key, _)| key == "k3d.cluster.token");
        let token = token.map(|(_, token)| token.clone()).unwrap_or_default();
        labels.push(("k3d.role".to_owned(), role.to_owned()));
        let is_on_balancer =
            |spec: &&String| !spec.ends_with(":direct") && !self.flags.is_on("no-lb", false);
        let all = self.flags.all("port");
        let ports = all.iter().filter(|spec| match suffix {
            "serverlb" => is_on_balancer(spec),
            "server-0" => !is_on_balancer(spec),
            _ => false,
        });
        let ports: Vec<String> = ports.map(|spec| host_part(spec)).collect();
        // The engine forgets the ports of a container that is stopped.
        labels.push(("k3d.test.ports".to_owned(), ports.join(" ")));
        Node {
            name: format!("k3d-{}-{suffix}", self.name),
            image: self.call.script.image.clone(),
            network: self.network.clone(),
            labels,
            env: strings(&[
                &format!("K3S_TOKEN={token}"),
                "K3S_KUBECONFIG_OUTPUT=/output/kubeconfig.yaml",
            ]),
            volume: Some(format!("k3d-{}-images:/k3d/images", self.name)),
            ports,
            restart: true,
            ..Node::default()
        }
    }
}

/// Whether a container runs Kubernetes, and is not a helper.
pub(crate) fn is_node(container: &str) -> bool {
    container.contains("-server-") || container.contains("-agent-")
}

/// The part of a port that Docker publishes: `127.0.0.1:30080:30080`.
pub(crate) fn host_part(spec: &str) -> String {
    spec.split('@').next().unwrap_or(spec).to_owned()
}

/// The ports that a container publishes.
pub(crate) fn published(container: &Value) -> Vec<String> {
    let ports = text(&container["Config"]["Labels"]["k3d.test.ports"]);
    ports.split_whitespace().map(str::to_owned).collect()
}

/// Makes the load balancer again with other ports.
pub(crate) fn balancer_again(
    call: &Call,
    old: &Value,
    name: &str,
    ports: &[String],
) -> Result<(), String> {
    let labels = old["Config"]["Labels"].as_object().cloned().unwrap_or_default();
    let mut labels: Vec<(String, String)> =
        labels.iter().map(|(key, value)| (key.clone(), text(value))).collect();
    labels.retain(|(key, _)| key != "k3d.test.ports");
    labels.push(("k3d.test.ports".to_owned(), ports.join(" ")));
    let node = Node {
        name: name.to_owned(),
        image: call.script.image.clone(),
        network: text(&old["Config"]["Labels"]["k3d.cluster.network"]),
        labels,
        ports: ports.to_vec(),
        restart: true,
        ..Node::default()
    };
    engine::create(&node)?;
    engine::docker(&["start", name]).map(drop)
}

/// Starts the API on the port that the cluster was made with.
pub(crate) fn serve(call: &Call, name: &str) -> Result<(), Box<dyn Error>> {
    let server = format!("k3d-{name}-server-0");
    let container = engine::inspect("container", &server).ok_or("the server is gone")?;
    let labels = container["Config"]["Labels"].clone();
    let nodes =
        list::containers(name)?.into_iter().filter(|node| is_node(node)).map(|node| ApiNode {
            address: engine::address(&node).unwrap_or_default(),
            is_control_plane: node.contains("-server-"),
            name: node,
        });
    let serving = Serving {
        folder: call.folder.clone(),
        container: text(&container["Id"]),
        port: text(&labels["k3d.server.api.port"]).parse()?,
        any_port: false,
        token: text(&labels["k3d.cluster.token"]),
        version: "v1.33.5+k3s1".to_owned(),
        nodes: nodes.collect(),
        ready_ms: call.script.ready_ms,
        vanish_after_ms: call.fault.as_ref().and_then(|fault| fault.vanish_after_ms),
    };
    api::start(&serving).map(drop)
}

/// The end of a creation that failed; what was made stays where rollback is off.
fn failed(flags: &Flags, name: &str, message: &str) -> Ended {
    error(message)?;
    if flags.is_on("no-rollback", false) {
        return fatal("Cluster creation FAILED, rollback deactivated.");
    }
    error("Failed to create cluster >>> Rolling Back")?;
    super::delete(name)?;
    fatal("Cluster creation FAILED, all changes have been rolled back!")
}
