//! The objects of a cluster that a judgement may look at. A kind that nobody listed is unknown, and
//! unknown is not absent.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::manifest::read;

/// Objects by kind.
#[derive(Clone, Debug, Default)]
pub struct World {
    kinds: BTreeMap<String, Vec<Value>>,
}

impl World {
    /// The objects of a list, sorted by their kind.
    pub fn of(objects: impl IntoIterator<Item = Value>) -> Self {
        let mut world = Self::default();
        for object in objects {
            world.kinds.entry(read::kind(&object).to_owned()).or_default().push(object);
        }
        world
    }

    /// Sets all objects of a kind, an empty list included: from here on, what is not in it is not
    /// there.
    pub fn set(&mut self, kind: &str, objects: Vec<Value>) {
        self.kinds.insert(kind.to_owned(), objects);
    }

    /// The objects of a kind, none if it was not listed.
    #[must_use]
    pub fn all(&self, kind: &str) -> &[Value] {
        self.kinds.get(kind).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a kind was listed.
    #[must_use]
    pub fn knows(&self, kind: &str) -> bool {
        self.kinds.contains_key(kind)
    }

    /// An object by its name; the namespace is empty for objects of the cluster.
    #[must_use]
    pub fn find(&self, kind: &str, namespace: &str, name: &str) -> Option<&Value> {
        self.all(kind)
            .iter()
            .find(|object| read::name(object) == name && read::namespace(object) == namespace)
    }

    /// Whether an object is provably not there.
    #[must_use]
    pub fn lacks(&self, kind: &str, namespace: &str, name: &str) -> bool {
        self.knows(kind) && self.find(kind, namespace, name).is_none()
    }

    /// The events about an object, in the order of the list.
    pub(super) fn events<'w>(&'w self, object: &Value) -> impl Iterator<Item = &'w Value> {
        let uid = read::text(object, "/metadata/uid").to_owned();
        self.all("Event").iter().filter(move |event| {
            // `events.k8s.io` says `regarding` where the core kind says `involvedObject`.
            let about =
                [read::text(event, "/involvedObject/uid"), read::text(event, "/regarding/uid")];
            !uid.is_empty() && about.contains(&uid.as_str())
        })
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
