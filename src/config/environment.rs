//! The layers that are no files: `MLUP_*` variables, `--set` and the flags for profile and
//! deadline. They name settings by path, `MLUP_CLUSTER__MEMORY` or `cluster.memory`.

use std::collections::BTreeMap;

use super::Sources;
use super::de;
use super::diagnostic::{Problem, Problems};
use super::layers::{KEYED, Layer};
use super::node::{Data, Node, Text};
use super::raw::RawConfig;
use super::source::{SourceKind, Span};
use super::suggest;

/// Variables of this prefix are settings.
const PREFIX: &str = "MLUP_";

/// Names behind the prefix that are no settings: they steer the command, not the environment.
const NOT_SETTINGS: [&str; 10] =
    ["BENCH", "COLOR", "HOME", "JOBS", "LOG", "NO_COLOR", "NOW", "PROGRESS", "SEED", "STATE_DIR"];

/// Prefixes of variables that belong to the development of mlup.
const NOT_SETTINGS_PREFIXES: [&str; 3] = ["BENCH_", "LOG_", "TEST_"];

/// Whether a variable is a setting by its name.
pub(crate) fn is_setting(name: &str) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|rest| {
        !rest.is_empty()
            && !NOT_SETTINGS.contains(&rest)
            && !NOT_SETTINGS_PREFIXES.iter().any(|prefix| rest.starts_with(prefix))
    })
}

/// Reads settings from variables into a tree. `span_of` says where a variable was given, `weaker`
/// are the layers whose entries a name may mean.
pub(crate) fn variables<'v>(
    variables: impl Iterator<Item = (&'v str, &'v str, Span)>,
    weaker: &[Layer],
    problems: &mut Problems,
) -> Node {
    let mut tree = Node::table(weaker.len());
    for (name, value, span) in variables {
        // An empty variable is how a shell says "not set".
        if !is_setting(name) || value.is_empty() {
            continue;
        }
        let rest = name.strip_prefix(PREFIX).unwrap_or(name).to_lowercase();
        let path: Vec<String> = rest.split("__").map(str::to_owned).collect();
        put(&mut tree, path, value, &Given { called: name, span, weaker }, problems);
    }
    tree
}

/// Reads the `MLUP_*` variables of the process.
pub(crate) fn process(
    env: &BTreeMap<String, String>,
    weaker: &[Layer],
    problems: &mut Problems,
) -> Node {
    let mut given = Vec::new();
    for (name, value) in env.iter().filter(|(name, _)| is_setting(name)) {
        let span =
            text_of(&format!("environment variable {name}"), &format!("{name}={value}"), problems);
        given.push((name.as_str(), value.as_str(), span));
    }
    variables(given.into_iter(), weaker, problems)
}

/// Reads the flags.
pub(crate) fn flags(sources: &Sources, weaker: &[Layer], problems: &mut Problems) -> Node {
    let mut tree = Node::table(weaker.len());
    for pair in &sources.set {
        let span = text_of("--set", pair, problems);
        let Some((path, value)) = pair.split_once('=').filter(|(path, _)| !path.is_empty()) else {
            let problem = Problem::new("CONFIG_SET", format!("`--set {pair}` sets nothing"))
                .help("write `--set cluster.memory=4g`");
            problems.push(Some(&span), problem);
            continue;
        };
        let keys = path.split('.').map(|key| key.trim().to_owned()).collect();
        put(&mut tree, keys, value, &Given { called: path, span, weaker }, problems);
    }
    if let Some(profile) = &sources.profile {
        let span = text_of("--profile", profile, problems);
        tree.put(&["profile".to_owned()], loose(profile, span, weaker.len()));
    }
    if let Some(deadline) = &sources.deadline {
        let span = text_of("--timeout", deadline, problems);
        tree.put(&["deadline".to_owned()], loose(deadline, span, weaker.len()));
    }
    tree
}

fn text_of(name: &str, text: &str, problems: &mut Problems) -> Span {
    let source = problems.texts.add(name, text, SourceKind::Given);
    Span { source, range: 0..text.len() }
}

