//! What stands in the way of a pod on every node beside room, labels and taints: its neighbours, its
//! volume, words that nobody has seen before.

use serde_json::Value;

use super::cause::{Cause, Finality};
use super::claim;
use super::commands;
use super::workload::called;
use super::world::World;
use crate::manifest::read;
use crate::policy::Class;

/// What stands in the way of a pod on every node beside room, labels and taints; the scheduler's
/// words (1.28 to 1.36), what they mean, and what helps.
const OTHERS: [(&str, &str, &str); 6] = [
    (
        "anti-affinity",
        "each node already runs a pod that it must not share a node with",
        "lower the replicas, add a node, or make the anti-affinity `preferred`",
    ),
    (
        "didn't match pod affinity rules",
        "no node runs a pod that it wants to be near to",
        "correct `podAffinity`, or start first what it names",
    ),
    (
        "topology spread constraints",
        "its topology spread constraints leave no node",
        "correct `topologySpreadConstraints`: nodes lack their label, or `whenUnsatisfiable: ScheduleAnyway` fits",
    ),
    (
        "exceed max volume count",
        "every node has as many volumes as it may",
        "add a node, or run fewer pods with volumes",
    ),
    (
        "unresolvable volume",
        "no node reaches its volume",
        "see where its volume is, and on which nodes",
    ),
    ("no nodes available", "no node was looked at", "add a node: the cluster has none"),
];

/// Why no node takes a pod, by the scheduler's words.
pub(super) fn cause(pod: &Value, world: &World, reasons: &str) -> Cause {
    let reason =
        reasons.split_once(": ").map_or(reasons, |(_, reason)| reason).trim().trim_end_matches('.');
    let of = |why: &str| {
        Cause::new(
            "UNSCHEDULABLE",
            Class::Prerequisite,
            Finality::Transient,
            format!("{} gets no node: {why}", called(pod)),
        )
    };
    let zone = ["didn't match PersistentVolume's node affinity", "volume node affinity conflict"];
    if zone.iter().any(|words| reasons.contains(words)) {
        return elsewhere(of("its volume is on another node than those that are left"), pod, world);
    }
    match OTHERS.iter().find(|(words, ..)| reasons.contains(words)) {
        Some((_, why, fix)) => demands(pod).into_iter().fold(of(why).fix(*fix), |cause, demand| {
            cause.because(format!("pod {}", read::name(pod)), &demand)
        }),
        None => of(reason).likely().run(commands::describe(pod)),
    }
}

/// A pod whose volume belongs to a node that is gone, or that it may not use.
fn elsewhere(cause: Cause, pod: &Value, world: &World) -> Cause {
    let claims = claim::of(pod)
        .filter_map(|name| world.find("PersistentVolumeClaim", read::namespace(pod), name));
    let mut volumes =
        claims.map(|claim| (read::name(claim), read::text(claim, "/spec/volumeName")));
    let found = volumes.find_map(|(claim, name)| {
        let volume = world.find("PersistentVolume", "", name)?;
        let terms = read::list(volume, "/spec/nodeAffinity/required/nodeSelectorTerms").iter();
        let wanted: Vec<&str> = terms
            .flat_map(|term| read::list(term, "/matchExpressions"))
            .flat_map(|one| read::list(one, "/values"))
            .filter_map(Value::as_str)
            .collect();
        (!wanted.is_empty()).then(|| (claim, name, wanted.join(", ")))
    });
    let cause = cause.rule("SCH-08");
    match found {
        Some((claim, volume, nodes)) => cause
            .because(format!("volume {volume}"), &format!("claim {claim}; it is on {nodes}"))
            .fix(format!(
                "bring node `{nodes}` back, or delete claim `{claim}` in namespace `{}` with the data on its volume and let it be made anew",
                read::namespace(pod)
            )),
        None => cause.fix("bring back the node that has the volume, or make the claim anew without its data"),
    }
}

/// What a pod demands of its neighbours: `podAffinity: app=redis (kubernetes.io/hostname)`.
fn demands(pod: &Value) -> Vec<String> {
    let term = "requiredDuringSchedulingIgnoredDuringExecution";
    let near = ["podAffinity", "podAntiAffinity"].into_iter().flat_map(|kind| {
        let terms = read::list(pod, &format!("/spec/affinity/{kind}/{term}")).iter();
        terms.map(move |one| format!("{kind}: {}", wanted(one)))
    });
    let spread = read::list(pod, "/spec/topologySpreadConstraints").iter();
    let strict = spread.filter(|one| read::text(one, "/whenUnsatisfiable") != "ScheduleAnyway");
    near.chain(strict.map(|one| format!("topologySpreadConstraints: {}", wanted(one)))).collect()
}

fn wanted(term: &Value) -> String {
    let labels: Vec<String> = read::texts(term, "/labelSelector/matchLabels")
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    format!("{} ({})", labels.join(", "), read::text(term, "/topologyKey")).trim().to_owned()
}
