//! From what is written to what is meant: the typed sections become the model, and what the
//! fields of one entry must be together is checked. What entries must be together is `rules`.

mod check;
mod cluster;
mod deploy;
mod kubernetes;
mod local;
mod pod;
mod provider;

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::de;
use super::diagnostic::{Problem, Problems};
use super::model::{Check, Cluster, Deploy, File, Image, KubeSecret, Network, Registry, Task};
use super::node::{Data, Node};
use super::raw::RawConfig;
use super::rules::Steps;
use super::source::Span;
use super::suggest;
use super::variables::Variables;

/// All sections, typed.
#[derive(Debug)]
pub(crate) struct Sections {
    pub(crate) top: Option<RawConfig>,
    pub(crate) cluster: Option<Cluster>,
    pub(crate) networks: Vec<Network>,
    pub(crate) files: Vec<File>,
    pub(crate) registries: Vec<Registry>,
    pub(crate) secrets: Vec<KubeSecret>,
    pub(crate) images: Vec<Image>,
    pub(crate) deploys: Vec<Deploy>,
    pub(crate) checks: Vec<Check>,
    pub(crate) tasks: Vec<Task>,
}

/// Everything that reading a section needs.
pub(crate) struct Parser<'a> {
    /// Where problems go.
    pub(crate) problems: &'a mut Problems,
    /// The project's folder.
    pub(crate) root: &'a Path,
    /// The variables.
    pub(crate) variables: &'a Variables<'a>,
    /// The steps that `needs` may name.
    pub(crate) steps: Steps,
}

/// One entry of a section while it is read.
#[derive(Clone)]
pub(crate) struct Entry<'n> {
    /// The entry.
    node: &'n Node,
    /// How it is called in messages, such as ``[[check]] `web` ``.
    subject: String,
}

impl Entry<'_> {
    /// Where a key of the entry stands; the entry itself if the key is not there.
    fn key_span(&self, key: &str) -> Option<&Span> {
        let node = self.node.get(key);
        node.and_then(|node| node.key_span.as_ref()).or(self.node.span.as_ref())
    }

    /// Where the value at a path stands; the entry itself if nothing is there.
    fn value_span(&self, path: &[&str]) -> Option<&Span> {
        self.node.find(path).and_then(|node| node.span.as_ref()).or(self.node.span.as_ref())
    }
}

/// Reads all sections of the merged and expanded tree.
pub(crate) fn sections(parser: &mut Parser<'_>, tree: &Node) -> Sections {
    let mut top = tree.clone();
    if let Data::Table(entries) = &mut top.data {
        let is_section = |key: &str| {
            key == "cluster" || super::layers::KEYED.iter().any(|(section, _)| *section == key)
        };
        entries.retain(|(key, _)| !is_section(key));
    }
    Sections {
        top: de::read(&top, "", parser.problems),
        cluster: cluster::read(parser, tree),
        networks: parser.entries(tree, "network", |parser, entry, raw| {
            Some(local::network(parser, entry, raw))
        }),
        files: parser.entries(tree, "file", local::file),
        registries: parser.entries(tree, "registry", kubernetes::registry),
        secrets: parser
            .entries(tree, "secret", |parser, _, raw| Some(kubernetes::secret(parser, raw))),
        images: parser.entries(tree, "image", local::image),
        deploys: parser.entries(tree, "deploy", deploy::deploy),
        checks: parser.entries(tree, "check", check::check),
        tasks: parser
            .entries(tree, "task", |parser, entry, raw| Some(local::task(parser, entry, raw))),
    }
}

