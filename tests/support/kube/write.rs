//! Writes: create, replace, patch and apply, with what the server checks and adds. Deletion is in
//! `erase`.

use serde_json::{Value, json};

use super::apply::{self, Writer};
use super::http::Request;
use super::patch;
use super::place::{Place, Target};
use super::read::{place, shown};
use super::status::{Answer, absent, conflict, present, refusal, terminating};
use super::world::World;
use super::{defaults, validate};

/// Metadata that no caller changes.
const FIXED: [&str; 7] = [
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

/// A write that changes an object: who, where, and whether it is to be kept.
struct Change<'a> {
    place: &'a Place,
    writer: Writer<'a>,
    is_dry: bool,
    is_apply: bool,
}

impl World {
    /// The answer to a write; none for what is no write of an object.
    pub(super) fn write(
        &mut self,
        request: &Request,
        target: &Target,
    ) -> Option<Answer<(u16, Value)>> {
        let mut place = place(target);
        let below = target.below.as_deref().unwrap_or_default();
        let answer = match (request.method.as_str(), place.name.is_empty(), below) {
            ("POST", true, "") => self.post(request, &mut place),
            ("PUT", false, _) => self.replace(request, &place, below),
            ("PATCH", false, _) => self.patch(request, &place, below),
            ("DELETE", false, "") => self.erase(request, &place),
            ("DELETE", true, "") if place.kind.can("deletecollection") => {
                self.erase_all(request, &place)
            }
            _ => return None,
        };
        let shown = |(code, object): (u16, Value)| {
            let is_status = object["kind"] == "Status" || object["items"].is_array();
            (code, if is_status { object } else { shown(request, &place, &object) })
        };
        Some(answer.map(shown))
    }

    fn post(&mut self, request: &Request, place: &mut Place) -> Answer<(u16, Value)> {
        let mut object = request.body.clone();
        validate::body(&place.kind, place, &object)?;
        validate::strict(request, &place.kind)?;
        let metadata = &mut object["metadata"];
        if let (Value::Null, Value::String(begin)) = (&metadata["name"], &metadata["generateName"])
        {
            let name = format!("{begin}{}", self.next_name());
            metadata["name"] = name.into();
        }
        metadata["name"].as_str().unwrap_or_default().clone_into(&mut place.name);
        let writer = Writer { name: request.manager(), below: "" };
        let change = Change { place, writer, is_dry: request.is_dry(), is_apply: false };
        Ok((201, self.create(&change, object)?))
    }

    /// A new object, however it comes to be.
    fn create(&mut self, change: &Change<'_>, mut object: Value) -> Answer<Value> {
        let place = change.place;
        self.admit_into(place)?;
        if self.at(place).is_some() {
            return Err(present(&place.kind, &place.name));
        }
        let kind = &place.kind;
        if let Some(metadata) = object["metadata"].as_object_mut() {
            for field in ["uid", "resourceVersion", "creationTimestamp", "deletionTimestamp"] {
                metadata.shift_remove(field);
            }
        }
        defaults::fill(kind, &mut object);
        validate::create(kind, place, &object)?;
        if !change.is_apply {
            apply::track(kind, None, &mut object, change.writer);
        }
        self.allocate(place, &mut object)?;
        defaults::begin(kind, &mut object);
        if kind.is_counted() {
            object["metadata"]["generation"] = 1.into();
        }
        if change.is_dry {
            return Ok(self.pretend(place, object));
        }
        let object = self.keep(place, object);
        if kind.name == "Namespace" {
            self.furnish(&place.name);
        }
        Ok(object)
    }

    /// The object as it would be kept.
    fn pretend(&self, place: &Place, mut object: Value) -> Value {
        super::store::complete(&mut object, place, self.at(place), self.version + 1);
        let version = self.at(place).map(|live| live["metadata"]["resourceVersion"].clone());
        match (version, object["metadata"].as_object_mut()) {
            (Some(version), Some(metadata)) => {
                metadata.insert("resourceVersion".to_owned(), version);
            }
            (None, Some(metadata)) => drop(metadata.shift_remove("resourceVersion")),
            (_, None) => {}
        }
        object
    }

    /// Whether something can be created there.
    fn admit_into(&self, place: &Place) -> Answer<()> {
        if !place.kind.is_namespaced {
            return Ok(());
        }
        let home = self.place(&format!("/api/v1/namespaces/{}", place.namespace));
        let Some(home) = home else { return Ok(()) };
        match self.at(&home) {
            None => Err(absent(&home.kind, &place.namespace)),
            Some(home) if home["metadata"]["deletionTimestamp"].is_string() => {
                Err(terminating(&place.kind, &place.namespace, &place.name))
            }
            Some(_) => Ok(()),
        }
    }

    fn replace(&mut self, request: &Request, place: &Place, below: &str) -> Answer<(u16, Value)> {
        validate::body(&place.kind, place, &request.body)?;
        validate::strict(request, &place.kind)?;
        let Some(live) = self.at(place).cloned() else {
            return Err(absent(&place.kind, &place.name));
        };
        let writer = Writer { name: request.manager(), below };
        let change = Change { place, writer, is_dry: request.is_dry(), is_apply: false };
        Ok((200, self.update(&change, &live, request.body.clone())?))
    }

