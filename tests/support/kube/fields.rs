//! Sets of fields as managers own them: members, union, difference, and their form in
//! `managedFields`. Which fields an object has is in `schema`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// A node of a set: whether it is a member itself, and what is below it (`f:name`,
/// `k:{"name":"x"}`, `v:"x"`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) is_member: bool,
    pub(crate) below: BTreeMap<String, Fields>,
}

impl Fields {
    /// A member with nothing below it.
    pub(crate) fn leaf() -> Self {
        Self { is_member: true, below: BTreeMap::new() }
    }

    /// What `fieldsV1` says.
    pub(crate) fn from_json(value: &Value) -> Self {
        let fields = value.as_object();
        let is_member = fields.is_some_and(|all| all.is_empty() || all.contains_key("."));
        let below = fields.into_iter().flatten().filter(|(name, _)| *name != ".");
        let below = below.map(|(name, value)| (name.clone(), Self::from_json(value))).collect();
        Self { is_member, below }
    }

    /// As `fieldsV1`.
    pub(crate) fn to_json(&self) -> Value {
        let mut all = Map::new();
        if self.is_member && !self.below.is_empty() {
            all.insert(".".to_owned(), json!({}));
        }
        all.extend(self.below.iter().map(|(name, fields)| (name.clone(), fields.to_json())));
        Value::Object(all)
    }

    /// Whether there is no member.
    pub(crate) fn is_empty(&self) -> bool {
        !self.is_member && self.below.values().all(Self::is_empty)
    }

    /// Adds a member.
    pub(crate) fn insert(&mut self, path: &[String]) {
        let mut node = self;
        for element in path {
            node = node.below.entry(element.clone()).or_default();
        }
        node.is_member = true;
    }

    /// The members of both.
    pub(crate) fn union(&self, other: &Self) -> Self {
        let mut all = self.clone();
        all.is_member |= other.is_member;
        for (element, fields) in &other.below {
            let own = all.below.entry(element.clone()).or_default();
            *own = own.union(fields);
        }
        all
    }

    /// The members that the other has not.
    pub(crate) fn without(&self, other: &Self) -> Self {
        let mut left = Self { is_member: self.is_member && !other.is_member, ..Self::default() };
        for (element, fields) in &self.below {
            let kept =
                other.below.get(element).map_or_else(|| fields.clone(), |it| fields.without(it));
            if !kept.is_empty() {
                left.below.insert(element.clone(), kept);
            }
        }
        left
    }

    /// The members that both have.
    pub(crate) fn shared(&self, other: &Self) -> Self {
        let mut both = Self { is_member: self.is_member && other.is_member, ..Self::default() };
        for (element, fields) in &self.below {
            let kept = other.below.get(element).map(|it| fields.shared(it)).unwrap_or_default();
            if !kept.is_empty() {
                both.below.insert(element.clone(), kept);
            }
        }
        both
    }

    /// The paths of all members, as messages write them.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.walk("", &mut paths);
        paths
    }

    fn walk(&self, path: &str, paths: &mut Vec<String>) {
        if self.is_member {
            paths.push(path.to_owned());
        }
        for (element, fields) in &self.below {
            fields.walk(&format!("{path}{}", written(element)), paths);
        }
    }

    /// Takes a field out, whoever it belongs to.
    pub(crate) fn drop_field(&mut self, path: &[&str]) {
        match path {
            [] => {}
            [last] => drop(self.below.remove(&format!("f:{last}"))),
            [first, rest @ ..] => {
                let name = format!("f:{first}");
                if let Some(fields) = self.below.get_mut(&name) {
                    fields.drop_field(rest);
                    if fields.is_empty() {
                        self.below.remove(&name);
                    }
                }
            }
        }
    }
}

/// An element of a path in a message: `.spec`, `[name="x"]`, `[="x"]`.
fn written(element: &str) -> String {
    if let Some(name) = element.strip_prefix("f:") {
        return format!(".{name}");
    }
    if let Some(value) = element.strip_prefix("v:") {
        return format!("[={value}]");
    }
    let keys: Value = serde_json::from_str(element.trim_start_matches("k:")).unwrap_or_default();
    let keys = keys.as_object().into_iter().flatten();
    let keys: Vec<String> = keys.map(|(name, value)| format!("{name}={value}")).collect();
    format!("[{}]", keys.join(","))
}
