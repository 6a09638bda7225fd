//! What is wrong with a node, by its conditions: it does not answer, its network is not there, it
//! runs out of something. What that keeps down is judged by the pods.

use serde_json::Value;

use super::cause::{Cause, Finality, Remedy};
use super::commands;
use super::world::World;
use crate::event::CommandLine;
use crate::manifest::read;
use crate::policy::Class;

/// How long a node's network may take to come up after the node, in seconds.
const COMING: i64 = 60;

/// Conditions that are trouble when they hold: rule, what is short, and what helps where no command
/// does.
const PRESSURES: [(&str, &str, &str, &str); 4] = [
    ("DiskPressure", "NODE-03", "disk", ""),
    ("MemoryPressure", "NODE-04", "memory", "give the node more memory, or run fewer pods on it"),
    ("PIDPressure", "NODE-04", "process ids", "run fewer pods on the node"),
    ("NetworkUnavailable", "NODE-02", "network routes", ""),
];

/// What is wrong with a node, what makes it unusable first.
pub fn cause(node: &Value, world: &World) -> Option<Cause> {
    not_ready(node, world).or_else(|| under_pressure(node))
}

/// A node that does not count as ready.
pub(super) fn not_ready(node: &Value, world: &World) -> Option<Cause> {
    let name = read::name(node);
    let ready =
        read::condition(node, "Ready").filter(|ready| read::text(ready, "/status") != "True")?;
    let words = read::text(ready, "/message");
    let is_network = words.contains("NetworkPluginNotReady")
        || words.contains("network plugin")
        || words.contains("cni plugin");
    // For its first minute that is how every node comes up.
    let is_young = is_network
        && world
            .age(read::text(node, "/metadata/creationTimestamp"))
            .is_some_and(|age| age < COMING);
    if is_young {
        return None;
    }
    let cause = Cause::new(
        "NODE_NOT_READY",
        Class::Prerequisite,
        Finality::CurableBy(Remedy::Nodes),
        format!("node `{name}` is not ready: {}", words.trim_end_matches('.')),
    );
    let cause = told(cause, node, ready);
    Some(if is_network {
        cause.rule("NODE-02").run(network_pods())
    } else {
        cause.fix(format!(
            "start node `{name}` or the kubelet on it; one that mlup made: mlup start"
        ))
    })
}

fn under_pressure(node: &Value) -> Option<Cause> {
    let (kind, rule, what, fix) =
        PRESSURES.into_iter().find(|(kind, ..)| read::holds(node, kind))?;
    let words = if kind == "NetworkUnavailable" {
        format!("node `{}` has no {what} to other nodes", read::name(node))
    } else {
        format!("node `{}` runs out of {what} ({kind})", read::name(node))
    };
    let cause =
        Cause::new("NODE_PRESSURE", Class::Prerequisite, Finality::CurableBy(Remedy::Nodes), words);
    let cause = told(cause, node, read::condition(node, kind)?).rule(rule);
    Some(match rule {
        "NODE-02" => cause.run(network_pods()),
        "NODE-03" => cause.run(free_space()),
        _ => cause.fix(fix),
    })
}

/// The pods of the cluster itself, its network plugin among them.
pub(super) fn network_pods() -> CommandLine {
    CommandLine::kubectl("kube-system")
        .args(["get", "pods"])
        .comment("look at those of the network plugin")
}

/// Frees the disk that local nodes share with this machine.
pub(super) fn free_space() -> CommandLine {
    CommandLine::tool("docker")
        .args(["builder", "prune"])
        .comment("docker system df shows what fills the disk that the node shares")
}

/// A node that a taint of the cluster's own says to be unusable, though no condition of it does.
pub(super) fn tainted(node: &Value, key: &str) -> Option<Cause> {
    let name = read::name(node);
    let (rule, why) = match key {
        "node.kubernetes.io/not-ready" | "node.kubernetes.io/unreachable" => {
            ("NODE-01", "is not ready or does not answer")
        }
        "node.kubernetes.io/network-unavailable" => ("NODE-02", "has no network yet"),
        "node.kubernetes.io/disk-pressure" => ("NODE-03", "runs out of disk"),
        "node.kubernetes.io/memory-pressure" => ("NODE-04", "runs out of memory"),
        "node.kubernetes.io/pid-pressure" => ("NODE-04", "runs out of process ids"),
        _ => return None,
    };
    Some(
        Cause::new(
            "NODE_PRESSURE",
            Class::Prerequisite,
            Finality::CurableBy(Remedy::Nodes),
            format!("node `{name}` {why}: its taint {key} keeps new pods away"),
        )
        .rule(rule)
        .because(format!("node {name}"), &format!("taint {key}"))
        .root("Node", "", name)
        .run(commands::describe(node).comment("its conditions say what it lacks")),
    )
}

fn told(cause: Cause, node: &Value, condition: &Value) -> Cause {
    let words =
        format!("{}: {}", read::text(condition, "/reason"), read::text(condition, "/message"));
    let name = read::name(node);
    cause.because(format!("node {name}"), &words).root("Node", "", name)
}
