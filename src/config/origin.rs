//! The configuration for people to look at: every value with its layer and place, and the whole in
//! the order of the schema. Secrets are redacted here, before anything leaves the module.

use serde_json::{Map, Value};

use super::de::fields_of;
use super::layers::{KEYED, Layer};
use super::node::{Data, Node};
use super::raw::{
    RawCheck, RawCluster, RawConfig, RawDeploy, RawFile, RawImage, RawNetwork, RawRegistry,
    RawSecret, RawTask,
};
use super::sensitive;
use super::source::Texts;
use crate::redact::{MARK, Scrubber};

/// One value and where it comes from.
#[derive(serde::Serialize, Clone, Debug, PartialEq, Eq)]
pub struct OriginRow {
    /// Path of the value, such as `deploy.stack.compose`.
    pub path: String,
    /// The value, secrets redacted.
    pub value: String,
    /// The layer that won, such as `mlup.toml`.
    pub layer: String,
    /// File and line; `None` for values without one.
    pub place: Option<String>,
}

/// The keys of a section in the order of the schema.
fn keys_of(section: &str) -> &'static [&'static str] {
    match section {
        "" => fields_of::<RawConfig>(),
        "check" => fields_of::<RawCheck>(),
        "cluster" => fields_of::<RawCluster>(),
        "deploy" => fields_of::<RawDeploy>(),
        "file" => fields_of::<RawFile>(),
        "image" => fields_of::<RawImage>(),
        "network" => fields_of::<RawNetwork>(),
        "registry" => fields_of::<RawRegistry>(),
        "secret" => fields_of::<RawSecret>(),
        "task" => fields_of::<RawTask>(),
        _ => &[],
    }
}

fn is_keyed(section: &str) -> bool {
    KEYED.iter().any(|(known, _)| *known == section)
}

/// The tree with the keys of every table in the order of the schema.
pub(crate) fn in_schema_order(tree: &Node) -> Node {
    let mut tree = tree.clone();
    sort(&mut tree, keys_of(""));
    if let Data::Table(sections) = &mut tree.data {
        for (section, node) in sections {
            let keys = keys_of(section);
            match &mut node.data {
                Data::Table(entries) if is_keyed(section) => {
                    for (_, entry) in entries {
                        sort(entry, keys);
                    }
                }
                Data::Table(_) => sort(node, keys),
                _ => {}
            }
        }
    }
    tree
}

fn sort(node: &mut Node, keys: &[&str]) {
    if let Data::Table(entries) = &mut node.data {
        let rank = |key: &str| keys.iter().position(|known| *known == key);
        entries.sort_by_key(|(key, _)| rank(key).unwrap_or(keys.len()));
    }
}

/// Every value with its origin, in the order of the tree.
pub(crate) fn rows(
    tree: &Node,
    layers: &[Layer],
    texts: &Texts,
    scrubber: &Scrubber,
) -> Vec<OriginRow> {
    let mut rows = Vec::new();
    tree.walk(&mut Vec::new(), &mut |path, leaf| {
        let value = match json(leaf, path, scrubber) {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let place = leaf.span.as_ref().and_then(|span| texts.place(span));
        rows.push(OriginRow {
            path: path.join("."),
            value,
            layer: layers.get(leaf.layer).map(|layer| layer.name.clone()).unwrap_or_default(),
            place: place.map(|place| place.file_and_line()),
        });
    });
    rows
}

/// The whole configuration as one value; keyed sections are lists again.
pub(crate) fn show(tree: &Node, scrubber: &Scrubber) -> Value {
    let mut all = Map::new();
    for (section, node) in tree.entries() {
        let mut path = vec![section.clone()];
        let value = if is_keyed(section) {
            let entries = node.entries().iter().map(|(identity, entry)| {
                path.truncate(1);
                path.push(identity.clone());
                json(entry, &path, scrubber)
            });
            Value::Array(entries.collect())
        } else {
            json(node, &path, scrubber)
        };
        all.insert(section.clone(), value);
    }
    Value::Object(all)
}

fn json(node: &Node, path: &[String], scrubber: &Scrubber) -> Value {
    match &node.data {
        Data::Bool(value) => Value::Bool(*value),
        Data::Date(text) => Value::String(text.clone()),
        Data::Float(value) => Value::from(*value),
        Data::Integer(value) => Value::from(*value),
        Data::List(nodes) => {
            Value::Array(nodes.iter().map(|node| json(node, path, scrubber)).collect())
        }
        Data::Table(entries) => {
            let below = |key: &String, node: &Node| {
                let path: Vec<String> = path.iter().chain([key]).cloned().collect();
                (key.clone(), json(node, &path, scrubber))
            };
            Value::Object(entries.iter().map(|(key, node)| below(key, node)).collect())
        }
        Data::Text(_) if sensitive::is_secret_path(path) => Value::String(MARK.to_owned()),
        Data::Text(text) => Value::String(scrubber.scrub(&text.value)),
    }
}
