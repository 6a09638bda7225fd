//! `mlup.toml` as it is written: one serde struct a section, whose field names and doc comments
//! are also the JSON Schema. What fields mean together is checked in `parse`.

pub(crate) mod address;
mod cluster;
mod deploy;
mod kubernetes;
mod local;
mod login;
pub(crate) mod scalar;

use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) use cluster::{Provider, RawCluster};
pub(crate) use deploy::{RawCheck, RawDeploy};
pub(crate) use kubernetes::{RawRegistry, RawSecret, RawSecretValue};
pub(crate) use local::{RawFile, RawImage, RawNetwork, RawOwner, RawTask};
use scalar::{OneOrMany, Span, Word};

/// One environment: what it consists of, and when it counts as up.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "mlup.toml")]
pub(crate) struct RawConfig {
    /// Name of the environment; the name of the folder unless set. Lower-case letters, digits,
    /// `-` and `_`.
    pub(crate) name: Option<Word>,
    /// The profile that counts where neither `--profile` nor `MLUP_PROFILE` names one.
    #[expect(
        dead_code,
        reason = "it is chosen before the layers are merged; the field checks its type"
    )]
    profile: Option<Word>,
    /// Env file, or list of env files, weakest first; `.env` unless set.
    #[expect(
        dead_code,
        reason = "it is read before the layers are merged; the field checks its type"
    )]
    env_file: Option<OneOrMany>,
    /// Variables that must be set and not empty.
    #[serde(default)]
    #[expect(
        dead_code,
        reason = "`rules` needs the places of the names; the field checks its type"
    )]
    require: Vec<String>,
    /// Default Kubernetes namespace.
    pub(crate) namespace: Option<Word>,
    /// Time limit of a whole run, such as `15m`.
    pub(crate) deadline: Option<Span>,
    /// The Kubernetes cluster.
    #[serde(default)]
    #[expect(dead_code, reason = "sections are read apart; the field is for the schema")]
    cluster: Option<RawCluster>,
    /// Docker networks that outlive compose projects.
    #[serde(default)]
    #[expect(dead_code, reason = "sections are read apart; the field is for the schema")]
    network: Vec<RawNetwork>,
    /// Files that mlup writes.
    #[serde(default)]
    #[expect(dead_code, reason = "sections are read apart; the field is for the schema")]
    file: Vec<RawFile>,
    /// Image pull secrets and where their passwords come from.
    #[serde(default)]
    #[expect(dead_code, reason = "sections are read apart; the field is for the schema")]
    registry: Vec<RawRegistry>,
    /// Kubernetes secrets.
    #[serde(default)]
    #[expect(dead_code, reason = "sections are read apart; the field is for the schema")]
    secret: Vec<RawSecret>,
    /// Images that must be on this machine.
    #[serde(default)]
    #[expect(dead_code, reason = "sections are read apart; the field is for the schema")]
    image: Vec<RawImage>,
    /// What is deployed, top to bottom, each waiting until the one above is ready.
    #[serde(default)]
    #[expect(dead_code, reason = "sections are read apart; the field is for the schema")]
    deploy: Vec<RawDeploy>,
    /// What must answer before the environment counts as up.
    #[serde(default)]
    #[expect(dead_code, reason = "sections are read apart; the field is for the schema")]
    check: Vec<RawCheck>,
    /// Host commands.
    #[serde(default)]
    #[expect(dead_code, reason = "sections are read apart; the field is for the schema")]
    task: Vec<RawTask>,
}
