//! The sections that concern this machine as they are written: `[[network]]`, `[[file]]`,
//! `[[image]]` and `[[task]]`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::scalar::{Address, Argv, Cidr, Mode, Platform, Span, Word};

/// A Docker network that outlives compose projects.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Network")]
pub(crate) struct RawNetwork {
    /// Name of the network.
    pub(crate) name: Word,
    /// Who makes it; `mlup` unless set.
    #[serde(default)]
    pub(crate) owner: RawOwner,
    /// Docker's driver; `bridge` unless set.
    pub(crate) driver: Option<Word>,
    /// Subnet in CIDR form.
    pub(crate) subnet: Option<Cidr>,
    /// Address of the gateway, inside the subnet.
    pub(crate) gateway: Option<Address>,
    /// Further labels.
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
}

/// Who makes a Docker network.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "Owner")]
pub(crate) enum RawOwner {
    /// The cluster's tool.
    Cluster,
    /// mlup.
    #[default]
    Mlup,
}

/// A file that mlup writes: exactly one of `content` and `template`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "File")]
pub(crate) struct RawFile {
    /// Where it is written; `~/` is the home folder.
    pub(crate) path: Word,
    /// `kubeconfig`: a flattened kubeconfig of the cluster.
    #[expect(dead_code, reason = "there is one value; whether it is given is seen in the tree")]
    content: Option<RawContent>,
    /// A file whose text, with `${VAR}` expanded, becomes the content.
    pub(crate) template: Option<Word>,
    /// Permission bits in octal; `0600` unless set.
    pub(crate) mode: Option<Mode>,
}

/// What mlup itself can put into a file.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "Content")]
pub(crate) enum RawContent {
    /// A flattened kubeconfig of the cluster.
    Kubeconfig,
}

/// An image that must be on this machine: a local alias (`from`), built (`build`), or there
/// already (neither).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Image")]
pub(crate) struct RawImage {
    /// Reference, such as `api:dev`.
    pub(crate) name: Word,
    /// The local image that it is another name of.
    pub(crate) from: Option<Word>,
    /// Build context: a folder, or `{ context, dockerfile }`.
    pub(crate) build: Option<RawBuild>,
    /// Dockerfile inside the build context; `Dockerfile` unless set.
    pub(crate) dockerfile: Option<Word>,
    /// Wanted platform, such as `linux/amd64`.
    pub(crate) platform: Option<Platform>,
}

/// A build context.
#[derive(Debug)]
pub(crate) struct RawBuild {
    /// Folder of the context.
    pub(crate) context: Word,
    /// Dockerfile inside it.
    pub(crate) dockerfile: Option<Word>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BuildTable {
    context: Word,
    dockerfile: Option<Word>,
}

impl<'de> Deserialize<'de> for RawBuild {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = RawBuild;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a folder, or a table of `context` and `dockerfile`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<RawBuild, E> {
                if text.is_empty() {
                    return Err(E::custom("it must not be empty"));
                }
                Ok(RawBuild { context: Word(text.to_owned()), dockerfile: None })
            }

            fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<RawBuild, A::Error> {
                let table = BuildTable::deserialize(MapAccessDeserializer::new(entries))?;
                Ok(RawBuild { context: table.context, dockerfile: table.dockerfile })
            }
        }
        deserializer.deserialize_any(Visit)
    }
}

impl JsonSchema for RawBuild {
    fn schema_name() -> Cow<'static, str> {
        "Build".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let text = json_schema!({ "type": "string", "minLength": 1 });
        json_schema!({ "anyOf": [text, {
            "type": "object",
            "properties": { "context": text, "dockerfile": text },
            "required": ["context"],
            "additionalProperties": false
        }] })
    }
}

/// A host command: the escape hatch.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Task")]
pub(crate) struct RawTask {
    /// Name of the task.
    pub(crate) name: Word,
    /// Program and arguments; no shell.
    pub(crate) run: Argv,
    /// A command that exits 0 when there is nothing to do.
    pub(crate) unless: Option<Argv>,
    /// Steps that must be ready first, such as `deploy/stack`.
    #[serde(default)]
    pub(crate) needs: Vec<String>,
    /// Working folder; the project's unless set.
    pub(crate) cwd: Option<Word>,
    /// Environment beside mlup's own; the way to hand a secret over.
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
    /// Its own time limit.
    pub(crate) timeout: Option<Span>,
    /// A command that takes its effect back on `reset`.
    pub(crate) undo: Option<Argv>,
}
