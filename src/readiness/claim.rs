//! Readiness of claims on volumes, by the binding mode of their class. Why one gets no volume is
//! [`super::unbound`].

use serde_json::Value;

use super::cause::{Cause, Finality, Remedy};
use super::unbound;
use super::workload::called;
use super::world::World;
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
    if let Some(cause) = unbound::cause(object, world) {
        return match cause.finality {
            Finality::Transient => Readiness::Progressing(cause.summary),
            _ => Readiness::Blocked(cause),
        };
    }
    if waits_for_a_pod(object, world) && !is_used(object, world) {
        return Readiness::Ready("waits for the first pod that uses it".to_owned());
    }
    Readiness::Progressing("waits for its volume".to_owned())
}

/// Whether its volume is made for the node of the first pod, and not before.
pub(super) fn waits_for_a_pod(object: &Value, world: &World) -> bool {
    unbound::class_of(object, world)
        .is_some_and(|class| read::text(class, "/volumeBindingMode") == "WaitForFirstConsumer")
        || world.events(object).any(|event| read::text(event, "/reason") == "WaitForFirstConsumer")
}

/// Whether a pod that has a node uses the claim; only then a volume comes.
fn is_used(claim: &Value, world: &World) -> bool {
    users(claim, world).any(|pod| !read::text(pod, "/spec/nodeName").is_empty())
}

/// The pods that use a claim.
fn users<'w>(claim: &Value, world: &'w World) -> impl Iterator<Item = &'w Value> {
    let name = read::name(claim).to_owned();
    world.within("Pod", read::namespace(claim)).filter(move |pod| of(pod).any(|used| used == name))
}

/// The names of the claims that a pod uses.
pub(super) fn of(pod: &Value) -> impl Iterator<Item = &str> {
    read::list(pod, "/spec/volumes")
        .iter()
        .map(|volume| read::text(volume, "/persistentVolumeClaim/claimName"))
        .filter(|name| !name.is_empty())
}

fn lost(object: &Value) -> Cause {
    let volume = read::text(object, "/spec/volumeName");
    Cause::new(
        "CLAIM_LOST",
        Class::Permanent,
        Finality::Fatal,
        format!("{} has lost its volume `{volume}` and the data on it", called(object)),
    )
    .because(called(object), "phase: Lost")
    .fix(format!(
        "restore volume `{volume}`, or delete claim `{}` in namespace `{}` and let it be made anew, empty",
        read::name(object),
        read::namespace(object)
    ))
    .root("PersistentVolumeClaim", read::namespace(object), read::name(object))
    .affecting(object)
}

/// Why a claim is of no use to a pod that needs it.
fn trouble(claim: &Value, world: &World) -> Option<Cause> {
    match read::text(claim, "/status/phase") {
        "Lost" => Some(lost(claim)),
        _ => unbound::cause(claim, world).or_else(|| ending(claim)),
    }
}

/// A claim that is to be deleted, and that no new pod may use.
fn ending(claim: &Value) -> Option<Cause> {
    if read::text(claim, "/metadata/deletionTimestamp").is_empty() {
        return None;
    }
    let (namespace, name) = (read::namespace(claim), read::name(claim));
    Some(
        Cause::new(
            "CLAIM_ENDING",
            Class::Refused,
            Finality::CurableBy(Remedy::Dependency),
            format!("{} is being deleted and takes no new pods", called(claim)),
        )
        .rule("PVC-07")
        .because(called(claim), &format!("deletionTimestamp: {}", read::text(claim, "/metadata/deletionTimestamp")))
        .fix(format!(
            "let it end (its data goes with it) and apply claim `{name}` in namespace `{namespace}` anew"
        ))
        .root("PersistentVolumeClaim", namespace, name)
        .affecting(claim),
    )
}

/// A claim that is to be deleted and that pods hold by using it.
#[must_use]
pub fn held(claim: &Value, world: &World) -> Option<Cause> {
    let cause = ending(claim)?;
    let mut holders = users(claim, world).filter(|pod| {
        read::text(pod, "/metadata/deletionTimestamp").is_empty()
            && !["Succeeded", "Failed"].contains(&read::text(pod, "/status/phase"))
            && !read::text(pod, "/spec/nodeName").is_empty()
    });
    let first = holders.next()?;
    let (namespace, name) = (read::namespace(claim), read::name(claim));
    let summary =
        format!("{} is being deleted, and {} still uses it", called(claim), called(first));
    let cause = Cause { summary, ..cause }.affecting(first);
    let cause = holders.fold(cause, Cause::affecting);
    Some(cause.fix(format!(
        "save the data of claim `{name}` in namespace `{namespace}` if it is needed, then delete pod `{}`: the claim ends with its last pod",
        read::name(first)
    )))
}

/// Why a claim gets no volume, or has none any more.
pub(super) fn cause(object: &Value, world: &World) -> Option<Cause> {
    unbound::cause(object, world)
}

/// The cause for a pod whose claims keep it from a node: the claim's own, told of the pod.
pub(super) fn of_pod(pod: &Value, world: &World) -> Option<Cause> {
    let namespace = read::namespace(pod);
    of(pod).find_map(|name| match world.find("PersistentVolumeClaim", namespace, name) {
        Some(claim) => trouble(claim, world).map(|mut cause| {
            cause.root = cause.root.or_else(|| Some(Root::of(claim)));
            cause.affects.clear();
            cause.affecting(pod)
        }),
        None => world.knows("PersistentVolumeClaim").then(|| missing(pod, name)),
    })
}

/// A pod that waits for the volume of a claim, of which nothing more is known.
pub(super) fn unbound(pod: &Value, world: &World) -> Cause {
    let namespace = read::namespace(pod);
    let pending = of(pod)
        .filter_map(|name| world.find("PersistentVolumeClaim", namespace, name))
        .find(|claim| read::text(claim, "/status/phase") != "Bound");
    if let Some(cause) = pending.and_then(|claim| unbound::unmade(claim, None, world)) {
        return Cause { affects: Vec::new(), ..cause }.affecting(pod);
    }
    let pending = pending.map(Root::of);
    let line = CommandLine::kubectl(namespace).args(["describe", "pvc"]);
    let name = pending.as_ref().map(|claim| claim.name.as_str());
    Cause::new(
        "CLAIM_UNBOUND",
        Class::Timeout,
        Finality::Transient,
        format!("{} waits for the volume of a claim", called(pod)),
    )
    .rule("PVC-04")
    .run(name.into_iter().fold(line, CommandLine::arg))
    .maybe_root(pending)
}

/// A claim of which the scheduler says something that its objects do not show.
pub(super) fn named(pod: &Value, name: &str, words: &str) -> Cause {
    let rule = if words.starts_with("is being deleted") { "PVC-07" } else { "PVC-06" };
    let words = words.split([',', '.']).next().unwrap_or(words);
    Cause::new(
        "CLAIM_LOST",
        Class::Permanent,
        Finality::CurableBy(Remedy::Object),
        format!("{} uses claim `{name}`, which {words}", called(pod)),
    )
    .rule(rule)
    .root("PersistentVolumeClaim", read::namespace(pod), name)
    .fix(format!(
        "make claim `{name}` in namespace `{}` anew, empty, or restore its volume",
        read::namespace(pod)
    ))
    .affecting(pod)
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
