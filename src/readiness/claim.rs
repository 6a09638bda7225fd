//! Readiness of claims on volumes, by the binding mode of their class.

use serde_json::Value;

use super::cause::{Cause, Finality, Remedy};
use super::commands;
use super::workload::called;
use super::world::{self, World};
use super::{Readiness, Root};
use crate::event::CommandLine;
use crate::manifest::read;
use crate::policy::Class;

/// A claim: bound, or fine to wait for the first pod that uses it.
pub(super) fn claim(object: &Value, world: &World) -> Readiness {
    match read::text(object, "/status/phase") {
        "Bound" => return Readiness::Ready("bound".to_owned()),
        "Lost" => return Readiness::Failed(lost(object)),
        _ => {}
    }
    if let Some(cause) = cause(object, world) {
        return match cause.finality {
            Finality::Transient => Readiness::Progressing(cause.summary),
            _ => Readiness::Blocked(cause),
        };
    }
    let waits = class_of(object, world)
        .is_some_and(|class| read::text(class, "/volumeBindingMode") == "WaitForFirstConsumer")
        || world.events(object).any(|event| read::text(event, "/reason") == "WaitForFirstConsumer");
    if waits && !is_used(object, world) {
        return Readiness::Ready("waits for the first pod that uses it".to_owned());
    }
    Readiness::Progressing("waits for its volume".to_owned())
}

/// Whether a pod that has a node uses the claim; only then a volume comes.
fn is_used(claim: &Value, world: &World) -> bool {
    world.within("Pod", read::namespace(claim)).any(|pod| {
        !read::text(pod, "/spec/nodeName").is_empty()
            && read::list(pod, "/spec/volumes").iter().any(|volume| {
                read::text(volume, "/persistentVolumeClaim/claimName") == read::name(claim)
            })
    })
}

fn is_default(class: &Value) -> bool {
    class
        .pointer("/metadata/annotations/storageclass.kubernetes.io~1is-default-class")
        .is_some_and(|value| value == "true")
}

fn class_of<'w>(claim: &Value, world: &'w World) -> Option<&'w Value> {
    match claim.pointer("/spec/storageClassName").and_then(Value::as_str) {
        Some(name) => world.find("StorageClass", "", name),
        None => world.all("StorageClass").iter().find(|class| is_default(class)),
    }
}

fn lost(object: &Value) -> Cause {
    Cause::new(
        "CLAIM_LOST",
        Class::Permanent,
        Finality::Fatal,
        format!("{} has lost its volume and the data on it", called(object)),
    )
    .fix(format!(
        "restore the volume `{}`, or delete the claim and let it be made anew",
        read::text(object, "/spec/volumeName")
    ))
    .affecting(object)
}

/// Why a claim gets no volume.
pub(super) fn cause(object: &Value, world: &World) -> Option<Cause> {
    if !["", "Pending"].contains(&read::text(object, "/status/phase")) {
        return None;
    }
    let event = |reason: &str| {
        let events = world.events(object).filter(|event| read::text(event, "/reason") == reason);
        events.last().map(world::message)
    };
    let failed = event("ProvisioningFailed");
    // A claim may also name a class just to be matched with a volume made by hand.
    let wanted = object.pointer("/spec/storageClassName").and_then(Value::as_str);
    let by_hand = world.all("PersistentVolume").iter().any(|volume| {
        read::text(volume, "/status/phase") == "Available"
            && read::text(volume, "/spec/storageClassName") == wanted.unwrap_or_default()
    });
    let known = match wanted {
        Some("") => return None,
        Some(class) => {
            let says =
                failed.is_some_and(|words| words.contains(&format!("\"{class}\" not found")));
            let lacks = world.lacks("StorageClass", "", class) && !by_hand;
            (says || lacks).then(|| unknown_class(object, class, world))
        }
        None => {
            let none = world.knows("StorageClass") && class_of(object, world).is_none();
            let says = event("FailedBinding")
                .is_some_and(|words| words.contains("no storage class is set"));
            (says || none && !by_hand).then(|| no_default_class(object, world))
        }
    };
    known.or_else(|| failed.map(|words| provisioning(object, words)))
}

