//! Single values by their dotted paths, as `--set` of helm reads them, as one values document. A
//! value is taken whole: commas, backslashes and braces in it mean nothing.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The longest list that a path may ask for; helm's own limit.
const LONGEST_LIST: usize = 65_536;

/// One part of a path: `a.b[0]` has three.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Key(String),
    Index(usize),
}

/// The document that sets these values. `base` is what the values files say: a list of which one
/// item is set keeps its others, as with `--set`.
///
/// # Errors
/// A path that is none, and why.
pub fn document(set: &BTreeMap<String, String>, base: &Value) -> Result<Value, String> {
    let mut document = Value::Object(Map::new());
    for (path, text) in set {
        let parts = parts(path).map_err(|why| format!("`{path}` {why}"))?;
        put(&mut document, Some(base), &parts, typed(text));
    }
    Ok(document)
}

/// Whether a path leads into a list, so that it matters what the values files say.
#[must_use]
pub fn leads_into_lists(set: &BTreeMap<String, String>) -> bool {
    set.keys().any(|path| path.contains('['))
}

/// What values files say together, the last one strongest.
pub fn merged(documents: impl IntoIterator<Item = Value>) -> Value {
    let mut all = Value::Object(Map::new());
    for document in documents {
        merge(&mut all, document);
    }
    all
}

fn merge(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                merge(under.entry(key).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}

/// The text as helm types it: `true`, `false`, `null` and whole numbers are such, unless a leading
/// zero says that a number is a name; everything else is text.
fn typed(text: &str) -> Value {
    let word = text.to_ascii_lowercase();
    match word.as_str() {
        "true" => return Value::Bool(true),
        "false" => return Value::Bool(false),
        "null" => return Value::Null,
        "0" => return Value::from(0),
        _ => {}
    }
    match text.parse::<i64>() {
        Ok(number) if !text.starts_with('0') => Value::from(number),
        _ => Value::from(text),
    }
}

fn parts(path: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut key = String::new();
    let mut rest = path.chars();
    // Whether an index just ended, so that no name stands before the next dot or bracket.
    let mut indexed = false;
    while let Some(letter) = rest.next() {
        match letter {
            '.' | '[' if key.is_empty() && !indexed => {
                return Err("has a part without a name".to_owned());
            }
            '.' | '[' => {
                if !indexed {
                    parts.push(Part::Key(std::mem::take(&mut key)));
                }
                indexed = letter == '[';
                if indexed {
                    let inside: String = rest.by_ref().take_while(|next| *next != ']').collect();
                    parts.push(Part::Index(index(&inside)?));
                }
            }
            _ if indexed => return Err("goes on after `]` without a dot".to_owned()),
            '\\' => key.extend(rest.next()),
            letter => key.push(letter),
        }
    }
    match (key.is_empty(), indexed) {
        (true, true) => {}
        (true, false) => return Err("has a part without a name".to_owned()),
        (false, _) => parts.push(Part::Key(key)),
    }
    Ok(parts)
}

fn index(text: &str) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(index) if index < LONGEST_LIST => Ok(index),
        Ok(_) => Err(format!("asks for a list of more than {LONGEST_LIST} items")),
        Err(_) => Err(format!("has `{text}` where a list wants a number")),
    }
}

