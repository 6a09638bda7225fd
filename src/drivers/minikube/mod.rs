//! The driver of minikube: the order of things. Command lines are `argv`, what minikube prints is
//! `status`, `events`, `profile` and `reasons`, what goes with a cluster is `remains` and `remove`.

mod address;
mod argv;
mod environment;
mod events;
mod images;
mod preflight;
mod profile;
mod reasons;
mod remains;
mod remove;
mod start;
mod status;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::time::Duration;

use crate::config::model::Purge;
use crate::drivers::cluster::{ClusterDriver, ClusterState, Cure, Drift, Insistence, Sighting};
use crate::drivers::kubeconfig;
use crate::drivers::references::NodeImage;
use crate::drivers::spec::Spec;
use crate::event::Fix;
use crate::host::cmd::{Cmd, Output};
use crate::host::containers::Status;
use crate::host::docker::engine_facts;
use crate::host::labelled::{self, NodeContainer};
use crate::host::user;
use crate::host::workbench::Workbench;
use crate::plan::change::Change;
use crate::policy::escalate::Onset;
use crate::policy::{Class, Failure};
use crate::redact::Secret;

/// Label of a node's container, of its volume and of the network: the profile's name.
const PROFILE_LABEL: &str = "name.minikube.sigs.k8s.io";

/// Label of everything that minikube made.
const CREATED_LABEL: &str = "created_by.minikube.sigs.k8s.io";

/// How long a command that only looks may take.
const LOOK_LIMIT: Duration = Duration::from_secs(30);

/// How long a change of a living cluster may take.
const CHANGE_LIMIT: Duration = Duration::from_secs(180);

/// Failures of the Docker Engine that pass once it is back.
const ENGINE_DOWN: [&str; 4] =
    ["DOCKER_UNREACHABLE", "DOCKER_CONNECTION_LOST", "DOCKER_TIMEOUT", "DOCKER_BUSY"];

/// The driver of minikube.
#[derive(Clone, Debug)]
pub struct Minikube {
    spec: Spec,
    as_root: bool,
}

impl Minikube {
    /// A driver for this cluster.
    #[must_use]
    pub fn new(spec: Spec) -> Self {
        Self { spec, as_root: user::is_root() }
    }

    /// Runs a command that only looks.
    async fn look(&self, bench: &Workbench, cmd: Cmd, limit: Duration) -> Result<Output, Failure> {
        let looked = bench.look(environment::sealed(cmd, bench), limit).await;
        looked.map_err(how_to_install)
    }

    /// Runs a command that changes the cluster, and says what its failure means; `doing` completes
    /// "minikube could not ...".
    async fn change(&self, bench: &Workbench, cmd: Cmd, doing: &str) -> Result<Output, Failure> {
        let changed = bench.change(environment::sealed(cmd, bench), CHANGE_LIMIT).await;
        let output = changed.map_err(how_to_install)?;
        if output.success() { Ok(output) } else { Err(self.failure(bench, &output, doing).await) }
    }

    /// What a failed minikube means: a dead engine before anything that minikube says of it.
    async fn failure(&self, bench: &Workbench, output: &Output, doing: &str) -> Failure {
        match engine_facts(&bench.host.docker).await {
            Ok(_) => reasons::failure(output, doing, &self.spec.name),
            Err(failure) => waiting(failure),
        }
    }

    /// The container of the first node; `None` is sure to mean that there is none.
    async fn node(&self, bench: &Workbench) -> Result<Option<NodeContainer>, Failure> {
        labelled::container(&bench.host.docker, &self.spec.name).await.map_err(waiting)
    }

    /// Where the cluster stands. The container is asked first: with a dead engine minikube calls
    /// every cluster gone.
    async fn state(
        &self,
        bench: &Workbench,
    ) -> Result<(ClusterState, Option<NodeContainer>), Failure> {
        let name = &self.spec.name;
        let node = self.node(bench).await?;
        let output = self.look(bench, argv::status(name, name), LOOK_LIMIT).await?;
        let state = status::state(name, &status::parse(&output)?, node.as_ref())?;
        if state == ClusterState::Running
            && let Some(broken) = self.broken_worker(bench).await?
        {
            return Ok((broken, node));
        }
        Ok((state, node))
    }

    /// The first further node that does not run. One that the cluster was made without is drift.
    async fn broken_worker(&self, bench: &Workbench) -> Result<Option<ClusterState>, Failure> {
        let name = &self.spec.name;
        for number in 2..=argv::nodes(&self.spec) {
            let machine = argv::machine(name, number);
            let output = self.look(bench, argv::status(name, &machine), LOOK_LIMIT).await?;
            let report = status::parse(&output)?;
            if report == status::Report::NoNode {
                continue;
            }
            let engine = &bench.host.docker;
            let node = labelled::container(engine, &machine).await.map_err(waiting)?;
            let state = status::state(&machine, &report, node.as_ref())?;
            if !matches!(state, ClusterState::Running | ClusterState::Misconfigured { .. }) {
                let why = format!("its node `{machine}` does not run");
                return Ok(Some(ClusterState::Broken { onset: Onset::Transient, why }));
            }
        }
        Ok(None)
    }

