//! The driver of k3d: in which order things are asked and done. What its output means is in the
//! files beside this one.

mod argv;
mod create;
mod delete;
mod images;
mod list;
mod log;
mod ports;
mod preflight;
mod purge;
mod reasons;
mod remains;
mod sight;
mod start;
#[cfg(test)]
mod tests;
mod tool;

use std::net::{IpAddr, Ipv4Addr};

use crate::config::model::Purge;
use crate::drivers::cluster::{ClusterDriver, ClusterState, Insistence, Sighting};
use crate::drivers::references::NodeImage;
use crate::drivers::spec::Spec;
use crate::event::Fix;
use crate::host::workbench::Workbench;
use crate::plan::change::{Change, Op};
use crate::policy::escalate::Onset;
use crate::policy::{Class, Failure};
use crate::redact::Secret;

/// The driver of k3d.
#[derive(Clone, Debug)]
pub struct K3d {
    spec: Spec,
}

impl K3d {
    /// A driver for this cluster.
    #[must_use]
    pub fn new(spec: Spec) -> Self {
        Self { spec }
    }
}

/// The context that k3d writes for a cluster; it cannot be told another name.
fn context(name: &str) -> String {
    format!("k3d-{name}")
}

impl ClusterDriver for K3d {
    async fn preflight(&self, bench: &Workbench) -> Vec<Failure> {
        preflight::preflight(bench, &self.spec).await
    }

    async fn probe(&self, bench: &Workbench) -> Result<Sighting, Failure> {
        // The engine first: without one k3d says that there is no cluster.
        tool::engine(bench).await?;
        let remains = remains::of(bench, &self.spec).await?;
        let cluster = tool::cluster(bench, &self.spec).await?;
        let mut state = sight::state(&self.spec.name, cluster.as_ref(), &remains);
        if let (ClusterState::Running, Some(cluster)) = (&state, &cluster) {
            let entry = start::entry(bench, &self.spec).await?;
            if let Some(why) = sight::misleads(cluster, &context(&self.spec.name), &entry) {
                state = ClusterState::Misconfigured { why };
            }
        }
        Ok(sight::sighting(&self.spec, state, cluster.as_ref()))
    }

    /// k3d has no `--force`: both kinds of insistence are the same.
    async fn start(&self, bench: &Workbench, _: Insistence) -> Result<(), Failure> {
        tool::engine(bench).await?;
        match tool::cluster(bench, &self.spec).await? {
            Some(cluster) => start::start(bench, &self.spec, &cluster).await,
            None => create::create(bench, &self.spec).await,
        }
    }

    async fn amend(&self, bench: &Workbench, _: &Sighting) -> Result<(), Failure> {
        tool::engine(bench).await?;
        let cluster = tool::cluster(bench, &self.spec).await?;
        let cluster = cluster.ok_or_else(|| gone(&self.spec))?;
        start::publish(bench, &self.spec, &cluster).await?;
        start::point_kubeconfig(bench, &self.spec, &cluster).await
    }

    async fn stop(&self, bench: &Workbench) -> Result<(), Failure> {
        start::stop(bench, &self.spec).await
    }

    async fn delete(&self, bench: &Workbench) -> Result<(), Failure> {
        delete::delete(bench, &self.spec).await
    }

    async fn purge(&self, bench: &Workbench, extent: Purge) -> Result<(), Failure> {
        purge::purge(bench, &self.spec, extent).await
    }

    async fn doomed(
        &self,
        bench: &Workbench,
        purge: Option<Purge>,
    ) -> Result<Vec<Change>, Failure> {
        tool::engine(bench).await?;
        let remains = remains::of(bench, &self.spec).await?;
        let mut changes = remains.removals(&self.spec.name);
        if purge.is_some() && !changes.is_empty() {
            let object = format!("kubeconfig context {}", context(&self.spec.name));
            changes.push(Change::new(Op::Remove, object, "it leads to the cluster"));
        }
        Ok(changes)
    }

    async fn kubeconfig(&self, bench: &Workbench) -> Result<Secret, Failure> {
        let name = &self.spec.name;
        let output = tool::look(bench, argv::kubeconfig(name), tool::LOOK).await?;
        if !output.success() {
            let doing = format!("read the kubeconfig of cluster `{name}`");
            return Err(reasons::failure(&output, &doing, name));
        }
        Ok(Secret::new(output.stdout))
    }

    async fn load_image(&self, bench: &Workbench, image: &str) -> Result<(), Failure> {
        images::load(bench, &self.spec, image).await
    }

    async fn list_images(&self, bench: &Workbench) -> Result<Vec<NodeImage>, Failure> {
        images::list(bench, &self.spec).await
    }

    async fn node_address(&self, bench: &Workbench) -> Result<IpAddr, Failure> {
        if !self.spec.ports.is_empty() {
            return Ok(Ipv4Addr::LOCALHOST.into());
        }
        let cluster = tool::cluster(bench, &self.spec).await?.ok_or_else(|| gone(&self.spec))?;
        let address = cluster.servers().find_map(|node| node.address()?.parse().ok());
        address.ok_or_else(|| {
            let summary = format!("no server of cluster `{}` runs", self.spec.name);
            Failure::new(Class::Permanent, "CLUSTER_NOT_RUNNING", summary)
                .fix(Fix::safe("mlup start"))
        })
    }
}

/// The failure of work on a cluster that is not there.
fn gone(spec: &Spec) -> Failure {
    let summary = format!("k3d knows no cluster `{}`", spec.name);
    Failure::new(Class::Permanent, "CLUSTER_NOT_RUNNING", summary)
        .fix(Fix::safe("mlup start"))
        .curable(Onset::Corrupt)
}