fn put(target: &mut Value, base: Option<&Value>, parts: &[Part], value: Value) {
    match parts {
        [] => *target = value,
        [Part::Key(key), rest @ ..] => {
            if !target.is_object() {
                *target = Value::Object(Map::new());
            }
            if let Value::Object(map) = target {
                let inside = map.entry(key.clone()).or_insert(Value::Null);
                put(inside, base.and_then(|base| base.get(key)), rest, value);
            }
        }
        [Part::Index(index), rest @ ..] => {
            if !target.is_array() {
                // A list is replaced as a whole by the document: what is in it has to be repeated.
                *target = base
                    .filter(|base| base.is_array())
                    .cloned()
                    .unwrap_or_else(|| Vec::<Value>::new().into());
            }
            if let Value::Array(list) = target {
                let length = list.len().max(index + 1);
                list.resize(length, Value::Null);
                put(&mut list[*index], base.and_then(|base| base.get(index)), rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn one(path: &str, value: &str) -> Value {
        let set = BTreeMap::from([(path.to_owned(), value.to_owned())]);
        document(&set, &json!({"list": ["x", {"a": 1, "b": 2}]})).unwrap()
    }

    /// Each row as recorded of `helm template --set` with a chart that prints its values.
    #[test]
    fn paths_and_types_are_those_of_helm() {
        let rows = [
            ("a.b.c", "1", json!({"a": {"b": {"c": 1}}})),
            (r"a\.b", "x", json!({"a.b": "x"})),
            (r"a\=b", "c", json!({"a=b": "c"})),
            ("list[0]", "z", json!({"list": ["z", {"a": 1, "b": 2}]})),
            ("list[1].a", "z", json!({"list": ["x", {"a": "z", "b": 2}]})),
            ("list[3]", "z", json!({"list": ["x", {"a": 1, "b": 2}, null, "z"]})),
            ("new[1].c", "3", json!({"new": [null, {"c": 3}]})),
            ("new[0][1]", "q", json!({"new": [[null, "q"]]})),
            ("a", "true", json!({"a": true})),
            ("a", "TRUE", json!({"a": true})),
            ("a", "null", json!({"a": null})),
            ("a", "1.5", json!({"a": "1.5"})),
            ("a", "007", json!({"a": "007"})),
            ("a", "", json!({"a": ""})),
            ("a", "-3", json!({"a": -3})),
            ("a", "+5", json!({"a": 5})),
            ("a", "-0", json!({"a": 0})),
            ("a", "0", json!({"a": 0})),
            ("a", "1e3", json!({"a": "1e3"})),
            ("a", "9999999999999999999", json!({"a": "9999999999999999999"})),
            ("a", " 5", json!({"a": " 5"})),
            ("a", "x=y", json!({"a": "x=y"})),
        ];
        for (path, value, wanted) in rows {
            assert_eq!(one(path, value), wanted, "{path}={value}");
        }
    }

    #[test]
    fn a_value_is_taken_whole() {
        for value in ["a,b", r"a\b", "{a,b}", "a: b\n", "p@ss'\"w"] {
            assert_eq!(one("a", value), json!({ "a": value }));
        }
    }

    #[test]
    fn paths_that_are_none_are_refused() {
        let rows = [
            ("a..b", "has a part without a name"),
            ("", "has a part without a name"),
            ("[0]", "has a part without a name"),
            ("a.", "has a part without a name"),
            ("a[x]", "has `x` where a list wants a number"),
            ("a[-1]", "has `-1` where a list wants a number"),
            ("a[0]b", "goes on after `]` without a dot"),
            ("a[70000]", "asks for a list of more than 65536 items"),
        ];
        for (path, why) in rows {
            let set = BTreeMap::from([(path.to_owned(), "1".to_owned())]);
            assert_eq!(document(&set, &Value::Null), Err(format!("`{path}` {why}")));
        }
    }

    #[test]
    fn the_last_file_is_the_strongest_and_lists_are_replaced() {
        let files = [json!({"a": {"b": 1, "c": [1, 2]}}), json!({"a": {"c": [3]}, "d": null})];
        assert_eq!(merged(files), json!({"a": {"b": 1, "c": [3]}, "d": null}));
    }

    #[test]
    fn several_values_below_one_key_stand_together() {
        let set = [("image.tag", "v5"), ("image.name", "api"), ("image.list[0]", "1")];
        let set = set.map(|(path, value)| (path.to_owned(), value.to_owned())).into();
        assert!(leads_into_lists(&set));
        let wanted = json!({"image": {"list": [1], "name": "api", "tag": "v5"}});
        assert_eq!(document(&set, &Value::Null), Ok(wanted));
    }
}
