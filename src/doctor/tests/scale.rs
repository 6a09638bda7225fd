//! How often a fault shows decides nothing: three times the pods are one finding still, and the same
//! in three namespaces is one finding each, or one for what all of them share.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::names::{Names, renamed};
use super::{Story, none_wrong, rooted};
use crate::doctor::finding::Finding;
use crate::manifest::read;

/// Faults of a pod that nobody owns, or that is told by its own name.
const ALONE: [&str; 3] = ["node-evicted-alone", "pod-never-ends", "pod-of-its-own-failed"];

/// One volume, which only one of three claims can have had.
const OF_ONE_VOLUME: &str = "pvc-released-volume";

/// Every pod that somebody owns three times, with its events and logs.
fn thrice(story: &Story) -> Story {
    let mut told = story.clone();
    for copy in ["second", "third"] {
        let own: Vec<&Value> = story
            .kind("Pod")
            .filter(|pod| !read::list(pod, "/metadata/ownerReferences").is_empty())
            .collect();
        for pod in own {
            let uid = read::text(pod, "/metadata/uid");
            let mut again = pod.clone();
            again["metadata"]["name"] = format!("{}-{copy}", read::name(pod)).into();
            again["metadata"]["uid"] = format!("{uid}-{copy}").into();
            told.objects.push(again);
            for event in
                story.kind("Event").filter(|event| read::text(event, "/involvedObject/uid") == uid)
            {
                let mut event = event.clone();
                event["metadata"]["name"] = format!("{}-{copy}", read::name(&event)).into();
                event["involvedObject"]["uid"] = format!("{uid}-{copy}").into();
                event["involvedObject"]["name"] = format!("{}-{copy}", read::name(pod)).into();
                told.objects.push(event);
            }
            for ((namespace, name, container), log) in &story.logs {
                if (namespace.as_str(), name.as_str()) == (read::namespace(pod), read::name(pod)) {
                    let key = (namespace.clone(), format!("{name}-{copy}"), container.clone());
                    told.logs.insert(key, log.clone());
                }
            }
        }
    }
    told
}

#[test]
fn three_times_the_pods_are_one_finding_still() {
    let mut wrong = Vec::new();
    for story in Story::with_made().iter().filter(|story| !ALONE.contains(&story.id.as_str())) {
        let (before, after) = (story.findings(), thrice(story).findings());
        if rooted(&before) != rooted(&after) || before.len() != after.len() {
            wrong.push(format!("{}: {:?} and not {:?}", story.id, rooted(&after), rooted(&before)));
            continue;
        }
        for one in &before {
            let other = after.iter().find(|other| other.root == one.root && other.rule == one.rule);
            let Some(other) = other else { continue };
            if other.affects != one.affects {
                wrong.push(format!(
                    "{}: affects {:?} and not {:?}",
                    story.id, other.affects, one.affects
                ));
            }
            if other.pods != 3 * one.pods {
                wrong.push(format!(
                    "{}: {} pods and not three times {}",
                    story.id, other.pods, one.pods
                ));
            }
        }
    }
    none_wrong(&wrong);
}

/// The incident in three namespaces.
fn in_three_places(story: &Story) -> Story {
    let mut told = story.clone();
    let spaces: Vec<&str> = story.objects.iter().map(read::namespace).collect();
    let own: Vec<&str> = story.kind("Namespace").map(read::name).collect();
    for copy in ["second", "third"] {
        let names: Names = spaces
            .iter()
            .chain(&own)
            .filter(|space| !space.is_empty())
            .map(|space| ((*space).to_owned(), format!("{space}-{copy}")))
            .collect();
        let mut other = renamed(story, &names);
        for object in &mut other.objects {
            mark(object, copy);
        }
        let own = other.objects.into_iter().filter(|object| {
            !read::namespace(object).is_empty() || read::kind(object) == "Namespace"
        });
        told.objects.extend(own);
        told.logs.extend(other.logs);
    }
    told
}

fn mark(object: &mut Value, copy: &str) {
    for at in ["/metadata/uid", "/involvedObject/uid"] {
        if let Some(Value::String(uid)) = object.pointer_mut(at) {
            uid.push_str(copy);
        }
    }
    if let Some(Value::Array(owners)) = object.pointer_mut("/metadata/ownerReferences") {
        for owner in owners.iter_mut().filter(|owner| read::kind(owner) != "Node") {
            owner["uid"] = json!(format!("{}{copy}", read::text(owner, "/uid")));
        }
    }
}

/// How many findings there are of each rule.
fn counted(found: &[Finding]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for one in found {
        *counts.entry(one.rule.id).or_default() += 1;
    }
    counts
}

/// What findings keep down, wherever they have it from.
const WORKLOADS: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

#[test]
fn the_same_in_three_namespaces_is_told_of_all_of_them() {
    let mut wrong = Vec::new();
    for story in Story::with_made().into_iter().filter(|story| story.id != OF_ONE_VOLUME) {
        let before = story.findings();
        let after = in_three_places(&story).findings();
        let (told, once) = (counted(&after), counted(&before));
        let is_right = |(rule, times): (&&str, &usize)| {
            let alone = once.get(rule).copied().unwrap_or_default();
            (alone..=3 * alone).contains(times) && alone > 0
        };
        if told.len() != once.len() || !told.iter().all(is_right) {
            wrong.push(format!("{}: {told:?} and not {once:?}: {:?}", story.id, rooted(&after)));
        }
        // Whatever stands for several, it tells of all of them.
        let kept_down = |found: &[Finding]| {
            let all = found.iter().flat_map(|one| one.affects.iter().chain([&one.root]));
            all.filter(|root| WORKLOADS.contains(&root.kind.as_str()))
                .cloned()
                .collect::<BTreeSet<_>>()
        };
        let (many, few) = (kept_down(&after).len(), kept_down(&before).len());
        if many != 3 * few {
            wrong.push(format!("{}: {many} workloads and not three times {few}", story.id));
        }
        let sum = |found: &[Finding]| found.iter().map(|one| one.pods).sum::<usize>();
        if sum(&after) != 3 * sum(&before) {
            wrong.push(format!(
                "{}: {} pods and not three times {}",
                story.id,
                sum(&after),
                sum(&before)
            ));
        }
    }
    none_wrong(&wrong);
}
