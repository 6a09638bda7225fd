//! What answers which request. Connections and their faults are in `serve`.

use serde_json::{Value, json};

use super::apply::{Writer, track};
use super::clock;
use super::faults::refused;
use super::http::Request;
use super::kinds::Kind;
use super::place::{Place, Target, target};
use super::status::{Answer, Refusal, known, no_page, refusal};
use super::watch::Watch;
use super::world::{Asked, World};

/// What the aggregated discovery documents are called.
const DISCOVERY: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

impl World {
    /// Answers a request that came over no connection. A watch tells what is there and what its
    /// trigger does, and ends. Faults that are no answers do not work here.
    pub(crate) fn respond(&mut self, request: &Request) -> (u16, Value) {
        note(self, request);
        if !request.is_watch() {
            self.pull(&request.call());
            self.settle();
        }
        let answered = match self.take_fault(&request.call()) {
            Some(fault) => Err(refused(fault).unwrap_or_else(no_page)),
            None if request.is_watch() => self.gather(request),
            None => route(self, request),
        };
        self.settle();
        answered.unwrap_or_else(|refused| (refused.code, refused.body))
    }

    fn gather(&mut self, request: &Request) -> Answer<(u16, Value)> {
        let place = watched(self, request)?;
        let mut watch = Watch::of(request, &place)?;
        let events = match watch.open(self) {
            Ok(mut events) => {
                self.pull(&request.call());
                self.settle();
                events.extend(watch.news(self));
                events
            }
            Err(gone) => vec![gone],
        };
        let lines: Vec<String> = events.iter().map(|event| format!("{event}\n")).collect();
        Ok((200, lines.concat().into()))
    }
}

/// Writes a call down.
pub(super) fn note(world: &mut World, request: &Request) {
    let asked = asked(request);
    if let Some(witness) = &mut world.script.witness {
        witness.asked(&asked);
    }
    world.asked.push(asked);
}

fn asked(request: &Request) -> Asked {
    Asked {
        at: clock::now(),
        method: request.method.clone(),
        target: request.target.clone(),
        body: request.body.clone(),
        is_write: request.is_write(),
    }
}

/// The content type of an answer.
pub(super) fn form(body: &Value) -> &'static str {
    if body["kind"] == "APIGroupDiscoveryList" { DISCOVERY } else { "application/json" }
}

/// What a watch is about: a collection, or one object as its path names it.
pub(super) fn watched(world: &mut World, request: &Request) -> Answer<Place> {
    admit(world, request)?;
    let Some(Target { kind, namespace, name, below: None }) = target(&world.kinds, &request.path)
    else {
        return Err(unknown(world, request));
    };
    let (namespace, name) = (namespace.unwrap_or_default(), name.unwrap_or_default());
    world.permit(&kind, "watch", (&namespace, &name))?;
    Ok(Place { kind, namespace, name })
}

/// Whether the caller is somebody. Who shows no token at all is told how the server is.
fn admit(world: &World, request: &Request) -> Answer<()> {
    let (token, shown) = (world.script.token.as_deref(), request.token());
    let is_public = matches!(request.path.as_str(), "/readyz" | "/livez" | "/healthz" | "/version");
    if token.is_none() || token == shown || (shown.is_none() && is_public) {
        return Ok(());
    }
    Err(known(401))
}

