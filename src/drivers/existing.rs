//! The driver of an existing context: unfinished.

use std::net::IpAddr;

use crate::config::model::Purge;
use crate::drivers::cluster::{ClusterDriver, Insistence, Sighting};
use crate::drivers::spec::Spec;
use crate::host::workbench::Workbench;
use crate::plan::change::Change;
use crate::policy::{Class, Failure};
use crate::redact::Secret;

/// The driver of an existing context.
#[derive(Clone, Debug)]
pub struct Existing {
    spec: Spec,
}

impl Existing {
    /// A driver for this cluster.
    #[must_use]
    pub fn new(spec: Spec) -> Self {
        Self { spec }
    }
}

fn unfinished(spec: &Spec) -> Failure {
    Failure::new(Class::Internal, "INTERNAL", format!("{}: unfinished", spec.name))
}

impl ClusterDriver for Existing {
    async fn preflight(&self, _bench: &Workbench) -> Vec<Failure> {
        vec![unfinished(&self.spec)]
    }

    async fn probe(&self, _bench: &Workbench) -> Result<Sighting, Failure> {
        Err(unfinished(&self.spec))
    }

    async fn start(&self, _bench: &Workbench, _insistence: Insistence) -> Result<(), Failure> {
        Err(unfinished(&self.spec))
    }

    async fn amend(&self, _bench: &Workbench, _sighting: &Sighting) -> Result<(), Failure> {
        Err(unfinished(&self.spec))
    }

    async fn stop(&self, _bench: &Workbench) -> Result<(), Failure> {
        Err(unfinished(&self.spec))
    }

    async fn delete(&self, _bench: &Workbench) -> Result<(), Failure> {
        Err(unfinished(&self.spec))
    }

    async fn purge(&self, _bench: &Workbench, _extent: Purge) -> Result<(), Failure> {
        Err(unfinished(&self.spec))
    }

    async fn doomed(
        &self,
        _bench: &Workbench,
        _purge: Option<Purge>,
    ) -> Result<Vec<Change>, Failure> {
        Err(unfinished(&self.spec))
    }

    async fn kubeconfig(&self, _bench: &Workbench) -> Result<Secret, Failure> {
        Err(unfinished(&self.spec))
    }

    async fn load_image(&self, _bench: &Workbench, _image: &str) -> Result<(), Failure> {
        Err(unfinished(&self.spec))
    }

    async fn list_images(&self, _bench: &Workbench) -> Result<Vec<String>, Failure> {
        Err(unfinished(&self.spec))
    }

    async fn node_address(&self, _bench: &Workbench) -> Result<IpAddr, Failure> {
        Err(unfinished(&self.spec))
    }
}
