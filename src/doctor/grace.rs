//! How long a state counts as still coming up. What proves that it never will is told at once,
//! whatever its age.

use jiff::Timestamp;
use serde_json::Value;

use super::rule;
use crate::manifest::read;
use crate::readiness::{Cause, World};

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

/// Since when there is what the cause shows in: the oldest of its pods, and the claim or node at fault
/// if that is younger.
fn since(cause: &Cause, world: &World) -> Option<Timestamp> {
    let pods = cause.affects.iter().filter_map(|pod| {
        let (namespace, name) = pod.split_once('/')?;
        world.find("Pod", namespace, name)
    });
    let shown = pods.filter_map(made).min();
    let Some(root) = &cause.root else { return shown };
    let at_fault = || world.find(&root.kind, &root.namespace, &root.name);
    match root.kind.as_str() {
        // A class may wait with its volumes for the first pod.
        "PersistentVolumeClaim" => {
            let pods = world.within("Pod", &root.namespace).filter(|pod| uses(pod, &root.name));
            made(at_fault()?).max(pods.filter_map(made).min())
        }
        // A network comes up anew with each start of its node, and what makes sandboxes after it.
        "Node" => {
            let node = at_fault()?;
            let up = made(node).max(turned(node));
            if rule::of(cause).id == "NODE-07" { up.max(shown) } else { up }
        }
        _ => shown,
    }
}

fn made(object: &Value) -> Option<Timestamp> {
    read::text(object, "/metadata/creationTimestamp").parse().ok()
}

/// When a node became ready, or ceased to be.
fn turned(node: &Value) -> Option<Timestamp> {
    read::text(read::condition(node, "Ready")?, "/lastTransitionTime").parse().ok()
}

fn uses(pod: &Value, claim: &str) -> bool {
    let volumes = read::list(pod, "/spec/volumes").iter();
    volumes.map(|one| read::text(one, "/persistentVolumeClaim/claimName")).any(|name| name == claim)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::cluster::findings;
    use crate::manifest::read;
    use crate::readiness::fixture::{constructed, corpus, objects_in, world_of};
    use crate::readiness::{LogSource, World};

    const BEGAN: &str = "2026-11-21T10:00:00Z";

    /// The rules that an incident gives when everything in it is this old, in seconds.
    fn rules(id: &str, age: i64, forget: &[&str]) -> Vec<&'static str> {
        let folders = [corpus().join(id), constructed().join(id)];
        let folder = folders.iter().find(|folder| folder.is_dir()).unwrap();
        let mut objects = objects_in(folder);
        let known = world_of(objects.clone());
        objects.retain(|object| !forget.contains(&read::kind(object)));
        for object in &mut objects {
            object["metadata"]["creationTimestamp"] = json!(BEGAN);
            let conditions = object.pointer_mut("/status/conditions").and_then(Value::as_array_mut);
            for condition in conditions.into_iter().flatten() {
                condition["lastTransitionTime"] = json!(BEGAN);
            }
        }
        let mut world = World::of(objects);
        for kind in ["Secret", "Event", "StorageClass"] {
            if known.knows(kind) && !world.knows(kind) && !forget.contains(&kind) {
                world.set(kind, Vec::new());
            }
        }
        let began: jiff::Timestamp = BEGAN.parse().unwrap();
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
            ("pvc-provisioner-down", 59, none, None),
            ("pvc-provisioner-down", 60, none, Some("PVC-04")),
            ("pvc-shared-refused", 59, none, None),
            ("pvc-shared-refused", 60, none, Some("PVC-05")),
            ("node-network-not-ready", 59, none, None),
            ("node-network-not-ready", 60, none, Some("NODE-02")),
            ("node-sandbox-addresses", 89, none, None),
            ("node-sandbox-addresses", 90, none, Some("NODE-07")),
            ("node-not-ready", 1, none, Some("NODE-01")),
        ] {
            let told = rules(id, age, forget);
            assert_eq!(told, wanted.into_iter().collect::<Vec<_>>(), "{id} {age} {forget:?}");
        }
    }

    const NOW: &str = "2026-11-21T12:00:00Z";

    fn ago(seconds: i64) -> Value {
        let now: jiff::Timestamp = NOW.parse().unwrap();
        json!((now - jiff::SignedDuration::from_secs(seconds)).to_string())
    }

    /// The rules of an incident whose containers run, and whose pods have a node, for so long; with
    /// the events of this reason alone.
    fn after(id: &str, seconds: i64, reason: &str) -> Vec<&'static str> {
        let folders = [corpus().join(id), constructed().join(id)];
        let mut objects = objects_in(folders.iter().find(|folder| folder.is_dir()).unwrap());
        objects.retain(|one| read::kind(one) != "Event" || read::text(one, "/reason") == reason);
        for object in &mut objects {
            let is_node = read::kind(object) == "Node";
            let conditions = object.pointer_mut("/status/conditions").and_then(Value::as_array_mut);
            for condition in conditions.into_iter().flatten() {
                condition["lastTransitionTime"] = ago(if is_node { 0 } else { seconds });
                condition["lastHeartbeatTime"] = ago(0);
            }
            let statuses =
                object.pointer_mut("/status/containerStatuses").and_then(Value::as_array_mut);
            for status in statuses.into_iter().flatten() {
                if let Some(started) = status.pointer_mut("/state/running/startedAt") {
                    *started = ago(seconds);
                }
            }
        }
        let found = findings(&world_of(objects), None, &|_: &LogSource| -> Option<String> { None });
        found.iter().map(|finding| finding.rule.id).collect()
    }

    #[test]
    fn what_the_clock_of_the_cluster_decides_has_its_window() {
        let probe = "probe-readiness-wrong-port";
        let objects = objects_in(&corpus().join(probe));
        let pod = objects.iter().find(|object| read::kind(object) == "Pod").unwrap();
        let spec = &pod["spec"]["containers"][0]["readinessProbe"];
        let number = |field: &str| read::number(spec, field).unwrap_or_default();
        let budget =
            number("/initialDelaySeconds") + number("/periodSeconds") * number("/failureThreshold");
        assert!(budget > 5, "{spec}");
        for (id, seconds, reason, wanted) in [
            // Nobody remembers what the probe was answered: a minute more than its own time.
            (probe, budget + 60, "", None),
            (probe, budget + 61, "", Some("PROBE-03")),
            ("healthy-pulling-large-image", 599, "", None),
            ("healthy-pulling-large-image", 600, "", Some("unknown")),
            // A pull that goes on is none of the silence.
            ("healthy-pulling-large-image", 6000, "Pulling", None),
        ] {
            let told = after(id, seconds, reason);
            assert_eq!(told, wanted.into_iter().collect::<Vec<_>>(), "{id} {seconds}");
        }
    }

    #[test]
    fn a_rollout_has_the_time_that_its_deadline_gives_it() {
        for (reason, status, wanted) in [
            ("ReplicaSetUpdated", "True", None),
            ("ProgressDeadlineExceeded", "False", Some("ROLL-01")),
        ] {
            let mut objects = objects_in(&constructed().join("healthy-warming-up"));
            for object in objects.iter_mut().filter(|one| read::kind(one) == "Deployment") {
                object["status"]["conditions"] =
                    json!([{ "type": "Progressing", "status": status, "reason": reason }]);
            }
            let world = world_of(objects);
            let found = findings(&world, None, &|_: &LogSource| -> Option<String> { None });
            let told: Vec<_> = found.iter().map(|finding| finding.rule.id).collect();
            assert_eq!(told, wanted.into_iter().collect::<Vec<_>>(), "{reason}");
        }
    }
}
