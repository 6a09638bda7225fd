//! Deletion: preconditions, finalizers, what depends on what goes. The rest of writing is in
//! `write`.

use serde_json::{Value, json};

use super::clock;
use super::http::Request;
use super::place::Place;
use super::select::Selector;
use super::status::{Answer, absent, conflict, details};
use super::world::World;

/// Kinds whose deletion answers with the object.
const SHOWN: [&str; 4] = ["PersistentVolumeClaim", "Pod", "Service", "ServiceAccount"];

impl World {
    /// Deletes one object for a caller.
    pub(super) fn erase(&mut self, request: &Request, place: &Place) -> Answer<(u16, Value)> {
        let Some(live) = self.at(place).cloned() else {
            return Err(absent(&place.kind, &place.name));
        };
        check_preconditions(place, &live, &request.body["preconditions"])?;
        let propagation = match request.body["propagationPolicy"].as_str() {
            Some(policy) => policy.to_owned(),
            None => request.parameter("propagationPolicy").to_owned(),
        };
        let left = if request.is_dry() { None } else { self.retire(place, &propagation) };
        if let Some(left) = left {
            return Ok((200, left));
        }
        if SHOWN.contains(&place.kind.name.as_str()) {
            return Ok((200, live));
        }
        let mut details = details(&place.kind, &place.kind.plural, &place.name);
        details["uid"] = live["metadata"]["uid"].clone();
        let status = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {},
            "status": "Success", "details": details });
        Ok((200, status))
    }

    /// Deletes all objects of a collection that are meant.
    pub(super) fn erase_all(&mut self, request: &Request, place: &Place) -> Answer<(u16, Value)> {
        let selector = Selector::of(request)?;
        let all: Vec<Value> = self.selected(place, &selector).cloned().collect();
        for object in &all {
            if let (false, Some(place)) = (request.is_dry(), self.place_of(object)) {
                self.retire(&place, request.body["propagationPolicy"].as_str().unwrap_or_default());
            }
        }
        let kind = format!("{}List", place.kind.name);
        let metadata = json!({ "resourceVersion": self.version.to_string() });
        Ok((
            200,
            json!({ "kind": kind, "apiVersion": place.kind.api_version(),
            "metadata": metadata, "items": all }),
        ))
    }

    /// Deletes an object as the server does: what has finalizers stays, marked, and is given back.
    pub(super) fn retire(&mut self, place: &Place, propagation: &str) -> Option<Value> {
        let mut object = self.at(place)?.clone();
        let uid = object["metadata"]["uid"].clone();
        if propagation == "Foreground" {
            let mut finalizers =
                object["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
            if !finalizers.iter().any(|own| own == "foregroundDeletion") {
                finalizers.push("foregroundDeletion".into());
            }
            object["metadata"]["finalizers"] = finalizers.into();
        }
        if propagation == "Orphan" {
            self.orphan(&uid);
        }
        let is_held =
            object["metadata"]["finalizers"].as_array().is_some_and(|all| !all.is_empty());
        let is_namespace = place.kind.name == "Namespace";
        if !is_held && !is_namespace {
            self.take(place);
            return None;
        }
        if object["metadata"]["deletionTimestamp"].is_null() {
            object["metadata"]["deletionTimestamp"] = clock::stamp().into();
            if is_namespace {
                object["status"]["phase"] = "Terminating".into();
            } else {
                object["metadata"]["deletionGracePeriodSeconds"] = 0.into();
            }
            object = self.keep(place, object);
        }
        Some(object)
    }

    /// Begins to delete a namespace.
    pub(crate) fn end_namespace(&mut self, name: &str) {
        if let Some(place) = self.place(&format!("/api/v1/namespaces/{name}")) {
            self.retire(&place, "");
        }
    }

    /// Lets dependents stay when their owner goes.
    fn orphan(&mut self, uid: &Value) {
        let own = |owner: &Value| owner["uid"] == *uid;
        let all = self.shelves.values().flat_map(|shelf| shelf.values());
        let dependents: Vec<Value> = all
            .filter(|object| {
                let owners = object["metadata"]["ownerReferences"].as_array();
                owners.is_some_and(|owners| owners.iter().any(own))
            })
            .cloned()
            .collect();
        for mut object in dependents {
            if let Some(owners) = object["metadata"]["ownerReferences"].as_array_mut() {
                owners.retain(|owner| !own(owner));
            }
            self.store(object);
        }
    }
}

fn check_preconditions(place: &Place, live: &Value, wanted: &Value) -> Answer<()> {
    for (field, word) in [("uid", "UID"), ("resourceVersion", "ResourceVersion")] {
        let own = live["metadata"][field].as_str().unwrap_or_default();
        let Some(wanted) = wanted[field].as_str().filter(|wanted| *wanted != own) else { continue };
        let why = format!(
            "Precondition failed: {word} in precondition: {wanted}, {word} in object meta: {own}"
        );
        return Err(conflict(&place.kind, &place.name, &why));
    }
    Ok(())
}
