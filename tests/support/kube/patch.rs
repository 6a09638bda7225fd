//! Patches other than server-side apply: merge, strategic merge, and JSON patch.

use serde_json::{Value, json};

use super::kinds::Kind;
use super::schema::{self, List};
use super::status::{Answer, refusal};

/// The object after a patch of this content type.
pub(super) fn patched(kind: &Kind, object: &Value, form: &str, patch: &Value) -> Answer<Value> {
    let mut object = object.clone();
    match form {
        "application/merge-patch+json" => merge(&mut object, patch),
        "application/strategic-merge-patch+json" if !kind.is_custom => {
            strategic(kind, &mut Vec::new(), &mut object, patch);
        }
        "application/json-patch+json" => {
            for step in patch.as_array().into_iter().flatten() {
                carry_out(&mut object, step).ok_or_else(|| {
                    let message = "the server rejected our request due to an error in our request";
                    refusal(422, "Invalid", message)
                })?;
            }
        }
        _ => {
            let message = "the body of the request was in an unknown format - accepted media \
                           types include: application/json-patch+json, \
                           application/merge-patch+json, application/apply-patch+yaml";
            return Err(refusal(415, "UnsupportedMediaType", message));
        }
    }
    Ok(object)
}

fn merge(own: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else { return patch.clone_into(own) };
    if !own.is_object() {
        *own = json!({});
    }
    for (name, value) in fields {
        match (value, own.as_object_mut()) {
            (Value::Null, Some(own)) => drop(own.shift_remove(name)),
            (value, Some(own)) => merge(own.entry(name.clone()).or_insert(Value::Null), value),
            (_, None) => {}
        }
    }
}

fn strategic(kind: &Kind, at: &mut Vec<String>, own: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else { return patch.clone_into(own) };
    if !own.is_object() || fields.get("$patch").is_some_and(|it| it == "replace") {
        *own = json!({});
    }
    for (name, value) in fields.iter().filter(|(name, _)| !name.starts_with('$')) {
        at.push(name.clone());
        match (value, own.as_object_mut()) {
            (Value::Null, Some(own)) => drop(own.shift_remove(name)),
            (Value::Array(items), Some(own)) => {
                let own = own.entry(name.clone()).or_insert_with(|| json!([]));
                strategic_list(kind, at, own, items);
            }
            (value, Some(own)) => {
                strategic(kind, at, own.entry(name.clone()).or_insert(Value::Null), value);
            }
            (_, None) => {}
        }
        at.pop();
    }
}

fn strategic_list(kind: &Kind, at: &mut Vec<String>, own: &mut Value, items: &[Value]) {
    let list = schema::list(kind, at);
    let Value::Array(all) = own else { return *own = items.into() };
    if matches!(list, List::Atomic) {
        return *own = items.into();
    }
    for item in items {
        let key = schema::element(&list, item);
        let found = all.iter().position(|other| schema::element(&list, other) == key);
        match (found, item["$patch"] == "delete") {
            (Some(found), true) => drop(all.remove(found)),
            (Some(found), false) => strategic(kind, at, &mut all[found], item),
            (None, true) => {}
            (None, false) => all.push(item.clone()),
        }
    }
}

/// One step of a JSON patch.
fn carry_out(object: &mut Value, step: &Value) -> Option<()> {
    let (parent, last) = step["path"].as_str()?.rsplit_once('/')?;
    let last = last.replace("~1", "/").replace("~0", "~");
    let present = object.pointer_mut(parent)?;
    match (step["op"].as_str()?, present) {
        ("add" | "replace", Value::Object(fields)) => {
            fields.insert(last, step["value"].clone());
        }
        ("remove", Value::Object(fields)) => drop(fields.shift_remove(&last)?),
        ("test", Value::Object(fields)) => {
            return (fields.get(&last) == Some(&step["value"])).then_some(());
        }
        ("add", Value::Array(items)) => {
            let at = if last == "-" { items.len() } else { last.parse().ok()? };
            items.insert(at.min(items.len()), step["value"].clone());
        }
        ("replace", Value::Array(items)) => {
            *items.get_mut(last.parse::<usize>().ok()?)? = step["value"].clone();
        }
        ("remove", Value::Array(items)) => {
            let at = last.parse().ok().filter(|&at: &usize| at < items.len())?;
            items.remove(at);
        }
        _ => return None,
    }
    Some(())
}
