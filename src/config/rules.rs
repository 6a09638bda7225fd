//! What the entries of all sections must be together: names that mean one step each, needs that
//! exist, required variables that are set. What a cluster asks of the others is `cluster`,
//! which networks one on K3s may have is `k3s`.

mod cluster;
mod k3s;

use super::diagnostic::{Problem, Problems};
use super::layers::KEYED;
use super::node::{Data, Node};
use super::suggest;
use super::variables::Variables;

pub(crate) use cluster::check_cluster;

/// Sections whose entries become steps, and the field that names the step.
const STEP_KINDS: [(&str, &str); 8] = [
    ("network", "name"),
    ("file", "path"),
    ("registry", "secret"),
    ("secret", "name"),
    ("image", "name"),
    ("deploy", "name"),
    ("check", "name"),
    ("task", "name"),
];

/// The steps that `needs` may name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steps {
    ids: Vec<(&'static str, String)>,
    has_cluster: bool,
}

impl Steps {
    /// The steps of a merged and expanded tree.
    pub(crate) fn of(tree: &Node) -> Self {
        let mut ids: Vec<(&'static str, String)> = Vec::new();
        for (kind, field) in STEP_KINDS {
            for (_, node) in tree.get(kind).map(Node::entries).unwrap_or_default() {
                if let Some(name) = node.get(field).and_then(Node::as_text) {
                    let id = (kind, name.strip_prefix("./").unwrap_or(name).to_owned());
                    // Registries may share a secret.
                    if !ids.contains(&id) {
                        ids.push(id);
                    }
                }
            }
        }
        Self { ids, has_cluster: cluster::provider(tree).is_some() }
    }

    /// Whether a step may write a file that is not there yet.
    pub(crate) fn may_write_files(&self) -> bool {
        self.ids.iter().any(|(kind, _)| matches!(*kind, "task" | "file"))
    }

    /// The full identifier behind a need, else what is wrong with it and what helps.
    pub(crate) fn resolve(&self, need: &str) -> Result<String, (String, String)> {
        if need == "docker" || (need == "cluster" && self.has_cluster) {
            return Ok(need.to_owned());
        }
        let full = |(kind, name): &(&str, String)| format!("{kind}/{name}");
        let exact = |id: &&(&str, String)| full(id) == need;
        if let Some(id) = self.ids.iter().find(exact) {
            return Ok(full(id));
        }
        let named: Vec<String> =
            self.ids.iter().filter(|(_, name)| name == need).map(full).collect();
        match named.as_slice() {
            [only] => Ok(only.clone()),
            [] => {
                let all: Vec<String> = self.ids.iter().map(full).collect();
                let help = self.near(need).map_or_else(
                    || suggest::advice(need, &all),
                    |word| format!("did you mean `{word}`?"),
                );
                Err((format!("there is no step `{need}`"), help))
            }
            several => Err((
                format!("`{need}` could be more than one step"),
                format!("write one of {}", suggest::list(several)),
            )),
        }
    }

    /// The step whose bare name is nearest, where the need has no kind.
    fn near(&self, need: &str) -> Option<String> {
        if need.contains('/') {
            return None;
        }
        let names: Vec<&str> = self.ids.iter().map(|(_, name)| name.as_str()).collect();
        let word = suggest::nearest(need, names.iter().copied())?;
        let (kind, name) = self.ids.iter().find(|(_, name)| name == word)?;
        Some(format!("{kind}/{name}"))
    }
}

/// Records entries that only got the same name by expanding variables.
pub(crate) fn check_names(tree: &Node, problems: &mut Problems) {
    for (section, fields) in KEYED {
        let entries = tree.get(section).map(Node::entries).unwrap_or_default();
        let key = |node: &Node| -> Vec<String> {
            let texts = fields.iter().map(|field| node.get(field).and_then(Node::as_text));
            texts.map(|text| text.unwrap_or_default().to_owned()).collect()
        };
        for (index, (_, node)) in entries.iter().enumerate() {
            let Some((_, first)) =
                entries[..index].iter().find(|(_, other)| key(other) == key(node))
            else {
                continue;
            };
            let place = |node: &Node| node.get(fields[0]).and_then(|field| field.span.clone());
            let message =
                format!("two `[[{section}]]` have the {} `{}`", fields[0], key(node).join("/"));
            let problem = Problem::new("CONFIG_DUPLICATE", message)
                .help("give one of them another name, or remove it");
            let (here, there) = (place(node), place(first));
            problems.push_pair(here.as_ref(), there.as_ref(), "first given here", problem);
        }
    }
}

/// Records every variable of `require` that is not set, all at once.
pub(crate) fn check_required(tree: &Node, variables: &Variables<'_>, problems: &mut Problems) {
    let Some(Node { data: Data::List(nodes), .. }) = tree.get("require") else { return };
    for node in nodes {
        let Some(name) = node.as_text() else { continue };
        if variables.lookup(name).is_none_or(|value| value.is_empty()) {
            let message = format!("required variable `{name}` is not set or empty");
            let problem =
                Problem::new("CONFIG_VARIABLE_UNSET", message).help(variables.advice(name));
            problems.push(node.span.as_ref(), problem);
        }
    }
}

/// Records a name that compose would not take as a project's name.
pub(crate) fn check_project_name(tree: &Node, problems: &mut Problems) {
    let Some(node) = tree.get("name") else { return };
    let Some(name) = node.as_text().filter(|name| !name.is_empty()) else { return };
    let fit = project_name(name);
    if fit.as_deref() != Some(name) {
        let help = match fit {
            Some(fit) => format!("call it `{fit}`"),
            None => "begin with a lower-case letter or a digit".to_owned(),
        };
        let message = format!(
            "`name` cannot be `{name}`: lower-case letters, digits, `-` and `_` only, a letter or \
             digit first"
        );
        let problem = Problem::new("CONFIG_INVALID_VALUE", message).help(help);
        problems.push(node.span.as_ref(), problem);
    }
}

/// The nearest text that compose v2 takes as a project's name, if anything is left of it.
pub(crate) fn project_name(text: &str) -> Option<String> {
    let name: String = text
        .to_lowercase()
        .chars()
        .map(
            |character| if character.is_whitespace() || character == '.' { '-' } else { character },
        )
        .filter(|character| {
            character.is_ascii_lowercase()
                || character.is_ascii_digit()
                || "-_".contains(*character)
        })
        .collect();
    let name = name.trim_start_matches(['-', '_']);
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps() -> Steps {
        let text = "[[task]]\nname='seed'\n[[deploy]]\nname='stack'\n[[check]]\nname='stack'\n\
                    [[file]]\npath='./out/x.conf'";
        let document = toml_edit::Document::parse(text).unwrap();
        let mut tree = Node::from_toml(document.as_table(), 0, 0);
        super::super::layers::key_sections(&mut tree, &[], &mut Problems::default());
        Steps::of(&tree)
    }

    #[test]
    fn needs_take_full_and_bare_names() {
        for (need, id) in [
            ("task/seed", "task/seed"),
            ("seed", "task/seed"),
            ("check/stack", "check/stack"),
            ("out/x.conf", "file/out/x.conf"),
            ("docker", "docker"),
        ] {
            assert_eq!(steps().resolve(need).as_deref(), Ok(id));
        }
    }

    #[test]
    fn an_unknown_need_suggests_the_nearest_step() {
        assert_eq!(steps().resolve("sed").unwrap_err().1, "did you mean `task/seed`?");
        assert_eq!(steps().resolve("deploy/stak").unwrap_err().1, "did you mean `deploy/stack`?");
    }

    #[test]
    fn an_ambiguous_need_lists_its_candidates() {
        assert_eq!(
            steps().resolve("stack").unwrap_err().1,
            "write one of `deploy/stack`, `check/stack`"
        );
    }

    #[test]
    fn folder_names_become_project_names() {
        assert_eq!(project_name("My App.v2").as_deref(), Some("my-app-v2"));
        assert_eq!(project_name("_x"), Some("x".to_owned()));
        assert_eq!(project_name("___"), None);
    }
}
