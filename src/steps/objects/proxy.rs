//! Requests to services that the API server makes for us: from inside of the cluster, without a pod
//! or a tool there. What comes back is the service's answer, or why there is none.

use http_body_util::BodyExt;
use k8s_openapi::api::core::v1::Service;
use kube::client::Body;
use serde_json::Value;
use tokio::time::Instant;

use super::Objects;
use super::refusal::{self, Refusal, Subject};
use crate::config::address::Scheme;
use crate::host::http::{self, Answer};
use crate::policy::{Class, Failure};

/// A port of a service.
#[derive(Clone, Copy, Debug)]
pub struct Backend<'a> {
    /// Namespace of the service.
    pub namespace: &'a str,
    /// Its name.
    pub service: &'a str,
    /// The port of the service, not of its pods.
    pub port: u16,
    /// How the service is spoken to.
    pub scheme: Scheme,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passed {
    /// What the service answered.
    Answer(Answer),
    /// Why it did not.
    Not(Obstacle),
}

/// What stands between the API server and a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// No pod behind it is ready.
    NoEndpoints,
    /// It has no such port.
    NoPort,
    /// There is no such service.
    NoService,
    /// No answer came in time.
    Silent,
    /// No connection, or none that could be used; the API server's own words.
    Unreachable(String),
}

impl Objects {
    /// Sends a request of a check to a service; of its address only path and query count.
    ///
    /// # Errors
    /// The API server itself did not answer, or does not allow it.
    pub async fn through(
        &self,
        backend: Backend<'_>,
        request: &http::Request,
    ) -> Result<Passed, Failure> {
        let ends = Instant::now() + request.timeout;
        let (url, message) = http::message(request).map_err(|error| invalid(&error.to_string()))?;
        let (mut head, body) = message.into_parts();
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        let path = format!("{}{path}", path_of(backend));
        head.uri = path.parse().map_err(|_| invalid(&format!("`{}` is no URL", request.url)))?;
        let body = body
            .collect()
            .await
            .map_or_else(|never| match never {}, http_body_util::Collected::to_bytes);
        let message = hyper::Request::from_parts(head, Body::from(body.to_vec()));
        let sending = self.client.send(message);
        let answer = tokio::select! {
            biased;
            () = self.ctx.cancel.cancelled() => return Err(Failure::cancelled()),
            sent = tokio::time::timeout_at(ends, sending) => match sent {
                Ok(answer) => answer.map_err(|error| (self.explain)(&error))?,
                Err(_) => return Ok(Passed::Not(Obstacle::Silent)),
            },
        };
        let answer = http::read(answer, ends).await;
        self.judge(backend, request, answer)
    }

    fn judge(
        &self,
        backend: Backend<'_>,
        request: &http::Request,
        answer: Answer,
    ) -> Result<Passed, Failure> {
        let Some(told) = told(&answer.body) else { return Ok(Passed::Answer(answer)) };
        let is_own = match answer.status {
            401 => told["reason"] == "Unauthorized",
            403 => message(&told).contains("\"services/proxy\""),
            _ => false,
        };
        if is_own {
            let verb = if request.post.is_some() { "create" } else { "get" };
            let subject = Subject::of::<Service>(verb, Some(backend.namespace), backend.service);
            let status = refusal::status(answer.status, answer.body.as_bytes());
            let refusal = Refusal::Status(Box::new(status));
            return Err(refusal::failure(&subject.part("proxy"), refusal, &self.explain));
        }
        Ok(obstacle(answer.status, &told).map_or(Passed::Answer(answer), Passed::Not))
    }
}

fn path_of(backend: Backend<'_>) -> String {
    let Backend { namespace, service, port, scheme } = backend;
    let scheme = match scheme {
        Scheme::Http => "",
        Scheme::Https => "https:",
    };
    format!("/api/v1/namespaces/{namespace}/services/{scheme}{service}:{port}/proxy")
}

fn invalid(why: &str) -> Failure {
    Failure::new(Class::Config, "CHECK_INVALID", why)
}

/// The status that an API server writes in place of an answer.
fn told(body: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(body).ok()?;
    (value["kind"] == "Status" && value["status"] == "Failure").then_some(value)
}

