//! Whether all objects of a deploy are ready as things stand: a look by lists that the deploys of a run
//! share, without any watch. Whoever is not ready is waited for by the parent.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::follow::Touched;
use super::limits::Limits;
use super::sources::{self, Source};
use super::verdict::Decision;
use super::{Wait, words};
use crate::config::model::Deploy;
use crate::manifest::{Object, ObjectId};
use crate::plan::change::Settled;
use crate::policy::Failure;
use crate::steps::objects::Objects;

/// The objects of the deploy as they are.
#[derive(Clone, Copy, Debug)]
pub(in crate::steps::deploy) enum Seen<'v> {
    /// They were just looked at.
    Now(&'v [Value]),
    /// They are still to be looked at.
    NotYet,
}

/// How a deploy stands if all of its objects are ready. A load balancer without an address is not
/// waited for: who needs one has a check for it.
///
/// # Errors
/// The cluster could not be looked at.
pub(in crate::steps::deploy) async fn ready_already(
    deploy: &Deploy,
    wanted: &[Object],
    seen: Seen<'_>,
    objects: &Objects,
) -> Result<Option<Settled>, Failure> {
    let limits = Limits { address: Duration::ZERO, ..Limits::default() };
    let mut wait = Wait::new(Some(deploy), wanted, objects, limits).await?;
    if wait.verdict.parts.is_empty() {
        return Ok(Some(words::settled(wanted)));
    }
    match seen {
        Seen::Now(seen) => wait.see(seen),
        Seen::NotYet => wait.list(sources::own(&wait.verdict.parts)).await?,
    }
    if !wait.is_settled() {
        return Ok(None);
    }
    wait.list(sources::made(&wait.verdict.parts)).await?;
    Ok(wait.is_settled().then(|| wait.settle()))
}

impl Wait<'_> {
    /// Takes these objects as just seen.
    fn see(&mut self, seen: &[Value]) {
        for part in &self.verdict.parts {
            let own = |object: &&Value| ObjectId::of(object).is_some_and(|id| id.is_same(&part.id));
            if let Some(object) = seen.iter().find(own) {
                self.world.put(&part.shelf, object.clone());
            }
        }
        self.judge_all();
    }

    /// Looks at these; what this user may not see is left out.
    async fn list(&mut self, mut sources: Vec<Source>) -> Result<(), Failure> {
        let (mut whole, mut denied) = (Vec::new(), Vec::new());
        while let Some(source) = sources.pop() {
            match listed(&source, self.objects).await {
                Ok(found) => {
                    for object in found.into_iter().filter(|object| source.matters(object)) {
                        self.world.put(&source.shelf, object);
                    }
                    if source.name.is_none() {
                        whole.push(source.shelf);
                    }
                }
                Err(failure) if !is_denied(&failure) => return Err(failure),
                Err(_) if source.namespace.is_none() && !source.within.is_empty() => {
                    sources.extend(sources::each(&source));
                }
                Err(_) => denied.push(source.shelf),
            }
        }
        for shelf in whole.iter().filter(|shelf| !denied.contains(shelf)) {
            self.world.complete(shelf);
        }
        self.judge_all();
        Ok(())
    }

    fn judge_all(&mut self) {
        self.verdict.touch(&Touched::All, &self.world);
        self.judge();
    }

    fn is_settled(&mut self) -> bool {
        self.verdict.decide(Instant::now(), &|_| false) == Decision::Settled
    }
}

/// A server that does not have a kind has nothing to tell by it.
fn is_denied(failure: &Failure) -> bool {
    ["API_FORBIDDEN", "API_REQUEST_FAILED", "KIND_UNKNOWN"].contains(&failure.code)
}

async fn listed(source: &Source, objects: &Objects) -> Result<Vec<Value>, Failure> {
    let listings = &objects.step().listings;
    let namespace = source.namespace.as_deref();
    match &source.name {
        Some(name) => {
            let found = listings.one(&source.served, namespace, name, objects).await?;
            Ok(found.into_iter().collect())
        }
        None => listings.every(&source.served, namespace, objects).await,
    }
}
