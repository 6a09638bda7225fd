//! How objects are kept: what the server adds to each, and what it tells those who watch.

use std::sync::Arc;

use serde_json::{Value, json};

use super::clock;
use super::kinds::Kind;
use super::place::{Place, target};
use super::world::{Event, World};

impl World {
    /// Where a path leads, of an object or of a collection.
    pub(super) fn place(&self, path: &str) -> Option<Place> {
        let target = target(&self.kinds, path)?;
        let (namespace, name) = (target.namespace.unwrap_or_default(), target.name);
        Some(Place { kind: target.kind, namespace, name: name.unwrap_or_default() })
    }

    pub(super) fn at(&self, place: &Place) -> Option<&Value> {
        let key = (place.namespace.clone(), place.name.clone());
        self.shelves.get(&place.kind.key())?.get(&key)
    }

    /// Keeps an object, with what the server adds to each, and gives it back.
    pub(super) fn keep(&mut self, place: &Place, mut object: Value) -> Value {
        self.version += 1;
        let previous = self.at(place).cloned();
        complete(&mut object, place, previous.as_ref(), self.version);
        let key = (place.namespace.clone(), place.name.clone());
        self.shelves.entry(place.kind.key()).or_default().insert(key, object.clone());
        let kind = if previous.is_some() { "MODIFIED" } else { "ADDED" };
        if place.kind.name == "CustomResourceDefinition" {
            self.kinds.define(&object);
        }
        self.tell(place, kind, object.clone(), previous);
        object
    }

    /// Takes an object away, and gives its last state.
    pub(super) fn take(&mut self, place: &Place) -> Option<Value> {
        let key = (place.namespace.clone(), place.name.clone());
        let mut object = self.shelves.get_mut(&place.kind.key())?.remove(&key)?;
        self.version += 1;
        self.gone.extend(object["metadata"]["uid"].as_str().map(str::to_owned));
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        if place.kind.name == "CustomResourceDefinition" {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let group = text(&object["spec"]["group"]);
            self.kinds.forget(&group, &text(&object["spec"]["names"]["plural"]));
        }
        let previous = Some(object.clone());
        self.tell(place, "DELETED", object.clone(), previous);
        Some(object)
    }

    pub(super) fn tell(
        &mut self,
        place: &Place,
        kind: &'static str,
        object: Value,
        previous: Option<Value>,
    ) {
        let (key, namespace) = (place.kind.key(), place.namespace.clone());
        let (at, version) = (clock::moment(), self.version);
        self.log.push(Event { at, version, key, namespace, kind, object, previous });
    }

    /// The kind that is stored under this key.
    pub(super) fn kind_of(&self, key: &str) -> Option<Arc<Kind>> {
        self.kinds.keyed(key)
    }

    /// An identity that nothing else has.
    pub(super) fn next_name(&mut self) -> String {
        const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
        self.names += 1;
        let mut rest = self.names * 7919 + 104_729;
        let mut name = String::new();
        for _ in 0..5 {
            name.push(char::from(LETTERS[usize::try_from(rest % 27).unwrap_or_default()]));
            rest = rest / 27 + 31 * (rest % 27);
        }
        name
    }
}

pub(super) fn complete(object: &mut Value, place: &Place, previous: Option<&Value>, version: u64) {
    let own = std::mem::take(object);
    // Kind and version come first, as the server writes them.
    *object = json!({ "kind": place.kind.name, "apiVersion": place.kind.api_version() });
    if let (Some(all), Value::Object(own)) = (object.as_object_mut(), own) {
        let own = own.into_iter().filter(|(key, _)| key != "kind" && key != "apiVersion");
        all.extend(own);
    }
    let metadata = &mut object["metadata"];
    if place.kind.is_namespaced {
        metadata["namespace"] = place.namespace.as_str().into();
    }
    for (field, fresh) in [
        ("uid", format!("{version:08x}-0000-4000-8000-{version:012x}")),
        ("creationTimestamp", clock::stamp()),
    ] {
        if metadata[field].is_null() {
            let before = previous.map(|previous| previous["metadata"][field].clone());
            metadata[field] = before.filter(|it| !it.is_null()).unwrap_or_else(|| fresh.into());
        }
    }
    metadata["resourceVersion"] = version.to_string().into();
}
