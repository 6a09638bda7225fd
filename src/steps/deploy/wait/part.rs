//! One object that is waited for: where it stands, as judged from the world.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::logs::Logs;
use super::optional::Optional;
use super::patience::Patience;
use super::sources;
use crate::host::clock;
use crate::manifest::served::Served;
use crate::manifest::{Object, ObjectId, Scope, read};
use crate::policy::Failure;
use crate::policy::apply_errors::unknown_kind;
use crate::readiness::crash_log::with_log;
use crate::readiness::{self, Cause, Finality, Readiness, World};
use crate::steps::objects::Objects;

/// An object that is waited for.
pub(super) struct Part {
    /// Its identity.
    pub(super) id: ObjectId,
    /// The uid of an object of this name that is about to be replaced, and does not count.
    pub(super) replaced: Option<String>,
    /// Its kind as the server has it.
    pub(super) served: Served,
    /// Its place in the world.
    pub(super) shelf: String,
    /// As it was applied.
    pub(super) wanted: Value,
    /// Whether the wait is for it.
    pub(super) need: Need,
    /// Whether it was there at the last look.
    pub(super) presence: Presence,
    /// Whether somebody's pods are meant to be behind it; of services alone.
    pub(super) has_pods_behind: bool,
    /// Where it stands.
    pub(super) state: Readiness,
    /// Whether all that it lacks is an address that no controller may ever give.
    pub(super) lacks_address: bool,
    /// Whether something changed since it was judged.
    pub(super) is_touched: bool,
    /// When to look again although nothing changed.
    pub(super) look_again: Option<Instant>,
    /// How long it has been borne with.
    pub(super) patience: Patience,
}

/// Whether a wait is for an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// It is not over before this one is ready.
    Required,
    /// This one may stay unready.
    Optional,
    /// As required; somebody else makes it in his own time, and nothing is said of it before.
    Later,
    /// As optional, and made as [`Need::Later`]: others may need it once it is there.
    Beside,
}

/// Whether an object is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Absent,
    There,
}

/// Whether this kind can be there and not be ready.
pub(in crate::steps::deploy) fn is_awaited(id: &ObjectId) -> bool {
    readiness::is_awaited(&id.group, &id.kind)
}

/// What of these objects is to be waited for.
pub(super) async fn parts(
    wanted: &[Object],
    optional: &Optional,
    objects: &Objects,
) -> Result<Vec<Part>, Failure> {
    let mut parts: Vec<Part> = Vec::new();
    for object in wanted.iter().filter(|object| is_awaited(&object.id)) {
        let id = &object.id;
        let is_alike = |part: &&Part| {
            (&part.id.group, &part.id.version, &part.id.kind) == (&id.group, &id.version, &id.kind)
        };
        let known = parts.iter().find(is_alike).map(|part| part.served.clone());
        let served = match known.or_else(|| Served::built_in(id)) {
            Some(served) => served,
            None => asked(id, objects).await?,
        };
        let means = |value: &Value| readiness::means(value, wanted.iter().map(|one| &one.value));
        let has_pods_behind = id.kind != "Service" || means(&object.value);
        let part = Part::required(id.clone(), served, object.value.clone(), has_pods_behind);
        let need = if optional.names(id) { Need::Optional } else { Need::Required };
        parts.push(Part { need, ..part });
    }
    Ok(parts)
}

/// A kind that only this server knows.
async fn asked(id: &ObjectId, objects: &Objects) -> Result<Served, Failure> {
    let found = objects.step().listings.kinds.of(id, &[], objects).await?;
    found.ok_or_else(|| unknown_kind(&id.api_version(), &id.kind))
}

impl Part {
    /// An object that nothing is known of yet.
    pub(super) fn required(
        id: ObjectId,
        served: Served,
        wanted: Value,
        has_pods_behind: bool,
    ) -> Self {
        Self {
            shelf: sources::shelf(&served),
            id,
            replaced: None,
            presence: Presence::Absent,
            served,
            wanted,
            need: Need::Required,
            has_pods_behind,
            state: Readiness::Progressing("not seen yet".to_owned()),
            lacks_address: false,
            is_touched: true,
            look_again: None,
            patience: Patience::default(),
        }
    }

