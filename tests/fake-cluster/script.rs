//! What a stand-in cluster tool is told to do wrong and how long it takes: the format that tests
//! write as `fake-cluster.json` and `fake-cluster` reads.

use serde::{Deserialize, Serialize};

use super::kube::controllers::settings::Settings;

/// Everything that a test says about the cluster tools of one sandbox.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Script {
    /// Beginning of the names that count as this daemon's. The real tools act on every container
    /// with their label; tests share one engine, so the stand-in looks no further than this.
    pub(crate) family: String,
    /// Image of the node containers.
    pub(crate) image: String,
    /// Version that minikube says it has, with a `v`; 1.38.1 unless set.
    pub(crate) minikube: Option<String>,
    /// Version that k3d says it has, with a `v`; 5.9.0 unless set.
    pub(crate) k3d: Option<String>,
    /// How long a start or a creation takes.
    pub(crate) start_ms: u64,
    /// How long after its start a node turns ready.
    pub(crate) ready_ms: u64,
    /// What goes wrong; the first that matches a call counts.
    pub(crate) faults: Vec<Fault>,
    /// What runs in the cluster, and which images there are.
    pub(crate) simulation: Settings,
}

/// One thing that goes wrong.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "faults are independent of one another")]
pub(crate) struct Fault {
    /// The command without its flags: `start`, `cluster create`.
    pub(crate) command: String,
    /// Which calls of that command, from 1; all of them unless set.
    pub(crate) calls: Vec<usize>,
    /// The fault passes once all of these hold.
    pub(crate) until: Vec<Relief>,
    /// Printed instead of working, or after the work.
    pub(crate) answer: Option<Answer>,
    /// Whether the work is done before the answer is given.
    pub(crate) works_first: bool,
    /// What becomes of the node when the answer is given.
    pub(crate) node: Fate,
    /// The node container is removed this long after it was started.
    pub(crate) vanish_after_ms: Option<u64>,
    /// How long the call takes, instead of the usual.
    pub(crate) takes_ms: Option<u64>,
    /// The call begins its work and never ends.
    pub(crate) hangs: bool,
    /// A deletion that says it is done and leaves the volume and the machine's folder.
    pub(crate) leaves_rubbish: bool,
    /// An image import that says it is done and brings nothing.
    pub(crate) lies: bool,
}

/// What a tool prints, and its exit code.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Answer {
    /// Standard output, as it is.
    pub(crate) stdout: String,
    /// Standard error, as it is.
    pub(crate) stderr: String,
    /// The exit code.
    pub(crate) exit: u8,
}

/// What ends a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Relief {
    /// The call carries `--force`.
    Forced,
    /// Nothing is left of the cluster that an earlier call made: no folder, no volume, no container.
    Purged,
}

/// What becomes of the node container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Fate {
    /// It stays as it is.
    #[default]
    Stays,
    /// It is stopped, as when the engine restarts.
    Stops,
    /// It is removed.
    Vanishes,
}
