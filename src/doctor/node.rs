//! Rules on nodes: one that does not answer, one under pressure. A node that is closed for new pods
//! is told only where a pod wants in.

use serde_json::Value;

use super::finding::{Confidence, Finding};
use super::rule::by_id;
use crate::event::{Evidence, Fix};
use crate::manifest::read;
use crate::quote::quote;
use crate::readiness::{Root, World};

/// What is wrong with the nodes.
pub(super) fn findings(world: &World) -> Vec<Finding> {
    world.all("Node").iter().flat_map(|node| of_node(node, world)).collect()
}

fn of_node(node: &Value, world: &World) -> Vec<Finding> {
    let ready = read::condition(node, "Ready");
    if let Some(ready) = ready.filter(|ready| read::text(ready, "/status") != "True") {
        let words = read::text(ready, "/message");
        let rule = if words.contains("network plugin") || words.contains("NetworkPluginNotReady") {
            "NODE-02"
        } else {
            "NODE-01"
        };
        let fix = if rule == "NODE-02" {
            "kubectl -n kube-system get pods, and look at those of the network plugin".to_owned()
        } else {
            format!("mlup start, or start the node or the kubelet on `{}`", read::name(node))
        };
        let summary = format!("node `{}` is not ready: {words}", read::name(node));
        return vec![finding(rule, node, ready, summary, fix)];
    }
    [
        ("DiskPressure", "NODE-03", "disk", "docker system df, then docker builder prune"),
        ("MemoryPressure", "NODE-04", "memory", "give the node more memory, or run fewer pods"),
        ("PIDPressure", "NODE-04", "process ids", "run fewer pods on the node"),
    ]
    .into_iter()
    .filter_map(|(condition, rule, what, fix)| {
        let state = read::condition(node, condition)?;
        (read::text(state, "/status") == "True").then(|| {
            let summary = format!("node `{}` runs out of {what}", read::name(node));
            finding(rule, node, state, summary, fix.to_owned())
        })
    })
    .chain(cordoned(node, world))
    .collect()
}

/// A node that takes no pods while one waits for it.
fn cordoned(node: &Value, world: &World) -> Option<Finding> {
    let waits = |pod: &&Value| {
        read::condition(pod, "PodScheduled").is_some_and(|scheduled| {
            read::text(scheduled, "/status") == "False"
                && read::text(scheduled, "/message").contains("were unschedulable")
        })
    };
    let waiting = world.all("Pod").iter().find(waits)?;
    if !read::truth(node, "/spec/unschedulable") {
        return None;
    }
    let scheduled = read::condition(waiting, "PodScheduled")?;
    let name = read::name(node);
    let summary = format!("node `{name}` is cordoned: it takes no new pods");
    Some(finding("NODE-05", node, scheduled, summary, format!("kubectl uncordon {}", quote(name))))
}

fn finding(
    rule: &'static str,
    node: &Value,
    condition: &Value,
    summary: String,
    fix: String,
) -> Finding {
    let source = format!("node {}", read::name(node));
    let words =
        format!("{}: {}", read::text(condition, "/reason"), read::text(condition, "/message"));
    Finding {
        rule: by_id(rule),
        root: Root::of(node),
        summary,
        evidence: vec![Evidence::new(source, words)],
        fix: Some(Fix::safe(fix)),
        confidence: Confidence::Proven,
        affects: Vec::new(),
    }
}
