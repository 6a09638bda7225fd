//! Label and field selectors, and the bounds of a list.

use serde_json::Value;

use super::http::Request;
use super::status::{Answer, refusal};

/// What a list or a watch is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selector {
    fields: Vec<(String, bool, String)>,
    labels: Vec<Label>,
}

#[derive(Clone, Debug)]
enum Label {
    Among(String, Vec<String>),
    NotAmong(String, Vec<String>),
    Has(String),
    HasNot(String),
}

impl Selector {
    /// That of a request.
    pub(crate) fn of(request: &Request) -> Answer<Self> {
        let fields = request.parameter("fieldSelector").split(',').filter(|it| !it.is_empty());
        let fields = fields.map(|term| {
            field(term).ok_or_else(|| {
                let message = format!("invalid selector: '{term}'; can't understand '{term}'");
                refusal(400, "BadRequest", &message)
            })
        });
        let labels = terms(request.parameter("labelSelector"));
        let labels = labels.iter().map(|term| label(term));
        Ok(Self { fields: fields.collect::<Answer<_>>()?, labels: labels.collect() })
    }

    /// Whether it selects everything.
    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.labels.is_empty()
    }

    /// Whether an object is meant.
    pub(crate) fn selects<'s>(&'s self, object: &'s Value) -> bool {
        // Long selectors ask for one field many times.
        let mut last: Option<(&str, &Value)> = None;
        let mut is_so = |(path, equal, wanted): &'s (String, bool, String)| {
            let value = match last {
                Some((known, value)) if known == path => value,
                _ => at(object, path),
            };
            last = Some((path, value));
            is_text(value, wanted) == *equal
        };
        self.fields.iter().all(&mut is_so) && self.labels.iter().all(|label| label.selects(object))
    }
}

impl Label {
    fn selects(&self, object: &Value) -> bool {
        let own = |key: &str| object["metadata"]["labels"].get(key).and_then(Value::as_str);
        let is_among = |key: &str, values: &[String]| {
            own(key).is_some_and(|own| values.iter().any(|value| value == own))
        };
        match self {
            Self::Among(key, values) => is_among(key, values),
            Self::NotAmong(key, values) => !is_among(key, values),
            Self::Has(key) => own(key).is_some(),
            Self::HasNot(key) => own(key).is_none(),
        }
    }
}

fn at<'v>(object: &'v Value, path: &str) -> &'v Value {
    path.split('.').fold(object, |value, part| &value[part])
}

fn is_text(value: &Value, wanted: &str) -> bool {
    match value.as_str() {
        Some(text) => text == wanted,
        None => value.to_string().replace("null", "") == wanted,
    }
}

fn field(term: &str) -> Option<(String, bool, String)> {
    let (path, equal, value) = term
        .split_once("!=")
        .map(|(path, value)| (path, false, value))
        .or_else(|| term.split_once("==").map(|(path, value)| (path, true, value)))
        .or_else(|| term.split_once('=').map(|(path, value)| (path, true, value)))?;
    Some((path.to_owned(), equal, value.to_owned()))
}

/// Split at the commas that do not stand in parentheses.
fn terms(text: &str) -> Vec<String> {
    let mut terms = vec![String::new()];
    let mut depth = 0;
    for letter in text.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        match (letter, terms.last_mut()) {
            (',', _) if depth == 0 => terms.push(String::new()),
            (_, Some(term)) => term.push(letter),
            (_, None) => {}
        }
    }
    terms.iter().map(|term| term.trim().to_owned()).filter(|term| !term.is_empty()).collect()
}

fn label(term: &str) -> Label {
    let among = |text: &str| {
        let inner = text.trim().trim_start_matches('(').trim_end_matches(')');
        inner.split(',').map(|value| value.trim().to_owned()).collect::<Vec<_>>()
    };
    let key = |text: &str| text.trim().to_owned();
    if let Some((name, values)) = term.split_once(" notin ") {
        Label::NotAmong(key(name), among(values))
    } else if let Some((name, values)) = term.split_once(" in ") {
        Label::Among(key(name), among(values))
    } else if let Some((name, value)) = term.split_once("!=") {
        Label::NotAmong(key(name), vec![key(value)])
    } else if let Some((name, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        Label::Among(key(name), vec![key(value)])
    } else if let Some(name) = term.strip_prefix('!') {
        Label::HasNot(key(name))
    } else {
        Label::Has(key(term))
    }
}
