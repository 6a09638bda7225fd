//! Why a pod gets no node, from the scheduler's words and the arithmetic behind them.

use serde_json::Value;

use super::cause::{Cause, Finality, Remedy};
use super::claim;
use super::commands;
use super::hindrance;
use super::node;
use super::node_labels;
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
        .or_else(|| node_labels::cause(pod, world, reasons))
        .or_else(|| taint(pod, world, reasons))
        .or_else(|| cordon(pod, world, reasons))
        .unwrap_or_else(|| hindrance::cause(pod, world, reasons));
    let cause = cause.because("scheduler", words);
    Some(if cause.affects.is_empty() { cause.affecting(pod) } else { cause })
}

fn volumes(pod: &Value, world: &World, reasons: &str) -> Option<Cause> {
    if let Some((_, rest)) = reasons.split_once("persistentvolumeclaim \"") {
        let (name, rest) = rest.split_once('"')?;
        return if rest.starts_with(" not found") {
            Some(claim::missing(pod, name))
        } else {
            claim::of_pod(pod, world).or_else(|| Some(claim::named(pod, name, rest.trim())))
        };
    }
    let waits = ["unbound immediate PersistentVolumeClaims", "persistent volumes to bind"];
    if !waits.iter().any(|words| reasons.contains(words)) {
        return None;
    }
    Some(claim::of_pod(pod, world).unwrap_or_else(|| claim::unbound(pod, world)))
}

fn resources(pod: &Value, world: &World, reasons: &str) -> Option<Cause> {
    let short: Vec<&str> = reasons
        .split("Insufficient ")
        .skip(1)
        .filter_map(|rest| rest.split([',', ' ']).next())
        .map(|name| name.trim_end_matches('.'))
        .collect();
    if reasons.contains("Too many pods") {
        return Some(too_many(pod, world));
    }
    let first = short.first()?;
    let requests = pod.get("spec").map(requests::of_pod).unwrap_or_default();
    let wanted: Vec<String> = short
        .iter()
        .map(|name| match requests.get(*name) {
            Some(amount) => format!("{name} ({})", amount.show(name)),
            None => (*name).to_owned(),
        })
        .collect();
    let cause = out_of(
        world,
        format!("no node has the {} that {} requests", wanted.join(" and "), called(pod)),
    );
    let cause = world.rooms().iter().take(3).fold(cause, |cause, room| {
        cause.because(format!("node {}", room.name), &room.short_of(&requests).join("; "))
    });
    let held = older_pods(pod, world);
    let cause = match &held {
        Some(held) => cause.because("rolling update", held),
        None => cause,
    };
    let or_less = if held.is_some() {
        ", or let the rollout end old pods first (`maxUnavailable: 1`, `maxSurge: 0`)"
    } else {
        ""
    };
    let ordinary = ["cpu", "memory", "ephemeral-storage"];
    Some(match *first {
        first if ordinary.contains(&first) => {
            let short = short.iter().filter(|name| ordinary.contains(name));
            let amounts: Vec<String> = short.map(|name| format!("{name}={BLANK}")).collect();
            let room = wanted_of(&amounts);
            match commands::workload(pod, world) {
                Some(workload) => {
                    let amount = format!("--requests={}", amounts.join(","));
                    let line = commands::set_resources(workload, "", &amount);
                    cause.run(line.comment(format!(
                        "or fewer replicas, or more {room} for the cluster{or_less}"
                    )))
                }
                None => cause.fix(format!(
                    "lower `resources.requests` of {room} or the replicas, or give the cluster more {room}{or_less}"
                )),
            }
        }
        other => cause.rule("SCH-02").fix(format!(
            "take `{other}` from the container's limits, or add a node that offers it"
        )),
    })
}

/// The names of amounts: `cpu and memory`.
fn wanted_of(amounts: &[String]) -> String {
    let names: Vec<&str> =
        amounts.iter().map(|one| one.split('=').next().unwrap_or_default()).collect();
    names.join(" and ")
}

/// A cause of room that is not there. It comes when a pod that is ending is gone.
fn out_of(world: &World, summary: String) -> Cause {
    let finality = if world.has_ending_pod() { Finality::Transient } else { Finality::Fatal };
    Cause::new("NODE_RESOURCES", Class::Prerequisite, finality, summary)
}

/// A pod for which no node has a place left, whatever it requests.
fn too_many(pod: &Value, world: &World) -> Cause {
    let cause =
        out_of(world, format!("{} gets no node: each runs as many pods as it may", called(pod)));
    let cause = world.rooms().iter().take(3).fold(cause, |cause, room| {
        let all = room.allocatable.get("pods").map(|all| all.show("pods")).unwrap_or_default();
        cause.because(format!("node {}", room.name), &format!("takes {all} pods at most"))
    });
    cause.rule("SCH-03").fix("add a node, raise `maxPods` of its kubelet, or run fewer pods")
}

