//! Why a pod that has a node gets no sandbox there, or not its volumes: what stands between a node
//! and the first container. Claims that are not bound are [`super::claim`]'s.

use serde_json::Value;

use super::cause::{Cause, Finality, Remedy};
use super::commands;
use super::container::{by_metallb, missing_cause, named, provably_missing};
use super::node;
use super::wanted::Wanted;
use super::workload::called;
use super::world::{self, World};
use crate::event::{CommandLine, Fix};
use crate::manifest::read;
use crate::policy::Class;

/// How long a node may make a pod's containers without a word, in seconds.
const SILENCE: i64 = 600;

/// How long a disk may take to come over from another node, in seconds.
const ATTACHING: i64 = 60;

/// Attempts that fail while a node still comes up pass by themselves.
const PASSING: [&str; 3] = ["failed to sync", "not registered", "timed out waiting for the cache"];

/// How the kubelet ends one round of attempts at all volumes of a pod.
const OUT_OF_TIME: &str = "timed out waiting for the condition";

/// A pod that waits for its containers to be made, with a volume that is not there or not mounted,
/// or without the sandbox that comes first.
pub(super) fn cause(pod: &Value, world: &World) -> Option<Cause> {
    if !waits(pod) {
        return None;
    }
    missing_source(pod, world)
        .or_else(|| not_mounted(pod, world))
        .or_else(|| without_sandbox(pod, world))
}

fn waits(pod: &Value) -> bool {
    ["/status/initContainerStatuses", "/status/containerStatuses"]
        .iter()
        .flat_map(|list| read::list(pod, list))
        .any(|status| {
            ["ContainerCreating", "PodInitializing"]
                .contains(&read::text(status, "/state/waiting/reason"))
        })
}

/// A volume whose source is provably not there, or of which its mount says so.
fn missing_source(pod: &Value, world: &World) -> Option<Cause> {
    let mounts = world.events(pod).filter(|event| read::text(event, "/reason") == "FailedMount");
    let said = mounts.map(world::message).filter_map(|words| Some((words, named(words)?))).last();
    let proven = provably_missing(pod, world)
        .into_iter()
        .find(|one| one.wanted_by.iter().any(|by| by.path.contains(".volumes[")));
    let cause = match (proven, &said) {
        (Some(one), _) => {
            let wanted = Wanted::of(pod, one.target, &one.name, one.absent, one.keys);
            by_metallb(wanted.cause(pod), pod, world)
        }
        (None, Some((_, named))) if !world.knows(named.target.kind()) => {
            missing_cause(pod, world, named)
        }
        _ => return None,
    };
    let rule = cause.rule.unwrap_or("CFG-05");
    let words = said.map(|(words, _)| words).or_else(|| {
        repeated(pod, &["FailedMount"], world)
            .filter(|words| words.contains("references non-existent"))
    });
    Some(cause.rule(rule).because("event FailedMount", words.unwrap_or_default()))
}

/// The last words of events of these reasons, if they came at least twice.
fn repeated<'w>(pod: &Value, reasons: &[&str], world: &'w World) -> Option<&'w str> {
    let events: Vec<&Value> = world
        .events(pod)
        .filter(|event| reasons.contains(&read::text(event, "/reason")))
        .filter(|event| !PASSING.iter().any(|words| world::message(event).contains(words)))
        .collect();
    let times: i64 = events.iter().map(|event| world::times(event)).sum();
    // That time is over is said of all volumes at once, and does not say why.
    let telling = events.iter().rfind(|event| !world::message(event).contains(OUT_OF_TIME));
    let last = telling.or(events.last()).filter(|_| times > 1);
    last.map(|event| world::message(event))
}

