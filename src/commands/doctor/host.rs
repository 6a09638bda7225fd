//! The machine and the tools as `mlup doctor` sees them: what keeps the steps of a start from their
//! work, by the same probes that `mlup plan` uses. It needs no cluster.

use crate::commands::doctor::answer::{Row, of_step};
use crate::commands::observe::{Seen, observe};
use crate::commands::session::Project;
use crate::error::Error;
use crate::plan::{self, Selected};

/// What is in the way, in the order of the plan, each thing once.
///
/// # Errors
/// The configuration has no plan.
pub(super) async fn rows(project: &Project) -> Result<Vec<Row>, Error> {
    let plan = plan::start(&project.config)?;
    let seen = observe(project, &Selected::from(plan.clone())).await;
    let mut rows: Vec<Row> = Vec::new();
    for step in plan.steps() {
        let Some(Seen::Failed(failure)) = seen.get(&step.id) else { continue };
        let single = if failure.findings.is_empty() {
            vec![failure.finding()]
        } else {
            failure.findings.to_vec()
        };
        for finding in single {
            let told = |row: &Row| row.rule == finding.code && row.summary == finding.summary;
            if !rows.iter().any(told) {
                rows.push(of_step(step.id.as_str(), finding));
            }
        }
    }
    Ok(rows)
}
