//! The fake Kubernetes API without a connection, for tests on a paused clock: what it answers is
//! the fake's own, when it answers is tokio's.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::{Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::Value;
use tower::service_fn;

use super::Objects;
pub(crate) use crate::host::kube::fake::status;
use crate::host::kube::fake::{self, Held, World};
use crate::policy::{Class, Failure};
use crate::steps::StepCtx;

/// A server in memory. It is strict: a call that it does not know fails the test.
#[derive(Clone)]
pub(crate) struct FakeApi {
    server: Arc<Mutex<Server>>,
}

struct Server {
    world: World,
    at_once: usize,
    most_at_once: usize,
}

impl Default for FakeApi {
    fn default() -> Self {
        Self::with_namespaces(<[&str; 0]>::default())
    }
}

impl FakeApi {
    /// A server with these namespaces, in which nothing is yet.
    pub(crate) fn with_namespaces<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Self {
        let mut world = World::new();
        world.hold(Held::Accounts);
        for name in names {
            world.namespace(name.as_ref());
        }
        let server = Server { world, at_once: 0, most_at_once: 0 };
        Self { server: Arc::new(Mutex::new(server)) }
    }

    /// Answers the next call that begins so with this status and body.
    pub(crate) fn fault(&self, call: &str, code: u16, body: Value) {
        self.change(|world| world.answer(call, code, body));
    }

    /// Puts an object at a path.
    pub(crate) fn put(&self, path: &str, object: Value) {
        let (collection, name) = path.rsplit_once('/').unwrap();
        self.change(|world| world.put(collection, name, object));
    }

    /// The object at a path.
    pub(crate) fn at(&self, path: &str) -> Option<Value> {
        self.change(|world| world.get(path))
    }

    /// Changes the world.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        change(&mut self.server.lock().unwrap().world)
    }

    /// The calls so far that change something.
    pub(crate) fn writes(&self) -> Vec<String> {
        let calls = self.calls();
        calls.into_iter().filter(|call| !call.starts_with("GET ")).collect()
    }

    /// The calls so far, with their queries.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.change(|world| world.requests().iter().map(fake::Asked::call).collect())
    }

    /// Most calls at the same time.
    pub(crate) fn most_at_once(&self) -> usize {
        self.server.lock().unwrap().most_at_once
    }

    /// Objects behind this server for a step.
    pub(crate) fn objects(&self, ctx: &StepCtx) -> Objects {
        let server = Arc::clone(&self.server);
        let service = service_fn(move |request: Request<Body>| {
            let server = Arc::clone(&server);
            async move { Ok::<_, Infallible>(serve(&server, request).await) }
        });
        let explain = |error: &kube::Error| {
            Failure::new(Class::Permanent, "API_REQUEST_FAILED", error.to_string())
        };
        Objects::new(Client::new(service, "default"), Arc::new(explain), ctx)
    }
}

async fn serve(server: &Mutex<Server>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = body.collect_bytes().await.unwrap();
    let headers: BTreeMap<String, String> = head
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    let request = fake::Request::new(head.method.to_string(), head.uri.to_string(), headers, &body);
    {
        let mut server = server.lock().unwrap();
        server.at_once += 1;
        server.most_at_once = server.most_at_once.max(server.at_once);
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    let mut server = server.lock().unwrap();
    server.at_once -= 1;
    let (code, answer) = server.world.respond(&request);
    let unknown = server.world.unknown();
    assert!(unknown.is_empty(), "calls that the fake does not know: {unknown:?}");
    let mut response = Response::builder().status(code);
    if let Some(seconds) = fake::retry_after(&answer) {
        response = response.header("Retry-After", seconds);
    }
    let text = answer.as_str().map_or_else(|| answer.to_string(), str::to_owned);
    response.body(Body::from(text.into_bytes())).unwrap()
}
