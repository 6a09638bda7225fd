//! Ports of this machine that lead to the other one, for as long as the run needs them: what is
//! asked of the tunnel, and waiting for it. Who keeps it up is `keeper`.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::record::Record;
use super::{Connections, Ssh, keeper};
use crate::event::Fix;
use crate::host::ports::{self, Protocol};
use crate::policy::tunnel::{self, Stage};
use crate::policy::{Class, Failure};

/// A port of this machine, on loopback, that leads to an address that the other machine reaches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Forward {
    /// The port of this machine.
    pub local: u16,
    /// The host, as the other machine knows it.
    pub host: String,
    /// The port of that host.
    pub port: u16,
}

impl Forward {
    /// The argument of `-L`.
    pub(super) fn argument(&self) -> String {
        let Self { local, host, port } = self;
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        format!("127.0.0.1:{local}:{host}:{port}")
    }
}

/// The tunnel to one destination.
pub(super) struct Tunnel {
    /// The ports that are wanted so far; the keeper follows.
    pub(super) wanted: watch::Sender<BTreeSet<Forward>>,
    /// How it stands, as the keeper says.
    pub(super) state: watch::Receiver<tunnel::Tunnel>,
    /// Has the keeper try now what it would try later.
    pub(super) hurry: Arc<Notify>,
    /// Ends the keeper.
    pub(super) end: CancellationToken,
}

impl Tunnel {
    /// Why it is not made again, where trying cannot help.
    fn given_up(&self) -> Option<Failure> {
        match &self.state.borrow().stage {
            // A port that was taken may be free by now.
            Stage::Over(failure)
                if failure.class == Class::Refused && failure.code != "PORT_TAKEN" =>
            {
                Some(failure.clone())
            }
            _ => None,
        }
    }

    /// Whether nobody keeps it up any more.
    pub(super) fn is_over(&self) -> bool {
        // The keeper says its last word, then drops its end.
        self.state.has_changed().is_err() || matches!(self.state.borrow().stage, Stage::Over(_))
    }
}

impl Ssh {
    /// Makes these ports lead there, and keeps them doing so until the connections of the run are
    /// closed, also when the connection breaks in between. Ports that another mlup of this project
    /// provides already are left to it.
    ///
    /// # Errors
    /// `PORT_TAKEN`; the machine cannot be reached: classified; `SSH_TUNNEL_DOWN` while the tunnel is
    /// being made again.
    pub async fn forward(&self, forwards: &[Forward]) -> Result<(), Failure> {
        let mut missing: BTreeSet<Forward> = forwards.iter().cloned().collect();
        if let Some(record) = self.bench.host.ssh.lent(self.destination.as_str()) {
            let is_lent = missing.iter().any(|forward| record.forwards.contains(forward));
            if is_lent && !record.is_up() {
                return Err(self.down(record.reason.as_deref()));
            }
            missing.retain(|forward| !record.forwards.contains(forward));
        }
        if missing.is_empty() {
            return Ok(());
        }
        let tunnel = self.tunnel(&missing).await?;
        self.stands(&tunnel, &missing).await
    }

    /// Whether this port of this machine leads there now.
    #[must_use]
    pub fn provides(&self, local: u16) -> bool {
        let connections = &self.bench.host.ssh;
        let own = connections.tunnel(&self.destination).is_some_and(|tunnel| {
            matches!(&tunnel.state.borrow().stage, Stage::Up(ports) if ports.contains(&local))
        });
        let lent = |record: Record| {
            record.is_up() && record.forwards.iter().any(|forward| forward.local == local)
        };
        own || connections.lent(self.destination.as_str()).is_some_and(lent)
    }

    /// The run's tunnel, with these ports among those that it is to have.
    async fn tunnel(&self, ports: &BTreeSet<Forward>) -> Result<Arc<Tunnel>, Failure> {
        let connections = &self.bench.host.ssh;
        let _turn = connections.tunnelling.lock().await;
        let known = connections.tunnel(&self.destination);
        if let Some(failure) = known.as_ref().and_then(|tunnel| tunnel.given_up()) {
            return Err(failure);
        }
        let known = known.filter(|tunnel| !tunnel.is_over());
        let held = known.as_ref().map(|tunnel| tunnel.wanted.borrow().clone()).unwrap_or_default();
        for forward in ports.difference(&held) {
            self.check_free(forward.local).await?;
        }
        let Some(tunnel) = known else {
            return keeper::open(&self.destination, &self.bench.host, ports.clone());
        };
        tunnel.wanted.send_if_modified(|wanted| {
            let before = wanted.len();
            wanted.extend(ports.iter().cloned());
            wanted.len() > before
        });
        Ok(tunnel)
    }

    /// Waits until the tunnel has these ports, or why it has not.
    async fn stands(&self, tunnel: &Tunnel, wanted: &BTreeSet<Forward>) -> Result<(), Failure> {
        let mut state = tunnel.state.clone();
        let settled = state.wait_for(|tunnel| match &tunnel.stage {
            Stage::Connecting => false,
            Stage::Up(ports) => wanted.iter().all(|forward| ports.contains(&forward.local)),
            Stage::Down(_) | Stage::Over(_) => true,
        });
        let settled = tokio::select! {
            () = self.bench.cancel.cancelled() => return Err(Failure::cancelled()),
            settled = tokio::time::timeout_at(self.bench.deadline, settled) => settled,
        };
        match settled {
            Ok(Ok(tunnel)) => match &tunnel.stage {
                Stage::Connecting | Stage::Up(_) => Ok(()),
                Stage::Down(failure) => Err(self.down(Some(&failure.summary))),
                Stage::Over(failure) => Err(failure.clone()),
            },
            // Its keeper was ended with the run.
            Ok(Err(_)) => Err(Failure::cancelled()),
            Err(_) => {
                let summary = "the tunnel did not come up within the time of the step";
                Err(Failure::new(Class::Timeout, "STEP_TIMEOUT", summary))
            }
        }
    }

    fn down(&self, reason: Option<&str>) -> Failure {
        let summary =
            format!("the tunnel to `{}` is down and is being made again", self.destination);
        let failure = Failure::new(Class::Transient, "SSH_TUNNEL_DOWN", summary);
        match reason {
            Some(reason) => failure.because("ssh", reason),
            None => failure,
        }
    }

    async fn check_free(&self, port: u16) -> Result<(), Failure> {
        if ports::is_free(IpAddr::V4(Ipv4Addr::LOCALHOST), port, Protocol::Tcp) {
            return Ok(());
        }
        let owner = ports::owner(&self.bench.host.docker, port, Protocol::Tcp).await;
        let owner = owner.map_or(String::new(), |owner| format!(" by {owner}"));
        Err(taken(port, self.destination.as_str(), &owner))
    }
}

/// A port of this machine that somebody else has.
pub(super) fn taken(port: u16, destination: &str, by: &str) -> Failure {
    let summary =
        format!("port {port} of this machine, which is to lead to `{destination}`, is taken{by}");
    let fix = Fix::safe(format!("sudo ss -ltnp 'sport = :{port}'"));
    Failure::new(Class::Refused, "PORT_TAKEN", summary).fix(fix)
}

impl Connections {
    /// The tunnel to this destination that another mlup of this project keeps up.
    fn lent(&self, destination: &str) -> Option<Record> {
        let record = self.tunnel_record()?;
        (!record.is_own() && record.destination == destination).then_some(record)
    }
}
