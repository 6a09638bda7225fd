//! A user name or a password as it is written: text, or where a Kubernetes secret has it.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::scalar::Word;
use crate::config::address::is_label;
use crate::config::model::LoginValue;
use crate::redact::Secret;

/// A user name or a password.
#[derive(Debug)]
pub(crate) struct RawLoginValue(pub(crate) LoginValue);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    secret: Word,
    key: Word,
}

/// Reads `NAMESPACE/NAME` or `NAME`; names of secrets may have dots.
fn kept(text: &str, key: String) -> Option<LoginValue> {
    let (namespace, name) = match text.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, text),
    };
    let fits = name.split('.').all(is_label) && namespace.is_none_or(is_label);
    let namespace = namespace.map(str::to_owned);
    fits.then(|| LoginValue::Kept { namespace, secret: name.to_owned(), key })
}

impl<'de> Deserialize<'de> for RawLoginValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = RawLoginValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or `{ secret = \"NAMESPACE/NAME\", key = \"KEY\" }`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<RawLoginValue, E> {
                Ok(RawLoginValue(LoginValue::Given(Secret::new(text))))
            }

            fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<RawLoginValue, A::Error> {
                let table = Kept::deserialize(MapAccessDeserializer::new(entries))?;
                let name = table.secret.0;
                kept(&name, table.key.0).map(RawLoginValue).ok_or_else(|| {
                    de::Error::custom(format!(
                        "`{name}` names no secret; write `NAMESPACE/NAME` or `NAME`"
                    ))
                })
            }
        }
        deserializer.deserialize_any(Visit)
    }
}

impl JsonSchema for RawLoginValue {
    fn schema_name() -> Cow<'static, str> {
        "LoginValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let text = json_schema!({ "type": "string", "minLength": 1 });
        json_schema!({ "anyOf": [
            { "type": "string" },
            {
                "type": "object",
                "properties": { "secret": text, "key": text },
                "required": ["secret", "key"],
                "additionalProperties": false
            }
        ] })
    }
}