/// A volume that is there and that the node cannot attach or mount.
fn not_mounted(pod: &Value, world: &World) -> Option<Cause> {
    let reasons = ["FailedMount", "FailedAttachVolume", "FailedMapVolume"];
    let repeated = repeated(pod, &reasons, world).filter(|words| named(words).is_none());
    let words = attached_elsewhere(pod, world).or(repeated)?;
    let volume = words
        .split_once("volume \"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map_or(String::new(), |(name, _)| format!(" `{name}`"));
    let tail = words.split_once("\" : ").map_or(words, |(_, tail)| tail);
    let cause = Cause::new(
        "VOLUME_FAILED",
        Class::Permanent,
        Finality::Transient,
        format!("{} waits for volume{volume}: {tail}", called(pod)),
    )
    .because("event on the pod", words)
    .affecting(pod);
    Some(if words.contains("Multi-Attach") {
        cause.rule("PVC-08").fix(
            "set `strategy: {type: Recreate}`: its volume is for one node alone, and the pod before it still has it",
        )
    } else if words.contains("registered CSI drivers") || words.contains("does not contain driver")
    {
        cause
            .rule("PVC-04")
            .fix("install the CSI driver that the line names, or take the volume out of the pod")
    } else if words.contains("hostPath type check failed") {
        let or_make = if words.contains("is not a directory") {
            "; `type: DirectoryOrCreate` makes it"
        } else if words.contains("is not a file") {
            "; `type: FileOrCreate` makes it"
        } else {
            ", and what makes it there has to run"
        };
        cause.rule("CFG-07").fix(format!(
            "correct `hostPath`: its path is one of the node, not of this machine (minikube mount, k3d --volume){or_make}"
        ))
    } else if ["ead-only file system", "ermission denied", "not a directory"]
        .iter()
        .any(|known| words.contains(known))
    {
        cause.rule("CFG-07").fix("correct the volume's path and its rights on the node")
    } else {
        cause.run(commands::describe(pod))
    })
}

/// What is said once of a disk that another node still has, if that is a minute ago.
fn attached_elsewhere<'w>(pod: &Value, world: &'w World) -> Option<&'w str> {
    let told = world.events(pod).filter(|event| world::message(event).contains("Multi-Attach"));
    let age = |event: &Value| {
        let first = ["/firstTimestamp", "/eventTime"].map(|field| read::text(event, field));
        first.iter().find_map(|time| world.age(time))
    };
    told.filter(|event| world::times(event) > 1 || age(event).is_some_and(|age| age > ATTACHING))
        .last()
        .map(world::message)
}

/// A pod whose sandbox its node cannot make.
fn without_sandbox(pod: &Value, world: &World) -> Option<Cause> {
    let words = repeated(pod, &["FailedCreatePodSandBox", "NetworkNotReady"], world)?;
    let tail = words.split_once("desc = ").map_or(words, |(_, tail)| tail);
    let name = read::text(pod, "/spec/nodeName");
    let has = |known: &[&str]| known.iter().any(|one| words.contains(one));
    let is_runtime = has(&["no runtime for", "RuntimeHandler", "failed to get sandbox runtime"]);
    let (why, fix) = if is_runtime {
        (
            "its runtime class is not set up on the node",
            Fix::advice(
                "install the runtime that its `runtimeClassName` stands for, or take that out of the pod",
            ),
        )
    } else if has(&["no IP addresses available", "no available IP", "range is full"]) {
        (
            "the node has no free addresses for pods",
            Fix::advice("remove pods that are over, or give the node a larger range of addresses"),
        )
    } else if has(&["pause", "sandbox image"]) {
        (
            "the node does not get the pause image",
            Fix::advice(
                "load the pause image that the line names onto the node, or let the node reach its registry",
            ),
        )
    } else if has(&["cgroup"]) {
        (
            "the node's kubelet and runtime disagree about cgroups",
            Fix::advice("give kubelet and containerd the same cgroup driver, systemd"),
        )
    } else if has(&["etwork", "cni", "CNI"]) {
        ("the node's network plugin fails", Fix::run(node::network_pods()))
    } else {
        let describe = CommandLine::kubectl("").args(["describe", "node", name]);
        ("the node cannot make its sandbox", Fix::run(describe))
    };
    let cause = Cause::new(
        "SANDBOX_FAILED",
        Class::Permanent,
        Finality::Transient,
        format!("{} gets no sandbox on node `{name}`: {why}", called(pod)),
    )
    .rule("NODE-07")
    .because("event FailedCreatePodSandBox", tail)
    .affecting(pod);
    let cause = Cause { fix: Some(fix), ..cause };
    Some(if is_runtime { cause } else { cause.root("Node", "", name) })
}

/// A pod that its node has been making for long, and nobody says why any more.
pub(super) fn stuck(pod: &Value, world: &World) -> Option<Cause> {
    let since = read::condition(pod, "PodScheduled")
        .map(|condition| read::text(condition, "/lastTransitionTime"))?;
    let is_pulling = world.events(pod).any(|event| read::text(event, "/reason") == "Pulling");
    let is_creating = read::list(pod, "/status/containerStatuses")
        .iter()
        .any(|status| read::text(status, "/state/waiting/reason") == "ContainerCreating");
    if !is_creating || is_pulling || world.age(since).is_none_or(|age| age < SILENCE) {
        return None;
    }
    let node = read::text(pod, "/spec/nodeName");
    Some(
        Cause::new(
            "POD_NOT_CREATED",
            Class::Timeout,
            Finality::CurableBy(Remedy::Dependency),
            format!("the containers of {} are not made by node `{node}`, and no event says why any more", called(pod)),
        )
        .likely()
        .because(format!("pod {}", read::name(pod)), "ContainerCreating for more than 10 minutes")
        .run(
            CommandLine::kubectl(read::namespace(pod))
                .args(["delete", "pod", read::name(pod)])
                .comment("the one that takes its place says what it waits for"),
        )
        .affecting(pod),
    )
}
