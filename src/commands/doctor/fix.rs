//! `mlup doctor --fix`: carries out what mlup may do by itself about what it found, by the code of a
//! start, then looks again. What is a person's to decide is told and left alone.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use super::answer::{Answer, Applied, Outcome, Row};
use super::attend::{self, Ears};
use super::cluster::Registries;
use super::decide::decide;
use super::{look, print, verdict};
use crate::cli;
use crate::commands::lock;
use crate::commands::session::{Kept, Project, Session};
use crate::doctor::look::{Look, Sight};
use crate::doctor::treatment::{self, Treatment};
use crate::engine::{self, Interrupt};
use crate::error::Error;
use crate::plan::progress::StepEnd;
use crate::plan::{self, Plan, StepId};
use crate::policy::Failure;
use crate::readiness::World;
use crate::steps::objects::Objects;
use crate::steps::registry::refresh::repair;
use crate::steps::{self, Consent, Prune, StepCtx, storage_class};

/// The pauses before each look at what a repair has changed: a cluster comes to most of it within
/// moments, or with the next round of its back-off.
const PAUSES: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(4)];

/// What was done about one cause.
struct Done {
    treatment: Treatment,
    result: Result<Effect, Failure>,
}

/// What a repair changed, in a few words; nothing where all was as it should be.
#[derive(Clone, Default)]
struct Effect(Vec<String>);

/// The causes that can be repaired, each with what repairs it.
///
/// # Errors
/// The configuration has no plan.
pub(super) fn repairable<'a>(
    (look, answer): (&Look, &'a Answer),
    project: &Project,
) -> Result<Vec<(&'a Row, Treatment)>, Error> {
    let plan = plan::start(&project.config)?;
    let nothing = World::default();
    let world = match &look.cluster {
        Some(Sight::Seen(cluster)) => &cluster.world,
        Some(Sight::Unseen(_)) | None => &nothing,
    };
    let rows = answer.findings.iter().filter(|row| row.repair != "by hand");
    let treated = rows.filter_map(|row| {
        let cause = (row.rule.as_str(), &row.root);
        Some((row, treatment::of(cause, world, &project.config, &plan)?))
    });
    Ok(treated.collect())
}

/// Repairs, looks again, and tells both.
///
/// # Errors
/// Another run holds the lock, or the configuration has no plan.
pub(super) fn fix(session: &Session, asked: &cli::Doctor) -> Result<ExitCode, Error> {
    let project = session.project()?;
    let lock = lock::lock(session, &project, "doctor --fix")?;
    let told = project.work(async {
        let first = look(&project, Registries::of(asked)).await?.0;
        let answer = decide(&first);
        let treated = repairable((&first, &answer), &project)?;
        let mut ears = Ears::new(&project, engine::listen()?);
        match treat(session, &project, &treated, &mut ears).await? {
            Ok(done) if done.is_empty() => {
                drop(treated);
                Ok(Ok(Answer { applied: Some(Vec::new()), ..answer }))
            }
            Ok(done) => look_again(session, &project, asked, (&treated, &done)).await.map(Ok),
            Err(interrupt) => Ok::<_, Error>(Err(interrupt)),
        }
    })??;
    drop(lock);
    match told {
        Ok(answer) => {
            print(session, asked, &answer)?;
            Ok(verdict(&answer).into())
        }
        Err(interrupt) => Ok(attend::exit_code(interrupt).into()),
    }
}

/// Each treatment once, in the order of the findings. One that fails does not keep the others from
/// theirs.
async fn treat(
    session: &Session,
    project: &Arc<Project>,
    treated: &[(&Row, Treatment)],
    ears: &mut Ears,
) -> Result<Result<Vec<Done>, Interrupt>, Error> {
    let plan = plan::start(&project.config)?;
    let mut done: Vec<Done> = Vec::new();
    for (_, treatment) in treated {
        if done.iter().any(|one| one.treatment.is_same(treatment)) {
            continue;
        }
        let ctx = ears.ctx(project, &name(treatment));
        let work = apply(treatment, &plan, &ctx);
        match ears.attend((session, project), &ctx, work.boxed_local()).await {
            Ok(result) => done.push(Done { treatment: treatment.clone(), result }),
            Err(interrupt) => return Ok(Err(interrupt)),
        }
    }
    Ok(Ok(done))
}

