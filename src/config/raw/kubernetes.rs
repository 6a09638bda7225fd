//! The sections that become Kubernetes secrets as they are written: `[[registry]]` and
//! `[[secret]]`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::scalar::{Argv, Span, Word};
use crate::config::model;

/// A pull secret: exactly one of `ecr`, `exec` with `username`, `username` with `password`, and
/// `docker_config`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Registry")]
pub(crate) struct RawRegistry {
    /// Registry host.
    pub(crate) server: Word,
    /// Name of the Kubernetes secret.
    pub(crate) secret: Word,
    /// Namespaces that get it.
    #[serde(default)]
    pub(crate) namespaces: Vec<Word>,
    /// Service accounts to patch.
    #[serde(default)]
    pub(crate) service_accounts: Vec<Word>,
    /// Whether the password comes from AWS ECR.
    pub(crate) ecr: Option<bool>,
    /// ECR: AWS region.
    pub(crate) region: Option<Word>,
    /// ECR: AWS profile.
    pub(crate) profile: Option<Word>,
    /// ECR: address of the API.
    pub(crate) endpoint: Option<Word>,
    /// A command that prints the password.
    pub(crate) exec: Option<Argv>,
    /// How long the password of `exec` lives.
    pub(crate) ttl: Option<Span>,
    /// User name.
    pub(crate) username: Option<Word>,
    /// Password; better written as `${VAR}`.
    pub(crate) password: Option<String>,
    /// Whether the pair comes from the user's Docker configuration.
    pub(crate) docker_config: Option<bool>,
}

/// A Kubernetes secret.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Secret")]
pub(crate) struct RawSecret {
    /// Name of the secret.
    pub(crate) name: Word,
    /// Its namespace.
    pub(crate) namespace: Option<Word>,
    /// Its type; `Opaque` unless set.
    #[serde(rename = "type")]
    pub(crate) kind: Option<Word>,
    /// Key to value; a value may be `{ file = PATH }` or `{ generate = KIND }`.
    #[serde(default)]
    pub(crate) keys: BTreeMap<String, RawSecretValue>,
}

/// The value of a secret's key.
#[derive(Debug)]
pub(crate) enum RawSecretValue {
    /// A file.
    File(Word),
    /// Made once and kept.
    Generate(RawGenerator),
    /// A literal.
    Literal(String),
}

/// How to make a value.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) enum RawGenerator {
    #[serde(rename = "fernet")]
    Fernet,
    #[serde(rename = "hex32")]
    Hex32,
    #[serde(rename = "base64-32")]
    Base64,
}

impl From<RawGenerator> for model::Generator {
    fn from(generator: RawGenerator) -> Self {
        match generator {
            RawGenerator::Base64 => Self::Base64,
            RawGenerator::Fernet => Self::Fernet,
            RawGenerator::Hex32 => Self::Hex32,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ValueTable {
    file: Option<Word>,
    generate: Option<RawGenerator>,
}

impl<'de> Deserialize<'de> for RawSecretValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = RawSecretValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, `{ file = ... }` or `{ generate = ... }`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<RawSecretValue, E> {
                Ok(RawSecretValue::Literal(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<RawSecretValue, A::Error> {
                let table = ValueTable::deserialize(MapAccessDeserializer::new(entries))?;
                match (table.file, table.generate) {
                    (Some(path), None) => Ok(RawSecretValue::File(path)),
                    (None, Some(generator)) => Ok(RawSecretValue::Generate(generator)),
                    _ => Err(de::Error::custom("it needs exactly one of `file` and `generate`")),
                }
            }
        }
        deserializer.deserialize_any(Visit)
    }
}

impl JsonSchema for RawSecretValue {
    fn schema_name() -> Cow<'static, str> {
        "SecretValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "string" },
            {
                "type": "object",
                "properties": { "file": { "type": "string", "minLength": 1 } },
                "required": ["file"],
                "additionalProperties": false
            },
            {
                "type": "object",
                "properties": { "generate": { "enum": ["fernet", "hex32", "base64-32"] } },
                "required": ["generate"],
                "additionalProperties": false
            }
        ] })
    }
}
