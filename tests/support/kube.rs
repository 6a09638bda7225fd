//! A fake Kubernetes API server on loopback, over plain HTTP: objects with versions, watches that
//! can be dropped or expire, and faults from a script. Answers are those of a real server (1.36).
//! A call that it does not know fails the test. It runs on threads of its own, so that tests of
//! any kind can use it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

/// Where the collections are that exist from the start.
pub(crate) const NODES: &str = "/api/v1/nodes";
pub(crate) const ACCOUNTS: &str = "/api/v1/namespaces/default/serviceaccounts";

/// What a call gets instead of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// This status, with the body that a real server sends.
    Status(u16),
    /// The end of the connection.
    Cut,
    /// Nothing, until the fake ends.
    Hang,
}

/// A server and its world.
pub(crate) struct FakeKube {
    shared: Arc<Shared>,
    port: u16,
    listener: Option<JoinHandle<()>>,
}

struct Shared {
    world: Mutex<World>,
    changed: Condvar,
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        // A test that failed while it held the world has said so already.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Trigger = (String, Box<dyn FnOnce(&mut World) + Send>);

/// What the server knows.
#[derive(Default)]
pub(crate) struct World {
    version: u64,
    oldest: u64,
    collections: BTreeMap<String, BTreeMap<String, Value>>,
    log: Vec<Event>,
    failing: Vec<String>,
    faults: Vec<(String, Fault, usize)>,
    triggers: Vec<Trigger>,
    calls: Vec<String>,
    unknown: Vec<String>,
    token: Option<String>,
    is_denied: bool,
    /// Rises when open watches have to end.
    watches: u64,
    is_over: bool,
    streams: Vec<TcpStream>,
}

struct Event {
    version: u64,
    collection: String,
    kind: &'static str,
    object: Value,
}

impl World {
    /// Puts an object in place and tells those who watch.
    pub(crate) fn put(&mut self, collection: &str, name: &str, mut object: Value) {
        self.version += 1;
        object["metadata"]["name"] = name.into();
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        let objects = self.collections.entry(collection.to_owned()).or_default();
        let kind = if objects.insert(name.to_owned(), object.clone()).is_some() {
            "MODIFIED"
        } else {
            "ADDED"
        };
        let event =
            Event { version: self.version, collection: collection.to_owned(), kind, object };
        self.log.push(event);
    }

    /// Takes an object away and tells those who watch.
    pub(crate) fn remove(&mut self, collection: &str, name: &str) {
        self.version += 1;
        let objects = self.collections.entry(collection.to_owned()).or_default();
        if let Some(object) = objects.remove(name) {
            let kind = "DELETED";
            let collection = collection.to_owned();
            self.log.push(Event { version: self.version, collection, kind, object });
        }
    }

    /// Sends those who watch a bookmark.
    pub(crate) fn bookmark(&mut self, collection: &str, kind: &str) {
        self.version += 1;
        let object = json!({
            "kind": kind,
            "apiVersion": "v1",
            "metadata": { "resourceVersion": self.version.to_string() },
        });
        let collection = collection.to_owned();
        self.log.push(Event { version: self.version, collection, kind: "BOOKMARK", object });
    }

    /// A node that takes work.
    pub(crate) fn node_ready(&mut self, name: &str) {
        self.put(NODES, name, node("True", "KubeletReady", "kubelet is posting ready status"));
    }

    /// A node that takes none, and why.
    pub(crate) fn node_unready(&mut self, name: &str, reason: &str, message: &str) {
        self.put(NODES, name, node("False", reason, message));
    }

    /// The service account without which no pod starts.
    pub(crate) fn default_account(&mut self) {
        let object = json!({ "metadata": { "namespace": "default" } });
        self.put(ACCOUNTS, "default", object);
    }

    /// Makes these of the server's own checks fail; none makes it ready.
    pub(crate) fn failing(&mut self, checks: &[&str]) {
        self.failing = checks.iter().map(|&check| check.to_owned()).collect();
    }

    /// Answers the next calls that begin with this (`GET /readyz`, `WATCH /api/v1/nodes`) so.
    pub(crate) fn fault(&mut self, call: &str, fault: Fault, times: usize) {
        self.faults.push((call.to_owned(), fault, times));
    }

    /// Takes all faults back that are not used up.
    pub(crate) fn heal(&mut self) {
        self.faults.clear();
    }

    /// Ends open watches as a server does that goes away.
    pub(crate) fn drop_watches(&mut self) {
        self.watches += 1;
    }

