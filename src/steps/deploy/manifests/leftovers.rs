//! Objects that an earlier run applied and that no deploy wants any more: told at each start, and
//! removed with `--prune`. Those that hold data go with a consent alone.

use std::collections::BTreeSet;

use serde_json::Value;

use super::called;
use super::inventory::{self, Inventory};
use super::look::Look;
use crate::config::model::{Config, Deploy, DeployKind};
use crate::manifest::labels::{self, Leftover, label_value};
use crate::manifest::{ObjectId, Served};
use crate::plan::change::{Change, Op};
use crate::plan::progress::Progress;
use crate::policy::Failure;
use crate::steps::objects::Objects;
use crate::steps::{Prune, StepCtx};

/// One of them.
#[derive(Debug)]
pub(super) struct Left {
    /// Which, and of which deploy.
    pub(super) what: Leftover,
    /// How its kind is served.
    pub(super) served: Served,
    /// As it is.
    pub(super) live: Value,
}

impl Left {
    /// Whether it is removed.
    pub(super) fn goes(&self, prune: Prune) -> bool {
        match prune {
            Prune::No => false,
            Prune::KeepData => !self.what.holds_data,
            Prune::All => true,
        }
    }
}

/// What is left over of this deploy; the first one also answers for those that left the configuration.
pub(super) async fn of(
    deploy: &Deploy,
    look: &Look,
    objects: &Objects,
) -> Result<Vec<Left>, Failure> {
    let config = &objects.step().config;
    let inventories = inventory::all(&look.namespaces(), objects).await?;
    let judged = judged(deploy, config, &inventories, look);
    let mut live = look.ours.clone();
    live.extend(unlisted(look, &inventories, &judged, objects).await?);
    let wanted: Vec<ObjectId> = look.items.iter().map(|item| item.object.id.clone()).collect();
    let values: Vec<Value> = live
        .iter()
        .map(|(_, value)| value)
        .filter(|value| !inventory::is_one(value))
        .cloned()
        .collect();
    let mut left = labels::leftovers(&values, &wanted, &config.name, &judged);
    if !left.is_empty() {
        let others = wanted_by_others(deploy, objects.step()).await;
        left.retain(|one| {
            others.as_ref().is_some_and(|others| !others.iter().any(|id| is_meant(id, &one.id)))
        });
    }
    let found = |what: Leftover| {
        let is_it = |(_, value): &&(Served, Value)| {
            ObjectId::of(value).is_some_and(|id| id.is_same(&what.id))
        };
        let (served, live) = live.iter().find(is_it)?.clone();
        Some(Left { what, served, live })
    };
    Ok(left.into_iter().filter_map(found).collect())
}

/// The deploys that this one answers for, as their labels say.
fn judged(
    deploy: &Deploy,
    config: &Config,
    inventories: &[Inventory],
    look: &Look,
) -> BTreeSet<String> {
    let present: Vec<&Deploy> = config.deploys.iter().filter(|deploy| is_applied(deploy)).collect();
    let mut judged = BTreeSet::from([label_value(&deploy.name)]);
    if present.first().is_some_and(|first| first.name == deploy.name) {
        let seen = look.ours.iter().filter_map(|(_, live)| labels::label(live, labels::DEPLOY));
        let listed = inventories.iter().map(|one| one.deploy.as_str());
        let is_gone = |label: &&str| present.iter().all(|one| label_value(&one.name) != **label);
        judged.extend(seen.chain(listed).filter(is_gone).map(str::to_owned));
    }
    judged
}

/// Whether mlup itself applies the objects of this deploy.
fn is_applied(deploy: &Deploy) -> bool {
    matches!(deploy.kind, DeployKind::Manifests(_) | DeployKind::Kustomize(_))
}

/// What this environment applied of kinds that are not wanted any more.
async fn unlisted(
    look: &Look,
    inventories: &[Inventory],
    judged: &BTreeSet<String>,
    objects: &Objects,
) -> Result<Vec<(Served, Value)>, Failure> {
    let listed: BTreeSet<Served> = look.kinds().collect();
    let known: BTreeSet<&Served> = inventories
        .iter()
        .filter(|one| judged.contains(&one.deploy))
        .flat_map(|one| &one.kinds)
        .filter(|served| !listed.contains(served))
        .collect();
    let mut found = Vec::new();
    for served in known {
        match objects.step().listings.ours(served, &look.namespaces(), objects).await {
            Ok(live) => found.extend(live.into_iter().map(|live| (served.clone(), live))),
            // The kind went with its definition, or is not this user's to see.
            Err(failure) if ["KIND_UNKNOWN", "API_FORBIDDEN"].contains(&failure.code) => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(found)
}

/// What the other deploys want; none where one of them cannot be read, for then nobody knows.
async fn wanted_by_others(deploy: &Deploy, ctx: &StepCtx) -> Option<Vec<ObjectId>> {
    let mut wanted = Vec::new();
    for other in
        ctx.config.deploys.iter().filter(|other| other.name != deploy.name && is_applied(other))
    {
        let rendering = ctx.renderings.of(other, ctx).await.ok()?;
        wanted.extend(rendering.objects.iter().map(|object| object.id.clone()));
    }
    Some(wanted)
}

/// Whether both are the same object, where the namespace of a custom one may not be known.
fn is_meant(wanted: &ObjectId, live: &ObjectId) -> bool {
    let namespace = wanted.namespace.clone().or_else(|| live.namespace.clone());
    ObjectId { namespace, ..wanted.clone() }.is_same(live)
}

/// The change that takes one away.
pub(super) fn removal(left: &Left) -> Change {
    let why = format!("`{}` applied it, and nothing wants it any more", left.what.deploy);
    Change::new(Op::Remove, called(&left.what.id), why)
}

/// Tells what is left over; the words for a state.
pub(super) fn warn(left: &[Left], ctx: &StepCtx) -> String {
    if left.is_empty() {
        return String::new();
    }
    let what = named(left.iter());
    ctx.say(Progress::Warning {
        code: "LEFTOVERS",
        message: format!("applied by an earlier run, and wanted by nothing now: {what}"),
        hint: Some("mlup start --prune".to_owned()),
    });
    format!("; left over: {what}")
}

/// Tells what stays because it holds data; the words for a state.
pub(super) fn warn_of_data(left: &[Left], prune: Prune, ctx: &StepCtx) -> String {
    let mut stays = left.iter().filter(|one| !one.goes(prune)).peekable();
    if stays.peek().is_none() {
        return String::new();
    }
    let what = named(stays);
    ctx.say(Progress::Warning {
        code: "LEFTOVERS",
        message: format!("not removed, for data would go with it: {what}"),
        hint: Some("mlup start --prune --yes".to_owned()),
    });
    format!("; left over with data: {what}")
}

fn named<'l>(left: impl Iterator<Item = &'l Left>) -> String {
    let mut words: Vec<String> = left.map(|one| called(&one.what.id)).collect();
    let more = words.len().saturating_sub(5);
    words.truncate(5);
    if more > 0 {
        words.push(format!("{more} more"));
    }
    words.join(", ")
}