    /// Its namespace, empty for objects of the cluster.
    pub(super) fn namespace(&self) -> &str {
        self.id
            .namespace
            .as_deref()
            .filter(|_| self.served.scope == Scope::Namespaced)
            .unwrap_or("")
    }

    /// Whether it may stay unready.
    pub(super) fn is_optional(&self) -> bool {
        matches!(self.need, Need::Optional | Need::Beside)
    }

    /// Whether it is not there, and is no reason for anything before it is.
    pub(super) fn is_to_come(&self) -> bool {
        matches!(self.need, Need::Later | Need::Beside) && self.presence == Presence::Absent
    }

    /// The object as it is now.
    pub(super) fn live<'w>(&self, world: &'w World) -> Option<&'w Value> {
        let found = world.find(&self.shelf, self.namespace(), &self.id.name)?;
        let is_old = |uid: &String| read::text(found, "/metadata/uid") == uid;
        (!self.replaced.as_ref().is_some_and(is_old)).then_some(found)
    }

    /// Why it stands still, if it does.
    pub(super) fn cause(&self) -> Option<&Cause> {
        match &self.state {
            Readiness::Failed(cause) | Readiness::Blocked(cause) => Some(cause),
            Readiness::Ready(_) | Readiness::Progressing(_) => None,
        }
    }

    /// Whether others may wait for it: it runs something.
    pub(super) fn works(&self) -> bool {
        let kind = self.id.kind.as_str();
        match self.id.group.as_str() {
            "" => !["Namespace", "PersistentVolumeClaim", "Service"].contains(&kind),
            group => !group.ends_with(".k8s.io"),
        }
    }

    /// Looks where it stands; logs that would tell more are asked for. What was started again has
    /// to stay up for this long.
    pub(super) fn judge(&mut self, world: &World, logs: &mut Logs<'_>, steady: Duration) {
        self.is_touched = false;
        self.look_again = None;
        let live = self.live(world);
        self.presence = if live.is_some() { Presence::There } else { Presence::Absent };
        let Some(live) = live else {
            // A job that was done may have been cleared away.
            if !(self.state.is_ready() && self.id.kind == "Job") {
                self.state = Readiness::Progressing("is not there".to_owned());
            }
            return;
        };
        if !self.has_pods_behind {
            self.lacks_address = readiness::lacks_only_an_address(live, &World::default());
            self.state = readiness::readiness(live, &World::default());
            return;
        }
        self.lacks_address = readiness::lacks_only_an_address(live, world);
        self.state = match readiness::judge(live, world) {
            Readiness::Failed(cause) => told(logs.add(cause, world), Readiness::Failed),
            Readiness::Blocked(cause) => told(logs.add(cause, world), Readiness::Blocked),
            Readiness::Ready(words) => match unsteady(live, world, steady) {
                Some(left) => {
                    self.look_again = Some(Instant::now() + left);
                    Readiness::Progressing("was started again a moment ago".to_owned())
                }
                None => Readiness::Ready(words),
            },
            state @ Readiness::Progressing(_) => state,
        };
    }
}

/// How long a container that ended before has to stay up yet: between two crashes it looks ready.
fn unsteady(live: &Value, world: &World, steady: Duration) -> Option<Duration> {
    let up = clock::age(readiness::pods::last_restart(live, world)?)?;
    steady.checked_sub(up).filter(|left| !left.is_zero())
}

/// The state of a cause that its log may have made final.
fn told(cause: Cause, state: impl FnOnce(Cause) -> Readiness) -> Readiness {
    if cause.finality == Finality::Fatal { Readiness::Failed(cause) } else { state(cause) }
}

impl Logs<'_> {
    /// The cause with what its container's log tells, asked for where it is not known.
    fn add(&mut self, cause: Cause, world: &World) -> Cause {
        let Some(source) = cause.log.clone() else { return cause };
        match self.of(&source, cause.attempt) {
            Some(log) => with_log(cause, log, world),
            None => cause,
        }
    }
}
