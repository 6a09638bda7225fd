//! What can be said about a cluster without names and times that chance made: conditions, states of
//! containers and events, one line each.

use std::collections::BTreeSet;

use serde_json::Value;

pub(super) use super::super::objects::{list, text};

/// Lines about states, and lines about events.
#[derive(Default)]
pub(super) struct Facts {
    pub(super) states: BTreeSet<String>,
    pub(super) events: BTreeSet<String>,
}

/// The facts of some objects; `known` have the names of all.
pub(super) fn facts(objects: &[Value], known: &[Value]) -> Facts {
    let blanks = Blanks::of(known);
    let mut facts = Facts::default();
    for object in objects {
        match text(object, "/kind") {
            "Event" if text(object, "/involvedObject/kind") != "Node" => {
                facts.events.insert(blanks.blank(&event(object)));
            }
            "Deployment" | "Job" | "ReplicaSet" => conditions(object, &blanks, &mut facts),
            "Pod" => {
                conditions(object, &blanks, &mut facts);
                for field in ["initContainerStatuses", "containerStatuses"] {
                    for status in list(object, &format!("/status/{field}")) {
                        facts.states.extend(states(status).map(|line| blanks.blank(&line)));
                    }
                }
            }
            "StatefulSet" | "DaemonSet" | "PersistentVolumeClaim" => {
                let mut status = object["status"].clone();
                for field in ["currentRevision", "updateRevision"] {
                    if let Some(fields) = status.as_object_mut() {
                        fields.remove(field);
                    }
                }
                let kind = text(object, "/kind");
                facts.states.insert(format!("{kind} {}", sorted(&status)));
            }
            _ => {}
        }
    }
    facts
}

fn event(object: &Value) -> String {
    let message = text(object, "/message");
    let message = match message.strip_prefix("Successfully pulled image ") {
        Some(rest) => format!("Successfully pulled {}", rest.split(" in ").next().unwrap_or(rest)),
        None => message.to_owned(),
    };
    format!(
        "{} {} {} by {} on {}: {message}",
        text(object, "/involvedObject/kind"),
        text(object, "/type"),
        text(object, "/reason"),
        text(object, "/reportingComponent"),
        text(object, "/involvedObject/fieldPath"),
    )
}

fn conditions(object: &Value, blanks: &Blanks, facts: &mut Facts) {
    for condition in list(object, "/status/conditions") {
        let line = format!(
            "{} {}={} {} {}",
            text(object, "/kind"),
            text(condition, "/type"),
            text(condition, "/status"),
            text(condition, "/reason"),
            text(condition, "/message")
        );
        facts.states.insert(blanks.blank(&line));
    }
}

fn states(status: &Value) -> impl Iterator<Item = String> {
    ["state", "lastState"].into_iter().flat_map(move |which| {
        status[which].as_object().into_iter().flatten().map(move |(state, about)| {
            format!(
                "container {} {which} {state} {} {} {}",
                text(status, "/name"),
                text(about, "/reason"),
                about["exitCode"],
                text(about, "/message")
            )
        })
    })
}

/// What chance made.
struct Blanks {
    sets: Vec<String>,
    others: Vec<(String, &'static str)>,
}

impl Blanks {
    fn of(objects: &[Value]) -> Self {
        let (mut sets, mut others) = (Vec::new(), Vec::new());
        let mut note = |kind: &str, name: &str, uid: &str| match kind {
            "ReplicaSet" => sets.push(name.to_owned()),
            "Pod" => others.extend([(name.to_owned(), "POD"), (uid.to_owned(), "UID")]),
            _ => {}
        };
        for object in objects {
            note(
                text(object, "/kind"),
                text(object, "/metadata/name"),
                text(object, "/metadata/uid"),
            );
            let about = &object["involvedObject"];
            note(text(about, "/kind"), text(about, "/name"), text(about, "/uid"));
        }
        // Longer names first: one may begin with another.
        others.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        others.retain(|(name, _)| !name.is_empty());
        Self { sets, others }
    }

    fn blank(&self, line: &str) -> String {
        let mut line = line.to_owned();
        for (own, blank) in &self.others {
            line = line.replace(own, blank);
        }
        for set in &self.sets {
            line = line.replace(set, "SET");
        }
        // Pods that were refused have names and nothing else.
        while let Some(at) = line.find("\"SET-") {
            let end = line[at + 1..].find('"').map_or(line.len(), |end| at + 1 + end);
            line.replace_range(at + 1..end, "POD");
        }
        while let Some(at) = line.find("10.85.") {
            let rest = &line[at..];
            let is_own = |letter: char| letter.is_ascii_digit() || letter == '.';
            let end = rest.find(|letter| !is_own(letter)).unwrap_or(rest.len());
            line.replace_range(at..at + end, "ADDRESS");
        }
        line
    }
}

fn sorted(value: &Value) -> String {
    let fields = value.as_object().into_iter().flatten();
    let mut fields: Vec<String> = fields.map(|(key, value)| format!("{key}={value}")).collect();
    fields.sort();
    fields.join(" ")
}
