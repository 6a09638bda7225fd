//! Takes secrets out of text of which nobody knows what it holds: those of the configuration, those
//! that objects gave away, and what looks like one.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::values::{is_placeholder, is_two_cased};
use super::{MARK, Scrubber, assignments, shapes};

/// Most values that are remembered.
const MOST: usize = 20_000;

/// The shortest value that is remembered, in bytes: shorter ones stand in too many words.
const SHORTEST: usize = 6;

/// Values that objects gave away as secrets, to be found where their name does not stand beside
/// them.
#[derive(Default)]
pub struct Learned(BTreeSet<String>);

impl Learned {
    /// Remembers a value, and each line of it. Plain words are not: `postgres` is a password, and
    /// stands in every sentence about the database.
    pub fn learn(&mut self, value: &str) {
        for line in value.lines().map(str::trim) {
            let is_telling = line.contains(|c: char| c.is_alphabetic())
                && (line.contains(|c: char| c.is_ascii_digit() || "!#$%^&*+?@~".contains(c))
                    || is_two_cased(line));
            if is_telling && line.len() >= SHORTEST && !is_placeholder(line) && self.0.len() < MOST
            {
                self.0.insert(line.to_owned());
            }
        }
    }

    /// Forgets what is also the name of something.
    pub fn forget(&mut self, name: &str) {
        self.0.remove(name);
    }
}

impl fmt::Debug for Learned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MARK)
    }
}

/// Takes secrets out of text.
#[derive(Clone, Default)]
pub struct Redactor {
    known: Scrubber,
    learned: Option<AhoCorasick>,
}

impl Redactor {
    /// A redactor of the configuration's secrets and of those that were learned, as they are and as
    /// base64.
    #[must_use]
    pub fn new(known: Scrubber, learned: &Learned) -> Self {
        let encoded = learned.0.iter().map(|value| STANDARD_NO_PAD.encode(value));
        let forms: Vec<String> = learned.0.iter().cloned().chain(encoded).collect();
        let learned = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&forms);
        Self { known, learned: learned.ok().filter(|_| !forms.is_empty()) }
    }

    /// Text of programs, servers and people without what is or looks like a secret.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let text = self.name(text);
        let text = match &self.learned {
            Some(learned) if learned.is_match(text.as_ref()) => {
                let mut clean = String::with_capacity(text.len());
                learned.replace_all_with(&text, &mut clean, |_, _, clean| {
                    clean.push_str(MARK);
                    true
                });
                Cow::Owned(clean)
            }
            _ => text,
        };
        let text = match assignments::without(&text) {
            Cow::Owned(less) => Cow::Owned(less),
            Cow::Borrowed(_) => text,
        };
        match shapes::without(&text) {
            Cow::Owned(less) => less,
            Cow::Borrowed(_) => text.into_owned(),
        }
    }

    /// A name or another word that Kubernetes chose: only secrets of the configuration are taken
    /// out, for it cannot hold others.
    #[must_use]
    pub fn name<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.known.finds(text) { self.known.scrub(text).into() } else { text.into() }
    }

    /// Whether names can hold anything that has to be taken out.
    #[must_use]
    pub fn changes_names(&self) -> bool {
        !self.known.is_empty()
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use serde_json::Value;

    use super::*;
    use crate::redact::Secret;

    fn incidents() -> Vec<PathBuf> {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/incidents");
        let entries = fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.is_dir()).collect()
    }

    fn texts(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::String(text) => found.push(text.clone()),
            Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
            Value::Object(fields) => fields.values().for_each(|value| texts(value, found)),
            _ => {}
        }
    }

    #[test]
    fn evidence_of_real_incidents_stays_digests_names_and_times_with_it() {
        let redactor = Redactor::default();
        let mut found = Vec::new();
        for incident in incidents() {
            let text = fs::read_to_string(incident.join("snapshot.json")).unwrap();
            let snapshot: Value = serde_json::from_str(&text).unwrap();
            let objects = snapshot["items"].as_array().unwrap().iter();
            for object in objects.filter(|object| object["kind"] != "Secret") {
                texts(object, &mut found);
            }
            for log in fs::read_dir(incident.join("logs")).into_iter().flatten() {
                found.push(fs::read_to_string(log.unwrap().path()).unwrap());
            }
        }
        assert!(found.len() > 40_000, "{}", found.len());
        found.sort();
        found.dedup();
        let changed = found.iter().filter(|text| redactor.text(text) != **text);
        let changed: Vec<String> =
            changed.map(|text| format!("{text}\n -> {}", redactor.text(text))).collect();
        assert!(
            changed.is_empty(),
            "{} of {}:\n{}",
            changed.len(),
            found.len(),
            changed.join("\n")
        );
    }

    #[test]
    fn what_was_learned_is_found_without_its_name_and_as_base64() {
        let mut learned = Learned::default();
        for value in ["hunter2-x", "postgres", "short1", "api-7d9c", "${VAR}", "a b\nlonger2 line"]
        {
            learned.learn(value);
        }
        learned.forget("api-7d9c");
        let known = Scrubber::new(&[Secret::new("kn0wn")]);
        let redactor = Redactor::new(known, &learned);
        for (text, wanted) in [
            ("login hunter2-x failed", "login [redacted] failed"),
            ("data aHVudGVyMi14 end", "data [redacted] end"),
            ("host postgres, pod api-7d9c", "host postgres, pod api-7d9c"),
            ("the longer2 line", "the [redacted]"),
            ("kn0wn", "[redacted]"),
        ] {
            assert_eq!(redactor.text(text), wanted);
        }
        assert_eq!(redactor.name("kn0wn-hunter2-x"), "[redacted]-hunter2-x");
        assert!(!format!("{redactor:?} {learned:?}").contains("hunter2"));
    }
}
