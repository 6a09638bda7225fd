//! What a run has open towards other machines: one connection and at most one tunnel a destination,
//! made on first use and ended together.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::control::Folder;
use super::forward::Tunnel;
use super::record::Record;
use super::{CLOSING, options, record};
use crate::config::destination::Destination;
use crate::event::TunnelState;
use crate::host::Runner;
use crate::policy::Failure;
use crate::policy::tunnel::Stage;
use crate::redact::Secret;

/// The connections of a run. Ended by [`Connections::close`].
#[derive(Clone, Default)]
pub struct Connections {
    open: Arc<Mutex<Open>>,
    /// Held while it is found out whether there is a tunnel, so that two steps do not make two.
    pub(super) tunnelling: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct Open {
    folder: Option<Folder>,
    sockets: usize,
    links: BTreeMap<Destination, Arc<Link>>,
    tunnels: BTreeMap<Destination, (Arc<Tunnel>, JoinHandle<()>)>,
    record: Option<PathBuf>,
    listener: Option<UnboundedSender<TunnelState>>,
    /// What one step saw of a machine, for the next one that would ask the same.
    seen: BTreeMap<Destination, Secret>,
}

/// The connection to one destination.
pub(super) struct Link {
    /// Where its socket is.
    pub(super) control: String,
    /// When it was used last, once it was made. Held while it is being made, so that two scripts do
    /// not make two.
    pub(super) used: tokio::sync::Mutex<Option<Instant>>,
}

impl Open {
    /// The path of another socket.
    fn socket(&mut self, env: &BTreeMap<String, String>) -> Result<String, Failure> {
        let folder = match self.folder.take() {
            Some(folder) => folder,
            None => Folder::create(env)?,
        };
        let socket = folder.socket(self.sockets);
        self.sockets += 1;
        self.folder = Some(folder);
        Ok(socket)
    }

    /// Ends all of it.
    async fn end(self, runner: &dyn Runner) {
        let Self { folder, links, tunnels, .. } = self;
        for (tunnel, keeper) in tunnels.into_values() {
            tunnel.end.cancel();
            let _ = tokio::time::timeout(CLOSING, keeper).await;
        }
        for (destination, link) in links {
            if link.used.lock().await.is_some() {
                let exit = options::master(&link.control, "exit", &destination).timeout(CLOSING);
                let _ = runner.run(exit, CancellationToken::new()).await;
            }
        }
        drop(folder);
    }
}

impl Connections {
    /// Connections whose tunnel is written down there, for others of the project.
    #[must_use]
    pub fn recorded(record: Option<PathBuf>) -> Self {
        Self::of(Open { record, ..Open::default() })
    }

    /// Connections whose sockets have the same paths in every test: `/run/mlup/0`.
    #[cfg(test)]
    pub(crate) fn scripted() -> Self {
        let folder = Some(Folder::scripted("/run/mlup"));
        Self::of(Open { folder, ..Open::default() })
    }

    fn of(open: Open) -> Self {
        Self { open: Arc::new(Mutex::new(open)), ..Self::default() }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection to this destination.
    pub(super) fn link(
        &self,
        destination: &Destination,
        env: &BTreeMap<String, String>,
    ) -> Result<Arc<Link>, Failure> {
        let mut open = self.open();
        if let Some(link) = open.links.get(destination) {
            return Ok(Arc::clone(link));
        }
        let control = open.socket(env)?;
        let link = Arc::new(Link { control, used: tokio::sync::Mutex::default() });
        open.links.insert(destination.clone(), Arc::clone(&link));
        Ok(link)
    }

    /// Leaves what was seen of a machine to the next step, in place of what was left before.
    pub fn leave(&self, destination: &Destination, seen: Secret) {
        self.open().seen.insert(destination.clone(), seen);
    }

    /// Takes what was left about a machine: once, so that nobody acts on an old look.
    #[must_use]
    pub fn take(&self, destination: &Destination) -> Option<Secret> {
        self.open().seen.remove(destination)
    }

    /// The path of the socket of another tunnel.
    pub(super) fn tunnel_socket(&self, env: &BTreeMap<String, String>) -> Result<String, Failure> {
        self.open().socket(env)
    }

    /// The tunnel to this destination that this run keeps up.
    pub(super) fn tunnel(&self, destination: &Destination) -> Option<Arc<Tunnel>> {
        self.open().tunnels.get(destination).map(|(tunnel, _)| Arc::clone(tunnel))
    }

    /// Takes over a tunnel and the task that keeps it up.
    pub(super) fn keep(
        &self,
        destination: &Destination,
        tunnel: &Arc<Tunnel>,
        keeper: JoinHandle<()>,
    ) {
        self.open().tunnels.insert(destination.clone(), (Arc::clone(tunnel), keeper));
    }

    /// What becomes of the tunnels that are opened from now on, turn by turn.
    #[must_use]
    pub fn listen(&self) -> UnboundedReceiver<TunnelState> {
        let (listener, turns) = unbounded_channel();
        self.open().listener = Some(listener);
        turns
    }

    pub(super) fn listener(&self) -> Option<UnboundedSender<TunnelState>> {
        self.open().listener.clone()
    }

    /// Has tunnels that are down made again now: what was in the way may have gone.
    pub fn hurry(&self) {
        for (tunnel, _) in self.open().tunnels.values() {
            // A word to a tunnel that is up would be kept for its next trouble.
            if matches!(tunnel.state.borrow().stage, Stage::Down(_)) {
                tunnel.hurry.notify_one();
            }
        }
    }

    pub(super) fn record_path(&self) -> Option<PathBuf> {
        self.open().record.clone()
    }

    /// The tunnel that this run, or another one of the project, keeps up.
    #[must_use]
    pub fn tunnel_record(&self) -> Option<Record> {
        record::read(&self.record_path()?)
    }

    /// Ends every tunnel and connection and removes what belongs to them. A connection that does not
    /// listen ends by itself soon after.
    pub async fn close(&self, runner: &dyn Runner) {
        let closed = {
            let mut open = self.open();
            let (record, listener) = (open.record.clone(), open.listener.clone());
            std::mem::replace(&mut *open, Open { record, listener, ..Open::default() })
        };
        closed.end(runner).await;
    }

    /// As [`Connections::close`], for all that leads elsewhere than to this destination. A tunnel to it that
    /// was given up is forgotten, so that it is tried again.
    pub async fn close_others(&self, kept: Option<&Destination>, runner: &dyn Runner) {
        let others = {
            let mut open = self.open();
            let links = split_off(&mut open.links, kept);
            let tunnels = split_off(&mut open.tunnels, kept);
            open.tunnels.retain(|_, (tunnel, _)| !tunnel.is_over());
            Open { links, tunnels, ..Open::default() }
        };
        others.end(runner).await;
    }
}

/// Takes out what is of other destinations than this one.
fn split_off<T>(
    all: &mut BTreeMap<Destination, T>,
    kept: Option<&Destination>,
) -> BTreeMap<Destination, T> {
    let is_kept = |destination: &Destination| Some(destination) == kept;
    let (left, others) =
        std::mem::take(all).into_iter().partition(|(destination, _)| is_kept(destination));
    *all = left;
    others
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_of_a_machine_is_taken_once() {
        let connections = Connections::default();
        let vm = Destination::parse("vm").unwrap();
        connections.leave(&vm, Secret::new("old"));
        connections.leave(&vm, Secret::new("new"));
        assert_eq!(connections.take(&vm), Some(Secret::new("new")));
        assert_eq!(connections.take(&vm), None);
    }
}
