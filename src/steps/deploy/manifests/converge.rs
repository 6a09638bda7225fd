//! Applies what differs, wave by wave: few objects at a time, each again while what it needs comes
//! up.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::Value;

use super::look::{Item, Look, at};
use super::remedy::{Case, Remedy, remedy};
use crate::config::model::Deploy;
use crate::manifest::compare::Standing;
use crate::manifest::{Object, ObjectId, Served, labels, order};
use crate::plan::progress::Progress;
use crate::policy::{Failure, apply_errors};
use crate::readiness::{self, World};
use crate::steps::deploy::wait;
use crate::steps::objects::dynamic::{Claim, Deletion};
use crate::steps::objects::{Objects, few_at_once};

/// Pauses before an object is applied again.
const SHORTEST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(2);

/// Makes everything that differs as it is wanted.
pub(super) async fn converge(
    deploy: &Deploy,
    look: Look,
    objects: &Objects,
) -> Result<(), Failure> {
    let wanted: Vec<Object> = look.items.iter().map(|item| item.object.clone()).collect();
    let mut items: HashMap<ObjectId, Item> =
        look.items.into_iter().map(|item| (item.object.id.clone(), item)).collect();
    for wave in order::waves(wanted.clone()) {
        let (same, differing): (Vec<Item>, Vec<Item>) = wave
            .objects
            .iter()
            .filter_map(|object| items.remove(&object.id))
            .partition(|item| item.standing == Standing::Same);
        let is_met = differing.is_empty() && same.iter().all(is_ready);
        if !differing.is_empty() {
            objects.step().waiting(format!("applying {}", counted(&differing)));
        }
        let work = differing.into_iter().map(|item| put(item, &wanted, objects).boxed()).collect();
        few_at_once(work).await?;
        if wave.stage.is_awaited() && !is_met {
            wait::until_ready(deploy, &wave.objects, objects).await?;
        }
    }
    Ok(())
}

fn is_ready(item: &Item) -> bool {
    let live = item.live.as_ref();
    live.is_some_and(|live| readiness::readiness(live, &World::default()).is_ready())
}

fn counted(items: &[Item]) -> String {
    match items {
        [one] => one.object.id.to_string(),
        more => format!("{} objects", more.len()),
    }
}

/// Applies one object until it is there, it cannot be, or the time of the step is over.
async fn put(mut item: Item, run: &[Object], objects: &Objects) -> Result<(), Failure> {
    let ctx = objects.step();
    let place = item.object.place.clone();
    let served = served(&item, run, objects).await.map_err(|failure| at(failure, &place))?;
    let is_custom = Served::built_in(&item.object.id).is_none();
    if let (Standing::Leaving, Some(live)) = (&item.standing, &item.live) {
        objects.until_gone(&served, live).await?;
        item.live = None;
        item.body = item.object.value.clone();
    }
    let (mut claim, mut pause) = (Claim::Free, SHORTEST);
    loop {
        let Err(refused) = objects.put(&served, &item.body, claim).await else { return Ok(()) };
        let ours = item.live.as_ref().filter(|live| labels::is_ours(live, &ctx.config.name));
        let failure = match remedy(&refused, Case { ours, is_custom }) {
            Remedy::TakeOver(what) if claim == Claim::Free => {
                claim = Claim::Forced;
                taken_over(&item.object.id, &what, objects);
                continue;
            }
            Remedy::MakeNamespace => {
                objects.namespace(item.object.id.namespace.as_deref().unwrap_or_default()).await?;
                refused.failure
            }
            Remedy::Replace => {
                replace(&served, item.live.take(), objects).await?;
                item.body = item.object.value.clone();
                continue;
            }
            Remedy::Wait(why) => {
                ctx.waiting(format!("{}: {why}", item.object.id));
                refused.failure
            }
            Remedy::TakeOver(_) | Remedy::Nothing => return Err(at(refused.failure, &place)),
        };
        if ctx.time_left() <= pause {
            return Err(at(failure, &place));
        }
        let rest = async {
            tokio::time::sleep(pause).await;
            Ok(())
        };
        ctx.in_time("apply it again", rest).await?;
        pause = (pause * 2).min(LONGEST);
    }
}

/// How the kind is served: one that was not known before may be by now.
async fn served(item: &Item, run: &[Object], objects: &Objects) -> Result<Served, Failure> {
    if let Some(served) = &item.served {
        return Ok(served.clone());
    }
    let id = &item.object.id;
    let found = objects.step().listings.kinds.of(id, run, objects).await?;
    found.ok_or_else(|| apply_errors::unknown_kind(&id.api_version(), &id.kind))
}

async fn replace(served: &Served, live: Option<Value>, objects: &Objects) -> Result<(), Failure> {
    let Some(live) = live else { return Ok(()) };
    if objects.delete(served, &live).await? == Deletion::Ending {
        objects.until_gone(served, &live).await?;
    }
    Ok(())
}

fn taken_over(id: &ObjectId, what: &str, objects: &Objects) {
    objects.step().say(Progress::Warning {
        code: "FIELDS_TAKEN_OVER",
        message: format!("{id} is applied over what others set by hand: {what}"),
        hint: Some("name the field in `keep` of the deploy to leave it alone".to_owned()),
    });
}
