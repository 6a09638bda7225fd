//! Waits until objects are as wanted: looks at once, then watches. What is decided on is always the
//! whole present state, never a single event.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::client::Api;
use super::error::failure;
use super::watch::{News, Watch};
use crate::host::workbench::Workbench;
use crate::policy::Failure;

/// Objects to wait for.
pub(super) struct Follow<'a, K> {
    /// The server.
    pub(super) api: &'a Api,
    /// Who is told, and who may stop it.
    pub(super) bench: &'a Workbench,
    /// The objects.
    pub(super) objects: kube::Api<K>,
    /// The name of the only object that is meant.
    pub(super) name: Option<&'a str>,
    /// How long to wait in all; the step's time ends it too.
    pub(super) limit: Duration,
    /// How long the server may be gone in between.
    pub(super) outage: Duration,
}

/// Why the wait ended without what was wanted.
pub(super) enum Unmet {
    /// The time was over; this was missing.
    Overdue(String),
    /// It could not be looked at.
    Failed(Failure),
}

/// The present objects by their names.
type Present<K> = BTreeMap<String, K>;

impl<K> Follow<'_, K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    /// The result of `judge`, once it gives one for the present objects; until then it says what
    /// is missing, and that is told.
    pub(super) async fn until<T>(
        &self,
        mut judge: impl FnMut(&Present<K>) -> Result<T, String>,
    ) -> Result<T, Unmet> {
        let ends = Instant::now() + self.limit.min(self.bench.time_left());
        let mut present = Present::new();
        let mut missing = String::new();
        let mut watch = self.watch();
        let mut has_looked = false;
        loop {
            let news = tokio::select! {
                biased;
                () = self.bench.cancel.cancelled() => return Err(Unmet::Failed(Failure::cancelled())),
                news = watch.next() => news.map_err(Unmet::Failed)?,
                () = tokio::time::sleep_until(ends), if has_looked => {
                    return Err(Unmet::Overdue(missing));
                }
            };
            has_looked = true;
            match news {
                News::All(objects) => present = objects.into_iter().map(named).collect(),
                News::Here(object) => present.extend([named(object)]),
                News::Gone(object) => {
                    present.remove(&object.name_any());
                }
                News::Silent(failure) if Instant::now() >= ends => {
                    return Err(Unmet::Failed(failure));
                }
                News::Silent(failure) => {
                    self.say(&mut missing, failure.summary);
                    continue;
                }
            }
            match judge(&present) {
                Ok(met) => return Ok(met),
                Err(why) => self.say(&mut missing, why),
            }
        }
    }

    fn watch(&self) -> Watch<K> {
        let fields = self.name.map(|name| format!("metadata.name={name}"));
        let (server, context) = (self.api.server().to_owned(), self.api.context().to_owned());
        let explain = move |_: &str, error: &kube::Error| failure(error, &server, &context);
        Watch::new(self.objects.clone(), fields, self.outage, Arc::new(explain))
    }

    /// Says what is missing, once for each reason.
    fn say(&self, missing: &mut String, why: String) {
        if *missing != why {
            self.bench.doing(why.as_str());
            *missing = why;
        }
    }
}

fn named<K: ResourceExt>(object: K) -> (String, K) {
    (object.name_any(), object)
}
