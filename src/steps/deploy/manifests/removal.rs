//! Takes away what a deploy applied, in the order of removal. What holds data stays on a reset and
//! goes on a purge; what carries no label of this environment never goes.

use std::collections::BTreeSet;

use futures_util::FutureExt as _;
use serde_json::Value;

use super::{called, inventory, look};
use crate::config::model::Deploy;
use crate::manifest::{ObjectId, Scope, Served, labels, order, read};
use crate::plan::change::{Change, Op};
use crate::plan::progress::Progress;
use crate::policy::Failure;
use crate::steps::objects::dynamic::Deletion;
use crate::steps::objects::{Objects, few_at_once};
use crate::steps::{StepCtx, Teardown};

/// Kinds of which people keep objects in a namespace, by group, version and plural.
const FOREIGN: [(&str, &str, &str); 8] = [
    ("apps", "Deployment", "deployments"),
    ("apps", "StatefulSet", "statefulsets"),
    ("apps", "DaemonSet", "daemonsets"),
    ("", "Pod", "pods"),
    ("", "Service", "services"),
    ("", "PersistentVolumeClaim", "persistentvolumeclaims"),
    ("", "Secret", "secrets"),
    ("", "ConfigMap", "configmaps"),
];

type Doomed = (Served, Value);

pub(in crate::steps::deploy) async fn removals(
    deploy: &Deploy,
    ctx: &StepCtx,
    how: Teardown,
) -> Result<Vec<Change>, Failure> {
    let Some(objects) = Objects::if_there(ctx).await? else { return Ok(Vec::new()) };
    Ok(doomed(deploy, &objects, how).await?.iter().filter_map(change).collect())
}

pub(in crate::steps::deploy) async fn remove(
    deploy: &Deploy,
    ctx: &StepCtx,
    how: Teardown,
) -> Result<Vec<Change>, Failure> {
    let Some(objects) = Objects::if_there(ctx).await? else { return Ok(Vec::new()) };
    let doomed = doomed(deploy, &objects, how).await?;
    let changes = doomed.iter().filter_map(change).collect();
    delete(doomed, &objects).await?;
    Ok(changes)
}

fn change((_, live): &Doomed) -> Option<Change> {
    let id = ObjectId::of(live).filter(|_| !inventory::is_one(live))?;
    Some(Change::new(Op::Remove, called(&id), "mlup applied it"))
}

/// What goes, in the order of removal; the deploy's inventory comes last.
async fn doomed(deploy: &Deploy, objects: &Objects, how: Teardown) -> Result<Vec<Doomed>, Failure> {
    if how == Teardown::Stop {
        return Ok(Vec::new());
    }
    let config = &objects.step().config;
    let label = labels::label_value(&deploy.name);
    let is_meant = |live: &Value| {
        labels::is_ours(live, &config.name) && labels::label(live, labels::DEPLOY) == Some(&label)
    };
    let (kinds, namespaces) = kinds(deploy, objects).await?;
    let mut found = Vec::new();
    for served in kinds {
        if how == Teardown::Reset && labels::holds_data(&served.kind) {
            continue;
        }
        match objects.step().listings.ours(&served, &namespaces, objects).await {
            Ok(live) => {
                found.extend(live.into_iter().filter(is_meant).map(|live| (served.clone(), live)));
            }
            Err(failure) if failure.code == "KIND_UNKNOWN" => {}
            Err(failure) => return Err(failure),
        }
    }
    // What a controller made of one of them goes with its owner.
    found.retain(|(_, live)| read::list(live, "/metadata/ownerReferences").is_empty());
    let mut found = without_shared(found, objects).await?;
    sort(&mut found);
    Ok(found)
}

/// These without the namespaces in which others have something.
pub(super) async fn without_shared(
    doomed: Vec<Doomed>,
    objects: &Objects,
) -> Result<Vec<Doomed>, Failure> {
    let mut kept = Vec::new();
    for one in doomed {
        if one.0.kind != "Namespace" || !holds_others(&one.1, objects).await? {
            kept.push(one);
        }
    }
    Ok(kept)
}

