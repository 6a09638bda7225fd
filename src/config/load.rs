//! The way from sources to a checked configuration: find, read, merge, expand, type, check. Each
//! step is a module of its own; here is their order.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::diagnostic::{ConfigError, Problem, Problems};
use super::environment;
use super::files::{self, EnvText};
use super::layers::{self, Layer};
use super::model::Config;
use super::node::{Data, Node};
use super::origin;
use super::parse::{self, Parser, Sections};
use super::profile;
use super::rules::{self, Steps};
use super::secrets::Collector;
use super::sensitive;
use super::source::Span;
use super::variables::Variables;
use super::{Loaded, Sources};
use crate::redact::{Scrubber, Secret};

/// Problems after which the layers are not complete.
const UNREAD: [&str; 4] =
    ["CONFIG_ENV_FILE", "CONFIG_FILE_UNREADABLE", "CONFIG_SYNTAX", "CONFIG_UNKNOWN_PROFILE"];

/// Reads all layers.
///
/// # Errors
/// All that is wrong, at once where that is possible.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
    let file = files::find(sources)?;
    let mut problems = Problems::default();
    let read = read(sources, &file, &mut problems);
    // What follows from a file that is not there would bury the cause.
    if read.is_none() || problems.has(&UNREAD) {
        stop_on(&mut problems, &[])?;
    }
    let Some(read) = read else { return Err(unexplained()) };
    let variables = Variables {
        process: &sources.env,
        files: values(&read.env),
        read: read.env.iter().map(|file| file.name.clone()).collect(),
    };
    let mut tree = layers::merge(&read.layers);
    let used = variables.expand(&mut tree, &mut problems);
    let secrets = secrets(&tree, &variables, &used, &read.root, &problems);
    rules::check_names(&tree, &mut problems);
    rules::check_required(&tree, &variables, &mut problems);
    rules::check_project_name(&tree, &mut problems);
    rules::check_cluster(&tree, &mut problems);
    let mut parser = Parser {
        steps: Steps::of(&tree),
        problems: &mut problems,
        root: &read.root,
        variables: &variables,
    };
    let sections = parse::sections(&mut parser, &tree);
    stop_on(&mut problems, &secrets)?;
    let scrubber = Scrubber::new(&secrets);
    let tree = origin::in_schema_order(&tree);
    let origins = origin::rows(&tree, &read.layers, &problems.texts, &scrubber);
    let shown = origin::show(&tree, &scrubber);
    let env_files = read.env.into_iter().map(|file| file.path).collect();
    let config = Config {
        env_files,
        env: variables.files,
        secrets_to_scrub: secrets,
        ..config(sections, read.profile, read.root)
    };
    Ok(Loaded { config, origins, shown })
}

/// Everything that was read, before it is merged.
struct Read {
    root: PathBuf,
    profile: String,
    layers: Vec<Layer>,
    env: Vec<EnvText>,
}

/// What the files say that are always read.
struct Base {
    defaults: Node,
    main: Node,
    main_name: String,
    local: Option<Node>,
}

fn read(sources: &Sources, file: &Path, problems: &mut Problems) -> Option<Read> {
    let root = file.parent()?.to_path_buf();
    let main_name = file.file_name()?.to_string_lossy().into_owned();
    let defaults = defaults(&root, problems)?;
    let main = files::required(file, &main_name, problems);
    let local = files::optional(&root.join("mlup.local.toml"), "mlup.local.toml", problems);
    let base = Base { defaults, main: main?, main_name, local };
    // Flags and variables first: they may name profile and env files.
    let flags = environment::flags(sources, &[], &mut Problems::default());
    let process = environment::process(&sources.env, &[], &mut Problems::default());
    let given = [&flags, &process];
    let (profile, span) = chosen_profile(&base, given, &root, sources);
    let (built_in, own) = files::profile_layers(&profile, span.as_ref(), &root, problems);
    let named = strongest(
        "env_file",
        &[
            Some(&flags),
            Some(&process),
            base.local.as_ref(),
            own.as_ref(),
            Some(&base.main),
            built_in.as_ref(),
        ],
    );
    let env = files::env_files(named, &root, &sources.env, problems);
    let mut stack = Stack { layers: Vec::new(), problems };
    stack.add("built-in defaults", Some(base.defaults));
    stack.add(&format!("built-in profiles/{profile}.toml"), built_in);
    stack.add(&base.main_name, Some(base.main));
    stack.add(&format!("profiles/{profile}.toml"), own);
    stack.add("mlup.local.toml", base.local);
    for file in &env {
        stack.add_env_file(file);
    }
    stack.add_given(sources);
    Some(Read { root, profile, layers: stack.layers, env })
}

/// The built-in defaults; the folder's name is the environment's unless it is set.
fn defaults(root: &Path, problems: &mut Problems) -> Option<Node> {
    let mut defaults = files::toml("built-in defaults", profile::DEFAULTS, problems)?;
    let folder = root.file_name().map(|name| name.to_string_lossy().into_owned());
    if let Some(name) = folder.as_deref().and_then(rules::project_name) {
        defaults.put(&["name".to_owned()], Node::text(&name, None, 0));
    }
    Some(defaults)
}

