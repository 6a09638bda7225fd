//! Many watches as one: what any of them tells is put into the world, without the values of
//! secrets. A kind that the user may not see is left out, unless the wait is for it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, BoxStream, SelectAll};
use futures_util::{Stream, StreamExt};
use kube::Api;
use kube::api::{ApiResource, DynamicObject};
use serde_json::Value;
use tokio::sync::watch;

use super::plain::plain;
use super::sources::{self, Source};
use crate::host::kube::watch::{News, Watch, patient};
use crate::manifest::{Scope, read};
use crate::policy::Failure;
use crate::readiness::World;
use crate::steps::objects::Objects;

/// What one watch told.
pub(super) enum Heard {
    /// Objects came, changed or went: of which source.
    News(usize, News<Value>),
    /// Nobody answers for the moment.
    Silent(String),
}

/// What changed in the world.
pub(super) enum Touched {
    /// One object.
    One(Box<Value>),
    /// Everything may have.
    All,
}

type Told = (usize, Result<News<Value>, Failure>);

/// The watches of one wait.
pub(super) struct Follow<'a> {
    objects: &'a Objects,
    outage: Duration,
    sources: Vec<Followed>,
    open: SelectAll<BoxStream<'static, Told>>,
    /// Whether lists are followed by watches.
    goes_on: watch::Sender<bool>,
}

struct Followed {
    source: Source,
    is_listed: bool,
    is_denied: bool,
}

impl<'a> Follow<'a> {
    /// Nothing yet; each watch will last through an outage of this length.
    pub(super) fn new(objects: &'a Objects, outage: Duration) -> Self {
        let goes_on = watch::Sender::new(false);
        Self { objects, outage, sources: Vec::new(), open: SelectAll::new(), goes_on }
    }

    /// Goes on watching what was only listed so far.
    pub(super) fn go_on(&self) {
        self.goes_on.send_replace(true);
    }

    /// Lists these, unless it did, and watches them once it goes on.
    pub(super) fn open(&mut self, sources: Vec<Source>) {
        for source in sources {
            let is_same = |known: &Followed| {
                (&known.source.served, &known.source.namespace, &known.source.name)
                    == (&source.served, &source.namespace, &source.name)
            };
            if !self.sources.iter().any(is_same) {
                let at = self.sources.len();
                let (api_version, kind) = (source.served.api_version(), source.served.kind.clone());
                let told = told(at, self.watch(&source), api_version, kind);
                self.open.push(in_time(told, self.goes_on.subscribe()).boxed());
                self.sources.push(Followed { source, is_listed: false, is_denied: false });
            }
        }
    }

