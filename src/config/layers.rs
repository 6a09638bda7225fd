//! The order of the layers and how they merge: figment decides which layer wins for each value,
//! the trees of the layers give back where that value was written. Reading them is `load`.

use figment::value::{Dict, Map, Num, Tag, Value};
use figment::{Error, Figment, Metadata, Profile, Provider};

use super::diagnostic::{Problem, Problems};
use super::node::{Data, Node};

/// The sections that are arrays of tables, with the fields that tell their entries apart.
pub(crate) const KEYED: [(&str, &[&str]); 8] = [
    ("network", &["name"]),
    ("file", &["path"]),
    ("registry", &["server", "secret"]),
    ("secret", &["name"]),
    ("image", &["name"]),
    ("deploy", &["name"]),
    ("check", &["name"]),
    ("task", &["name"]),
];

/// One layer.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    /// How it is called, such as `mlup.toml`.
    pub(crate) name: String,
    /// What it says; keyed sections are tables by identity.
    pub(crate) tree: Node,
}

struct Rank<'a>(usize, &'a Layer);

impl Provider for Rank<'_> {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.0.to_string())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Ok(Map::from([(Profile::Default, dict(&self.1.tree))]))
    }
}

fn dict(node: &Node) -> Dict {
    node.entries().iter().map(|(key, node)| (key.clone(), value(node))).collect()
}

fn value(node: &Node) -> Value {
    let tag = Tag::Default;
    match &node.data {
        Data::Bool(value) => Value::Bool(tag, *value),
        Data::Date(text) => Value::String(tag, text.clone()),
        Data::Float(value) => Value::Num(tag, Num::F64(*value)),
        Data::Integer(value) => Value::Num(tag, Num::I64(*value)),
        Data::List(nodes) => Value::Array(tag, nodes.iter().map(self::value).collect()),
        Data::Table(_) => Value::Dict(tag, dict(node)),
        Data::Text(text) => Value::String(tag, text.value.clone()),
    }
}

/// The layers merged, weakest first; each value is the node of the layer that won.
pub(crate) fn merge(layers: &[Layer]) -> Node {
    let figment = layers
        .iter()
        .enumerate()
        .fold(Figment::new(), |figment, (rank, layer)| figment.merge(Rank(rank, layer)));
    let trees: Vec<Option<&Node>> = layers.iter().map(|layer| Some(&layer.tree)).collect();
    // Providers here never fail, so the data is always there.
    let merged = figment.data().ok().and_then(|mut data| data.remove(&Profile::Default));
    let merged = Value::Dict(Tag::Default, merged.unwrap_or_default());
    pick(&figment, &merged, &trees).unwrap_or_else(|| Node::table(0))
}

/// The node behind a merged value. `trees` holds each layer's node at the same path.
fn pick(figment: &Figment, merged: &Value, trees: &[Option<&Node>]) -> Option<Node> {
    let Value::Dict(_, dict) = merged else {
        let rank: usize = figment.get_metadata(merged.tag())?.name.parse().ok()?;
        return trees.get(rank).copied().flatten().cloned();
    };
    let strongest = trees.iter().rev().flatten().find(|node| matches!(node.data, Data::Table(_)));
    let mut table = (*strongest?).clone();
    let mut entries: Vec<(String, Node)> = Vec::new();
    for key in trees.iter().flatten().flat_map(|node| node.entries()).map(|(key, _)| key) {
        let Some(inner) = dict.get(key) else { continue };
        if entries.iter().any(|(known, _)| known == key) {
            continue;
        }
        let below: Vec<_> = trees.iter().map(|node| node.and_then(|node| node.get(key))).collect();
        if let Some(node) = pick(figment, inner, &below) {
            entries.push((key.clone(), node));
        }
    }
    table.data = Data::Table(entries);
    Some(table)
}

