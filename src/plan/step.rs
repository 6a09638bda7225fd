//! A step: one thing that is brought about, and what it waits for. What a step does is `steps/`.

use std::fmt;
use std::time::Duration;

use crate::config::model::{
    Check, Compose, Deploy, DeployKind, File, Image, KubeSecret, Network, Registry, Task,
};
use crate::plan::pull_secret::PullSecret;
use crate::plan::repair::Repair;
use crate::policy::escalate::Reach;

/// Identifier of a step: a kind and a name, such as `deploy/stack`, or a kind alone, `docker`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepId(String);

impl StepId {
    /// The only step of its kind.
    #[must_use]
    pub fn single(kind: &str) -> Self {
        Self(kind.to_owned())
    }

    /// The step `kind/name`.
    #[must_use]
    pub fn named(kind: &str, name: &str) -> Self {
        Self(format!("{kind}/{name}"))
    }

    /// The identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What comes before the first slash: `deploy` of `deploy/stack`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.0.split_once('/').map_or(&self.0, |(kind, _)| kind)
    }

    /// What comes after the first slash, or the whole where there is none: `stack` of
    /// `deploy/stack`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or(&self.0, |(_, name)| name)
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One node of the plan.
#[derive(Clone, Debug)]
pub struct Step {
    /// Identifier, unique in the plan.
    pub id: StepId,
    /// One line for people.
    pub title: String,
    /// What it does.
    pub kind: StepKind,
    /// Steps that must be ready first.
    pub needs: Vec<StepId>,
    /// Steps that must have ended first, either way.
    pub after: Vec<StepId>,
    /// A resource that only one step at a time may touch.
    pub exclusive: Option<String>,
    /// Its own time limit over all attempts.
    pub timeout: Option<Duration>,
    /// Whether the environment counts as up without it.
    pub optional: bool,
    /// How transient failures are retried.
    pub retry: Retry,
    /// How far recovery may go; `None` for steps that have no ladder.
    pub ladder: Option<Reach>,
}

impl Step {
    /// A step that waits for none and has no bounds of its own.
    #[must_use]
    pub fn new(id: StepId, title: impl Into<String>, kind: StepKind) -> Self {
        Self {
            id,
            title: title.into(),
            kind,
            needs: Vec::new(),
            after: Vec::new(),
            exclusive: None,
            timeout: None,
            optional: false,
            retry: Retry::default(),
            ladder: None,
        }
    }

    /// Whether bringing it about changes nothing: it only looks and waits.
    #[must_use]
    pub fn only_looks(&self) -> bool {
        match self.kind {
            StepKind::Check(_)
            | StepKind::ClusterPreflight
            | StepKind::ComposePreflight(_)
            | StepKind::DeployPreflight
            | StepKind::Docker
            | StepKind::Repair(Repair::Look | Repair::Recovery(_)) => true,
            StepKind::Cluster
            | StepKind::Compose(_)
            | StepKind::ComposeBeside(_)
            | StepKind::ComposeImages(_)
            | StepKind::Deploy(_)
            | StepKind::File(_)
            | StepKind::Image(_)
            | StepKind::Load(_)
            | StepKind::Network(_)
            | StepKind::Registry(_)
            | StepKind::Repair(_)
            | StepKind::Secret(_)
            | StepKind::Task(_)
            | StepKind::Token(_) => false,
        }
    }
}

/// How often and how patiently transient failures are retried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Attempts in all, at least 1.
    pub attempts: u32,
    /// First delay.
    pub min: Duration,
    /// Longest delay.
    pub max: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 4, min: Duration::from_millis(500), max: Duration::from_secs(15) }
    }
}

/// What a step does, with everything that it needs to know.
#[derive(Clone, Debug)]
pub enum StepKind {
    /// A check of the running environment.
    Check(Box<Check>),
    /// The cluster is up, and its API answers.
    Cluster,
    /// The cluster's tool, this machine and the configuration go together.
    ClusterPreflight,
    /// A compose project is up.
    Compose(ComposeDeploy),
    /// The services of a compose project that need nothing of the cluster are up.
    ComposeBeside(ComposeDeploy),
    /// The images of a compose project are on this machine.
    ComposeImages(ComposeDeploy),
    /// A compose project's file, networks and ports are in order.
    ComposePreflight(ComposeDeploy),
    /// The objects of a deploy are in the cluster, and ready.
    Deploy(Deploy),
    /// Everything that the deploys of the cluster need is there.
    DeployPreflight,
    /// Docker answers.
    Docker,
    /// A file is as the template says.
    File(File),
    /// An image is on this machine.
    Image(Image),
    /// An image of this machine is on the cluster's nodes.
    Load(Image),
    /// A Docker network is there.
    Network(Network),
    /// A pull secret is in its namespaces.
    Registry(PullSecret),
    /// Something that a start does not do.
    Repair(Repair),
    /// A Kubernetes secret has its keys.
    Secret(KubeSecret),
    /// A host command has run.
    Task(Task),
    /// The passwords of one server are asked for while the cluster is made.
    Token(Vec<Registry>),
}

/// A compose project together with what its deploy says.
#[derive(Clone, Debug)]
pub struct ComposeDeploy {
    /// Name of the deploy.
    pub name: String,
    /// Files, profiles and services.
    pub compose: Compose,
    /// Services that may stay unready, or may exit.
    pub optional: Vec<String>,
}

impl ComposeDeploy {
    /// The compose project of this deploy, where it is one.
    #[must_use]
    pub fn of(deploy: &Deploy) -> Option<Self> {
        let DeployKind::Compose(compose) = &deploy.kind else { return None };
        let (name, optional) = (deploy.name.clone(), deploy.optional.clone());
        Some(Self { name, compose: compose.clone(), optional })
    }
}
