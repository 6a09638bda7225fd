//! One file a step kind: look, change, look again, take away. A step knows the host and its own
//! part of the configuration; order, retries and deadlines belong to `engine/`.

pub mod check;
pub mod cluster;
pub mod compose;
pub mod deploy;
mod docker;
mod file;
mod image;
mod load;
pub mod machine;
mod network;
pub mod objects;
pub mod others;
mod ownership;
pub mod registry;
mod repair;
pub mod secret;
pub mod snapshot;
pub mod storage_class;
mod task;
#[cfg(test)]
mod testing;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::model::Config;
use crate::drivers::spec::Spec;
use crate::event::{Phase, Probe, Stream};
use crate::host::Host;
use crate::host::cmd::LineSink;
use crate::host::workbench::{Announcement, Workbench};
use crate::plan::change::{Change, Effect, Op, Probed, Settled};
use crate::plan::progress::{Progress, StepEnd};
use crate::plan::{StepId, StepKind};
use crate::policy::escalate::Rung;
use crate::policy::{Class, Failure};

pub use compose::Projects;
pub use deploy::Renderings;
pub use objects::listings::Listings;
pub use others::Others;
pub use registry::credential::Passwords;

/// What one attempt of one step works with.
#[derive(Clone)]
pub struct StepCtx {
    /// The step.
    pub id: StepId,
    /// The outside world.
    pub host: Host,
    /// The whole configuration.
    pub config: Arc<Config>,
    /// Compose projects as resolved so far in this run.
    pub projects: Arc<Projects>,
    /// Passwords of registries as asked for so far in this run.
    pub passwords: Arc<Passwords>,
    /// Objects of deploys as read or rendered so far in this run.
    pub renderings: Arc<Renderings>,
    /// Objects of the cluster as listed so far in this run.
    pub listings: Arc<Listings>,
    /// The other steps of this run.
    pub others: Others,
    /// How strong a remedy this attempt is; `Start` for steps that have no ladder.
    pub rung: Rung,
    /// Whether a cluster may be deleted and made again for its settings.
    pub recreate: Consent,
    /// What happens to objects of earlier runs that nothing wants any more.
    pub prune: Prune,
    /// When the step's time, or the run's, is over.
    pub deadline: Instant,
    /// Fires when the step has to stop.
    pub cancel: CancellationToken,
    /// Where it says what it does.
    pub progress: UnboundedSender<(StepId, Progress)>,
}

impl StepCtx {
    /// Says something. Nobody listening any more is no error: the run is over then.
    pub fn say(&self, progress: Progress) {
        let _ = self.progress.send((self.id.clone(), progress));
    }

    /// Says what is waited for.
    pub fn waiting(&self, reason: impl Into<String>) {
        self.say(Progress::Waiting(reason.into()));
    }

    /// Says how a probe went; the step's identifier is filled in.
    pub fn probed(&self, mut probe: Probe) {
        self.id.as_str().clone_into(&mut probe.step);
        self.say(Progress::Probe(probe));
    }

    /// How long the step may still take.
    #[must_use]
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The work's result, unless the step's time is over or it has to stop first; `doing` completes
    /// "could not ...". For work that may be dropped half way: a command ends its own children.
    ///
    /// # Errors
    /// What the work says; `STEP_TIMEOUT`; `CANCELLED`.
    pub async fn in_time<T>(
        &self,
        doing: &str,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Failure::cancelled()),
            done = tokio::time::timeout_at(self.deadline, work) => done.unwrap_or_else(|_| {
                let summary = format!("could not {doing}: the time of the step was over");
                Err(Failure::new(Class::Timeout, "STEP_TIMEOUT", summary))
            }),
        }
    }

    /// What a cluster driver works with during this attempt.
    #[must_use]
    pub fn workbench(&self) -> Workbench {
        let (id, progress) = (self.id.clone(), self.progress.clone());
        Workbench {
            host: self.host.clone(),
            root: self.config.root.clone(),
            deadline: self.deadline,
            cancel: self.cancel.clone(),
            lines: self.line_sink(),
            announce: Arc::new(move |said| {
                let _ = progress.send((id.clone(), announced(said)));
            }),
        }
    }

    /// A sink that turns each line of a tool into an event of this step.
    #[must_use]
    pub fn line_sink(&self) -> LineSink {
        let (id, progress) = (self.id.clone(), self.progress.clone());
        Arc::new(move |stream: Stream, line: &str| {
            let _ = progress.send((id.clone(), Progress::Output { stream, line: line.to_owned() }));
        })
    }
}

fn announced(said: Announcement) -> Progress {
    match said {
        Announcement::Doing(what) => Progress::Waiting(what),
        Announcement::Warning { code, message, hint } => Progress::Warning { code, message, hint },
    }
}

/// What the user agreed to for settings that a living cluster cannot take over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consent {
    /// `--recreate`: the cluster may be lost.
    Given,
    /// `--restart`: it may be started again.
    Restart,
    /// Nothing was said.
    #[default]
    NotGiven,
}

