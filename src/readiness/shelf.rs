//! The objects of one kind, found by name, by owner and by what they are about, without a look at
//! all of them.

use std::collections::HashMap;

use serde_json::Value;

use crate::manifest::read;

/// Objects of one kind in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelf {
    objects: Vec<Value>,
    /// Namespace, name, place in `objects`.
    places: HashMap<String, HashMap<String, usize>>,
    /// The places of all objects of a namespace, in their order.
    within: HashMap<String, Vec<usize>>,
    /// The places of what an object owns, and of events about it, by its uid.
    related: HashMap<String, Vec<usize>>,
    /// Whether what is not here is not there.
    is_complete: bool,
}

impl Shelf {
    /// All objects of a kind.
    pub(super) fn complete(objects: Vec<Value>) -> Self {
        let mut shelf = Self { is_complete: true, ..Self::default() };
        for object in objects {
            shelf.put(object);
        }
        shelf
    }

    /// Says that from now on all objects are here.
    pub(super) fn complete_now(&mut self) {
        self.is_complete = true;
    }

    /// Whether what is not here is not there.
    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// All objects.
    pub(super) fn all(&self) -> &[Value] {
        &self.objects
    }

    /// Adds an object, or replaces the one of its name.
    pub(super) fn put(&mut self, object: Value) {
        let at = self.place(read::namespace(&object), read::name(&object));
        match at {
            Some(at) if relations(&self.objects[at]).eq(relations(&object)) => {
                self.objects[at] = object;
            }
            Some(at) => {
                self.objects[at] = object;
                self.order();
            }
            None => {
                self.objects.push(object);
                self.register(self.objects.len() - 1);
            }
        }
    }

    /// Takes an object away.
    pub(super) fn take(&mut self, namespace: &str, name: &str) {
        if let Some(at) = self.place(namespace, name) {
            self.objects.remove(at);
            self.order();
        }
    }

    /// Keeps the objects that are wanted.
    pub(super) fn retain(&mut self, wanted: impl FnMut(&Value) -> bool) {
        let before = self.objects.len();
        self.objects.retain(wanted);
        if self.objects.len() != before {
            self.order();
        }
    }

    /// Changes every object.
    pub(super) fn amend(&mut self, change: &mut dyn FnMut(&mut Value)) {
        self.objects.iter_mut().for_each(change);
        self.order();
    }

    /// An object by its name.
    pub(super) fn find(&self, namespace: &str, name: &str) -> Option<&Value> {
        self.objects.get(self.place(namespace, name)?)
    }

    /// The namespaces that have an object of this name, in no order.
    pub(super) fn namesakes<'s>(&'s self, name: &str) -> impl Iterator<Item = &'s str> {
        let has = |names: &HashMap<String, usize>| names.contains_key(name);
        self.places
            .iter()
            .filter(move |(_, names)| has(names))
            .map(|(namespace, _)| namespace.as_str())
    }

    /// The objects of a namespace, in their order.
    pub(super) fn within(&self, namespace: &str) -> impl Iterator<Item = &Value> {
        let places = self.within.get(namespace);
        places.into_iter().flatten().filter_map(|&at| self.objects.get(at))
    }

    /// The objects that this one owns, or the events about it, in their order.
    pub(super) fn related(&self, uid: &str) -> impl Iterator<Item = &Value> {
        let places = self.related.get(uid).filter(|_| !uid.is_empty());
        places.into_iter().flatten().filter_map(|&at| self.objects.get(at))
    }

    fn place(&self, namespace: &str, name: &str) -> Option<usize> {
        self.places.get(namespace)?.get(name).copied()
    }

    fn register(&mut self, at: usize) {
        let object = &self.objects[at];
        let names = self.places.entry(read::namespace(object).to_owned()).or_default();
        names.insert(read::name(object).to_owned(), at);
        let places = self.within.entry(read::namespace(object).to_owned()).or_default();
        if places.last() != Some(&at) {
            places.push(at);
        }
        for uid in relations(object) {
            let places = self.related.entry(uid.to_owned()).or_default();
            if places.last() != Some(&at) {
                places.push(at);
            }
        }
    }

    fn order(&mut self) {
        self.places.clear();
        self.within.clear();
        self.related.clear();
        for at in 0..self.objects.len() {
            self.register(at);
        }
    }
}

/// The objects that this one belongs to: its owners, or what an event is about.
fn relations(object: &Value) -> impl Iterator<Item = &str> {
    let owners = read::list(object, "/metadata/ownerReferences").iter();
    let owners = owners.map(|owner| read::text(owner, "/uid"));
    // `events.k8s.io` says `regarding` where the core kind says `involvedObject`.
    let about = ["/involvedObject/uid", "/regarding/uid"].map(|field| read::text(object, field));
    owners.chain(about).filter(|uid| !uid.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, owner: &str) -> Value {
        json!({"kind": "Pod", "metadata": {"namespace": "n", "name": name,
            "ownerReferences": [{"uid": owner}]}})
    }

    fn owned(shelf: &Shelf, uid: &str) -> Vec<String> {
        shelf.related(uid).map(|pod| read::name(pod).to_owned()).collect()
    }

    #[test]
    fn objects_are_found_by_name_and_owner_whatever_happened_before() {
        let mut shelf = Shelf::complete(vec![pod("a", "x"), pod("b", "x"), pod("c", "y")]);
        shelf.take("n", "a");
        shelf.put(pod("d", "x"));
        shelf.put(pod("c", "x"));
        assert_eq!(owned(&shelf, "x"), ["b", "c", "d"]);
        assert!(owned(&shelf, "y").is_empty() && owned(&shelf, "").is_empty());
        let within = shelf.within("n").map(read::name).collect::<Vec<_>>();
        assert_eq!((within, shelf.within("m").count()), (vec!["b", "c", "d"], 0));
        assert!(shelf.find("n", "a").is_none() && shelf.find("m", "b").is_none());
        shelf.retain(|pod| read::name(pod) != "b");
        assert_eq!(shelf.find("n", "d").map(read::name), Some("d"));
        assert_eq!((owned(&shelf, "x"), shelf.all().len()), (vec!["c".into(), "d".into()], 2));
    }
}
