//! `PersistentVolumeClaims`: bound at once or with their first pod, as their class says, or told why
//! not.

use serde_json::{Value, json};

use super::super::world::World;
use super::context::Context;
use super::events::Event;
use super::fit::amount;
use super::objects::{is_leaving, list, name, namespace, revise, text, uid};

const BY: &str = "persistentvolume-controller";
const DEFAULT: &str = "storageclass.kubernetes.io/is-default-class";
const CHOSEN: &str = "volume.kubernetes.io/selected-node";
/// How often a claim that gets nothing is told so, in seconds.
const REPEATED: u32 = 15;

pub(super) fn turn(world: &mut World, context: &mut Context<'_>) {
    for claim in world.objects("PersistentVolumeClaim") {
        if ["", "Pending"].contains(&text(&claim, "/status/phase")) && !is_leaving(&claim) {
            bind(world, context, &claim);
        }
    }
}

/// How far the claims of a pod are.
pub(super) enum Bound {
    /// All have their volumes.
    All,
    /// One is not there.
    Missing(String),
    /// One waits, and not for a pod.
    Waits,
    /// These wait for a pod that has its node.
    OnceOn(Vec<Value>),
}

/// The claims of a pod.
pub(super) fn of_pod(world: &World, pod: &Value) -> Bound {
    let mut waiting = Vec::new();
    for volume in list(pod, "/spec/volumes") {
        let claim = text(volume, "/persistentVolumeClaim/claimName");
        if claim.is_empty() {
            continue;
        }
        match world.find("PersistentVolumeClaim", namespace(pod), claim) {
            None => return Bound::Missing(claim.to_owned()),
            Some(found) if found["status"]["phase"] == "Bound" => {}
            Some(found) if class_of(world, &found).is_some_and(|class| is_late(&class)) => {
                waiting.push(found);
            }
            Some(_) => return Bound::Waits,
        }
    }
    if waiting.is_empty() { Bound::All } else { Bound::OnceOn(waiting) }
}

/// Tells claims which node their pod will be on.
pub(super) fn choose(world: &mut World, claims: &[Value], node: &str) {
    for claim in claims {
        let mut after = claim.clone();
        after["metadata"]["annotations"][CHOSEN] = node.into();
        revise(world, claim, after);
    }
}

fn is_late(class: &Value) -> bool {
    class["volumeBindingMode"] == "WaitForFirstConsumer"
}

fn class_of(world: &World, claim: &Value) -> Option<Value> {
    match claim["spec"]["storageClassName"].as_str() {
        Some(class) => world.find("StorageClass", "", class),
        None => default_class(world),
    }
}

fn default_class(world: &World) -> Option<Value> {
    let is_default = |class: &Value| class["metadata"]["annotations"][DEFAULT] == "true";
    world.objects("StorageClass").into_iter().find(is_default)
}

fn bind(world: &mut World, context: &mut Context<'_>, claim: &Value) {
    let mut claim = claim.clone();
    if text(&claim, "/status/phase").is_empty() {
        claim["status"] = json!({ "phase": "Pending" });
        return world.store(claim);
    }
    if claim["spec"]["storageClassName"].is_null()
        && let Some(class) = default_class(world)
    {
        claim["spec"]["storageClassName"] = name(&class).into();
    }
    if let Some(volume) = by_hand(world, &claim) {
        return join(world, claim, volume);
    }
    let trouble = match claim["spec"]["storageClassName"].as_str() {
        None | Some("") => {
            let words =
                "no persistent volumes available for this claim and no storage class is set";
            Some(Event::normal(BY, &claim, "FailedBinding", words))
        }
        Some(wanted) => match world.find("StorageClass", "", wanted) {
            None => {
                let words = format!("storageclass.storage.k8s.io \"{wanted}\" not found");
                Some(Event::warning(BY, &claim, "ProvisioningFailed", words))
            }
            Some(class)
                if is_late(&class) && claim["metadata"]["annotations"][CHOSEN].is_null() =>
            {
                let words = "waiting for first consumer to be created before binding";
                Some(Event::normal(BY, &claim, "WaitForFirstConsumer", words))
            }
            Some(class) => return provision(world, claim, &class),
        },
    };
    let Some(event) = trouble else { return };
    let what = format!("claim {}", uid(&claim));
    let is_told = world.objects("Event").iter().any(|own| {
        text(own, "/involvedObject/uid") == uid(&claim) && own["message"] == event.message.as_str()
    });
    if !is_told
        || context.has_been_seconds(&what, event.reason, REPEATED) && count(world, &claim) < 3
    {
        event.tell(world);
    }
}

/// How often a claim was told that it gets nothing; a few times are as good as many.
fn count(world: &World, claim: &Value) -> i64 {
    let events = world.objects("Event");
    let own = events.iter().filter(|event| text(event, "/involvedObject/uid") == uid(claim));
    own.filter_map(|event| event["count"].as_i64()).max().unwrap_or_default()
}

/// A volume that somebody made and that is free and big enough.
fn by_hand(world: &World, claim: &Value) -> Option<Value> {
    let wanted = amount(&claim["spec"]["resources"]["requests"]["storage"]);
    let class = text(claim, "/spec/storageClassName");
    let named = text(claim, "/spec/volumeName");
    world.objects("PersistentVolume").into_iter().find(|volume| {
        let phase = text(volume, "/status/phase");
        ["", "Available"].contains(&phase)
            && text(volume, "/spec/storageClassName") == class
            && (named.is_empty() || named == name(volume))
            && amount(&volume["spec"]["capacity"]["storage"]) >= wanted
    })
}

fn provision(world: &mut World, claim: Value, class: &Value) {
    let volume = json!({
        "kind": "PersistentVolume", "apiVersion": "v1",
        "metadata": {
            "name": format!("pvc-{}", uid(&claim)),
            "annotations": { "pv.kubernetes.io/provisioned-by": class["provisioner"] },
        },
        "spec": {
            "accessModes": claim["spec"]["accessModes"],
            "capacity": { "storage": claim["spec"]["resources"]["requests"]["storage"] },
            "persistentVolumeReclaimPolicy": class["reclaimPolicy"].as_str().unwrap_or("Delete"),
            "storageClassName": name(class), "volumeMode": "Filesystem",
        },
    });
    join(world, claim, volume);
}

fn join(world: &mut World, mut claim: Value, mut volume: Value) {
    volume["spec"]["claimRef"] = json!({
        "kind": "PersistentVolumeClaim", "apiVersion": "v1", "name": name(&claim),
        "namespace": namespace(&claim), "uid": uid(&claim),
    });
    volume["status"] = json!({ "phase": "Bound" });
    claim["spec"]["volumeName"] = name(&volume).into();
    claim["metadata"]["annotations"]["pv.kubernetes.io/bind-completed"] = "yes".into();
    claim["metadata"]["annotations"]["pv.kubernetes.io/bound-by-controller"] = "yes".into();
    claim["status"] = json!({
        "phase": "Bound", "accessModes": volume["spec"]["accessModes"],
        "capacity": volume["spec"]["capacity"],
    });
    world.store(volume);
    world.store(claim);
}