fn message(told: &Value) -> &str {
    told["message"].as_str().unwrap_or_default()
}

/// What stands in the way, if these are the API server's words and not the service's.
fn obstacle(code: u16, told: &Value) -> Option<Obstacle> {
    let said = message(told);
    if code == 404 && told["details"]["kind"] == "services" {
        return Some(Obstacle::NoService);
    }
    if said.starts_with("no endpoints available for service") {
        return Some(Obstacle::NoEndpoints);
    }
    if said.starts_with("no service port") {
        return Some(Obstacle::NoPort);
    }
    let why = said.strip_prefix("error trying to reach service: ")?;
    Some(Obstacle::Unreachable(why.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::redact::Secret;
    use crate::steps::objects::fixture::{FakeApi, status};
    use crate::steps::testing::TestBed;

    const DB: Backend<'_> =
        Backend { namespace: "shop", service: "db", port: 80, scheme: Scheme::Http };

    fn request(post: Option<&str>) -> http::Request {
        http::Request {
            url: "http://db.shop/health?x=1".to_owned(),
            headers: BTreeMap::from([("x-token".to_owned(), Secret::new("canary"))]),
            post: post.map(str::to_owned),
            trust: http::Trust::Known,
            connect_to: None,
            timeout: Duration::from_secs(5),
        }
    }

    async fn passed(code: u16, body: Value) -> Result<Passed, Failure> {
        let fake = FakeApi::default();
        fake.fault("GET /api/v1/namespaces/shop/services/", code, body);
        let passed = fake.objects(&TestBed::new().ctx).through(DB, &request(None)).await;
        let wanted = "GET /api/v1/namespaces/shop/services/db:80/proxy/health?x=1";
        assert_eq!(fake.calls(), [wanted]);
        passed
    }

    #[tokio::test]
    async fn an_answer_of_the_service_is_told_from_words_of_the_server() {
        let answer =
            |status, body: &Value| Passed::Answer(Answer { status, body: body.to_string() });
        for (code, body) in [
            (200, json!({"status":"ok"})),
            (503, json!({"status":"loading"})),
            (404, status(404, "NotFound", "the page is not there")),
            (403, json!({"kind":"Status","status":"Failure","message":"not you"})),
        ] {
            assert_eq!(passed(code, body.clone()).await.unwrap(), answer(code, &body));
        }
        let mut no_service = status(404, "NotFound", "services \"db\" not found");
        no_service["details"] = json!({"kind": "services", "name": "db"});
        let unavailable = |message: &str| status(503, "ServiceUnavailable", message);
        let refused = "dial tcp 10.85.0.2:80: connect: connection refused";
        for (code, body, wanted) in [
            (404, no_service, Obstacle::NoService),
            (503, unavailable("no endpoints available for service \"db\""), Obstacle::NoEndpoints),
            (503, unavailable("no service port \"80\" found for service \"db\""), Obstacle::NoPort),
            (
                503,
                unavailable(&format!("error trying to reach service: {refused}")),
                Obstacle::Unreachable(refused.to_owned()),
            ),
        ] {
            assert_eq!(passed(code, body).await.unwrap(), Passed::Not(wanted));
        }
    }

    #[tokio::test]
    async fn a_user_that_may_not_is_told_what_and_where() {
        let words = "services \"db:80\" is forbidden: User \"me\" cannot get resource \
                     \"services/proxy\" in API group \"\" in the namespace \"shop\"";
        let failure = passed(403, status(403, "Forbidden", words)).await.unwrap_err();
        assert_eq!(failure.code, "API_FORBIDDEN");
        assert!(failure.summary.contains("get services/db/proxy"), "{}", failure.summary);
        let fix = failure.fix.unwrap().command;
        assert_eq!(fix, "kubectl auth can-i get services --subresource=proxy -n shop");
    }

    #[test]
    fn tls_and_port_are_in_the_path() {
        let tls = Backend { scheme: Scheme::Https, port: 8443, ..DB };
        assert_eq!(path_of(tls), "/api/v1/namespaces/shop/services/https:db:8443/proxy");
    }
}
