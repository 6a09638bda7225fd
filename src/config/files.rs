//! Finds and reads the files of a configuration: `mlup.toml`, its companions and the env files.
//! What they say is not looked at here beyond its syntax.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use super::diagnostic::{ConfigError, Problem, Problems};
use super::dotenv;
use super::node::{Data, Node};
use super::profile;
use super::source::{SourceKind, Span};
use super::suggest;
use super::{Sources, expand};

/// Name of the file that makes a folder a project.
const FILE: &str = "mlup.toml";

/// The env file that is read where none is named.
const DEFAULT_ENV_FILE: &str = ".env";

/// The absolute path of `mlup.toml`: the one that is named, else the nearest one above.
pub(crate) fn find(sources: &Sources) -> Result<PathBuf, ConfigError> {
    if let Some(file) = &sources.file {
        return Ok(without_dots(&sources.cwd.join(file)));
    }
    let mut folders = sources.cwd.ancestors().map(|folder| folder.join(FILE));
    folders.find(|file| file.is_file()).ok_or_else(|| {
        let cwd = sources.cwd.display();
        let message = format!("there is no `{FILE}` in `{cwd}` or in any folder above it");
        let problem = Problem::new("CONFIG_NOT_FOUND", message).help(format!(
            "go to your project, name the file with `-f FILE`, or begin one: a `{FILE}` with \
             `[[deploy]]`, `name = \"stack\"` and `compose = \"compose.yml\"` is enough"
        ));
        ConfigError { problems: vec![problem] }
    })
}

/// The path without `.` and `..`, so that one project has one name.
fn without_dots(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            _ => clean.push(part),
        }
    }
    clean
}

/// Reads a TOML file that must be there.
pub(crate) fn required(path: &Path, name: &str, problems: &mut Problems) -> Option<Node> {
    match std::fs::read_to_string(path) {
        Ok(text) => toml(name, &text, problems),
        Err(error) => {
            let message = format!("`{}` cannot be read: {error}", path.display());
            let problem = Problem::new("CONFIG_FILE_UNREADABLE", message)
                .help("check the path and its permissions; the file must be UTF-8 text");
            problems.push(None, problem);
            None
        }
    }
}

/// Reads a TOML file that may be missing.
pub(crate) fn optional(path: &Path, name: &str, problems: &mut Problems) -> Option<Node> {
    match path.try_exists() {
        Ok(false) => None,
        _ => required(path, name, problems),
    }
}

/// Reads TOML text. A syntax error stands where the parser stopped.
pub(crate) fn toml(name: &str, text: &str, problems: &mut Problems) -> Option<Node> {
    let source = problems.texts.add(name, text, SourceKind::File);
    match toml_edit::Document::parse(text) {
        Ok(document) => Some(Node::from_toml(document.as_table(), source, 0)),
        Err(error) => {
            let span = error.span().map(|range| Span { source, range });
            let message = format!("`{name}` is not TOML: {}", error.message());
            let problem = Problem::new("CONFIG_SYNTAX", message)
                .help("nothing was read from the file; strings need quotes, tables `[name]`");
            problems.push(span.as_ref(), problem);
            None
        }
    }
}

/// One env file that was read.
#[derive(Debug)]
pub(crate) struct EnvText {
    /// How it is named in messages.
    pub(crate) name: String,
    /// Its absolute path.
    pub(crate) path: PathBuf,
    /// Its variables with their places.
    pub(crate) entries: Vec<(String, String, Span)>,
}

/// Reads the env files that `env_file` names, or `.env` if it is there.
pub(crate) fn env_files(
    named: Option<&Node>,
    root: &Path,
    process: &BTreeMap<String, String>,
    problems: &mut Problems,
) -> Vec<EnvText> {
    let mut read = Vec::new();
    for (name, span) in env_file_names(named, process) {
        let path = root.join(&name);
        match std::fs::read_to_string(&path) {
            Ok(text) => read.push(env_text(name, path, &text, process, problems)),
            Err(error) if error.kind() == ErrorKind::NotFound && span.is_none() => {}
            Err(error) => {
                let reason = match error.kind() {
                    ErrorKind::NotFound => "is not there".to_owned(),
                    _ => format!("cannot be read: {error}"),
                };
                let problem =
                    Problem::new("CONFIG_ENV_FILE", format!("env file `{name}` {reason}"))
                        .help(format!("create `{}`, or take it out of `env_file`", path.display()));
                problems.push(span.as_ref(), problem);
            }
        }
    }
    read
}

/// The names of the env files, each with the place that asks for it.
fn env_file_names(
    named: Option<&Node>,
    process: &BTreeMap<String, String>,
) -> Vec<(String, Option<Span>)> {
    let name = |node: &Node| {
        let text = node.as_text()?;
        // Only the process environment is known before env files are read; what is wrong with the
        // expression is recorded when the whole tree is expanded.
        let value = expand::expand(text, &|name| process.get(name).cloned()).value;
        (!value.is_empty()).then(|| (value, node.span.clone()))
    };
    match named.map(|node| (node, &node.data)) {
        None => vec![(DEFAULT_ENV_FILE.to_owned(), None)],
        Some((_, Data::List(nodes))) => nodes.iter().filter_map(name).collect(),
        Some((node, _)) => name(node).into_iter().collect(),
    }
}

fn env_text(
    name: String,
    path: PathBuf,
    text: &str,
    process: &BTreeMap<String, String>,
    problems: &mut Problems,
) -> EnvText {
    let source = problems.texts.add(&name, text, SourceKind::EnvFile);
    let line_at = |start: usize| {
        let end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        Span { source, range: start..end }
    };
    let file = dotenv::parse(text, process);
    for start in file.bad_lines {
        let span = line_at(start);
        let problem = Problem::new("CONFIG_ENV_FILE", "this line is not `NAME=value`")
            .help("put values with spaces, `#` or `\\` in single quotes; begin comments with `#`");
        problems.push(Some(&span), problem);
    }
    let entries = file.entries.into_iter();
    let entries = entries.map(|entry| (entry.name, entry.value, line_at(entry.start))).collect();
    EnvText { name, path, entries }
}

/// The layers of a profile: the built-in one and the project's own, each if there is one.
pub(crate) fn profile_layers(
    name: &str,
    span: Option<&Span>,
    root: &Path,
    problems: &mut Problems,
) -> (Option<Node>, Option<Node>) {
    let own = root.join("profiles").join(format!("{name}.toml"));
    let is_plain = !name.is_empty() && !name.contains(['/', '\\']) && !name.starts_with('.');
    let built_in = profile::built_in(name)
        .and_then(|text| toml(&format!("built-in profiles/{name}.toml"), text, problems));
    if is_plain && (built_in.is_some() || own.is_file()) {
        return (built_in, optional(&own, &format!("profiles/{name}.toml"), problems));
    }
    let known = known_profiles(root);
    let near = suggest::nearest(name, &known)
        .map(|word| format!("did you mean `{word}`? "))
        .unwrap_or_default();
    let problem = Problem::new("CONFIG_UNKNOWN_PROFILE", format!("there is no profile `{name}`"))
        .help(format!(
            "{near}there are {}; your own is a file `profiles/{name}.toml`",
            suggest::list(&known)
        ));
    problems.push(span, problem);
    (None, None)
}

/// The names of all profiles, built-in and the project's own, sorted.
pub(crate) fn known_profiles(root: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        profile::BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).collect();
    let own = std::fs::read_dir(root.join("profiles")).into_iter().flatten().flatten();
    for path in own.map(|entry| entry.path()) {
        if path.extension().is_some_and(|extension| extension == "toml") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    names.dedup();
    names
}
