//! The machine as `mlup doctor` sees it: the facts below Kubernetes, and what keeps the steps of a start
//! from their work by the same probes that `mlup plan` uses. It needs no cluster.

use std::time::Duration;

use serde_json::Value;

use crate::commands::observe::{Seen, observe_within};
use crate::commands::session::Project;
use crate::doctor::host::facts::Facts;
use crate::doctor::look::Hindrance;
use crate::error::Error;
use crate::plan::{self, Selected, StepId};
use crate::redact::Redactor;
use crate::steps::machine::{self, Outside};

/// How long one step may be looked at: its tools may be slow, and are not dead for that.
const STEP_LIMIT: Duration = Duration::from_secs(10);

/// The same once the engine is known to be silent: whoever asks it waits in vain.
const SILENT_LIMIT: Duration = Duration::from_secs(2);

/// The facts, and what is in the way of which step, in the order of the plan.
///
/// # Errors
/// The configuration has no plan.
pub(super) async fn look(
    project: &Project,
    outside: Outside,
) -> Result<(Facts, Vec<Hindrance>), Error> {
    let plan = plan::start(&project.config)?;
    let ctx = project.reading(&StepId::single("docker"));
    let mut facts = Box::pin(machine::survey(&ctx, outside)).await;
    let is_silent = facts.engine.unclear().is_some();
    let limit = if is_silent { SILENT_LIMIT } else { STEP_LIMIT };
    let seen = observe_within(project, &Selected::from(plan.clone()), Some(limit)).await;
    let mut told: Vec<Hindrance> = Vec::new();
    for step in plan.steps() {
        let Some(Seen::Failed(failure)) = seen.get(&step.id) else { continue };
        if failure.code == "STEP_TIMEOUT" {
            facts.overdue.push((step.id.to_string(), failure.summary.clone()));
            continue;
        }
        let single = if failure.detail.findings.is_empty() {
            vec![failure.finding()]
        } else {
            failure.detail.findings.clone()
        };
        told.extend(
            single
                .into_iter()
                .map(|finding| Hindrance { step: step.id.as_str().to_owned(), finding }),
        );
    }
    Ok((facts, told))
}

/// The facts with everything taken out that may be a secret, whoever said it.
pub(super) fn without_secrets(facts: &Facts, redactor: &Redactor) -> Facts {
    let mut value = serde_json::to_value(facts).unwrap_or_default();
    clean(&mut value, redactor);
    serde_json::from_value(value).unwrap_or_default()
}

fn clean(value: &mut Value, redactor: &Redactor) {
    match value {
        Value::String(text) => *text = redactor.text(text),
        Value::Array(all) => all.iter_mut().for_each(|one| clean(one, redactor)),
        Value::Object(all) => all.values_mut().for_each(|one| clean(one, redactor)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
