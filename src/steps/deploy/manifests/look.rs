//! The objects that a deploy wants beside those that are there, in as few requests as it takes: one
//! list a kind over all namespaces, and one more for each object that mlup did not apply yet.

use std::collections::BTreeSet;

use futures_util::FutureExt as _;
use serde_json::Value;

use crate::config::model::Deploy;
use crate::event::{Evidence, Fix};
use crate::manifest::compare::{self, Standing};
use crate::manifest::keep::FieldPath;
use crate::manifest::{Object, ObjectId, Place, Scope, Served, labels, parse, wanted};
use crate::policy::{Class, Failure};
use crate::readiness::{self, World};
use crate::steps::deploy::namespace_of;
use crate::steps::objects::{Objects, few_at_once};

/// An object that is wanted, and how it stands.
#[derive(Debug)]
pub(super) struct Item {
    /// As it is applied where it is not there.
    pub(super) object: Object,
    /// How its kind is served; none while nobody knows it.
    pub(super) served: Option<Served>,
    /// As it is.
    pub(super) live: Option<Value>,
    /// As it is applied to the live one.
    pub(super) body: Value,
    /// What has to be done.
    pub(super) standing: Standing,
}

/// What was seen.
#[derive(Debug)]
pub(super) struct Look {
    /// The objects that are wanted.
    pub(super) items: Vec<Item>,
    /// All objects of these kinds that this project applied.
    pub(super) ours: Vec<(Served, Value)>,
}

impl Look {
    /// The kinds that are wanted.
    pub(super) fn kinds(&self) -> impl Iterator<Item = Served> + use<> {
        let kinds: BTreeSet<Served> =
            self.items.iter().filter_map(|item| item.served.clone()).collect();
        kinds.into_iter()
    }

    /// The namespaces of what is wanted.
    pub(super) fn namespaces(&self) -> BTreeSet<String> {
        self.items.iter().filter_map(|item| item.object.id.namespace.clone()).collect()
    }
}

/// Looks at everything that a deploy wants.
pub(super) async fn look(deploy: &Deploy, objects: &Objects) -> Result<Look, Failure> {
    let keep = keep(deploy)?;
    let wanted = wanted(deploy, objects).await?;
    let ours = ours(&wanted, objects).await?;
    let (spaces, others): (Vec<_>, Vec<_>) =
        wanted.into_iter().partition(|(object, _)| object.id.kind == "Namespace");
    let mut items = compared(spaces, &ours, &[], &keep, objects).await?;
    // Nothing is in a namespace that is not there, and nothing stays in one that ends.
    let empty: Vec<String> = items
        .iter()
        .filter(|item| matches!(item.standing, Standing::Absent | Standing::Leaving))
        .map(|item| item.object.id.name.clone())
        .collect();
    items.extend(compared(others, &ours, &empty, &keep, objects).await?);
    Ok(Look { items, ours })
}

/// Those of these objects that are as wanted and say that they are ready, by the lists alone.
pub(super) async fn unchanged(
    deploy: &Deploy,
    among: &[ObjectId],
    objects: &Objects,
) -> Result<Vec<ObjectId>, Failure> {
    let keep = keep(deploy)?;
    let mut wanted = wanted(deploy, objects).await?;
    wanted.retain(|(object, _)| among.iter().any(|id| id.is_same(&object.id)));
    let ours = ours(&wanted, objects).await?;
    let is_unchanged = |(object, served): &(Object, Option<Served>)| {
        let live = served.as_ref().and_then(|served| listed(object, served, &ours));
        live.is_some_and(|live| {
            let body = compare::body(&object.value, Some(live), &keep);
            compare::standing(&body, Some(live)) == Standing::Same
                && readiness::readiness(live, &World::default()).is_ready()
        })
    };
    Ok(wanted.into_iter().filter(is_unchanged).map(|(object, _)| object.id).collect())
}

/// The objects of a deploy as they are applied, each with how its kind is served.
pub(super) async fn wanted(
    deploy: &Deploy,
    objects: &Objects,
) -> Result<Vec<(Object, Option<Served>)>, Failure> {
    let ctx = objects.step();
    let keep = keep(deploy)?;
    let rendering = ctx.renderings.of(deploy, ctx).await?;
    let mut wanted = Vec::new();
    for object in &rendering.objects {
        let served = ctx.listings.kinds.of(&object.id, &rendering.objects, objects).await;
        let served = served.map_err(|failure| at(failure, &object.place))?;
        let mut object = object.clone();
        match served.as_ref().map(|served| served.scope) {
            Some(Scope::Cluster) => object.take_out(),
            Some(Scope::Namespaced) => object.put_into(namespace_of(deploy, ctx)),
            None => {}
        }
        wanted::prepare(&mut object, &ctx.config.name, &deploy.name, &keep);
        wanted.push((object, served));
    }
    let all: Vec<Object> = wanted.iter().map(|(object, _)| object.clone()).collect();
    parse::demand_distinct(&all)?;
    Ok(wanted)
}