/// Turns the arrays of tables of one layer into tables by identity, so that entries of one name
/// meet. `weaker` are the layers below.
pub(crate) fn key_sections(tree: &mut Node, weaker: &[Layer], problems: &mut Problems) {
    let Data::Table(sections) = &mut tree.data else { return };
    let mut broken = Vec::new();
    for (section, fields) in KEYED {
        let Some((_, node)) = sections.iter_mut().find(|(key, _)| key == section) else {
            continue;
        };
        let Data::List(items) = &mut node.data else {
            let message = format!("`{section}` must be a list of tables, not {}", node.kind());
            let problem = Problem::new("CONFIG_WRONG_TYPE", message)
                .help(format!("write `[[{section}]]`, once for each entry"));
            problems.push(node.key_span.as_ref(), problem);
            broken.push(section);
            continue;
        };
        let mut entries: Vec<(String, Node)> = Vec::new();
        for item in items.drain(..) {
            let Some(identity) = identity(section, fields, &item, weaker) else {
                nameless(section, fields[0], &item, problems);
                continue;
            };
            if let Some((_, first)) = entries.iter().find(|(known, _)| *known == identity) {
                duplicate(section, fields[0], (first, &item), problems);
                continue;
            }
            entries.push((identity, item));
        }
        node.data = Data::Table(entries);
    }
    sections.retain(|(key, _)| !broken.contains(&key.as_str()));
}

/// What tells an entry apart from the others of its section.
fn identity(section: &str, fields: &[&str], item: &Node, weaker: &[Layer]) -> Option<String> {
    let parts: Vec<&str> =
        fields.iter().filter_map(|field| item.get(field).and_then(Node::as_text)).collect();
    let first = item.get(fields[0]).and_then(Node::as_text).filter(|text| !text.is_empty())?;
    if fields.len() > 1 && parts.len() == 1 {
        let prefix = format!("{first}/");
        let mut known: Vec<&String> = weaker
            .iter()
            .filter_map(|layer| layer.tree.get(section))
            .flat_map(Node::entries)
            .map(|(identity, _)| identity)
            .filter(|identity| identity.starts_with(&prefix))
            .collect();
        known.dedup();
        if let [only] = known.as_slice() {
            return Some((*only).clone());
        }
    }
    Some(parts.join("/"))
}

fn nameless(section: &str, field: &str, item: &Node, problems: &mut Problems) {
    let span = item.get(field).map_or(item.span.as_ref(), |node| node.span.as_ref());
    let problem = if item.get(field).is_some() {
        let message = format!("`{field}` of a `[[{section}]]` must be a string that is not empty");
        Problem::new("CONFIG_INVALID_VALUE", message).help("entries are told apart by it")
    } else if matches!(item.data, Data::Table(_)) {
        Problem::new("CONFIG_MISSING_KEY", format!("this `[[{section}]]` has no `{field}`"))
            .help(format!("add `{field} = \"...\"`: entries are told apart by it"))
    } else {
        let message = format!("an entry of `{section}` must be a table, not {}", item.kind());
        Problem::new("CONFIG_WRONG_TYPE", message)
            .help(format!("write `[[{section}]]`, once for each entry"))
    };
    problems.push(span, problem);
}

fn duplicate(section: &str, field: &str, pair: (&Node, &Node), problems: &mut Problems) {
    let place = |node: &Node| node.get(field).and_then(|node| node.span.clone());
    let name = pair.1.get(field).and_then(Node::as_text).unwrap_or_default();
    let problem =
        Problem::new("CONFIG_DUPLICATE", format!("two `[[{section}]]` have the {field} `{name}`"))
            .help("give one of them another name, or remove it");
    let (first, second) = (place(pair.0), place(pair.1));
    problems.push_pair(second.as_ref(), first.as_ref(), "first given here", problem);
}

#[cfg(test)]
mod tests {
    use super::super::source::SourceKind;
    use super::*;
    use crate::redact::Scrubber;

