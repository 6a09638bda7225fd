//! What the server knows, and what tests and simulated controllers do to it. How calls change it
//! is in `write`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpStream;
use std::time::Instant;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::controller::Controllers;
use super::faults::Script;
use super::kinds::Kinds;
use super::place::Place;

/// Where the collections are that every test knows.
pub(crate) const NODES: &str = "/api/v1/nodes";
pub(crate) const ACCOUNTS: &str = "/api/v1/namespaces/default/serviceaccounts";

/// What the server writes beside its own certificate.
const ROOT_CA: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when \
    using internal endpoints such as the internal service IP or kubernetes.default.svc. No other \
    usage is guaranteed across distributions of Kubernetes clusters.";

/// Namespace and name of an object.
pub(super) type Key = (String, String);

/// Objects of one kind.
pub(super) type Shelf = BTreeMap<Key, Value>;

/// What the server knows.
pub(crate) struct World {
    pub(super) version: u64,
    pub(super) oldest: u64,
    pub(super) kinds: Kinds,
    pub(super) shelves: BTreeMap<String, Shelf>,
    pub(super) log: Vec<Event>,
    pub(super) script: Script,
    pub(super) asked: Vec<Asked>,
    pub(super) unknown: Vec<String>,
    /// Identities of objects that are gone, whose dependents have to go.
    pub(super) gone: BTreeSet<String>,
    pub(super) controllers: Controllers,
    pub(super) names: u64,
    /// Since when namespaces are going away.
    pub(super) leaving: BTreeMap<String, Instant>,
    pub(super) held: BTreeSet<Held>,
    /// Rises when open watches have to end.
    pub(super) watches: u64,
    pub(super) is_over: bool,
    /// How often it began to listen.
    pub(super) spans: u64,
    pub(super) streams: Vec<TcpStream>,
    pub(super) in_flight: usize,
    pub(super) in_flight_max: usize,
}

/// What the server would do by itself, and does not while a test holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Held {
    /// New namespaces get no service account.
    Accounts,
    /// Namespaces that are deleted stay.
    Namespaces,
    /// New definitions are not established.
    Definitions,
}

/// A change, as watches tell it.
pub(super) struct Event {
    pub(super) at: Timestamp,
    pub(super) version: u64,
    pub(super) key: String,
    pub(super) namespace: String,
    pub(super) kind: &'static str,
    pub(super) object: Value,
    pub(super) previous: Option<Value>,
}

/// A call that came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) at: Instant,
    pub(crate) method: String,
    /// Path and query as they came.
    pub(crate) target: String,
    pub(crate) body: Value,
    pub(crate) is_write: bool,
}

impl Asked {
    /// Method, path and query.
    pub(crate) fn call(&self) -> String {
        format!("{} {}", self.method, self.target)
    }

    /// Method and path, for a change that is to be kept.
    pub(super) fn write(&self) -> Option<String> {
        let path = self.target.split('?').next().unwrap_or_default();
        self.is_write.then(|| format!("{} {path}", self.method))
    }
}

