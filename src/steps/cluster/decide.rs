//! What is done about a cluster as it was seen, on this rung of the ladder: a table without
//! effects.

use super::view::{Api, View};
use crate::config::model::Purge;
use crate::drivers::cluster::{ClusterState, Cure, Sighting};
use crate::policy::escalate::{Onset, Rung};
use crate::steps::Consent;

/// What is done about a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// It is as wanted.
    Nothing,
    /// It comes up by itself.
    Wait,
    /// It is mended in place.
    Amend,
    /// It is started, or made.
    Start,
    /// Its nodes are halted and started again.
    Restart,
    /// It is deleted and made again.
    Recreate,
    /// All that its tool keeps of it is removed, and it is made again with force.
    Purge,
    /// Only a stronger rung helps.
    Escalate(Onset, String),
}

/// What to do. Whoever became healthy by itself is left alone on every rung; one that did not is
/// treated as the rung says, whatever looks better about it now.
pub(super) fn act(view: &View, rung: Rung, recreate: Consent, purge: Purge) -> Act {
    let sighting = &view.sighting;
    let is_ready = matches!(view.api, Api::Ready(_));
    let is_there = sighting.state != ClusterState::Absent;
    if recreate == Consent::Given && is_there && drifts(sighting, Cure::Recreate) {
        // A failure on the way may need more than that.
        return stronger(Act::Recreate, rung, purge);
    }
    if recreate != Consent::NotGiven && is_there && drifts(sighting, Cure::Restart) {
        return Act::Amend;
    }
    if is_ready {
        return if drifts(sighting, Cure::InPlace) { Act::Amend } else { Act::Nothing };
    }
    match rung {
        Rung::Start => start(sighting),
        // There is nothing to halt.
        Rung::Restart if matches!(sighting.state, ClusterState::Absent | ClusterState::Stopped) => {
            Act::Start
        }
        Rung::Restart => Act::Restart,
        // The ladder ends before these where nothing may be deleted.
        Rung::Recreate | Rung::Purge if purge == Purge::Never => Act::Restart,
        Rung::Recreate => Act::Recreate,
        Rung::Purge => Act::Purge,
    }
}

fn stronger(act: Act, rung: Rung, purge: Purge) -> Act {
    if rung == Rung::Purge && purge != Purge::Never { Act::Purge } else { act }
}

fn start(sighting: &Sighting) -> Act {
    match &sighting.state {
        ClusterState::Absent
        | ClusterState::Paused
        | ClusterState::Stopped
        | ClusterState::Broken { onset: Onset::Transient | Onset::Wait, .. } => Act::Start,
        ClusterState::Starting | ClusterState::Running => Act::Wait,
        ClusterState::Misconfigured { .. } => Act::Amend,
        ClusterState::Broken { onset, why } => Act::Escalate(*onset, why.clone()),
    }
}

fn drifts(sighting: &Sighting, cure: Cure) -> bool {
    sighting.drift.iter().any(|drift| drift.cure == cure)
}
