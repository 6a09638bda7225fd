//! An API server in memory for tests: objects with versions, server-side apply by one manager,
//! faults from a script, and a record of what was asked.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tower::service_fn;

use super::Objects;
use crate::policy::{Class, Failure};
use crate::steps::StepCtx;

/// A fault: which calls it is for, and status, headers and body of the answer.
type Fault = (String, u16, Option<&'static str>, Value);

/// What the server knows.
#[derive(Default)]
pub(crate) struct World {
    /// Path to object.
    pub(crate) objects: BTreeMap<String, Value>,
    /// `METHOD path?query` of every call.
    pub(crate) calls: Vec<String>,
    /// Most calls at the same time.
    pub(crate) most_at_once: usize,
    /// Objects that appear once somebody watches: path and object.
    pub(crate) appear: Vec<(String, Value)>,
    /// Before the next write of this path, somebody else writes this.
    pub(crate) intrude: Option<(String, Value)>,
    faults: VecDeque<Fault>,
    version: u64,
    at_once: usize,
}

/// An API server in memory.
#[derive(Clone, Default)]
pub(crate) struct FakeApi {
    world: Arc<Mutex<World>>,
}

impl FakeApi {
    /// A server with these namespaces.
    pub(crate) fn with_namespaces<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Self {
        let fake = Self::default();
        for name in names {
            let path = format!("/api/v1/namespaces/{}", name.as_ref());
            fake.put(&path, json!({ "status": { "phase": "Active" } }));
        }
        fake
    }

    /// Puts an object at a path.
    pub(crate) fn put(&self, path: &str, object: Value) {
        self.world.lock().unwrap().put(path, object);
    }

    /// The object at a path.
    pub(crate) fn at(&self, path: &str) -> Option<Value> {
        self.world.lock().unwrap().objects.get(path).cloned()
    }

    /// Answers the next call that begins so with this status.
    pub(crate) fn fault(&self, call: &str, status: u16, retry: Option<&'static str>, body: Value) {
        self.world.lock().unwrap().faults.push_back((call.to_owned(), status, retry, body));
    }

    /// Changes the world.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        change(&mut self.world.lock().unwrap())
    }

    /// The calls so far that change something.
    pub(crate) fn writes(&self) -> Vec<String> {
        let calls = self.calls();
        calls.into_iter().filter(|call| !call.starts_with("GET ")).collect()
    }

    /// The calls so far.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.world.lock().unwrap().calls.clone()
    }

    /// Objects behind this server for a step.
    pub(crate) fn objects(&self, ctx: &StepCtx) -> Objects {
        let world = Arc::clone(&self.world);
        let service = service_fn(move |request: Request<Body>| {
            let world = Arc::clone(&world);
            async move { Ok::<_, Infallible>(serve(&world, request).await) }
        });
        let explain = |error: &kube::Error| {
            Failure::new(Class::Permanent, "API_REQUEST_FAILED", error.to_string())
        };
        Objects::new(Client::new(service, "default"), Arc::new(explain), ctx)
    }
}

impl World {
    fn put(&mut self, path: &str, mut object: Value) {
        self.version += 1;
        let parts: Vec<&str> = path.split('/').collect();
        if let [.., "namespaces", namespace, _, _] = parts[..] {
            object["metadata"]["namespace"] = namespace.into();
        }
        object["metadata"]["name"] = parts.last().copied().unwrap_or_default().into();
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        if object["metadata"]["uid"].is_null() {
            object["metadata"]["uid"] = format!("uid-{}", self.version).into();
        }
        self.objects.insert(path.to_owned(), object);
    }
}

