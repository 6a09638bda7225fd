//! The enum over the cluster drivers: the one place that tells the tools apart.

use std::net::{IpAddr, SocketAddr};

use crate::config::model::{Provider, Purge};
use crate::drivers::cluster::{ClusterDriver, Insistence, Sighting};
use crate::drivers::docker_desktop::DockerDesktop;
use crate::drivers::existing::Existing;
use crate::drivers::k3d::K3d;
use crate::drivers::k3s::K3s;
use crate::drivers::minikube::Minikube;
use crate::drivers::references::NodeImage;
use crate::drivers::spec::Spec;
use crate::host::workbench::Workbench;
use crate::plan::change::Change;
use crate::policy::Failure;
use crate::redact::Secret;

/// The driver of one cluster.
#[derive(Clone, Debug)]
pub enum Driver {
    /// Docker Desktop's own Kubernetes.
    DockerDesktop(DockerDesktop),
    /// A context that somebody else owns.
    Existing(Existing),
    /// k3d.
    K3d(K3d),
    /// K3s on a machine that ssh reaches.
    K3s(K3s),
    /// minikube.
    Minikube(Minikube),
}

impl Driver {
    /// The driver for this cluster.
    #[must_use]
    pub fn new(spec: Spec) -> Self {
        match spec.provider {
            Provider::DockerDesktop => Self::DockerDesktop(DockerDesktop::new(spec)),
            Provider::Existing => Self::Existing(Existing::new(spec)),
            Provider::K3d => Self::K3d(K3d::new(spec)),
            Provider::K3s => Self::K3s(K3s::new(spec)),
            Provider::Minikube => Self::Minikube(Minikube::new(spec)),
        }
    }
}

/// Hands a question on to the tool's own driver.
macro_rules! each {
    ($driver:expr, $name:ident($($argument:expr),*)) => {
        match $driver {
            Driver::DockerDesktop(driver) => driver.$name($($argument),*).await,
            Driver::Existing(driver) => driver.$name($($argument),*).await,
            Driver::K3d(driver) => driver.$name($($argument),*).await,
            Driver::K3s(driver) => driver.$name($($argument),*).await,
            Driver::Minikube(driver) => driver.$name($($argument),*).await,
        }
    };
}

impl ClusterDriver for Driver {
    async fn preflight(&self, bench: &Workbench) -> Vec<Failure> {
        each!(self, preflight(bench))
    }

    async fn probe(&self, bench: &Workbench) -> Result<Sighting, Failure> {
        each!(self, probe(bench))
    }

    async fn start(&self, bench: &Workbench, insistence: Insistence) -> Result<(), Failure> {
        each!(self, start(bench, insistence))
    }

    async fn amend(&self, bench: &Workbench, sighting: &Sighting) -> Result<(), Failure> {
        each!(self, amend(bench, sighting))
    }

    async fn stop(&self, bench: &Workbench) -> Result<(), Failure> {
        each!(self, stop(bench))
    }

    async fn restart(&self, bench: &Workbench) -> Result<(), Failure> {
        each!(self, restart(bench))
    }

    async fn delete(&self, bench: &Workbench) -> Result<(), Failure> {
        each!(self, delete(bench))
    }

    async fn purge(&self, bench: &Workbench, extent: Purge) -> Result<(), Failure> {
        each!(self, purge(bench, extent))
    }

    async fn doomed(
        &self,
        bench: &Workbench,
        purge: Option<Purge>,
    ) -> Result<Vec<Change>, Failure> {
        each!(self, doomed(bench, purge))
    }

    async fn kubeconfig(&self, bench: &Workbench) -> Result<Secret, Failure> {
        each!(self, kubeconfig(bench))
    }

    async fn load_image(&self, bench: &Workbench, image: &str) -> Result<(), Failure> {
        each!(self, load_image(bench, image))
    }

    async fn list_images(&self, bench: &Workbench) -> Result<Vec<NodeImage>, Failure> {
        each!(self, list_images(bench))
    }

    async fn node_address(&self, bench: &Workbench) -> Result<IpAddr, Failure> {
        each!(self, node_address(bench))
    }

    async fn open_way(&self, bench: &Workbench) -> Result<(), Failure> {
        each!(self, open_way(bench))
    }

    async fn node_port(&self, bench: &Workbench, port: u16) -> Result<SocketAddr, Failure> {
        each!(self, node_port(bench, port))
    }
}
