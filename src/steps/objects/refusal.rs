//! What it means that the API server refuses a request for one object.

use std::time::Duration;

use kube::Resource;
use kube::core::Status;
use serde::Serialize;

use super::Explain;
use crate::event::Fix;
use crate::manifest::Served;
use crate::policy::{Class, Failure};

/// What a request does to which object.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    verb: &'static str,
    resource: String,
    namespace: Option<String>,
    name: String,
    part: Option<&'static str>,
}

/// Why there is no answer.
pub(super) enum Refusal {
    /// The server said no.
    Status(Box<Status>),
    /// There is none, or none that can be read.
    Failed(Failure),
}

impl Subject {
    /// An object of this kind; the name is empty for all of them.
    pub(super) fn of<K: Resource<DynamicType = ()>>(
        verb: &'static str,
        namespace: Option<&str>,
        name: &str,
    ) -> Self {
        let namespace = namespace.map(str::to_owned);
        Self {
            verb,
            resource: K::plural(&()).into_owned(),
            namespace,
            name: name.to_owned(),
            part: None,
        }
    }

    /// A part of the object that has an address of its own, such as `proxy`.
    pub(super) fn part(self, part: &'static str) -> Self {
        Self { part: Some(part), ..self }
    }

    /// An object of a kind as it is served; the name is empty for all of them.
    pub(super) fn served(
        verb: &'static str,
        served: &Served,
        namespace: Option<&str>,
        name: &str,
    ) -> Self {
        let namespace = namespace.map(str::to_owned);
        let (resource, name) = (served.plural.clone(), name.to_owned());
        Self { verb, resource, namespace, name, part: None }
    }

    /// What is at a path that is no object's.
    pub(super) fn about(verb: &'static str, path: &str) -> Self {
        let (resource, name) = (path.to_owned(), String::new());
        Self { verb, resource, namespace: None, name, part: None }
    }

    /// What is done.
    pub(super) fn verb(&self) -> &'static str {
        self.verb
    }

    /// Where, empty for objects of the cluster.
    pub(super) fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or_default()
    }

    /// To which, empty for all of them.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// All objects of a resource.
    pub(super) fn all(verb: &'static str, resource: &str, namespace: Option<&str>) -> Self {
        let namespace = namespace.map(str::to_owned);
        let (resource, name) = (resource.to_owned(), String::new());
        Self { verb, resource, namespace, name, part: None }
    }

    /// The request, unless it could not be put together.
    pub(super) fn made(
        &self,
        request: Result<hyper::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<hyper::Request<Vec<u8>>, Failure> {
        request.map_err(|error| self.impossible(&error.to_string()))
    }

    /// The object as a body.
    pub(super) fn encoded(&self, object: &impl Serialize) -> Result<Vec<u8>, Failure> {
        serde_json::to_vec(object).map_err(|_| self.impossible("it cannot be written as JSON"))
    }

    fn impossible(&self, why: &str) -> Failure {
        let summary = format!("the request to {} cannot be made: {why}", self.words());
        Failure::new(Class::Config, "API_REQUEST_INVALID", summary)
    }

    /// `patch secrets/regcred in the namespace api`.
    fn words(&self) -> String {
        let object = if self.name.is_empty() {
            self.resource.clone()
        } else {
            let part = self.part.map(|part| format!("/{part}")).unwrap_or_default();
            format!("{}/{}{part}", self.resource, self.name)
        };
        match &self.namespace {
            Some(namespace) => format!("{} {object} in the namespace `{namespace}`", self.verb),
            None => format!("{} {object}", self.verb),
        }
    }
}

/// What the server says in an answer of this status.
pub(super) fn status(code: u16, body: &[u8]) -> Status {
    let told: Status = serde_json::from_slice(body).unwrap_or_else(|_| {
        let text = String::from_utf8_lossy(body);
        Status::failure(text.lines().next().unwrap_or_default(), "")
    });
    Status { code, ..told }
}

/// The pause that a status asks for.
pub(super) fn pause_of(status: &Status) -> Option<Duration> {
    let seconds = status.details.as_ref()?.retry_after_seconds;
    (seconds > 0).then(|| Duration::from_secs(seconds.into()))
}

/// What it means.
pub(super) fn failure(subject: &Subject, refusal: Refusal, explain: &Explain) -> Failure {
    let status = match refusal {
        Refusal::Failed(failure) => return failure,
        Refusal::Status(status) => status,
    };
    let namespace = subject.namespace.as_deref().unwrap_or(&subject.name);
    if status.code == 403 {
        let is_ending = status.message.contains("because it is being terminated");
        return if is_ending { terminating(namespace) } else { forbidden(subject, &status) };
    }
    let mut failure = explain(&kube::Error::Api(status));
    failure.evidence.push(crate::event::Evidence::new("request", subject.words()));
    failure
}

/// Nothing can be made in a namespace that ends.
pub(super) fn terminating(namespace: &str) -> Failure {
    let summary = format!("the namespace `{namespace}` is being deleted, and has not ended yet");
    Failure::new(Class::Transient, "NAMESPACE_TERMINATING", summary)
        .because("API server", "nothing can be made in it until it is gone")
        .fix(Fix::safe(format!("kubectl get namespace {namespace} -o yaml")))
}

fn forbidden(subject: &Subject, status: &Status) -> Failure {
    let summary = format!("this user may not {}", subject.words());
    let place = subject.namespace.as_ref().map(|name| format!(" -n {name}")).unwrap_or_default();
    let part = subject.part.map(|part| format!(" --subresource={part}")).unwrap_or_default();
    Failure::new(Class::Prerequisite, "API_FORBIDDEN", summary)
        .because("API server", status.message.lines().next().unwrap_or_default())
        .fix(Fix::safe(format!(
            "kubectl auth can-i {} {}{part}{place}",
            subject.verb, subject.resource
        )))
}

/// No answer came in time.
pub(super) fn unanswered(subject: &Subject, limit: Duration) -> Failure {
    let summary = format!(
        "the API server did not answer within {} s when asked to {}",
        limit.as_secs(),
        subject.words()
    );
    Failure::new(Class::Transient, "API_UNREACHABLE", summary)
}