impl World {
    /// What is there before anybody has come: the server's own namespaces.
    pub(crate) fn new() -> Self {
        let mut world = Self {
            version: 100,
            oldest: 0,
            kinds: Kinds::built_in(),
            shelves: BTreeMap::new(),
            log: Vec::new(),
            script: Script::default(),
            asked: Vec::new(),
            unknown: Vec::new(),
            gone: BTreeSet::new(),
            controllers: Controllers::default(),
            names: 0,
            leaving: BTreeMap::new(),
            held: BTreeSet::new(),
            watches: 0,
            is_over: false,
            spans: 0,
            streams: Vec::new(),
            in_flight: 0,
            in_flight_max: 0,
        };
        world.hold(Held::Accounts);
        for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
            world.namespace(name);
        }
        world.release(Held::Accounts);
        world
    }

    /// Puts an object in place, at the path of its collection, and tells those who watch.
    pub(crate) fn put(&mut self, collection: &str, name: &str, mut object: Value) {
        let Some(mut place) = self.place(collection) else {
            return self.unknown.push(format!("put {collection}"));
        };
        name.clone_into(&mut place.name);
        object["metadata"]["name"] = name.into();
        self.keep(&place, object);
    }

    /// Takes an object away and tells those who watch.
    pub(crate) fn remove(&mut self, collection: &str, name: &str) {
        if let Some(mut place) = self.place(collection) {
            name.clone_into(&mut place.name);
            self.take(&place);
        }
    }

    /// The object at a path.
    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        self.at(&self.place(path)?).cloned()
    }

    /// The object of this kind, namespace (empty where there is none) and name.
    pub(crate) fn find(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let key = self.kinds.named(kind)?.key();
        self.shelves.get(&key)?.get(&(namespace.to_owned(), name.to_owned())).cloned()
    }

    /// What came, or was put in place, that the server does not know.
    pub(crate) fn unknown(&self) -> &[String] {
        &self.unknown
    }

    /// All that was asked, in order.
    pub(crate) fn requests(&self) -> &[Asked] {
        &self.asked
    }

    /// What changed after a version, and when; that version becomes the present one.
    pub(crate) fn changes(&self, since: &mut u64) -> Vec<(Timestamp, Value)> {
        let told = self.told_after(*since).iter();
        let changes = told.map(|event| (event.at, event.object.clone())).collect();
        *since = self.version;
        changes
    }

    /// What watches tell of the time after a version. The log is in the order of its versions, and
    /// many watches read it after each change.
    pub(super) fn told_after(&self, version: u64) -> &[Event] {
        &self.log[self.log.partition_point(|event| event.version <= version)..]
    }

    /// All objects of a kind.
    pub(crate) fn objects(&self, kind: &str) -> Vec<Value> {
        let own = self.kinds.named(kind).and_then(|kind| self.shelves.get(&kind.key()));
        own.map(|own| own.values().cloned().collect()).unwrap_or_default()
    }

    /// Puts an object where its own kind, namespace and name say, and tells those who watch.
    pub(crate) fn store(&mut self, object: Value) {
        match self.place_of(&object) {
            Some(place) => drop(self.keep(&place, object)),
            None => {
                self.unknown.push(format!("store {} {}", object["apiVersion"], object["kind"]));
            }
        }
    }

    /// Where an object belongs.
    pub(super) fn place_of(&self, object: &Value) -> Option<Place> {
        let kind = self.kinds.of(object)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let metadata = &object["metadata"];
        let (namespace, name) = (text(&metadata["namespace"]), text(&metadata["name"]));
        Some(Place { kind, namespace, name })
    }

    /// Takes the object of this kind, namespace and name away.
    pub(crate) fn delete(&mut self, kind: &str, namespace: &str, name: &str) {
        if let Some(kind) = self.kinds.named(kind) {
            let (namespace, name) = (namespace.to_owned(), name.to_owned());
            self.take(&Place { kind, namespace, name });
        }
    }

    /// A namespace with what every one has.
    pub(crate) fn namespace(&mut self, name: &str) {
        self.store(json!({
            "kind": "Namespace", "apiVersion": "v1",
            "metadata": { "name": name, "labels": { "kubernetes.io/metadata.name": name } },
            "spec": { "finalizers": ["kubernetes"] },
            "status": { "phase": "Active" },
        }));
        self.furnish(name);
    }

    /// What the server itself puts into a new namespace.
    pub(super) fn furnish(&mut self, namespace: &str) {
        if self.held.contains(&Held::Accounts) {
            return;
        }
        self.store(json!({
            "kind": "ConfigMap", "apiVersion": "v1",
            "metadata": { "name": "kube-root-ca.crt", "namespace": namespace,
                "annotations": { "kubernetes.io/description": ROOT_CA } },
            "data": { "ca.crt": "-----BEGIN CERTIFICATE-----\nMIID\n-----END CERTIFICATE-----\n" },
        }));
        self.store(json!({
            "kind": "ServiceAccount", "apiVersion": "v1",
            "metadata": { "name": "default", "namespace": namespace },
        }));
    }

    /// Sends those who watch a bookmark.
    pub(crate) fn bookmark(&mut self, collection: &str, kind: &str) {
        self.version += 1;
        let Some(place) = self.place(collection) else { return };
        let object = json!({
            "kind": kind,
            "apiVersion": place.kind.api_version(),
            "metadata": { "resourceVersion": self.version.to_string() },
        });
        self.tell(&place, "BOOKMARK", object, None);
    }

    /// A node that takes work.
    pub(crate) fn node_ready(&mut self, name: &str) {
        let ready = ("True", "KubeletReady", "kubelet is posting ready status");
        self.put(NODES, name, node(name, ready));
    }

    /// A node that takes none, and why.
    pub(crate) fn node_unready(&mut self, name: &str, reason: &str, message: &str) {
        self.put(NODES, name, node(name, ("False", reason, message)));
    }

    /// The service account without which no pod starts.
    pub(crate) fn default_account(&mut self) {
        let object = json!({ "metadata": { "namespace": "default" } });
        self.put(ACCOUNTS, "default", object);
    }

    /// Ends open watches as a server does that goes away.
    pub(crate) fn drop_watches(&mut self) {
        self.watches += 1;
    }

    /// Makes all versions so far too old to watch from, and ends open watches.
    pub(crate) fn expire(&mut self) {
        self.version += 1;
        self.oldest = self.version;
        self.watches += 1;
    }

    /// The state as a document, and where it was taken.
    pub(crate) fn dump(&self) -> Value {
        let objects = self.shelves.values().flat_map(BTreeMap::values);
        json!({ "version": self.version, "objects": objects.collect::<Vec<_>>() })
    }

    /// Takes a state over that was written down; what was there is forgotten.
    pub(crate) fn load(&mut self, dump: &Value) {
        self.shelves.clear();
        let objects = dump["objects"].as_array().cloned().unwrap_or_default();
        let (definitions, others): (Vec<_>, Vec<_>) =
            objects.into_iter().partition(|object| object["kind"] == "CustomResourceDefinition");
        for object in definitions.iter().chain(&others) {
            let Some(kind) = self.kinds.of(object) else { continue };
            if kind.name == "CustomResourceDefinition" {
                self.kinds.define(object);
            }
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let metadata = &object["metadata"];
            let key = (text(&metadata["namespace"]), text(&metadata["name"]));
            self.shelves.entry(kind.key()).or_default().insert(key, object.clone());
        }
        self.version = self.version.max(dump["version"].as_u64().unwrap_or_default()) + 1;
        self.oldest = self.version;
        self.watches += 1;
    }
}

fn node(name: &str, (ready, reason, message): (&str, &str, &str)) -> Value {
    json!({
        "metadata": {
            "creationTimestamp": "2026-11-21T10:08:47Z",
            "labels": {
                "kubernetes.io/hostname": name, "node-role.kubernetes.io/control-plane": "",
            },
        },
        "status": {
            "addresses": [
                { "type": "InternalIP", "address": "192.0.2.2" },
                { "type": "Hostname", "address": "node" },
            ],
            "conditions": [
                { "type": "MemoryPressure", "status": "False" },
                { "type": "Ready", "status": ready, "reason": reason, "message": message },
            ],
            "nodeInfo": {
                "architecture": "amd64", "bootID": "", "containerRuntimeVersion": "",
                "kernelVersion": "", "kubeProxyVersion": "", "kubeletVersion": "v1.36.2",
                "machineID": "", "operatingSystem": "linux", "osImage": "", "systemUUID": "",
            },
        },
    })
}
