//! `[[deploy]]` and `[[check]]` as they are written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::login::RawLoginValue;
use super::scalar::{
    Argv, Endpoint, From, HttpUrl, OneOrMany, Pattern, Plain, Span, Statuses, Word,
};

/// One thing that is deployed: exactly one of `compose`, `manifests`, `kustomize`, `helm` and
/// `argocd`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Deploy")]
pub(crate) struct RawDeploy {
    /// Name of the deploy.
    pub(crate) name: Word,
    /// Compose file, or list of them, weakest first.
    pub(crate) compose: Option<OneOrMany>,
    /// compose only: profiles to enable.
    pub(crate) profiles: Option<Vec<Word>>,
    /// compose only: services to run; all unless set.
    pub(crate) services: Option<Vec<Word>>,
    /// Manifest file, folder, or list of them.
    pub(crate) manifests: Option<OneOrMany>,
    /// manifests only: what stands for `${NAME}` in their text.
    pub(crate) vars: Option<BTreeMap<String, Plain>>,
    /// Kustomization folder.
    pub(crate) kustomize: Option<Word>,
    /// Helm chart: a path or a reference.
    pub(crate) helm: Option<Word>,
    /// helm only: release name; the deploy's name unless set.
    pub(crate) release: Option<Word>,
    /// helm only: values file, or list of them.
    pub(crate) values: Option<OneOrMany>,
    /// helm only: single values.
    pub(crate) set: Option<BTreeMap<String, Plain>>,
    /// Argo CD applications.
    pub(crate) argocd: Option<OneOrMany>,
    /// Namespace for Kubernetes objects.
    pub(crate) namespace: Option<Word>,
    /// Parts that may stay unready: compose services, or objects such as `deployment/api`.
    #[serde(default)]
    pub(crate) optional: Vec<Word>,
    /// Field paths that are left alone, such as an image that a pipeline sets.
    #[serde(default)]
    pub(crate) keep: Vec<Word>,
    /// Steps that must be ready first, in place of the deploy above.
    pub(crate) needs: Option<Vec<String>>,
    /// Its own time limit.
    pub(crate) timeout: Option<Span>,
}

/// What must answer before the environment counts as up: exactly one of `http`, `tcp`, `exec` and
/// `log`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Check")]
pub(crate) struct RawCheck {
    /// Name of the check.
    pub(crate) name: Word,
    /// Address of an HTTP request.
    pub(crate) http: Option<HttpUrl>,
    /// `host:port` of a TCP connection.
    pub(crate) tcp: Option<Endpoint>,
    /// A command that must exit 0.
    pub(crate) exec: Option<Argv>,
    /// A line in a compose service's log.
    pub(crate) log: Option<RawLog>,
    /// http only: status, or list of statuses; 200 to 399 unless set.
    pub(crate) status: Option<Statuses>,
    /// http only: dotted path in the JSON body to the wanted value.
    pub(crate) json: Option<BTreeMap<String, Plain>>,
    /// http only: text that the body must contain.
    pub(crate) body: Option<String>,
    /// http only: body of a POST; without it the request is a GET.
    pub(crate) post: Option<String>,
    /// http only: request headers.
    pub(crate) headers: Option<BTreeMap<String, String>>,
    /// http only: whether a certificate that does not verify is accepted.
    pub(crate) insecure: Option<bool>,
    /// Where the check is made from; `host` unless set.
    pub(crate) from: Option<From>,
    /// Whether the environment counts as up without it.
    #[serde(default)]
    pub(crate) optional: bool,
    /// Its own time limit.
    pub(crate) timeout: Option<Span>,
    /// How a person logs in there; shown by `mlup urls`.
    pub(crate) login: Option<RawLogin>,
}

/// A line in a compose service's log.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Log")]
pub(crate) struct RawLog {
    /// The compose service.
    pub(crate) service: Word,
    /// Regular expression that a line must match.
    pub(crate) pattern: Pattern,
}

/// How a person logs in.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Login")]
pub(crate) struct RawLogin {
    /// User name.
    pub(crate) user: RawLoginValue,
    /// Password; better written as `${VAR}`, or where a Kubernetes secret has it.
    pub(crate) password: RawLoginValue,
}