    /// Makes all versions so far too old to watch from, and ends open watches.
    pub(crate) fn expire(&mut self) {
        self.version += 1;
        self.oldest = self.version;
        self.watches += 1;
    }

    /// Accepts this bearer token alone.
    pub(crate) fn accept_only(&mut self, token: &str) {
        self.token = Some(token.to_owned());
    }

    /// Answers that the user may not.
    pub(crate) fn deny(&mut self) {
        self.is_denied = true;
    }

    /// Does something to the world when a call that begins with this arrives, once, before it is
    /// answered; for a watch, after the watch is open.
    pub(crate) fn when(&mut self, call: &str, act: impl FnOnce(&mut World) + Send + 'static) {
        self.triggers.push((call.to_owned(), Box::new(act)));
    }

    fn take_fault(&mut self, call: &str) -> Option<Fault> {
        let found =
            self.faults.iter_mut().find(|(begin, _, left)| call.starts_with(begin) && *left > 0)?;
        found.2 -= 1;
        Some(found.1)
    }

    fn pull(&mut self, call: &str) {
        // What these add waits for the next call.
        let waiting = std::mem::take(&mut self.triggers);
        let (due, later): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|(begin, _)| call.starts_with(begin));
        self.triggers = later;
        for (_, act) in due {
            act(self);
        }
    }
}

impl FakeKube {
    /// A server that is ready, with one node and the default service account.
    pub(crate) fn start() -> Self {
        let fake = Self::empty();
        fake.change(|world| {
            world.node_ready("node-0");
            world.default_account();
        });
        fake
    }

    /// A server that is ready and has no objects.
    pub(crate) fn empty() -> Self {
        let collections =
            [NODES, ACCOUNTS].map(|collection| (collection.to_owned(), BTreeMap::new()));
        let world = World { version: 100, collections: collections.into(), ..World::default() };
        let shared = Arc::new(Shared { world: Mutex::new(world), changed: Condvar::new() });
        let mut fake = Self { shared, port: 0, listener: None };
        fake.listen();
        fake
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A kubeconfig whose only and current context leads here.
    pub(crate) fn kubeconfig(&self, context: &str) -> String {
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": context, "cluster": { "server": self.url() } }],
            "contexts": [{ "name": context, "context": { "cluster": context, "user": context } }],
            "users": [{ "name": context, "user": { "token": "fake-token" } }],
            "current-context": context,
        });
        config.to_string()
    }

    /// Changes the world; those who wait see it.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let changed = change(&mut self.shared.world());
        self.shared.changed.notify_all();
        changed
    }

    /// The calls so far, such as `GET /readyz?verbose`.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.shared.world().calls.clone()
    }

    /// Refuses connections and cuts those that are open.
    pub(crate) fn refuse(&mut self) {
        let Some(listener) = self.listener.take() else { return };
        self.end(true);
        let _ = TcpStream::connect(self.address());
        let _ = listener.join();
    }

    /// Listens again, at the same address.
    pub(crate) fn listen(&mut self) {
        if self.listener.is_some() {
            return;
        }
        let listener = TcpListener::bind(self.address()).unwrap();
        self.port = listener.local_addr().unwrap().port();
        self.shared.world().is_over = false;
        let shared = Arc::clone(&self.shared);
        self.listener = Some(std::thread::spawn(move || accept(&listener, &shared)));
    }

    fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    fn end(&self, is_over: bool) {
        let mut world = self.shared.world();
        world.is_over = is_over;
        world.watches += 1;
        for stream in world.streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(world);
        self.shared.changed.notify_all();
    }
}

