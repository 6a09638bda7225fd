//! The scheduler: gives pods their nodes, or says why none takes them.

use serde_json::{Value, json};

use super::super::world::World;
use super::claims::{self, Bound};
use super::context::Context;
use super::events::{Event, SCHEDULER};
use super::fit::{Obstacle, obstacles};
use super::objects::{condition, generation, is_leaving, list, name, namespace, stamp, text};

pub(super) fn turn(world: &mut World, _: &mut Context<'_>) {
    for pod in world.objects("Pod") {
        let is_new = text(&pod, "/spec/nodeName").is_empty()
            && !text(&pod, "/spec/serviceAccountName").is_empty();
        if is_new && !is_leaving(&pod) && text(&pod, "/spec/schedulerName") == SCHEDULER {
            place(world, &pod);
        }
    }
}

fn place(world: &mut World, pod: &Value) {
    let nodes = world.objects("Node");
    let count = nodes.len();
    if count == 0 {
        return refuse(world, pod, "no nodes available to schedule pods".to_owned());
    }
    let bound = claims::of_pod(world, pod);
    let hindered = match &bound {
        Bound::Missing(claim) => Some(format!("persistentvolumeclaim \"{claim}\" not found")),
        Bound::Waits => Some("pod has unbound immediate PersistentVolumeClaims".to_owned()),
        Bound::All | Bound::OnceOn(_) => None,
    };
    if let Some(words) = hindered {
        return refuse(world, pod, format!("0/{count} nodes are available: {words}. not found"));
    }
    let pods = world.objects("Pod");
    let mut found = Vec::new();
    for node in &nodes {
        let beside: Vec<&Value> = pods.iter().filter(|other| is_on(other, node)).collect();
        let obstacles = obstacles(node, pod, &beside);
        if obstacles.is_empty() {
            return bind(world, pod, node, &bound);
        }
        found.push(obstacles);
    }
    refuse(world, pod, words_of(&found));
}

fn is_on(pod: &Value, node: &Value) -> bool {
    text(pod, "/spec/nodeName") == name(node)
        && !["Succeeded", "Failed"].contains(&text(pod, "/status/phase"))
}

fn bind(world: &mut World, pod: &Value, node: &Value, bound: &Bound) {
    if let Bound::OnceOn(waiting) = bound {
        // The pod goes there once its volumes are made.
        return claims::choose(world, waiting, name(node));
    }
    let mut after = pod.clone();
    after["spec"]["nodeName"] = name(node).into();
    after["status"]["conditions"] = json!([{
        "type": "PodScheduled", "observedGeneration": generation(pod), "status": "True",
        "lastProbeTime": null, "lastTransitionTime": stamp(),
    }]);
    let message =
        format!("Successfully assigned {}/{} to {}", namespace(pod), name(pod), name(node));
    Event::normal(SCHEDULER, pod, "Scheduled", message).tell(world);
    world.store(after);
}

/// All obstacles, counted, and what ending other pods would do.
fn words_of(found: &[Vec<Obstacle>]) -> String {
    let count = found.len();
    let words = found.iter().flatten().map(|obstacle| obstacle.words.clone());
    // Where all that a node lacks could be freed, the search for what to end comes to nothing.
    let helps = |own: &Vec<Obstacle>| {
        let words = if own.iter().all(|obstacle| obstacle.may_preempt) {
            "No preemption victims found for incoming pod."
        } else {
            "Preemption is not helpful for scheduling."
        };
        words.to_owned()
    };
    format!(
        "0/{count} nodes are available: {}. no new claims to deallocate, preemption: \
         0/{count} nodes are available: {}",
        counted(words),
        counted(found.iter().map(helps))
    )
}

fn counted(all: impl Iterator<Item = String>) -> String {
    let mut counts = std::collections::BTreeMap::new();
    for words in all {
        *counts.entry(words).or_insert(0) += 1;
    }
    let mut lines: Vec<String> =
        counts.iter().map(|(words, count)| format!("{count} {words}")).collect();
    lines.sort();
    lines.join(", ")
}

/// Says why a pod has no node, once for each reason.
fn refuse(world: &mut World, pod: &Value, message: String) {
    if condition(pod, "PodScheduled").is_some_and(|own| own["message"] == message.as_str()) {
        return;
    }
    let mut after = pod.clone();
    let mut conditions = list(pod, "/status/conditions").to_vec();
    conditions.retain(|condition| condition["type"] != "PodScheduled");
    conditions.push(json!({
        "type": "PodScheduled", "observedGeneration": generation(pod), "status": "False",
        "lastProbeTime": null, "lastTransitionTime": stamp(), "reason": "Unschedulable",
        "message": message,
    }));
    after["status"]["conditions"] = conditions.into();
    world.store(after);
    Event::warning(SCHEDULER, pod, "FailedScheduling", message).tell(world);
}
