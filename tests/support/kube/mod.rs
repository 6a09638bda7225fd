//! A fake Kubernetes API server on loopback, over plain HTTP: any kind of object, server-side
//! apply, watches that can be dropped or expire, and faults from a script. Answers are those of a
//! real server (1.36). A call that it does not know fails the test. It runs on threads of its own,
//! so that tests of any kind can use it.

mod allocate;
mod apply;
mod changes;
mod clock;
mod controller;
pub(crate) mod controllers;
mod defaults;
mod difference;
mod discovery;
mod erase;
mod faults;
mod fields;
mod http;
mod kinds;
mod openapi;
mod patch;
mod place;
mod protobuf;
mod proxy;
mod quantity;
mod read;
mod route;
mod schema;
mod select;
mod serve;
mod status;
mod store;
#[cfg(test)]
mod tests;
mod validate;
mod watch;
mod world;
mod write;

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::json;

pub(crate) use controller::Controller;
pub(crate) use faults::{Fault, Witness};
pub(crate) use http::{Request, retry_after};
pub(crate) use status::status;
pub(crate) use world::{ACCOUNTS, Asked, Held, NODES, World};

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

    /// Waits for a change, or for this long.
    fn wait<'w>(&self, world: MutexGuard<'w, World>, limit: Duration) -> MutexGuard<'w, World> {
        self.changed.wait_timeout(world, limit).unwrap_or_else(PoisonError::into_inner).0
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

    /// A server that is ready and has nothing but its own namespaces.
    pub(crate) fn empty() -> Self {
        let mut fake = Self::of(World::new());
        fake.listen();
        fake
    }

    /// A server of this world at a socket that listens already.
    pub(crate) fn at(listener: TcpListener, world: World) -> Self {
        let mut fake = Self::of(world);
        fake.begin(listener);
        fake
    }

    fn of(world: World) -> Self {
        let shared = Arc::new(Shared { world: Mutex::new(world), changed: Condvar::new() });
        Self { shared, port: 0, listener: None }
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
        let mut world = self.shared.world();
        let changed = change(&mut world);
        world.settle();
        drop(world);
        self.shared.changed.notify_all();
        changed
    }

    /// The calls so far, such as `GET /readyz?verbose`.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.requests().iter().map(Asked::call).collect()
    }

    /// The calls so far that change something and are not dry, such as
    /// `PATCH /api/v1/namespaces/default/secrets/x`.
    pub(crate) fn writes(&self) -> Vec<String> {
        self.requests().iter().filter_map(Asked::write).collect()
    }

    /// All that was asked, in order.
    pub(crate) fn requests(&self) -> Vec<Asked> {
        self.shared.world().requests().to_vec()
    }

    /// Most calls at the same time, without watches.
    pub(crate) fn in_flight_max(&self) -> usize {
        self.shared.world().in_flight_max
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
        match TcpListener::bind(self.address()) {
            Ok(listener) => self.begin(listener),
            Err(error) => panic!("no port for the fake: {error}"),
        }
    }

    fn begin(&mut self, listener: TcpListener) {
        self.port = listener.local_addr().map_or(0, |address| address.port());
        let mut world = self.shared.world();
        world.is_over = false;
        world.spans += 1;
        drop(world);
        let shared = Arc::clone(&self.shared);
        std::thread::spawn(move || keep_time(&shared));
        let shared = Arc::clone(&self.shared);
        self.listener = Some(std::thread::spawn(move || serve::accept(&listener, &shared)));
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
        let unknown = self.shared.world().unknown().to_vec();
        if !std::thread::panicking() {
            assert!(unknown.is_empty(), "calls that the fake does not know: {unknown:?}");
        }
    }
}

/// Gives controllers the turns that they asked for.
fn keep_time(shared: &Shared) {
    let mut world = shared.world();
    // One that was stopped and began again has another thread for it.
    let own = world.spans;
    while !world.is_over && world.spans == own {
        let now = clock::now();
        match world.due() {
            Some(due) if due <= now => {
                let before = world.version;
                world.settle();
                if world.version != before {
                    shared.changed.notify_all();
                }
            }
            Some(due) => world = shared.wait(world, due - now),
            None => world = shared.wait(world, Duration::from_secs(60)),
        }
    }
}
