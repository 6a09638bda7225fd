//! Deploys of manifests and kustomizations by server-side apply: what differs from the cluster is
//! applied, and nothing else. What is left over of earlier runs is told, and removed with `--prune`.

mod converge;
mod inventory;
mod leftovers;
mod look;
mod remedy;
mod removal;
#[cfg(test)]
mod tests;

use serde_json::Value;

use self::look::{Item, Look, look};
use super::wait::{self, Seen};
use crate::config::model::Deploy;
use crate::host::kube::error::may_pass;
use crate::manifest::compare::Standing;
use crate::manifest::{Object, ObjectId};
use crate::plan::change::{Change, Op, Probed, Settled};
use crate::policy::Failure;
use crate::readiness::{self, Readiness, World};
use crate::steps::objects::Objects;
use crate::steps::{Prune, StepCtx};
pub(super) use removal::{removals, remove};

pub(super) async fn probe(deploy: &Deploy, ctx: &StepCtx) -> Result<Probed, Failure> {
    let Some(objects) = Objects::if_there(ctx).await? else { return later(deploy, ctx).await };
    match seen(deploy, &objects).await {
        // The step comes after the cluster's, so that in a run this is told when it writes.
        Err(failure) if may_pass(&failure) => later(deploy, ctx).await,
        probed => probed,
    }
}

/// How the deploy stands in a cluster that answers.
async fn seen(deploy: &Deploy, objects: &Objects) -> Result<Probed, Failure> {
    let look = look(deploy, objects).await?;
    let mut changes: Vec<Change> = look.items.iter().filter_map(change).collect();
    let left = leftovers::of(deploy, &look, objects).await?;
    let note = match objects.step().prune {
        Prune::No => leftovers::warn(&left, objects.step()),
        how => {
            changes.extend(left.iter().filter(|one| one.goes(how)).map(leftovers::removal));
            leftovers::warn_of_data(&left, how, objects.step())
        }
    };
    if !changes.is_empty() {
        return Ok(Probed::Needed(changes));
    }
    let mut unready: Vec<Change> = look.items.iter().filter_map(awaited).collect();
    let count = look.items.len();
    let ready = count - unready.len();
    if let Some(first) = unready.first_mut() {
        first.why = format!("{} ({ready} of {count} ready)", first.why);
    }
    let Some(settled) = ready_already(deploy, &look, objects).await? else {
        if unready.is_empty() {
            unready.push(Change::new(
                Op::Wait,
                format!("{count} objects"),
                "what they run is not ready",
            ));
        }
        return Ok(Probed::Needed(unready));
    };
    let detail =
        if unready.is_empty() { format!("{count} of {count} ready") } else { settled.detail };
    Ok(Probed::Satisfied(Settled::ready(format!("{detail}{note}"))))
}

/// How the deploy stands if all that was looked at is ready, and what it runs too.
async fn ready_already(
    deploy: &Deploy,
    look: &Look,
    objects: &Objects,
) -> Result<Option<Settled>, Failure> {
    let wanted: Vec<Object> = look.items.iter().map(|item| item.object.clone()).collect();
    let live: Vec<Value> = look.items.iter().filter_map(|item| item.live.clone()).collect();
    wait::ready_already(deploy, &wanted, Seen::Now(&live), objects).await
}

/// Those of these objects that are as wanted, and ready as far as they say themselves: nothing of them
/// has to be checked before a run. None where that cannot be told.
pub(super) async fn unchanged(
    deploy: &Deploy,
    among: &[ObjectId],
    objects: &Objects,
) -> Result<Vec<ObjectId>, Failure> {
    match look::unchanged(deploy, among, objects).await {
        Err(failure) if may_pass(&failure) || failure.is_cancelled() => Err(failure),
        // The step of the deploy tells what is wrong with it.
        found => Ok(found.unwrap_or_default()),
    }
}

pub(super) async fn apply(deploy: &Deploy, ctx: &StepCtx) -> Result<(), Failure> {
    let objects = Objects::connect(ctx).await?;
    let look = look(deploy, &objects).await?;
    let mut left = leftovers::of(deploy, &look, &objects).await?;
    let kinds = look.kinds();
    converge::converge(deploy, look, &objects).await?;
    let goes = left.iter().filter(|one| one.goes(ctx.prune));
    let doomed = goes.map(|one| (one.served.clone(), one.live.clone())).collect();
    let doomed = removal::without_shared(doomed, &objects).await?;
    left.retain(|one| !doomed.iter().any(|(_, live)| *live == one.live));
    removal::delete(doomed, &objects).await?;
    inventory::write(deploy, kinds.chain(left.into_iter().map(|one| one.served)), &objects).await
}

pub(super) async fn verify(deploy: &Deploy, ctx: &StepCtx) -> Result<Settled, Failure> {
    let objects = Objects::connect(ctx).await?;
    let wanted: Vec<Object> =
        look::wanted(deploy, &objects).await?.into_iter().map(|(object, _)| object).collect();
    wait::until_ready(deploy, &wanted, &objects).await
}

/// What a cluster that does not answer yet will need.
async fn later(deploy: &Deploy, ctx: &StepCtx) -> Result<Probed, Failure> {
    let rendering = ctx.renderings.of(deploy, ctx).await?;
    let create =
        |object: &Object| Change::new(Op::Create, called(&object.id), "after the cluster is up");
    Ok(Probed::Needed(rendering.objects.iter().map(create).collect()))
}

/// What has to be done for an object.
fn change(item: &Item) -> Option<Change> {
    let name = called(&item.object.id);
    match &item.standing {
        Standing::Same | Standing::Foreign(_) => None,
        Standing::Absent if item.served.is_none() => {
            Some(Change::new(Op::Create, name, "once its kind is known"))
        }
        Standing::Absent => Some(Change::new(Op::Create, name, "it is not there")),
        Standing::Leaving => Some(Change::new(Op::Create, name, "it is being deleted")),
        Standing::Differs(why) => Some(Change::new(Op::Update, name, why.clone())),
    }
}

/// What has to be waited for at an object that needs no change.
fn awaited(item: &Item) -> Option<Change> {
    match readiness::readiness(item.live.as_ref()?, &World::default()) {
        Readiness::Ready(_) => None,
        other => Some(Change::new(Op::Wait, called(&item.object.id), other.words())),
    }
}

/// `deployment mlops/api`.
fn called(id: &ObjectId) -> String {
    let kind = id.kind.to_ascii_lowercase();
    match &id.namespace {
        Some(namespace) => format!("{kind} {namespace}/{}", id.name),
        None => format!("{kind} {}", id.name),
    }
}
