//! `StatefulSets`: pods with names of their own, one after the other, each with its claims.

use serde_json::{Value, json};

use super::super::world::World;
use super::context::Context;
use super::events::Event;
use super::objects::{
    generation, hash, is_leaving, is_true, list, name, namespace, number, owned, set_status, text,
};
use super::pods::{self, Called};

const BY: &str = "statefulset-controller";
const REVISION: &str = "controller-revision-hash";

pub(super) fn turn(world: &mut World, context: &mut Context<'_>) {
    for set in world.objects("StatefulSet") {
        if !is_leaving(&set) {
            let revision = format!("{}-{}", name(&set), hash(&set["spec"]["template"]));
            fill(world, context, &set, &revision);
            tell(world, &set, &revision);
        }
    }
}

fn wanted(set: &Value) -> i64 {
    number(set, "/spec/replicas", 1)
}

/// Goes one step: a pod that is missing, one too many, or one of an old template.
fn fill(world: &mut World, context: &mut Context<'_>, set: &Value, revision: &str) {
    let is_parallel = text(set, "/spec/podManagementPolicy") == "Parallel";
    let mut is_calm = true;
    for ordinal in 0..wanted(set) {
        let own = format!("{}-{ordinal}", name(set));
        match world.find("Pod", namespace(set), &own) {
            None => {
                add(world, context, set, (ordinal, revision));
                is_calm = false;
            }
            Some(pod) => is_calm &= is_true(&pod, "Ready"),
        }
        if !is_calm && !is_parallel {
            break;
        }
    }
    let mut pods = owned(world, "Pod", set);
    pods.sort_by_key(|pod| std::cmp::Reverse(ordinal_of(pod)));
    let surplus = pods.iter().find(|pod| ordinal_of(pod) >= wanted(set));
    let is_rolling = text(set, "/spec/updateStrategy/type") != "OnDelete";
    let is_old = |pod: &&Value| pod["metadata"]["labels"][REVISION] != revision;
    // One that never got ready is not waited for.
    let stale = pods.iter().find(|pod| is_rolling && is_old(pod));
    let stale = stale.filter(|pod| is_calm || !is_true(pod, "Ready"));
    if let Some(pod) = surplus.or(stale) {
        pods::remove(world, pod);
        let message = format!("Delete Pod {} in StatefulSet {} successful", name(pod), name(set));
        Event::normal(BY, set, "SuccessfulDelete", message).tell(world);
    }
}

fn ordinal_of(pod: &Value) -> i64 {
    let end = name(pod).rsplit('-').next().unwrap_or_default();
    end.parse().unwrap_or_default()
}

fn add(world: &mut World, context: &Context<'_>, set: &Value, (ordinal, revision): (i64, &str)) {
    let own = format!("{}-{ordinal}", name(set));
    let claims = list(set, "/spec/volumeClaimTemplates");
    for claim in claims {
        add_claim(world, set, claim, &own);
    }
    let change = |pod: &mut Value| {
        let labels = &mut pod["metadata"]["labels"];
        labels["apps.kubernetes.io/pod-index"] = ordinal.to_string().into();
        labels[REVISION] = revision.into();
        labels["statefulset.kubernetes.io/pod-name"] = own.as_str().into();
        pod["spec"]["hostname"] = own.as_str().into();
        let service = text(set, "/spec/serviceName");
        if !service.is_empty() {
            pod["spec"]["subdomain"] = service.into();
        }
        let mut volumes = list(pod, "/spec/volumes").to_vec();
        volumes.extend(claims.iter().map(|claim| {
            json!({ "name": name(claim),
                "persistentVolumeClaim": { "claimName": format!("{}-{own}", name(claim)) } })
        }));
        if !volumes.is_empty() {
            pod["spec"]["volumes"] = volumes.into();
        }
    };
    let template = &set["spec"]["template"];
    let called = Called::Exactly(own.clone());
    match pods::make(world, context.settings, (set, template), called, change) {
        Ok(_) => {
            let message = format!("Create Pod {own} in StatefulSet {} successful", name(set));
            Event::normal(BY, set, "SuccessfulCreate", message).tell(world);
        }
        Err(words) => {
            let known = world.objects("Event");
            let message =
                format!("create Pod {own} in StatefulSet {} failed error: {words}", name(set));
            if !known.iter().any(|event| event["message"] == message.as_str()) {
                Event::warning(BY, set, "FailedCreate", message).tell(world);
            }
        }
    }
}

fn add_claim(world: &mut World, set: &Value, template: &Value, pod: &str) {
    let own = format!("{}-{pod}", name(template));
    if world.find("PersistentVolumeClaim", namespace(set), &own).is_some() {
        return;
    }
    let mut claim = json!({
        "kind": "PersistentVolumeClaim", "apiVersion": "v1",
        "metadata": { "name": own, "namespace": namespace(set),
            "labels": set["spec"]["selector"]["matchLabels"] },
        "spec": template["spec"], "status": { "phase": "Pending" },
    });
    if claim["spec"]["volumeMode"].is_null() {
        claim["spec"]["volumeMode"] = "Filesystem".into();
    }
    world.store(claim);
}

fn tell(world: &mut World, set: &Value, revision: &str) {
    let pods = owned(world, "Pod", set);
    let count = |filter: &dyn Fn(&Value) -> bool| pods.iter().filter(|pod| filter(pod)).count();
    let ready = count(&|pod| is_true(pod, "Ready"));
    let updated = count(&|pod| pod["metadata"]["labels"][REVISION] == revision);
    // The revision before counts as the current one until all pods have the new one.
    let before = match text(set, "/status/currentRevision") {
        "" => revision,
        before => before,
    };
    let is_done = updated == pods.len() && i64::try_from(updated) == Ok(wanted(set));
    let current = if is_done || wanted(set) == 0 { revision } else { before };
    let on_current = count(&|pod| pod["metadata"]["labels"][REVISION] == current);
    let mut status = json!({
        "availableReplicas": ready, "collisionCount": 0, "currentRevision": current,
        "observedGeneration": generation(set), "replicas": pods.len(), "updateRevision": revision,
    });
    for (field, count) in
        [("currentReplicas", on_current), ("readyReplicas", ready), ("updatedReplicas", updated)]
    {
        if count > 0 {
            status[field] = count.into();
        }
    }
    set_status(world, set, status);
}
