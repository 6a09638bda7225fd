//! Server-side apply and the managers of fields: who owns what after a write, who objects, and
//! what goes because nobody wants it any more.

use serde_json::{Map, Value, json};

use super::clock;
use super::difference::{Difference, difference};
use super::fields::Fields;
use super::kinds::Kind;
use super::schema::{self, List};
use super::status::{Answer, detailed};

/// Who writes.
#[derive(Clone, Copy)]
pub(super) struct Writer<'a> {
    pub(super) name: &'a str,
    /// `status`, or nothing.
    pub(super) below: &'a str,
}

/// What one manager owns.
#[derive(Clone)]
struct Entry {
    manager: String,
    operation: &'static str,
    version: String,
    time: String,
    below: String,
    fields: Fields,
}

impl Entry {
    fn new(kind: &Kind, writer: Writer<'_>, operation: &'static str) -> Self {
        Self {
            manager: writer.name.to_owned(),
            operation,
            version: kind.api_version(),
            time: clock::stamp(),
            below: writer.below.to_owned(),
            fields: Fields::default(),
        }
    }

    fn is(&self, writer: Writer<'_>, operation: &str) -> bool {
        self.manager == writer.name && self.operation == operation && self.below == writer.below
    }

    /// As a conflict names it.
    fn written(&self) -> String {
        let mut text = format!("{:?}", self.manager);
        if !self.below.is_empty() {
            text = format!("{text} with subresource {:?}", self.below);
        }
        if self.operation == "Update" {
            text = format!("{text} using {}", self.version);
        }
        text
    }
}

/// Gives the fields that a plain write changed to its writer. An object whose managers were never
/// followed stays without.
pub(super) fn track(kind: &Kind, old: Option<&Value>, new: &mut Value, writer: Writer<'_>) {
    let mut entries = decode(new);
    if entries.is_empty() {
        entries = old.map(decode).unwrap_or_default();
        if entries.is_empty() && old.is_some() {
            return;
        }
    }
    let nothing = json!({});
    let found = difference(kind, (old.unwrap_or(&nothing), new), writer.below);
    let at = entries.iter().position(|entry| entry.is(writer, "Update"));
    let mut own = at.map_or_else(|| Entry::new(kind, writer, "Update"), |at| entries.remove(at));
    yield_fields(&mut entries, &found);
    let fields = own.fields.without(&found.removed).union(&found.set);
    if fields != own.fields {
        own.time = clock::stamp();
    }
    own.fields = fields;
    entries.push(own);
    encode(new, entries);
}

/// What others lose to a write.
fn yield_fields(entries: &mut Vec<Entry>, found: &Difference) {
    for entry in entries.iter_mut() {
        entry.fields = entry.fields.without(&found.set).without(&found.removed);
    }
    entries.retain(|entry| !entry.fields.is_empty());
}

/// The object after an apply.
pub(super) fn apply(
    kind: &Kind,
    (live, config): (&Value, &Value),
    writer: Writer<'_>,
    is_forced: bool,
) -> Answer<Value> {
    let mut entries = decode(live);
    if entries.is_empty() && live["metadata"]["uid"].is_string() {
        let before = Writer { name: "before-first-apply", below: "" };
        let mut entry = Entry::new(kind, before, "Update");
        entry.fields = difference(kind, (&json!({}), live), "").set;
        entries.push(entry);
    }
    let at = entries.iter().position(|entry| entry.is(writer, "Apply"));
    let mut own = at.map_or_else(|| Entry::new(kind, writer, "Apply"), |at| entries.remove(at));
    let wanted = schema::fields(kind, config, writer.below);
    let mut merged = merge(kind, &mut Vec::new(), (live, config));
    let kept = entries.iter().fold(wanted.clone(), |all, entry| all.union(&entry.fields));
    prune(kind, &mut Vec::new(), &mut merged, (&own.fields, &kept));
    let found = difference(kind, (live, &merged), writer.below);
    if !is_forced {
        refuse_conflicts(&entries, &found.set)?;
    }
    yield_fields(&mut entries, &found);
    if wanted != own.fields || !found.set.is_empty() || !found.removed.is_empty() {
        own.time = clock::stamp();
    }
    own.fields = wanted;
    entries.push(own);
    encode(&mut merged, entries);
    Ok(merged)
}

fn refuse_conflicts(entries: &[Entry], set: &Fields) -> Answer<()> {
    let mut conflicts: Vec<(String, Vec<String>)> = Vec::new();
    for entry in entries {
        let paths = entry.fields.shared(set).paths();
        if !paths.is_empty() {
            conflicts.push((entry.written(), paths));
        }
    }
    conflicts.sort();
    let count: usize = conflicts.iter().map(|(_, paths)| paths.len()).sum();
    let text = match (count, &conflicts[..]) {
        (0, _) => return Ok(()),
        (1, [(manager, paths), ..]) => format!("1 conflict: conflict with {manager}: {}", paths[0]),
        _ => {
            let listed = conflicts.iter().map(|(manager, paths)| {
                let paths: Vec<String> = paths.iter().map(|path| format!("- {path}")).collect();
                format!("conflicts with {manager}:\n{}", paths.join("\n"))
            });
            format!("{count} conflicts: {}", listed.collect::<Vec<_>>().join("\n"))
        }
    };
    let causes: Vec<Value> = conflicts
        .iter()
        .flat_map(|(manager, paths)| {
            paths.iter().map(move |path| {
                json!({ "reason": "FieldManagerConflict",
                    "message": format!("conflict with {manager}"), "field": path })
            })
        })
        .collect();
    let message = format!("Apply failed with {text}");
    Err(detailed(409, "Conflict", &message, json!({ "causes": causes })))
}