async fn serve(world: &Mutex<World>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = body.collect_bytes().await.unwrap();
    let query = head.uri.query().unwrap_or_default().replace("%3D", "=").replace("%21", "!");
    let path = head.uri.path().to_owned();
    {
        let mut world = world.lock().unwrap();
        let question = if query.is_empty() { String::new() } else { format!("?{query}") };
        world.calls.push(format!("{} {path}{question}", head.method));
        world.at_once += 1;
        world.most_at_once = world.most_at_once.max(world.at_once);
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    let mut world = world.lock().unwrap();
    world.at_once -= 1;
    let call = format!("{} {path}", head.method);
    if let Some(at) = world.faults.iter().position(|(wanted, ..)| call.starts_with(wanted)) {
        let (_, status, retry, body) = world.faults.remove(at).unwrap();
        let mut answer = Response::builder().status(status);
        if let Some(retry) = retry {
            answer = answer.header("Retry-After", retry);
        }
        return answer.body(Body::from(serde_json::to_vec(&body).unwrap())).unwrap();
    }
    let value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let (status, answer) = respond(&mut world, &head.method, &path, (&query, value));
    let mut bytes = serde_json::to_vec(&answer).unwrap();
    bytes.push(b'\n');
    Response::builder().status(status).body(Body::from(bytes)).unwrap()
}

fn respond(
    world: &mut World,
    method: &Method,
    path: &str,
    (query, body): (&str, Value),
) -> (u16, Value) {
    if let Some((target, object)) = world.intrude.take() {
        if *method != Method::GET && target == path {
            world.put(&target, object);
        } else {
            world.intrude = Some((target, object));
        }
    }
    match method.as_str() {
        "GET" if query.contains("watch=true") => watch(world),
        "GET" if is_object(path) => found(world, path),
        "GET" => (200, list(world, path, query)),
        "PATCH" => apply(world, path, &body),
        "POST" => {
            let path = format!("{path}/{}", body["metadata"]["name"].as_str().unwrap());
            if world.objects.contains_key(&path) {
                return (409, status(409, "AlreadyExists", "already exists"));
            }
            world.put(&path, body);
            found(world, &path)
        }
        "PUT" => {
            let present = world.objects[path]["metadata"]["resourceVersion"].clone();
            if body["metadata"]["resourceVersion"] != present {
                return (409, status(409, "Conflict", "the object has been modified"));
            }
            world.put(path, body);
            found(world, path)
        }
        "DELETE" => {
            let wanted = &body["preconditions"]["uid"];
            match world.objects.get(path) {
                Some(object) if *wanted == object["metadata"]["uid"] => {
                    world.objects.remove(path);
                    (200, status(200, "", ""))
                }
                Some(_) => (409, status(409, "Conflict", "uid")),
                None => (404, status(404, "NotFound", path)),
            }
        }
        other => panic!("unexpected method {other}"),
    }
}

/// Namespaces have their names at an odd place.
fn is_object(path: &str) -> bool {
    let depth = path.split('/').count();
    depth == 5 || depth == 7
}

fn found(world: &World, path: &str) -> (u16, Value) {
    match world.objects.get(path) {
        Some(object) => (200, object.clone()),
        None => (404, status(404, "NotFound", &format!("{path} not found"))),
    }
}

fn list(world: &World, path: &str, query: &str) -> Value {
    let name = query.split('&').find_map(|part| part.split("metadata.name=").nth(1));
    let resource = path.rsplit('/').next().unwrap();
    let is_in = |key: &str| {
        let all = path.split('/').count() == 4;
        let owner = key.rsplit_once('/').map_or("", |(collection, _)| collection);
        if all { owner.ends_with(&format!("/{resource}")) } else { owner == path }
    };
    let items = world.objects.iter().filter(|(key, object)| {
        is_in(key) && name.is_none_or(|name| object["metadata"]["name"] == name)
    });
    let items: Vec<&Value> = items.map(|(_, object)| object).collect();
    json!({ "metadata": { "resourceVersion": world.version.to_string() }, "items": items })
}

/// What was to appear, appears, and the watch ends.
fn watch(world: &mut World) -> (u16, Value) {
    match world.appear.pop() {
        Some((path, object)) => {
            world.put(&path, object);
            (200, json!({ "type": "ADDED", "object": world.objects[&path] }))
        }
        None => (410, status(410, "Expired", "too old resource version")),
    }
}

fn apply(world: &mut World, path: &str, body: &Value) -> (u16, Value) {
    let parts: Vec<&str> = path.split('/').collect();
    let namespace = format!("/api/v1/namespaces/{}", parts[4]);
    if !world.objects.contains_key(&namespace) {
        let message = format!("namespaces \"{}\" not found", parts[4]);
        return (404, status(404, "NotFound", &message));
    }
    let mut object = world.objects.get(path).cloned().unwrap_or_else(|| json!({}));
    for part in ["data", "type"] {
        match (&mut object[part], &body[part]) {
            (Value::Object(own), Value::Object(new)) => own.extend(new.clone()),
            (own, new) => *own = new.clone(),
        }
    }
    for part in ["labels", "annotations"] {
        object["metadata"][part] = body["metadata"][part].clone();
    }
    world.put(path, object);
    found(world, path)
}

/// A status as the server writes it.
pub(crate) fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "message": message, "reason": reason, "code": code,
    })
}
