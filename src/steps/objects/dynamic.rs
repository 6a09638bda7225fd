//! Requests for objects of any kind, as the API serves it; those of kinds that mlup itself makes are
//! the parent's.

use kube::api::{DeleteParams, GetParams, ListParams, Patch, PatchParams, Preconditions};
use kube::api::{PropagationPolicy, ValidationDirective};
use kube::core::Request;
use serde_json::Value;

use super::pages::Depth;
use super::refusal::{self, Refusal, Subject};
use super::{Call, MANAGER, Objects};
use crate::manifest::{ObjectId, Served, read};
use crate::policy::Failure;
use crate::policy::apply_errors::{self, Conflict};

/// Whether fields of other managers may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// They stay theirs: the request is refused for them.
    Free,
    /// They become mlup's.
    Forced,
}

/// How a deletion went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// It was not there any more, or another of the same name was.
    Absent,
    /// It is gone.
    Gone,
    /// It ends; what it owns, or a finalizer, goes first.
    Ending,
}

/// Why an object was not applied.
#[derive(Debug)]
pub struct Refused {
    /// What it means.
    pub failure: Failure,
    /// The fields that others own, where that is why.
    pub conflicts: Vec<Conflict>,
}

impl Objects {
    /// An object; none where there is none of this name.
    pub async fn read(
        &self,
        served: &Served,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<Value>, Failure> {
        let subject = Subject::served("get", served, namespace, name);
        let request = collection(served, namespace).get(name, &GetParams::default());
        let call = Call { request: subject.made(request)?, subject };
        match self.send::<Value>(&call).await {
            Err(Refusal::Status(status)) if status.code == 404 => Ok(None),
            Ok(object) => Ok(Some(named(object, served))),
            Err(refusal) => Err(self.rejected(served, &call.subject, refusal).failure),
        }
    }

    /// All objects of a kind that have these labels, page by page; no labels mean all of them.
    pub async fn all(
        &self,
        served: &Served,
        namespace: Option<&str>,
        labels: &str,
    ) -> Result<Vec<Value>, Failure> {
        let mut params = ListParams::default();
        if !labels.is_empty() {
            params = params.labels(labels);
        }
        self.pages(served, namespace, params, (Depth::Whole, &Some)).await
    }

    /// What the API answers at a path; none where there is nothing.
    pub(super) async fn at(&self, path: &str) -> Result<Option<Value>, Failure> {
        let subject = Subject::about("get", path);
        let request = hyper::Request::get(path).body(Vec::new());
        let request = request.map_err(kube::core::request::Error::BuildRequest);
        self.found(subject, request).await
    }

    /// Makes an object as given, by server-side apply; what others own in other fields stays.
    pub async fn put(
        &self,
        served: &Served,
        object: &Value,
        claim: Claim,
    ) -> Result<Value, Refused> {
        let namespace = Some(read::namespace(object)).filter(|namespace| !namespace.is_empty());
        let name = read::name(object);
        let mut params = PatchParams::apply(MANAGER);
        params.force = claim == Claim::Forced;
        params.field_validation = Some(ValidationDirective::Strict);
        let subject = Subject::served("apply", served, namespace, name);
        let request = collection(served, namespace).patch(name, &params, &Patch::Apply(object));
        let unmade = |failure| Refused { failure, conflicts: Vec::new() };
        let call = Call { request: subject.made(request).map_err(unmade)?, subject };
        self.step().listings.forget(served);
        match self.send::<Value>(&call).await {
            Ok(object) => Ok(named(object, served)),
            Err(refusal) => Err(self.rejected(served, &call.subject, refusal)),
        }
    }

    /// Removes this very object; what it owns goes before it.
    pub async fn delete(&self, served: &Served, object: &Value) -> Result<Deletion, Failure> {
        let namespace = Some(read::namespace(object)).filter(|namespace| !namespace.is_empty());
        let uid = Some(read::text(object, "/metadata/uid").to_owned());
        let params = DeleteParams {
            preconditions: Some(Preconditions { uid, resource_version: None }),
            propagation_policy: Some(PropagationPolicy::Foreground),
            ..DeleteParams::default()
        };
        let name = read::name(object);
        let subject = Subject::served("delete", served, namespace, name);
        let request = collection(served, namespace).delete(name, &params);
        let call = Call { request: subject.made(request)?, subject };
        self.step().listings.forget(served);
        match self.send::<Value>(&call).await {
            // The object itself is the answer as long as something holds it.
            Ok(answer) if read::text(&answer, "/metadata/deletionTimestamp").is_empty() => {
                Ok(Deletion::Gone)
            }
            Ok(_) => Ok(Deletion::Ending),
            Err(Refusal::Status(status)) if matches!(status.code, 404 | 409) => {
                Ok(Deletion::Absent)
            }
            Err(refusal) => Err(self.rejected(served, &call.subject, refusal).failure),
        }
    }

    pub(super) fn rejected(&self, served: &Served, subject: &Subject, refusal: Refusal) -> Refused {
        let status = match refusal {
            Refusal::Status(status) if status.code != 401 => status,
            other => {
                let failure = refusal::failure(subject, other, &self.explain);
                return Refused { failure, conflicts: Vec::new() };
            }
        };
        let body = serde_json::to_value(&status).unwrap_or_default();
        let api_version = served.api_version();
        let object = subject.object(served);
        let request = apply_errors::Request {
            verb: subject.verb(),
            object: &object,
            api_version: &api_version,
            kind: &served.kind,
            namespace: subject.namespace(),
            name: subject.name(),
        };
        let failure = apply_errors::failure(&request, status.code, &body.to_string());
        Refused { failure, conflicts: apply_errors::conflicts(&body) }
    }
}

impl Subject {
    /// How the object is called in a sentence.
    fn object(&self, served: &Served) -> String {
        if self.name().is_empty() {
            return served.plural.clone();
        }
        let namespace = Some(self.namespace().to_owned()).filter(|namespace| !namespace.is_empty());
        let Served { group, version, kind, .. } = served.clone();
        ObjectId { group, version, kind, namespace, name: self.name().to_owned() }.to_string()
    }
}

pub(super) fn collection(served: &Served, namespace: Option<&str>) -> Request {
    Request::new(served.path(namespace, None))
}

/// The object with its kind, which items of lists do not say.
pub(super) fn named(mut object: Value, served: &Served) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.insert("apiVersion".to_owned(), served.api_version().into());
        fields.insert("kind".to_owned(), served.kind.clone().into());
    }
    object
}
