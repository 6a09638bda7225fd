//! Small steps for tests of the plan and the engine.

use crate::config::fixture::{check, task};
use crate::plan::{Step, StepId, StepKind};

/// The identifier written as `kind/name` or `kind`.
pub(crate) fn id(text: &str) -> StepId {
    text.split_once('/')
        .map_or_else(|| StepId::single(text), |(kind, name)| StepId::named(kind, name))
}

/// A step that changes things, or a check where the identifier says so.
pub(crate) fn step(text: &str, needs: &[&str]) -> Step {
    let id = id(text);
    let kind = match text.split_once('/') {
        Some(("check", name)) => StepKind::Check(Box::new(check(name))),
        Some((_, name)) => StepKind::Task(task(name, &[])),
        None => StepKind::Docker,
    };
    let title = format!("step {id}");
    let needs = needs.iter().map(|need| self::id(need)).collect();
    Step { needs, ..Step::new(id, title, kind) }
}
