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

/// Whether a node put a pod out, or turned it away: containers that end give a pod no reason of its
/// own, and a deadline is the pod's.
pub(super) fn is_out(pod: &Value) -> bool {
    let reason = read::text(pod, "/status/reason");
    let is_told = !["", "DeadlineExceeded"].contains(&reason);
    put_out(pod).is_some() || is_told && read::text(pod, "/status/phase") == "Failed"
}

/// Why a node turned a pod away, or put it out; none for a pod that lives or failed by itself.
#[must_use]
pub fn put_out(pod: &Value) -> Option<&str> {
    let mut reasons = read::list(pod, "/status/containerStatuses")
        .iter()
        .map(|status| read::text(status, "/state/terminated/reason"));
    let reason = match read::text(pod, "/status/reason") {
        "" => reasons.find(|reason| *reason == "ContainerStatusUnknown")?,
        reason => reason,
    };
    let is_out =
        reason == "Evicted" || reason.starts_with("OutOf") || TURNED_AWAY.contains(&reason);
    (is_out && read::text(pod, "/status/phase") == "Failed").then_some(reason)
}

/// Whether what put a pod out would put it out again: its node is under that pressure still, or the
/// pod itself asks for too much.
pub(super) fn is_still_so(pod: &Value, world: &World) -> bool {
    let node = world.find("Node", "", read::text(pod, "/spec/nodeName"));
    let presses = |kind| node.is_some_and(|node| read::holds(node, kind));
    match read::text(pod, "/status/reason") {
        "Evicted" => {
            is_too_much(read::text(pod, "/status/message"))
                || presses("DiskPressure")
                || presses("MemoryPressure")
        }
        "SysctlForbidden" => true,
        _ => false,
    }
}

/// Whether a pod was put out for what it wrote itself.
fn is_too_much(words: &str) -> bool {
    words.contains("exceeds the") || words.contains("exceeded its")
}

/// Why a workload has no pod that lives: its nodes put all of them out.
pub(super) fn cause(object: &Value, world: &World) -> Option<Cause> {
    let pods = pods_of(object, world);
    if pods.is_empty() || !pods.iter().all(|pod| is_out(pod)) {
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
    let is_own = is_too_much(words);
    Some(match reason {
        "Evicted" if is_own => cause.rule("NODE-03").fix(
            "raise `resources.limits.ephemeral-storage` or the `sizeLimit` of the volume, or write less",
        ),
        "Evicted" if words.contains("memory") => cause.rule("NODE-04").maybe_root(node).fix(
            "give the node more memory, or run fewer pods on it",
        ),
        "Evicted" => cause.rule("NODE-03").maybe_root(node).run(node::free_space()),
        "SysctlForbidden" => cause.rule("NODE-06").fix(
            "take the sysctl out of the pod's `securityContext`, or allow it on the node (`allowedUnsafeSysctls` of its kubelet)",
        ),
        _ => cause.rule("NODE-06").run(
            CommandLine::kubectl("")
                .args(["describe", "node", name])
                .comment("it offers less than what the pods ask for"),
        ),
    })
}
