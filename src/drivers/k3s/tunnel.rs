//! The way to a K3s whose ports cannot be reached from here: through ssh, each port under its own
//! number on this machine, the API server's under `api_port`.

use std::net::{IpAddr, Ipv4Addr};

use crate::drivers::k3s::access::Server;
use crate::drivers::k3s::machine::{Machine, Seen};
use crate::drivers::spec::Spec;
use crate::host::ssh::Forward;
use crate::policy::Failure;

/// The port of the API server on this machine, unless the configuration has another.
const API_PORT: u16 = 6443;

/// Where the tunnel's ports are on this machine.
pub(super) const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The API server at this machine's end, where the configuration wants a tunnel. The certificate of
/// K3s is good for it: the server signs for 127.0.0.1 too (k3s, `pkg/daemons/control/deps`).
pub(super) fn near_end(spec: &Spec) -> Option<Server> {
    let port = spec.api_port.unwrap_or(API_PORT);
    spec.k3s.tunnel.then(|| Server { host: HERE.to_string(), port })
}

impl Machine<'_> {
    /// Makes the ports of the API server and those of the configuration lead there, where that is
    /// wanted.
    pub(super) async fn tunnel(&self, seen: &Seen) -> Result<(), Failure> {
        let Some(near) = near_end(self.spec) else { return Ok(()) };
        let api = Forward { local: near.port, host: HERE.to_string(), port: seen.listens };
        let mut ports = vec![api];
        ports.extend(self.spec.ports.iter().map(|port| node_port(*port, seen.facts.address)));
        self.ssh.forward(&ports).await
    }

    /// The same for one NodePort.
    pub(super) async fn tunnel_to(&self, port: u16) -> Result<(), Failure> {
        if self.ssh.provides(port) {
            return Ok(());
        }
        let seen = self.look().await?;
        self.ssh.forward(&[node_port(port, seen.facts.address)]).await
    }
}

/// A NodePort answers at the machine's own address whatever its kube-proxy is made of; at loopback it
/// need not.
fn node_port(port: u16, address: Option<IpAddr>) -> Forward {
    Forward { local: port, host: address.unwrap_or(HERE).to_string(), port }
}
