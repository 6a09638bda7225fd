//! Paths: which kind, namespace and object a call is about.

use std::sync::Arc;

use super::kinds::{Kind, Kinds};

/// Where an object is.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) kind: Arc<Kind>,
    /// Empty where there is none, or where all are meant.
    pub(crate) namespace: String,
    /// Empty for a collection.
    pub(crate) name: String,
}

/// What a path says.
pub(super) struct Target {
    pub(super) kind: Arc<Kind>,
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
    /// `status`, `log`, `proxy/PATH`.
    pub(super) below: Option<String>,
}

/// The target of a path; none where the server has nothing.
pub(super) fn target(kinds: &Kinds, path: &str) -> Option<Target> {
    let mut parts =
        path.trim_matches('/').splitn(if path.starts_with("/api/") { 3 } else { 4 }, '/');
    let (group, version) = match parts.next()? {
        "api" => ("", parts.next()?),
        "apis" => (parts.next()?, parts.next()?),
        _ => return None,
    };
    let rest: Vec<&str> = parts.next()?.split('/').collect();
    let served = |plural: &str| kinds.served(group, version, plural);
    if let ["namespaces", namespace, plural, more @ ..] = &rest[..]
        && let Some(kind) = served(plural).filter(|kind| kind.is_namespaced)
    {
        return Some(of(kind, Some((*namespace).to_owned()), more));
    }
    let (plural, more) = rest.split_first()?;
    let kind = served(plural)?;
    // An object of a namespace is not reached without it.
    (!kind.is_namespaced || more.is_empty()).then(|| of(kind, None, more))
}

fn of(kind: Arc<Kind>, namespace: Option<String>, more: &[&str]) -> Target {
    let (name, below) = match more.split_first() {
        Some((name, below)) if !below.is_empty() => (Some(*name), Some(below.join("/"))),
        Some((name, _)) => (Some(*name), None),
        None => (None, None),
    };
    Target { kind, namespace, name: name.map(str::to_owned), below }
}