struct Given<'a> {
    called: &'a str,
    span: Span,
    weaker: &'a [Layer],
}

fn put(
    tree: &mut Node,
    mut path: Vec<String>,
    value: &str,
    given: &Given<'_>,
    problems: &mut Problems,
) {
    let known = de::fields_of::<RawConfig>();
    if !known.contains(&path[0].as_str()) {
        let message = format!("`{}` is no setting: unknown key `{}`", given.called, path[0]);
        let problem =
            Problem::new("CONFIG_UNKNOWN_KEY", message).help(suggest::advice(&path[0], known));
        problems.push(Some(&given.span), problem);
        return;
    }
    let layer = tree.layer;
    if let Some((section, fields)) = KEYED.iter().find(|(section, _)| *section == path[0]) {
        if path.len() < 3 {
            let message = format!("`{}` names no field of an entry", given.called);
            let problem = Problem::new("CONFIG_SET", message)
                .help(format!("name entry and field, such as `{section}.NAME.FIELD`"));
            problems.push(Some(&given.span), problem);
            return;
        }
        let entry = meant(section, &path[1], given.weaker);
        let Some(entry) = entry else {
            let message = format!("`{}`: there is no `[[{section}]]` `{}`", given.called, path[1]);
            let known = identities(section, given.weaker);
            let problem =
                Problem::new("CONFIG_UNKNOWN_KEY", message).help(suggest::advice(&path[1], &known));
            problems.push(Some(&given.span), problem);
            return;
        };
        path[1] = entry;
        if fields.contains(&path[2].as_str()) && path.len() == 3 {
            let message = format!("`{}` would rename an entry", given.called);
            let problem = Problem::new("CONFIG_SET", message).help("rename it in its file");
            problems.push(Some(&given.span), problem);
            return;
        }
    }
    tree.put(&path, value_node(value, given.span.clone(), layer));
}

fn identities(section: &str, weaker: &[Layer]) -> Vec<String> {
    let sections = weaker.iter().filter_map(|layer| layer.tree.get(section));
    sections.flat_map(Node::entries).map(|(identity, _)| identity.clone()).collect()
}

/// The entry that a name means; a variable writes `model-api` as `MODEL_API`.
fn meant(section: &str, name: &str, weaker: &[Layer]) -> Option<String> {
    let known = identities(section, weaker);
    if known.iter().any(|identity| identity == name) {
        return Some(name.to_owned());
    }
    let as_variable = |text: &str| -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        text.chars().map(plain).collect()
    };
    known.into_iter().find(|identity| as_variable(identity) == as_variable(name))
}

/// A value as typed: TOML where it is a list, table or quoted string, plain text otherwise.
fn value_node(value: &str, span: Span, layer: usize) -> Node {
    if value.starts_with(['[', '{', '"', '\''])
        && let Ok(parsed) = value.parse::<toml_edit::Value>()
    {
        let mut node = Node::from_value(&parsed, span.source, layer);
        place(&mut node, &span);
        return node;
    }
    loose(value, span, layer)
}

fn place(node: &mut Node, span: &Span) {
    node.span = Some(span.clone());
    node.key_span = Some(span.clone());
    match &mut node.data {
        Data::List(nodes) => nodes.iter_mut().for_each(|node| place(node, span)),
        Data::Table(entries) => entries.iter_mut().for_each(|(_, node)| place(node, span)),
        _ => {}
    }
}

fn loose(value: &str, span: Span, layer: usize) -> Node {
    let mut node = Node::text(value, Some(span), layer);
    node.data = Data::Text(Text { value: value.to_owned(), loose: true, ..Text::default() });
    node
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_settings_count_as_settings() {
        for name in ["MLUP_PROFILE", "MLUP_CLUSTER__MEMORY", "MLUP_FOO"] {
            assert!(is_setting(name), "{name}");
        }
        for name in ["MLUP_", "MLUP_LOG", "MLUP_PROGRESS", "MLUP_TEST_KUBECONFIG", "HOME"] {
            assert!(!is_setting(name), "{name}");
        }
    }
}
