//! Reading fields of objects that may lack them: an absent field reads as empty.

use serde_json::{Map, Value};

/// Objects of the API have few fields on a level: below this many, comparing is quicker than hashing.
const FEW: usize = 16;

/// What is at a JSON pointer, if anything.
#[must_use]
pub fn at<'v>(value: &'v Value, pointer: &str) -> Option<&'v Value> {
    let Some(path) = pointer.strip_prefix('/') else { return value.pointer(pointer) };
    path.split('/').try_fold(value, |value, part| match value {
        Value::Object(fields) if part.contains('~') => {
            field(fields, &part.replace("~1", "/").replace("~0", "~"))
        }
        Value::Object(fields) => field(fields, part),
        Value::Array(_) => value.get(part.parse::<usize>().ok()?),
        _ => None,
    })
}

fn field<'v>(fields: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    if fields.len() > FEW {
        return fields.get(name);
    }
    fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value)
}

/// The text at a JSON pointer, empty where there is none.
#[must_use]
pub fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    at(value, pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The whole number at a JSON pointer, if there is one.
#[must_use]
pub fn number(value: &Value, pointer: &str) -> Option<i64> {
    at(value, pointer).and_then(Value::as_i64)
}

/// The truth at a JSON pointer, false where there is none.
#[must_use]
pub fn truth(value: &Value, pointer: &str) -> bool {
    at(value, pointer).and_then(Value::as_bool).unwrap_or_default()
}

/// The items of the list at a JSON pointer, none where there is no list.
#[must_use]
pub fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    at(value, pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The keys and texts of the map at a JSON pointer, such as labels; other values are left out.
pub fn texts<'v>(value: &'v Value, pointer: &str) -> impl Iterator<Item = (&'v str, &'v str)> {
    at(value, pointer)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
}

/// The keys of the map at a JSON pointer.
pub fn keys<'v>(value: &'v Value, pointer: &str) -> impl Iterator<Item = &'v str> {
    at(value, pointer).and_then(Value::as_object).into_iter().flatten().map(|(key, _)| key.as_str())
}

/// The object's name.
#[must_use]
pub fn name(value: &Value) -> &str {
    text(value, "/metadata/name")
}

/// The object's namespace, empty where it has none.
#[must_use]
pub fn namespace(value: &Value) -> &str {
    text(value, "/metadata/namespace")
}

/// The object's kind.
#[must_use]
pub fn kind(value: &Value) -> &str {
    text(value, "/kind")
}

/// The condition of a type from an object's status.
#[must_use]
pub fn condition<'v>(value: &'v Value, wanted: &str) -> Option<&'v Value> {
    list(value, "/status/conditions").iter().find(|condition| text(condition, "/type") == wanted)
}

/// Whether the condition of a type is `True`.
#[must_use]
pub fn holds(value: &Value, wanted: &str) -> bool {
    condition(value, wanted).is_some_and(|condition| text(condition, "/status") == "True")
}

/// Whether a set of labels has all that a selector wants.
#[must_use]
pub fn selects(selector: &[(&str, &str)], labels: &[(&str, &str)]) -> bool {
    selector.iter().all(|wanted| labels.contains(wanted))
}
