//! Two incidents in one cluster give what each gives alone, and a healthy part adds nothing.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use super::names::{Names, renamed};
use super::time::shifted;
use super::{Story, Told, none_wrong, told};
use crate::manifest::read;

/// The cluster has one node: with it down nothing else can be told of its pods.
const OF_THE_NODE: &str = "node-not-ready";

/// When all looks were taken.
const NOW: &str = "2026-11-21T12:00:00Z";

/// The newest time that the nodes of an incident tell.
fn clock(story: &Story) -> Timestamp {
    let beats = story.kind("Node").flat_map(|node| read::list(node, "/status/conditions"));
    let times = beats.filter_map(|one| read::text(one, "/lastHeartbeatTime").parse().ok());
    times.max().unwrap()
}

/// The incident in namespaces of its own, at the common time, with identifiers of its own.
fn placed(story: &Story, mark: &str) -> Story {
    let spaces = story.kind("Namespace").map(|one| read::name(one).to_owned());
    let spaces = spaces.chain(story.objects.iter().map(|one| read::namespace(one).to_owned()));
    let names: Names = spaces
        .filter(|space| !space.is_empty())
        .map(|space| (space.clone(), format!("{space}-{mark}")))
        .collect();
    let now: Timestamp = NOW.parse().unwrap();
    let by = now.duration_since(clock(story)).as_secs();
    let mut placed = shifted(&renamed(story, &names), by);
    placed.objects.iter_mut().for_each(|object| mark_uids(object, mark));
    placed
}

fn mark_uids(value: &mut Value, mark: &str) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| mark_uids(item, mark)),
        Value::Object(fields) => {
            for (field, inner) in fields {
                match inner {
                    Value::String(uid) if field == "uid" => uid.push_str(mark),
                    _ => mark_uids(inner, mark),
                }
            }
        }
        _ => {}
    }
}

/// Both in one cluster, on the node of the first.
fn both(one: &Story, other: &Story) -> Story {
    let mut story = one.clone();
    let more = other.objects.iter().filter(|object| read::kind(object) != "Node");
    story.objects.extend(more.cloned());
    story.logs.extend(other.logs.clone());
    story
}

#[test]
fn two_incidents_in_one_cluster_give_what_each_gives_alone() {
    let all: Vec<Story> =
        Story::all().into_iter().filter(|story| story.id != OF_THE_NODE).collect();
    let sides: Vec<[(Story, BTreeSet<Told>); 2]> = all
        .iter()
        .map(|story| {
            ["left", "right"].map(|mark| {
                let placed = placed(story, mark);
                let alone = placed.findings().iter().map(told).collect();
                (placed, alone)
            })
        })
        .collect();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (at, [(one, alone), _]) in sides.iter().enumerate() {
        for [_, (other, others)] in &sides[at + 1..] {
            seen += 1;
            let wanted: BTreeSet<Told> = alone.union(others).cloned().collect();
            let found: BTreeSet<Told> = both(one, other).findings().iter().map(told).collect();
            if found != wanted {
                let more: Vec<_> = found.difference(&wanted).collect();
                let less: Vec<_> = wanted.difference(&found).collect();
                wrong.push(format!("{} with {}: {more:?} in place of {less:?}", one.id, other.id));
            }
        }
    }
    assert_eq!(seen, 57 * 56 / 2);
    none_wrong(&wrong);
}
