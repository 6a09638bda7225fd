//! Whether the pods of objects find room in a cluster, node by node, with what is used already. That
//! the sum would suffice helps no pod.

use std::collections::BTreeMap;

use serde_json::Value;

use super::object::Object;
use super::pod_spec::pod_spec;
use super::read;
use super::requests::{Amounts, NodeRoom, Refusal, add, of_pod};
use crate::event::Fix;
use crate::policy::{Class, Failure};

/// Nodes that a failure names.
const NODES_SHOWN: usize = 4;

/// Taints that the cluster sets and takes away itself, as while a node comes up.
const PASSING: [&str; 2] = ["node.kubernetes.io/", "node.cloudprovider.kubernetes.io/"];

/// Whether a pod belongs to one of these objects, so that it goes when they are updated.
#[must_use]
pub fn is_replaced(pod: &Value, objects: &[Object]) -> bool {
    let namespace = read::namespace(pod);
    let owner = |object: &Object| {
        let name = object.id.name.as_str();
        read::list(pod, "/metadata/ownerReferences").iter().any(|reference| {
            let (kind, owner) = (read::text(reference, "/kind"), read::text(reference, "/name"));
            let hash = read::text(pod, "/metadata/labels/pod-template-hash");
            let of_set = !hash.is_empty()
                && owner.strip_suffix(hash).and_then(|name| name.strip_suffix('-')) == Some(name);
            (kind == object.id.kind && owner == name)
                || (kind == "ReplicaSet" && object.id.kind != "ReplicaSet" && of_set)
        }) || (object.id.kind == "Pod" && read::name(pod) == name)
    };
    objects.iter().any(|object| {
        object.id.namespace.as_deref().unwrap_or("default") == namespace && owner(object)
    })
}

/// How many pods an object wants at the least: an autoscaler's lower bound outweighs `replicas`.
#[must_use]
pub fn replicas(object: &Object, objects: &[Object]) -> u32 {
    let own = match object.id.kind.as_str() {
        "Deployment" | "ReplicaSet" | "StatefulSet" => {
            read::number(&object.value, "/spec/replicas").unwrap_or(1)
        }
        _ => 1,
    };
    let scales = |scaler: &&Object| {
        scaler.id.kind == "HorizontalPodAutoscaler"
            && scaler.id.namespace == object.id.namespace
            && read::text(&scaler.value, "/spec/scaleTargetRef/kind") == object.id.kind
            && read::text(&scaler.value, "/spec/scaleTargetRef/name") == object.id.name
    };
    // Without pods there is nothing to scale.
    let least = objects.iter().find(scales).filter(|_| own > 0).map_or(own, |scaler| {
        let bound = |name: &str| read::number(&scaler.value, name);
        let least = bound("/spec/minReplicas").unwrap_or(1);
        own.clamp(least, bound("/spec/maxReplicas").unwrap_or(own).max(least))
    });
    u32::try_from(least).unwrap_or_default()
}

/// The pods of one object.
struct Wish<'o> {
    object: &'o Object,
    spec: &'o Value,
    requests: Amounts,
    replicas: u32,
}

impl<'o> Wish<'o> {
    fn of(object: &'o Object, all: &[Object]) -> Option<Self> {
        let (spec, _) = pod_spec(&object.value)?;
        let replicas = replicas(object, all);
        let runs = replicas > 0 && object.id.kind != "PodTemplate";
        runs.then(|| Self { object, spec, requests: of_pod(spec), replicas })
    }

    /// Why no node takes even one of them; none where a node does.
    fn misfit(&self, nodes: &[NodeRoom]) -> Option<Failure> {
        let refusals: Option<Vec<(&str, Refusal)>> = nodes
            .iter()
            .map(|node| Some((node.name.as_str(), node.refuses(self.spec, &self.requests)?)))
            .collect();
        let refusals = refusals?;
        let mut failure = self.verdict(refusals.iter().map(|(_, refusal)| refusal));
        for (node, refusal) in refusals.iter().take(NODES_SHOWN) {
            failure = failure.because(format!("node {node}"), refusal.to_string());
        }
        Some(failure)
    }