impl Drop for FakeKube {
    fn drop(&mut self) {
        self.refuse();
        let unknown = self.shared.world().unknown.clone();
        if !std::thread::panicking() {
            assert!(unknown.is_empty(), "calls that the fake does not know: {unknown:?}");
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming().flatten() {
        let mut world = shared.world();
        if world.is_over {
            return;
        }
        world.streams.extend(stream.try_clone());
        drop(world);
        let shared = Arc::clone(shared);
        std::thread::spawn(move || converse(stream, &shared));
    }
}

struct Request {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    token: Option<String>,
    body: Value,
}

impl Request {
    /// As faults and triggers name it.
    fn call(&self) -> String {
        let method = if self.is_watch() { "WATCH" } else { &self.method };
        format!("{method} {}", self.path)
    }

    fn is_watch(&self) -> bool {
        matches!(self.parameter("watch"), "true" | "1")
    }

    fn parameter(&self, name: &str) -> &str {
        self.query.get(name).map(String::as_str).unwrap_or_default()
    }

    /// The name that a field selector wants.
    fn selected(&self) -> Option<&str> {
        self.parameter("fieldSelector").strip_prefix("metadata.name=")
    }

    fn selects(&self, object: &Value) -> bool {
        self.selected().is_none_or(|name| object["metadata"]["name"] == name)
    }
}

/// Answers the requests of one connection until it ends.
fn converse(mut stream: TcpStream, shared: &Shared) {
    let Ok(reading) = stream.try_clone() else { return };
    let mut reader = BufReader::new(reading);
    while let Some(request) = read(&mut reader, shared) {
        if answer(&mut stream, shared, &request).is_none() {
            let _ = stream.shutdown(Shutdown::Both);
            return;
        }
    }
}

fn read(reader: &mut impl BufRead, shared: &Shared) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|&length| length > 0)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let (mut length, mut token) = (0, None);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok().filter(|&length| length > 0)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => token = value.strip_prefix("Bearer ").map(str::to_owned),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    shared.world().calls.push(format!("{method} {target}"));
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let query = query.split('&').filter_map(|pair| pair.split_once('='));
    let query = query.map(|(name, value)| (name.to_owned(), decoded(value))).collect();
    let body = serde_json::from_slice(&body).unwrap_or_default();
    Some(Request { method, path: path.to_owned(), query, token, body })
}

/// Percent signs that stand in the queries of the client.
fn decoded(value: &str) -> String {
    value.replace("%3D", "=").replace("%2C", ",").replace("%2F", "/")
}

/// Answers one request; nothing means that the connection is at its end.
fn answer(stream: &mut TcpStream, shared: &Shared, request: &Request) -> Option<()> {
    let mut world = shared.world();
    let call = request.call();
    if !request.is_watch() {
        world.pull(&call);
        shared.changed.notify_all();
    }
    match world.take_fault(&call) {
        Some(Fault::Status(code)) => {
            drop(world);
            return reply(stream, code, &status(code, ""));
        }
        Some(Fault::Cut) => return None,
        Some(Fault::Hang) => {
            while !world.is_over {
                world = wait(shared, world, Duration::from_secs(60)).0;
            }
            return None;
        }
        None => {}
    }
    if world.token.is_some() && world.token != request.token {
        drop(world);
        return reply(stream, 401, &status(401, "Unauthorized"));
    }
    if request.is_watch() && world.collections.contains_key(&request.path) {
        return watch(stream, shared, request, world);
    }
    let (code, body) = route(&mut world, request);
    drop(world);
    reply(stream, code, &body)
}

fn route(world: &mut World, request: &Request) -> (u16, Value) {
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/readyz") => readyz(world),
        ("GET", "/version") => (
            200,
            json!({ "major": "1", "minor": "36", "gitVersion": "v1.36.2",
                "gitCommit": "0", "gitTreeState": "clean", "buildDate": "2026-07-01T00:00:00Z",
                "goVersion": "go1.27.3", "compiler": "gc", "platform": "linux/amd64" }),
        ),
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews") => {
            let mut review = request.body.clone();
            review["status"] = json!({ "allowed": !world.is_denied });
            (201, review)
        }
        ("GET", path) if world.collections.contains_key(path) => list(world, request),
        ("GET", path) => object(world, path),
        _ => unknown(world, request),
    }
}

fn readyz(world: &World) -> (u16, Value) {
    let mut lines = vec!["[+]ping ok".to_owned()];
    lines.extend(world.failing.iter().map(|check| format!("[-]{check} failed: reason withheld")));
    let is_ready = world.failing.is_empty();
    lines.push(format!("readyz check {}", if is_ready { "passed" } else { "failed" }));
    (if is_ready { 200 } else { 500 }, lines.join("\n").into())
}

fn list(world: &World, request: &Request) -> (u16, Value) {
    let objects = &world.collections[&request.path];
    let items: Vec<&Value> = objects.values().filter(|object| request.selects(object)).collect();
    let kind = if request.path == NODES { "NodeList" } else { "ServiceAccountList" };
    let metadata = json!({ "resourceVersion": world.version.to_string() });
    (200, json!({ "kind": kind, "apiVersion": "v1", "metadata": metadata, "items": items }))
}

fn object(world: &mut World, path: &str) -> (u16, Value) {
    let (collection, name) = path.rsplit_once('/').unwrap_or_default();
    let Some(objects) = world.collections.get(collection) else {
        world.unknown.push(format!("GET {path}"));
        return (404, "404 page not found\n".into());
    };
    match objects.get(name) {
        Some(object) => (200, object.clone()),
        None => (404, status(404, &format!("\"{name}\" not found"))),
    }
}

