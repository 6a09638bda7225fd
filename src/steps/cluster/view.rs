//! A cluster as it was seen: data only.

use crate::drivers::cluster::Sighting;
use crate::host::kube::ClusterFacts;

/// What was seen of a cluster.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// What the tool and the engine tell.
    pub(super) sighting: Sighting,
    /// What the API tells.
    pub(super) api: Api,
}

/// What the API of a cluster tells.
#[derive(Clone, Debug)]
pub(super) enum Api {
    /// It was not asked: the nodes do not run.
    Unasked,
    /// It does not answer, or something is not ready.
    Lacking {
        /// What it lacks.
        why: String,
        /// What it tells all the same.
        facts: Option<ClusterFacts>,
    },
    /// All is ready.
    Ready(ClusterFacts),
}