    fn verdict<'r>(&self, mut refusals: impl Iterator<Item = &'r Refusal> + Clone) -> Failure {
        let (object, place) = (&self.object.id, &self.object.place);
        let begin = |class, code, summary| {
            Failure::new(class, code, summary).because(place.to_string(), object.to_string())
        };
        if refusals.clone().any(|refusal| matches!(refusal, Refusal::Room(_))) {
            return begin(
                Class::Prerequisite,
                "NODE_RESOURCES",
                format!(
                    "no node has room for even one pod of {object}, which requests {}",
                    shown(&self.requests)
                ),
            )
            .fix(Fix::safe("lower `resources.requests`, or give the cluster larger nodes"));
        }
        if let Some(demand) = refusals.clone().find_map(|refusal| match refusal {
            Refusal::Label(demand) => Some(demand),
            _ => None,
        }) {
            return begin(
                Class::Config,
                "NODE_SELECTOR",
                format!("no node has the labels that pods of {object} ask for"),
            )
            .fix(Fix::safe(format!(
                "kubectl label node ... {demand}   # or correct what the pods ask for"
            )));
        }
        let taint = refusals.find_map(|refusal| match refusal {
            Refusal::Taint(key) => Some(key),
            _ => None,
        });
        match taint {
            Some(_) => begin(
                Class::Prerequisite,
                "NODE_TAINT",
                format!("pods of {object} tolerate the taints of no node"),
            )
            .fix(Fix::safe("give the pods a toleration, or take the taint off a node")),
            None => begin(
                Class::Prerequisite,
                "UNSCHEDULABLE",
                format!("no node takes pods of {object}: all of them are cordoned"),
            )
            .fix(Fix::safe("kubectl uncordon ...   # the node")),
        }
    }

    /// Whether some of its replicas find no room although one does.
    fn too_many(&self, nodes: &[NodeRoom]) -> Option<Failure> {
        let open = || nodes.iter().filter(|node| node.excludes(self.spec).is_none());
        let fits = open().fold(0_u32, |sum, node| sum.saturating_add(node.holds(&self.requests)));
        if fits >= self.replicas {
            return None;
        }
        let object = &self.object.id;
        let summary = format!(
            "{fits} of the {} pods of {object} find room; each requests {}",
            self.replicas,
            shown(&self.requests)
        );
        let mut failure = Failure::new(Class::Prerequisite, "NODE_RESOURCES", summary)
            .because(self.object.place.to_string(), object.to_string());
        for node in open().take(NODES_SHOWN) {
            let free: Vec<String> = self.requests.keys().map(|name| free(node, name)).collect();
            let text = format!("room for {}: {}", node.holds(&self.requests), free.join(", "));
            failure = failure.because(format!("node {}", node.name), text);
        }
        Some(failure.fix(Fix::safe(format!(
            "lower `replicas` to {fits} or `resources.requests`, or give the cluster more room"
        ))))
    }
}

fn passes(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::Taint(key) if PASSING.iter().any(|own| key.starts_with(own)))
}

fn shown(requests: &Amounts) -> String {
    let shown: Vec<String> =
        requests.iter().map(|(name, amount)| format!("{} {name}", amount.show(name))).collect();
    shown.join(" and ")
}

fn free(node: &NodeRoom, name: &str) -> String {
    let of = |amounts: &Amounts| amounts.get(name).copied().unwrap_or_default().show(name);
    format!("{} of {} {name} free", of(&node.free), of(&node.allocatable))
}

/// What of these objects finds no room. `all` are the objects of the run, autoscalers among them.
/// Nothing is said without nodes: a cluster that hides them may have room.
#[must_use]
pub fn failures(objects: &[Object], all: &[Object], nodes: &[NodeRoom]) -> Vec<Failure> {
    if nodes.is_empty() {
        return Vec::new();
    }
    // Where a node comes up, there will be more room than there is.
    let waits = |wish: &Wish<'_>| {
        nodes.iter().filter_map(|node| node.excludes(wish.spec)).any(|refusal| passes(&refusal))
    };
    let wishes = objects.iter().filter_map(|object| Wish::of(object, all));
    let wishes: Vec<Wish<'_>> = wishes.filter(|wish| !waits(wish)).collect();
    let single =
        wishes.iter().filter_map(|wish| wish.misfit(nodes).or_else(|| wish.too_many(nodes)));
    let mut failures: Vec<Failure> = single.collect();
    if failures.iter().all(|failure| failure.code != "NODE_RESOURCES") {
        failures.extend(together(&wishes, nodes));
    }
    failures
}

/// Whether all pods together request more than all nodes have free, though each alone finds room.
fn together(wishes: &[Wish<'_>], nodes: &[NodeRoom]) -> Option<Failure> {
    let mut wanted = Amounts::new();
    // Jobs come and go, and a daemon set has no number.
    let stay = wishes
        .iter()
        .filter(|wish| !["CronJob", "DaemonSet", "Job"].contains(&wish.object.id.kind.as_str()));
    for wish in stay {
        let all = wish.requests.iter().map(|(name, one)| (name.clone(), one.times(wish.replicas)));
        add(&mut wanted, &all.collect());
    }
    let sum = |name: &str| nodes.iter().filter_map(|node| node.free.get(name)).copied().sum();
    let short: BTreeMap<&String, String> = wanted
        .iter()
        .filter(|(name, amount)| **amount > sum(name))
        .map(|(name, amount)| {
            (name, format!("{} {name} requested, {} free", amount.show(name), sum(name).show(name)))
        })
        .collect();
    let (first, _) = short.first_key_value()?;
    let summary = format!("all pods together request more {first} than the cluster has free");
    let mut failure = Failure::new(Class::Prerequisite, "NODE_RESOURCES", summary);
    for text in short.values().take(2) {
        failure = failure.because("all nodes", text.as_str());
    }
    for node in nodes.iter().take(2) {
        failure = failure.because(format!("node {}", node.name), free(node, first));
    }
    Some(failure.fix(Fix::safe(format!(
        "lower `resources.requests.{first}` or the replicas, or give the cluster more {first}"
    ))))
}

#[cfg(test)]
#[path = "room_tests.rs"]
mod tests;