/// What happens to objects of earlier runs that nothing wants any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prune {
    /// They stay, and are told.
    #[default]
    No,
    /// `--prune`: those go that hold no data.
    KeepData,
    /// `--prune --yes`: all go.
    All,
}

/// How far taking away goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Teardown {
    /// Halt and keep everything.
    Stop,
    /// Remove what mlup owns, keep volumes.
    Reset,
    /// Remove what mlup owns, volumes included.
    Purge,
}

/// Looks, changes what is needed, and looks again.
pub async fn bring_up(kind: &StepKind, ctx: &StepCtx) -> StepEnd {
    ended(ctx, attempt(kind, ctx).await)
}

/// Takes away what `bring_up` made.
pub async fn take_down(kind: &StepKind, ctx: &StepCtx, how: Teardown) -> StepEnd {
    ctx.say(Progress::Phase(Phase::Undo));
    ended(ctx, remove(kind, ctx, how).await)
}

/// A failure that follows from being told to stop is no failure.
fn ended(ctx: &StepCtx, result: Result<(Settled, bool), Failure>) -> StepEnd {
    match result {
        Ok((settled, changed)) => StepEnd::Settled { settled, changed },
        Err(_) if ctx.cancel.is_cancelled() => StepEnd::Cancelled,
        Err(failure) => StepEnd::Failed(pinned(failure, ctx)),
    }
}

async fn attempt(kind: &StepKind, ctx: &StepCtx) -> Result<(Settled, bool), Failure> {
    if let StepKind::Repair(repair) = kind {
        ctx.say(Progress::Phase(Phase::Apply));
        return repair::carry_out(repair, ctx).await;
    }
    ctx.say(Progress::Phase(Phase::Probe));
    let changes = match look(kind, ctx).await? {
        Probed::Satisfied(settled) => return Ok((settled, false)),
        Probed::Needed(changes) => changes,
    };
    let mut effect = Effect::Unchanged;
    if changes.iter().any(|change| change.op != Op::Wait) {
        ctx.say(Progress::Phase(Phase::Apply));
        effect = apply(kind, ctx, &changes).await?;
    }
    ctx.say(Progress::Phase(Phase::Verify));
    Ok((verify(kind, ctx).await?, effect == Effect::Changed))
}

/// Looks at the world, changes nothing.
///
/// # Errors
/// The world could not be read: unknown is not absent.
pub async fn probe(kind: &StepKind, ctx: &StepCtx) -> Result<Probed, Failure> {
    look(kind, ctx).await.map_err(|failure| pinned(failure, ctx))
}

/// The failure with its commands for the configuration's cluster, whatever the context is that
/// `kubectl` has chosen.
fn pinned(failure: Failure, ctx: &StepCtx) -> Failure {
    match Spec::of(&ctx.config) {
        Some(spec) => failure.pinned(&spec.context),
        None => failure,
    }
}

async fn look(kind: &StepKind, ctx: &StepCtx) -> Result<Probed, Failure> {
    match kind {
        StepKind::Check(check) => check::probe(check, ctx).await,
        StepKind::Cluster => cluster::probe(ctx).await,
        StepKind::ClusterPreflight => cluster::preflight(ctx).await,
        StepKind::Compose(deploy) => compose::probe(deploy, ctx).await,
        StepKind::ComposeBeside(deploy) => compose::beside::probe(deploy, ctx).await,
        StepKind::ComposeImages(deploy) => compose::images::probe(deploy, ctx).await,
        StepKind::ComposePreflight(deploy) => compose::preflight::probe(deploy, ctx).await,
        StepKind::Deploy(deploy) => deploy::probe(deploy, ctx).await,
        StepKind::DeployPreflight => deploy::preflight::probe(ctx).await,
        StepKind::Docker => docker::probe(ctx).await,
        StepKind::File(file) => file::probe(file, ctx).await,
        StepKind::Image(image) => image::probe(image, ctx).await,
        StepKind::Load(image) => load::probe(image, ctx).await,
        StepKind::Network(network) => network::probe(network, ctx).await,
        StepKind::Registry(secret) => registry::step::probe(secret, ctx).await,
        // What there is to do shows while it is done.
        StepKind::Repair(_) => Ok(Probed::Needed(Vec::new())),
        StepKind::Secret(wanted) => secret::step::probe(wanted, ctx).await,
        StepKind::Task(task) => task::probe(task, ctx).await,
        StepKind::Token(registries) => registry::token::probe(registries, ctx).await,
    }
}

