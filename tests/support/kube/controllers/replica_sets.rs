//! `ReplicaSets`: as many pods as wanted, and how many of them are ready.

use serde_json::{Value, json};

use super::super::world::World;
use super::context::Context;
use super::events::Event;
use super::objects::{
    generation, is_leaving, is_true, list, name, number, owned, selects, set_condition, set_status,
    stamp, text,
};
use super::pods::{self, Called};

const BY: &str = "replicaset-controller";

pub(super) fn turn(world: &mut World, context: &mut Context<'_>) {
    for set in world.objects("ReplicaSet") {
        if !is_leaving(&set) {
            let failure = fill(world, context, &set);
            tell(world, &set, failure);
        }
    }
}

/// The pods of an owner that count: neither ended nor on their way out.
pub(super) fn active(world: &World, owner: &Value) -> Vec<Value> {
    let mut pods = owned(world, "Pod", owner);
    pods.retain(|pod| {
        !is_leaving(pod) && !["Succeeded", "Failed"].contains(&text(pod, "/status/phase"))
    });
    pods
}

/// Makes or takes pods until there are as many as wanted; why that did not work.
fn fill(world: &mut World, context: &mut Context<'_>, set: &Value) -> Option<String> {
    let pods = active(world, set);
    let wanted = usize::try_from(number(set, "/spec/replicas", 1)).unwrap_or_default();
    for _ in pods.len()..wanted {
        let template = &set["spec"]["template"];
        let made = pods::make(world, context.settings, (set, template), Called::Anyhow, |_| {});
        match made {
            Ok(pod) => {
                let message = format!("Created pod: {}", name(&pod));
                Event::normal(BY, set, "SuccessfulCreate", message).tell(world);
            }
            Err(words) => {
                // It tries again and again; it tells so once a while.
                let known = failure(set).map(|condition| condition["message"].clone());
                if known.is_none() {
                    let message = format!("Error creating: {words}");
                    Event::warning(BY, set, "FailedCreate", message).tell(world);
                }
                let known = known.as_ref().and_then(Value::as_str).map(str::to_owned);
                return Some(known.unwrap_or(words));
            }
        }
    }
    // Those that are not ready go first.
    let mut pods = pods;
    pods.sort_by_key(|pod| is_true(pod, "Ready"));
    let surplus = pods.len().saturating_sub(wanted);
    for pod in pods.iter().take(surplus) {
        pods::remove(world, pod);
        let message = format!("Deleted pod: {}", name(pod));
        Event::normal(BY, set, "SuccessfulDelete", message).tell(world);
    }
    None
}

fn failure(set: &Value) -> Option<&Value> {
    super::objects::condition(set, "ReplicaFailure")
}

fn tell(world: &mut World, set: &Value, failed: Option<String>) {
    let pods = active(world, set);
    let ready = pods.iter().filter(|pod| is_true(pod, "Ready")).count();
    let labels = &set["spec"]["template"]["metadata"]["labels"];
    let labelled = pods.iter().filter(|pod| selects(labels, &pod["metadata"]["labels"])).count();
    let mut status = json!({ "replicas": pods.len() });
    for (field, count) in
        [("fullyLabeledReplicas", labelled), ("readyReplicas", ready), ("availableReplicas", ready)]
    {
        if count > 0 {
            status[field] = count.into();
        }
    }
    status["terminatingReplicas"] = 0.into();
    status["observedGeneration"] = generation(set).into();
    let mut conditions = list(set, "/status/conditions").to_vec();
    match failed {
        Some(words) => set_condition(
            &mut conditions,
            json!({ "type": "ReplicaFailure", "status": "True", "lastTransitionTime": stamp(),
                "reason": "FailedCreate", "message": words }),
        ),
        None => conditions.retain(|condition| condition["type"] != "ReplicaFailure"),
    }
    if !conditions.is_empty() {
        status["conditions"] = conditions.into();
    }
    set_status(world, set, status);
}
