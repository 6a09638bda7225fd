//! Collects the values of one configuration that must never be printed. Hiding them is `redact`.

use std::collections::BTreeMap;
use std::path::Path;

use super::node::{Data, Node};
use super::sensitive::{is_secret_path, looks_secret, url_password};
use crate::redact::Secret;

/// Shorter values are not searched for: they would match everywhere.
const SHORTEST_SECRET: usize = 4;

/// A value that only its place makes secret must be longer, for it may be an everyday word.
const SHORTEST_PLAIN: usize = 8;

/// Collects the values that must never be printed.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    values: Vec<Secret>,
}

impl Collector {
    /// Takes the value of a variable, and the password of a URL in it, if its name or shape makes
    /// it a secret. Says whether it did.
    pub(crate) fn variable(&mut self, name: &str, value: &str) -> bool {
        if let Some(password) = url_password(value) {
            self.literal(password);
        } else if !looks_secret(name) {
            return false;
        }
        self.literal(value);
        true
    }

    /// Takes a value that is a secret by where it stands.
    pub(crate) fn literal(&mut self, value: &str) {
        let value = value.trim();
        let is_word =
            matches!(value.to_ascii_lowercase().as_str(), "true" | "false" | "none" | "null");
        if value.len() >= SHORTEST_SECRET && !is_word {
            self.values.push(Secret::new(value));
        }
    }

    /// Takes the other values of the env files, but for those that are plainly no secret: short
    /// ones, numbers, paths that exist, and what stands in the configuration for all to read.
    pub(crate) fn env_file(
        &mut self,
        env: &BTreeMap<String, Secret>,
        is_public: &dyn Fn(&str) -> bool,
        root: &Path,
    ) {
        for (name, value) in env {
            let value = value.expose().trim();
            let is_plain = value.len() < SHORTEST_PLAIN
                || value.parse::<f64>().is_ok()
                || is_public(value)
                || root.join(value).exists();
            if !self.variable(name, value) && !is_plain {
                self.literal(value);
            }
        }
    }

    /// Takes every string of the configuration that is a secret by its path or holds a URL with a
    /// password.
    pub(crate) fn tree(&mut self, tree: &Node) {
        tree.walk(&mut Vec::new(), &mut |path, leaf| {
            let Data::Text(text) = &leaf.data else { return };
            if is_secret_path(path) {
                self.literal(&text.value);
            }
            if let Some(password) = url_password(&text.value) {
                self.literal(password);
            }
        });
    }

    /// The values.
    pub(crate) fn into_values(self) -> Vec<Secret> {
        self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyday_values_of_env_files_are_not_searched_for() {
        let env = [
            ("DB_PASSWORD", "pass"),
            ("USE_TOKEN", "true"),
            ("PORT", "18080"),
            ("SIZE", "123456789"),
            ("MODE", "development"),
            ("SALT", "c4n4ry-v4lue"),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), Secret::new(value)));
        let mut collector = Collector::default();
        let is_public = |value: &str| value == "development";
        collector.env_file(&BTreeMap::from(env), &is_public, Path::new("/"));
        let values = collector.into_values();
        let shown: Vec<&str> = values.iter().map(Secret::expose).collect();
        assert_eq!(shown, ["pass", "c4n4ry-v4lue"]);
    }
}