fn unknown(world: &mut World, request: &Request) -> (u16, Value) {
    world.unknown.push(format!("{} {}", request.method, request.path));
    (404, "404 page not found\n".into())
}

/// Streams what changes, until the watch's own time or the server's end.
fn watch(
    stream: &mut TcpStream,
    shared: &Shared,
    request: &Request,
    mut world: MutexGuard<'_, World>,
) -> Option<()> {
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).ok()?;
    let mut seen: u64 = request.parameter("resourceVersion").parse().unwrap_or(world.version);
    if seen < world.oldest {
        let message = format!("too old resource version: {seen} ({})", world.oldest);
        let mut gone = status(410, &message);
        gone["reason"] = "Expired".into();
        chunk(stream, &json!({ "type": "ERROR", "object": gone }))?;
        return stream.write_all(b"0\r\n\r\n").ok();
    }
    let epoch = world.watches;
    let limit = request.parameter("timeoutSeconds").parse().unwrap_or(290);
    world.pull(&request.call());
    loop {
        let news: Vec<(u64, Value)> = world
            .log
            .iter()
            .filter(|event| event.version > seen && event.collection == request.path)
            .filter(|event| event.kind == "BOOKMARK" || request.selects(&event.object))
            .map(|event| (event.version, json!({ "type": event.kind, "object": event.object })))
            .collect();
        for (version, event) in news {
            seen = version;
            chunk(stream, &event)?;
        }
        if world.watches != epoch || world.is_over {
            return None;
        }
        let (next, is_over) = wait(shared, world, Duration::from_secs(limit));
        world = next;
        if is_over {
            return stream.write_all(b"0\r\n\r\n").ok();
        }
    }
}

fn wait<'w>(
    shared: &Shared,
    world: MutexGuard<'w, World>,
    limit: Duration,
) -> (MutexGuard<'w, World>, bool) {
    let (world, waited) =
        shared.changed.wait_timeout(world, limit).unwrap_or_else(PoisonError::into_inner);
    (world, waited.timed_out())
}

fn chunk(stream: &mut TcpStream, event: &Value) -> Option<()> {
    let line = format!("{event}\n");
    stream.write_all(format!("{:x}\r\n{line}\r\n", line.len()).as_bytes()).ok()
}

fn reply(stream: &mut TcpStream, code: u16, body: &Value) -> Option<()> {
    let (kind, text) = match body {
        Value::String(text) => ("text/plain; charset=utf-8", text.clone()),
        body => ("application/json", body.to_string()),
    };
    let head = format!(
        "HTTP/1.1 {code} X\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        text.len()
    );
    stream.write_all(format!("{head}{text}").as_bytes()).ok()
}

/// A `Status` as a real server sends it.
fn status(code: u16, message: &str) -> Value {
    let (reason, known) = match code {
        401 => ("Unauthorized", "Unauthorized"),
        403 => ("Forbidden", "forbidden: User \"jane\" cannot do this"),
        404 => ("NotFound", "not found"),
        410 => ("Expired", "too old resource version"),
        429 => ("TooManyRequests", "the server has received too many requests"),
        503 => ("ServiceUnavailable", "the server is currently unable to handle the request"),
        _ => ("InternalError", "an error on the server"),
    };
    let message = if message.is_empty() { known } else { message };
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code })
}

