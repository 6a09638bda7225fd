//! What a test says about the simulated cluster: how fast it is, which images there are, and what
//! containers and applications do. Plain data, so that it can be written into a file.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Everything that a test says.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    pub(crate) pace: Pace,
    pub(crate) images: Images,
    /// The address of all load balancers, for a test that answers there; unless it is set, each has
    /// one that leads nowhere.
    pub(crate) balancer: Option<IpAddr>,
    /// What containers do; the first that fits counts. Without any they run and get ready, those of
    /// jobs and init containers end well.
    pub(crate) scripts: Vec<Script>,
    /// Pods that are refused when a controller makes them: a part of their name, and the words after
    /// `pods "NAME" is forbidden: `.
    pub(crate) refused: Vec<(String, String)>,
    pub(crate) argo: Argo,
}

impl Settings {
    /// Settings with these scripts.
    pub(crate) fn scripted(scripts: impl IntoIterator<Item = Script>) -> Self {
        Self { scripts: scripts.into_iter().collect(), ..Self::default() }
    }
}

/// How fast the cluster is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Pace {
    /// How long a second of the cluster is: back-offs, deadlines and probes are measured by it.
    pub(crate) second: Duration,
    /// How long after its start a container is ready.
    pub(crate) ready_after: Duration,
    /// When a load balancer has an address; never without.
    pub(crate) balancer_after: Option<Duration>,
}

impl Default for Pace {
    fn default() -> Self {
        let second = Duration::from_millis(2);
        Self { second, ready_after: Duration::from_millis(4), balancer_after: None }
    }
}

/// Which images there are, and who may pull them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Images {
    /// Hosts, repositories and references that anybody may pull; `*` stands for all that is not
    /// spoken of elsewhere.
    pub(crate) public: Vec<String>,
    /// Hosts that want a user and a password.
    pub(crate) private: BTreeMap<String, (String, String)>,
    /// What is on the nodes.
    pub(crate) on_node: Vec<String>,
    /// What a registry that answers does not have.
    pub(crate) missing: Vec<String>,
    /// Hosts that do not answer as they should.
    pub(crate) troubles: BTreeMap<String, Trouble>,
    /// The one architecture that an image is for.
    pub(crate) architectures: BTreeMap<String, String>,
    /// Asks somebody else what a node has.
    #[serde(skip)]
    pub(crate) asked: Option<OnNode>,
}

impl Default for Images {
    fn default() -> Self {
        Self {
            public: vec!["*".to_owned()],
            private: BTreeMap::new(),
            on_node: Vec::new(),
            missing: Vec::new(),
            troubles: BTreeMap::new(),
            architectures: BTreeMap::new(),
            asked: None,
        }
    }
}

/// Tells the images of a node.
#[derive(Clone)]
pub(crate) struct OnNode(pub(crate) Arc<Ask>);

/// Names the images of the node of this name.
type Ask = dyn Fn(&str) -> Vec<Held> + Send + Sync;

/// An image that a node has.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// One of its names.
    pub(crate) name: String,
    /// The digest of its configuration, `sha256:` before it.
    pub(crate) id: String,
}

impl fmt::Debug for OnNode {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("OnNode")
    }
}

/// What is wrong with a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Trouble {
    /// Its name is unknown.
    Unknown,
    /// Nothing listens there.
    Refused,
    /// It speaks HTTP without TLS.
    PlainHttp,
    /// It has been asked too often.
    RateLimit,
}

/// What a container does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Script {
    /// The container, or the workload that the pod belongs to; with `NAMESPACE/` before it, only there.
    pub(crate) of: String,
    pub(crate) act: Act,
}

/// The same, without whose it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Act {
    /// It ends with this code whenever it is started.
    Ends { log: String, code: i64 },
    /// It does so until a service of this name has a ready endpoint.
    EndsUntil { service: String, log: String, code: i64 },
    /// It does so this many times.
    EndsTimes { times: i64, log: String, code: i64 },
    /// It takes more memory than it may have.
    OutOfMemory { log: String },
    /// Its image is for this architecture.
    BuiltFor { architecture: String },
    /// Its command is not in the image.
    CommandMissing,
    /// It runs and nobody listens.
    NeverReady,
    /// It is so slow that the liveness probe ends it.
    Killed,
    /// It runs this long, then ends well.
    Takes(Duration),
    /// It is ready this long after its start.
    ReadyAfter(Duration),
}

impl Script {
    fn of(of: &str, act: Act) -> Self {
        Self { of: of.to_owned(), act }
    }

    /// A container that ends with this code whenever it is started.
    pub(crate) fn crash(of: &str, log: &str, code: i64) -> Self {
        Self::of(of, Act::Ends { log: log.to_owned(), code })
    }

    /// A container that crashes until a service has a ready endpoint.
    pub(crate) fn crash_until(of: &str, service: &str, log: &str) -> Self {
        let (service, log) = (service.to_owned(), log.to_owned());
        Self::of(of, Act::EndsUntil { service, log, code: 1 })
    }

    /// A container that crashes this many times.
    pub(crate) fn crash_times(of: &str, times: i64, log: &str) -> Self {
        Self::of(of, Act::EndsTimes { times, log: log.to_owned(), code: 1 })
    }

    /// A job whose every attempt fails.
    pub(crate) fn job_fails(of: &str, log: &str) -> Self {
        Self::crash(of, log, 1)
    }

    /// A container that takes too much memory.
    pub(crate) fn oom(of: &str, log: &str) -> Self {
        Self::of(of, Act::OutOfMemory { log: log.to_owned() })
    }

    /// A container whose image is for this architecture.
    pub(crate) fn arch(of: &str, architecture: &str) -> Self {
        Self::of(of, Act::BuiltFor { architecture: architecture.to_owned() })
    }

    /// A container without its command.
    pub(crate) fn command_missing(of: &str) -> Self {
        Self::of(of, Act::CommandMissing)
    }

    /// A container that never gets ready.
    pub(crate) fn never_ready(of: &str) -> Self {
        Self::of(of, Act::NeverReady)
    }

    /// A container that the liveness probe ends.
    pub(crate) fn killed(of: &str) -> Self {
        Self::of(of, Act::Killed)
    }

    /// A container that runs this long.
    pub(crate) fn takes(of: &str, long: Duration) -> Self {
        Self::of(of, Act::Takes(long))
    }

    /// A container that is ready this long after its start.
    pub(crate) fn ready_after(of: &str, long: Duration) -> Self {
        Self::of(of, Act::ReadyAfter(long))
    }
}

/// What Argo CD makes of applications.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Argo {
    /// How long a sync takes.
    pub(crate) sync: Duration,
    /// Applications, by name, that do not end synced and healthy.
    pub(crate) outcomes: BTreeMap<String, Outcome>,
    /// What an application makes when it is synced: its objects.
    pub(crate) children: BTreeMap<String, Vec<Value>>,
}

/// How an application ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// It differs from its source, and nothing syncs it.
    OutOfSync,
    /// Synced, and its objects do not work.
    Degraded(String),
    /// Its source cannot be read; the words of the condition.
    ComparisonError(String),
    /// The sync failed; the words of the operation.
    SyncFailed(String),
}
