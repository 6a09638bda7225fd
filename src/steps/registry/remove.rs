//! Takes pull secrets away that this project made, and their names out of the lists of service
//! accounts.

use futures_util::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Secret as Object;

use super::apply::all_named;
use super::{PullSecret, account};
use crate::plan::change::{Change, Op};
use crate::policy::Failure;
use crate::steps::objects::{AT_ONCE, Objects};
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
    let each = stream::iter(own(secret, objects, how).await?).map(async |(namespace, object)| {
        let accounts = secret.places.get(&namespace).map(|place| &place.accounts);
        for name in accounts.into_iter().flatten() {
            account::detach(&secret.name, &namespace, name, objects).await?;
        }
        let is_removed = objects.remove(&object).await?;
        Ok::<_, Failure>(is_removed.then(|| removal(secret, &namespace)))
    });
    let all: Vec<Option<Change>> = each.buffered(AT_ONCE).try_collect().await?;
    Ok(all.into_iter().flatten().collect())
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
