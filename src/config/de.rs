//! Reads typed values out of a [`Node`] through serde; every error knows the place of the value
//! that caused it. Which types there are is `raw`.

use std::fmt::{self, Display};

use serde::de::value::StringDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, Visitor,
};

use super::diagnostic::{Problem, Problems};
use super::node::{Data, Node, Text};
use super::source::Span;
use super::suggest;

/// Reads a table into a type. All that is wrong with it is recorded, one key after the other.
pub(crate) fn read<T: DeserializeOwned>(
    node: &Node,
    subject: &str,
    problems: &mut Problems,
) -> Option<T> {
    let mut node = node.clone();
    let mut removed: Vec<String> = Vec::new();
    loop {
        let error = match T::deserialize(Reader(&node)) {
            Ok(value) => return removed.is_empty().then_some(value),
            Err(error) => error,
        };
        if let Wrong::Missing(key) = &error.wrong
            && error.path.is_empty()
            && removed.iter().any(|gone| gone == key)
        {
            return None;
        }
        let key = error.path.last().cloned();
        let span = error.span.clone().or_else(|| node.span.clone());
        problems.push(span.as_ref(), error.into_problem(subject));
        match key {
            Some(key) if node.remove(&key) => removed.push(key),
            _ => return None,
        }
    }
}

/// What is wrong with a value.
#[derive(Debug)]
enum Wrong {
    Message(String),
    Missing(&'static str),
    Type { expected: String, found: String },
    UnknownKey { key: String, known: &'static [&'static str] },
    UnknownValue { value: String, known: &'static [&'static str] },
}

/// An error with the path to the value, innermost key first.
#[derive(Debug)]
pub(crate) struct ReadError {
    wrong: Wrong,
    path: Vec<String>,
    span: Option<Span>,
}

impl ReadError {
    fn new(wrong: Wrong) -> Self {
        Self { wrong, path: Vec::new(), span: None }
    }

    fn under(mut self, key: &str, span: Option<&Span>) -> Self {
        if self.span.is_none() {
            self.span = span.cloned();
        }
        self.path.push(key.to_owned());
        self
    }

    /// The problem to show. `subject` is what was read, such as ``[[check]] `web` ``.
    fn into_problem(self, subject: &str) -> Problem {
        let path: Vec<&str> = self.path.iter().rev().map(String::as_str).collect();
        let path = path.join(".");
        let of = if subject.is_empty() { String::new() } else { format!(" of {subject}") };
        match self.wrong {
            Wrong::Message(message) => {
                Problem::new("CONFIG_INVALID_VALUE", format!("`{path}`{of}: {message}"))
            }
            Wrong::Missing(key) => {
                let owner = if path.is_empty() { of } else { format!(" of `{path}`{of}") };
                Problem::new("CONFIG_MISSING_KEY", format!("`{key}`{owner} is missing"))
                    .help(format!("add `{key} = ...`"))
            }
            Wrong::Type { expected, found } => {
                let message = format!("`{path}`{of} must be {expected}, not {found}");
                Problem::new("CONFIG_WRONG_TYPE", message)
            }
            Wrong::UnknownKey { key, known } => {
                let owner = if subject.is_empty() { " at the top level" } else { &of };
                Problem::new("CONFIG_UNKNOWN_KEY", format!("unknown key `{key}`{owner}"))
                    .help(suggest::advice(&key, known))
            }
            Wrong::UnknownValue { value, known } => {
                let message = format!("`{path}`{of} cannot be `{value}`");
                Problem::new("CONFIG_INVALID_VALUE", message).help(choice(&value, known))
            }
        }
    }
}

fn choice(value: &str, known: &[&str]) -> String {
    match suggest::nearest(value, known) {
        Some(word) => format!("did you mean `{word}`? Possible: {}", suggest::list(known)),
        None => format!("possible: {}", suggest::list(known)),
    }
}

impl Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.wrong)
    }
}

impl std::error::Error for ReadError {}

impl de::Error for ReadError {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(Wrong::Message(message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Wrong::Type { expected: words(&expected.to_string()), found: kind(&found) })
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format!("it must be {}", words(&expected.to_string())))
    }

    fn unknown_variant(value: &str, known: &'static [&'static str]) -> Self {
        Self::new(Wrong::UnknownValue { value: value.to_owned(), known })
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        Self::new(Wrong::UnknownKey { key: key.to_owned(), known })
    }

    fn missing_field(key: &'static str) -> Self {
        Self::new(Wrong::Missing(key))
    }
}

/// serde's words for an expected type in the words of TOML.
fn words(expected: &str) -> String {
    match expected {
        "a map" => "a table".to_owned(),
        "a sequence" => "a list".to_owned(),
        other if other.starts_with("struct ") => "a table".to_owned(),
        other => other.to_owned(),
    }
}

