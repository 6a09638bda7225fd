//! How long a state counts as still coming up. What proves that it never will is told at once,
//! whatever its age.

use jiff::Timestamp;
use serde_json::Value;

use super::rule;
use crate::manifest::read;
use crate::readiness::{Cause, Root, World};

/// Rules that tell of something that may still come, and how long it may, in seconds.
const WINDOWS: [(&str, i64); 4] = [
    // A network plugin comes up with its node.
    ("NODE-02", 60),
    // What makes sandboxes comes up with its node, and tries again.
    ("NODE-07", 90),
    ("PVC-04", 60),
    ("PVC-05", 60),
];

/// Longest time for a container that is being created while nothing is provably missing.
const CREATING: i64 = 90;

/// Whether a cause may still end by itself, as young as what it shows in was at that time; without a
/// time nothing counts as young.
pub(super) fn is_young(cause: &Cause, world: &World, taken: Option<Timestamp>) -> bool {
    let id = rule::of(cause).id;
    let window = WINDOWS.iter().find(|(rule, _)| *rule == id).map(|(_, window)| *window);
    let window =
        window.or_else(|| (id == "CFG-05" && !is_proven(cause, world)).then_some(CREATING));
    let age = taken.zip(since(cause, world)).map(|(taken, made)| taken.duration_since(made));
    window.zip(age).is_some_and(|(window, age)| age.as_secs() < window)
}

/// Whether the object that is missing is provably so: words of an event may be overtaken.
fn is_proven(cause: &Cause, world: &World) -> bool {
    cause.root.as_ref().is_some_and(|root| world.knows(&root.kind))
}

/// Since when there is what the cause shows in: the claim or node at fault, else the youngest pod.
fn since(cause: &Cause, world: &World) -> Option<Timestamp> {
    let made = |object: &Value| read::text(object, "/metadata/creationTimestamp").parse().ok();
    let at_fault = |root: &&Root| ["PersistentVolumeClaim", "Node"].contains(&root.kind.as_str());
    if let Some(root) = cause.root.as_ref().filter(at_fault) {
        return made(world.find(&root.kind, &root.namespace, &root.name)?);
    }
    let pods = cause.affects.iter().filter_map(|pod| {
        let (namespace, name) = pod.split_once('/')?;
        world.find("Pod", namespace, name)
    });
    pods.filter_map(made).max()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::cluster::findings;
    use crate::manifest::read;
    use crate::readiness::fixture::snapshot;
    use crate::readiness::{LogSource, World};

    /// The rules that a recorded incident gives when everything in it is this old, in seconds.
    fn rules(id: &str, age: i64, forget: &[&str]) -> Vec<&'static str> {
        let (mut objects, known) = snapshot(id);
        objects.retain(|object| !forget.contains(&read::kind(object)));
        for object in &mut objects {
            object["metadata"]["creationTimestamp"] = json!("2026-11-21T10:00:00Z");
        }
        let mut world = World::of(objects);
        for kind in ["Secret", "Event", "StorageClass"] {
            if known.knows(kind) && !world.knows(kind) && !forget.contains(&kind) {
                world.set(kind, Vec::new());
            }
        }
        let began: jiff::Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let taken = began + jiff::SignedDuration::from_secs(age);
        let found = findings(&world, Some(taken), &|_: &LogSource| -> Option<String> { None });
        found.iter().map(|finding| finding.rule.id).collect()
    }

    #[test]
    fn what_may_still_come_is_no_finding_and_what_never_will_is_one_at_once() {
        let none: &[&str] = &[];
        for (id, age, forget, wanted) in [
            // The secret was looked for and is not there.
            ("cfg-missing-secret-volume", 1, none, Some("CFG-05")),
            // Nobody may list secrets: the kubelet alone says so, and may be overtaken.
            ("cfg-missing-secret-volume", 89, &["Secret"], None),
            ("cfg-missing-secret-volume", 90, &["Secret"], Some("CFG-05")),
            ("pull-ecr-secret-missing", 1, none, Some("PULL-01")),
            ("pvc-unknown-class", 1, none, Some("PVC-01")),
            ("svc-loadbalancer-pending", 119, none, None),
            ("svc-loadbalancer-pending", 120, none, Some("SVC-04")),
            ("healthy-pods-starting", 1, none, None),
        ] {
            let told = rules(id, age, forget);
            assert_eq!(told, wanted.into_iter().collect::<Vec<_>>(), "{id} {age} {forget:?}");
        }
    }
}