fn merge(kind: &Kind, path: &mut Vec<String>, (live, config): (&Value, &Value)) -> Value {
    match (live, config) {
        (live, Value::Null) => live.clone(),
        (Value::Object(own), Value::Object(new)) if !schema::is_atomic(kind, path) => {
            let mut all = own.clone();
            for (name, value) in new.iter().filter(|(_, value)| !value.is_null()) {
                path.push(name.clone());
                let merged = merge(kind, path, (own.get(name).unwrap_or(&Value::Null), value));
                path.pop();
                all.insert(name.clone(), merged);
            }
            Value::Object(all)
        }
        (Value::Array(own), Value::Array(new)) => merge_lists(kind, path, (own, new)),
        (_, config) => config.clone(),
    }
}

/// What is applied keeps its order; what is there besides stays where it is.
fn merge_lists(kind: &Kind, path: &mut Vec<String>, (own, new): (&[Value], &[Value])) -> Value {
    let list = schema::list(kind, path);
    if matches!(list, List::Atomic) {
        return new.into();
    }
    let key = |item: &Value| schema::element(&list, item);
    let is_applied = |item: &Value| new.iter().any(|other| key(other) == key(item));
    let mut applied = new.iter();
    let mut all = Vec::new();
    for item in own {
        if is_applied(item) {
            all.extend(applied.next().map(|item| (item, true)));
        } else {
            all.push((item, false));
        }
    }
    all.extend(applied.map(|item| (item, true)));
    let is_whole = schema::is_atomic_item(path);
    let merged = all.into_iter().map(|(item, is_new)| {
        let before = own.iter().find(|other| key(other) == key(item));
        match before {
            Some(before) if is_new && !is_whole => merge(kind, path, (before, item)),
            _ => item.clone(),
        }
    });
    Value::Array(merged.collect())
}

/// Takes out what the applier had before and nobody has now.
fn prune(kind: &Kind, path: &mut Vec<String>, value: &mut Value, (had, kept): (&Fields, &Fields)) {
    let nothing = Fields::default();
    for (element, fields) in &had.below {
        let left = kept.below.get(element).unwrap_or(&nothing);
        let goes = fields.is_member && left.is_empty();
        match (element.strip_prefix("f:"), &mut *value) {
            (Some(name), Value::Object(map)) => {
                if goes {
                    map.shift_remove(name);
                } else if let Some(child) = map.get_mut(name) {
                    path.push(name.to_owned());
                    prune(kind, path, child, (fields, left));
                    path.pop();
                    if is_bare(child) && left.is_empty() {
                        map.shift_remove(name);
                    }
                }
            }
            (None, Value::Array(items)) => {
                let list = schema::list(kind, path);
                let is_it = |item: &Value| schema::element(&list, item).as_ref() == Some(element);
                if goes {
                    items.retain(|item| !is_it(item));
                } else if let Some(item) = items.iter_mut().find(|item| is_it(item)) {
                    prune(kind, path, item, (fields, left));
                }
            }
            _ => {}
        }
    }
}

fn is_bare(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

fn decode(object: &Value) -> Vec<Entry> {
    let entries = object["metadata"]["managedFields"].as_array();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let entry = |value: &Value| Entry {
        manager: text(&value["manager"]),
        operation: if value["operation"] == "Apply" { "Apply" } else { "Update" },
        version: text(&value["apiVersion"]),
        time: text(&value["time"]),
        below: text(&value["subresource"]),
        fields: Fields::from_json(&value["fieldsV1"]),
    };
    let entries = entries.into_iter().flatten().map(entry);
    entries.filter(|entry| !entry.manager.is_empty()).collect()
}

fn encode(object: &mut Value, mut entries: Vec<Entry>) {
    entries.retain(|entry| !entry.fields.is_empty());
    entries.sort_by(|one, other| {
        let key = |entry: &Entry| (entry.operation, entry.time.clone(), entry.manager.clone());
        key(one).cmp(&key(other))
    });
    let written = |entry: &Entry| {
        let mut value = json!({
            "manager": entry.manager, "operation": entry.operation, "apiVersion": entry.version,
            "time": entry.time, "fieldsType": "FieldsV1", "fieldsV1": entry.fields.to_json(),
        });
        if !entry.below.is_empty() {
            value["subresource"] = entry.below.as_str().into();
        }
        value
    };
    let written: Vec<Value> = entries.iter().map(written).collect();
    if let (true, Some(metadata)) = (written.is_empty(), object["metadata"].as_object_mut()) {
        metadata.shift_remove("managedFields");
    } else {
        object["metadata"]["managedFields"] = written.into();
    }
}
