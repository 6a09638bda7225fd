//! Whether what was applied still holds: `managedFields` walked side by side with what is wanted. A
//! field that mlup applied and no longer owns was changed by somebody else.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::keep::MANAGER;
use super::read;

/// A field that is wanted and that mlup does not own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Its path, as `keep` takes it.
    pub path: String,
    /// Who owns it instead; nobody where it was taken out.
    pub manager: Option<String>,
}

/// The wanted fields of this object that mlup does not own in the live one.
#[must_use]
pub fn lost(wanted: &Value, live: &Value) -> Vec<Lost> {
    let entries = read::list(live, "/metadata/managedFields");
    let is_mine = |entry: &&Value| {
        read::text(entry, "/manager") == MANAGER
            && read::text(entry, "/operation") == "Apply"
            && read::text(entry, "/subresource").is_empty()
    };
    let mine = entries.iter().find(is_mine).and_then(|entry| entry.get("fieldsV1"));
    let others = entries
        .iter()
        .filter(|entry| !is_mine(entry))
        .filter_map(|entry| Some((read::text(entry, "/manager"), entry.get("fieldsV1")?)))
        .collect();
    let mut found = Vec::new();
    let owners = Owners { mine, others };
    fields(&without_identity(wanted), &owners, "", &mut found);
    found
}

/// The object without the fields that nobody owns: they say which object it is.
fn without_identity(wanted: &Value) -> Value {
    let mut value = wanted.clone();
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|name, _| !["apiVersion", "kind"].contains(&name.as_str()));
    }
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|name, _| !["name", "namespace"].contains(&name.as_str()));
    }
    value
}

/// What mlup and what others own below one place.
struct Owners<'v> {
    mine: Option<&'v Value>,
    others: Vec<(&'v str, &'v Value)>,
}

impl Owners<'_> {
    /// The owners below a key.
    fn below(&self, key: &str) -> Self {
        let others = self.others.iter().filter_map(|(who, owned)| {
            Some((*who, if holds_all(owned) { owned } else { owned.get(key)? }))
        });
        Self { mine: self.mine.and_then(|owned| owned.get(key)), others: others.collect() }
    }

    fn lost(&self, path: &str) -> Lost {
        let manager = self.others.first().map(|(who, _)| (*who).to_owned());
        Lost { path: path.to_owned(), manager }
    }
}

/// An entry without further keys stands for all that is below it.
fn holds_all(owned: &Value) -> bool {
    owned.as_object().is_none_or(Map::is_empty)
}

fn fields(wanted: &Value, owners: &Owners<'_>, path: &str, found: &mut Vec<Lost>) {
    for (name, value) in wanted.as_object().into_iter().flatten() {
        if is_hollow(value) {
            continue;
        }
        held(value, &owners.below(&format!("f:{name}")), &joined(path, name), found);
    }
}

fn held(wanted: &Value, owners: &Owners<'_>, path: &str, found: &mut Vec<Lost>) {
    match wanted {
        _ if owners.mine.is_some_and(holds_all) => {}
        Value::Object(_) => fields(wanted, owners, path, found),
        _ if owners.mine.is_none() => found.push(owners.lost(path)),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                held_item(item, owners, &named(path, item, at), found);
            }
        }
        _ => {}
    }
}

/// An item is owned by its value, or by the keys of its list; a key that the item leaves to the
/// server's default fits every value.
fn held_item(item: &Value, owners: &Owners<'_>, path: &str, found: &mut Vec<Lost>) {
    let entries = |owned: Option<&Value>| -> Vec<String> {
        let keys = owned.and_then(Value::as_object).into_iter().flat_map(Map::keys);
        keys.filter(|key| fits(key, item)).cloned().collect()
    };
    let below = entries(owners.mine).into_iter().map(|key| {
        let mut lost = Vec::new();
        held(item, &owners.below(&key), path, &mut lost);
        lost
    });
    if let Some(lost) = below.min_by_key(Vec::len) {
        found.extend(lost);
        return;
    }
    let has_it = |(_, owned): &&(&str, &Value)| !entries(Some(*owned)).is_empty();
    let manager = owners.others.iter().find(has_it).map(|(who, _)| (*who).to_owned());
    found.push(Lost { path: path.to_owned(), manager });
}

/// Whether an entry such as `k:{"name":"api"}` or `v:"text"` is about this item.
fn fits(key: &str, item: &Value) -> bool {
    if let Some(value) = key.strip_prefix("v:") {
        return serde_json::from_str::<Value>(value).is_ok_and(|value| value == *item);
    }
    let keys = key.strip_prefix("k:").and_then(|keys| serde_json::from_str(keys).ok());
    let keys: BTreeMap<String, Value> = keys.unwrap_or_default();
    let said = || keys.iter().filter_map(|(name, value)| Some((item.get(name)?, value)));
    said().next().is_some() && said().all(|(own, value)| own == value)
}

/// Whether there is nothing in it that could be owned.
pub(super) fn is_hollow(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(is_hollow),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// The path of a field, with brackets where its name has dots.
pub(super) fn joined(path: &str, name: &str) -> String {
    match (path, name.contains(['.', '[', '"'])) {
        (path, true) => format!("{path}[\"{name}\"]"),
        ("", false) => name.to_owned(),
        (path, false) => format!("{path}.{name}"),
    }
}

/// The path of an item, by its name where it has one.
pub(super) fn named(path: &str, item: &Value, at: usize) -> String {
    match item.get("name").and_then(Value::as_str) {
        Some(name) => format!("{path}[name={name}]"),
        None => format!("{path}[{at}]"),
    }
}

#[cfg(test)]
#[path = "owned_tests.rs"]
mod tests;
