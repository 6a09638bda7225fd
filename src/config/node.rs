//! A configuration as a tree whose every value knows where it was written. It is made from TOML
//! here; merging is `layers`, typing is `de` and `raw`.

use toml_edit::{Item, TableLike, Value};

use super::source::Span;

/// A value and where it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// The value.
    pub(crate) data: Data,
    /// Where the value stands.
    pub(crate) span: Option<Span>,
    /// Where its key stands.
    pub(crate) key_span: Option<Span>,
    /// Index of its layer.
    pub(crate) layer: usize,
}

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Data {
    /// A boolean.
    Bool(bool),
    /// A date or time, which no setting takes.
    Date(String),
    /// A float.
    Float(f64),
    /// An integer.
    Integer(i64),
    /// An array.
    List(Vec<Node>),
    /// A table in the order of its text.
    Table(Vec<(String, Node)>),
    /// A string.
    Text(Text),
}

/// A string.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text {
    /// The string, expanded once the layers are merged.
    pub(crate) value: String,
    /// Names of the variables whose values are in it.
    pub(crate) variables: Vec<String>,
    /// Whether it came from a variable or a flag, where numbers are written as text too.
    pub(crate) loose: bool,
}

impl Node {
    /// A string node.
    pub(crate) fn text(value: &str, span: Option<Span>, layer: usize) -> Self {
        let text = Text { value: value.to_owned(), ..Text::default() };
        Self { data: Data::Text(text), key_span: span.clone(), span, layer }
    }

    /// An empty table.
    pub(crate) fn table(layer: usize) -> Self {
        Self { data: Data::Table(Vec::new()), span: None, key_span: None, layer }
    }

    /// The tree of a TOML document.
    pub(crate) fn from_toml(table: &dyn TableLike, source: usize, layer: usize) -> Self {
        let at = |range| Span { source, range };
        let mut entries = Vec::new();
        for (key, item) in table.iter() {
            let mut node = Self::from_item(item, source, layer);
            node.key_span = table.key(key).and_then(toml_edit::Key::span).map(at);
            if node.span.is_none() {
                node.span.clone_from(&node.key_span);
            }
            entries.push((key.to_owned(), node));
        }
        Self { data: Data::Table(entries), span: None, key_span: None, layer }
    }

    fn from_item(item: &Item, source: usize, layer: usize) -> Self {
        let mut node = match item {
            Item::ArrayOfTables(tables) => {
                let tables = tables.iter().map(|table| {
                    let span = table.span().map(|range| Span { source, range });
                    Self { span, ..Self::from_toml(table, source, layer) }
                });
                Self::bare(Data::List(tables.collect()), layer)
            }
            Item::Table(table) => Self::from_toml(table, source, layer),
            Item::Value(value) => Self::from_value(value, source, layer),
            Item::None => Self::table(layer),
        };
        node.span = item.span().map(|range| Span { source, range });
        node
    }

    /// The node of one TOML value.
    pub(crate) fn from_value(value: &Value, source: usize, layer: usize) -> Self {
        let data = match value {
            Value::Array(values) => {
                let nodes = values.iter().map(|value| Self::from_value(value, source, layer));
                Data::List(nodes.collect())
            }
            Value::Boolean(value) => Data::Bool(*value.value()),
            Value::Datetime(value) => Data::Date(value.value().to_string()),
            Value::Float(value) => Data::Float(*value.value()),
            Value::InlineTable(table) => Self::from_toml(table, source, layer).data,
            Value::Integer(value) => Data::Integer(*value.value()),
            Value::String(value) => {
                Data::Text(Text { value: value.value().clone(), ..Text::default() })
            }
        };
        let span = value.span().map(|range| Span { source, range });
        Self { span, ..Self::bare(data, layer) }
    }

    fn bare(data: Data, layer: usize) -> Self {
        Self { data, span: None, key_span: None, layer }
    }

    /// The entries of a table; none for anything else.
    pub(crate) fn entries(&self) -> &[(String, Self)] {
        match &self.data {
            Data::Table(entries) => entries,
            _ => &[],
        }
    }

    /// The value under a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// The value under a path of keys; an index finds an element of a list.
    pub(crate) fn find(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| match &node.data {
            Data::List(nodes) => nodes.get(key.parse::<usize>().ok()?),
            _ => node.get(key),
        })
    }

    /// The string, if it is one.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) => Some(&text.value),
            _ => None,
        }
    }

    /// Takes a key out of a table and says whether it was there.
    pub(crate) fn remove(&mut self, key: &str) -> bool {
        let Data::Table(entries) = &mut self.data else { return false };
        let before = entries.len();
        entries.retain(|(name, _)| name != key);
        entries.len() < before
    }

    /// Puts a value under a path, making tables on the way.
    pub(crate) fn put(&mut self, path: &[String], value: Self) {
        let Some((key, rest)) = path.split_first() else {
            *self = value;
            return;
        };
        if !matches!(self.data, Data::Table(_)) {
            self.data = Data::Table(Vec::new());
        }
        let (layer, span) = (self.layer, value.span.clone());
        if let Data::Table(entries) = &mut self.data {
            let at = entries.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
                let table = Self { key_span: span.clone(), span, ..Self::table(layer) };
                entries.push((key.clone(), table));
                entries.len() - 1
            });
            entries[at].1.put(rest, value);
        }
    }

    /// Calls `visit` with every leaf and its path.
    pub(crate) fn walk<'a>(
        &'a self,
        path: &mut Vec<String>,
        visit: &mut dyn FnMut(&[String], &'a Self),
    ) {
        match &self.data {
            Data::Table(entries) => {
                for (key, node) in entries {
                    path.push(key.clone());
                    node.walk(path, visit);
                    path.pop();
                }
            }
            _ => visit(path, self),
        }
    }

    /// What kind of value it is, in words.
    pub(crate) fn kind(&self) -> &'static str {
        match self.data {
            Data::Bool(_) => "a boolean",
            Data::Date(_) => "a date",
            Data::Float(_) => "a float",
            Data::Integer(_) => "an integer",
            Data::List(_) => "a list",
            Data::Table(_) => "a table",
            Data::Text(_) => "a string",
        }
    }
}
