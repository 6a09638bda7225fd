//! What is wrong with a node, by its conditions: it does not answer, its network is not there, it
//! runs out of something. What that keeps down is judged by the pods.

use serde_json::Value;

use super::cause::{Cause, Finality, Remedy};
use super::world::World;
use crate::manifest::read;
use crate::policy::Class;
use crate::quote::quote;

/// How long a node's network may take to come up after the node, in seconds.
const COMING: i64 = 60;

/// Conditions that are trouble when they hold.
const PRESSURES: [(&str, &str, &str, &str); 4] = [
    (
        "DiskPressure",
        "NODE-03",
        "disk",
        "free space on the node's disk: docker system df, then docker builder prune",
    ),
    ("MemoryPressure", "NODE-04", "memory", "give the node more memory, or run fewer pods on it"),
    ("PIDPressure", "NODE-04", "process ids", "run fewer pods on the node"),
    (
        "NetworkUnavailable",
        "NODE-02",
        "network routes",
        "kubectl -n kube-system get pods, and look at those of the network plugin",
    ),
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
        cause
            .rule("NODE-02")
            .fix("kubectl -n kube-system get pods, and look at those of the network plugin")
    } else {
        cause.fix(format!("mlup start, or start the node or the kubelet on `{name}`"))
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
    Some(told(cause, node, read::condition(node, kind)?).rule(rule).fix(fix))
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
        .fix(format!("kubectl describe node {}: its conditions say what it lacks", quote(name))),
    )
}

fn told(cause: Cause, node: &Value, condition: &Value) -> Cause {
    let words =
        format!("{}: {}", read::text(condition, "/reason"), read::text(condition, "/message"));
    let name = read::name(node);
    cause.because(format!("node {name}"), &words).root("Node", "", name)
}