/// The step under whose name it is done.
fn name(treatment: &Treatment) -> StepId {
    match treatment {
        Treatment::PullSecret(step, _) => step.clone(),
        Treatment::Steps(steps) => steps.first().cloned().unwrap_or(StepId::single("cluster")),
        Treatment::StorageClass(_) => StepId::single("cluster"),
    }
}

async fn apply(treatment: &Treatment, plan: &Plan, ctx: &StepCtx) -> Result<Effect, Failure> {
    match treatment {
        Treatment::PullSecret(_, secret) => {
            let objects = Objects::connect(ctx).await?;
            let refreshed = repair(secret, (&ctx.passwords, ctx), &objects).await?;
            let written = refreshed.written.iter().map(|place| format!("{place}/{}", secret.name));
            let retried = refreshed.retried.iter().map(|pod| format!("a new pod for {pod}"));
            Ok(Effect(written.chain(retried).collect()))
        }
        Treatment::Steps(ids) => {
            let mut effect = Effect::default();
            for step in plan.steps().iter().filter(|step| ids.contains(&step.id)) {
                let ctx = StepCtx { id: step.id.clone(), ..ctx.clone() };
                match steps::bring_up(&step.kind, &ctx).await {
                    StepEnd::Settled { changed: true, .. } => effect.0.push(step.id.to_string()),
                    StepEnd::Settled { changed: false, .. } => {}
                    StepEnd::Failed(failure) => return Err(failure),
                    StepEnd::Cancelled => return Err(Failure::cancelled()),
                }
            }
            Ok(effect)
        }
        Treatment::StorageClass(class) => {
            let is_new = storage_class::alias(class, &Objects::connect(ctx).await?).await?;
            Ok(Effect(is_new.then(|| format!("storage class {class}")).into_iter().collect()))
        }
    }
}

/// Looks until nothing of what was changed is at fault any more, as often as that is worth it.
async fn look_again(
    session: &Session,
    project: &Arc<Project>,
    asked: &cli::Doctor,
    (treated, done): (&[(&Row, Treatment)], &[Done]),
) -> Result<Answer, Error> {
    let mut last = None;
    for pause in PAUSES {
        tokio::time::sleep(pause).await;
        // What the first look has listed is over.
        let kept = Kept { ssh: Some(project.host.ssh.clone()), ..Kept::default() };
        let afresh = session.project_keeping(Consent::NotGiven, Prune::No, kept)?;
        let answer = decide(&look(&afresh, Registries::of(asked)).await?.0);
        let applied = outcomes(treated, done, &answer);
        let waits = applied.iter().any(|one| one.outcome == Outcome::Applied);
        last = Some(Answer { applied: Some(applied), ..answer });
        if !waits {
            break;
        }
    }
    Ok(last.unwrap_or_default())
}

/// What came of each repair, by what a later look finds.
fn outcomes(treated: &[(&Row, Treatment)], done: &[Done], later: &Answer) -> Vec<Applied> {
    let outcome = |(row, treatment): &(&Row, Treatment)| {
        let result = &done.iter().find(|one| one.treatment.is_same(treatment))?.result;
        let is_same = |other: &Row| other.rule == row.rule && other.object == row.object;
        let is_there = later.findings.iter().any(is_same);
        let (outcome, detail) = match result {
            Err(failure) => (Outcome::Failed, format!("{}: {}", failure.code, failure.summary)),
            Ok(Effect(changes)) => match (is_there, changes.as_slice()) {
                (false, []) => (Outcome::Fixed, "gone meanwhile".to_owned()),
                (false, changes) => (Outcome::Fixed, changes.join(", ")),
                (true, []) => (Outcome::Unchanged, format!("nothing to do: {}", row.recovery)),
                (true, changes) => {
                    (Outcome::Applied, format!("{}; {}", changes.join(", "), row.recovery))
                }
            },
        };
        let (rule, object) = (row.rule.clone(), row.object.clone());
        Some(Applied { rule, object, outcome, detail })
    };
    treated.iter().filter_map(outcome).collect()
}
