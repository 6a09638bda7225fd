//! Objects and lists as they are read: selected, in pages, whole or their metadata alone.

use std::ops::Bound;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::http::Request;
use super::place::{Place, Target};
use super::select::Selector;
use super::status::{Answer, absent, refusal};
use super::world::{Key, World};

impl World {
    /// One object.
    pub(super) fn read(&self, request: &Request, target: &Target) -> Answer<(u16, Value)> {
        let place = place(target);
        match self.at(&place) {
            Some(object) => Ok((200, shown(request, &place, object))),
            None => Err(absent(&target.kind, &place.name)),
        }
    }

    /// A list, or a page of it.
    pub(super) fn list(&self, request: &Request, target: &Target) -> Answer<(u16, Value)> {
        let selector = Selector::of(request)?;
        let place = place(target);
        let (begin, version) = match request.parameter("continue") {
            "" => (Bound::Unbounded, self.version),
            token => self.resume(token).map(|(last, version)| (Bound::Excluded(last), version))?,
        };
        let limit = request.parameter("limit").parse().unwrap_or(usize::MAX);
        let mut metadata = json!({ "resourceVersion": version.to_string() });
        let mut found = self.after(begin, &place, &selector);
        let page: Vec<_> = found.by_ref().take(limit).collect();
        if let (Some((last, _)), Some(_)) = (page.last(), found.next()) {
            metadata["continue"] = token(last, version).into();
            // How many a selector leaves, the server does not count.
            if selector.is_empty() {
                metadata["remainingItemCount"] = (found.count() + 1).into();
            }
        }
        let items: Vec<Value> =
            page.into_iter().map(|(_, object)| in_list(request, &place, object)).collect();
        let (kind, version) = if request.wants_metadata_only() {
            ("PartialObjectMetadata", "meta.k8s.io/v1".to_owned())
        } else {
            (place.kind.name.as_str(), place.kind.api_version())
        };
        let kind = format!("{kind}List");
        Ok((
            200,
            json!({ "kind": kind, "apiVersion": version, "metadata": metadata, "items": items }),
        ))
    }

    /// The objects of a collection that are meant.
    pub(super) fn selected<'w>(
        &'w self,
        place: &'w Place,
        selector: &'w Selector,
    ) -> impl Iterator<Item = &'w Value> {
        self.after(Bound::Unbounded, place, selector).map(|(_, object)| object)
    }

    /// Those of them that begin there, with their keys.
    fn after<'w>(
        &'w self,
        begin: Bound<Key>,
        place: &'w Place,
        selector: &'w Selector,
    ) -> impl Iterator<Item = (&'w Key, &'w Value)> {
        let own = self.shelves.get(&place.kind.key());
        let all =
            own.into_iter().flat_map(move |shelf| shelf.range((begin.clone(), Bound::Unbounded)));
        all.filter(|((namespace, name), object)| {
            place.holds(namespace, name) && selector.selects(object)
        })
    }

    /// What came last, and when.
    fn resume(&self, token: &str) -> Answer<(Key, u64)> {
        let bytes = URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
        let read: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let last = read["start"].as_str().and_then(|start| key(start.strip_suffix('\0')?));
        let (Some(last), Some(version)) = (last, read["rv"].as_u64()) else {
            let letter = bytes.first().copied().map_or('\0', char::from);
            let message = format!(
                "invalid continue token: continue key is not valid: invalid character '{letter}' \
                 looking for beginning of value"
            );
            return Err(refusal(400, "BadRequest", &message));
        };
        if version < self.oldest {
            let message = "The provided continue parameter is too old to display a consistent \
                           list result. You can start a new list without the continue parameter, \
                           or use the continue token in this response to retrieve the remainder \
                           of the results.";
            return Err(refusal(410, "Expired", message));
        }
        Ok((last, version))
    }
}

impl Place {
    /// Whether an object of this namespace and name is meant.
    pub(super) fn holds(&self, namespace: &str, name: &str) -> bool {
        let fits = |own: &str, other: &str| own.is_empty() || own == other;
        fits(&self.namespace, namespace) && fits(&self.name, name)
    }
}

/// Where the next page begins, as the server writes it: what follows the last object of this one.
fn token((namespace, name): &Key, version: u64) -> String {
    let place = if namespace.is_empty() { String::new() } else { format!("/{namespace}") };
    let start = format!("{place}/{name}\0");
    let token = json!({ "v": "meta.k8s.io/v1", "rv": version, "start": start });
    URL_SAFE_NO_PAD.encode(token.to_string())
}

/// The key of an object from the part of such a place before its end.
fn key(start: &str) -> Option<Key> {
    let (namespace, name) = start.rsplit_once('/')?;
    Some((namespace.trim_start_matches('/').to_owned(), name.to_owned()))
}

pub(super) fn place(target: &Target) -> Place {
    Place {
        kind: target.kind.clone(),
        namespace: target.namespace.clone().unwrap_or_default(),
        name: target.name.clone().unwrap_or_default(),
    }
}

/// An object as the caller wants it: of the version that was asked for, or its metadata alone.
pub(super) fn shown(request: &Request, place: &Place, object: &Value) -> Value {
    if request.wants_metadata_only() {
        return json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
            "metadata": object["metadata"] });
    }
    let mut object = object.clone();
    object["apiVersion"] = place.kind.api_version().into();
    object
}

/// The same within a list: built-in kinds do not repeat what they are.
fn in_list(request: &Request, place: &Place, object: &Value) -> Value {
    let mut object = shown(request, place, object);
    if let (false, false, Some(fields)) =
        (request.wants_metadata_only(), place.kind.is_custom, object.as_object_mut())
    {
        fields.shift_remove("kind");
        fields.shift_remove("apiVersion");
    }
    object
}
