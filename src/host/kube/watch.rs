//! Objects of one kind, listed once and then watched for as long as somebody asks: what changed,
//! one piece of news after the other. Dropped and expired watches are begun again in here; what the
//! news means is for those who ask.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use kube::client::Body;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::error::may_pass;
use crate::policy::Failure;

/// How long the server keeps one watch open, in seconds: a connection that died silently is
/// noticed soon after that.
const WATCH: u32 = 60;

/// How long a list may take to bring its next page.
const PAGE: Duration = Duration::from_secs(15);

/// How long a watch is trusted before everything is listed anew.
const TRUST: Duration = Duration::from_secs(300);

/// Pauses before the next request where no watch lasts.
const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(2);

/// From here on a trouble is a new one, and not the last one that goes on.
const CALM: Duration = Duration::from_secs(20);

/// Says what an error means that came of `list` or `watch`.
pub type Explain = Arc<dyn Fn(&'static str, &kube::Error) -> Failure + Send + Sync>;

/// What happened to the objects.
#[derive(Debug)]
pub enum News<K> {
    /// These are there, and no others.
    All(Vec<K>),
    /// This one is new or has changed.
    Here(K),
    /// This one is gone.
    Gone(K),
    /// The server does not answer for the moment.
    Silent(Failure),
}

type Events<K> = Pin<Box<dyn Stream<Item = watcher::Result<Event<K>>> + Send>>;

/// Objects of one kind that are followed.
pub struct Watch<K> {
    objects: Api<K>,
    fields: Option<String>,
    labels: Option<String>,
    explain: Explain,
    outage: Duration,
    events: Events<K>,
    /// What the present list has brought so far.
    listed: Option<Vec<K>>,
    heard: Instant,
    opened: Instant,
    troubled: Option<Trouble>,
    /// Before this the server is not asked.
    rest: Instant,
    pause: Duration,
}

/// When a trouble began and was last seen.
struct Trouble {
    since: Instant,
    last: Instant,
}

impl<K> Watch<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    /// A watch on these objects, to be asked through a client from [`patient`]. It lasts through an
    /// outage of this length.
    pub fn new(
        objects: Api<K>,
        fields: Option<String>,
        outage: Duration,
        explain: Explain,
    ) -> Self {
        let events = opened(&objects, fields.as_deref(), None);
        let now = Instant::now();
        Self {
            objects,
            fields,
            labels: None,
            explain,
            outage,
            events,
            listed: None,
            heard: now,
            opened: now,
            troubled: None,
            rest: now,
            pause: SHORTEST,
        }
    }

    /// The same watch on those alone that this selector of labels chooses.
    #[must_use]
    pub fn labelled(mut self, selector: &str) -> Self {
        self.labels = Some(selector.to_owned());
        self.reopen();
        self
    }

    /// The next news; the first is all that there is. Safe to drop half way.
    ///
    /// # Errors
    /// The server refuses, or is gone for longer than an outage may last.
    pub async fn next(&mut self) -> Result<News<K>, Failure> {
        loop {
            tokio::time::sleep_until(self.rest).await;
            let limit = if self.listed.is_some() { self.heard + PAGE } else { self.opened + TRUST };
            let event = match tokio::time::timeout_at(limit, self.events.next()).await {
                Ok(event) => event,
                Err(_) if self.listed.is_none() => {
                    self.reopen();
                    continue;
                }
                Err(_) => {
                    self.reopen();
                    let error = kube::Error::Service(Box::new(std::io::Error::from(
                        std::io::ErrorKind::TimedOut,
                    )));
                    return self.trouble((self.explain)("list", &error));
                }
            };
            self.heard = Instant::now();
            match event {
                Some(Ok(Event::Init)) => self.listed = Some(Vec::new()),
                Some(Ok(Event::InitApply(object))) => {
                    self.listed.get_or_insert_default().push(object);
                }
                Some(Ok(Event::InitDone)) => {
                    return Ok(News::All(self.listed.take().unwrap_or_default()));
                }
                Some(Ok(Event::Apply(object))) => return Ok(News::Here(self.calm(object))),
                Some(Ok(Event::Delete(object))) => return Ok(News::Gone(self.calm(object))),
                Some(Err(error)) => {
                    if let Some(failure) = self.failed(&error) {
                        return self.trouble(failure);
                    }
                }
                None => self.reopen(),
            }
        }
    }

    /// What an error means; nothing where all that it needs is a new list.
    fn failed(&mut self, error: &watcher::Error) -> Option<Failure> {
        self.listed = None;
        let (verb, error) = match error {
            watcher::Error::InitialListFailed(error) => ("list", error),
            watcher::Error::WatchStartFailed(error) | watcher::Error::WatchFailed(error) => {
                ("watch", error)
            }
            watcher::Error::WatchError(status) => {
                let error = kube::Error::Api(status.clone());
                return self.unless_expired("watch", &error);
            }
            watcher::Error::NoResourceVersion => {
                self.begin_again();
                return None;
            }
        };
        self.unless_expired(verb, error)
    }

    fn unless_expired(&mut self, verb: &'static str, error: &kube::Error) -> Option<Failure> {
        if matches!(error, kube::Error::Api(status) if status.code == 410) {
            self.begin_again();
            return None;
        }
        Some((self.explain)(verb, error))
    }

    /// Notes a trouble; it is an error once it has lasted too long.
    fn trouble(&mut self, failure: Failure) -> Result<News<K>, Failure> {
        if !may_pass(&failure) {
            return Err(failure);
        }
        let now = Instant::now();
        let known = self.troubled.take().filter(|trouble| now - trouble.last < CALM);
        let since = known.map_or(now, |trouble| trouble.since);
        if now - since >= self.outage {
            return Err(failure);
        }
        self.troubled = Some(Trouble { since, last: now });
        self.slow_down();
        Ok(News::Silent(failure))
    }

    fn calm(&mut self, object: K) -> K {
        self.troubled = None;
        self.pause = SHORTEST;
        object
    }

    fn begin_again(&mut self) {
        self.reopen();
        self.slow_down();
    }

    fn slow_down(&mut self) {
        self.rest = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(LONGEST);
    }

    fn reopen(&mut self) {
        self.events = opened(&self.objects, self.fields.as_deref(), self.labels.as_deref());
        self.listed = None;
        self.opened = Instant::now();
    }
}

