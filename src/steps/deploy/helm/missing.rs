//! Objects of a release that somebody took away: helm's records do not tell.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::FutureExt;

use crate::manifest::{Object, ObjectId, Served};
use crate::policy::Failure;
use crate::steps::objects::{Objects, few_at_once};

/// What helm writes on every object of a release.
const LABEL: &str = "app.kubernetes.io/managed-by=Helm";

/// The first of these objects that is not there, by one list a kind and namespace. Kinds that only
/// the cluster knows, and those that this user may not list, count as there: unknown is not absent.
pub(super) async fn first(
    wanted: &[Object],
    objects: &Objects,
) -> Result<Option<ObjectId>, Failure> {
    let mut shelves: BTreeMap<(Served, Option<&str>), Vec<&ObjectId>> = BTreeMap::new();
    for object in wanted {
        if let Some(kind) = Served::built_in(&object.id) {
            let shelf = (kind, object.id.namespace.as_deref());
            shelves.entry(shelf).or_default().push(&object.id);
        }
    }
    let looks = shelves.iter().map(|(shelf, ids)| absent(shelf, ids, objects).boxed());
    let found = few_at_once(looks.collect()).await?;
    Ok(found.into_iter().flatten().next())
}

async fn absent(
    (kind, namespace): &(Served, Option<&str>),
    ids: &[&ObjectId],
    objects: &Objects,
) -> Result<Option<ObjectId>, Failure> {
    let names: BTreeSet<String> = match objects.names_of(kind, *namespace, LABEL).await {
        Err(failure) if failure.code == "API_FORBIDDEN" => return Ok(None),
        names => names?,
    };
    Ok(ids.iter().find(|id| !names.contains(&id.name)).map(|&id| id.clone()))
}