/// The kinds that this deploy applied and those that it would apply now, with the namespaces where
/// they may be. A deploy that cannot be read any more is known by its inventory.
async fn kinds(
    deploy: &Deploy,
    objects: &Objects,
) -> Result<(BTreeSet<Served>, BTreeSet<String>), Failure> {
    let mut kinds = BTreeSet::from([inventory::config_maps()]);
    let mut namespaces =
        BTreeSet::from([super::super::namespace_of(deploy, objects.step()).to_owned()]);
    if let Ok(wanted) = look::wanted(deploy, objects).await {
        namespaces.extend(wanted.iter().filter_map(|(object, _)| object.id.namespace.clone()));
        kinds.extend(wanted.into_iter().filter_map(|(_, served)| served));
    }
    let label = labels::label_value(&deploy.name);
    let inventories = inventory::all(&namespaces, objects).await?;
    kinds.extend(
        inventories.into_iter().filter(|one| one.deploy == label).flat_map(|one| one.kinds),
    );
    Ok((kinds, namespaces))
}

fn sort(doomed: &mut [Doomed]) {
    let mut ids: Vec<ObjectId> = doomed.iter().filter_map(|(_, live)| ObjectId::of(live)).collect();
    order::sort_for_removal(&mut ids);
    doomed.sort_by_key(|(_, live)| {
        let id = ObjectId::of(live);
        (inventory::is_one(live), ids.iter().position(|other| Some(other) == id.as_ref()))
    });
}

/// Deletes these in their order: those of one stage side by side, and gone before the next one. What
/// runs ends before what it needs; an object with a finalizer before what would end it.
pub(super) async fn delete(doomed: Vec<Doomed>, objects: &Objects) -> Result<(), Failure> {
    let stage = |(_, live): &Doomed| ObjectId::of(live).map(|id| order::stage(&id));
    for wave in doomed.chunk_by(|one, other| stage(one) == stage(other)) {
        let work = wave.iter().map(|(served, live)| end(served, live, objects).boxed()).collect();
        few_at_once(work).await?;
    }
    Ok(())
}

async fn end(served: &Served, live: &Value, objects: &Objects) -> Result<(), Failure> {
    match objects.delete(served, live).await? {
        Deletion::Ending => objects.until_gone(served, live).await,
        Deletion::Absent | Deletion::Gone => Ok(()),
    }
}

/// Whether others have objects in this namespace; that is told, for it stays then.
async fn holds_others(namespace: &Value, objects: &Objects) -> Result<bool, Failure> {
    let name = read::name(namespace);
    let selector =
        format!("{}!={}", labels::PROJECT, labels::label_value(&objects.step().config.name));
    for (group, kind, plural) in FOREIGN {
        let served = Served {
            group: group.to_owned(),
            version: "v1".to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
            scope: Scope::Namespaced,
        };
        let found = objects.all(&served, Some(name), &selector).await?;
        if let Some(other) = found.iter().find(|object| is_somebodys(object)) {
            let other = ObjectId::of(other).map(|id| called(&id)).unwrap_or_default();
            objects.step().say(Progress::Warning {
                code: "NAMESPACE_KEPT",
                message: format!(
                    "namespace `{name}` stays: {other} in it is not this environment's"
                ),
                hint: Some(format!("kubectl delete namespace {name}")),
            });
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether somebody made it: not Kubernetes for the namespace, and no controller for its owner.
fn is_somebodys(object: &Value) -> bool {
    let is_of_kubernetes = read::name(object) == "kube-root-ca.crt"
        || read::text(object, "/type") == "kubernetes.io/service-account-token";
    !is_of_kubernetes && read::list(object, "/metadata/ownerReferences").is_empty()
}
