//! What the engine is given: the order of a run, who carries out an attempt, and who looks at the end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::engine::signals::Interrupt;
use crate::event::{TunnelState, Url, Verb};
use crate::plan::progress::{Progress, StepEnd};
use crate::plan::{Selected, Step, StepId};
use crate::policy::Failure;
use crate::policy::escalate::Rung;
use crate::redact::Scrubber;
use crate::report::Report;

/// Carries out one attempt of a step.
pub type Stepper = Arc<dyn Fn(Arc<Step>, Attempt) -> BoxFuture<'static, StepEnd> + Send + Sync>;

/// What one attempt is given.
pub struct Attempt {
    /// How strong a remedy it is.
    pub rung: Rung,
    /// When its time is over.
    pub deadline: Instant,
    /// Fires when it has to stop.
    pub cancel: CancellationToken,
    /// The steps of the run that have not ended.
    pub unfinished: watch::Receiver<BTreeSet<StepId>>,
    /// Where it says what it does.
    pub progress: UnboundedSender<(StepId, Progress)>,
}

/// Everything that one run needs.
pub struct Run {
    /// What is done, and what is left out of it.
    pub plan: Selected,
    /// What it is called.
    pub verb: Verb,
    /// Name of the environment.
    pub project: String,
    /// Active profile.
    pub profile: String,
    /// Identifier of the run.
    pub id: String,
    /// Steps that may run at a time, at least 1.
    pub jobs: usize,
    /// The overall deadline.
    pub deadline: Duration,
    /// Whether a degraded environment is a failure.
    pub strict: bool,
    /// Seeds the jitter.
    pub seed: u64,
    /// Hides secrets in every event.
    pub scrubber: Scrubber,
    /// Who is shown the events.
    pub reports: Vec<Box<dyn Report>>,
    /// Signals of the user.
    pub interrupts: UnboundedReceiver<Interrupt>,
    /// What becomes of tunnels meanwhile; none where somebody else tells of it.
    pub tunnels: Option<UnboundedReceiver<TunnelState>>,
    /// Fires on the second signal: children are killed at once.
    pub force: CancellationToken,
    /// Asked at the end of a run that got ready.
    pub urls: Arc<dyn Fn() -> BoxFuture<'static, Vec<Url>> + Send + Sync>,
    /// Asked when every step of a start has ended: whether what was brought up is still there.
    pub last_look: Option<LastLook>,
}

/// Looks whether what was brought up is still there, and changes nothing. It is dropped when the
/// user or the deadline ends the run.
pub type LastLook = Arc<dyn Fn() -> BoxFuture<'static, Option<Loss>> + Send + Sync>;

/// Something that was ready in this run and is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The step that had brought it up.
    pub step: StepId,
    /// What was found in its place.
    pub failure: Failure,
}