fn no_default_class(object: &Value, world: &World) -> Cause {
    let Root { namespace, name, .. } = Root::of(object);
    let cause = Cause::new(
        "STORAGE_CLASS_MISSING",
        Class::Prerequisite,
        Finality::CurableBy(Remedy::Object),
        format!("{} names no storage class, and the cluster has no default one", called(object)),
    );
    let cause = match world.all("StorageClass") {
        [only] => cause.run(CommandLine::kubectl("").args(["annotate", "storageclass"]).args([
            read::name(only),
            "storageclass.kubernetes.io/is-default-class=true",
            "--overwrite",
        ])),
        _ => cause.fix(format!(
            "make a storage class the default one, or set `storageClassName` of `{name}` in namespace `{namespace}`"
        )),
    };
    cause.rule("PVC-02").root("PersistentVolumeClaim", &namespace, &name).affecting(object)
}

fn unknown_class(object: &Value, class: &str, world: &World) -> Cause {
    let known: Vec<&str> = world.all("StorageClass").iter().map(read::name).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Cause::new(
        "STORAGE_CLASS_MISSING",
        Class::Prerequisite,
        Finality::CurableBy(Remedy::Object),
        format!("{} asks for storage class `{class}`, which the cluster does not have", called(object)),
    )
    .because("storage classes", &known)
    .fix(format!(
        "set `storageClassName` of `{}` in namespace `{}` to a class of this cluster, or add a class `{class}`",
        read::name(object),
        read::namespace(object)
    ))
    .root("StorageClass", "", class)
    .affecting(object)
}

fn provisioning(object: &Value, words: &str) -> Cause {
    Cause::new(
        "CLAIM_NOT_PROVISIONED",
        Class::Permanent,
        Finality::Transient,
        format!("no volume could be made for {}", called(object)),
    )
    .because("event ProvisioningFailed", words)
    .run(commands::describe(object))
    .affecting(object)
}

/// The cause for a pod whose claims keep it from a node: the claim's own, told of the pod.
pub(super) fn of_pod(pod: &Value, world: &World) -> Option<Cause> {
    let namespace = read::namespace(pod);
    read::list(pod, "/spec/volumes")
        .iter()
        .map(|volume| read::text(volume, "/persistentVolumeClaim/claimName"))
        .filter(|name| !name.is_empty())
        .find_map(|name| match world.find("PersistentVolumeClaim", namespace, name) {
            Some(claim) => cause(claim, world).map(|mut cause| {
                cause.root = cause.root.or_else(|| Some(Root::of(claim)));
                cause.affects.clear();
                cause.affecting(pod)
            }),
            None => world.knows("PersistentVolumeClaim").then(|| missing(pod, name)),
        })
}

/// The first of a pod's claims that has no volume.
pub(super) fn first_pending(pod: &Value, world: &World) -> Option<Root> {
    let namespace = read::namespace(pod);
    read::list(pod, "/spec/volumes")
        .iter()
        .map(|volume| read::text(volume, "/persistentVolumeClaim/claimName"))
        .filter_map(|name| world.find("PersistentVolumeClaim", namespace, name))
        .find(|claim| read::text(claim, "/status/phase") != "Bound")
        .map(Root::of)
}

/// A claim that a pod names and that is not there.
pub(super) fn missing(pod: &Value, name: &str) -> Cause {
    let namespace = read::namespace(pod);
    Cause::new(
        "CLAIM_MISSING",
        Class::Prerequisite,
        Finality::CurableBy(Remedy::Object),
        format!("{} uses the claim `{name}`, which is not there", called(pod)),
    )
    .fix(format!(
        "add a PersistentVolumeClaim `{name}` in namespace `{namespace}` to what is deployed"
    ))
    .root("PersistentVolumeClaim", namespace, name)
    .affecting(pod)
}
