//! Watches: what is there at first, what changes, bookmarks, and their ends.

use std::net::TcpStream;
use std::sync::MutexGuard;
use std::time::Duration;

use serde_json::{Value, json};

use super::http::{Request, begin, chunk, finish, reply};
use super::place::Place;
use super::read::shown;
use super::select::Selector;
use super::status::{Answer, refusal};
use super::world::{Event, World};
use super::{Shared, clock};

/// How long a watch lasts whose caller does not say.
const LIMIT: u64 = 290;

/// An open watch.
pub(super) struct Watch<'r> {
    request: &'r Request,
    place: &'r Place,
    selector: Selector,
    seen: u64,
    /// What it told of how far it has come.
    marked: u64,
}

impl<'r> Watch<'r> {
    pub(super) fn of(request: &'r Request, place: &'r Place) -> Answer<Self> {
        Ok(Self { request, place, selector: Selector::of(request)?, seen: 0, marked: 0 })
    }

    /// What it tells at first; an error event where it begins too long ago.
    pub(super) fn open(&mut self, world: &World) -> Result<Vec<Value>, Value> {
        let request = self.request;
        let from = request.parameter("resourceVersion");
        self.seen = from.parse().ok().filter(|&it| it > 0).unwrap_or(world.version);
        if self.seen < world.oldest {
            let message = format!("too old resource version: {} ({})", self.seen, world.oldest);
            let gone = refusal(410, "Expired", &message).body;
            return Err(json!({ "type": "ERROR", "object": gone }));
        }
        let mut events = Vec::new();
        let tells_initial = request.is_on("sendInitialEvents");
        if tells_initial || from.is_empty() || from == "0" {
            let all = world.selected(self.place, &self.selector);
            let all = all.map(|object| shown(request, self.place, object));
            events.extend(all.map(|object| json!({ "type": "ADDED", "object": object })));
            self.seen = world.version;
        }
        if tells_initial && request.is_on("allowWatchBookmarks") {
            let mut last = bookmark(self.place, self.seen);
            let annotations = json!({ "k8s.io/initial-events-end": "true" });
            last["object"]["metadata"]["annotations"] = annotations;
            events.push(last);
            self.marked = self.seen;
        }
        Ok(events)
    }

    /// What is new since it was asked the last time.
    pub(super) fn news(&mut self, world: &World) -> Vec<Value> {
        let seen = self.seen;
        self.seen = world.version;
        world.told_after(seen).iter().filter_map(|event| self.told(event)).collect()
    }

    /// What it tells before its time is over.
    pub(super) fn last(&self, world: &World) -> Option<Value> {
        let is_news = self.marked != world.version;
        let is_wanted = is_news && self.request.is_on("allowWatchBookmarks");
        is_wanted.then(|| bookmark(self.place, world.version))
    }

    /// An event as this watch has it; none for what it is not about. What stops to be selected is
    /// gone for it, what begins to be is new.
    fn told(&self, event: &Event) -> Option<Value> {
        let place = self.place;
        if event.key != place.kind.key() {
            return None;
        }
        if event.kind == "BOOKMARK" {
            let is_own = place.namespace.is_empty() || place.namespace == event.namespace;
            return is_own.then(|| json!({ "type": "BOOKMARK", "object": event.object }));
        }
        let name = event.object["metadata"]["name"].as_str().unwrap_or_default();
        if !place.holds(&event.namespace, name) {
            return None;
        }
        let selects = |object: &Value| self.selector.selects(object);
        let before = event.previous.as_ref().is_some_and(selects);
        let after = event.kind != "DELETED" && selects(&event.object);
        let kind = match (before, after) {
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
            (false, false) => return None,
        };
        Some(json!({ "type": kind, "object": shown(self.request, place, &event.object) }))
    }
}

/// Streams what changes, until the watch's own time or the server's end.
pub(super) fn run(
    stream: &mut TcpStream,
    shared: &Shared,
    (request, place): (&Request, &Place),
    mut world: MutexGuard<'_, World>,
) -> Option<()> {
    let mut watch = match Watch::of(request, place) {
        Ok(watch) => watch,
        Err(refused) => return reply(stream, refused.code, "application/json", &refused.body),
    };
    begin(stream)?;
    match watch.open(&world) {
        Ok(events) => events.iter().try_for_each(|event| chunk(stream, event))?,
        Err(gone) => {
            chunk(stream, &gone)?;
            return finish(stream);
        }
    }
    let epoch = world.watches;
    world.pull(&request.call());
    world.settle();
    shared.changed.notify_all();
    let limit = request.parameter("timeoutSeconds").parse().unwrap_or(LIMIT);
    let end = clock::now() + Duration::from_secs(limit);
    loop {
        watch.news(&world).iter().try_for_each(|event| chunk(stream, event))?;
        if world.watches != epoch || world.is_over {
            return None;
        }
        let left = end.saturating_duration_since(clock::now());
        if left.is_zero() {
            watch.last(&world).iter().try_for_each(|event| chunk(stream, event))?;
            return finish(stream);
        }
        world = shared.wait(world, left);
    }
}

/// How far a watch has come. A real server sends it now and then, and before it ends a watch.
fn bookmark(place: &Place, version: u64) -> Value {
    json!({ "type": "BOOKMARK", "object": {
        "kind": place.kind.name, "apiVersion": place.kind.api_version(),
        "metadata": { "resourceVersion": version.to_string() },
    } })
}
