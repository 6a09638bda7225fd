//! Time decides nothing where the status tells: six hours later, with all events gone, the roots are
//! the same, and what was healthy still is.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Story, each_text, none_wrong, rooted};
use crate::manifest::read;

/// How much later, in seconds.
const LATER: i64 = 6 * 3600;

/// What only events tell the rule of; the root stays: what a probe was answered, and who killed.
const TOLD_BY_EVENTS: &str = "probe-";

/// What is still on its way is no longer after six hours.
const ON_ITS_WAY: [&str; 4] = [
    "healthy-pods-starting",
    "healthy-pulling-large-image",
    "healthy-starting-up",
    "healthy-warming-up",
];

fn time(text: &str) -> Option<Timestamp> {
    let looks_so = text.len() >= 20 && text.ends_with('Z') && text.as_bytes()[10] == b'T';
    if looks_so { text.parse().ok() } else { None }
}

fn move_times(value: &mut Value, seconds: i64) {
    each_text(value, &mut |text| {
        if let Some(then) = time(text) {
            *text = (then + SignedDuration::from_secs(seconds)).to_string();
        }
    });
}

/// The incident as if it had happened later.
pub(super) fn shifted(story: &Story, seconds: i64) -> Story {
    story.with(|object| move_times(object, seconds))
}

/// The same incident looked at later: the nodes go on saying that they are there, everything else
/// stands still, and events are gone.
fn looked_at_later(story: &Story) -> Story {
    let mut story = story.with(|object| {
        if read::kind(object) == "Node"
            && let Some(conditions) = object.pointer_mut("/status/conditions")
        {
            for condition in conditions.as_array_mut().into_iter().flatten() {
                move_times(&mut condition["lastHeartbeatTime"], LATER);
            }
        }
    });
    story.objects.retain(|object| read::kind(object) != "Event");
    story
}

#[test]
fn six_hours_later_the_roots_are_the_same() {
    let taken: Timestamp = "2026-11-21T16:45:00Z".parse().unwrap();
    let mut wrong = Vec::new();
    for story in Story::with_made() {
        if story.is_decided_by_events || ON_ITS_WAY.contains(&story.id.as_str()) {
            continue;
        }
        let before = rooted(&story.findings());
        let after = rooted(&looked_at_later(&story).findings_at(Some(taken)));
        let by_events = story.is_recorded && story.id.starts_with(TOLD_BY_EVENTS);
        let roots = |told: &BTreeSet<(String, String)>| -> Vec<String> {
            told.iter().map(|(_, root)| root.clone()).collect()
        };
        let is_same = if by_events { roots(&before) == roots(&after) } else { before == after };
        if !is_same {
            wrong.push(format!("{}: {before:?} and then {after:?}", story.id));
        }
    }
    none_wrong(&wrong);
}

#[test]
fn when_it_happened_decides_nothing() {
    let mut wrong = Vec::new();
    for story in Story::with_made() {
        let (before, after) = (story.findings(), shifted(&story, 90 * 86_400 + 7).findings());
        if rooted(&before) != rooted(&after) {
            wrong.push(format!("{}: {:?} and {:?}", story.id, rooted(&before), rooted(&after)));
        }
    }
    none_wrong(&wrong);
}