    fn patch(&mut self, request: &Request, place: &Place, below: &str) -> Answer<(u16, Value)> {
        let form = request.header("content-type").split(';').next().unwrap_or_default();
        let live = self.at(place).cloned();
        let writer = Writer { name: request.manager(), below };
        let is_apply = form == "application/apply-patch+yaml";
        let change = Change { place, writer, is_dry: request.is_dry(), is_apply };
        if !is_apply {
            let live = live.ok_or_else(|| absent(&place.kind, &place.name))?;
            let object = patch::patched(&place.kind, &live, form, &request.body)?;
            return Ok((200, self.update(&change, &live, object)?));
        }
        validate::applied(request, place)?;
        let none = json!({ "metadata": { "name": place.name } });
        let both = (live.as_ref().unwrap_or(&none), &request.body);
        let object = apply::apply(&place.kind, both, writer, request.is_on("force"))?;
        match live {
            Some(live) => Ok((200, self.update(&change, &live, object)?)),
            None if below.is_empty() => Ok((201, self.create(&change, object)?)),
            None => Err(absent(&place.kind, &place.name)),
        }
    }

    /// A new state of an object that is there.
    fn update(&mut self, change: &Change<'_>, live: &Value, mut new: Value) -> Answer<Value> {
        let (place, kind) = (change.place, &change.place.kind);
        check_identity(place, live, &new)?;
        for field in FIXED {
            match (&live["metadata"][field], new["metadata"].as_object_mut()) {
                (Value::Null, Some(metadata)) => drop(metadata.shift_remove(field)),
                (value, _) => new["metadata"][field] = value.clone(),
            }
        }
        if change.writer.below == "status" {
            new = with_status(live, &new);
        } else if kind.has_status() && !live["status"].is_null() {
            new["status"] = live["status"].clone();
        }
        defaults::inherit(kind, live, &mut new);
        defaults::fill(kind, &mut new);
        validate::update(kind, place, (live, &new))?;
        if !change.is_apply {
            apply::track(kind, Some(live), &mut new, change.writer);
        }
        self.allocate(place, &mut new)?;
        if kind.is_counted() && is_other_spec(kind.is_custom, live, &new) {
            let count = live["metadata"]["generation"].as_u64().unwrap_or_default() + 1;
            new["metadata"]["generation"] = count.into();
        }
        new["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
        for field in ["kind", "apiVersion"] {
            new[field] = live[field].clone();
        }
        if timeless(&new) == timeless(live) {
            return Ok(live.clone());
        }
        if change.is_dry {
            return Ok(new);
        }
        let new = self.keep(place, new);
        let metadata = &new["metadata"];
        let is_held = metadata["finalizers"].as_array().is_some_and(|all| !all.is_empty());
        if metadata["deletionTimestamp"].is_string() && !is_held && kind.name != "Namespace" {
            self.take(place);
        }
        Ok(new)
    }
}

fn check_identity(place: &Place, live: &Value, new: &Value) -> Answer<()> {
    let differs = |field: &str| {
        let wanted = new["metadata"][field].as_str().filter(|wanted| !wanted.is_empty());
        wanted.is_some_and(|wanted| live["metadata"][field] != wanted)
    };
    if differs("uid") {
        let why = format!(
            "Precondition failed: UID in precondition: {}, UID in object meta: {}",
            new["metadata"]["uid"].as_str().unwrap_or_default(),
            live["metadata"]["uid"].as_str().unwrap_or_default()
        );
        return Err(conflict(&place.kind, &place.name, &why));
    }
    if differs("resourceVersion") {
        let why = "the object has been modified; please apply your changes to the latest version \
                   and try again";
        return Err(conflict(&place.kind, &place.name, why));
    }
    if new["metadata"]["name"].as_str().is_some_and(|name| name != place.name) {
        let message = format!(
            "the name of the object ({}) does not match the name on the URL ({})",
            new["metadata"]["name"].as_str().unwrap_or_default(),
            place.name
        );
        return Err(refusal(400, "BadRequest", &message));
    }
    Ok(())
}

/// The object without the times of its managers: a write that changes no more is none.
fn timeless(object: &Value) -> Value {
    let mut object = object.clone();
    let entries = object.pointer_mut("/metadata/managedFields").and_then(Value::as_array_mut);
    for entry in entries.into_iter().flatten() {
        entry["time"] = Value::Null;
    }
    object
}

/// The object with its status, and nothing else, from another state.
fn with_status(live: &Value, new: &Value) -> Value {
    let mut object = live.clone();
    object["status"] = new["status"].clone();
    if !new["metadata"]["managedFields"].is_null() {
        object["metadata"]["managedFields"] = new["metadata"]["managedFields"].clone();
    }
    object
}

fn is_other_spec(is_custom: bool, live: &Value, new: &Value) -> bool {
    if !is_custom {
        return live["spec"] != new["spec"];
    }
    let bare = |object: &Value| {
        let mut fields = object.as_object().cloned().unwrap_or_default();
        fields.retain(|name, _| !matches!(name.as_str(), "metadata" | "status"));
        fields
    };
    bare(live) != bare(new)
}