fn opened<K>(objects: &Api<K>, fields: Option<&str>, labels: Option<&str>) -> Events<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let mut config = watcher::Config::default().timeout(WATCH);
    config.field_selector = fields.map(str::to_owned);
    config.label_selector = labels.map(str::to_owned);
    Box::pin(watcher(objects.clone(), config))
}

/// A client for one watch: it takes its time where the server, or something before it, ends each
/// watch as soon as it began.
#[must_use]
pub fn patient(client: &Client) -> Client {
    let client = client.clone();
    let last: Arc<Mutex<(Option<Instant>, Duration)>> = Arc::new(Mutex::new((None, SHORTEST)));
    let service = tower::service_fn(move |request: hyper::Request<Body>| {
        let (client, last) = (client.clone(), Arc::clone(&last));
        async move {
            if request.uri().query().is_some_and(|query| query.contains("watch=")) {
                tokio::time::sleep(turn(&last)).await;
            }
            client.send(request).await
        }
    });
    Client::new(service, "default")
}

/// How long the next watch has to wait.
fn turn(last: &Mutex<(Option<Instant>, Duration)>) -> Duration {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    let is_hasty = last.0.is_some_and(|began| began.elapsed() < LONGEST);
    let pause = if is_hasty { last.1 } else { Duration::ZERO };
    last.1 = if is_hasty { (last.1 * 2).min(LONGEST) } else { SHORTEST };
    last.0 = Some(Instant::now() + pause);
    pause
}

#[cfg(test)]
mod tests;
