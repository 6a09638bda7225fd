//! When pull secrets are due, for a watch: as they say it themselves in the cluster.

use std::time::Duration;

use jiff::Timestamp;

use super::apply::look;
use super::credential::key;
use super::memory::{Memory, is_paced};
use super::{Place, PullSecret};
use crate::drivers::pull_secret::{Present, due_at};
use crate::host::clock;
use crate::policy::Failure;
use crate::steps::objects::Objects;

/// When one pull secret is to be renewed in one namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Half of its life is over then.
    pub at: Timestamp,
    /// It ends.
    pub ends: Timestamp,
    /// Before this time of the boot clock nobody may be asked for another.
    pub not_before: Duration,
}

/// Looks at a secret in all of its namespaces; asks for no password. One that is missing is due, one
/// that does not say when it ends never is.
pub async fn dues(
    secret: &PullSecret,
    memory: &Memory,
    objects: &Objects,
) -> Result<Vec<Due>, Failure> {
    let (found, now) = (look(secret, objects).await?, clock::now());
    let mut dues = Vec::new();
    for (namespace, place) in &secret.places {
        let not_before = not_before(secret, place, memory);
        let Some(object) = found.get(namespace) else {
            dues.push(Due { at: now, ends: now, not_before });
            continue;
        };
        let present = Present::of(object);
        if let Some(ends) = present.expires_at {
            let at = due_at(ends, present.refreshed_at, now);
            dues.push(Due { at, ends, not_before });
        }
    }
    Ok(dues)
}

fn not_before(secret: &PullSecret, place: &Place, memory: &Memory) -> Duration {
    let paced = secret.registries_of(place).filter(|registry| is_paced(&registry.credential));
    paced.map(|registry| memory.not_before(&key(registry))).max().unwrap_or_default()
}
