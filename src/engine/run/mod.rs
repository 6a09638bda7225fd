//! A run from its first event to its last: how it opens and closes. The loop between the two is
//! `cycle`; when the plan is gone through again is `again`; what a run needs is `order`.

mod again;
mod cycle;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::engine::machine::Finish;
use crate::engine::order::{Run, Stepper};
use crate::event::{EventKind, Outcome, StepInfo, Verb};
use crate::plan::{StepId, millis};
use cycle::Engine;

/// How long the addresses of a finished run may take to find.
const URLS: Duration = Duration::from_secs(5);

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
