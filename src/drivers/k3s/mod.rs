//! The driver of K3s on a machine that ssh reaches: in which order things are asked and done. What is
//! asked is one survey, what follows from it is in the files beside this one.

mod access;
mod convergence;
mod facts;
mod findings;
mod images;
mod install;
mod installed;
mod local;
mod machine;
mod reasons;
mod remove;
mod scripts;
mod server_config;
mod survey;
mod survey_network;
#[cfg(test)]
mod tests;
mod tunnel;
mod version;
mod wanted;

use std::net::{IpAddr, SocketAddr};

use crate::config::model::Purge;
use crate::drivers::cluster::{ClusterDriver, ClusterState, Insistence, Sighting};
use crate::drivers::kubeconfig;
use crate::drivers::references::NodeImage;
use crate::drivers::spec::Spec;
use crate::event::Fix;
use crate::host::reach::{self, Barrier};
use crate::host::workbench::Workbench;
use crate::plan::change::Change;
use crate::policy::{Class, Failure};
use crate::quote::quote;
use crate::redact::Secret;
use access::Entry;
use convergence::Standing;
use machine::{Machine, Seen};

/// The driver of K3s over ssh.
#[derive(Clone, Debug)]
pub struct K3s {
    spec: Spec,
}

impl K3s {
    /// A driver for this cluster.
    #[must_use]
    pub fn new(spec: Spec) -> Self {
        Self { spec }
    }

    fn machine<'a>(&'a self, bench: &'a Workbench) -> Result<Machine<'a>, Failure> {
        Machine::of(&self.spec, bench)
    }

    /// Where the kubeconfig leads, which is where this machine reaches the cluster.
    async fn server(&self, bench: &Workbench) -> Result<(String, u16), Failure> {
        let context = &self.spec.context;
        let access = kubeconfig::access(bench, context).await?;
        let server = access.map(|access| access.server).unwrap_or_default();
        let found = access::host_of(&server).map(|(host, port)| (host.to_owned(), port));
        found.ok_or_else(|| {
            let summary = format!("the kubeconfig has no server for the context `{context}`");
            Failure::new(Class::Permanent, "CLUSTER_NOT_RUNNING", summary)
                .fix(Fix::safe("mlup start"))
        })
    }
}

/// The state of a machine, with what this machine's kubeconfig makes of it.
fn state(machine: &Machine<'_>, seen: &Seen) -> Result<ClusterState, Failure> {
    let state = convergence::state(seen.standing, &seen.facts);
    if state != ClusterState::Running {
        return Ok(state);
    }
    let context = &machine.spec.context;
    let found = kubeconfig::identity(machine.bench, context)?;
    match access::entry(found.as_ref(), &seen.server, &seen.facts) {
        Entry::Right => Ok(state),
        Entry::Stale(why) => Ok(ClusterState::Misconfigured { why }),
        Entry::Foreign(server) => Err(install::taken(context, &server)),
    }
}

impl ClusterDriver for K3s {
    async fn preflight(&self, bench: &Workbench) -> Vec<Failure> {
        let seen = async {
            let machine = self.machine(bench)?;
            let seen = machine.look_for_next().await?;
            Ok((machine, seen))
        };
        let (machine, seen) = match seen.await {
            Ok(found) => found,
            Err(failure) => return vec![failure],
        };
        let found = machine.findings(&seen);
        for doubt in found.doubtful {
            bench.warn(doubt.code, doubt.summary, doubt.fix.map(|fix| fix.command));
        }
        findings::together(&machine.wanted.host, found.wrong).into_iter().collect()
    }

    async fn probe(&self, bench: &Workbench) -> Result<Sighting, Failure> {
        let machine = self.machine(bench)?;
        let seen = machine.look_unless_seen().await?;
        machine.check_rights(&seen)?;
        if seen.facts.k3s.is_agent {
            let summary = format!("`{}` is an agent of another cluster", machine.wanted.host);
            let fix = Fix::safe("name its server in `host`, or take another machine");
            return Err(Failure::new(Class::Refused, "K3S_IS_AGENT", summary).fix(fix));
        }
        if seen.standing == Standing::Foreign {
            let host = &machine.wanted.host;
            let message =
                format!("mlup did not install the K3s on `{host}`: it is used and not changed");
            bench.warn("K3S_NOT_OURS", message, None);
        }
        let mut drift =
            convergence::drift(&machine.wanted, &seen.facts, seen.standing, &seen.config);
        if seen.standing == Standing::Ours {
            drift.extend(convergence::unprepared(&machine.wanted, &seen.facts));
        }
        let state = state(&machine, &seen)?;
        if state == ClusterState::Running {
            machine.tunnel(&seen).await?;
        }
        Ok(Sighting { state, drift })
    }

