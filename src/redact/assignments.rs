//! Secrets that text gives away by the name before them: `password=...`, `"token": "..."`,
//! `--api-key ...`. Sentences stay: "failed to fetch anonymous token: unexpected status" assigns
//! nothing.

use std::borrow::Cow;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use regex::{Captures, Regex};

use super::MARK;
use super::names::is_secret;
use super::values::{is_mixed, is_placeholder, is_two_cased};

/// Name, what is between, and value: quoted, quoted within quotes, or up to a blank.
const ASSIGNMENT: &str = concat!(
    r#"([A-Za-z_][A-Za-z0-9_.-]*)"#,
    r#"(\\*["']?\]?\s{0,3}(?::=|=>|=|:)[ \t]{0,3}[bru]?)"#,
    r#"("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\\+"[^"]*"|\\+'[^']*'|[^\s"'&;<=][^\s"'&;<]*)"#,
);

/// A flag with its value behind a blank.
const FLAG: &str =
    r#"((?:^|[\s"'`=,(\[])--?[A-Za-z][A-Za-z0-9_.-]*)([ \t]+)("[^"]*"|'[^']*'|[^\s"'-][^\s"']*)"#;

/// A pair of name and value, as Kubernetes and Docker write variables.
const PAIR: &str = concat!(
    r#"(?i)\\*["']?name\\*["']?\s{0,3}:\s{0,3}\\*["']?([A-Za-z_][A-Za-z0-9_.-]*)\\*["']?,?\s{1,20}"#,
    r#"|(?i)\\*["']name\\*["']\s{0,3}:\s{0,3}\\*["']([A-Za-z_][A-Za-z0-9_.-]*)\\*["'],\s{0,20}"#,
);

/// What follows it.
const VALUE: &str = r#"^(\\*["']?value\\*["']?\s{0,3}:\s{0,3})(\\*"[^"]*"|\\*'[^']*'|[^\s,}]+)"#;

/// What every name of a secret has in it: few texts do, and the others need no closer look.
static STEMS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let stems = [
        "auth", "conn", "cookie", "cred", "dsn", "jwt", "key", "pass", "pin", "pw", "salt", "sas",
        "secret", "sess", "sid", "sig", "token", "webhook",
    ];
    AhoCorasick::builder().ascii_case_insensitive(true).build(stems).ok()
});

static PATTERNS: LazyLock<Option<Patterns>> = LazyLock::new(Patterns::new);

struct Patterns {
    assignment: Regex,
    flag: Regex,
    pair: Regex,
    value: Regex,
}

impl Patterns {
    fn new() -> Option<Self> {
        let compiled = |pattern| Regex::new(pattern).ok();
        Some(Self {
            assignment: compiled(ASSIGNMENT)?,
            flag: compiled(FLAG)?,
            pair: compiled(PAIR)?,
            value: compiled(VALUE)?,
        })
    }
}

/// The text without what is assigned to names of secrets.
pub(super) fn without(text: &str) -> Cow<'_, str> {
    let Some(patterns) = PATTERNS.as_ref() else { return MARK.into() };
    if !text.contains([':', '=', '-']) || !STEMS.as_ref().is_some_and(|stems| stems.is_match(text))
    {
        return text.into();
    }
    let clean = without_pairs(patterns, text);
    let clean = replaced(&patterns.flag, clean, |name, between, value| {
        is_secret(name) && !between.is_empty() && !is_placeholder(value)
    });
    replaced(&patterns.assignment, clean, is_assigned)
}

fn replaced<'t>(
    pattern: &Regex,
    text: Cow<'t, str>,
    is_meant: impl Fn(&str, &str, &str) -> bool,
) -> Cow<'t, str> {
    let mut clean = String::new();
    let mut end = 0;
    let mut begin = 0;
    // A value may itself be an assignment: what is not meant is looked into.
    while let Some(found) = pattern.captures_at(&text, begin) {
        let group = |at| found.get(at).map_or("", |group| group.as_str());
        let (Some(name), Some(value)) = (found.get(1), found.get(3)) else { break };
        if is_meant(group(1), group(2), group(3)) {
            clean += &text[end..value.start()];
            clean += &marked(value.as_str());
            end = value.end();
            begin = end;
        } else {
            begin = name.end();
        }
    }
    if end == 0 { text } else { Cow::Owned(clean + &text[end..]) }
}

/// The mark in the quotes of the value, with what closes behind it.
fn marked(value: &str) -> String {
    let quotes = |c: char| c == '"' || c == '\'' || c == '\\';
    let before = &value[..value.len() - value.trim_start_matches(quotes).len()];
    let after = if before.is_empty() {
        let closing = |c: char| [')', ']', '}', ','].contains(&c);
        &value[value.trim_end_matches(closing).len()..]
    } else {
        before
    };
    format!("{before}{MARK}{after}")
}

