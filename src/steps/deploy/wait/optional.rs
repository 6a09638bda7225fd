//! Which objects of a deploy may stay unready: those that `optional` names, as `api`,
//! `deployment/api` or `deployment/locust-*`.

use globset::{Glob, GlobMatcher};

use crate::manifest::ObjectId;

/// The names and patterns of `optional`.
pub(super) struct Optional(Vec<Name>);

struct Name {
    text: String,
    pattern: Option<GlobMatcher>,
}

impl Optional {
    /// What these name.
    pub(super) fn of(names: &[String]) -> Self {
        let name = |text: &String| {
            let text = text.to_ascii_lowercase();
            // What is no pattern is a name.
            let pattern = Glob::new(&text).ok().map(|glob| glob.compile_matcher());
            Name { text, pattern }
        };
        Self(names.iter().map(name).collect())
    }

    /// Whether this object is among them.
    pub(super) fn names(&self, id: &ObjectId) -> bool {
        let short = id.short().to_ascii_lowercase();
        self.0.iter().any(|name| {
            let meant = if name.text.contains('/') { short.as_str() } else { id.name.as_str() };
            name.text == meant || name.pattern.as_ref().is_some_and(|glob| glob.is_match(meant))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_named_by_kind_and_name_or_by_patterns() {
        for (names, kind, name, is_named) in [
            ("api", "Deployment", "api", true),
            ("api", "Service", "api", true),
            ("deployment/api", "Deployment", "api", true),
            ("Deployment/api", "Deployment", "api", true),
            ("deployment/api", "Service", "api", false),
            ("deployment/locust-*", "Deployment", "locust-worker", true),
            ("deployment/locust-*", "Deployment", "locust", false),
            ("locust-*", "Job", "locust-run", true),
            ("*/locust", "Job", "locust", true),
            ("[", "Job", "[", true),
        ] {
            let id = ObjectId {
                group: String::new(),
                version: "v1".to_owned(),
                kind: kind.to_owned(),
                namespace: Some("n".to_owned()),
                name: name.to_owned(),
            };
            assert_eq!(Optional::of(&[names.to_owned()]).names(&id), is_named, "{names} {name}");
        }
    }
}
