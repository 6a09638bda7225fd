//! Takes pull secrets away that this project made, and their names out of the lists of service
//! accounts.

use futures_util::FutureExt;
use k8s_openapi::api::core::v1::Secret as Object;

use super::apply::all_named;
use super::{PullSecret, account};
use crate::plan::change::{Change, Op};
use crate::policy::Failure;
use crate::steps::objects::{Objects, few_at_once};
use crate::steps::{Teardown, ownership};

/// What [`remove`] would take away.
///
/// # Errors
/// The cluster could not be read.
pub async fn removals(
    secret: &PullSecret,
    objects: &Objects,
    how: Teardown,
) -> Result<Vec<Change>, Failure> {
    let own = own(secret, objects, how).await?;
    Ok(own.iter().map(|(namespace, _)| removal(secret, namespace)).collect())
}

/// Takes the secrets away that this project made; returns what was there.
///
/// # Errors
/// The cluster could not be read or written.
pub async fn remove(
    secret: &PullSecret,
    objects: &Objects,
    how: Teardown,
) -> Result<Vec<Change>, Failure> {
    let own = own(secret, objects, how).await?;
    let one = |(namespace, object): (String, Object)| {
        async move { remove_one(secret, (&namespace, &object), objects).await }.boxed()
    };
    let all = few_at_once(own.into_iter().map(one).collect()).await?;
    Ok(all.into_iter().flatten().collect())
}

async fn remove_one(
    secret: &PullSecret,
    (namespace, object): (&str, &Object),
    objects: &Objects,
) -> Result<Option<Change>, Failure> {
    let accounts = secret.places.get(namespace).map(|place| &place.accounts);
    for name in accounts.into_iter().flatten() {
        account::detach(&secret.name, namespace, name, objects).await?;
    }
    Ok(objects.remove(object).await?.then(|| removal(secret, namespace)))
}

async fn own(
    secret: &PullSecret,
    objects: &Objects,
    how: Teardown,
) -> Result<Vec<(String, Object)>, Failure> {
    if how == Teardown::Stop {
        return Ok(Vec::new());
    }
    let project = &objects.step().config.name;
    let found = all_named::<Object>(&secret.name, &secret.places, objects).await?;
    let is_own = |object: &Object| ownership::is_labelled(object.metadata.labels.as_ref(), project);
    Ok(found.into_iter().filter(|(_, object)| is_own(object)).collect())
}

fn removal(secret: &PullSecret, namespace: &str) -> Change {
    Change::new(Op::Remove, format!("pull secret {namespace}/{}", secret.name), "mlup made it")
}
