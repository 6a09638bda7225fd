//! Objects as controllers handle them: read, owned, selected, conditions set, written where they
//! changed. Nothing here knows a kind.

use serde_json::{Value, json};

use super::super::clock;
use super::super::world::World;

/// A text of an object, empty where it has none.
pub(super) fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A list of an object, empty where it has none.
pub(super) fn list<'v>(object: &'v Value, pointer: &str) -> &'v [Value] {
    object.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A number of an object, or what counts without it.
pub(super) fn number(object: &Value, pointer: &str, default: i64) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or(default)
}

pub(super) fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

pub(super) fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

pub(super) fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

pub(super) fn generation(object: &Value) -> i64 {
    number(object, "/metadata/generation", 1)
}

/// Whether an object is going away.
pub(super) fn is_leaving(object: &Value) -> bool {
    !text(object, "/metadata/deletionTimestamp").is_empty()
}

/// What makes an object the controlled one of its owner.
pub(super) fn owner_reference(owner: &Value) -> Value {
    json!({
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": name(owner),
        "uid": uid(owner), "controller": true, "blockOwnerDeletion": true,
    })
}

/// Whether an object is controlled by another.
pub(super) fn is_owned(object: &Value, owner: &Value) -> bool {
    list(object, "/metadata/ownerReferences")
        .iter()
        .any(|reference| reference["controller"] == true && text(reference, "/uid") == uid(owner))
}

/// The objects of a kind that another controls, in the order of their names.
pub(super) fn owned(world: &World, kind: &str, owner: &Value) -> Vec<Value> {
    let mut all = world.objects(kind);
    all.retain(|object| is_owned(object, owner));
    all
}

/// Whether labels have all that a plain selector names; an empty one selects nothing.
pub(super) fn selects(selector: &Value, labels: &Value) -> bool {
    let Some(selector) = selector.as_object() else { return false };
    !selector.is_empty() && selector.iter().all(|(key, value)| labels[key] == *value)
}

/// A condition of an object.
pub(super) fn condition<'v>(object: &'v Value, kind: &str) -> Option<&'v Value> {
    list(object, "/status/conditions").iter().find(|condition| condition["type"] == kind)
}

/// Whether a condition is true.
pub(super) fn is_true(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|condition| condition["status"] == "True")
}

/// Sets a condition as the controllers of workloads do: nothing where status and reason stay, else
/// at the end of the list. The time of the transition stays while the status does.
pub(super) fn set_condition(conditions: &mut Vec<Value>, mut new: Value) {
    let before = conditions.iter().find(|own| own["type"] == new["type"]);
    if let Some(before) = before {
        if before["status"] == new["status"] && before["reason"] == new["reason"] {
            return;
        }
        if before["status"] == new["status"] && !before["lastTransitionTime"].is_null() {
            new["lastTransitionTime"] = before["lastTransitionTime"].clone();
        }
    }
    conditions.retain(|own| own["type"] != new["type"]);
    conditions.push(new);
}

/// Writes an object where it is not as it was. Whether it wrote.
pub(super) fn revise(world: &mut World, before: &Value, after: Value) -> bool {
    let is_changed = *before != after;
    if is_changed {
        world.store(after);
    }
    is_changed
}

/// Sets the status of an object, and tells whether that changed anything.
pub(super) fn set_status(world: &mut World, object: &Value, status: Value) -> bool {
    let mut after = object.clone();
    after["status"] = status;
    revise(world, object, after)
}

/// The moment as the API writes it.
pub(super) fn stamp() -> String {
    clock::stamp()
}

/// A short name for what something holds, as controllers make it for templates.
pub(super) fn hash(value: &Value) -> String {
    const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut text = String::new();
    canonical(value, &mut text);
    let sum = text
        .bytes()
        .fold(2_166_136_261_u32, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(16_777_619));
    sum.to_string().bytes().map(|digit| char::from(LETTERS[usize::from(digit) % 27])).collect()
}

/// Hexadecimal digits that stand for a text, as many as a digest has.
pub(super) fn digest(of: &str) -> String {
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    let rounds = (0..4_u8).map(|round| {
        for byte in of.bytes().chain([round]) {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        format!("{state:016x}")
    });
    rounds.collect()
}

/// The same text for the same value, however its fields are ordered.
fn canonical(value: &Value, to: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| *key);
            for (key, value) in fields {
                to.push_str(key);
                canonical(value, to);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| canonical(item, to)),
        other => to.push_str(&other.to_string()),
    }
    to.push(';');
}
