//! A look: everything that a diagnosis decides from, without the secrets that were seen on the way.
//! Who has it decides again, here or elsewhere, and comes to the same. Taking it is the steps'.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::cluster::Aside;
use super::host::facts::Facts;
use crate::event;
use crate::readiness::registry_answer::Answers;
use crate::readiness::{LogSource, PullSource, World};
use crate::redact::Redactor;

/// The last lines of containers by namespace, pod and container.
pub type Logs = BTreeMap<LogKey, String>;

/// What registries say of images that nodes could not get.
pub type Answered = BTreeMap<PullSource, Answers>;

/// Namespace, pod and container.
pub type LogKey = (String, String, String);

/// The place of a log among [`Logs`].
#[must_use]
pub fn log_key(source: &LogSource) -> LogKey {
    (source.namespace.clone(), source.pod.clone(), source.container.clone())
}

/// The machine and the cluster as they were seen.
#[derive(Clone, Debug)]
pub struct Look {
    /// What is below Kubernetes.
    pub machine: Facts,
    /// What keeps the steps of a start from their work, in the order of the plan.
    pub steps: Vec<Hindrance>,
    /// The cluster; none where the configuration has none.
    pub cluster: Option<Sight>,
}

/// What keeps a step from its work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hindrance {
    /// The step.
    pub step: String,
    /// What is wrong.
    pub finding: event::Finding,
}

/// What there is to see of a cluster.
#[derive(Clone, Debug)]
pub enum Sight {
    /// This.
    Seen(Box<Cluster>),
    /// Nothing, and why.
    Unseen(event::Finding),
}

/// A cluster as it was seen.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// The context of the kubeconfig that leads to it.
    pub context: String,
    /// Its objects, reduced to what rules read.
    pub world: World,
    /// When.
    pub taken: Timestamp,
    /// What could not be seen.
    pub unchecked: Vec<Unchecked>,
    /// What containers that crash wrote last.
    pub logs: Logs,
    /// What registries were asked, and said.
    pub answers: Answered,
}

/// A kind that could not be seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unchecked {
    /// The kind.
    pub kind: String,
    /// Why not.
    pub why: String,
}

impl Unchecked {
    /// A kind, and why it could not be seen.
    pub fn new(kind: impl Into<String>, why: impl Into<String>) -> Self {
        Self { kind: kind.into(), why: why.into() }
    }

    /// The same without secrets.
    #[must_use]
    pub fn clean(self, redactor: &Redactor) -> Self {
        Self { why: redactor.text(&self.why), ..self }
    }
}

impl Aside for Cluster {
    fn log(&self, source: &LogSource) -> Option<String> {
        self.logs.get(&log_key(source)).cloned()
    }

    fn answers(&self, source: &PullSource) -> Option<Answers> {
        self.answers.get(source).cloned()
    }
}