async fn apply(kind: &StepKind, ctx: &StepCtx, changes: &[Change]) -> Result<Effect, Failure> {
    let done = match kind {
        // A password that cannot be renewed yet changes nothing.
        StepKind::Registry(secret) => return registry::step::apply(secret, ctx).await,
        StepKind::Cluster => cluster::apply(ctx).await,
        StepKind::Compose(deploy) => compose::apply(deploy, ctx, changes).await,
        StepKind::ComposeBeside(deploy) => compose::beside::apply(deploy, ctx).await,
        StepKind::ComposeImages(deploy) => compose::images::apply(deploy, ctx, changes).await,
        StepKind::Deploy(deploy) => deploy::apply(deploy, ctx).await,
        StepKind::File(file) => file::apply(file, ctx).await,
        StepKind::Image(image) => image::apply(image, ctx, changes).await,
        StepKind::Load(image) => load::apply(image, ctx).await,
        StepKind::Network(network) => network::apply(network, ctx).await,
        StepKind::Secret(wanted) => secret::step::apply(wanted, ctx).await,
        StepKind::Task(task) => task::apply(task, ctx).await,
        StepKind::Token(registries) => registry::token::apply(registries, ctx).await,
        StepKind::Check(_)
        | StepKind::ClusterPreflight
        | StepKind::ComposePreflight(_)
        | StepKind::DeployPreflight
        | StepKind::Docker
        | StepKind::Repair(_) => Ok(()),
    };
    done.map(|()| Effect::Changed)
}

async fn verify(kind: &StepKind, ctx: &StepCtx) -> Result<Settled, Failure> {
    match kind {
        StepKind::Check(check) => check::verify(check, ctx).await,
        StepKind::Cluster => cluster::verify(ctx).await,
        StepKind::Compose(deploy) => compose::verify(deploy, ctx).await,
        StepKind::ComposeBeside(deploy) => compose::beside::verify(deploy, ctx).await,
        StepKind::ComposeImages(deploy) => compose::images::verify(deploy, ctx).await,
        StepKind::Deploy(deploy) => deploy::verify(deploy, ctx).await,
        StepKind::File(file) => file::verify(file, ctx).await,
        StepKind::Image(image) => image::verify(image, ctx).await,
        StepKind::Load(image) => load::verify(image, ctx).await,
        StepKind::Network(network) => network::verify(network, ctx).await,
        StepKind::Registry(secret) => registry::step::verify(secret, ctx).await,
        StepKind::Secret(wanted) => secret::step::verify(wanted, ctx).await,
        StepKind::Task(task) => task::verify(task, ctx).await,
        StepKind::Token(registries) => registry::token::verify(registries, ctx).await,
        StepKind::DeployPreflight => deploy::preflight::verify(ctx).await,
        StepKind::ClusterPreflight
        | StepKind::ComposePreflight(_)
        | StepKind::Docker
        | StepKind::Repair(_) => Ok(Settled::ready("")),
    }
}

async fn remove(kind: &StepKind, ctx: &StepCtx, how: Teardown) -> Result<(Settled, bool), Failure> {
    let removed = match kind {
        StepKind::Cluster => cluster::remove(ctx, how).await?,
        StepKind::Compose(deploy) => compose::remove(deploy, ctx, how).await?,
        StepKind::Deploy(deploy) => deploy::remove(deploy, ctx, how).await?,
        StepKind::File(file) => file::remove(file, ctx, how).await?,
        StepKind::Image(image) => image::remove(image, ctx, how).await?,
        StepKind::Network(network) => network::remove(network, ctx, how).await?,
        StepKind::Registry(secret) => registry::step::remove(secret, ctx, how).await?,
        StepKind::Secret(wanted) => secret::step::remove(wanted, ctx, how).await?,
        StepKind::Task(task) => task::remove(task, ctx, how).await?,
        StepKind::Check(_)
        | StepKind::ClusterPreflight
        | StepKind::ComposeBeside(_)
        | StepKind::ComposeImages(_)
        | StepKind::ComposePreflight(_)
        | StepKind::DeployPreflight
        | StepKind::Docker
        | StepKind::Load(_)
        | StepKind::Repair(_)
        | StepKind::Token(_) => Vec::new(),
    };
    let detail = removed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Ok((Settled::succeeded(detail), !removed.is_empty()))
}

/// What [`take_down`] would do to this step, for the list that `reset --purge` shows.
///
/// # Errors
/// The world could not be read.
pub async fn removals(
    kind: &StepKind,
    ctx: &StepCtx,
    how: Teardown,
) -> Result<Vec<Change>, Failure> {
    match kind {
        StepKind::Cluster => cluster::removals(ctx, how).await,
        StepKind::Compose(deploy) => compose::removals(deploy, ctx, how).await,
        StepKind::Deploy(deploy) => deploy::removals(deploy, ctx, how).await,
        StepKind::File(file) => file::removals(file, ctx, how).await,
        StepKind::Image(image) => image::removals(image, ctx, how).await,
        StepKind::Network(network) => network::removals(network, ctx, how).await,
        StepKind::Registry(secret) => registry::step::removals(secret, ctx, how).await,
        StepKind::Secret(wanted) => secret::step::removals(wanted, ctx, how).await,
        StepKind::Task(task) => task::removals(task, ctx, how).await,
        StepKind::Check(_)
        | StepKind::ClusterPreflight
        | StepKind::ComposeBeside(_)
        | StepKind::ComposeImages(_)
        | StepKind::ComposePreflight(_)
        | StepKind::DeployPreflight
        | StepKind::Docker
        | StepKind::Load(_)
        | StepKind::Repair(_)
        | StepKind::Token(_) => Ok(Vec::new()),
    }
}