/// The answer to any request but a watch.
pub(super) fn route(world: &mut World, request: &Request) -> Answer<(u16, Value)> {
    admit(world, request)?;
    if let Some(answer) = world.take_answer(&request.call()) {
        return Ok(answer);
    }
    if let Some(document) = world.document(request).or_else(|| world.openapi(request)) {
        return Ok((200, document));
    }
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/readyz" | "/livez" | "/healthz") => return Ok(readyz(world, request)),
        ("GET", "/version") => return Ok((200, release(world))),
        _ => {}
    }
    let Some(target) = target(&world.kinds, &request.path) else {
        return Err(unknown(world, request));
    };
    let verb = verb(request, &target);
    let permitted = (target.namespace.as_deref().unwrap_or_default(), target.name.as_deref());
    world.permit(&target.kind, verb, (permitted.0, permitted.1.unwrap_or_default()))?;
    if target.kind.group == "authorization.k8s.io" {
        return review(world, &target.kind, request);
    }
    let below = target.below.clone().unwrap_or_default();
    match (request.method.as_str(), target.name.is_some(), below.as_str()) {
        ("GET", true, "") => world.read(request, &target),
        ("GET", false, "") => world.list(request, &target),
        ("GET", true, "log") if target.kind.has("log") => world.read_log(request, &target),
        (_, true, below) if below == "proxy" || below.starts_with("proxy/") => {
            world.answer_proxy(&target)
        }
        ("GET", true, "status") if target.kind.has_status() => world.read(request, &target),
        (_, _, "" | "status") if below.is_empty() || target.kind.has_status() => {
            match world.write(request, &target) {
                Some(answer) => answer,
                None => Err(unknown(world, request)),
            }
        }
        _ => Err(unknown(world, request)),
    }
}

/// As rules name what a call does.
fn verb(request: &Request, target: &Target) -> &'static str {
    match (request.method.as_str(), target.name.is_some()) {
        ("GET", true) => "get",
        ("GET", false) => "list",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", true) => "delete",
        _ => "deletecollection",
    }
}

/// A call that no test foresaw. A group that is not there is nothing unforeseen: a client that
/// looks for one is told as a real server tells it.
fn unknown(world: &mut World, request: &Request) -> Refusal {
    let mut parts = request.path.trim_matches('/').split('/');
    let is_foreign = match (parts.next(), parts.next()) {
        (Some("apis"), Some(group)) => !world.kinds.is_built_in(group),
        _ => false,
    };
    match &mut world.script.witness {
        _ if is_foreign => {}
        Some(witness) => witness.unknown(&asked(request)),
        None => world.unknown.push(format!("{} {}", request.method, request.path)),
    }
    no_page()
}

fn release(world: &World) -> Value {
    let recorded = include_str!("../../corpus/api/discovery/version.json");
    let mut document: Value = serde_json::from_str(recorded).unwrap_or_default();
    if let Some(version) = &world.script.release {
        let mut parts = version.trim_start_matches('v').split('.');
        document["major"] = parts.next().into();
        document["minor"] = parts.next().into();
        document["gitVersion"] = version.as_str().into();
    }
    document
}

fn readyz(world: &World, request: &Request) -> (u16, Value) {
    let failing = &world.script.failing;
    if failing.is_empty() && !request.target.contains("verbose") {
        return (200, "ok".into());
    }
    let name = request.path.trim_start_matches('/');
    let mut lines = vec!["[+]ping ok".to_owned()];
    lines.extend(failing.iter().map(|check| format!("[-]{check} failed: reason withheld")));
    let end = if failing.is_empty() { "passed" } else { "failed" };
    lines.push(format!("{name} check {end}"));
    (if failing.is_empty() { 200 } else { 500 }, lines.join("\n").into())
}

/// Whether somebody may do something.
fn review(world: &World, kind: &Kind, request: &Request) -> Answer<(u16, Value)> {
    if request.method != "POST" {
        return Err(refusal(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        ));
    }
    let asked = &request.body["spec"]["resourceAttributes"];
    let text = |field: &str| asked[field].as_str().unwrap_or_default();
    let is_allowed = world.is_allowed(text("verb"), text("resource"), text("namespace"));
    let mut review = json!({ "kind": kind.name, "apiVersion": kind.api_version() });
    review["metadata"] = json!({});
    review["spec"] = request.body["spec"].clone();
    track(kind, None, &mut review, Writer { name: request.manager(), below: "" });
    review["status"] = json!({ "allowed": is_allowed });
    Ok((201, review))
}
