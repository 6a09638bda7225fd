//! A run from its first event to its last: what it needs, and how it opens and closes. The loop
//! between the two is `cycle`; when the plan is gone through again is `again`.

mod again;
mod cycle;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::engine::Interrupt;
use crate::engine::machine::Finish;
use crate::event::{EventKind, Outcome, StepInfo, Url, Verb};
use crate::plan::progress::{Progress, StepEnd};
use crate::plan::{Selected, Step, StepId, millis};
use crate::policy::escalate::Rung;
use crate::redact::Scrubber;
use crate::report::Report;
pub use again::{LastLook, Loss};
use cycle::Engine;

/// How long the addresses of a finished run may take to find.
const URLS: Duration = Duration::from_secs(5);
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
    /// Fires on the second signal: children are killed at once.
    pub force: CancellationToken,
    /// Asked at the end of a run that got ready.
    pub urls: Arc<dyn Fn() -> BoxFuture<'static, Vec<Url>> + Send + Sync>,
    /// Asked when every step of a start has ended: whether what was brought up is still there.
    pub last_look: Option<LastLook>,
}

/// Runs the plan to its end.
pub async fn run(run: Run, step: Stepper) -> Finish {
    let (started, urls) = (started(&run), Arc::clone(&run.urls));
    let last_look = run.last_look.clone().filter(|_| run.verb == Verb::Start);
    let mut engine = Engine::new(run, step, Instant::now());
    engine.journal.write(started);
    let end = again::to_the_end(&mut engine, last_look).await;
    let finish = end.finish;
    let is_up = matches!(finish.outcome, Outcome::Ready | Outcome::Degraded);
    let urls = if is_up { timeout(URLS, urls()).await.unwrap_or_default() } else { Vec::new() };
    engine.journal.write(EventKind::RunFinished {
        outcome: finish.outcome,
        exit_code: finish.exit_code,
        critical_path: engine.machine.critical_path(),
        urls,
        recovered: end.recovered,
    });
    finish
}

fn started(run: &Run) -> EventKind {
    let texts = |ids: &[StepId]| ids.iter().map(ToString::to_string).collect();
    let steps = run.plan.plan().steps().iter().map(|step| StepInfo {
        id: step.id.to_string(),
        title: step.title.clone(),
        needs: texts(&step.needs),
        optional: step.optional,
    });
    EventKind::RunStarted {
        action: run.verb,
        project: run.project.clone(),
        profile: run.profile.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        deadline_ms: millis(run.deadline),
        steps: steps.collect(),
    }
}

#[cfg(test)]
mod again_tests;
#[cfg(test)]
mod tests;