fn node(ready: &str, reason: &str, message: &str) -> Value {
    json!({
        "metadata": {
            "creationTimestamp": "2026-11-21T10:08:47Z",
            "labels": { "node-role.kubernetes.io/control-plane": "" },
        },
        "status": {
            "addresses": [
                { "type": "InternalIP", "address": "192.0.2.2" },
                { "type": "Hostname", "address": "node" },
            ],
            "conditions": [
                { "type": "MemoryPressure", "status": "False" },
                { "type": "Ready", "status": ready, "reason": reason, "message": message },
            ],
            "nodeInfo": {
                "architecture": "amd64", "bootID": "", "containerRuntimeVersion": "",
                "kernelVersion": "", "kubeProxyVersion": "", "kubeletVersion": "v1.36.2",
                "machineID": "", "operatingSystem": "linux", "osImage": "", "systemUUID": "",
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Status and body of one call, as plain as a client can be.
    fn call(fake: &FakeKube, method: &str, target: &str, token: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(fake.address()).ok()?;
        let body = if method == "POST" { "{}" } else { "" };
        let request = format!(
            "{method} {target} HTTP/1.1\r\nAuthorization: Bearer {token}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).ok()?;
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            reader.read_line(&mut head).ok().filter(|&length| length > 0)?;
        }
        let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
        let code = head.split_whitespace().nth(1)?.parse().ok()?;
        let mut text = String::new();
        match header("Content-Length: ") {
            Some(length) => {
                let mut body = vec![0; length.parse().ok()?];
                std::io::Read::read_exact(&mut reader, &mut body).ok()?;
                text = String::from_utf8_lossy(&body).into_owned();
            }
            // To the last chunk, or the end of a stream that is cut.
            None => {
                while !text.ends_with("\r\n0\r\n")
                    && reader.read_line(&mut text).is_ok_and(|length| length > 0)
                {}
            }
        }
        Some((code, text))
    }

    fn get(fake: &FakeKube, target: &str) -> (u16, String) {
        call(fake, "GET", target, "fake-token").unwrap_or_default()
    }

    #[test]
    fn objects_are_read_listed_and_watched() {
        let fake = FakeKube::start();
        assert_eq!(get(&fake, "/api/v1/nodes/node-0").0, 200);
        assert_eq!(get(&fake, "/api/v1/nodes/none").0, 404);
        let (_, list) = get(&fake, &format!("{ACCOUNTS}?fieldSelector=metadata.name%3Dother"));
        assert!(list.contains("\"items\":[]"), "{list}");
        fake.change(|world| {
            world.when("WATCH /api/v1/nodes", |world| {
                world.node_unready("node-1", "KubeletNotReady", "");
                world.bookmark(NODES, "Node");
                world.remove(NODES, "node-1");
            });
        });
        let (_, events) =
            get(&fake, "/api/v1/nodes?watch=true&resourceVersion=102&timeoutSeconds=0");
        let kinds = ["ADDED", "BOOKMARK", "DELETED"].map(|kind| events.find(kind));
        assert!(kinds.iter().all(Option::is_some) && kinds.is_sorted(), "{events}");
        assert_eq!(fake.calls().len(), 4);
    }

    #[test]
    fn a_watch_from_too_long_ago_is_told_so() {
        let fake = FakeKube::empty();
        fake.change(|world| {
            world.default_account();
            world.expire();
            world.drop_watches();
        });
        let (code, events) = get(&fake, "/api/v1/nodes?watch=true&resourceVersion=100");
        assert!(code == 200 && events.contains("\"code\":410"), "{events}");
    }

    #[test]
    fn faults_come_as_often_as_they_are_asked_for() {
        let fake = FakeKube::start();
        fake.change(|world| {
            world.fault("GET /version", Fault::Status(503), 1);
            world.fault("GET /version", Fault::Cut, 1);
        });
        assert_eq!(get(&fake, "/version").0, 503);
        assert_eq!(get(&fake, "/version").0, 0);
        assert_eq!(get(&fake, "/version").0, 200);
        fake.change(|world| world.fault("GET /version", Fault::Hang, 9));
        fake.change(World::heal);
        assert_eq!(get(&fake, "/version").0, 200);
        fake.change(|world| world.failing(&["etcd"]));
        assert_eq!(
            get(&fake, "/readyz"),
            (500, "[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed".to_owned())
        );
    }

    #[test]
    fn who_may_do_what_is_decided_by_the_test() {
        let fake = FakeKube::start();
        let review = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let allowed = |fake: &FakeKube| {
            let answer = call(fake, "POST", review, "fake-token").unwrap_or_default();
            answer.0 == 201 && answer.1.contains("\"allowed\":true")
        };
        assert!(allowed(&fake));
        fake.change(World::deny);
        assert!(!allowed(&fake));
        fake.change(|world| world.accept_only("another"));
        assert_eq!(get(&fake, "/version").0, 401);
        assert!(fake.kubeconfig("here").contains(&fake.url()));
    }

    #[test]
    fn a_server_that_went_away_comes_back_at_its_address() {
        let mut fake = FakeKube::start();
        fake.refuse();
        assert_eq!(get(&fake, "/version").0, 0);
        fake.listen();
        assert_eq!(get(&fake, "/version").0, 200);
    }

    #[test]
    #[should_panic(expected = "calls that the fake does not know")]
    fn a_call_that_nobody_foresaw_fails_the_test() {
        let fake = FakeKube::start();
        assert_eq!(get(&fake, "/apis/apps/v1/deployments/x").0, 404);
        assert_eq!(call(&fake, "DELETE", "/api/v1/nodes", "").map(|answer| answer.0), Some(404));
    }
}
