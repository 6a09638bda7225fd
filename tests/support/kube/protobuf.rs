//! Secrets as protobuf, which is how helm's typed client sends its records. Other messages are not
//! read: what helm deletes needs no body.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

/// How every body in protobuf begins.
const MAGIC: &[u8] = b"k8s\0";

/// The object of a body in protobuf; none for a body of another form.
pub(super) fn document(body: &[u8]) -> Option<Value> {
    let envelope = fields(body.strip_prefix(MAGIC)?);
    let (kind, raw) = (message(&envelope, 1), message(&envelope, 2));
    if text(&fields(kind), 2) != "Secret" {
        return Some(Value::Null);
    }
    let secret = fields(raw);
    let mut object = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": {} });
    let metadata = fields(message(&secret, 1));
    for (number, field) in
        [(1, "name"), (2, "generateName"), (3, "namespace"), (5, "uid"), (6, "resourceVersion")]
    {
        let value = text(&metadata, number);
        if !value.is_empty() {
            object["metadata"][field] = value.into();
        }
    }
    for (number, field) in [(11, "labels"), (12, "annotations")] {
        let pairs = pairs(&metadata, number);
        if !pairs.is_empty() {
            let texts = pairs.iter().map(|(key, value)| (key, String::from_utf8_lossy(value)));
            object["metadata"][field] = json!(texts.collect::<BTreeMap<_, _>>());
        }
    }
    let data = pairs(&secret, 2);
    let data = data.iter().map(|(key, value)| (key, BASE64_STANDARD.encode(value)));
    object["data"] = json!(data.collect::<BTreeMap<_, _>>());
    object["type"] = text(&secret, 3).into();
    Some(object)
}

/// The fields of a message that have bytes, by their numbers.
type Fields<'b> = Vec<(u64, &'b [u8])>;

fn fields(mut rest: &[u8]) -> Fields<'_> {
    let mut found = Vec::new();
    while let Some(tag) = varint(&mut rest) {
        let length = match tag & 7 {
            0 => varint(&mut rest).map(|_| 0),
            1 => Some(8),
            2 => varint(&mut rest),
            5 => Some(4),
            _ => None,
        };
        let Some((bytes, after)) = length.and_then(|length| {
            rest.split_at_checked(usize::try_from(length).unwrap_or(usize::MAX))
        }) else {
            break;
        };
        rest = after;
        if tag & 7 == 2 {
            found.push((tag >> 3, bytes));
        }
    }
    found
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn message<'b>(fields: &Fields<'b>, number: u64) -> &'b [u8] {
    fields.iter().find(|(own, _)| *own == number).map(|(_, bytes)| *bytes).unwrap_or_default()
}

fn text(fields: &Fields<'_>, number: u64) -> String {
    String::from_utf8_lossy(message(fields, number)).into_owned()
}

fn pairs<'b>(of: &Fields<'b>, number: u64) -> Vec<(String, &'b [u8])> {
    let entries = of.iter().filter(|(own, _)| *own == number).map(|(_, entry)| fields(entry));
    entries.map(|entry| (text(&entry, 1), message(&entry, 2))).collect()
}
