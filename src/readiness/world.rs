//! The objects of a cluster that a judgement may look at. A kind that nobody listed is unknown, and
//! unknown is not absent.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use jiff::Timestamp;
use serde_json::Value;

use super::shelf::Shelf;
use super::sources::Sources;
use super::{Cause, Root};
use crate::manifest::read;
use crate::manifest::requests::NodeRoom;

/// Objects by kind.
#[derive(Clone, Debug, Default)]
pub struct World {
    kinds: BTreeMap<String, Shelf>,
    rooms: OnceLock<Vec<NodeRoom>>,
    clock: OnceLock<Option<Timestamp>>,
    /// By node and image: a pod that runs it there with pull secrets, by its place.
    lenders: OnceLock<HashMap<(String, String), usize>>,
    is_ending: OnceLock<bool>,
    judged: OnceLock<Vec<(Root, Cause)>>,
    sources: Sources,
    /// By namespace and image: the last event on a pull that failed, by its place.
    pulls: OnceLock<HashMap<(String, String), usize>>,
}

impl World {
    /// The objects of a list, sorted by their kind.
    pub fn of(objects: impl IntoIterator<Item = Value>) -> Self {
        let mut world = Self::default();
        for object in objects {
            let kind = read::kind(&object).to_owned();
            world.put(&kind, object);
            world.complete(&kind);
        }
        world
    }

    /// Where what it holds comes from, as far as it is known.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Says where what it holds comes from.
    pub fn sources_mut(&mut self) -> &mut Sources {
        self.forget();
        &mut self.sources
    }

    /// Sets all objects of a kind, an empty list included: from here on, what is not in it is not
    /// there.
    pub fn set(&mut self, kind: &str, objects: Vec<Value>) {
        self.forget();
        self.kinds.insert(kind.to_owned(), Shelf::complete(objects));
    }

    /// Adds an object of a kind, or replaces the one of its name.
    pub fn put(&mut self, kind: &str, object: Value) {
        self.shelf(kind).put(object);
    }

    /// Takes an object of a kind away.
    pub fn take(&mut self, kind: &str, namespace: &str, name: &str) {
        self.shelf(kind).take(namespace, name);
    }

    /// Keeps the objects of a kind that are wanted.
    pub fn retain(&mut self, kind: &str, wanted: impl FnMut(&Value) -> bool) {
        self.shelf(kind).retain(wanted);
    }

    /// Says that all objects of a kind are here: what is not is not there.
    pub fn complete(&mut self, kind: &str) {
        self.shelf(kind).complete_now();
    }

    /// Forgets what was worked out of the objects as they were.
    fn forget(&mut self) {
        self.rooms = OnceLock::new();
        self.clock = OnceLock::new();
        self.lenders = OnceLock::new();
        self.is_ending = OnceLock::new();
        self.judged = OnceLock::new();
        self.pulls = OnceLock::new();
    }

    fn shelf(&mut self, kind: &str) -> &mut Shelf {
        self.forget();
        self.kinds.entry(kind.to_owned()).or_default()
    }

    /// The objects of a kind, none if it was not listed.
    #[must_use]
    pub fn all(&self, kind: &str) -> &[Value] {
        self.kinds.get(kind).map(Shelf::all).unwrap_or_default()
    }

