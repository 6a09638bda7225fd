//! Relations that the findings keep when an incident is told in another way: what is changed about it
//! decides nothing, so that nothing may depend on it. All of it over every recorded incident.

mod drift;
mod names;
mod noise;
mod order;
mod owners;
mod scale;
mod time;
mod union;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::cluster::findings;
use super::finding::{Finding, path};
use super::fixture::{ids, is_decided_by_events};
use super::look::{Logs, log_key};
use crate::manifest::read;
use crate::readiness::fixture::{constructed, corpus, objects_in, world_of};
use crate::readiness::{LogSource, World};

/// A recorded incident that may be told in another way.
#[derive(Clone)]
struct Story {
    id: String,
    objects: Vec<Value>,
    logs: Logs,
    /// Whether nobody can tell without events.
    is_decided_by_events: bool,
    /// Whether it was recorded, and not made from words.
    is_recorded: bool,
}

impl Story {
    /// All that were recorded.
    fn all() -> Vec<Self> {
        let all = Self::within(&corpus());
        assert_eq!(all.len(), 58);
        all
    }

    /// Those that were recorded, and those that were made from words of the catalogue.
    fn with_made() -> Vec<Self> {
        Self::all().into_iter().chain(Self::within(&constructed())).collect()
    }

    fn within(folder: &Path) -> Vec<Self> {
        ids(folder).into_iter().map(|id| Self::of(id, folder)).collect()
    }

    fn of(id: String, folder: &Path) -> Self {
        let folder = folder.join(&id);
        let objects = objects_in(&folder);
        let mut logs = Logs::new();
        for pod in objects.iter().filter(|object| read::kind(object) == "Pod") {
            for container in containers(pod) {
                let key = (read::namespace(pod).to_owned(), read::name(pod).to_owned(), container);
                let name = format!("{}_{}_{}.txt", key.0, key.1, key.2);
                if let Ok(log) = fs::read_to_string(folder.join("logs").join(name)) {
                    logs.insert(key, log);
                }
            }
        }
        let is_recorded = folder.starts_with(corpus());
        Self { id, objects, logs, is_decided_by_events: is_decided_by_events(&folder), is_recorded }
    }

    fn world(&self) -> World {
        world_of(self.objects.clone())
    }

    /// What is found in it.
    fn findings(&self) -> Vec<Finding> {
        self.findings_at(None)
    }

    fn findings_at(&self, taken: Option<jiff::Timestamp>) -> Vec<Finding> {
        let log = |source: &LogSource| self.logs.get(&log_key(source)).cloned();
        findings(&self.world(), taken, &log)
    }

    /// The objects of a kind.
    fn kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.objects.iter().filter(move |object| read::kind(object) == kind)
    }

    /// The incident after a change to each of its objects.
    fn with(&self, change: impl Fn(&mut Value)) -> Self {
        let mut story = self.clone();
        story.objects.iter_mut().for_each(change);
        story
    }
}

/// The names of a pod's containers.
fn containers(pod: &Value) -> Vec<String> {
    let lists = ["/spec/initContainers", "/spec/containers"];
    let all = lists.iter().flat_map(|list| read::list(pod, list));
    all.map(|container| read::text(container, "/name").to_owned()).collect()
}

/// How an incident is told in another way, and a name for that.
type Way<'w> = (&'w str, &'w dyn Fn(&Story) -> Story);

/// What a finding says: rule, root, sentence and fix.
type Told = (String, String, String, String);

fn told(finding: &Finding) -> Told {
    let fix = finding.fix.as_ref().map(|fix| fix.command.clone()).unwrap_or_default();
    (finding.rule.id.to_owned(), path(&finding.root), finding.summary.clone(), fix)
}

/// The rules and roots of findings, whatever their order.
fn rooted(found: &[Finding]) -> BTreeSet<(String, String)> {
    found.iter().map(|one| (one.rule.id.to_owned(), path(&one.root))).collect()
}

/// Changes every text of a value, beginning with the innermost.
fn each_text(value: &mut Value, change: &mut dyn FnMut(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, change)),
        Value::Object(fields) => fields.values_mut().for_each(|field| each_text(field, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Fails with all that went wrong, if anything did.
#[track_caller]
fn none_wrong(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}
