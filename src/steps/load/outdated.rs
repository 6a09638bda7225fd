//! Which workloads run another image than the nodes have under its name by now, whoever brought that
//! one there: a run that was killed before it could start their pods anew, or a person.

use std::collections::BTreeSet;

use serde_json::Value;

use super::stale::was_restarted_for;
use crate::config::model::Image;
use crate::drivers::references::{NodeImage, familiar};
use crate::host::kube::error::may_pass;
use crate::manifest::images::ImageName;
use crate::manifest::{ObjectId, Served};
use crate::policy::Failure;
use crate::readiness::World;
use crate::readiness::image::running;
use crate::steps::objects::Objects;

/// The kinds whose pods can be started anew.
const KINDS: [&str; 3] = ["DaemonSet", "Deployment", "StatefulSet"];

/// Those of the users whose pods run another image than `there`; `listed` is all that the nodes
/// have. What cannot be told, or was restarted for this image before, is none of them.
pub(super) async fn outdated(
    image: &Image,
    users: &[ObjectId],
    (there, listed): (&NodeImage, &[NodeImage]),
    objects: &Objects,
) -> Result<Vec<ObjectId>, Failure> {
    let users = users.iter().filter(|id| KINDS.contains(&id.kind.as_str()));
    let users: Vec<&ObjectId> = users.collect();
    let Some(id) = there.id.as_deref().filter(|_| !users.is_empty()) else {
        return Ok(Vec::new());
    };
    let world = match seen(&users, objects).await {
        // What cannot be looked at now may be as wanted: the next start looks again.
        Err(failure) if failure.code == "API_FORBIDDEN" || may_pass(&failure) => {
            return Ok(Vec::new());
        }
        world => world?,
    };
    let name = ImageName::parse(&image.name);
    let is_other = |runs: &str| known(runs, listed).is_some_and(|runs| !there.is(runs));
    let is_outdated = |user: &&ObjectId| {
        let live = world.find(&user.kind, namespace(user), &user.name);
        live.is_some_and(|live| {
            !was_restarted_for(live, image, id)
                && running(live, &name, &world).into_iter().any(is_other)
        })
    };
    Ok(users.into_iter().filter(is_outdated).cloned().collect())
}

/// The identifier of an image as the nodes list it; nothing where they do not have it.
fn known<'a>(runs: &'a str, listed: &'a [NodeImage]) -> Option<&'a str> {
    if !runs.contains('@') {
        return Some(runs);
    }
    let name = familiar(runs);
    listed.iter().find(|image| image.name == name)?.id.as_deref()
}

/// The users, and the pods that they made.
async fn seen(users: &[&ObjectId], objects: &Objects) -> Result<World, Failure> {
    let mut shelves: BTreeSet<(Served, &str)> = BTreeSet::new();
    for user in users {
        let kinds = [("apps", user.kind.as_str()), ("apps", "ReplicaSet"), ("", "Pod")];
        for (group, kind) in kinds {
            let id = ObjectId {
                group: group.to_owned(),
                version: "v1".to_owned(),
                kind: kind.to_owned(),
                ..(*user).clone()
            };
            shelves.extend(Served::built_in(&id).map(|served| (served, namespace(user))));
        }
    }
    let mut world = World::default();
    for (served, namespace) in shelves {
        let found: Vec<Value> =
            objects.step().listings.every(&served, Some(namespace), objects).await?;
        for object in found {
            world.put(&served.kind, object);
        }
    }
    Ok(world)
}

fn namespace(id: &ObjectId) -> &str {
    id.namespace.as_deref().unwrap_or("default")
}
