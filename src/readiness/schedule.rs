//! Why a pod gets no node, from the scheduler's words and the arithmetic behind them.

use serde_json::Value;

use super::cause::{Cause, Finality, Remedy};
use super::claim;
use super::commands;
use super::workload::called;
use super::world::World;
use crate::event::{BLANK, CommandLine};
use crate::manifest::read;
use crate::manifest::requests;
use crate::policy::Class;

/// Why a pod gets no node, if it does not.
pub(super) fn cause(pod: &Value, world: &World) -> Option<Cause> {
    let condition = read::condition(pod, "PodScheduled").filter(|scheduled| {
        read::text(scheduled, "/status") == "False"
            && read::text(scheduled, "/reason") == "Unschedulable"
    })?;
    let words = read::text(condition, "/message");
    let reasons = words.split("preemption:").next().unwrap_or_default();
    let cause = volumes(pod, world, reasons)
        .or_else(|| resources(pod, world, reasons))
        .or_else(|| ports(pod, world, reasons))
        .or_else(|| selector(pod, world, reasons))
        .or_else(|| taint(pod, world, reasons))
        .or_else(|| cordon(pod, world, reasons))
        .unwrap_or_else(|| other(pod, reasons));
    let cause = cause.because("scheduler", words);
    Some(if cause.affects.is_empty() { cause.affecting(pod) } else { cause })
}

fn volumes(pod: &Value, world: &World, reasons: &str) -> Option<Cause> {
    if let Some((_, rest)) = reasons.split_once("persistentvolumeclaim \"") {
        let (name, rest) = rest.split_once('"')?;
        return rest.starts_with(" not found").then(|| claim::missing(pod, name));
    }
    if !reasons.contains("unbound immediate PersistentVolumeClaims") {
        return None;
    }
    Some(claim::of_pod(pod, world).unwrap_or_else(|| {
        let pending = claim::first_pending(pod, world);
        let line = CommandLine::kubectl(read::namespace(pod)).args(["describe", "pvc"]);
        let name = pending.as_ref().map(|claim| claim.name.as_str());
        Cause::new(
            "CLAIM_UNBOUND",
            Class::Timeout,
            Finality::Transient,
            format!("{} waits for the volume of a claim", called(pod)),
        )
        .rule("PVC-04")
        .run(name.into_iter().fold(line, CommandLine::arg))
        .maybe_root(pending)
    }))
}

fn resources(pod: &Value, world: &World, reasons: &str) -> Option<Cause> {
    let short: Vec<&str> = reasons
        .split("Insufficient ")
        .skip(1)
        .filter_map(|rest| rest.split([',', ' ']).next())
        .map(|name| name.trim_end_matches('.'))
        .collect();
    let first = if reasons.contains("Too many pods") { "pods" } else { short.first()? };
    let requests = pod.get("spec").map(requests::of_pod).unwrap_or_default();
    let wanted = requests.get(first).map(|amount| amount.show(first));
    let wanted = wanted.map_or(String::new(), |amount| format!(" ({amount})"));
    // Room comes when a pod that is ending is gone.
    let ending = world.all("Pod").iter().any(|other| {
        !read::text(other, "/metadata/deletionTimestamp").is_empty()
            && !read::text(other, "/spec/nodeName").is_empty()
    });
    let cause = Cause::new(
        "NODE_RESOURCES",
        Class::Prerequisite,
        if ending { Finality::Transient } else { Finality::Fatal },
        format!("no node has the {first} that {} requests{wanted}", called(pod)),
    );
    let cause = world.rooms().iter().take(3).fold(cause, |cause, room| {
        cause.because(format!("node {}", room.name), &room.short_of(&requests).join("; "))
    });
    Some(match first {
        "pods" => cause.rule("SCH-03").fix("add a node, or run fewer pods"),
        "cpu" | "memory" | "ephemeral-storage" => match commands::workload(pod, world) {
            Some(workload) => {
                let amount = format!("--requests={first}={BLANK}");
                cause.run(commands::set_resources(workload, "", &amount))
            }
            None => cause.fix(format!(
                "lower `resources.requests.{first}`, or give the cluster more {first}"
            )),
        },
        other => cause.rule("SCH-02").fix(format!(
            "take `{other}` from the container's limits, or add a node that offers it"
        )),
    })
}

fn ports(pod: &Value, world: &World, reasons: &str) -> Option<Cause> {
    if !reasons.contains("didn't have free ports") {
        return None;
    }
    let host_ports = |pod: &Value| -> Vec<i64> {
        read::list(pod, "/spec/containers")
            .iter()
            .flat_map(|container| read::list(container, "/ports"))
            .filter_map(|port| read::number(port, "/hostPort"))
            .collect()
    };
    let wanted = host_ports(pod);
    let holder = world.all("Pod").iter().find(|other| {
        !read::text(other, "/spec/nodeName").is_empty()
            && host_ports(other).iter().any(|port| wanted.contains(port))
    });
    let shown = wanted.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
    let held = holder.map_or(String::new(), |holder| format!(", it belongs to {}", called(holder)));
    Some(
        Cause::new(
            "HOST_PORT_TAKEN",
            Class::Refused,
            Finality::Fatal,
            format!("host port {shown} that {} wants is taken on every node{held}", called(pod)),
        )
        .fix(format!("choose another hostPort than {shown}, or remove what has it")),
    )
}

