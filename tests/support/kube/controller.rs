//! What happens by itself: controllers of the test, and those without which no API is one: what is
//! in a namespace goes with it, dependents go with their owners, definitions are established.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::clock;
use super::place::Place;
use super::world::{Held, World};

/// How often all controllers may have something to do after one change.
const MOST_ROUNDS: usize = 500;
/// How long a namespace is seen to go away.
const LEAVING: Duration = Duration::from_millis(20);

/// Something that changes the world when the world changes.
pub(crate) trait Controller {
    /// Does what is due; the delay is after what time it wants to look again.
    fn turn(&mut self, world: &mut World) -> Option<Duration>;
}

/// The controllers of a server.
#[derive(Default)]
pub(super) struct Controllers {
    all: Vec<Box<dyn Controller + Send>>,
    due: Option<Instant>,
    /// The version that all controllers have seen.
    seen: u64,
}

impl World {
    /// Adds a controller. It has its turn after each change.
    pub(crate) fn controller(&mut self, controller: Box<dyn Controller + Send>) {
        self.controllers.all.push(controller);
        self.controllers.seen = 0;
        self.settle();
    }

    /// Holds something back that the server does by itself.
    pub(crate) fn hold(&mut self, what: Held) {
        self.held.insert(what);
    }

    /// Lets it happen again.
    pub(crate) fn release(&mut self, what: Held) {
        self.held.remove(&what);
        self.controllers.seen = 0;
    }

    /// When a controller wants to look again.
    pub(super) fn due(&self) -> Option<Instant> {
        self.controllers.due
    }

    /// Gives all controllers their turns, until none has anything to do.
    pub(super) fn settle(&mut self) {
        let is_due = self.controllers.due.is_some_and(|due| due <= clock::now());
        if self.version == self.controllers.seen && !is_due {
            return;
        }
        for _ in 0..MOST_ROUNDS {
            let before = self.version;
            let mut delays: Vec<Duration> = built_in(self).into_iter().collect();
            let mut all = std::mem::take(&mut self.controllers.all);
            delays.extend(all.iter_mut().filter_map(|controller| controller.turn(self)));
            // A controller may have added one.
            all.append(&mut self.controllers.all);
            self.controllers.all = all;
            self.controllers.due = delays.into_iter().min().map(|delay| clock::now() + delay);
            self.controllers.seen = before;
            if self.version == before {
                return;
            }
        }
        self.unknown.push("controllers that do not come to rest".to_owned());
    }
}

fn built_in(world: &mut World) -> Option<Duration> {
    establish(world);
    collect(world);
    leave(world)
}

/// Definitions get their conditions.
fn establish(world: &mut World) {
    if world.held.contains(&Held::Definitions) {
        return;
    }
    for mut definition in world.objects("CustomResourceDefinition") {
        let conditions = definition["status"]["conditions"].as_array();
        if conditions.is_some_and(|all| all.iter().any(|one| one["type"] == "Established")) {
            continue;
        }
        let condition = |kind: &str, reason: &str, message: &str| {
            json!({ "type": kind, "status": "True", "lastTransitionTime": clock::stamp(),
                "reason": reason, "message": message })
        };
        definition["status"] = json!({
            "conditions": [
                condition("NamesAccepted", "NoConflicts", "no conflicts found"),
                condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
            ],
            "acceptedNames": definition["spec"]["names"],
            "storedVersions": definition["spec"]["versions"].as_array().into_iter().flatten()
                .filter(|version| version["storage"] == true)
                .map(|version| version["name"].clone()).collect::<Vec<_>>(),
        });
        world.store(definition);
    }
}

/// Dependents of what is gone go too, and owners that wait for their dependents.
fn collect(world: &mut World) {
    let mut orphans = Vec::new();
    let mut waiting = Vec::new();
    for (key, shelf) in &world.shelves {
        let Some(kind) = world.kind_of(key) else { continue };
        for ((namespace, name), object) in shelf {
            let place =
                || Place { kind: kind.clone(), namespace: namespace.clone(), name: name.clone() };
            let owners = object["metadata"]["ownerReferences"].as_array();
            let mut owners = owners.into_iter().flatten().peekable();
            let is_gone =
                |owner: &Value| owner["uid"].as_str().is_some_and(|uid| world.gone.contains(uid));
            if owners.peek().is_some() && owners.all(is_gone) {
                orphans.push(place());
            }
            let finalizers = object["metadata"]["finalizers"].as_array();
            let is_last = |finalizers: &Vec<Value>| {
                finalizers.len() == 1 && finalizers[0] == "foregroundDeletion"
            };
            if finalizers.is_some_and(is_last) {
                waiting.push((place(), object["metadata"]["uid"].clone()));
            }
        }
    }
    for place in orphans {
        world.retire(&place, "Background");
    }
    for (place, uid) in waiting {
        let own = |object: &&Value| {
            let owners = object["metadata"]["ownerReferences"].as_array();
            owners.is_some_and(|owners| owners.iter().any(|owner| owner["uid"] == uid))
        };
        let all = world.shelves.values().flat_map(|shelf| shelf.values());
        let left: Vec<Value> = all.filter(own).cloned().collect();
        if left.is_empty() {
            world.take(&place);
        }
        for object in left.iter().filter(|it| it["metadata"]["deletionTimestamp"].is_null()) {
            if let Some(place) = world.place_of(object) {
                world.retire(&place, "Foreground");
            }
        }
    }
}

/// What is in a namespace that goes away goes first.
fn leave(world: &mut World) -> Option<Duration> {
    if world.held.contains(&Held::Namespaces) {
        return None;
    }
    let mut soon = None;
    let key = world.kinds.named("Namespace").map(|kind| kind.key());
    let all = key.and_then(|key| world.shelves.get(&key)).into_iter().flat_map(|all| all.values());
    // Most of many namespaces stay: only those that go are worth a copy.
    let going = all.filter(|one| !one["metadata"]["deletionTimestamp"].is_null());
    for namespace in going.cloned().collect::<Vec<_>>() {
        let Some(since) = namespace["metadata"]["deletionTimestamp"].as_str() else { continue };
        let name = namespace["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let begun = world.leaving.entry(format!("{name} {since}")).or_insert_with(clock::now);
        if begun.elapsed() < LEAVING {
            soon = Some(LEAVING);
            continue;
        }
        let all = world.shelves.values().flat_map(|shelf| shelf.values());
        let within: Vec<Value> = all
            .filter(|object| object["metadata"]["namespace"] == name.as_str())
            .cloned()
            .collect();
        if within.is_empty() {
            world.delete("Namespace", "", &name);
        }
        for object in within.iter().filter(|it| it["metadata"]["deletionTimestamp"].is_null()) {
            if let Some(place) = world.place_of(object) {
                world.retire(&place, "Background");
            }
        }
    }
    soon
}
