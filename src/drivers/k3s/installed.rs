//! What is there of K3s on the machine, and whose it is. Typed, and nothing of it judged.

use serde::{Deserialize, Serialize};

use crate::redact::Secret;

/// What is there of K3s.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Installed {
    /// Version of the program, such as `v1.33.5+k3s1`.
    pub(super) version: Option<String>,
    /// Its service.
    pub(super) unit: Unit,
    /// Whether the machine is an agent of another cluster.
    pub(super) is_agent: bool,
    /// The names of the flags in its service, such as `--disable`; values may be secret.
    pub(super) flags: Vec<String>,
    /// Its configuration file as it is; may hold secrets.
    pub(super) config: Option<Secret>,
    /// What mlup left there.
    pub(super) marker: Mark,
    /// Whether a cluster's data are there.
    pub(super) has_data: bool,
    /// Whether the machine has a `registries.yaml`.
    pub(super) has_registries: bool,
    /// The address of the API server in its kubeconfig.
    pub(super) server: Option<String>,
    /// The certificate authority of its kubeconfig, in base64.
    pub(super) authority: Option<String>,
    /// The client certificate of its kubeconfig, in base64.
    pub(super) client: Option<String>,
    /// What its service says where it does not run.
    pub(super) journal: Vec<String>,
}

impl Installed {
    /// Whether anything is there that an installation leaves.
    pub(super) fn is_there(&self) -> bool {
        self.version.is_some() || self.unit != Unit::Missing
    }
}

/// The service of K3s, as systemd has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Unit {
    /// There is none.
    #[default]
    Missing,
    /// It does not run.
    Inactive,
    /// It comes up, or is being halted.
    Changing,
    /// It runs.
    Active,
    /// It failed, or ends again and again.
    Failing {
        /// How often systemd started it again.
        restarts: u32,
    },
}

/// What mlup left on a machine so that it knows its own again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Mark {
    /// There is none: whatever is there is somebody else's.
    #[default]
    None,
    /// It cannot be read; so it is taken for somebody else's.
    Unreadable,
    /// It was read.
    Read(Marker),
}

/// The content of `/etc/rancher/k3s/mlup.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marker {
    /// The cluster's name in the configuration that asked for it.
    pub(super) cluster: String,
    /// How far it is.
    pub(super) stage: Stage,
    /// The keys of the configuration file that are mlup's.
    #[serde(default)]
    pub(super) keys: Vec<String>,
}

/// How far an installation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Stage {
    /// It was begun, and nobody saw its end.
    Installing,
    /// It was finished.
    Installed,
}
