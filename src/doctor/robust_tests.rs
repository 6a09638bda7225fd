//! Rules stay right, or keep silent, whatever of a snapshot is missing, out of order or beside the
//! point.

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use super::finding::{Confidence, Finding};
use super::fixture::{either, expected, found, ids, told, world};
use crate::manifest::read;
use crate::readiness::fixture::{constructed, corpus, objects_in, world_of};

/// What takes events and pods out of a snapshot, and shuffles the rest.
fn thinned(mut objects: Vec<Value>, keep: &[bool], order: &[Index]) -> Vec<Value> {
    let mut keep = keep.iter().cycle();
    objects.retain(|object| {
        let may_go = ["Event", "Pod"].contains(&read::kind(object));
        !may_go || *keep.next().unwrap_or(&true)
    });
    for (at, index) in (1..objects.len()).zip(order.iter().cycle()) {
        objects.swap(at, index.index(at + 1));
    }
    objects
}

/// A finding that says it surely and is none of those that are right.
fn surely_wrong<'f>(id: &str, found: &'f [Finding]) -> Option<&'f Finding> {
    let folder = corpus().join(id);
    let right: Vec<String> = expected(&folder)
        .iter()
        .flat_map(|table| either(table, "rule", "accept_rules"))
        .chain(["unknown".to_owned(), "roll-01".to_owned()])
        .collect();
    found.iter().find(|one| {
        one.confidence == Confidence::Proven && !right.contains(&one.rule.id.to_lowercase())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_wrong_class_appears_when_pods_and_events_are_missing(
        which in any::<Index>(),
        keep in prop::collection::vec(any::<bool>(), 1..40),
        order in prop::collection::vec(any::<Index>(), 1..40),
    ) {
        let ids = ids(&corpus());
        let id = which.get(&ids);
        let folder = corpus().join(id);
        let objects = thinned(objects_in(&folder), &keep, &order);
        let found = found(&folder, &world_of(objects));
        prop_assert_eq!(surely_wrong(id, &found), None, "{}", id);
    }

    #[test]
    fn nothing_panics_on_objects_that_lack_anything(
        which in any::<Index>(),
        cuts in prop::collection::vec((any::<Index>(), 0_u8..6), 1..60),
    ) {
        let folders: Vec<_> = ids(&corpus())
            .iter()
            .map(|id| corpus().join(id))
            .chain(ids(&constructed()).iter().map(|id| constructed().join(id)))
            .collect();
        let folder = which.get(&folders);
        let mut objects = Value::Array(objects_in(folder));
        for (place, kind) in &cuts {
            let mut places = Vec::new();
            pointers(&objects, &mut String::new(), &mut places);
            let at = place.get(&places);
            if let Some(value) = objects.pointer_mut(at) {
                *value = match kind {
                    0 => Value::Null,
                    1 => json!("\u{1f4a5} \"\": "),
                    2 => json!(-1),
                    3 => json!([]),
                    4 => json!({}),
                    _ => json!(true),
                };
            }
        }
        let objects = objects.as_array().cloned().unwrap_or_default();
        found(folder, &world_of(objects));
    }
}

/// The JSON pointers of everything within a value.
fn pointers(value: &Value, at: &mut String, found: &mut Vec<String>) {
    found.push(at.clone());
    let mut descend = |key: &str, inner: &Value| {
        let length = at.len();
        at.push('/');
        at.push_str(&key.replace('~', "~0").replace('/', "~1"));
        pointers(inner, at, found);
        at.truncate(length);
    };
    match value {
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                descend(&index.to_string(), inner);
            }
        }
        Value::Object(fields) => fields.iter().for_each(|(key, inner)| descend(key, inner)),
        _ => {}
    }
}

/// Warnings that healthy clusters give: reason, message, and the kind that they are about.
const HARMLESS: [(&str, &str, &str); 9] = [
    ("CgroupV1", "cgroup v1 support is in maintenance mode, please migrate to cgroup v2", "Node"),
    ("InvalidDiskCapacity", "invalid capacity 0 on image filesystem", "Node"),
    (
        "FailedToCreateEndpoint",
        "Failed to create endpoint for service x: endpoints \"x\" already exists",
        "Service",
    ),
    (
        "FailedToRetrieveImagePullSecret",
        "Unable to retrieve some image pull secrets (gone); attempting to pull the image may not succeed.",
        "Pod",
    ),
    ("Failed", "Failed to pull image \"exampleorg/mlops-api:latest\": pull QPS exceeded", "Pod"),
    ("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", "Pod"),
    ("BackOff", "Back-off restarting failed container app in pod x", "Pod"),
    ("FailedScheduling", "0/1 nodes are available: 1 Insufficient cpu.", "Pod"),
    (
        "FailedMount",
        "MountVolume.SetUp failed for volume \"kube-api-access\" : failed to sync configmap cache: timed out waiting for the condition",
        "Pod",
    ),
];

#[test]
fn a_harmless_warning_makes_no_finding() {
    let folders = [corpus(), constructed()].into_iter().flat_map(|all| {
        let healthy = ids(&all).into_iter().filter(|id| id.starts_with("healthy-"));
        healthy.map(|id| all.join(id)).collect::<Vec<_>>()
    });
    let mut seen = 0;
    for folder in folders {
        let objects = objects_in(&folder);
        assert_eq!(told(&found(&folder, &world(&folder))), [], "{}", folder.display());
        for (reason, message, kind) in HARMLESS {
            for about in objects.iter().filter(|object| read::kind(object) == kind) {
                let event = json!({"apiVersion": "v1", "kind": "Event", "type": "Warning",
                    "metadata": {"name": "harmless", "namespace": read::namespace(about)},
                    "involvedObject": {"kind": kind, "name": read::name(about),
                        "namespace": read::namespace(about), "uid": read::text(about, "/metadata/uid")},
                    "reason": reason, "message": message, "count": 1});
                let all = objects.iter().cloned().chain([event]).collect();
                let found = found(&folder, &world_of(all));
                assert_eq!(told(&found), [], "{} with {reason}", folder.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 100, "{seen}");
}
