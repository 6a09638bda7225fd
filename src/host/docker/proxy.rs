//! A socket in front of the real engine that tests can cut or freeze, so that no daemon has to be
//! restarted to see what a lost engine does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::Engine;
use super::endpoint::Address;

/// A way to the real engine; ends when it is dropped.
pub(crate) struct Proxy {
    folder: tempfile::TempDir,
    real: PathBuf,
    frozen: CancellationToken,
    connections: JoinHandle<()>,
}

impl Proxy {
    /// Opens the way.
    #[expect(clippy::disallowed_methods, reason = "the real engine is where the environment says")]
    pub(crate) fn open() -> Self {
        let engine = Engine::new(Arc::new(std::env::vars().collect()));
        let Address::Unix(real) = &engine.resolved().expect("an endpoint").address else {
            panic!("the engine has to be on a socket");
        };
        let real = real.clone();
        let folder = tempfile::tempdir().expect("a folder");
        let frozen = CancellationToken::new();
        let connections = forward(folder.path(), &real, &frozen);
        Self { folder, real, frozen, connections }
    }

    /// An engine that goes this way.
    pub(crate) fn engine(&self) -> Engine {
        let host = format!("unix://{}", socket(self.folder.path()).display());
        Engine::new(Arc::new(BTreeMap::from([("DOCKER_HOST".to_owned(), host)])))
    }

    /// Ends all connections and refuses new ones.
    pub(crate) async fn cut(&mut self) {
        self.connections.abort();
        let _ = (&mut self.connections).await;
        std::fs::remove_file(socket(self.folder.path())).expect("the socket was there");
    }

    /// Takes connections again after a cut.
    pub(crate) fn mend(&mut self) {
        self.connections = forward(self.folder.path(), &self.real, &self.frozen);
    }

    /// Takes connections and lets nothing through any more.
    pub(crate) fn freeze(&self) {
        self.frozen.cancel();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.connections.abort();
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("docker.sock")
}

/// Forwards each connection; all of them end with the task.
fn forward(folder: &Path, real: &Path, frozen: &CancellationToken) -> JoinHandle<()> {
    let listener = UnixListener::bind(socket(folder)).expect("a socket");
    let (real, frozen) = (real.to_owned(), frozen.clone());
    tokio::spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((near, _)) = listener.accept().await {
            connections.spawn(pass(near, real.clone(), frozen.clone()));
        }
    })
}

async fn pass(mut near: UnixStream, real: PathBuf, frozen: CancellationToken) {
    let Ok(mut far) = UnixStream::connect(real).await else { return };
    tokio::select! {
        biased;
        () = frozen.cancelled() => std::future::pending().await,
        _ = copy_bidirectional(&mut near, &mut far) => {}
    }
}
