//! Whose the K3s on a machine is, where it stands, and what has to be done so that it is as wanted.
//! Pure: a table over the facts.

use serde_norway::Mapping;

use crate::drivers::cluster::{ClusterState, Cure, Drift};
use crate::drivers::k3s::facts::Facts;
use crate::drivers::k3s::installed::{Mark, Stage, Unit};
use crate::drivers::k3s::server_config;
use crate::drivers::k3s::version::{self, Way};
use crate::drivers::k3s::wanted::Wanted;
use crate::policy::escalate::Onset;

/// Whose the K3s on a machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// There is none.
    Absent,
    /// mlup began to install it, and nobody saw the end.
    Unfinished,
    /// mlup installed it.
    Ours,
    /// Somebody else did: it is used as it is, and never changed.
    Foreign,
}

/// Whose it is. Only a mark of this cluster makes it mlup's.
pub(super) fn standing(wanted: &Wanted, facts: &Facts) -> Standing {
    let is_there = facts.k3s.is_there();
    match &facts.k3s.marker {
        Mark::Read(marker) if marker.cluster == wanted.cluster => {
            if marker.stage == Stage::Installed && is_there {
                Standing::Ours
            } else {
                Standing::Unfinished
            }
        }
        Mark::Read(_) | Mark::Unreadable => Standing::Foreign,
        Mark::None if is_there || facts.k3s.is_agent || facts.k3s.has_data => Standing::Foreign,
        Mark::None => Standing::Absent,
    }
}

/// Where it stands; the kubeconfig of this machine is not looked at.
pub(super) fn state(standing: Standing, facts: &Facts) -> ClusterState {
    match (standing, facts.k3s.unit) {
        (Standing::Absent, _) => ClusterState::Absent,
        (Standing::Unfinished, _) => ClusterState::Broken {
            onset: Onset::Transient,
            why: "its installation was not finished".to_owned(),
        },
        (_, Unit::Active) => ClusterState::Running,
        (_, Unit::Changing) => ClusterState::Starting,
        (_, Unit::Inactive | Unit::Missing) => ClusterState::Stopped,
        (_, Unit::Failing { restarts }) => {
            let why = match facts.k3s.journal.last() {
                Some(line) => format!("its service fails: {line}"),
                None => format!("its service ended {restarts} times"),
            };
            ClusterState::Broken { onset: Onset::Transient, why }
        }
    }
}

/// The keys that mlup wrote into the configuration file before.
fn own_keys(facts: &Facts) -> Vec<String> {
    match &facts.k3s.marker {
        Mark::Read(marker) => marker.keys.clone(),
        Mark::None | Mark::Unreadable => Vec::new(),
    }
}

/// The configuration file as it is, and the keys in it that are mlup's.
pub(super) fn present(facts: &Facts) -> Option<(Mapping, Vec<String>)> {
    let found = match &facts.k3s.config {
        Some(text) => server_config::read(text)?,
        None => Mapping::new(),
    };
    Some((found, own_keys(facts)))
}

/// What differs, and what it takes.
pub(super) fn drift(
    wanted: &Wanted,
    facts: &Facts,
    standing: Standing,
    config: &Mapping,
) -> Vec<Drift> {
    let mut found: Vec<Drift> = version_drift(wanted, facts, standing).into_iter().collect();
    if standing != Standing::Ours {
        // Somebody else's flags stand in places that are not read.
        found.retain(|_| standing == Standing::Foreign);
        return found;
    }
    match present(facts) {
        None => found.push(Drift {
            what: "config.yaml".to_owned(),
            wanted: "YAML that mlup can read".to_owned(),
            found: "something else".to_owned(),
            cure: Cure::Theirs,
        }),
        Some((has, own)) => {
            let differences = server_config::differences(config, &has, &own);
            found.extend(differences.into_iter().map(|difference| Drift {
                cure: if difference.is_fixed() { Cure::Reinstall } else { Cure::Restart },
                what: difference.key,
                wanted: difference.wanted,
                found: difference.found,
            }));
        }
    }
    found
}

fn version_drift(wanted: &Wanted, facts: &Facts, standing: Standing) -> Option<Drift> {
    let (to, from) = (wanted.version.as_deref()?, facts.k3s.version.as_deref()?);
    let cure = match version::way(from, to) {
        Way::Same => return None,
        _ if standing == Standing::Foreign => Cure::Theirs,
        Way::Up | Way::TooFar => Cure::Restart,
        Way::Down => Cure::Reinstall,
    };
    let (wanted, found) = (to.to_owned(), from.to_owned());
    Some(Drift { what: "version".to_owned(), wanted, found, cure })
}
