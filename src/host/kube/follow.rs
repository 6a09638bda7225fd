//! Waits until objects are as wanted: looks at once, then watches. What is decided on is always the
//! whole present state, never a single event; a watch that ends is begun again with a new look.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use futures_util::TryStreamExt;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::client::Api;
use super::error::may_pass;
use crate::host::workbench::Workbench;
use crate::policy::Failure;

/// How long the server keeps one watch open, in seconds: a connection that died silently is
/// noticed after that.
const WATCH: u32 = 25;

/// How much longer a watch may stay silent before it is given up.
const SILENCE: Duration = Duration::from_secs(35);

/// Pauses between two looks where no watch lasts.
const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(2);

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

/// What was seen so far.
struct Seen<K> {
    present: Present<K>,
    version: String,
    missing: String,
}

impl<K> Follow<'_, K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + Sync,
{
    /// The result of `judge`, once it gives one for the present objects; until then it says what
    /// is missing, and that is told.
    pub(super) async fn until<T>(
        &self,
        mut judge: impl FnMut(&Present<K>) -> Result<T, String>,
    ) -> Result<T, Unmet> {
        let ends = Instant::now() + self.limit.min(self.bench.time_left());
        let none = Present::new();
        let mut seen = Seen { present: none, version: String::new(), missing: String::new() };
        let mut gone_since: Option<Instant> = None;
        let mut pause = SHORTEST;
        loop {
            let began = Instant::now();
            match self.round(&mut seen, &mut judge, ends).await {
                Ok(Some(met)) => return Ok(met),
                Ok(None) => gone_since = None,
                Err(failure) if may_pass(&failure) => {
                    let since = *gone_since.get_or_insert(began);
                    if since.elapsed() >= self.outage || Instant::now() >= ends {
                        return Err(Unmet::Failed(failure));
                    }
                    self.say(&mut seen.missing, failure.summary);
                }
                Err(failure) => return Err(Unmet::Failed(failure)),
            }
            if Instant::now() >= ends {
                return Err(Unmet::Overdue(seen.missing));
            }
            // A watch that lasted was a good one; the next look need not wait.
            pause = if began.elapsed() > LONGEST { SHORTEST } else { (pause * 2).min(LONGEST) };
            self.bench.pause(pause).await.map_err(Unmet::Failed)?;
        }
    }

    /// One look and the watch that follows it, to the end of the watch.
    async fn round<T>(
        &self,
        seen: &mut Seen<K>,
        judge: &mut impl FnMut(&Present<K>) -> Result<T, String>,
        ends: Instant,
    ) -> Result<Option<T>, Failure> {
        let field_selector = self.name.map(|name| format!("metadata.name={name}"));
        let params = ListParams { field_selector: field_selector.clone(), ..Default::default() };
        let list = self.ask(self.objects.list(&params)).await?;
        seen.version = list.metadata.resource_version.unwrap_or_default();
        seen.present = list.items.into_iter().map(|object| (object.name_any(), object)).collect();
        if let Some(met) = self.consider(seen, judge) {
            return Ok(Some(met));
        }
        let params = WatchParams { field_selector, timeout: Some(WATCH), ..Default::default() };
        let stream = self.ask(self.objects.watch(&params, &seen.version)).await?;
        let mut stream = Box::pin(stream);
        loop {
            let silent = (Instant::now() + SILENCE).min(ends);
            let event = tokio::select! {
                biased;
                () = self.bench.cancel.cancelled() => return Err(Failure::cancelled()),
                event = stream.try_next() => event,
                () = tokio::time::sleep_until(silent) => return Ok(None),
            };
            match event {
                Ok(Some(WatchEvent::Added(object) | WatchEvent::Modified(object))) => {
                    seen.present.insert(object.name_any(), object);
                }
                Ok(Some(WatchEvent::Deleted(object))) => {
                    seen.present.remove(&object.name_any());
                }
                Ok(Some(WatchEvent::Bookmark(_))) => continue,
                // Over, broken off or too old: the next look tells what there is.
                Ok(Some(WatchEvent::Error(_)) | None) | Err(_) => return Ok(None),
            }
            if let Some(met) = self.consider(seen, judge) {
                return Ok(Some(met));
            }
        }
    }

    fn consider<T>(
        &self,
        seen: &mut Seen<K>,
        judge: &mut impl FnMut(&Present<K>) -> Result<T, String>,
    ) -> Option<T> {
        match judge(&seen.present) {
            Ok(met) => Some(met),
            Err(why) => {
                self.say(&mut seen.missing, why);
                None
            }
        }
    }

    /// Says what is missing, once for each reason.
    fn say(&self, missing: &mut String, why: String) {
        if *missing != why {
            self.bench.doing(why.as_str());
            *missing = why;
        }
    }

    async fn ask<T>(&self, request: impl Future<Output = kube::Result<T>>) -> Result<T, Failure> {
        tokio::select! {
            biased;
            () = self.bench.cancel.cancelled() => Err(Failure::cancelled()),
            answer = self.api.call(request) => answer,
        }
    }
}
