//! Secrets in memory, and the scrubber that keeps them out of everything that is printed or
//! written. What of the configuration counts as secret is decided in `config/`; what text of others
//! gives away is found by `assignments` (its name) and `shapes` (its form).

mod assignments;
pub mod names;
mod redactor;
mod shapes;
mod values;

use std::fmt;

pub use redactor::{Learned, Redactor};

use secrecy::{ExposeSecret, SecretString};

/// What stands in place of a secret.
pub const MARK: &str = "[redacted]";

/// A value that must never be printed. `Debug` shows the mark, there is no `Display`.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes a value into custody.
    pub fn new(value: impl Into<String>) -> Self {
        Self(SecretString::from(value.into()))
    }

    /// The value, for the one place that hands it to who needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MARK)
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Secret {}

/// Replaces known secrets in text. Cheap to clone, safe to share.
#[derive(Clone, Debug, Default)]
pub struct Scrubber {
    values: Vec<Secret>,
}

impl Scrubber {
    /// A scrubber of these values; longest first, so that no value hides behind its own prefix.
    /// Empty values are dropped: they would match everywhere.
    #[must_use]
    pub fn new(secrets: &[Secret]) -> Self {
        let mut values: Vec<Secret> = Vec::new();
        for secret in secrets {
            for form in forms(secret.expose()) {
                if !values.iter().any(|known| known.expose() == form) {
                    values.push(Secret::new(form));
                }
            }
        }
        values.sort_by_key(|value| std::cmp::Reverse(value.expose().len()));
        Self { values }
    }

    /// Whether there is nothing to find.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Whether a known secret is in the text.
    #[must_use]
    pub fn finds(&self, text: &str) -> bool {
        self.values.iter().any(|value| text.contains(value.expose()))
    }

    /// The text with every known secret replaced by [`MARK`].
    #[must_use]
    pub fn scrub(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for value in &self.values {
            if clean.contains(value.expose()) {
                clean = clean.replace(value.expose(), MARK);
            }
        }
        clean
    }
}

/// The shapes in which a tool may print a value: as it is, line by line (tools print one line at a
/// time), and escaped as JSON escapes it.
fn forms(value: &str) -> Vec<String> {
    let mut forms = vec![value.trim().to_owned()];
    if value.contains('\n') {
        forms.extend(
            value.lines().map(|line| line.trim().to_owned()).filter(|line| line.len() >= 8),
        );
    }
    let escaped = serde_json::to_string(value).unwrap_or_default();
    forms.push(escaped.trim_matches('"').to_owned());
    forms.retain(|form| !form.is_empty());
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrubber(values: &[&str]) -> Scrubber {
        Scrubber::new(&values.iter().map(|value| Secret::new(*value)).collect::<Vec<_>>())
    }

    #[test]
    fn replaces_every_occurrence() {
        assert_eq!(
            scrubber(&["hunter2"]).scrub("a hunter2 b hunter2"),
            "a [redacted] b [redacted]"
        );
    }

    #[test]
    fn longer_secret_wins_over_its_prefix() {
        assert_eq!(scrubber(&["abc", "abcdef"]).scrub("abcdef"), "[redacted]");
    }

    #[test]
    fn empty_secret_matches_nothing() {
        assert_eq!(scrubber(&["", "  "]).scrub("all here"), "all here");
    }

    #[test]
    fn multi_line_secret_is_hidden_line_by_line() {
        let clean =
            scrubber(&["-----BEGIN KEY-----\nMIIEvQIBADANBg\n"]).scrub("tool: MIIEvQIBADANBg");
        assert_eq!(clean, "tool: [redacted]");
    }

    #[test]
    fn json_escaped_form_is_hidden() {
        assert_eq!(scrubber(&["pa\"ss"]).scrub(r#"{"p":"pa\"ss"}"#), r#"{"p":"[redacted]"}"#);
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), MARK);
    }
}
