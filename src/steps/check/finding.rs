//! What one try of a check found, and judging an HTTP answer by what was wanted. Pure.

use serde_json::Value;

use crate::config::model::HttpProbe;
use crate::host::http::Answer;

/// Longest excerpt of a body or of output, in characters.
const EXCERPT: usize = 200;

/// What one try found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// Whether it is what was wanted.
    pub(super) verdict: Verdict,
    /// What it is, in a few words, without anything that differs from try to try.
    pub(super) detail: String,
    /// The beginning of what came with it, on one line.
    pub(super) excerpt: Option<String>,
}

/// Whether a try found what was wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It did.
    Met,
    /// Not yet.
    Unmet,
}

impl Finding {
    /// What was wanted.
    pub(super) fn met(detail: impl Into<String>) -> Self {
        Self { verdict: Verdict::Met, detail: detail.into(), excerpt: None }
    }

    /// Something else.
    pub(super) fn unmet(detail: impl Into<String>) -> Self {
        Self { verdict: Verdict::Unmet, detail: detail.into(), excerpt: None }
    }

    /// Adds the beginning of this text, unless it is blank.
    pub(super) fn with_excerpt(mut self, text: &str) -> Self {
        self.excerpt = excerpt(text);
        self
    }

    /// Adds how it was found, where that is not obvious.
    pub(super) fn noting(mut self, note: &str) -> Self {
        self.detail = format!("{} ({note})", self.detail);
        self
    }
}

/// The beginning of the text on one line, or nothing if it is blank.
pub(super) fn excerpt(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().take(EXCERPT).collect();
    let line = words.join(" ");
    let cut: String = line.chars().take(EXCERPT).collect();
    match cut.len() {
        0 => None,
        length if length < line.len() => Some(format!("{cut}…")),
        _ => Some(cut),
    }
}

/// Judges an answer.
pub(super) fn evaluate<A>(answer: &Answer, wanted: &HttpProbe<A>) -> Finding {
    let detail = format!("http {}", answer.status);
    let complaint = if status_counts(answer.status, &wanted.status) {
        json_complaint(answer, wanted)
            .or_else(|| body_complaint(answer, wanted))
            .map(|complaint| format!("{detail}, {complaint}"))
    } else {
        Some(detail.clone())
    };
    match complaint {
        None => Finding::met(detail),
        Some(complaint) => Finding::unmet(complaint).with_excerpt(&answer.body),
    }
}

fn status_counts(status: u16, wanted: &[u16]) -> bool {
    if wanted.is_empty() { (200..=399).contains(&status) } else { wanted.contains(&status) }
}

fn json_complaint<A>(answer: &Answer, wanted: &HttpProbe<A>) -> Option<String> {
    if wanted.json.is_empty() {
        return None;
    }
    let Ok(document) = serde_json::from_str::<Value>(&answer.body) else {
        return Some("but the body is no JSON".to_owned());
    };
    wanted.json.iter().find_map(|(path, value)| match at(&document, path) {
        None => Some(format!("`{path}` is not in the body")),
        Some(found) if text(found) == *value => None,
        Some(found) => {
            let found = excerpt(&text(found)).unwrap_or_default();
            Some(format!("`{path}` is `{found}`"))
        }
    })
}

fn body_complaint<A>(answer: &Answer, wanted: &HttpProbe<A>) -> Option<String> {
    let text = wanted.body.as_ref()?;
    (!answer.body.contains(text.as_str())).then(|| format!("`{text}` is not in the body"))
}

/// The value at a dotted path; a number steps into an array.
fn at<'a>(document: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(document, |value, key| match value {
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        Value::Object(fields) => fields.get(key),
        _ => None,
    })
}

/// A value as `mlup.toml` writes it: strings bare, everything else as in JSON.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What an HTTP check wants, in words.
pub(super) fn wanted<A>(probe: &HttpProbe<A>) -> String {
    let status = if probe.status.is_empty() {
        "http 200..399".to_owned()
    } else {
        let statuses: Vec<String> = probe.status.iter().map(ToString::to_string).collect();
        format!("http {}", statuses.join(" or "))
    };
    let json = probe.json.iter().map(|(path, value)| format!(" with `{path}` = `{value}`"));
    let body = probe.body.iter().map(|body| format!(" with `{body}` in the body"));
    std::iter::once(status).chain(json).chain(body).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn probe() -> HttpProbe<String> {
        HttpProbe {
            url: String::new(),
            status: Vec::new(),
            json: BTreeMap::new(),
            body: None,
            post: None,
            headers: BTreeMap::new(),
            insecure: false,
        }
    }

    fn judge(status: u16, body: &str, wanted: &HttpProbe<String>) -> (bool, String) {
        let finding = evaluate(&Answer { status, body: body.into() }, wanted);
        (finding.verdict == Verdict::Met, finding.detail)
    }

    #[test]
    fn without_a_status_200_to_399_counts() {
        for (status, met) in [(199, false), (200, true), (302, true), (399, true), (400, false)] {
            assert_eq!(judge(status, "", &probe()), (met, format!("http {status}")));
        }
    }

    #[test]
    fn a_wanted_status_is_the_only_one_that_counts() {
        let probe = HttpProbe { status: vec![401, 403], ..probe() };
        assert_eq!(judge(200, "", &probe), (false, "http 200".into()));
        assert_eq!(judge(403, "", &probe), (true, "http 403".into()));
        assert_eq!(wanted(&probe), "http 401 or 403");
    }

    #[test]
    fn json_values_are_compared_by_text_at_dotted_paths() {
        let body = r#"{"a":{"b":[{"c":"up"},true]},"n":1.5,"z":null}"#;
        let pairs = [("a.b.0.c", "up"), ("a.b.1", "true"), ("n", "1.5"), ("z", "null")];
        let json = pairs.map(|(path, value)| (path.to_owned(), value.to_owned()));
        let good = HttpProbe { json: BTreeMap::from(json), ..probe() };
        assert_eq!(judge(200, body, &good), (true, "http 200".into()));
        for (path, complaint) in [
            ("a.b.0.c", "http 200, `a.b.0.c` is `up`"),
            ("a.b.7", "http 200, `a.b.7` is not in the body"),
            ("n.deeper", "http 200, `n.deeper` is not in the body"),
        ] {
            let json = BTreeMap::from([(path.to_owned(), "down".to_owned())]);
            let bad = HttpProbe { json, ..probe() };
            assert_eq!(judge(200, body, &bad), (false, complaint.into()));
        }
        assert_eq!(
            judge(200, "<html>", &good),
            (false, "http 200, but the body is no JSON".into())
        );
    }

    #[test]
    fn a_body_must_contain_its_text() {
        let probe = HttpProbe { body: Some("ready".into()), ..probe() };
        assert_eq!(judge(200, "is ready now", &probe), (true, "http 200".into()));
        assert_eq!(
            judge(200, "no", &probe),
            (false, "http 200, `ready` is not in the body".into())
        );
        assert_eq!(wanted(&probe), "http 200..399 with `ready` in the body");
    }

    #[test]
    fn an_excerpt_is_one_short_line() {
        assert_eq!(excerpt(" a\n  b\t"), Some("a b".into()));
        assert_eq!(excerpt(" \n "), None);
        let long = excerpt(&"ä".repeat(300)).unwrap();
        assert_eq!(long.chars().count(), EXCERPT + 1);
        assert!(long.ends_with('…'));
    }
}
