//! One kubeconfig file as YAML, so that fields which mlup does not know survive: what it names,
//! and entries taken out of it. Pure.

use serde_norway::{Mapping, Value};

use crate::redact::Secret;

/// The lists of a kubeconfig.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// Where API servers are.
    Clusters,
    /// Which cluster as which user.
    Contexts,
    /// Who to be.
    Users,
}

impl Section {
    /// The list's key.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Clusters => "clusters",
            Self::Contexts => "contexts",
            Self::Users => "users",
        }
    }

    /// The key of an entry's own part, beside its name.
    pub(super) fn body(self) -> &'static str {
        match self {
            Self::Clusters => "cluster",
            Self::Contexts => "context",
            Self::Users => "user",
        }
    }
}

/// One kubeconfig file.
#[derive(Clone, PartialEq)]
pub(super) struct Document {
    root: Mapping,
}

impl Document {
    /// Reads a file's text; the error names a line and never quotes it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match serde_norway::from_str(text) {
            Ok(Value::Null) => Ok(Self { root: Mapping::new() }),
            Ok(Value::Mapping(root)) => Self { root }.checked(),
            Ok(_) => Err("it is not a kubeconfig".to_owned()),
            Err(error) => Err(match error.location() {
                Some(at) => format!("line {} is not valid YAML", at.line()),
                None => "it is not valid YAML".to_owned(),
            }),
        }
    }

    /// The lists have to be lists.
    fn checked(self) -> Result<Self, String> {
        for section in [Section::Clusters, Section::Contexts, Section::Users] {
            match self.root.get(section.key()) {
                None | Some(Value::Null | Value::Sequence(_)) => {}
                Some(_) => return Err(format!("`{}` is no list", section.key())),
            }
        }
        Ok(self)
    }

    /// The text of the file.
    pub(super) fn to_yaml(&self) -> Result<Secret, String> {
        to_yaml(&self.root)
    }

    /// The context that is current, if one is.
    pub(super) fn current(&self) -> Option<&str> {
        self.root.get("current-context")?.as_str().filter(|name| !name.is_empty())
    }

    /// Makes a context the current one; an empty name makes it none.
    pub(super) fn set_current(&mut self, context: &str) {
        self.root.insert("current-context".into(), context.into());
    }

    /// The names of a list's entries.
    pub(super) fn names(&self, section: Section) -> Vec<&str> {
        self.items(section).iter().filter_map(name_of).collect()
    }

    /// The entry of this name, its name included.
    pub(super) fn item(&self, section: Section, name: &str) -> Option<&Value> {
        self.items(section).iter().find(|item| name_of(item) == Some(name))
    }

    /// The cluster or user that a context of this file names.
    pub(super) fn reference(&self, context: &str, key: &str) -> Option<String> {
        let body = self.item(Section::Contexts, context)?.get(Section::Contexts.body())?;
        body.get(key)?.as_str().filter(|name| !name.is_empty()).map(str::to_owned)
    }

    /// Whether a context of this file names that cluster or user.
    pub(super) fn refers_to(&self, key: &str, name: &str) -> bool {
        self.names(Section::Contexts)
            .iter()
            .any(|context| self.reference(context, key).as_deref() == Some(name))
    }

    /// Puts an entry in, in the place of one of the same name.
    pub(super) fn put(&mut self, section: Section, name: &str, item: Value) {
        let list = self.root.entry(section.key().into()).or_insert(Value::Null);
        if !list.is_sequence() {
            *list = Value::Sequence(Vec::new());
        }
        if let Value::Sequence(items) = list {
            match items.iter_mut().find(|item| name_of(item) == Some(name)) {
                Some(old) => *old = item,
                None => items.push(item),
            }
        }
    }

    /// Takes an entry out.
    pub(super) fn remove(&mut self, section: Section, name: &str) {
        if let Some(Value::Sequence(items)) = self.root.get_mut(section.key()) {
            items.retain(|item| name_of(item) != Some(name));
        }
    }

    fn items(&self, section: Section) -> &[Value] {
        match self.root.get(section.key()) {
            Some(Value::Sequence(items)) => items,
            _ => &[],
        }
    }
}

/// YAML of a whole kubeconfig.
pub(super) fn to_yaml(root: &Mapping) -> Result<Secret, String> {
    let text = serde_norway::to_string(root).map_err(|_| "it cannot be written as YAML")?;
    Ok(Secret::new(text))
}

fn name_of(item: &Value) -> Option<&str> {
    item.get("name")?.as_str()
}
