//! The variables that strings may name: the process environment over the env files. Expands whole
//! trees with them and puts each error at its place.

use std::collections::{BTreeMap, BTreeSet};

use super::diagnostic::{Problem, Problems};
use super::expand::{self, ExpandError};
use super::node::{Data, Node};
use super::sensitive;
use super::source::Span;
use super::suggest;
use crate::redact::Secret;

/// All variables of one load.
#[derive(Debug)]
pub(crate) struct Variables<'a> {
    /// The process environment.
    pub(crate) process: &'a BTreeMap<String, String>,
    /// What the env files say.
    pub(crate) files: BTreeMap<String, Secret>,
    /// The env files that were read, as they are named in messages.
    pub(crate) read: Vec<String>,
}

impl Variables<'_> {
    /// The value of a variable.
    pub(crate) fn lookup(&self, name: &str) -> Option<String> {
        let process = self.process.get(name).cloned();
        process.or_else(|| self.files.get(name).map(|value| value.expose().to_owned()))
    }

    /// Whether one of these variables must not reach a command line.
    pub(crate) fn find_secret<'n>(&self, names: &'n [String]) -> Option<&'n str> {
        let is_secret = |name: &&String| {
            self.lookup(name).is_some_and(|value| sensitive::is_secret_variable(name, &value))
        };
        names.iter().find(is_secret).map(String::as_str)
    }

    /// Where a variable was looked for, in words.
    pub(crate) fn sources(&self) -> String {
        match self.read.as_slice() {
            [] => "the process environment (no env file was read)".to_owned(),
            files => format!("the process environment and {}", suggest::list(files)),
        }
    }

    /// Expands every string of a tree and returns the names of the variables that were used.
    pub(crate) fn expand(&self, tree: &mut Node, problems: &mut Problems) -> BTreeSet<String> {
        let mut used = BTreeSet::new();
        self.expand_node(tree, &mut used, problems);
        used
    }

    fn expand_node(&self, node: &mut Node, used: &mut BTreeSet<String>, problems: &mut Problems) {
        match &mut node.data {
            Data::List(nodes) => {
                for node in nodes {
                    self.expand_node(node, used, problems);
                }
            }
            Data::Table(entries) => {
                for (_, node) in entries {
                    self.expand_node(node, used, problems);
                }
            }
            Data::Text(text) if text.value.contains('$') => {
                let expanded = expand::expand(&text.value, &|name| self.lookup(name));
                for error in &expanded.errors {
                    self.report(error, node.span.as_ref(), problems);
                }
                if let (false, Some(span)) = (expanded.errors.is_empty(), &node.span) {
                    problems.mute(span);
                }
                used.extend(expanded.variables.iter().cloned());
                text.value = expanded.value;
                text.variables = expanded.variables;
            }
            _ => {}
        }
    }

    /// Records what is wrong with an expression, at the expression itself where it can be found.
    pub(crate) fn report(&self, error: &ExpandError, span: Option<&Span>, problems: &mut Problems) {
        let inner = span.map(|span| narrowed(span, &error.expression, problems));
        let problem = match &error.variable {
            Some(name) => {
                Problem::new("CONFIG_VARIABLE_UNSET", error.message.clone()).help(self.advice(name))
            }
            None => Problem::new("CONFIG_EXPRESSION", error.message.clone())
                .help("write `$$` where a plain `$` is meant"),
        };
        problems.push(inner.as_ref(), problem);
    }

    /// How to set a variable.
    pub(crate) fn advice(&self, name: &str) -> String {
        let known = self.files.keys().chain(self.process.keys());
        let similar = strsim_close(name, known.map(String::as_str));
        let similar = similar.map(|word| format!("; did you mean `{word}`?")).unwrap_or_default();
        format!("set `{name}` in `.env` or the environment; looked in {}{similar}", self.sources())
    }
}

/// A variable that differs by a slip: the process environment is large, so nearness must be strict.
fn strsim_close<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|word| (strsim::damerau_levenshtein(name, word), word))
        .filter(|(distance, _)| (1..=2).contains(distance) && name.len() >= 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

fn narrowed(span: &Span, expression: &str, problems: &Problems) -> Span {
    let text = problems.texts.source(span.source).map(|source| source.text.as_str());
    let found =
        text.and_then(|text| text.get(span.range.clone())).and_then(|value| value.find(expression));
    found.map_or_else(
        || span.clone(),
        |at| {
            let start = span.range.start + at;
            Span { source: span.source, range: start..start + expression.len() }
        },
    )
}
