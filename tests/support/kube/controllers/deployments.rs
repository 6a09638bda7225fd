//! `Deployments`: a `ReplicaSet` for the newest template, and what is said about the rollout. How
//! sets are scaled meanwhile is in `rollout`.

use serde_json::{Value, json};

use super::super::world::World;
use super::context::Context;
use super::objects::{
    condition, generation, hash, is_leaving, list, name, namespace, number, owned, owner_reference,
    revise, set_condition, stamp, uid,
};
use super::rollout::{self, Strategy};

/// The label that tells the sets of a deployment apart.
const HASH: &str = "pod-template-hash";
const REVISION: &str = "deployment.kubernetes.io/revision";

pub(super) fn turn(world: &mut World, context: &mut Context<'_>) {
    for deployment in world.objects("Deployment") {
        if !is_leaving(&deployment) {
            sync(world, context, &deployment);
        }
    }
}

fn sync(world: &mut World, context: &mut Context<'_>, deployment: &Value) {
    let sets = owned(world, "ReplicaSet", deployment);
    let hash = hash(&deployment["spec"]["template"]);
    let is_new = |set: &Value| set["metadata"]["labels"][HASH] == hash.as_str();
    let (new, old): (Vec<Value>, Vec<Value>) = sets.into_iter().partition(is_new);
    let Some(new) = new.into_iter().next() else {
        if Strategy::of(deployment).may_begin(world, &old) {
            begin(world, deployment, &old, &hash);
        } else {
            rollout::scale_old_to_zero(world, deployment, &old);
        }
        return;
    };
    rollout::scale(world, deployment, &new, &old);
    tell(world, context, deployment, name(&new));
}

