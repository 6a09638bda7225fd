//! `DaemonSets`: one pod on each node that takes it.

use serde_json::{Value, json};

use super::super::world::World;
use super::context::Context;
use super::events::Event;
use super::fit;
use super::objects::{generation, hash, is_leaving, is_true, list, name, owned, set_status};
use super::pods::{self, Called};

const BY: &str = "daemonset-controller";
const REVISION: &str = "controller-revision-hash";
/// Taints of troubled nodes that do not keep daemons away.
const TOLERATED: [(&str, &str); 7] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
    ("node.kubernetes.io/not-ready", "NoSchedule"),
];

pub(super) fn turn(world: &mut World, context: &mut Context<'_>) {
    for set in world.objects("DaemonSet") {
        if !is_leaving(&set) {
            let revision = hash(&set["spec"]["template"]);
            let nodes = nodes_for(world, &set);
            fill(world, context, &set, (&nodes, &revision));
            tell(world, &set, (&nodes, &revision));
        }
    }
}

/// The template as a pod of this set has it.
fn template_of(set: &Value) -> Value {
    let mut template = set["spec"]["template"].clone();
    let mut tolerations = list(&template, "/spec/tolerations").to_vec();
    for (key, effect) in TOLERATED {
        tolerations.push(json!({ "effect": effect, "key": key, "operator": "Exists" }));
    }
    template["spec"]["tolerations"] = tolerations.into();
    template
}

fn nodes_for(world: &World, set: &Value) -> Vec<String> {
    let template = template_of(set);
    let nodes = world.objects("Node");
    let fitting = nodes.iter().filter(|node| fit::takes(node, &template));
    fitting.map(|node| name(node).to_owned()).collect()
}

/// The node that a pod is meant for.
fn node_of(pod: &Value) -> &str {
    let pointer = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/0/matchFields/0/values/0";
    super::objects::text(pod, pointer)
}

fn fill(
    world: &mut World,
    context: &Context<'_>,
    set: &Value,
    (nodes, revision): (&[String], &str),
) {
    let pods = owned(world, "Pod", set);
    for node in nodes.iter().filter(|node| !pods.iter().any(|pod| node_of(pod) == **node)) {
        let change = |pod: &mut Value| {
            pod["metadata"]["labels"][REVISION] = revision.into();
            pod["metadata"]["labels"]["pod-template-generation"] =
                generation(set).to_string().into();
            pod["spec"]["affinity"]["nodeAffinity"] = json!({
                "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [
                    { "matchFields": [{ "key": "metadata.name", "operator": "In", "values": [node] }] },
                ] },
            });
        };
        let template = template_of(set);
        let made = pods::make(world, context.settings, (set, &template), Called::Anyhow, change);
        if let Ok(pod) = made {
            let message = format!("Created pod: {}", name(&pod));
            Event::normal(BY, set, "SuccessfulCreate", message).tell(world);
        }
    }
    let is_old = |pod: &&Value| pod["metadata"]["labels"][REVISION] != revision;
    let is_calm = pods.iter().all(|pod| is_true(pod, "Ready"));
    let stale = pods.iter().find(|pod| is_old(pod) && (is_calm || !is_true(pod, "Ready")));
    let surplus = pods.iter().find(|pod| !nodes.iter().any(|node| node_of(pod) == node));
    if let Some(pod) = surplus.or(stale) {
        pods::remove(world, pod);
        let message = format!("Deleted pod: {}", name(pod));
        Event::normal(BY, set, "SuccessfulDelete", message).tell(world);
    }
}

fn tell(world: &mut World, set: &Value, (nodes, revision): (&[String], &str)) {
    let pods = owned(world, "Pod", set);
    let ready = pods.iter().filter(|pod| is_true(pod, "Ready")).count();
    let updated = pods.iter().filter(|pod| pod["metadata"]["labels"][REVISION] == revision).count();
    let mut status = json!({
        "currentNumberScheduled": pods.len(), "desiredNumberScheduled": nodes.len(),
        "numberMisscheduled": 0, "numberReady": ready, "observedGeneration": generation(set),
    });
    for (field, count) in [
        ("numberAvailable", ready),
        ("numberUnavailable", nodes.len().saturating_sub(ready)),
        ("updatedNumberScheduled", updated),
    ] {
        if count > 0 {
            status[field] = count.into();
        }
    }
    set_status(world, set, status);
}