/// The kind of a value, never the value: it may be a secret.
fn kind(found: &Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Float(_) => "a float",
        Unexpected::Map => "a table",
        Unexpected::Seq => "a list",
        Unexpected::Signed(_) | Unexpected::Unsigned(_) => "an integer",
        Unexpected::Str(_) => "a string",
        _ => "this",
    }
    .to_owned()
}

/// serde's view of a node.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(pub(crate) &'a Node);

impl<'a> Reader<'a> {
    /// Text of a variable or flag, where numbers and lists are written as text too.
    fn loose(self) -> Option<&'a str> {
        match &self.0.data {
            Data::Text(Text { value, loose: true, .. }) => Some(value),
            _ => None,
        }
    }
}

macro_rules! loose_numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            match self.loose().and_then(|text| text.parse::<i64>().ok()) {
                Some(number) => visitor.visit_i64(number),
                None => self.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.0.data {
            Data::Bool(value) => visitor.visit_bool(*value),
            Data::Date(_) => {
                let (expected, found) = (words(&describe(&visitor)), "a date".to_owned());
                Err(ReadError::new(Wrong::Type { expected, found }))
            }
            Data::Float(value) => visitor.visit_f64(*value),
            Data::Integer(value) => visitor.visit_i64(*value),
            Data::List(nodes) => visitor.visit_seq(Elements { nodes, next: 0 }),
            Data::Table(entries) => visitor.visit_map(Entries { entries, next: 0 }),
            Data::Text(text) => visitor.visit_str(&text.value),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.loose() {
            Some("true") => visitor.visit_bool(true),
            Some("false") => visitor.visit_bool(false),
            _ => self.deserialize_any(visitor),
        }
    }

    loose_numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let Some(text) = self.loose() else { return self.deserialize_any(visitor) };
        let part = |part: &str| {
            let text = Text { value: part.trim().to_owned(), loose: true, ..Text::default() };
            Node { data: Data::Text(text), ..self.0.clone() }
        };
        let nodes: Vec<Node> = text.split(',').map(part).collect();
        visitor.visit_seq(Elements { nodes: &nodes, next: 0 })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let Some(text) = self.0.as_text() else {
            let expected = format!("one of {}", suggest::list(variants));
            let found = self.0.kind().to_owned();
            return Err(ReadError::new(Wrong::Type { expected, found }));
        };
        let text: StringDeserializer<ReadError> = text.to_owned().into_deserializer();
        visitor.visit_enum(text)
    }

    serde::forward_to_deserialize_any! {
        i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple tuple_struct map
        struct identifier ignored_any
    }
}

fn describe<'de, V: Visitor<'de>>(visitor: &V) -> String {
    struct Describe<'a, V>(&'a V);
    impl<'de, V: Visitor<'de>> Display for Describe<'_, V> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.expecting(f)
        }
    }
    Describe(visitor).to_string()
}

struct Elements<'a> {
    nodes: &'a [Node],
    next: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ReadError> {
        let Some(node) = self.nodes.get(self.next) else { return Ok(None) };
        let index = self.next.to_string();
        self.next += 1;
        let value = seed.deserialize(Reader(node));
        value.map(Some).map_err(|error| error.under(&index, node.span.as_ref()))
    }
}

struct Entries<'a> {
    entries: &'a [(String, Node)],
    next: usize,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ReadError> {
        let Some((key, node)) = self.entries.get(self.next) else { return Ok(None) };
        let name: StringDeserializer<ReadError> = key.clone().into_deserializer();
        let value = seed.deserialize(name);
        value.map(Some).map_err(|error| error.under(key, node.key_span.as_ref()))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        let Some((key, node)) = self.entries.get(self.next) else {
            return Err(de::Error::custom("a value was asked for before its key"));
        };
        self.next += 1;
        let value = seed.deserialize(Reader(node));
        value.map_err(|error| error.under(key, node.span.as_ref()))
    }
}

/// The keys that a type knows, in the order of its definition.
pub(crate) fn fields_of<T: DeserializeOwned>() -> &'static [&'static str] {
    match T::deserialize(FieldNames) {
        Err(Fields(fields)) => fields,
        Ok(_) => &[],
    }
}

struct FieldNames;

#[derive(Debug)]
struct Fields(&'static [&'static str]);

impl Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::error::Error for Fields {}

impl de::Error for Fields {
    fn custom<T: Display>(_: T) -> Self {
        Self(&[])
    }
}

impl<'de> Deserializer<'de> for FieldNames {
    type Error = Fields;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Fields> {
        Err(Fields(&[]))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Fields> {
        Err(Fields(fields))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
