//! The graph that takes an environment away: what came up last goes first.

use crate::config::model::Config;
use crate::event::Verb;
use crate::plan::{Plan, PlanError, Step, StepId, StepKind, start};

/// The steps that `verb` takes away, each after all that stands on it. Docker comes first where
/// anything needs it: one clear failure is better than one a step.
///
/// # Errors
/// As [`start`].
pub fn teardown(config: &Config, verb: Verb) -> Result<Plan, PlanError> {
    let up = start(config)?;
    let goes = |step: &Step| leaves_something(&step.kind, verb);
    let docker = up.steps().iter().find(|step| matches!(step.kind, StepKind::Docker));
    let mut steps: Vec<Step> = docker.map(|step| Step::clone(step)).into_iter().collect();
    for step in up.steps().iter().rev().filter(|step| goes(step)) {
        let mut needs: Vec<StepId> = up
            .all_dependents(&step.id)
            .into_iter()
            .filter(|id| up.step(id).is_some_and(|dependent| goes(dependent)))
            .collect();
        if let Some(docker) = docker.filter(|_| uses_docker(&step.kind)) {
            needs.push(docker.id.clone());
        }
        steps.push(Step { needs, after: Vec::new(), timeout: None, ..Step::clone(step) });
    }
    Plan::new(steps)
}

/// Whether a step of this kind has anything that `verb` takes away.
fn leaves_something(kind: &StepKind, verb: Verb) -> bool {
    match kind {
        StepKind::Compose(_) => true,
        StepKind::File(_) | StepKind::Image(_) | StepKind::Network(_) => verb != Verb::Stop,
        StepKind::Task(task) => verb != Verb::Stop && task.undo.is_some(),
        StepKind::Check(_)
        | StepKind::ComposeImages(_)
        | StepKind::ComposePreflight(_)
        | StepKind::Docker => false,
    }
}

fn uses_docker(kind: &StepKind) -> bool {
    matches!(kind, StepKind::Compose(_) | StepKind::Image(_) | StepKind::Network(_))
}