/// Whether a value is assigned to a secret, and is no word of a sentence.
fn is_assigned(name: &str, between: &str, value: &str) -> bool {
    let plain = value.trim_matches(['"', '\'', '\\']).trim_end_matches([',', ':', ')', '.']);
    if is_placeholder(plain) || plain.contains("://") {
        return false;
    }
    // Logins of registries.
    if name == "auth" || name.ends_with("_auth") {
        return plain.len() >= 8 && (is_mixed(plain) || plain.ends_with('='));
    }
    if !is_secret(name) {
        return false;
    }
    let is_quoted = value.starts_with(['"', '\'', '\\']);
    let is_named = between.contains(['=', '"', '\'']);
    is_quoted && !plain.is_empty() && (is_named || !plain.contains(' '))
        || between.contains('=')
        || is_no_word(name, plain)
}

/// Whether what stands behind a colon is no word of a sentence.
fn is_no_word(name: &str, value: &str) -> bool {
    let least = if name.to_ascii_lowercase().contains("pass") { 4 } else { 8 };
    let is_odd = |c: char| c.is_ascii_digit() || "!#$%^&*+?@~".contains(c);
    value.len() >= least && (value.contains(is_odd) || is_two_cased(value))
}

fn without_pairs<'t>(patterns: &Patterns, text: &'t str) -> Cow<'t, str> {
    if !text.contains("value") && !text.contains("Value") {
        return text.into();
    }
    let mut clean = String::new();
    let mut end = 0;
    for found in patterns.pair.captures_iter(text) {
        let name = found.get(1).or(found.get(2)).map_or("", |name| name.as_str());
        let at = found.get(0).map_or(0, |all| all.end());
        let Some(value) = patterns.value.captures(&text[at..]).filter(|_| is_secret(name)) else {
            continue;
        };
        let value = value_of(&value);
        clean += &text[end..at + value.start];
        clean += &marked(&text[at + value.start..at + value.end]);
        end = at + value.end;
    }
    if end == 0 { text.into() } else { Cow::Owned(clean + &text[end..]) }
}

fn value_of(found: &Captures<'_>) -> std::ops::Range<usize> {
    found.get(2).map_or(0..0, |value| value.range())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_assigned_to_a_secret_goes_and_the_rest_stays() {
        for (text, wanted) in [
            ("DB_PASSWORD=hunter2 x", "DB_PASSWORD=[redacted] x"),
            ("f(user='a', password='hunter2')", "f(user='a', password='[redacted]')"),
            (r#"{"token": "abc", "host": "db"}"#, r#"{"token": "[redacted]", "host": "db"}"#),
            (r#"{\"token\":\"abc\"}"#, r#"{\"token\":\"[redacted]\"}"#),
            (
                "environ({'DB_PASS': 'x1', 'A': 'b'})",
                "environ({'DB_PASS': '[redacted]', 'A': 'b'})",
            ),
            ("password: hunter2", "password: [redacted]"),
            ("Server=db;Pwd=hunter2;Port=1", "Server=db;Pwd=[redacted];Port=1"),
            ("run --password hunter2 --port 1", "run --password [redacted] --port 1"),
            ("run --api-key=abc", "run --api-key=[redacted]"),
            ("{name: DB_PASSWORD, value: hunter2}", "{name: DB_PASSWORD, value: [redacted]}"),
            (
                r#"{"name":"DB_PASSWORD","value":"x"}"#,
                r#"{"name":"DB_PASSWORD","value":"[redacted]"}"#,
            ),
            ("args=--token=abc", "args=--token=[redacted]"),
            ("(password=abc)", "(password=[redacted])"),
        ] {
            assert_eq!(without(text), wanted);
        }
    }

    #[test]
    fn sentences_of_kubernetes_and_of_programs_stay() {
        for text in [
            "failed to fetch anonymous token: unexpected status: 401 Unauthorized",
            "failed to fetch oauth token: x509: certificate signed by unknown authority",
            "MountVolume.SetUp failed for volume \"db-secret\" : secret \"keys\" not found",
            "couldn't find key DB_PASSWORD in Secret mlops/db",
            "couldn't find key feast-redis-connection-string in Secret a/b-secret",
            "references non-existent secret key: password",
            "Unable to retrieve some image pull secrets (ecr-registry-key); attempting to pull the image",
            "FATAL:  password authentication failed for user \"mlflow\"",
            "no basic auth credentials",
            "loading tokenizer=bert max_tokens=4096",
            "docker login --password-stdin 111122223333.dkr.ecr.us-east-1.amazonaws.com",
            "password=${DB_PASSWORD}",
            "secretName=keys tokenPath=/var/run/x",
            "KeyError: 'price'",
        ] {
            assert_eq!(without(text), text);
        }
    }
}
