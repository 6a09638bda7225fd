//! What of a cluster is on the engine, found by k3d's labels and not by k3d: it overlooks a cluster
//! whose server is gone, and reports success where it could not look.

use crate::drivers::k3d::tool::awaited;
use crate::drivers::spec::{ClusterNetwork, Spec};
use crate::host::containers::Status;
use crate::host::labelled::{self, NamedNetwork, NodeContainer};
use crate::host::workbench::Workbench;
use crate::plan::change::{Change, Op};
use crate::policy::Failure;

/// What is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Remains {
    pub(super) containers: Vec<NodeContainer>,
    pub(super) volumes: Vec<String>,
    /// The network that k3d made for this cluster; never one that it was told to join.
    pub(super) network: Option<NamedNetwork>,
}

impl Remains {
    /// Whether a delete would leave nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.containers.is_empty() && self.volumes.is_empty() && self.network.is_none()
    }

    /// The names of what is there, for people.
    pub(super) fn names(&self) -> Vec<String> {
        let containers = self.containers.iter().map(|node| format!("container `{}`", node.name));
        let volumes = self.volumes.iter().map(|volume| format!("volume `{volume}`"));
        let network = self.network.iter().map(|net| format!("network `{}`", net.name));
        containers.chain(volumes).chain(network).collect()
    }

    /// Whether one of its containers runs.
    pub(super) fn any_runs(&self) -> bool {
        let halted = [Status::Exited, Status::Created, Status::Dead, Status::Removing];
        self.containers.iter().any(|node| !halted.contains(&node.status))
    }

    /// What a delete removes.
    pub(super) fn removals(&self, name: &str) -> Vec<Change> {
        if self.is_empty() {
            return Vec::new();
        }
        let why = "a part of the cluster";
        let mut changes = vec![Change::new(Op::Remove, format!("cluster {name}"), "mlup made it")];
        let containers = self.containers.iter().map(|node| format!("container {}", node.name));
        let volumes = self.volumes.iter().map(|volume| format!("volume {volume}"));
        let network = self.network.iter().map(|net| format!("network {}", net.name));
        let objects = containers.chain(volumes).chain(network);
        changes.extend(objects.map(|object| Change::new(Op::Remove, object, why)));
        changes
    }
}

/// Looks for everything that carries this cluster's label.
pub(super) async fn of(bench: &Workbench, spec: &Spec) -> Result<Remains, Failure> {
    let engine = &bench.host.docker;
    let label = format!("k3d.cluster={}", spec.name);
    let mut containers = labelled::containers_with(engine, &label).await.map_err(awaited)?;
    containers.retain(|node| node.labels.get("app").is_some_and(|app| app == "k3d"));
    let volumes = labelled::volumes_with(engine, &label).await.map_err(awaited)?;
    let network = match &spec.network {
        ClusterNetwork::Own(name) => labelled::network(engine, name).await.map_err(awaited)?,
        ClusterNetwork::Joined { .. } | ClusterNetwork::Elsewhere => None,
    };
    Ok(Remains {
        containers,
        volumes: volumes.into_iter().map(|volume| volume.name).collect(),
        network: network.filter(|net| net.labels.get("app").is_some_and(|app| app == "k3d")),
    })
}

/// The names of the other clusters of k3d on this engine.
pub(super) async fn other_clusters(bench: &Workbench, spec: &Spec) -> Result<Vec<String>, Failure> {
    let all = labelled::containers_with(&bench.host.docker, "app=k3d").await.map_err(awaited)?;
    let mut names: Vec<String> =
        all.into_iter().filter_map(|mut node| node.labels.remove("k3d.cluster")).collect();
    names.retain(|name| *name != spec.name && !name.is_empty());
    names.sort();
    names.dedup();
    Ok(names)
}