/// Whether pods of an earlier revision of the same deployment hold room.
fn older_pods(pod: &Value, world: &World) -> Option<String> {
    let owner = read::list(pod, "/metadata/ownerReferences").first()?;
    let set = world.find("ReplicaSet", read::namespace(pod), read::text(owner, "/name"))?;
    let deployment = read::list(set, "/metadata/ownerReferences").first()?;
    let older = world.owned("ReplicaSet", read::text(deployment, "/uid")).find(|other| {
        read::name(other) != read::name(set)
            && read::number(other, "/status/replicas").unwrap_or_default() > 0
    })?;
    let count = read::number(older, "/status/replicas").unwrap_or_default();
    let name = read::name(older);
    let pods =
        if count == 1 { "pod of its older replica set" } else { "pods of its older replica set" };
    let hold = if count == 1 { "holds its" } else { "hold their" };
    Some(format!("{count} {pods} {name} still {hold} room"))
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

fn taint(pod: &Value, world: &World, reasons: &str) -> Option<Cause> {
    if !reasons.contains("untolerated taint") && !reasons.contains("had taint") {
        return None;
    }
    let spec = pod.get("spec")?;
    let taints: Vec<(&Value, &Value)> = world
        .all("Node")
        .iter()
        .flat_map(|node| read::list(node, "/spec/taints").iter().map(move |taint| (node, taint)))
        .filter(|(_, taint)| {
            read::text(taint, "/effect") != "PreferNoSchedule" && !requests::tolerates(spec, taint)
        })
        .collect();
    // Taints that the cluster sets by itself tell of the node, not of who may use it.
    let own = taints.iter().find_map(|(one, taint)| {
        let key = read::text(taint, "/key");
        key.strip_prefix("node.kubernetes.io/")?;
        node::cause(one, world).or_else(|| node::tainted(one, key))
    });
    if let Some(cause) = own {
        return Some(cause.affecting(pod));
    }
    let keys: Vec<&str> = taints.iter().map(|(_, taint)| read::text(taint, "/key")).collect();
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
    let cause = taints.iter().take(3).fold(cause, |cause, (node, taint)| {
        cause.because(format!("node {}", read::name(node)), &format!("taint {}", written(taint)))
    });
    Some(match taints.first() {
        Some((_, taint)) if read::text(taint, "/key").ends_with("/uninitialized") => {
            cause.fix("bring up the cloud's controller manager, which takes this taint off")
        }
        Some((node, taint)) => {
            let line = CommandLine::kubectl("").args(["taint", "node", read::name(node)]);
            let key = read::text(taint, "/key");
            let effect = read::text(taint, "/effect");
            let line = line.arg(format!("{key}:{effect}-"));
            cause.run(line.comment(format!("or give the pod a toleration of `{key}`")))
        }
        None => cause.fix("give the pod a toleration, or take the taint off the node"),
    })
}

/// A taint as kubectl writes it: `dedicated=gpu:NoSchedule`.
fn written(taint: &Value) -> String {
    let [key, value, effect] = ["/key", "/value", "/effect"].map(|field| read::text(taint, field));
    if value.is_empty() { format!("{key}:{effect}") } else { format!("{key}={value}:{effect}") }
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

/// How long a scheduler may take to look at a pod, in seconds.
const LOOKING: i64 = 30;

/// A pod that no scheduler has looked at: it names one that does not run. Its status is a phase and
/// nothing else (seen with Kubernetes 1.36).
pub(super) fn unseen(pod: &Value, world: &World) -> Option<Cause> {
    let is_unseen = read::text(pod, "/status/phase") == "Pending"
        && read::text(pod, "/spec/nodeName").is_empty()
        && read::list(pod, "/status/conditions").is_empty();
    if !is_unseen {
        return None;
    }
    // While the scheduler waits for a volume to be made it says nothing either.
    if let Some(cause) = claim::of_pod(pod, world) {
        return Some(cause);
    }
    let scheduler = read::text(pod, "/spec/schedulerName");
    let is_default = ["", "default-scheduler"].contains(&scheduler);
    let made = read::text(pod, "/metadata/creationTimestamp");
    if is_default && world.age(made).is_none_or(|age| age < LOOKING) {
        return None;
    }
    let scheduler = if scheduler.is_empty() { "default-scheduler" } else { scheduler };
    let cause = Cause::new(
        "SCHEDULER_UNKNOWN",
        Class::Config,
        Finality::Transient,
        format!("{} waits for scheduler `{scheduler}`, which has not looked at it", called(pod)),
    )
    .because(format!("pod {}", read::name(pod)), &format!("schedulerName: {scheduler}"))
    .affecting(pod);
    Some(if is_default {
        cause.run(
            CommandLine::kubectl("kube-system")
                .args(["get", "pods"])
                .comment("is kube-scheduler running?"),
        )
    } else {
        cause
            .fix(format!("install scheduler `{scheduler}`, or take `schedulerName` out of the pod"))
    })
}
