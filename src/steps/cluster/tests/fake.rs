//! A cluster that does as a script says: driver and API in one, and a record of what was asked to
//! change.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};

use crate::config::model::{Provider, Purge};
use crate::drivers::cluster::{ClusterDriver, ClusterState, Cure, Drift, Insistence, Sighting};
use crate::drivers::fixture;
use crate::drivers::references::NodeImage;
use crate::drivers::spec::Spec;
use crate::host::kube::{ClusterFacts, Look, NodeFacts};
use crate::host::workbench::Workbench;
use crate::plan::change::{Change, Op};
use crate::policy::{Class, Failure};
use crate::redact::Secret;
use crate::steps::cluster::kubernetes::{Ask, Kubernetes};

/// A cluster of one node that mlup makes and that is not in Docker.
pub(super) fn spec(name: &str) -> Spec {
    fixture::spec(Provider::K3s, name)
}

pub(super) fn failure(code: &'static str) -> Failure {
    Failure::new(Class::Permanent, code, format!("{code} happened"))
}

pub(super) fn drift(what: &str, cure: Cure) -> Drift {
    Drift { what: what.to_owned(), wanted: "4g".to_owned(), found: "2g".to_owned(), cure }
}

struct World {
    state: ClusterState,
    drift: Vec<Drift>,
    lack: Option<String>,
    after_start: ClusterState,
    context: String,
    failures: BTreeMap<&'static str, Failure>,
    preflight: Vec<Failure>,
    changes: Vec<String>,
    teardown: String,
    nodes: Vec<Option<u32>>,
}

/// The scripted cluster.
pub(super) struct Fake(Mutex<World>);

impl Fake {
    pub(super) fn in_state(state: ClusterState) -> Self {
        Self(Mutex::new(World {
            state,
            drift: Vec::new(),
            lack: None,
            after_start: ClusterState::Running,
            context: "other".to_owned(),
            failures: BTreeMap::new(),
            preflight: Vec::new(),
            changes: Vec::new(),
            teardown: String::new(),
            nodes: Vec::new(),
        }))
    }

    pub(super) fn ready() -> Self {
        Self::in_state(ClusterState::Running)
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    pub(super) fn lacks(&self, what: &str) {
        self.world().lack = Some(what.to_owned());
    }

    pub(super) fn drifts(&self, drift: Vec<Drift>) {
        self.world().drift = drift;
    }

    pub(super) fn start_leads_to(&self, state: ClusterState) {
        self.world().after_start = state;
    }

    pub(super) fn fail(&self, call: &'static str, failure: Failure) {
        self.world().failures.insert(call, failure);
    }

    pub(super) fn preflight(&self, failures: Vec<Failure>) {
        self.world().preflight = failures;
    }

    /// What was changed, in order.
    pub(super) fn changes(&self) -> Vec<String> {
        self.world().changes.clone()
    }

    /// The last thing that was taken away, with its extent.
    pub(super) fn teardown(&self) -> String {
        self.world().teardown.clone()
    }

    /// The numbers of nodes that the API was asked for.
    pub(super) fn asked_nodes(&self) -> Vec<Option<u32>> {
        self.world().nodes.clone()
    }

    fn call(&self, name: &'static str) -> Result<(), Failure> {
        let failure = self.world().failures.get(name).cloned();
        failure.map_or(Ok(()), Err)
    }

    fn change(&self, name: &'static str, record: &str) -> Result<(), Failure> {
        self.world().changes.push(record.to_owned());
        self.call(name)
    }
}

fn facts() -> ClusterFacts {
    let node = NodeFacts {
        name: "x".to_owned(),
        roles: vec!["control-plane".to_owned()],
        version: "v1.34.0".to_owned(),
        internal_ip: "10.0.0.2".parse().ok(),
        external_ip: None,
        ready: true,
        trouble: None,
        created: None,
    };
    ClusterFacts {
        server: "https://10.0.0.2:6443".to_owned(),
        version: "v1.34.0".to_owned(),
        nodes: vec![node],
        default_service_account: true,
    }
}

impl ClusterDriver for Fake {
    async fn preflight(&self, _: &Workbench) -> Vec<Failure> {
        self.world().preflight.clone()
    }

    async fn probe(&self, _: &Workbench) -> Result<Sighting, Failure> {
        self.call("probe")?;
        let world = self.world();
        Ok(Sighting { state: world.state.clone(), drift: world.drift.clone() })
    }

    async fn start(&self, _: &Workbench, insistence: Insistence) -> Result<(), Failure> {
        let record = if insistence == Insistence::Force { "force" } else { "start" };
        self.change("start", record)?;
        let mut world = self.world();
        world.state = world.after_start.clone();
        world.lack = None;
        Ok(())
    }

    async fn amend(&self, _: &Workbench, _: &Sighting) -> Result<(), Failure> {
        self.change("amend", "amend")?;
        let mut world = self.world();
        world.state = ClusterState::Running;
        world.drift.retain(|drift| drift.cure == Cure::Recreate);
        Ok(())
    }

    async fn stop(&self, _: &Workbench) -> Result<(), Failure> {
        self.world().teardown = "stop".to_owned();
        self.change("stop", "stop")?;
        self.world().state = ClusterState::Stopped;
        Ok(())
    }

    async fn delete(&self, _: &Workbench) -> Result<(), Failure> {
        self.world().teardown = "delete".to_owned();
        self.change("delete", "delete")?;
        let mut world = self.world();
        world.state = ClusterState::Absent;
        world.drift.clear();
        Ok(())
    }

    async fn purge(&self, _: &Workbench, extent: Purge) -> Result<(), Failure> {
        self.world().teardown = format!("purge {extent:?}");
        self.change("purge", "purge")?;
        let mut world = self.world();
        world.state = ClusterState::Absent;
        world.drift.clear();
        Ok(())
    }

    async fn doomed(&self, _: &Workbench, _: Option<Purge>) -> Result<Vec<Change>, Failure> {
        let there = self.world().state != ClusterState::Absent;
        let change = || Change::new(Op::Remove, "cluster x", "mlup made it");
        Ok(there.then(change).into_iter().collect())
    }

    async fn kubeconfig(&self, _: &Workbench) -> Result<Secret, Failure> {
        self.call("kubeconfig").map(|()| Secret::new("apiVersion: v1"))
    }

    async fn load_image(&self, _: &Workbench, _: &str) -> Result<(), Failure> {
        self.change("load", "load")
    }

    async fn list_images(&self, _: &Workbench) -> Result<Vec<NodeImage>, Failure> {
        Ok(Vec::new())
    }

    async fn node_address(&self, _: &Workbench) -> Result<IpAddr, Failure> {
        Err(failure("NO_ADDRESS"))
    }
}

impl Kubernetes for Fake {
    async fn look(&self, ask: Ask<'_>, _: &Secret) -> Result<Look, Failure> {
        self.world().nodes.push(ask.nodes);
        let missing = self.world().lack.clone();
        Ok(Look { facts: Some(facts()), missing: missing.into_iter().collect() })
    }

    async fn wait(&self, ask: Ask<'_>, _: &Secret) -> Result<ClusterFacts, Failure> {
        self.world().nodes.push(ask.nodes);
        self.call("wait").map(|()| facts())
    }

    async fn current_context(&self, _: Ask<'_>) -> Result<Option<String>, Failure> {
        Ok(Some(self.world().context.clone()))
    }

    async fn switch_context(&self, ask: Ask<'_>) -> Result<(), Failure> {
        self.world().context.clone_from(&ask.spec.context);
        self.change("switch", "switch")
    }
}
