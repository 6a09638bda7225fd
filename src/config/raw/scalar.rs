//! Single values of `mlup.toml` that are more than their TOML type: each checks itself while it is
//! read, so that the error stands at the value.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use regex::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};

use super::super::units;
use super::address::{self, Place};
use crate::config::address::Address as Target;
use crate::config::destination::Destination;

/// Makes a type that reads a string through a function and describes itself in the schema.
macro_rules! scalar {
    ($(#[$doc:meta])* $name:ident($inner:ty) = $parse:path, $schema:tt) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub(crate) struct $name(pub(crate) $inner);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                $parse(&text).map(Self).map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

scalar! {
    /// A duration such as `15m`.
    Span(Duration) = units::duration,
    { "type": "string", "description": "A duration.", "examples": ["90s", "15m", "1h30m"] }
}
scalar! {
    /// A byte size such as `4g`.
    Size(u64) = units::bytes,
    { "type": "string", "description": "A size in bytes.", "examples": ["4g", "3900MiB"] }
}
scalar! {
    /// A range of delays such as `5s..60s`.
    Delays((Duration, Duration)) = units::backoff,
    { "type": "string", "description": "First and longest delay.", "examples": ["5s..60s"] }
}
scalar! {
    /// Permission bits in octal.
    Mode(u32) = units::mode,
    { "type": "string", "pattern": "^[0-7]{3,4}$", "examples": ["0600"] }
}
scalar! {
    /// An IP address.
    Address(String) = units::address,
    { "type": "string", "description": "An IP address." }
}
scalar! {
    /// A network in CIDR form.
    Cidr(String) = units::cidr,
    { "type": "string", "description": "A network in CIDR form.", "examples": ["172.28.0.0/16"] }
}
scalar! {
    /// Where ssh leads.
    SshDestination(Destination) = Destination::parse,
    { "type": "string", "minLength": 1, "description": "A destination of ssh.", "examples": ["dev@vm.example.lan", "ssh://dev@10.0.0.5:2222"] }
}
scalar! {
    /// A name: not empty, no control characters, no space around it.
    Word(String) = word,
    { "type": "string", "minLength": 1 }
}
scalar! {
    /// A regular expression.
    Pattern(Regex) = pattern,
    { "type": "string", "format": "regex" }
}
scalar! {
    /// An http or https address, placeholders kept.
    HttpUrl(Target) = address::http_url,
    { "type": "string", "pattern": "^https?://", "examples": ["http://localhost:8080/health"] }
}
scalar! {
    /// A `host:port`, placeholders kept.
    Endpoint(Target) = address::endpoint,
    { "type": "string", "examples": ["localhost:5432"] }
}
scalar! {
    /// Where a check is made from.
    From(Place) = address::vantage,
    { "type": "string", "pattern": "^(host|pod|compose:.+)$" }
}
scalar! {
    /// An operating system and architecture.
    Platform(String) = platform,
    { "type": "string", "examples": ["linux/amd64"] }
}

fn word(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("it must not be empty".to_owned());
    }
    if text.trim() != text || text.chars().any(char::is_control) {
        return Err("it must have no space around it and no control characters".to_owned());
    }
    Ok(text.to_owned())
}

fn pattern(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| {
        let reason = error.to_string();
        let last = reason.lines().last().unwrap_or_default().trim();
        format!("`{text}` is no regular expression: {}", last.trim_start_matches("error: "))
    })
}

fn platform(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split('/').collect();
    if (2..=3).contains(&parts.len()) && parts.iter().all(|part| !part.is_empty()) {
        return Ok(text.to_owned());
    }
    Err(format!("`{text}` is no platform; write it like `linux/amd64`"))
}

/// Makes a type that reads an integer through a function.
macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty) = $parse:path, $schema:tt) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct $name(pub(crate) $inner);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let number = Whole::deserialize(deserializer)?.0;
                $parse(number).map(Self).map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

number! {
    /// A port.
    Port(u16) = units::port,
    { "type": "integer", "minimum": 1, "maximum": 65535 }
}
number! {
    /// A whole number above zero.
    Count(u32) = count,
    { "type": "integer", "minimum": 1 }
}
number! {
    /// A whole number, zero included.
    Amount(u32) = amount,
    { "type": "integer", "minimum": 0 }
}

