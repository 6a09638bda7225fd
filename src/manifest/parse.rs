//! From the text of manifest files to objects. Everything that is wrong with the files is told in
//! one failure, with file, line and column.

use serde::Deserialize as _;
use serde_json::Value;

use super::object::{Object, Place};
use super::read;
use crate::event::Fix;
use crate::policy::{Class, Failure};

/// The text of one file and the name that the reader knows it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Path as the configuration writes it, or the tool that rendered the text.
    pub file: String,
    /// Its text.
    pub text: String,
}

/// What is wrong with one document.
struct Problem {
    code: Code,
    /// `file:line`, with the column where it is known.
    place: String,
    what: String,
    /// The line itself, where it may be shown.
    line: Option<String>,
    fix: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Code {
    Unreadable,
    Invalid,
    Duplicate,
}

/// The objects of these files in their order.
pub fn objects(sources: &[Source]) -> Result<Vec<Object>, Failure> {
    let mut found = Vec::new();
    let mut problems = Vec::new();
    for source in sources {
        for document in documents(source) {
            match document.value() {
                Ok(value) => flatten(value, &document, &mut found, &mut problems),
                Err(problem) => problems.push(problem),
            }
        }
    }
    duplicates(&found, &mut problems);
    match failure(&problems) {
        Some(failure) => Err(failure),
        None => Ok(found),
    }
}

/// Fails when two places hold the same object. [`objects`] asks it already; once default namespaces
/// are filled in, more objects may be the same.
pub fn demand_distinct(objects: &[Object]) -> Result<(), Failure> {
    let mut problems = Vec::new();
    duplicates(objects, &mut problems);
    failure(&problems).map_or(Ok(()), Err)
}

/// One document of a file.
struct Document<'s> {
    source: &'s Source,
    text: &'s str,
    /// Lines of the file before `text`.
    before: usize,
    json: bool,
}

/// The documents of a file that hold something. YAML allows `---` at the start of a line nowhere but
/// between documents, so that lines alone tell where they end.
fn documents(source: &Source) -> Vec<Document<'_>> {
    if is_json(source) {
        return vec![Document { source, text: &source.text, before: 0, json: true }];
    }
    let mut documents = Vec::new();
    let (mut start, mut before, mut offset) = (0, 0, 0);
    for (number, line) in source.text.split_inclusive('\n').enumerate() {
        let word = line.trim_end();
        let begins = word == "---" || word.starts_with("--- ") || word.starts_with("---\t");
        if begins || word == "..." {
            documents.push(Document {
                source,
                text: &source.text[start..offset],
                before,
                json: false,
            });
            let skipped = if begins { 0 } else { line.len() };
            start = offset + skipped;
            before = number + usize::from(!begins);
        }
        offset += line.len();
    }
    documents.push(Document { source, text: &source.text[start..], before, json: false });
    documents.retain(|document| document.first_line().is_some());
    documents
}

fn is_json(source: &Source) -> bool {
    let named = std::path::Path::new(&source.file)
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    // A YAML flow mapping opens with a brace too: only what reads as JSON is taken for it.
    named
        || source.text.trim_start().starts_with('{')
            && serde_json::Deserializer::from_str(&source.text)
                .into_iter::<serde::de::IgnoredAny>()
                .all(|value| value.is_ok())
}

impl Document<'_> {
    /// The number of the first line that holds more than a comment, a directive or a separator.
    fn first_line(&self) -> Option<usize> {
        let says = |line: &str| {
            let line = line.strip_prefix("---").unwrap_or(line).trim();
            !line.is_empty() && !line.starts_with('#') && !line.starts_with('%')
        };
        Some(self.before + self.text.lines().position(says)? + 1)
    }

    fn place(&self) -> Place {
        Place { file: self.source.file.clone(), line: self.first_line().unwrap_or(1) }
    }

    /// What the document holds; several JSON values in a row become a list.
    fn value(&self) -> Result<Vec<Value>, Problem> {
        if self.json {
            let values = serde_json::Deserializer::from_str(self.text).into_iter();
            return values.collect::<Result<_, _>>().map_err(|error| {
                let words = error.to_string();
                let what = words.split(" at line ").next().unwrap_or_default();
                self.unreadable("JSON", what, Some((error.line(), error.column())))
            });
        }
        let read = |text: &str| -> Result<Value, serde_norway::Error> {
            let mut value =
                serde_norway::Value::deserialize(serde_norway::Deserializer::from_str(text))?;
            value.apply_merge()?;
            serde_json::to_value(value).map_err(serde::de::Error::custom)
        };
        match read(self.text) {
            Ok(mut value) => {
                read_octal_modes(&mut value);
                Ok(vec![value])
            }
            Err(first) => {
                // Read again behind as many lines as the file has before it, so that every line
                // that the error names is the file's.
                let padded = "\n".repeat(self.before) + self.text;
                let error = read(&padded).err().unwrap_or(first);
                let at = error.location().map(|at| (at.line(), at.column()));
                let words = error.to_string();
                let what = at
                    .and_then(|(line, column)| {
                        words.strip_suffix(&format!(" at line {line} column {column}"))
                    })
                    .unwrap_or(&words);
                Err(self.unreadable("YAML", what, at))
            }
        }
    }

    fn unreadable(&self, language: &str, what: &str, at: Option<(usize, usize)>) -> Problem {
        let (line, column) = at.unwrap_or((self.place().line, 1));
        let text = self.source.text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        let fix = self.text.contains("{{").then_some(
            "a chart's template is no manifest: name the chart's folder with `helm` instead of `manifests`",
        );
        Problem {
            code: Code::Unreadable,
            place: format!("{}:{line}:{column}", self.source.file),
            what: format!("it is no {language}: {what}"),
            line: Some(if self.is_secret() { hidden(text) } else { text.to_owned() }),
            fix,
        }
    }

    fn is_secret(&self) -> bool {
        self.text.lines().any(|line| {
            let line = line.trim().trim_matches(['"', ',']);
            line.starts_with("kind") && line.ends_with("Secret")
        })
    }
}

