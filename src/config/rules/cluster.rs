//! What the entries of other sections must be to go with the cluster, or with its absence.

use crate::config::address::Address;
use crate::config::diagnostic::{Problem, Problems};
use crate::config::node::Node;

use super::k3s;

/// The provider that is written; none where there is no cluster.
pub(super) fn provider(tree: &Node) -> Option<&str> {
    let provider = tree.find(&["cluster", "provider"]).and_then(Node::as_text);
    provider.filter(|provider| *provider != "none")
}

/// Records what waits for a cluster that there will never be, and names that the cluster's own steps
/// have.
pub(crate) fn check_cluster(tree: &Node, problems: &mut Problems) {
    if provider(tree) == Some("k3s") {
        k3s::check(tree, problems);
    }
    for (_, network) in tree.get("network").map(Node::entries).unwrap_or_default() {
        if network.get("owner").and_then(Node::as_text) == Some("cluster") {
            check_network(tree, network, problems);
        }
    }
    for (_, file) in tree.get("file").map(Node::entries).unwrap_or_default() {
        if file.get("content").is_some() && provider(tree).is_none() {
            let message = "a `[[file]]` with `content = \"kubeconfig\"` needs a `[cluster]`";
            record(problems, file, "content", message.to_owned(), WITHOUT);
        }
    }
    for (_, deploy) in tree.get("deploy").map(Node::entries).unwrap_or_default() {
        let mut kinds = ["manifests", "kustomize", "helm", "argocd"].into_iter();
        if let Some(key) = kinds.find(|key| provider(tree).is_none() && deploy.get(key).is_some()) {
            let name = deploy.get("name").and_then(Node::as_text).unwrap_or_default();
            let message = format!("[[deploy]] `{name}` with `{key}` needs a `[cluster]`");
            record(problems, deploy, key, message, WITHOUT);
        }
    }
    for (section, key) in [("registry", "server"), ("secret", "name")] {
        let entries = tree.get(section).map(Node::entries).unwrap_or_default();
        for (_, entry) in entries.iter().filter(|_| provider(tree).is_none()) {
            let name = entry.get(key).and_then(Node::as_text).unwrap_or_default();
            let message = format!("[[{section}]] `{name}` needs a `[cluster]`");
            record(problems, entry, key, message, WITHOUT);
        }
    }
    for (_, check) in tree.get("check").map(Node::entries).unwrap_or_default() {
        if provider(tree).is_none() {
            check_check(check, problems);
        }
    }
    for (_, deploy) in tree.get("deploy").map(Node::entries).unwrap_or_default() {
        let is_cluster = deploy.get("name").and_then(Node::as_text) == Some("cluster");
        if is_cluster && provider(tree).is_some() {
            let message = "a `[[deploy]]` cannot be called `cluster` beside a `[cluster]`";
            record(problems, deploy, "name", message.to_owned(), "give it another name");
        }
    }
}

const WITHOUT: &str = "set `provider` in `[cluster]`, or move this into the profile of a cluster";

/// Records what only a cluster could answer.
fn check_check(check: &Node, problems: &mut Problems) {
    let text = |key: &str| check.get(key).and_then(Node::as_text).unwrap_or_default();
    let is_live = |key: &&str| Address::parse(text(key)).is_ok_and(|address| address.is_live());
    let from_pod = (text("from") == "pod").then_some("from");
    if let Some(key) = from_pod.or_else(|| ["http", "tcp"].into_iter().find(is_live)) {
        let message =
            format!("[[check]] `{}` asks the cluster and needs a `[cluster]`", text("name"));
        record(problems, check, key, message, WITHOUT);
    }
}

fn check_network(tree: &Node, network: &Node, problems: &mut Problems) {
    let Some(name) = network.get("name").and_then(Node::as_text) else { return };
    let provider = match provider(tree) {
        Some(provider @ ("minikube" | "k3d")) => provider,
        Some(provider) => {
            let message = format!(
                "network `{name}` is to be made by the cluster, and provider `{provider}` makes no \
                 Docker network"
            );
            let help = "write `owner = \"mlup\"`, or remove the network";
            return record(problems, network, "owner", message, help);
        }
        None => {
            let message =
                format!("network `{name}` is to be made by the cluster, and there is no cluster");
            return record(problems, network, "owner", message, WITHOUT);
        }
    };
    let (made, because) = made(tree, provider);
    if let Some(made) = made.filter(|made| made != name) {
        let message = format!(
            "network `{name}` is to be made by the cluster, and {provider} makes `{made}`: {because}"
        );
        let help = format!("write `name = \"{made}\"`, or change what it follows from");
        record(problems, network, "name", message, &help);
    } else if provider == "k3d"
        && tree.find(&["cluster", "network"]).is_none()
        && !name.starts_with("k3d-")
    {
        let message =
            format!("network `{name}` is to be made by the cluster, and k3d makes `k3d-NAME`");
        let help = format!("write `name = \"k3d-{name}\"`, or `network = \"{name}\"` in [cluster]");
        record(problems, network, "name", message, &help);
    }
}

/// The one Docker network that the tool makes or joins, as far as the text says it, and why it is
/// that one.
fn made(tree: &Node, provider: &str) -> (Option<String>, &'static str) {
    let text = |key: &str| tree.find(&["cluster", key]).and_then(Node::as_text);
    if let Some(joined) = text("network") {
        return (Some(joined.to_owned()), "`network` of [cluster] says so");
    }
    if let Some(name) = text("name") {
        let prefix = if provider == "k3d" { "k3d-" } else { "" };
        return (Some(format!("{prefix}{name}")), "it follows from `name` of [cluster]");
    }
    // Without a name the cluster is called after the first such network.
    let networks = tree.get("network").map(Node::entries).unwrap_or_default();
    let first = networks
        .iter()
        .map(|(_, network)| network)
        .find(|network| network.get("owner").and_then(Node::as_text) == Some("cluster"));
    let first = first.and_then(|network| network.get("name")).and_then(Node::as_text);
    (first.map(str::to_owned), "the first such network names the cluster")
}

pub(super) fn record(problems: &mut Problems, node: &Node, key: &str, message: String, help: &str) {
    let span = node.get(key).and_then(|node| node.span.as_ref()).or(node.span.as_ref());
    problems.push(span, Problem::new("CONFIG_INVALID", message).help(help));
}
