//! K3s on one machine as it is wanted, with what follows from the configuration and what K3s takes by
//! itself. Pure.

use std::net::{IpAddr, Ipv4Addr};

use crate::config::model::{Install, Prepare};
use crate::config::subnet::Subnet;
use crate::drivers::spec::Spec;

/// What K3s takes unless it is told otherwise (docs.k3s.io/cli/server).
const API_PORT: u16 = 6443;
const PODS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 42, 0, 0));
const SERVICES: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 43, 0, 0));

/// Where the installer and what it installs come from.
const SOURCES: [&str; 2] = ["get.k3s.io", "github.com"];

/// Where the images of K3s itself come from.
const IMAGES: [&str; 3] =
    ["registry-1.docker.io", "auth.docker.io", "production.cloudflare.docker.com"];

/// K3s as it is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The cluster's name.
    pub(super) cluster: String,
    /// The destination of ssh, as it is written.
    pub(super) host: String,
    pub(super) version: Option<String>,
    /// The port on which the API server is to listen over there.
    pub(super) api_port: u16,
    /// How this machine comes to it.
    pub(super) way: Way,
    pub(super) networks: Networks,
    pub(super) disable: Vec<String>,
    /// Flags of the server beyond those, as they are written.
    pub(super) args: Vec<String>,
    pub(super) prepare: Vec<Prepare>,
    pub(super) install: Install,
    /// NodePorts that are to be reached from outside.
    pub(super) node_ports: Vec<u16>,
    /// Registries of the configuration, which the machine has to reach.
    pub(super) registries: Vec<String>,
}

/// How this machine comes to the cluster's ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// At the machine's own address.
    Direct,
    /// Through ssh: no firewall has to let them through.
    Tunnel,
}

/// The networks of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Networks {
    pub(super) pods: Subnet,
    pub(super) services: Subnet,
    /// The address of the cluster's DNS.
    pub(super) dns: Option<IpAddr>,
    /// Whether any of them is written in the configuration.
    pub(super) are_chosen: bool,
}

impl Wanted {
    /// What the configuration wants.
    pub(super) fn of(spec: &Spec) -> Self {
        let k3s = &spec.k3s;
        let own = |base: IpAddr| Subnet::parse(&format!("{base}/16")).unwrap_or(Subnet::of(base));
        let services = k3s.service_cidr.unwrap_or_else(|| own(SERVICES));
        Self {
            cluster: spec.name.clone(),
            host: k3s.host.as_ref().map(ToString::to_string).unwrap_or_default(),
            version: k3s.version.clone(),
            api_port: if k3s.tunnel { API_PORT } else { spec.api_port.unwrap_or(API_PORT) },
            way: if k3s.tunnel { Way::Tunnel } else { Way::Direct },
            networks: Networks {
                pods: k3s.cluster_cidr.unwrap_or_else(|| own(PODS)),
                services,
                dns: k3s.dns.or_else(|| services.address(10)),
                are_chosen: k3s.cluster_cidr.is_some()
                    || k3s.service_cidr.is_some()
                    || k3s.dns.is_some(),
            },
            disable: k3s.disable.clone(),
            args: spec.args.clone(),
            prepare: k3s.prepare.clone(),
            install: k3s.install.clone(),
            node_ports: spec.ports.clone(),
            registries: spec.registries.clone(),
        }
    }

    /// Whether the machine is prepared with this.
    pub(super) fn prepares(&self, item: Prepare) -> bool {
        self.prepare.contains(&item)
    }

    /// Whether this machine brings all that is installed.
    pub(super) fn is_local(&self) -> bool {
        matches!(self.install, Install::Local(_))
    }

    /// What the machine has to reach for an installation. Images may come along with a local one, so
    /// that their registry is not needed then.
    pub(super) fn needed_hosts(&self) -> Vec<String> {
        let mut hosts: Vec<String> = Vec::new();
        let mut add = |host: &str| {
            if is_host(host) && !hosts.iter().any(|known| known == host) {
                hosts.push(host.to_owned());
            }
        };
        if !self.is_local() {
            SOURCES.iter().chain(&IMAGES).for_each(|host| add(host));
        }
        for registry in &self.registries {
            add(registry.split('/').next().unwrap_or_default());
        }
        hosts
    }
}

/// Whether it can be part of an address without being taken for anything else.
fn is_host(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
    !text.is_empty() && !text.starts_with('-') && text.chars().all(fits)
}