fn selector(pod: &Value, world: &World, reasons: &str) -> Option<Cause> {
    if !reasons.contains("didn't match Pod's node affinity/selector") {
        return None;
    }
    let wanted: Vec<String> = read::texts(pod, "/spec/nodeSelector")
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let shown = if wanted.is_empty() { "its node affinity".to_owned() } else { wanted.join(",") };
    let cause = Cause::new(
        "NODE_SELECTOR",
        Class::Config,
        Finality::Fatal,
        format!("no node has the labels that {} asks for: {shown}", called(pod)),
    );
    if wanted.is_empty() {
        return Some(cause.fix("correct the node affinity, or label a node"));
    }
    let node = match world.all("Node") {
        [only] => read::name(only),
        _ => BLANK,
    };
    let label = CommandLine::kubectl("").args(["label", "node", node]);
    Some(cause.run(wanted.into_iter().fold(label, CommandLine::arg)))
}

fn taint(pod: &Value, world: &World, reasons: &str) -> Option<Cause> {
    if !reasons.contains("untolerated taint") {
        return None;
    }
    let spec = pod.get("spec")?;
    let taints: Vec<&Value> = world
        .all("Node")
        .iter()
        .flat_map(|node| read::list(node, "/spec/taints"))
        .filter(|taint| {
            read::text(taint, "/effect") != "PreferNoSchedule" && !requests::tolerates(spec, taint)
        })
        .collect();
    let keys: Vec<&str> = taints.iter().map(|taint| read::text(taint, "/key")).collect();
    // Such taints the cluster sets and takes away itself, as while a node comes up.
    let passing = keys.is_empty()
        || keys.iter().any(|key| {
            key.starts_with("node.kubernetes.io/")
                || key.starts_with("node.cloudprovider.kubernetes.io/")
        });
    let shown = if keys.is_empty() { "taints".to_owned() } else { keys.join(", ") };
    let cause = Cause::new(
        "NODE_TAINT",
        Class::Prerequisite,
        if passing { Finality::CurableBy(Remedy::Nodes) } else { Finality::Fatal },
        format!("{} tolerates the taints of no node: {shown}", called(pod)),
    );
    Some(match (world.all("Node"), taints.as_slice()) {
        ([node], [taint]) if !passing => cause.run(untaint(node, taint)),
        _ => cause.fix("give the pod a toleration, or take the taint off the node"),
    })
}

/// Takes a taint off a node.
fn untaint(node: &Value, taint: &Value) -> CommandLine {
    let taint = format!("{}:{}-", read::text(taint, "/key"), read::text(taint, "/effect"));
    CommandLine::kubectl("").args(["taint", "node", read::name(node)]).arg(taint)
}

/// A node that somebody closed for new pods, and nobody opened again.
fn cordon(pod: &Value, world: &World, reasons: &str) -> Option<Cause> {
    if !reasons.contains("were unschedulable") {
        return None;
    }
    let closed = world.all("Node").iter().find(|node| read::truth(node, "/spec/unschedulable"))?;
    let name = read::name(closed);
    Some(
        Cause::new(
            "NODE_CORDONED",
            Class::Prerequisite,
            Finality::CurableBy(Remedy::Nodes),
            format!("{} gets no node: `{name}` is cordoned and takes no new pods", called(pod)),
        )
        .run(CommandLine::kubectl("").args(["uncordon", name]))
        .root("Node", "", name),
    )
}

/// A pod that no scheduler has looked at: it names one that does not run. Its status is a phase and
/// nothing else (seen with Kubernetes 1.36).
pub(super) fn unseen(pod: &Value) -> Option<Cause> {
    let scheduler = read::text(pod, "/spec/schedulerName");
    let is_unseen = read::text(pod, "/status/phase") == "Pending"
        && read::text(pod, "/spec/nodeName").is_empty()
        && read::list(pod, "/status/conditions").is_empty();
    if !is_unseen || ["", "default-scheduler"].contains(&scheduler) {
        return None;
    }
    Some(
        Cause::new(
            "SCHEDULER_UNKNOWN",
            Class::Config,
            Finality::Transient,
            format!(
                "{} waits for scheduler `{scheduler}`, which has not looked at it",
                called(pod)
            ),
        )
        .because(format!("pod {}", read::name(pod)), &format!("schedulerName: {scheduler}"))
        .fix(format!("install scheduler `{scheduler}`, or take `schedulerName` out of the pod"))
        .affecting(pod),
    )
}

fn other(pod: &Value, reasons: &str) -> Cause {
    let reason =
        reasons.split_once(": ").map_or(reasons, |(_, reason)| reason).trim().trim_end_matches('.');
    let zone = ["didn't match PersistentVolume's node affinity", "volume node affinity conflict"];
    let cause = Cause::new(
        "UNSCHEDULABLE",
        Class::Prerequisite,
        Finality::Transient,
        format!("{} gets no node: {reason}", called(pod)),
    )
    .run(commands::describe(pod));
    if zone.iter().any(|words| reasons.contains(words)) { cause.rule("SCH-08") } else { cause }
}