    /// What differs from the configuration.
    async fn drift(
        &self,
        bench: &Workbench,
        node: Option<&NodeContainer>,
    ) -> Result<Vec<Drift>, Failure> {
        let mut drift: Vec<Drift> =
            node.and_then(|node| profile::network_drift(&self.spec, node)).into_iter().collect();
        if !profile::is_needed(&self.spec) {
            return Ok(drift);
        }
        let output = self.look(bench, argv::profiles(), LOOK_LIMIT).await?;
        let listing = profile::Listing::parse(&output.stdout);
        match listing.as_ref().and_then(|listing| listing.settings(&self.spec.name)) {
            Some(settings) => drift.extend(profile::drift(&self.spec, settings)),
            None => bench.warn(
                "CLUSTER_DRIFT_UNKNOWN",
                "`minikube profile list` does not say what the cluster was made with",
                None,
            ),
        }
        Ok(drift)
    }
}

/// Whether the engine has to come back first.
fn waiting(failure: Failure) -> Failure {
    if ENGINE_DOWN.contains(&failure.code) { failure.curable(Onset::Wait) } else { failure }
}

fn how_to_install(failure: Failure) -> Failure {
    if failure.code == "TOOL_MISSING" {
        return failure.fix(Fix::safe(preflight::INSTALL));
    }
    failure
}

impl ClusterDriver for Minikube {
    async fn preflight(&self, bench: &Workbench) -> Vec<Failure> {
        preflight::run(self, bench).await
    }

    async fn probe(&self, bench: &Workbench) -> Result<Sighting, Failure> {
        let (state, node) = self.state(bench).await?;
        let is_there = matches!(
            state,
            ClusterState::Running
                | ClusterState::Stopped
                | ClusterState::Paused
                | ClusterState::Misconfigured { .. }
        );
        let drift = if is_there { self.drift(bench, node.as_ref()).await? } else { Vec::new() };
        Ok(Sighting { state, drift })
    }

    async fn start(&self, bench: &Workbench, insistence: Insistence) -> Result<(), Failure> {
        start::run(self, bench, insistence).await
    }

    async fn amend(&self, bench: &Workbench, sighting: &Sighting) -> Result<(), Failure> {
        let name = &self.spec.name;
        if matches!(sighting.state, ClusterState::Misconfigured { .. }) {
            // `update-context` also makes the context the current one; a start does not have to.
            if self.spec.switch_context {
                let doing = "write the kubeconfig entry";
                self.change(bench, argv::update_context(name), doing).await?;
            } else {
                start::run(self, bench, Insistence::Plain).await?;
            }
        }
        let in_place = sighting.drift.iter().filter(|drift| drift.cure == Cure::InPlace);
        for drift in in_place.filter(|drift| drift.what == "addons") {
            let addon = &drift.wanted;
            bench.doing(format!("enabling the add-on {addon}"));
            let doing = format!("enable the add-on `{addon}`");
            self.change(bench, argv::enable_addon(name, addon), &doing).await?;
        }
        Ok(())
    }

    async fn stop(&self, bench: &Workbench) -> Result<(), Failure> {
        let Some(node) = self.node(bench).await? else { return Ok(()) };
        status::refuse_foreign(&self.spec.name, &node)?;
        if node.status == Status::Paused {
            let engine = &bench.host.docker;
            labelled::unpause_container(engine, &node.name).await.map_err(waiting)?;
        }
        bench.doing("stopping the nodes");
        let stopped = self.change(bench, argv::stop(&self.spec), "stop the cluster").await;
        let label = format!("{PROFILE_LABEL}={}", self.spec.name);
        let nodes = labelled::containers_with(&bench.host.docker, &label).await.map_err(waiting)?;
        match nodes.iter().find(|node| node.status == Status::Running) {
            None => Ok(()),
            Some(node) => {
                stopped?;
                let summary =
                    format!("minikube stopped the cluster, and `{}` still runs", node.name);
                let failure = Failure::new(Class::Permanent, "CLUSTER_STOP_FAILED", summary);
                Err(failure.curable(Onset::Unresponsive))
            }
        }
    }

    async fn delete(&self, bench: &Workbench) -> Result<(), Failure> {
        remove::delete(self, bench).await
    }

    async fn purge(&self, bench: &Workbench, extent: Purge) -> Result<(), Failure> {
        remove::purge(self, bench, extent).await
    }

    async fn doomed(
        &self,
        bench: &Workbench,
        purge: Option<Purge>,
    ) -> Result<Vec<Change>, Failure> {
        remove::doomed(self, bench, purge).await
    }

    async fn kubeconfig(&self, bench: &Workbench) -> Result<Secret, Failure> {
        kubeconfig::of_context(bench, &self.spec.context).await
    }

    async fn load_image(&self, bench: &Workbench, image: &str) -> Result<(), Failure> {
        images::load(self, bench, image).await
    }

    async fn list_images(&self, bench: &Workbench) -> Result<Vec<NodeImage>, Failure> {
        images::list(self, bench).await
    }

    async fn node_address(&self, bench: &Workbench) -> Result<IpAddr, Failure> {
        let node = self.node(bench).await?;
        let facts = engine_facts(&bench.host.docker).await.map_err(waiting)?;
        // Containers of Docker Desktop are in a virtual machine: only published ports are reached.
        if node.is_some() && facts.operating_system == "Docker Desktop" {
            return Ok(IpAddr::from([127, 0, 0, 1]));
        }
        if let Some(address) = node.as_ref().and_then(|node| address::of(&self.spec, node)) {
            return Ok(address);
        }
        let output = self.look(bench, argv::node_address(&self.spec.name), LOOK_LIMIT).await?;
        let address = output.stdout.trim().parse().ok().filter(|_| output.success());
        address.ok_or_else(|| {
            let summary = format!("the node `{}` does not run", self.spec.name);
            Failure::new(Class::Permanent, "CLUSTER_NOT_RUNNING", summary)
                .because("minikube ip", reasons::ended(output.end))
                .fix(Fix::safe("mlup start"))
        })
    }
}
