//! `trait ClusterDriver`: what mlup asks of a tool that owns a cluster, and the plain values of the
//! answers. Which tool it is, is `driver`; what follows from an answer is decided in `steps/`.

use std::net::{IpAddr, SocketAddr};

use crate::config::model::Purge;
use crate::drivers::references::NodeImage;
use crate::host::workbench::Workbench;
use crate::plan::change::Change;
use crate::policy::Failure;
use crate::policy::escalate::Onset;
use crate::redact::Secret;

/// Where a cluster stands, as its tool and the engine tell it; the API server is not asked here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterState {
    /// It is sure that there is none.
    Absent,
    /// Its nodes are there and halted.
    Stopped,
    /// Its nodes are frozen.
    Paused,
    /// It is coming up by itself.
    Starting,
    /// Its nodes run; whether the API server answers is asked through the API.
    Running,
    /// It runs, and the kubeconfig does not lead to it.
    Misconfigured {
        /// What is wrong with the entry.
        why: String,
    },
    /// What is there does not work.
    Broken {
        /// Where recovery begins.
        onset: Onset,
        /// What was seen.
        why: String,
    },
}

/// What a probe saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Where the cluster stands.
    pub state: ClusterState,
    /// What differs from the configuration.
    pub drift: Vec<Drift>,
}

impl Sighting {
    /// A cluster in this state that is otherwise as wanted.
    #[must_use]
    pub fn of(state: ClusterState) -> Self {
        Self { state, drift: Vec::new() }
    }
}

/// One setting of the cluster that is not as the configuration wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The setting, as `mlup.toml` calls it: `memory`, `ports`.
    pub what: String,
    /// What the configuration says.
    pub wanted: String,
    /// What the cluster has.
    pub found: String,
    /// What makes it as wanted.
    pub cure: Cure,
}

/// What a drift takes to be mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cure {
    /// The tool changes it on the living cluster, and nothing is lost.
    InPlace,
    /// Only a new cluster has it: needs consent.
    Recreate,
    /// It takes a restart of what is there: needs consent.
    Restart,
    /// Only a new installation has it, which no start makes.
    Reinstall,
    /// It is somebody else's, and stays.
    Theirs,
}

/// How hard a start insists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insistence {
    /// As a person would start it.
    Plain,
    /// With the tool's `--force`, where it has one: the last rung.
    Force,
}

/// What mlup asks of a tool that owns a cluster. Every answer is verified by looking: a tool that
/// exits 0 may have done nothing.
pub trait ClusterDriver: Send + Sync {
    /// Everything that is wrong with tool, machine or configuration before anything is changed.
    /// Asks the tool and the engine, changes nothing.
    fn preflight(&self, bench: &Workbench) -> impl Future<Output = Vec<Failure>> + Send;

    /// Where the cluster stands.
    ///
    /// # Errors
    /// It could not be found out: unknown is not absent.
    fn probe(&self, bench: &Workbench) -> impl Future<Output = Result<Sighting, Failure>> + Send;

    /// Makes the cluster or starts the one that is there.
    ///
    /// # Errors
    /// Classified; with an onset where the recovery ladder may cure it.
    fn start(
        &self,
        bench: &Workbench,
        insistence: Insistence,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Mends drift that needs no new cluster, and a kubeconfig entry that leads nowhere.
    ///
    /// # Errors
    /// As [`ClusterDriver::start`].
    fn amend(
        &self,
        bench: &Workbench,
        sighting: &Sighting,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Halts the nodes and keeps everything.
    ///
    /// # Errors
    /// Classified.
    fn stop(&self, bench: &Workbench) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Halts the nodes and starts them again. A stop that fails is no reason not to start: what
    /// does not answer often does not stop either.
    ///
    /// # Errors
    /// As [`ClusterDriver::start`].
    fn restart(&self, bench: &Workbench) -> impl Future<Output = Result<(), Failure>> + Send {
        async {
            match self.stop(bench).await {
                Err(failure) if failure.is_cancelled() => return Err(failure),
                // The start that follows says what matters.
                Err(failure) => bench.warn("CLUSTER_NOT_HALTED", failure.summary, None),
                Ok(()) => {}
            }
            self.start(bench, Insistence::Plain).await
        }
    }

    /// Deletes this cluster the way its tool does, and looks whether it is gone.
    ///
    /// # Errors
    /// Classified; `REFUSED` for a cluster that mlup does not own.
    fn delete(&self, bench: &Workbench) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Removes all that the tool keeps of it, as far as `extent` says, and looks whether it is gone.
    ///
    /// # Errors
    /// As [`ClusterDriver::delete`].
    fn purge(
        &self,
        bench: &Workbench,
        extent: Purge,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// What a delete, or with `purge` a purge of that extent, would remove; nothing when there is
    /// nothing, or nothing that mlup owns.
    ///
    /// # Errors
    /// It could not be found out.
    fn doomed(
        &self,
        bench: &Workbench,
        purge: Option<Purge>,
    ) -> impl Future<Output = Result<Vec<Change>, Failure>> + Send;

    /// A kubeconfig with this cluster's context alone, certificates embedded.
    ///
    /// # Errors
    /// There is no such context, or the kubeconfig cannot be read.
    fn kubeconfig(&self, bench: &Workbench)
    -> impl Future<Output = Result<Secret, Failure>> + Send;

    /// Brings an image of this machine onto the nodes, and looks whether it is there.
    ///
    /// # Errors
    /// Classified.
    fn load_image(
        &self,
        bench: &Workbench,
        image: &str,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// The images that all nodes have, by each of their names, `docker.io/library/` prefixes taken
    /// off.
    ///
    /// # Errors
    /// The nodes could not be asked.
    fn list_images(
        &self,
        bench: &Workbench,
    ) -> impl Future<Output = Result<Vec<NodeImage>, Failure>> + Send;

    /// The address at which this machine reaches the NodePorts.
    ///
    /// # Errors
    /// The node does not run.
    fn node_address(
        &self,
        bench: &Workbench,
    ) -> impl Future<Output = Result<IpAddr, Failure>> + Send;

    /// Makes the way to the API server where it takes more than the network between: a kubeconfig that
    /// is there is of use from then on.
    ///
    /// # Errors
    /// The way could not be made.
    fn open_way(&self, _: &Workbench) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Ok(()) }
    }

    /// Where this machine reaches this NodePort, once it is made to.
    ///
    /// # Errors
    /// As [`ClusterDriver::node_address`]; the way there could not be made.
    fn node_port(
        &self,
        bench: &Workbench,
        port: u16,
    ) -> impl Future<Output = Result<SocketAddr, Failure>> + Send {
        async move { Ok(SocketAddr::new(self.node_address(bench).await?, port)) }
    }
}
