//! The machine and the tools as `mlup doctor` sees them: what keeps the steps of a start from their
//! work, by the same probes that `mlup plan` uses. It needs no cluster.

use crate::commands::observe::{Seen, observe};
use crate::commands::session::Project;
use crate::doctor::look::Hindrance;
use crate::error::Error;
use crate::plan::{self, Selected};

/// What is in the way, in the order of the plan, each thing once.
///
/// # Errors
/// The configuration has no plan.
pub(super) async fn look(project: &Project) -> Result<Vec<Hindrance>, Error> {
    let plan = plan::start(&project.config)?;
    let seen = observe(project, &Selected::from(plan.clone())).await;
    let mut told: Vec<Hindrance> = Vec::new();
    for step in plan.steps() {
        let Some(Seen::Failed(failure)) = seen.get(&step.id) else { continue };
        let single = if failure.detail.findings.is_empty() {
            vec![failure.finding()]
        } else {
            failure.detail.findings.clone()
        };
        for finding in single {
            let same = |one: &Hindrance| {
                one.finding.code == finding.code && one.finding.summary == finding.summary
            };
            if !told.iter().any(same) {
                told.push(Hindrance { step: step.id.as_str().to_owned(), finding });
            }
        }
    }
    Ok(told)
}