    /// The objects of a kind in a namespace, in their order.
    pub fn within<'w>(
        &'w self,
        kind: &str,
        namespace: &str,
    ) -> impl Iterator<Item = &'w Value> + use<'w> {
        let found: Vec<&Value> =
            self.kinds.get(kind).map(|shelf| shelf.within(namespace).collect()).unwrap_or_default();
        found.into_iter()
    }

    /// How many objects there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.kinds.values().map(|shelf| shelf.all().len()).sum()
    }

    /// The kinds that anybody asked for, in the order of their names.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.kinds.keys().map(String::as_str)
    }

    /// All objects, kind by kind.
    pub fn objects(&self) -> impl Iterator<Item = &Value> {
        self.kinds.values().flat_map(Shelf::all)
    }

    /// Changes every object.
    pub fn amend(&mut self, change: &mut dyn FnMut(&mut Value)) {
        self.forget();
        self.kinds.values_mut().for_each(|shelf| shelf.amend(change));
    }

    /// What is wrong with the objects as they are, each with the object that shows it; worked out
    /// once.
    pub fn judged(&self, work: impl FnOnce(&Self) -> Vec<(Root, Cause)>) -> &[(Root, Cause)] {
        self.judged.get_or_init(|| work(self))
    }

    /// Whether all objects of a kind are here.
    #[must_use]
    pub fn knows(&self, kind: &str) -> bool {
        self.kinds.get(kind).is_some_and(Shelf::is_complete)
    }

    /// An object by its name; the namespace is empty for objects of the cluster.
    #[must_use]
    pub fn find(&self, kind: &str, namespace: &str, name: &str) -> Option<&Value> {
        self.kinds.get(kind)?.find(namespace, name)
    }

    /// Whether an object is provably not there.
    #[must_use]
    pub fn lacks(&self, kind: &str, namespace: &str, name: &str) -> bool {
        self.knows(kind) && self.find(kind, namespace, name).is_none()
    }

    /// Another namespace that has an object of this kind and name, the first by its name.
    pub(super) fn elsewhere(&self, kind: &str, namespace: &str, name: &str) -> Option<&str> {
        self.kinds.get(kind)?.namesakes(name).filter(|other| *other != namespace).min()
    }

    /// The objects of a kind that belong to the one of this uid.
    pub(super) fn owned<'w>(
        &'w self,
        kind: &str,
        uid: &str,
    ) -> impl Iterator<Item = &'w Value> + use<'w> {
        let owned: Vec<&Value> =
            self.kinds.get(kind).map(|shelf| shelf.related(uid).collect()).unwrap_or_default();
        owned.into_iter()
    }

    /// The events about an object, the newest last.
    pub(super) fn events<'w>(
        &'w self,
        object: &Value,
    ) -> impl Iterator<Item = &'w Value> + use<'w> {
        let mut events: Vec<&Value> =
            self.owned("Event", read::text(object, "/metadata/uid")).collect();
        events.sort_by_key(|event| when(event));
        events.into_iter()
    }

    /// What the runtime said last of this image to any pod of a namespace. Of a pod's own events some
    /// may be left out where there are many.
    pub(super) fn said_of_image(&self, namespace: &str, image: &str) -> Option<&str> {
        let events = self.all("Event");
        let pulls = self.pulls.get_or_init(|| {
            let mut found: HashMap<(String, String), usize> = HashMap::new();
            for (at, event) in events.iter().enumerate() {
                let Some((image, _)) = pull_failure(event) else { continue };
                let key = (read::namespace(event).to_owned(), image.to_owned());
                let known = found.entry(key).or_insert(at);
                if when(event) >= when(&events[*known]) {
                    *known = at;
                }
            }
            found
        });
        let at = pulls.get(&(namespace.to_owned(), image.to_owned()))?;
        Some(pull_failure(events.get(*at)?)?.1)
    }

    /// What the nodes offer, and what their pods leave of it.
    pub(super) fn rooms(&self) -> &[NodeRoom] {
        self.rooms.get_or_init(|| {
            let nodes = self.all("Node").iter();
            nodes.map(|node| NodeRoom::of(node, self.all("Pod"))).collect()
        })
    }

    /// A pod that runs this image on this node, with pull secrets of its own.
    pub(super) fn lender(&self, node: &str, image: &str) -> Option<&Value> {
        let pods = self.all("Pod");
        let lenders = self.lenders.get_or_init(|| {
            let mut found = HashMap::new();
            for (at, pod) in pods.iter().enumerate() {
                if !read::holds(pod, "Ready")
                    || read::list(pod, "/spec/imagePullSecrets").is_empty()
                {
                    continue;
                }
                for container in read::list(pod, "/spec/containers") {
                    let key = [read::text(pod, "/spec/nodeName"), read::text(container, "/image")];
                    found.entry(key.map(str::to_owned).into()).or_insert(at);
                }
            }
            found
        });
        pods.get(*lenders.get(&(node.to_owned(), image.to_owned()))?)
    }

    /// Whether a pod that has a node is about to end: what it holds comes free.
    pub(super) fn has_ending_pod(&self) -> bool {
        *self.is_ending.get_or_init(|| {
            self.all("Pod").iter().any(|pod| {
                !read::text(pod, "/metadata/deletionTimestamp").is_empty()
                    && !read::text(pod, "/spec/nodeName").is_empty()
            })
        })
    }

    /// How many seconds before the cluster's own clock a timestamp is; `None` where either is not
    /// known. That clock is the newest time that nodes, pods and events tell: it may lag by the five
    /// minutes in which an idle node says nothing, so things look younger than they are, never older.
    pub(super) fn age(&self, timestamp: &str) -> Option<i64> {
        let then: Timestamp = timestamp.parse().ok()?;
        Some((*self.clock.get_or_init(|| self.newest()))?.duration_since(then).as_secs())
    }

    fn newest(&self) -> Option<Timestamp> {
        let conditions =
            ["Node", "Pod"].iter().flat_map(|kind| self.all(kind)).flat_map(|object| {
                let beats = read::list(object, "/status/conditions").iter();
                beats.flat_map(|one| {
                    ["/lastHeartbeatTime", "/lastTransitionTime"]
                        .map(|field| read::text(one, field))
                })
            });
        let events = self.all("Event").iter().flat_map(|event| {
            ["/series/lastObservedTime", "/eventTime", "/lastTimestamp"]
                .map(|field| read::text(event, field))
        });
        // All are in one zone and sort as text, those of one second in any order.
        conditions.chain(events).max()?.parse().ok()
    }

    /// The architecture of the node that a pod is on, or the only one that the nodes have.
    pub(super) fn architecture(&self, pod: &Value) -> Option<String> {
        let of = |node: &Value| {
            let info = read::text(node, "/status/nodeInfo/architecture");
            let label =
                || node.pointer("/metadata/labels/kubernetes.io~1arch").and_then(Value::as_str);
            if info.is_empty() { label().map(str::to_owned) } else { Some(info.to_owned()) }
        };
        let nodes = self.all("Node");
        let own = nodes.iter().find(|node| read::name(node) == read::text(pod, "/spec/nodeName"));
        own.or(nodes.first().filter(|_| nodes.len() == 1)).and_then(of)
    }
}

/// When an event happened last; the scheduler leaves the older fields empty.
pub fn when(event: &Value) -> &str {
    let fields = [
        "/series/lastObservedTime",
        "/eventTime",
        "/lastTimestamp",
        "/firstTimestamp",
        "/metadata/creationTimestamp",
    ];
    let times = fields.map(|field| read::text(event, field));
    times.into_iter().find(|time| !time.is_empty()).unwrap_or_default()
}

/// The image that an event says could not be pulled, and why. That many pulls wait says nothing.
pub(super) fn pull_failure(event: &Value) -> Option<(&str, &str)> {
    if read::text(event, "/reason") != "Failed" {
        return None;
    }
    let (image, why) =
        message(event).strip_prefix("Failed to pull image \"")?.split_once("\": ")?;
    (!why.contains("pull QPS exceeded")).then_some((image, why))
}

/// How often an event happened.
pub(super) fn times(event: &Value) -> i64 {
    read::number(event, "/series/count").or(read::number(event, "/count")).unwrap_or(1)
}

/// The text of an event.
pub(super) fn message(event: &Value) -> &str {
    match read::text(event, "/message") {
        "" => read::text(event, "/note"),
        message => message,
    }
}