impl Parser<'_> {
    /// Reads each entry of a section and turns it into its model.
    fn entries<R: DeserializeOwned, M>(
        &mut self,
        tree: &Node,
        section: &str,
        convert: fn(&mut Self, &Entry<'_>, R) -> Option<M>,
    ) -> Vec<M> {
        let mut models = Vec::new();
        for (identity, node) in tree.get(section).map(Node::entries).unwrap_or_default() {
            let name = node.get("name").and_then(Node::as_text).unwrap_or(identity);
            let entry = Entry { node, subject: format!("[[{section}]] `{name}`") };
            let Some(raw) = de::read::<R>(node, &entry.subject, self.problems) else { continue };
            models.extend(convert(self, &entry, raw));
        }
        models
    }

    /// Records that the fields of an entry do not fit.
    fn wrong(&mut self, span: Option<&Span>, message: String, help: &str) {
        self.problems.push(span, Problem::new("CONFIG_INVALID", message).help(help));
    }

    /// The one key of `choices` that the entry has. None, where one is needed, and several are
    /// recorded.
    fn exactly_one(&mut self, entry: &Entry<'_>, choices: &[&'static str]) -> Option<&'static str> {
        let given: Vec<&'static str> =
            choices.iter().copied().filter(|key| entry.node.get(key).is_some()).collect();
        match given.as_slice() {
            [only] => Some(only),
            [] => {
                let message = format!("{} says nothing to do", entry.subject);
                let help = format!("give exactly one of {}", suggest::list(choices));
                self.wrong(entry.node.span.as_ref(), message, &help);
                None
            }
            [first, second, ..] => {
                let keys = suggest::list(&given);
                let problem = Problem::new(
                    "CONFIG_INVALID",
                    format!("{} has {keys}, which exclude each other", entry.subject),
                )
                .help(format!("keep exactly one of {}", suggest::list(choices)));
                let (first, second) = (entry.key_span(first), entry.key_span(second));
                self.problems.push_pair(second, first, "first given here", problem);
                None
            }
        }
    }

    /// Records each of `keys` that the entry has although it only goes with `owner`.
    fn only_with(&mut self, entry: &Entry<'_>, owner: &str, keys: &[&str]) {
        for key in keys {
            if entry.node.get(key).is_some() {
                let message = format!("`{key}` of {} only goes with `{owner}`", entry.subject);
                self.wrong(entry.key_span(key), message, &format!("remove `{key}`"));
            }
        }
    }

    /// Records secrets that would stand in a command line for every user of the machine to read.
    fn check_argv(&mut self, entry: &Entry<'_>, path: &[&str]) {
        let Some(Node { data: Data::List(nodes), .. }) = entry.node.find(path) else { return };
        for node in nodes {
            let Data::Text(text) = &node.data else { continue };
            let Some(name) = self.variables.find_secret(&text.variables) else { continue };
            let message = format!(
                "`{name}` is a secret and would be visible in the process list through `{}` of {}",
                path.join("."),
                entry.subject
            );
            let help = format!(
                "hand it over in the environment: `env = {{ {name} = \"${{{name}}}\" }}` of a \
                 `[[task]]`, and let the program read `{name}`"
            );
            let problem = Problem::new("CONFIG_SECRET_IN_ARGV", message).help(help);
            self.problems.push(node.span.as_ref(), problem);
        }
    }

    /// The full identifiers of the steps that an entry needs.
    fn needs(&mut self, entry: &Entry<'_>, own: &str, needs: &[String]) -> Vec<String> {
        let mut ids = Vec::new();
        for (index, need) in needs.iter().enumerate() {
            let span = entry.value_span(&["needs", &index.to_string()]);
            match self.steps.resolve(need) {
                Ok(id) if id == own => {
                    let message = format!("{} needs itself", entry.subject);
                    self.wrong(span, message, "remove it from `needs`");
                }
                Ok(id) => ids.push(id),
                Err((message, help)) => {
                    let message = format!("`needs` of {}: {message}", entry.subject);
                    self.problems
                        .push(span, Problem::new("CONFIG_UNKNOWN_STEP", message).help(help));
                }
            }
        }
        ids
    }

    /// A path of the configuration as an absolute one: relative to the project, `~/` at home.
    fn path(&self, text: &str) -> PathBuf {
        let home = self.variables.process.get("HOME").filter(|home| !home.is_empty());
        match (text.strip_prefix("~/"), home) {
            (Some(rest), Some(home)) => Path::new(home).join(rest),
            _ => self.root.join(text.strip_prefix("./").unwrap_or(text)),
        }
    }
}
