//! What a watch remembers of registries from one look to the next: the last password of each, in
//! memory alone, and when it may be asked for again. How often that is decides `policy/renewal`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::config::model::Credential;
use crate::drivers::pull_secret::Part;
use crate::host::clock;
use crate::policy::Failure;
use crate::policy::renewal::{Answer, Renewal};

/// The registries that were asked, by the key of `credential`.
#[derive(Debug, Default)]
pub struct Memory {
    known: Mutex<BTreeMap<String, Known>>,
}

/// What is known of one registry.
#[derive(Debug, Default)]
struct Known {
    renewal: Renewal,
    part: Option<Part>,
    failure: Option<Failure>,
}

/// Whether somebody is pestered by each request: what is on this machine is simply read again.
pub(super) fn is_paced(credential: &Credential) -> bool {
    matches!(credential, Credential::Ecr { .. } | Credential::Exec { .. })
}

impl Memory {
    /// The machine woke: who was not to be reached may be asked again.
    pub fn woke(&self) {
        self.lock().values_mut().for_each(|known| known.renewal.woke());
    }

    /// What is answered without asking: the password while it is fresh, and as long as nobody may be
    /// asked again what was answered the last time.
    pub(super) fn answer(&self, key: &str) -> Option<Result<Part, Failure>> {
        let now = clock::moment();
        let known = self.lock();
        let known = known.get(key)?;
        if known.renewal.is_fresh(&now) && known.part.is_some() {
            return known.part.clone().map(Ok);
        }
        if known.renewal.not_before(&now) <= now.boot {
            return None;
        }
        let lives = |part: &&Part| part.expires_at.is_none_or(|end| end > now.wall);
        match (&known.failure, known.part.as_ref().filter(lives)) {
            (Some(failure), _) => Some(Err(failure.clone())),
            (None, part) => part.cloned().map(Ok),
        }
    }

    /// Takes note of what was answered just now.
    pub(super) fn note(&self, key: &str, answer: &Result<Part, Failure>) {
        let now = clock::moment();
        let mut all = self.lock();
        let known = all.entry(key.to_owned()).or_default();
        match answer {
            Ok(part) => {
                known.renewal.asked(&now, Answer::Given(part.expires_at));
                (known.part, known.failure) = (Some(part.clone()), None);
            }
            Err(failure) if failure.is_cancelled() => {}
            Err(failure) => {
                known.renewal.asked(&now, Answer::of(failure));
                known.failure = Some(failure.clone());
            }
        }
    }

    /// Before this time of the boot clock the registry is not asked.
    pub(super) fn not_before(&self, key: &str) -> Duration {
        let now = clock::moment();
        self.lock().get(key).map_or(Duration::ZERO, |known| known.renewal.not_before(&now))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
