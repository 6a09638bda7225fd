//! What a change from one state of an object to another writes and removes, as a set of fields.

use serde_json::{Map, Value};

use super::fields::Fields;
use super::kinds::Kind;
use super::schema::{List, element, is_atomic, is_atomic_item, list, strip};

/// Fields that the server always writes, so that nobody adds them.
const STANDING: [&str; 18] = [
    "",
    "metadata",
    "spec",
    "status",
    "spec.containers",
    "spec.jobTemplate",
    "spec.jobTemplate.metadata",
    "spec.jobTemplate.spec",
    "spec.jobTemplate.spec.template",
    "spec.jobTemplate.spec.template.metadata",
    "spec.jobTemplate.spec.template.spec",
    "spec.jobTemplate.spec.template.spec.containers",
    "spec.strategy",
    "spec.template",
    "spec.template.metadata",
    "spec.template.spec",
    "spec.template.spec.containers",
    "spec.updateStrategy",
];

/// What differs between two states of an object.
#[derive(Default)]
pub(super) struct Difference {
    /// Added or modified.
    pub(super) set: Fields,
    pub(super) removed: Fields,
}

/// What a change from one state to the other writes.
pub(super) fn difference(kind: &Kind, (old, new): (&Value, &Value), below: &str) -> Difference {
    let mut found = Difference::default();
    let mut walk = Walk { kind, names: Vec::new(), trail: Vec::new(), found: &mut found };
    walk.pair(Some(old), Some(new));
    strip(kind, &mut found.set, below);
    strip(kind, &mut found.removed, below);
    found
}

struct Walk<'a> {
    kind: &'a Kind,
    names: Vec<String>,
    trail: Vec<String>,
    found: &'a mut Difference,
}

impl Walk<'_> {
    fn pair(&mut self, old: Option<&Value>, new: Option<&Value>) {
        let (old, new) = (old.filter(|it| !it.is_null()), new.filter(|it| !it.is_null()));
        if old == new {
            return;
        }
        let is_leaf = match (old, new) {
            (Some(Value::Object(own)), Some(Value::Object(other))) => {
                own.is_empty() && other.is_empty() || is_atomic(self.kind, &self.names)
            }
            (Some(Value::Object(only)), None) | (None, Some(Value::Object(only))) => {
                only.is_empty() || is_atomic(self.kind, &self.names)
            }
            (Some(Value::Array(_)) | None, Some(Value::Array(_)))
            | (Some(Value::Array(_)), None) => {
                matches!(list(self.kind, &self.names), List::Atomic)
            }
            _ => true,
        };
        let stands = self.stands_always();
        let is_bare = |value: Option<&Value>| {
            value.is_none_or(|value| value.as_object().is_some_and(Map::is_empty))
        };
        if stands && is_bare(old) && is_bare(new) {
            return;
        }
        if is_leaf {
            return self.note(old, new);
        }
        if !stands && (old.is_none() || new.is_none()) {
            self.note(old, new);
        }
        for (element, name, old, new) in self.children(old, new) {
            self.names.extend(name.clone());
            self.trail.push(element.clone());
            if name.is_none() && (element.starts_with("v:") || is_atomic_item(&self.names)) {
                if old != new {
                    self.note(old.as_ref(), new.as_ref());
                }
            } else {
                self.pair(old.as_ref(), new.as_ref());
            }
            self.trail.pop();
            if name.is_some() {
                self.names.pop();
            }
        }
    }

    fn note(&mut self, old: Option<&Value>, new: Option<&Value>) {
        match (old, new) {
            (_, Some(_)) => self.found.set.insert(&self.trail),
            (Some(_), None) => self.found.removed.insert(&self.trail),
            (None, None) => {}
        }
    }

    /// Element, field name, and what each side has there.
    #[expect(clippy::type_complexity, reason = "a row of its own would be used here alone")]
    fn children(
        &self,
        old: Option<&Value>,
        new: Option<&Value>,
    ) -> Vec<(String, Option<String>, Option<Value>, Option<Value>)> {
        let list = list(self.kind, &self.names);
        let named = |value: Option<&Value>| -> Vec<(String, Option<String>, Value)> {
            match value {
                Some(Value::Object(map)) => map
                    .iter()
                    .map(|(name, value)| (format!("f:{name}"), Some(name.clone()), value.clone()))
                    .collect(),
                Some(Value::Array(items)) => items
                    .iter()
                    .filter_map(|item| Some((element(&list, item)?, None, item.clone())))
                    .collect(),
                _ => Vec::new(),
            }
        };
        let mut rows: Vec<_> = named(old)
            .into_iter()
            .map(|(element, name, value)| (element, name, Some(value), None))
            .collect();
        for (element, name, value) in named(new) {
            match rows.iter_mut().find(|row| row.0 == element) {
                Some(row) => row.3 = Some(value),
                None => rows.push((element, name, None, Some(value))),
            }
        }
        rows
    }

    /// Whether the server always writes this field, so that it is never added.
    fn stands_always(&self) -> bool {
        if self.trail.len() != self.names.len() {
            return false;
        }
        let path = self.names.join(".");
        let is_claim = self.kind.name == "PersistentVolumeClaim";
        STANDING.contains(&path.as_str()) || (is_claim && path == "spec.resources")
    }
}