/// A line of a secret's manifest without what may be its value.
fn hidden(line: &str) -> String {
    line.split_once(':')
        .map_or_else(|| "[redacted]".to_owned(), |(key, _)| format!("{key}: [redacted]"))
}

/// Reads `defaultMode: 0644` as the number that people mean. YAML 1.1, which `kubectl` reads, takes
/// it for an octal number, and YAML 1.2 for a text, which the API refuses.
fn read_octal_modes(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let is_item = fields.contains_key("key") && fields.contains_key("path");
            for (name, field) in fields.iter_mut() {
                if name == "defaultMode" || (name == "mode" && is_item) {
                    let octal = field.as_str().filter(|text| text.starts_with('0'));
                    if let Some(mode) = octal.and_then(|text| u32::from_str_radix(text, 8).ok()) {
                        *field = Value::from(mode);
                    }
                } else {
                    read_octal_modes(field);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(read_octal_modes),
        _ => {}
    }
}

/// Adds the objects of a value; a `List` stands for its items.
fn flatten(
    values: Vec<Value>,
    document: &Document<'_>,
    found: &mut Vec<Object>,
    problems: &mut Vec<Problem>,
) {
    for mut value in values {
        if value.is_null() {
            continue;
        }
        let is_list = read::kind(&value).ends_with("List") && value.get("items").is_some();
        if is_list {
            if let Some(Value::Array(items)) = value.get_mut("items").map(Value::take) {
                flatten(items, document, found, problems);
            }
            continue;
        }
        let place = document.place();
        match lacking(&value) {
            Some((what, fix)) => problems.push(Problem {
                code: Code::Invalid,
                place: place.to_string(),
                what,
                line: None,
                fix,
            }),
            None => found.extend(Object::new(value, place)),
        }
    }
}

/// What a value lacks to be an object, and what helps.
fn lacking(value: &Value) -> Option<(String, Option<&'static str>)> {
    if !value.is_object() {
        return Some(("it holds no Kubernetes object".to_owned(), None));
    }
    if read::text(value, "/apiVersion").starts_with("kustomize.config.k8s.io/") {
        let fix = "name the folder with `kustomize` instead of `manifests`";
        return Some(("it is a kustomization and no object".to_owned(), Some(fix)));
    }
    let fields =
        [("apiVersion", "/apiVersion"), ("kind", "/kind"), ("metadata.name", "/metadata/name")];
    let missing: Vec<&str> = fields
        .iter()
        .filter(|(_, pointer)| read::text(value, pointer).is_empty())
        .map(|(name, _)| *name)
        .collect();
    if missing.is_empty() {
        return None;
    }
    let subject = match read::kind(value) {
        "" => "the document".to_owned(),
        kind => format!("the {kind}"),
    };
    let unquoted = fields.iter().find(|(name, pointer)| {
        missing.contains(name)
            && value.pointer(pointer).is_some_and(|field| !field.is_null() && !field.is_string())
    });
    if let Some((name, _)) = unquoted {
        return Some((format!("`{name}` of {subject} is no text"), Some("put quotes round it")));
    }
    if missing == ["metadata.name"] && !read::text(value, "/metadata/generateName").is_empty() {
        let what =
            format!("{subject} has `generateName`, so that each apply would make another one");
        return Some((what, Some("give it a `name`")));
    }
    Some((format!("{subject} has no {}", and(&missing)), None))
}

fn and(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match words.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => words.join(""),
    }
}

fn duplicates(objects: &[Object], problems: &mut Vec<Problem>) {
    let mut seen = std::collections::BTreeMap::new();
    for object in objects {
        let id = &object.id;
        let key = (&id.group, &id.kind, &id.namespace, &id.name);
        if let Some(first) = seen.insert(key, &object.place) {
            problems.push(Problem {
                code: Code::Duplicate,
                place: object.place.to_string(),
                what: format!("{id} is at {first} already"),
                line: None,
                fix: Some("take one of them away, or give it another name or namespace"),
            });
        }
    }
}

/// One failure for all problems; the first one names it.
fn failure(problems: &[Problem]) -> Option<Failure> {
    let first = problems.first()?;
    let others = match problems.len() - 1 {
        0 => String::new(),
        1 => " (and 1 more problem)".to_owned(),
        more => format!(" (and {more} more problems)"),
    };
    let summary = format!("{}: {}{others}", first.place, first.what);
    let mut failure = match first.code {
        Code::Unreadable => Failure::new(Class::Config, "MANIFEST_UNREADABLE", summary),
        Code::Invalid => Failure::new(Class::Config, "MANIFEST_INVALID", summary),
        Code::Duplicate => Failure::new(Class::Config, "MANIFEST_DUPLICATE", summary),
    };
    if let Some(line) = &first.line {
        failure = failure.because(first.place.as_str(), line.trim_end());
    }
    for problem in &problems[1..] {
        failure = failure.because(problem.place.as_str(), problem.what.as_str());
    }
    failure.evidence.truncate(5);
    Some(match first.fix {
        Some(fix) => failure.fix(Fix::safe(fix)),
        None => failure,
    })
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