fn count(number: i64) -> Result<u32, String> {
    u32::try_from(number)
        .ok()
        .filter(|count| *count > 0)
        .ok_or_else(|| format!("`{number}` must be a whole number of at least 1"))
}

fn amount(number: i64) -> Result<u32, String> {
    u32::try_from(number).map_err(|_| format!("`{number}` must be a whole number, not below 0"))
}

fn status(number: i64) -> Result<u16, String> {
    u16::try_from(number)
        .ok()
        .filter(|status| (100..=599).contains(status))
        .ok_or_else(|| format!("`{number}` is no HTTP status; they are 100 to 599"))
}

/// An integer, whose errors speak of whole numbers.
struct Whole(i64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl Visitor<'_> for Visit {
            type Value = Whole;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Whole, E> {
                Ok(Whole(number))
            }
        }
        deserializer.deserialize_i64(Visit)
    }
}

/// A string or a list of strings.
#[derive(Clone, Debug)]
pub(crate) struct OneOrMany(pub(crate) Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = OneOrMany;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of strings")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<OneOrMany, E> {
                word(text).map(|text| OneOrMany(vec![text])).map_err(E::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<OneOrMany, A::Error> {
                let mut all = Vec::new();
                while let Some(Word(text)) = items.next_element()? {
                    all.push(text);
                }
                if all.is_empty() {
                    return Err(de::Error::custom("the list must not be empty"));
                }
                Ok(OneOrMany(all))
            }
        }
        deserializer.deserialize_any(Visit)
    }
}

impl JsonSchema for OneOrMany {
    fn schema_name() -> Cow<'static, str> {
        "OneOrMany".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "string", "minLength": 1 },
            { "type": "array", "minItems": 1, "items": { "type": "string", "minLength": 1 } }
        ] })
    }
}

/// An HTTP status or a list of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Statuses(pub(crate) Vec<u16>);

impl<'de> Deserialize<'de> for Statuses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Statuses;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an HTTP status or a list of them")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Statuses, E> {
                status(number).map(|status| Statuses(vec![status])).map_err(E::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Statuses, A::Error> {
                let mut all = Vec::new();
                while let Some(Whole(number)) = items.next_element()? {
                    all.push(status(number).map_err(de::Error::custom)?);
                }
                Ok(Statuses(all))
            }
        }
        deserializer.deserialize_i64(Visit)
    }
}

impl JsonSchema for Statuses {
    fn schema_name() -> Cow<'static, str> {
        "Statuses".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = json_schema!({ "type": "integer", "minimum": 100, "maximum": 599 });
        json_schema!({ "anyOf": [one, { "type": "array", "items": one }] })
    }
}

/// A string, number or boolean, kept as text.
#[derive(Clone, Debug)]
pub(crate) struct Plain(pub(crate) String);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl Visitor<'_> for Visit {
            type Value = Plain;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, a number or a boolean")
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Plain, E> {
                Ok(Plain(value.to_string()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Plain, E> {
                Ok(Plain(value.to_string()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Plain, E> {
                Ok(Plain(value.to_string()))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Plain, E> {
                Ok(Plain(value.to_owned()))
            }
        }
        deserializer.deserialize_any(Visit)
    }
}

impl JsonSchema for Plain {
    fn schema_name() -> Cow<'static, str> {
        "Plain".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

/// A program and its arguments.
#[derive(Clone, Debug)]
pub(crate) struct Argv(pub(crate) Vec<String>);

impl<'de> Deserialize<'de> for Argv {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Argv;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of program and arguments, such as [\"make\", \"data\"]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Argv, A::Error> {
                let mut all: Vec<String> = Vec::new();
                while let Some(text) = items.next_element()? {
                    all.push(text);
                }
                if all.first().is_none_or(String::is_empty) {
                    return Err(de::Error::custom("the list must begin with a program"));
                }
                Ok(Argv(all))
            }
        }
        // Not as a sequence: text of a variable would be cut at its commas.
        deserializer.deserialize_any(Visit)
    }
}

impl JsonSchema for Argv {
    fn schema_name() -> Cow<'static, str> {
        "Argv".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "minItems": 1, "items": { "type": "string" } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_pattern_says_what_is_wrong_with_it() {
        assert!(pattern("(open").unwrap_err().contains("unclosed group"));
    }
}
