//! All side effects: processes, Docker, files, sockets and the clock. Steps reach the world
//! through [`Host`] alone; deciding what to do has no place here.

pub mod build_context;
pub mod chart;
pub mod clock;
pub mod cmd;
pub mod containers;
pub mod docker;
pub mod ecr;
pub mod elf;
pub mod files;
pub mod fingerprint;
pub mod halt;
pub mod http;
pub mod image_archive;
pub mod journal;
pub mod kernel;
pub mod kube;
pub mod labelled;
pub mod lock;
pub mod machine;
pub mod notify;
pub mod ports;
pub mod process;
pub mod random;
pub mod reach;
pub mod registry;
pub mod routes;
pub mod runlog;
pub mod ssh;
pub mod state_dir;
pub mod terminal;
#[cfg(test)]
pub(crate) mod testing;
pub mod user;
pub mod workbench;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use cmd::{Cmd, Output, SpawnError};

/// Runs commands. The one seam for processes: tests script it, `process` is the real one.
pub trait Runner: Send + Sync {
    /// Runs the command to its end, its time limit or the cancellation, whichever comes first.
    /// On the last two its whole process group is stopped before this returns.
    fn run(&self, cmd: Cmd, cancel: CancellationToken)
    -> BoxFuture<'_, Result<Output, SpawnError>>;
}

/// Everything that steps may touch.
#[derive(Clone)]
pub struct Host {
    /// Processes.
    pub runner: Arc<dyn Runner>,
    /// The Docker Engine, connected on first use.
    pub docker: docker::Engine,
    /// Connections to other machines, made on first use.
    pub ssh: ssh::Connections,
    /// The process environment as it was at the start.
    pub env: Arc<BTreeMap<String, String>>,
}

impl Host {
    /// Ends what is open towards other machines; it is made again when it is needed.
    pub async fn close(&self) {
        self.ssh.close(&*self.runner).await;
    }
}
