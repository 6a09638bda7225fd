//! Requests to the API server for the objects that mlup itself makes: few at a time, patient with
//! a busy server, and with failures that name verb, resource and namespace.

pub mod bare;
mod connect;
pub mod discovery;
pub mod dynamic;
#[cfg(test)]
pub(crate) mod fixture;
mod headings;
pub mod listings;
mod pages;
pub mod proxy;
mod refusal;
mod restart;
mod until_gone;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt, stream};
use hyper::body::Bytes;
use hyper::header::RETRY_AFTER;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{
    DeleteParams, GetParams, ListParams, ObjectList, Patch, PatchParams, PostParams, Preconditions,
};
use kube::client::Body;
use kube::core::Request;
use kube::{Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::time::Instant;

pub use crate::manifest::keep::MANAGER;
use crate::policy::Failure;
use crate::steps::{StepCtx, ownership};
pub use connect::{Standing, server, standing};
pub use pages::Depth;
use refusal::{Refusal, Subject};

/// Most requests at the same time.
pub const AT_ONCE: usize = 16;

/// Work on many objects, few at a time, results in order; ends with the first failure.
pub async fn few_at_once<T>(
    work: Vec<BoxFuture<'_, Result<T, Failure>>>,
) -> Result<Vec<T>, Failure> {
    stream::iter(work).buffered(AT_ONCE).try_collect().await
}

/// Time for one answer.
const ANSWER: Duration = Duration::from_secs(10);

/// How often a request is made again while the server is busy.
const PATIENCE: u32 = 8;

/// The shortest and the longest pause before that, where the server names none.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// Most objects in one answer to a list.
const PAGE: u32 = 500;

/// Says what an error of the API means for this server and context.
pub type Explain = Arc<dyn Fn(&kube::Error) -> Failure + Send + Sync>;

/// The objects of one cluster, for one attempt of one step. Cheap to clone; clones share limits.
#[derive(Clone)]
pub struct Objects {
    client: Client,
    explain: Explain,
    turns: Arc<Semaphore>,
    /// Before this no request is made: the server asked for a pause.
    rest: Arc<Mutex<Instant>>,
    ctx: StepCtx,
}

/// What a request is about.
struct Call {
    subject: Subject,
    request: hyper::Request<Vec<u8>>,
}

impl Objects {
    /// Objects behind this client, within the time of this step.
    pub fn new(client: Client, explain: Explain, ctx: &StepCtx) -> Self {
        Self {
            client,
            explain,
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            rest: Arc::new(Mutex::new(Instant::now())),
            ctx: ctx.clone(),
        }
    }

    /// The client, for watches.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The step that asks.
    pub fn step(&self) -> &StepCtx {
        &self.ctx
    }

    /// The labels of what this project makes.
    pub fn labels(&self) -> BTreeMap<String, String> {
        ownership::object_labels(&self.ctx.config.name)
    }

    /// An object; none where there is none of this name.
    pub async fn get<K>(&self, namespace: &str, name: &str) -> Result<Option<K>, Failure>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + DeserializeOwned,
    {
        let request = requests::<K>(Some(namespace)).get(name, &GetParams::default());
        self.found(Subject::of::<K>("get", Some(namespace), name), request).await
    }

    /// All objects of a name, in whichever namespace they are.
    pub async fn everywhere<K>(&self, name: &str) -> Result<BTreeMap<String, K>, Failure>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned + Clone,
    {
        let params = ListParams::default().fields(&format!("metadata.name={name}"));
        let all = self.list::<K>(None, params).await?;
        Ok(all.into_iter().filter_map(|object| Some((object.namespace()?, object))).collect())
    }

    /// All objects of a kind, page by page.
    pub async fn list<K>(
        &self,
        namespace: Option<&str>,
        params: ListParams,
    ) -> Result<Vec<K>, Failure>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned + Clone,
    {
        let mut params = params.limit(PAGE);
        let mut all = Vec::new();
        loop {
            let subject = Subject::of::<K>("list", namespace, "");
            let request = requests::<K>(namespace).list(&params);
            let page: ObjectList<K> = self.must(subject, request).await?;
            all.extend(page.items);
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params.continue_token = Some(token),
                None => return Ok(all),
            }
        }
    }

    /// Makes an object as given, by server-side apply; what others own in other fields stays. A
    /// namespace that is missing is made.
    pub async fn apply<K>(&self, object: &K) -> Result<K, Failure>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + DeserializeOwned
            + Serialize,
    {
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        let mut is_new = false;
        loop {
            let params = PatchParams::apply(MANAGER).force();
            let request =
                requests::<K>(Some(&namespace)).patch(&name, &params, &as_applied(object));
            let subject = Subject::of::<K>("patch", Some(&namespace), &name);
            match self
                .send(&Call { subject: subject.clone(), request: subject.made(request)? })
                .await
            {
                Err(Refusal::Status(status)) if status.code == 404 && !is_new => {
                    self.namespace(&namespace).await?;
                    is_new = true;
                }
                answer => return answer.map_err(|refusal| self.failure(&subject, refusal)),
            }
        }
    }

    /// Replaces an object in the version that was read; none where it has changed since.
    pub async fn replace<K>(&self, object: &K) -> Result<Option<K>, Failure>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + DeserializeOwned
            + Serialize,
    {
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        let subject = Subject::of::<K>("update", Some(&namespace), &name);
        let params =
            PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        let body = subject.encoded(object)?;
        let request = requests::<K>(Some(&namespace)).replace(&name, &params, body);
        match self.send(&Call { subject: subject.clone(), request: subject.made(request)? }).await {
            Err(Refusal::Status(status)) if status.code == 409 => Ok(None),
            answer => answer.map(Some).map_err(|refusal| self.failure(&subject, refusal)),
        }
    }

    /// Removes this very object; whether it was still there.
    pub async fn remove<K>(&self, object: &K) -> Result<bool, Failure>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        let preconditions = Preconditions { uid: object.uid(), resource_version: None };
        let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        let request = requests::<K>(Some(&namespace)).delete(&name, &params);
        let subject = Subject::of::<K>("delete", Some(&namespace), &name);
        let call = Call { subject: subject.clone(), request: subject.made(request)? };
        match self.send::<serde_json::Value>(&call).await {
            Ok(_) => Ok(true),
            // Gone, or another one of the same name by now.
            Err(Refusal::Status(status)) if matches!(status.code, 404 | 409) => Ok(false),
            Err(refusal) => Err(self.failure(&subject, refusal)),
        }
    }

    /// Makes sure that a namespace is there; one that is made is labelled.
    pub async fn namespace(&self, name: &str) -> Result<(), Failure> {
        let subject = Subject::of::<Namespace>("get", None, name);
        let request = requests::<Namespace>(None).get(name, &GetParams::default());
        if let Some(found) = self.found::<Namespace>(subject, request).await? {
            let phase = found.status.and_then(|status| status.phase);
            if phase.as_deref() == Some("Terminating")
                || found.metadata.deletion_timestamp.is_some()
            {
                return Err(refusal::terminating(name));
            }
            return Ok(());
        }
        let subject = Subject::of::<Namespace>("create", None, name);
        let mut namespace = Namespace::default();
        namespace.metadata.name = Some(name.to_owned());
        namespace.metadata.labels = Some(self.labels());
        let params =
            PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        let body = subject.encoded(&namespace)?;
        let request = subject.made(requests::<Namespace>(None).create(&params, body))?;
        match self.send::<Namespace>(&Call { subject: subject.clone(), request }).await {
            Ok(_) => Ok(()),
            // Somebody else was faster.
            Err(Refusal::Status(status)) if status.code == 409 => Ok(()),
            Err(refusal) => Err(self.failure(&subject, refusal)),
        }
    }

    async fn found<K: DeserializeOwned>(
        &self,
        subject: Subject,
        request: Result<hyper::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<Option<K>, Failure> {
        let call = Call { request: subject.made(request)?, subject };
        match self.send(&call).await {
            Err(Refusal::Status(status)) if status.code == 404 => Ok(None),
            answer => answer.map(Some).map_err(|refusal| self.failure(&call.subject, refusal)),
        }
    }

    async fn must<T: DeserializeOwned>(
        &self,
        subject: Subject,
        request: Result<hyper::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<T, Failure> {
        let call = Call { request: subject.made(request)?, subject };
        self.send(&call).await.map_err(|refusal| self.failure(&call.subject, refusal))
    }

    /// What it means that the server refused to do this to objects of a resource.
    pub fn refused(
        &self,
        verb: &'static str,
        resource: &str,
        namespace: Option<&str>,
        error: &kube::Error,
    ) -> Failure {
        match error {
            kube::Error::Api(status) => {
                let subject = Subject::all(verb, resource, namespace);
                self.failure(&subject, Refusal::Status(status.clone()))
            }
            error => (self.explain)(error),
        }
    }

    fn failure(&self, subject: &Subject, refusal: Refusal) -> Failure {
        refusal::failure(subject, refusal, &self.explain)
    }

    /// What one request gives.
    async fn send<T: DeserializeOwned>(&self, call: &Call) -> Result<T, Refusal> {
        let body = self.answered(call).await?;
        serde_json::from_slice(&body).map_err(|error| self.illegible(error))
    }

    fn illegible(&self, error: serde_json::Error) -> Refusal {
        Refusal::Failed((self.explain)(&kube::Error::SerdeError(error)))
    }

    /// The body of the answer to one request, which is made again while the server is busy.
    async fn answered(&self, call: &Call) -> Result<Bytes, Refusal> {
        let mut pause = SHORTEST;
        for left in (0..PATIENCE).rev() {
            self.turn().await?;
            let (status, asked, body) = {
                let _turn = self.turns.acquire().await;
                self.exchange(call).await?
            };
            if (200..300).contains(&status) {
                return Ok(body);
            }
            let told = refusal::status(status, &body);
            if !matches!(status, 429 | 503 | 504) || left == 0 {
                return Err(Refusal::Status(Box::new(told)));
            }
            let wait = asked.or(refusal::pause_of(&told)).unwrap_or(pause);
            if Instant::now() + wait >= self.ctx.deadline {
                return Err(Refusal::Status(Box::new(told)));
            }
            self.ctx.waiting(format!("the API server is busy: again in {wait:.1?}"));
            self.rest_for(wait);
            pause = (pause * 2).min(LONGEST);
        }
        Err(Refusal::Failed(Failure::cancelled()))
    }

    /// Status, the pause that the server asks for, and the body.
    async fn exchange(&self, call: &Call) -> Result<(u16, Option<Duration>, Bytes), Refusal> {
        let failed = |error: &kube::Error| Refusal::Failed((self.explain)(error));
        let request = call.request.clone().map(Body::from);
        let ask = async {
            let answer = self.client.send(request).await?;
            let status = answer.status().as_u16();
            let header = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            let asked = header.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
            let body = answer.into_body().collect_bytes().await?;
            Ok((status, asked, body))
        };
        let ends = self.ctx.deadline.min(Instant::now() + ANSWER);
        tokio::select! {
            biased;
            () = self.ctx.cancel.cancelled() => Err(Refusal::Failed(Failure::cancelled())),
            answer = tokio::time::timeout_at(ends, ask) => match answer {
                Ok(answer) => answer.map_err(|error| failed(&error)),
                Err(_) => Err(Refusal::Failed(refusal::unanswered(&call.subject, ANSWER))),
            },
        }
    }

    /// Waits as long as the server asked for.
    async fn turn(&self) -> Result<(), Refusal> {
        loop {
            let until = *self.rest.lock().unwrap_or_else(PoisonError::into_inner);
            if until <= Instant::now() {
                return Ok(());
            }
            tokio::select! {
                biased;
                () = self.ctx.cancel.cancelled() => return Err(Refusal::Failed(Failure::cancelled())),
                () = tokio::time::sleep_until(until) => {}
            }
        }
    }

    fn rest_for(&self, pause: Duration) {
        let mut rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        *rest = (*rest).max(Instant::now() + pause);
    }
}

fn requests<K: Resource<DynamicType = ()>>(namespace: Option<&str>) -> Request {
    Request::new(K::url_path(&(), namespace))
}

/// The object as a body of server-side apply.
fn as_applied<K: Resource<DynamicType = ()> + Serialize>(object: &K) -> Patch<serde_json::Value> {
    let mut value = serde_json::to_value(object).unwrap_or_default();
    value["apiVersion"] = K::api_version(&()).into_owned().into();
    value["kind"] = K::kind(&()).into_owned().into();
    Patch::Apply(value)
}
