//! Objects and lists as they are read: selected, in pages, whole or their metadata alone.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::http::Request;
use super::place::{Place, Target};
use super::select::Selector;
use super::status::{Answer, absent, refusal};
use super::world::World;

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
            "" => (0, self.version),
            token => self.resume(token)?,
        };
        let all: Vec<&Value> = self.selected(&place, &selector).collect();
        let limit = request.parameter("limit").parse().unwrap_or(usize::MAX);
        let mut metadata = json!({ "resourceVersion": version.to_string() });
        let left = all.len().saturating_sub(begin).saturating_sub(limit);
        if left > 0 {
            metadata["continue"] = token(begin + limit, version).into();
            metadata["remainingItemCount"] = left.into();
        }
        let page = all.into_iter().skip(begin).take(limit);
        let items: Vec<Value> = page.map(|object| in_list(request, &place, object)).collect();
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
        let own = self.shelves.get(&place.kind.key());
        let all = own.into_iter().flatten();
        all.filter(|((namespace, name), object)| {
            place.holds(namespace, name) && selector.selects(object)
        })
        .map(|(_, object)| object)
    }

    fn resume(&self, token: &str) -> Answer<(usize, u64)> {
        let bytes = URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
        let read: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let (Some(begin), Some(version)) = (read["start"].as_u64(), read["rv"].as_u64()) else {
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
        Ok((usize::try_from(begin).unwrap_or_default(), version))
    }
}

impl Place {
    /// Whether an object of this namespace and name is meant.
    pub(super) fn holds(&self, namespace: &str, name: &str) -> bool {
        let fits = |own: &str, other: &str| own.is_empty() || own == other;
        fits(&self.namespace, namespace) && fits(&self.name, name)
    }
}

/// Where the next page begins, as the server writes it.
fn token(start: usize, version: u64) -> String {
    let token = json!({ "v": "meta.k8s.io/v1", "rv": version, "start": start });
    URL_SAFE_NO_PAD.encode(token.to_string())
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