    /// K3s has no `--force`: both kinds of insistence are the same.
    async fn start(&self, bench: &Workbench, _: Insistence) -> Result<(), Failure> {
        install::start(&self.machine(bench)?).await
    }

    async fn amend(&self, bench: &Workbench, sighting: &Sighting) -> Result<(), Failure> {
        install::amend(&self.machine(bench)?, sighting).await
    }

    async fn stop(&self, bench: &Workbench) -> Result<(), Failure> {
        remove::stop(&self.machine(bench)?).await
    }

    async fn delete(&self, _: &Workbench) -> Result<(), Failure> {
        let host = self.spec.k3s.host.as_ref().map(ToString::to_string).unwrap_or_default();
        let summary = format!("K3s is taken off `{host}` by a purge alone");
        Err(Failure::new(Class::Refused, "K3S_STAYS", summary)
            .fix(Fix::destructive("mlup reset --purge")))
    }

    async fn purge(&self, bench: &Workbench, _: Purge) -> Result<(), Failure> {
        remove::purge(&self.machine(bench)?).await
    }

    async fn doomed(
        &self,
        bench: &Workbench,
        purge: Option<Purge>,
    ) -> Result<Vec<Change>, Failure> {
        match purge {
            Some(_) => remove::doomed(&self.machine(bench)?).await,
            None => Ok(Vec::new()),
        }
    }

    async fn kubeconfig(&self, bench: &Workbench) -> Result<Secret, Failure> {
        let config = kubeconfig::of_context(bench, &self.spec.context).await?;
        let (host, port) = self.server(bench).await?;
        self.open_way(bench).await?;
        match reach::port(&host, port).await {
            Ok(()) => Ok(config),
            Err(barrier) => Err(unreachable(&self.spec, &host, port, &barrier)),
        }
    }

    async fn load_image(&self, bench: &Workbench, image: &str) -> Result<(), Failure> {
        images::load(&self.machine(bench)?, image).await
    }

    async fn list_images(&self, bench: &Workbench) -> Result<Vec<NodeImage>, Failure> {
        images::list(&self.machine(bench)?).await
    }

    async fn node_address(&self, bench: &Workbench) -> Result<IpAddr, Failure> {
        let (host, _) = self.server(bench).await?;
        reach::address(&host).await.ok_or_else(|| {
            let summary = format!("nobody knows an address of `{host}`, the machine of K3s");
            Failure::new(Class::Prerequisite, "CLUSTER_UNREACHABLE", summary)
                .fix(Fix::safe(format!("getent hosts {}", quote(&host))))
        })
    }

    async fn open_way(&self, bench: &Workbench) -> Result<(), Failure> {
        let Some(near) = tunnel::near_end(&self.spec) else { return Ok(()) };
        let machine = self.machine(bench)?;
        if machine.ssh.provides(near.port) {
            return Ok(());
        }
        machine.tunnel(&machine.look().await?).await
    }

    async fn node_port(&self, bench: &Workbench, port: u16) -> Result<SocketAddr, Failure> {
        if self.spec.k3s.tunnel {
            self.machine(bench)?.tunnel_to(port).await?;
            return Ok(SocketAddr::new(tunnel::HERE, port));
        }
        Ok(SocketAddr::new(self.node_address(bench).await?, port))
    }
}

/// K3s runs, and this machine does not come to its API server.
fn unreachable(spec: &Spec, host: &str, port: u16, barrier: &Barrier) -> Failure {
    let (how, why) = match barrier {
        Barrier::Dropped => ("nothing comes back", "a firewall on the way drops it"),
        Barrier::Refused => {
            ("the connection is refused", "nobody listens there, or a firewall says no")
        }
        Barrier::NoWay(words) => (words.as_str(), "there is no way there"),
    };
    let summary = format!("K3s cannot be reached at {host}:{port} from here: {why}");
    let machine = spec.k3s.host.as_ref().map(ToString::to_string).unwrap_or_default();
    let fix = format!(
        "ssh -t {} sudo firewall-cmd --list-all   # let {port}/tcp through, or write `tunnel = true` into \
         `[cluster]` of mlup.toml",
        quote(&machine)
    );
    Failure::new(Class::Prerequisite, "K3S_API_UNREACHABLE", summary)
        .because(format!("tcp {host}:{port}"), how)
        .fix(Fix::safe(fix))
}