    fn watch(&self, source: &Source) -> Watch<DynamicObject> {
        let served = source.served.clone();
        let resource = ApiResource {
            api_version: served.api_version(),
            group: served.group,
            version: served.version,
            kind: served.kind,
            plural: served.plural.clone(),
        };
        let client = patient(self.objects.client());
        let api = match &source.namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, &resource),
            None => Api::all_with(client, &resource),
        };
        let fields = source.name.as_ref().map(|name| format!("metadata.name={name}"));
        let (objects, namespace) = (self.objects.clone(), source.namespace.clone());
        let explain = move |verb: &'static str, error: &kube::Error| {
            objects.refused(verb, &served.plural, namespace.as_deref(), error)
        };
        Watch::new(api, fields, self.outage, Arc::new(explain))
    }

    /// Whether everything that may be seen has been.
    pub(super) fn is_listed(&self) -> bool {
        self.sources.iter().all(|followed| followed.is_listed || followed.is_denied)
    }

    /// What is told next; never where nothing is watched. Safe to drop half way.
    pub(super) async fn next(&mut self) -> Result<Heard, Failure> {
        let Some((at, news)) = self.open.next().await else {
            return std::future::pending().await;
        };
        match news {
            Ok(News::Silent(failure)) => Ok(Heard::Silent(failure.summary)),
            Ok(news) => Ok(Heard::News(at, news)),
            // A server that does not have a kind has nothing to explain by it.
            Err(failure) if ["API_FORBIDDEN", "API_REQUEST_FAILED"].contains(&failure.code) => {
                self.denied(at, failure)?;
                // It may be the last one that was waited for.
                Ok(Heard::News(at, News::All(Vec::new())))
            }
            Err(failure) => Err(failure),
        }
    }

    /// What may not be seen everywhere may be seen in single namespaces.
    fn denied(&mut self, at: usize, failure: Failure) -> Result<(), Failure> {
        let followed = &mut self.sources[at];
        followed.is_denied = true;
        let source = followed.source.clone();
        if source.namespace.is_none() && !source.within.is_empty() {
            self.open(sources::each(&source));
            return Ok(());
        }
        if source.is_needed { Err(failure) } else { Ok(()) }
    }

    /// Puts what was heard into the world.
    pub(super) fn enter(&mut self, heard: Heard, world: &mut World) -> Touched {
        let Heard::News(at, news) = heard else { return Touched::All };
        let followed = &mut self.sources[at];
        let source = &followed.source;
        let kind = source.shelf.as_str();
        match news {
            News::All(_) if followed.is_denied => {
                let kind = source.shelf.clone();
                if self.is_complete(&kind) {
                    world.complete(&kind);
                }
                Touched::All
            }
            News::All(objects) => {
                followed.is_listed = true;
                let source = followed.source.clone();
                world.retain(&source.shelf, |object| !source.covers(object));
                for object in objects.into_iter().filter(|object| source.matters(object)) {
                    world.put(&source.shelf, object);
                }
                if self.is_complete(&source.shelf) {
                    world.complete(&source.shelf);
                }
                Touched::All
            }
            News::Here(object) => {
                if source.matters(&object) {
                    world.put(kind, object.clone());
                }
                Touched::One(Box::new(object))
            }
            News::Gone(object) => {
                world.take(kind, read::namespace(&object), read::name(&object));
                Touched::One(Box::new(object))
            }
            News::Silent(_) => Touched::All,
        }
    }

    /// Whether all objects of a kind that matter are known.
    fn is_complete(&self, kind: &str) -> bool {
        let own = || self.sources.iter().filter(|followed| followed.source.shelf == kind);
        let whole = |followed: &Followed| followed.is_listed && followed.source.name.is_none();
        let is_replaced = |one: &Followed| one.is_denied && one.source.namespace.is_none();
        own().any(|one| whole(one) && one.source.namespace.is_none())
            || own().any(whole) && own().all(|one| whole(one) || is_replaced(one))
    }
}

impl Source {
    /// Whether an object is one of those that this source lists.
    fn covers(&self, object: &Value) -> bool {
        self.namespace.as_ref().is_none_or(|name| name == read::namespace(object))
            && self.name.as_ref().is_none_or(|name| name == read::name(object))
    }

    /// Whether an object is in a namespace that matters.
    pub(super) fn matters(&self, object: &Value) -> bool {
        self.served.scope == Scope::Cluster
            || self.within.is_empty()
            || self.within.contains(read::namespace(object))
    }
}

/// What a watch tells, as one of many.
fn told(
    at: usize,
    watch: Watch<DynamicObject>,
    api_version: String,
    kind: String,
) -> impl Stream<Item = Told> + Send + 'static {
    let next = move |watch: Option<Watch<DynamicObject>>| {
        let (api_version, kind) = (api_version.clone(), kind.clone());
        async move {
            let mut watch = watch?;
            match watch.next().await {
                Ok(news) => Some(((at, Ok(plain(news, &api_version, &kind))), Some(watch))),
                Err(failure) => Some(((at, Err(failure)), None)),
            }
        }
    };
    stream::unfold(Some(watch), next)
}

/// The same, but nothing beyond the first list before the others go on.
fn in_time(
    told: impl Stream<Item = Told> + Send + 'static,
    goes_on: watch::Receiver<bool>,
) -> impl Stream<Item = Told> + Send + 'static {
    let listed = told.map(|told| {
        let is_list = matches!(&told, (_, Ok(News::All(_))));
        (told, is_list)
    });
    let state = (Box::pin(listed), goes_on, false);
    stream::unfold(state, |(mut told, mut goes_on, is_listed)| async move {
        if is_listed {
            goes_on.wait_for(|&goes_on| goes_on).await.ok()?;
        }
        let (next, is_list) = told.next().await?;
        Some((next, (told, goes_on, is_listed || is_list)))
    })
}
