//! `vars` of a deploy: what stands for `${NAME}` in the text of its manifests. A value never becomes
//! structure: one that could is put in place after the text is read.

use std::collections::BTreeMap;

use serde_json::Value;

use super::object::{Object, ObjectId};
use super::parse::Source;

/// The texts with their variables filled in, and what is still to be put in place.
#[derive(Clone, Debug)]
pub struct Filled {
    /// The texts to read.
    pub sources: Vec<Source>,
    /// Words that stand in them for values, with these.
    pending: Vec<(String, String)>,
}

/// Fills variables in. What is not among `vars` stays as it is, for manifests carry scripts.
#[must_use]
pub fn fill(mut sources: Vec<Source>, vars: &BTreeMap<String, String>) -> Filled {
    let mut pending = Vec::new();
    for (at, (name, value)) in vars.iter().enumerate() {
        let stand_in = if is_plain(value) {
            value.clone()
        } else {
            let word = unused(at, &sources);
            pending.push((word.clone(), value.clone()));
            word
        };
        for source in &mut sources {
            source.text = replaced(&source.text, name, &stand_in);
        }
    }
    Filled { sources, pending }
}

impl Filled {
    /// Puts in place what could not stand in the text.
    pub fn settle(&self, objects: &mut [Object]) {
        if self.pending.is_empty() {
            return;
        }
        for object in objects {
            self.put(&mut object.value);
            if let Some(id) = ObjectId::of(&object.value) {
                object.id = id;
            }
        }
    }

    fn put(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.written(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.put(item)),
            Value::Object(fields) => {
                let filled = std::mem::take(fields).into_iter().map(|(name, mut field)| {
                    self.put(&mut field);
                    (self.written(&name), field)
                });
                *fields = filled.collect();
            }
            _ => {}
        }
    }

    fn written(&self, text: &str) -> String {
        self.pending.iter().fold(text.to_owned(), |text, (word, value)| text.replace(word, value))
    }
}

/// Whether a value means the same wherever it stands in YAML and JSON, with quotes round it or not.
fn is_plain(value: &str) -> bool {
    let mut all = value.chars();
    let begins = all.next().is_some_and(|first| first.is_ascii_alphanumeric() || first == '/');
    begins
        && !value.ends_with(':')
        && all.all(|c| c.is_ascii_alphanumeric() || "_./@+=:-".contains(c))
}

/// A word that no text holds.
fn unused(at: usize, sources: &[Source]) -> String {
    let mut word = format!("mlupvar{at}z");
    while sources.iter().any(|source| source.text.contains(&word)) {
        word.push('z');
    }
    word
}

/// The text with the value in place of `${NAME}`, and of the forms that say what to do without one.
fn replaced(text: &str, name: &str, value: &str) -> String {
    let opening = format!("${{{name}");
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(&opening) {
        result.push_str(before);
        if let Some(end) = ended(after) {
            result.push_str(value);
            rest = &after[end..];
        } else {
            result.push_str(&opening);
            rest = after;
        }
    }
    result + rest
}

/// Where the variable ends whose name ends here, unless a longer name or another form goes on.
fn ended(after: &str) -> Option<usize> {
    if after.starts_with('}') {
        return Some(1);
    }
    let forms = [":-", "-", ":?", "?"];
    let form = forms.iter().find(|form| after.starts_with(**form))?;
    let line = after.lines().next().unwrap_or_default();
    let mut depth = 0;
    for (at, c) in line.char_indices().skip(form.len()) {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at + 1),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::manifest::parse;

    fn read(text: &str, vars: &[(&str, &str)]) -> Value {
        let vars =
            vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\n{text}\n");
        let filled = fill(vec![Source { file: "a.yaml".to_owned(), text }], &vars);
        let mut objects = parse::objects(&filled.sources).unwrap();
        filled.settle(&mut objects);
        objects[0].value.clone()
    }

    #[test]
    fn a_plain_value_has_the_type_that_it_has_in_the_text() {
        let value = read("a: ${N}\nb: \"${N}\"\nc: x-${N}:${TAG}", &[("N", "3"), ("TAG", "v1.2")]);
        assert_eq!(
            (&value["a"], &value["b"], &value["c"]),
            (&json!(3), &json!("3"), &json!("x-3:v1.2"))
        );
    }

    #[test]
    fn a_value_never_becomes_structure() {
        for odd in [
            "a: b",
            "x\nkind: Pod",
            "- item",
            "\"quoted\"",
            "# no comment",
            "{a: [b",
            "a\\nb",
            "*x",
            " ",
            "a:",
        ] {
            let text = "data:\n  plain: ${V}\n  quoted: \"${V}\"\n  single: '${V}'\n  block: |\n    <${V}>\n  flow: {in: [\"${V}\"]}";
            let data = &read(text, &[("V", odd)])["data"];
            let wanted = json!({"plain": odd, "quoted": odd, "single": odd, "block": format!("<{odd}>\n"),
                "flow": {"in": [odd]}});
            assert_eq!(*data, wanted, "{odd:?}");
        }
    }

    #[test]
    fn forms_with_a_default_take_the_value_and_other_dollars_stay() {
        for (text, expected) in [
            ("${V:?set it}", "x"),
            ("${V:-a ${W:-b} c}", "x"),
            ("${V-}", "x"),
            ("${V?}", "x"),
            ("${VERSION}", "${VERSION}"),
            ("${V:+alt}", "${V:+alt}"),
            ("$V $(V) ${V", "$V $(V) ${V"),
            ("${V}${V}", "xx"),
        ] {
            assert_eq!(replaced(text, "V", "x"), expected, "{text}");
        }
    }

    #[test]
    fn a_name_filled_in_is_the_objects_name() {
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"${NAME}\"}\n".to_owned();
        let vars = BTreeMap::from([("NAME".to_owned(), "-odd-".to_owned())]);
        let filled = fill(vec![Source { file: "a.yaml".to_owned(), text }], &vars);
        let mut objects = parse::objects(&filled.sources).unwrap();
        filled.settle(&mut objects);
        assert_eq!(objects[0].id.name, "-odd-");
    }

    proptest! {
        #[test]
        fn any_value_arrives_as_it_is(value in "[ -~\n]{1,24}") {
            let read = read("data: {v: \"${V}\"}", &[("V", &value)]);
            prop_assert_eq!(read["data"]["v"].as_str(), Some(value.as_str()));
        }
    }
}