/// Makes the set of a new template.
fn begin(world: &mut World, deployment: &Value, old: &[Value], hash: &str) {
    let revision = 1 + old.iter().map(revision_of).max().unwrap_or_default();
    let replicas = Strategy::of(deployment).first(deployment, old);
    let own = format!("{}-{hash}", name(deployment));
    let mut template = deployment["spec"]["template"].clone();
    template["metadata"]["labels"][HASH] = hash.into();
    let mut selector = deployment["spec"]["selector"].clone();
    selector["matchLabels"][HASH] = hash.into();
    let wanted = number(deployment, "/spec/replicas", 1);
    let most = wanted + Strategy::of(deployment).surge;
    world.store(json!({
        "kind": "ReplicaSet", "apiVersion": "apps/v1",
        "metadata": {
            "name": own, "namespace": namespace(deployment), "generation": 1,
            "labels": template["metadata"]["labels"],
            "annotations": {
                "deployment.kubernetes.io/desired-replicas": wanted.to_string(),
                "deployment.kubernetes.io/max-replicas": most.to_string(),
                REVISION: revision.to_string(),
            },
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": { "replicas": replicas, "selector": selector, "template": template },
        "status": { "replicas": 0 },
    }));
    if replicas > 0 {
        rollout::tell_scaled(world, deployment, (&own, 0, replicas));
    }
    let mut after = deployment.clone();
    after["metadata"]["annotations"][REVISION] = revision.to_string().into();
    let mut conditions = list(deployment, "/status/conditions").to_vec();
    let message = format!("Created new replica set \"{own}\"");
    set_condition(&mut conditions, about("Progressing", "True", "NewReplicaSetCreated", &message));
    after["status"]["conditions"] = conditions.into();
    revise(world, deployment, after);
}

fn revision_of(set: &Value) -> i64 {
    set["metadata"]["annotations"][REVISION]
        .as_str()
        .and_then(|revision| revision.parse().ok())
        .unwrap_or_default()
}

fn about(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({ "type": kind, "status": status, "lastUpdateTime": stamp(),
        "lastTransitionTime": stamp(), "reason": reason, "message": message })
}

/// How many pods of a deployment there are, in several respects.
#[derive(PartialEq)]
struct Counts {
    replicas: i64,
    updated: i64,
    ready: i64,
    available: i64,
}

impl Counts {
    fn of(sets: &[Value], new: &str) -> Self {
        let sum = |pointer: &str, only_new: bool| -> i64 {
            let sets = sets.iter().filter(|set| !only_new || name(set) == new);
            sets.map(|set| number(set, pointer, 0)).sum()
        };
        Self {
            replicas: sum("/status/replicas", false),
            updated: sum("/status/replicas", true),
            ready: sum("/status/readyReplicas", false),
            available: sum("/status/availableReplicas", false),
        }
    }

    fn told(deployment: &Value) -> Self {
        let count = |field: &str| number(deployment, &format!("/status/{field}"), 0);
        Self {
            replicas: count("replicas"),
            updated: count("updatedReplicas"),
            ready: count("readyReplicas"),
            available: count("availableReplicas"),
        }
    }

    fn is_ahead_of(&self, before: &Self) -> bool {
        self.updated > before.updated
            || self.replicas - self.updated < before.replicas - before.updated
            || self.ready > before.ready
            || self.available > before.available
    }

    fn is_complete(&self, wanted: i64) -> bool {
        [self.replicas, self.updated, self.available].iter().all(|count| *count == wanted)
    }
}

/// Writes the status.
fn tell(world: &mut World, context: &mut Context<'_>, deployment: &Value, new: &str) {
    // As it is after scaling.
    let Some(deployment) = world.find("Deployment", namespace(deployment), name(deployment)) else {
        return;
    };
    let sets = owned(world, "ReplicaSet", &deployment);
    let counts = Counts::of(&sets, new);
    let wanted = number(&deployment, "/spec/replicas", 1);
    let mut conditions = list(&deployment, "/status/conditions").to_vec();
    let least = wanted - Strategy::of(&deployment).unavailable;
    let available = if counts.available >= least {
        about(
            "Available",
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.",
        )
    } else {
        let message = "Deployment does not have minimum availability.";
        about("Available", "False", "MinimumReplicasUnavailable", message)
    };
    set_condition(&mut conditions, available);
    progress(context, &deployment, (&counts, wanted), new, &mut conditions);
    let failed = sets.iter().find_map(|set| condition(set, "ReplicaFailure"));
    match failed {
        Some(failed) => set_condition(
            &mut conditions,
            about(
                "ReplicaFailure",
                "True",
                "FailedCreate",
                failed["message"].as_str().unwrap_or_default(),
            ),
        ),
        None => conditions.retain(|condition| condition["type"] != "ReplicaFailure"),
    }
    let mut status = json!({ "observedGeneration": generation(&deployment) });
    for (field, count) in [
        ("replicas", counts.replicas),
        ("updatedReplicas", counts.updated),
        ("readyReplicas", counts.ready),
        ("availableReplicas", counts.available),
        ("unavailableReplicas", wanted - counts.available),
    ] {
        if count > 0 {
            status[field] = count.into();
        }
    }
    status["terminatingReplicas"] = 0.into();
    status["conditions"] = conditions.into();
    let mut after = deployment.clone();
    after["status"] = status;
    revise(world, &deployment, after);
}

/// The condition about progress: as far as it got, and until when it has to get further.
fn progress(
    context: &mut Context<'_>,
    deployment: &Value,
    (counts, wanted): (&Counts, i64),
    new: &str,
    conditions: &mut Vec<Value>,
) {
    let known = condition(deployment, "Progressing").map(|known| known["reason"].clone());
    let is_known = |reason: &str| known.as_ref().is_some_and(|known| known == reason);
    if is_known("NewReplicaSetAvailable") && counts.replicas == counts.updated {
        return;
    }
    let seconds = number(deployment, "/spec/progressDeadlineSeconds", 600);
    let state = format!(
        "{} {} {} {} {}",
        generation(deployment),
        counts.replicas,
        counts.updated,
        counts.ready,
        counts.available
    );
    let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
    let what = format!("progress {}", uid(deployment));
    if counts.is_complete(wanted) {
        let message = format!("ReplicaSet \"{new}\" has successfully progressed.");
        set_condition(conditions, about("Progressing", "True", "NewReplicaSetAvailable", &message));
    } else if counts.is_ahead_of(&Counts::told(deployment)) {
        let message = format!("ReplicaSet \"{new}\" is progressing.");
        set_condition(conditions, about("Progressing", "True", "ReplicaSetUpdated", &message));
        let _ = context.has_been_seconds(&what, &state, seconds);
    } else if context.has_been_seconds(&what, &state, seconds) {
        let message = format!("ReplicaSet \"{new}\" has timed out progressing.");
        set_condition(
            conditions,
            about("Progressing", "False", "ProgressDeadlineExceeded", &message),
        );
    }
}
