//! Looks at the world without changing it: what `plan` and `status` both stand on.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;

use crate::commands::session::Project;
use crate::plan::change::Probed;
use crate::plan::{Selected, Step, StepId};
use crate::policy::{Class, Failure};
use crate::steps;

/// What was seen of one step.
#[derive(Clone, Debug)]
pub(super) enum Seen {
    /// The world was read.
    Probed(Probed),
    /// The world could not be read.
    Failed(Failure),
    /// Not looked at, because looking at this step failed first.
    Behind(StepId),
}

/// Looks at every selected step, each as soon as what it needs has been
/// looked at. Steps whose needs could not be read are not looked at: their answer would only repeat
/// that failure.
pub(super) async fn observe(project: &Project, selected: &Selected) -> BTreeMap<StepId, Seen> {
    observe_within(project, selected, None).await
}

/// The same, with a limit for each step; one that takes longer has failed with `STEP_TIMEOUT`.
pub(super) async fn observe_within(
    project: &Project,
    selected: &Selected,
    limit: Option<Duration>,
) -> BTreeMap<StepId, Seen> {
    let mut seen: BTreeMap<StepId, Seen> = BTreeMap::new();
    let steps = selected.plan().steps().iter().map(AsRef::as_ref);
    let mut rest: Vec<&Step> = steps.filter(|step| selected.left_out(&step.id).is_none()).collect();
    while !rest.is_empty() {
        let known = |id: &StepId| seen.contains_key(id) || selected.left_out(id).is_some();
        let (now, later): (Vec<&Step>, Vec<&Step>) =
            rest.into_iter().partition(|step| step.needs.iter().all(known));
        let wave = now.iter().map(|step| look(project, step, &seen, limit));
        let answers = join_all(wave).await;
        // A plan has no cycles, so each round looks at something; were that ever broken, the rest
        // is left unseen rather than looked at for ever.
        if answers.is_empty() {
            break;
        }
        seen.extend(answers);
        rest = later;
    }
    seen
}

async fn look(
    project: &Project,
    step: &Step,
    seen: &BTreeMap<StepId, Seen>,
    limit: Option<Duration>,
) -> (StepId, Seen) {
    let behind = step.needs.iter().find_map(|need| match seen.get(need) {
        Some(Seen::Failed(_)) => Some(need.clone()),
        Some(Seen::Behind(root)) => Some(root.clone()),
        Some(Seen::Probed(_)) | None => None,
    });
    if let Some(root) = behind {
        return (step.id.clone(), Seen::Behind(root));
    }
    let ctx = project.reading(&step.id);
    let asked = steps::probe(&step.kind, &ctx);
    let answered = match limit {
        Some(limit) => tokio::time::timeout(limit, asked).await.unwrap_or_else(|_| {
            let summary = format!("no answer within {} s", limit.as_secs());
            Err(Failure::new(Class::Timeout, "STEP_TIMEOUT", summary))
        }),
        None => asked.await,
    };
    let answer = match answered {
        Ok(probed) => Seen::Probed(probed),
        Err(failure) => Seen::Failed(failure),
    };
    (step.id.clone(), answer)
}