fn keep(deploy: &Deploy) -> Result<Vec<FieldPath>, Failure> {
    deploy.keep.iter().map(|path| FieldPath::parse(path)).collect()
}

/// What this project applied of the wanted kinds.
async fn ours(
    wanted: &[(Object, Option<Served>)],
    objects: &Objects,
) -> Result<Vec<(Served, Value)>, Failure> {
    let kinds: BTreeSet<&Served> =
        wanted.iter().filter_map(|(_, served)| served.as_ref()).collect();
    let namespaces: BTreeSet<String> =
        wanted.iter().filter_map(|(object, _)| object.id.namespace.clone()).collect();
    let ask = |served: &Served| {
        let (served, namespaces) = (served.clone(), namespaces.clone());
        async move {
            match objects.step().listings.ours(&served, &namespaces, objects).await {
                Ok(found) => Ok(found.into_iter().map(|live| (served.clone(), live)).collect()),
                // Its definition is among the objects, and not applied yet.
                Err(failure) if failure.code == "KIND_UNKNOWN" && !is_own(&served) => {
                    Ok(Vec::new())
                }
                Err(failure) => Err(match place_of(&served, wanted) {
                    Some(place) => at(failure, place),
                    None => failure,
                }),
            }
        }
    };
    let lists: Vec<Vec<(Served, Value)>> =
        few_at_once(kinds.into_iter().map(|kind| ask(kind).boxed()).collect()).await?;
    Ok(lists.into_iter().flatten().collect())
}

/// Whether a kind is one that every cluster of its version serves.
fn is_own(served: &Served) -> bool {
    let Served { group, version, kind, .. } = served.clone();
    let id = ObjectId { group, version, kind, namespace: None, name: String::new() };
    Served::built_in(&id).is_some()
}

fn place_of<'w>(served: &Served, wanted: &'w [(Object, Option<Served>)]) -> Option<&'w Place> {
    wanted.iter().find(|(_, kind)| kind.as_ref() == Some(served)).map(|(object, _)| &object.place)
}

/// Each of these objects beside the live one; what is in an `empty` namespace is not there.
async fn compared(
    wanted: Vec<(Object, Option<Served>)>,
    ours: &[(Served, Value)],
    empty: &[String],
    keep: &[FieldPath],
    objects: &Objects,
) -> Result<Vec<Item>, Failure> {
    let ask = |(object, served): (Object, Option<Served>)| async move {
        let is_gone = object.id.namespace.as_ref().is_some_and(|space| empty.contains(space));
        let live = match &served {
            Some(served) if !is_gone => live(&object, served, ours, objects).await?,
            _ => None,
        };
        let body = compare::body(&object.value, live.as_ref(), keep);
        let standing = compare::standing(&body, live.as_ref());
        if let Standing::Foreign(project) = &standing {
            return Err(foreign(&object, project));
        }
        Ok(Item { object, served, live, body, standing })
    };
    few_at_once(wanted.into_iter().map(|one| ask(one).boxed()).collect()).await
}

/// The live object, if this project applied it.
fn listed<'l>(object: &Object, served: &Served, ours: &'l [(Served, Value)]) -> Option<&'l Value> {
    let is_it = |live: &&(Served, Value)| {
        live.0 == *served && ObjectId::of(&live.1).is_some_and(|id| id.is_same(&object.id))
    };
    ours.iter().find(is_it).map(|(_, live)| live)
}

async fn live(
    object: &Object,
    served: &Served,
    ours: &[(Served, Value)],
    objects: &Objects,
) -> Result<Option<Value>, Failure> {
    if let Some(live) = listed(object, served, ours) {
        return Ok(Some(live.clone()));
    }
    let id = &object.id;
    let listings = &objects.step().listings;
    let found = listings.one(served, id.namespace.as_deref(), &id.name, objects).await;
    found.map_err(|failure| at(failure, &object.place))
}

fn foreign(object: &Object, project: &str) -> Failure {
    let summary = format!("{} belongs to the environment `{project}`", object.id);
    let failure = Failure::new(Class::Refused, "OBJECT_FOREIGN", summary)
        .because("label", format!("{}={project}", labels::PROJECT))
        .fix(Fix::safe("give it another name or namespace, or take it out of that environment"));
    at(failure, &object.place)
}

/// The failure with the place that the object was read from.
pub(super) fn at(mut failure: Failure, place: &Place) -> Failure {
    failure.evidence.insert(0, Evidence::new("manifest", place.to_string()));
    failure
}
