//! The command lines of k3d. Pure: nothing here runs.

use std::time::Duration;

use crate::drivers::spec::{ClusterNetwork, Spec};
use crate::host::cmd::Cmd;

/// The repository of the node image, which a bare version is looked up in.
const NODE_IMAGE: &str = "rancher/k3s";

/// `k3d version`: the plain form, which every version has.
pub(super) fn version() -> Cmd {
    k3d(&["version"])
}

/// All clusters. A name would make "there is none" and "it could not be found out" alike.
pub(super) fn list() -> Cmd {
    k3d(&["cluster", "list", "-o", "json"])
}

/// Makes the cluster. A failure leaves what was made, so that its log can be read.
pub(super) fn create(spec: &Spec, limit: Duration) -> Cmd {
    let mut cmd = k3d(&["cluster", "create", &spec.name])
        .args(["--servers", &spec.servers.to_string()])
        .args(["--agents", &spec.agents.to_string()]);
    if let Some(version) = &spec.kubernetes_version {
        cmd = cmd.args(["--image", &image(version)]);
    }
    // Without a host the API server listens on every address of this machine.
    let api_port = spec.api_port.map_or_else(|| "random".to_owned(), |port| port.to_string());
    cmd = cmd.args(["--api-port", &format!("127.0.0.1:{api_port}")]);
    for port in &spec.ports {
        cmd = cmd.args(["--port", &published(*port)]);
    }
    if let ClusterNetwork::Joined { name, .. } = &spec.network {
        cmd = cmd.args(["--network", name]);
    }
    if let Some(memory) = spec.memory {
        cmd = cmd.args(["--servers-memory", &format!("{memory}b")]);
        if spec.agents > 0 {
            cmd = cmd.args(["--agents-memory", &format!("{memory}b")]);
        }
    }
    cmd.args(["--no-rollback", "--wait", "--timeout", &seconds(limit)])
        .arg("--kubeconfig-update-default")
        .arg(format!("--kubeconfig-switch-context={}", spec.switch_context))
        .args(spec.args.iter().cloned())
}

/// Starts the nodes that are there.
pub(super) fn start(name: &str, limit: Duration) -> Cmd {
    k3d(&["cluster", "start", name, "--wait", "--timeout", &seconds(limit)])
}

/// Halts the nodes.
pub(super) fn stop(name: &str) -> Cmd {
    k3d(&["cluster", "stop", name])
}

/// Deletes the cluster, its own network and its volumes.
pub(super) fn delete(name: &str) -> Cmd {
    k3d(&["cluster", "delete", name])
}

/// Deletes every cluster of this engine.
pub(super) fn delete_all() -> Cmd {
    k3d(&["cluster", "delete", "--all"])
}

/// Publishes further ports through the load balancer.
pub(super) fn add_ports(name: &str, ports: &[u16]) -> Cmd {
    let cmd = k3d(&["cluster", "edit", name]);
    ports.iter().fold(cmd, |cmd, port| cmd.args(["--port-add", &published(*port)]))
}

/// Prints the cluster's kubeconfig.
pub(super) fn kubeconfig(name: &str) -> Cmd {
    k3d(&["kubeconfig", "get", name])
}

/// Writes the cluster's entries into the kubeconfig that `KUBECONFIG` names.
pub(super) fn merge_kubeconfig(name: &str, switch: bool) -> Cmd {
    k3d(&["kubeconfig", "merge", name, "--kubeconfig-merge-default"])
        .arg(format!("--kubeconfig-switch-context={switch}"))
}

/// Brings an image onto every node. The other modes hide what fails on a node.
pub(super) fn import_image(name: &str, image: &str) -> Cmd {
    k3d(&["image", "import", image, "--cluster", name, "--mode", "direct"])
}

/// The images of one node, as its own runtime lists them.
pub(super) fn node_images(node: &str) -> Cmd {
    Cmd::new("docker").args(["exec", node, "crictl", "images", "-o", "json"])
}

/// The node image of a version; names such as `stable`, which k3d looks up itself, stay.
pub(super) fn image(version: &str) -> String {
    if is_version(version) { format!("{NODE_IMAGE}:{}", tag(version)) } else { version.to_owned() }
}

/// The image tag of a version: tags have no `+`, and the first release of K3s is taken where the
/// version names none.
pub(super) fn tag(version: &str) -> String {
    let tag = version.replace('+', "-");
    if tag.contains("-k3s") { tag } else { format!("{tag}-k3s1") }
}

/// Whether this is a version rather than a channel or an image.
pub(super) fn is_version(version: &str) -> bool {
    version.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// A NodePort published on this machine alone, through the load balancer: only there can ports be
/// added to a living cluster.
fn published(port: u16) -> String {
    format!("127.0.0.1:{port}:{port}@loadbalancer")
}

fn seconds(limit: Duration) -> String {
    format!("{}s", limit.as_secs().max(1))
}

fn k3d(args: &[&str]) -> Cmd {
    Cmd::new("k3d").args(args.iter().copied())
}
