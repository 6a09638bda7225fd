//! Rules on nodes: one that does not answer, one under pressure. A node that is closed for new pods
//! is told where a pod wants in, by the pod.

use serde_json::Value;

use super::finding::{Confidence, Finding};
use super::rule::by_id;
use crate::event::{CommandLine, Evidence, Fix};
use crate::manifest::read;
use crate::readiness::{Root, World};

/// What is wrong with the nodes.
pub(super) fn findings(world: &World) -> Vec<Finding> {
    world.all("Node").iter().flat_map(of_node).collect()
}

fn of_node(node: &Value) -> Vec<Finding> {
    let ready = read::condition(node, "Ready");
    if let Some(ready) = ready.filter(|ready| read::text(ready, "/status") != "True") {
        let words = read::text(ready, "/message");
        let rule = if words.contains("network plugin") || words.contains("NetworkPluginNotReady") {
            "NODE-02"
        } else {
            "NODE-01"
        };
        let fix = if rule == "NODE-02" {
            Fix::run(CommandLine::kubectl("kube-system").args(["get", "pods"]))
        } else {
            let name = read::name(node);
            Fix::advice(format!(
                "start node `{name}` or the kubelet on it; one that mlup made: mlup start"
            ))
        };
        let summary = format!("node `{}` is not ready: {words}", read::name(node));
        return vec![finding(rule, node, ready, summary, fix)];
    }
    [
        (
            "DiskPressure",
            "NODE-03",
            "disk",
            Fix::run(CommandLine::tool("docker").args(["builder", "prune"])),
        ),
        (
            "MemoryPressure",
            "NODE-04",
            "memory",
            Fix::advice("give the node more memory, or run fewer pods"),
        ),
        ("PIDPressure", "NODE-04", "process ids", Fix::advice("run fewer pods on the node")),
    ]
    .into_iter()
    .filter_map(|(condition, rule, what, fix)| {
        let state = read::condition(node, condition)?;
        (read::text(state, "/status") == "True").then(|| {
            let summary = format!("node `{}` runs out of {what}", read::name(node));
            finding(rule, node, state, summary, fix)
        })
    })
    .collect()
}

fn finding(
    rule: &'static str,
    node: &Value,
    condition: &Value,
    summary: String,
    fix: Fix,
) -> Finding {
    let source = format!("node {}", read::name(node));
    let words =
        format!("{}: {}", read::text(condition, "/reason"), read::text(condition, "/message"));
    Finding {
        rule: by_id(rule),
        root: Root::of(node),
        summary,
        evidence: vec![Evidence::new(source, words)],
        fix: Some(fix),
        confidence: Confidence::Proven,
        affects: Vec::new(),
        pods: 0,
        is_by_hand: false,
    }
}
