//! Pods that a node took and turned away, or put out again, so that nothing of a workload is left.
//! Where others took their place, such pods are leftovers and no trouble.

use serde_json::Value;

use super::cause::{Cause, Finality, Remedy, Root};
use super::node;
use super::pods::pods_of;
use super::workload::called;
use super::world::World;
use crate::event::CommandLine;
use crate::manifest::read;
use crate::policy::Class;

/// Reasons by which a kubelet turns a pod away that it had been given.
const TURNED_AWAY: [&str; 6] = [
    "UnexpectedAdmissionError",
    "NodeAffinity",
    "NodeShutdown",
    "Terminated",
    "ContainerStatusUnknown",
    "Preempting",
];

/// Why a workload has no pod that lives: its nodes put all of them out.
pub(super) fn cause(object: &Value, world: &World) -> Option<Cause> {
    let pods = pods_of(object, world);
    let is_out = |pod: &&Value| {
        let reason = read::text(pod, "/status/reason");
        read::text(pod, "/status/phase") == "Failed"
            && (reason == "Evicted" || reason.starts_with("OutOf") || TURNED_AWAY.contains(&reason))
    };
    if pods.is_empty() || !pods.iter().all(is_out) {
        return None;
    }
    let last = pods.iter().max_by_key(|pod| read::text(pod, "/metadata/creationTimestamp"))?;
    let reason = read::text(last, "/status/reason");
    let words = read::text(last, "/status/message");
    let name = read::text(last, "/spec/nodeName");
    let cause = Cause::new(
        "PODS_TURNED_AWAY",
        Class::Prerequisite,
        Finality::CurableBy(Remedy::Nodes),
        format!("node `{name}` keeps none of the pods of {} ({reason})", called(object)),
    )
    .because(format!("pod {}", read::name(last)), words);
    let cause = pods.iter().fold(cause, |cause, pod| cause.affecting(pod));
    let node = (!name.is_empty()).then(|| Root::new("Node", "", name));
    let is_own = words.contains("exceeds the") || words.contains("exceeded its");
    Some(match reason {
        "Evicted" if is_own => cause.rule("NODE-03").fix(
            "raise `resources.limits.ephemeral-storage` or the `sizeLimit` of the volume, or write less",
        ),
        "Evicted" if words.contains("memory") => cause.rule("NODE-04").maybe_root(node).fix(
            "give the node more memory, or run fewer pods on it",
        ),
        "Evicted" => cause.rule("NODE-03").maybe_root(node).run(node::free_space()),
        _ => cause.rule("NODE-06").run(
            CommandLine::kubectl("")
                .args(["describe", "node", name])
                .comment("it offers less than what the pods ask for"),
        ),
    })
}