    fn layer(name: &str, text: &str, weaker: &[Layer], problems: &mut Problems) -> Layer {
        let source = problems.texts.add(name, text, SourceKind::File);
        let document = toml_edit::Document::parse(text).unwrap();
        let mut tree = Node::from_toml(document.as_table(), source, weaker.len());
        key_sections(&mut tree, weaker, problems);
        Layer { name: name.to_owned(), tree }
    }

    fn merged(texts: &[&str]) -> (Node, Problems) {
        let mut problems = Problems::default();
        let mut layers = Vec::new();
        for (rank, text) in texts.iter().enumerate() {
            let next = layer(&rank.to_string(), text, &layers, &mut problems);
            layers.push(next);
        }
        (merge(&layers), problems)
    }

    fn shown(node: &Node) -> Vec<String> {
        let mut rows = Vec::new();
        node.walk(&mut Vec::new(), &mut |path, leaf| {
            let value = match &leaf.data {
                Data::Integer(value) => value.to_string(),
                Data::List(nodes) => format!("{} values", nodes.len()),
                _ => leaf.as_text().unwrap_or("?").to_owned(),
            };
            rows.push(format!("{}={value}@{}", path.join("."), leaf.layer));
        });
        rows
    }

    #[test]
    fn tables_merge_by_key_and_each_value_keeps_its_layer() {
        let (node, _) = merged(&["[cluster]\ncpus = 2\nmemory = '4g'", "[cluster]\ncpus = 4"]);
        assert_eq!(shown(&node), ["cluster.cpus=4@1", "cluster.memory=4g@0"]);
    }

    #[test]
    fn arrays_of_tables_merge_by_name_and_keep_the_first_order() {
        let (node, problems) = merged(&[
            "[[deploy]]\nname='b'\ncompose='x'\n[[deploy]]\nname='a'\ncompose='y'",
            "[[deploy]]\nname='c'\n[[deploy]]\nname='b'\ncompose='z'",
        ]);
        assert!(!problems.has(&["CONFIG_DUPLICATE"]));
        assert_eq!(
            shown(&node),
            [
                "deploy.b.name=b@1",
                "deploy.b.compose=z@1",
                "deploy.a.name=a@0",
                "deploy.a.compose=y@0",
                "deploy.c.name=c@1"
            ]
        );
    }

    #[test]
    fn other_arrays_replace() {
        let (node, _) = merged(&["require = ['A', 'B']", "require = ['C']"]);
        assert_eq!(shown(&node), ["require=1 values@1"]);
    }

    #[test]
    fn a_scalar_and_a_table_replace_each_other() {
        let (node, _) = merged(&["a.b = 1", "a = 2", "a.c = 3"]);
        assert_eq!(shown(&node), ["a.c=3@2"]);
    }

    #[test]
    fn a_registry_without_its_secret_meets_the_only_one_of_its_server() {
        let (node, _) = merged(&[
            "[[registry]]\nserver='r'\nsecret='s'\necr=true",
            "[[registry]]\nserver='r'\nregion='eu'",
        ]);
        assert!(node.find(&["registry", "r/s", "region"]).is_some());
    }

    #[test]
    fn two_of_one_name_in_one_file_name_both_places() {
        let (_, mut problems) =
            merged(&["[[check]]\nname = 'web'\n[[check]]\nname = 'web'\ntcp='a:1'"]);
        let error = problems.take(&Scrubber::default()).unwrap();
        let problem = &error.problems[0];
        assert_eq!(problem.code, "CONFIG_DUPLICATE");
        assert_eq!(problem.place.as_ref().unwrap().line, Some(4));
        assert_eq!(problem.related.as_ref().unwrap().1.line, Some(2));
    }

    #[test]
    fn a_table_where_a_list_belongs_says_how_to_write_it() {
        let (_, mut problems) = merged(&["[deploy]\nname = 'x'"]);
        let error = problems.take(&Scrubber::default()).unwrap();
        assert!(error.to_string().contains("write `[[deploy]]`"), "{error}");
    }
}