/// The profile: flag over process variable over `.env` over the files. The env files that count
/// here are those that no profile had a say in.
fn chosen_profile(
    base: &Base,
    given: [&Node; 2],
    root: &Path,
    sources: &Sources,
) -> (String, Option<Span>) {
    let [flags, process] = given;
    let direct = strongest("profile", &[Some(flags), Some(process)]).and_then(Node::as_text);
    if let Some(name) = direct {
        return (name.to_owned(), None);
    }
    let named =
        strongest("env_file", &[Some(flags), Some(process), base.local.as_ref(), Some(&base.main)]);
    // Problems with these files are recorded when they are read for good.
    let env = files::env_files(named, root, &sources.env, &mut Problems::default());
    let values = values(&env);
    if let Some(name) = values.get("MLUP_PROFILE").filter(|name| !name.expose().is_empty()) {
        return (name.expose().to_owned(), None);
    }
    let node = strongest("profile", &[base.local.as_ref(), Some(&base.main)]);
    let Some(text) = node.and_then(Node::as_text) else {
        return (profile::DEFAULT.to_owned(), None);
    };
    let lookup = Variables { process: &sources.env, files: values, read: Vec::new() };
    let expanded = super::expand::expand(text, &|name| lookup.lookup(name));
    (expanded.value, node.and_then(|node| node.span.clone()))
}

/// The value of a key in the first tree that has it.
fn strongest<'n>(key: &str, trees: &[Option<&'n Node>]) -> Option<&'n Node> {
    trees.iter().flatten().find_map(|tree| tree.get(key))
}

/// The layers while they pile up, weakest first.
struct Stack<'p> {
    layers: Vec<Layer>,
    problems: &'p mut Problems,
}

impl Stack<'_> {
    /// Adds a file, if it is there.
    fn add(&mut self, name: &str, tree: Option<Node>) {
        let Some(mut tree) = tree else { return };
        number(&mut tree, self.layers.len());
        layers::key_sections(&mut tree, &self.layers, self.problems);
        hide(&tree, self.problems);
        self.layers.push(Layer { name: name.to_owned(), tree });
    }

    fn add_env_file(&mut self, file: &EnvText) {
        let entries = file.entries.iter();
        let entries = entries.map(|(name, value, at)| (name.as_str(), value.as_str(), at.clone()));
        let tree = environment::variables(entries, &self.layers, self.problems);
        self.layers.push(Layer { name: file.name.clone(), tree });
    }

    fn add_given(&mut self, sources: &Sources) {
        let tree = environment::process(&sources.env, &self.layers, self.problems);
        hide(&tree, self.problems);
        self.layers.push(Layer { name: "environment".to_owned(), tree });
        let tree = environment::flags(sources, &self.layers, self.problems);
        hide(&tree, self.problems);
        self.layers.push(Layer { name: "flags".to_owned(), tree });
    }
}

fn number(node: &mut Node, layer: usize) {
    node.layer = layer;
    match &mut node.data {
        Data::List(nodes) => nodes.iter_mut().for_each(|node| number(node, layer)),
        Data::Table(entries) => entries.iter_mut().for_each(|(_, node)| number(node, layer)),
        _ => {}
    }
}

/// Keeps secrets that stand in the text out of every line that is shown.
fn hide(tree: &Node, problems: &mut Problems) {
    tree.walk(&mut Vec::new(), &mut |path, leaf| {
        if sensitive::is_secret_path(path)
            && let Some(span) = &leaf.span
        {
            problems.texts.hide(span);
        }
    });
}

/// The variables of all env files; later files and lines count.
fn values(env: &[EnvText]) -> BTreeMap<String, Secret> {
    let entries = env.iter().flat_map(|file| &file.entries);
    entries.map(|(name, value, _)| (name.clone(), Secret::new(value.as_str()))).collect()
}

/// Every value that must never be printed.
fn secrets(
    tree: &Node,
    variables: &Variables<'_>,
    used: &BTreeSet<String>,
    root: &Path,
    problems: &Problems,
) -> Vec<Secret> {
    let mut collector = Collector::default();
    let project = tree.get("name").and_then(Node::as_text).unwrap_or_default();
    let is_public = |value: &str| {
        value == project || problems.texts.configuration().any(|text| text.contains(value))
    };
    collector.env_file(&variables.files, &is_public, root);
    let required = match tree.get("require").map(|node| &node.data) {
        Some(Data::List(nodes)) => nodes.iter().filter_map(Node::as_text).collect(),
        _ => Vec::new(),
    };
    for name in used.iter().map(String::as_str).chain(required) {
        if let Some(value) = variables.lookup(name) {
            collector.variable(name, &value);
        }
    }
    collector.tree(tree);
    collector.into_values()
}

fn stop_on(problems: &mut Problems, secrets: &[Secret]) -> Result<(), ConfigError> {
    problems.take(&Scrubber::new(secrets)).map_or(Ok(()), Err)
}

fn unexplained() -> ConfigError {
    let message = "the configuration could not be read";
    ConfigError { problems: vec![Problem::new("CONFIG_FILE_UNREADABLE", message)] }
}

/// The configuration but for its variables and secrets.
fn config(sections: Sections, profile: String, root: PathBuf) -> Config {
    let top = sections.top;
    let name = top.as_ref().and_then(|top| top.name.clone()).map(|name| name.0);
    let namespace = top.as_ref().and_then(|top| top.namespace.clone()).map(|name| name.0);
    let deadline = top.as_ref().and_then(|top| top.deadline.clone()).map(|deadline| deadline.0);
    Config {
        // Only the root of the file system has a name that nothing can be made of.
        name: name.unwrap_or_else(|| "mlup".to_owned()),
        profile,
        root,
        env_files: Vec::new(),
        env: BTreeMap::new(),
        namespace,
        deadline: deadline.unwrap_or(Duration::from_secs(900)),
        cluster: sections.cluster,
        networks: sections.networks,
        files: sections.files,
        registries: sections.registries,
        secrets: sections.secrets,
        images: sections.images,
        deploys: sections.deploys,
        checks: sections.checks,
        tasks: sections.tasks,
        secrets_to_scrub: Vec::new(),
    }
}
