//! Whose the K3s on a machine is, where it stands, and what has to be done so that it is as wanted.
//! Pure: a table over the facts.

use serde_norway::Mapping;

use crate::config::model::Prepare;
use crate::drivers::cluster::{ClusterState, Cure, Drift};
use crate::drivers::k3s::facts::{Facts, Selinux};
use crate::drivers::k3s::findings;
use crate::drivers::k3s::installed::{Mark, Marker, Stage, Unit};
use crate::drivers::k3s::server_config;
use crate::drivers::k3s::version::{self, Way};
use crate::drivers::k3s::wanted::Wanted;
use crate::policy::escalate::Onset;
use crate::redact::Secret;

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

/// What of `prepare` is not there, and can be done while K3s runs.
pub(super) fn unprepared(wanted: &Wanted, facts: &Facts) -> Vec<Drift> {
    let networks = [wanted.networks.pods, wanted.networks.services];
    let shows = |name: &str| facts.prepared.iter().any(|known| known == name);
    let is_done = |item: &Prepare| match item {
        Prepare::Firewalld => facts.guards.firewalld.as_ref().is_none_or(|firewall| {
            findings::lacking(firewall, wanted.api_port, &networks).is_empty()
        }),
        Prepare::Iscsid => shows("iscsid"),
        Prepare::KernelModules => facts.missing_modules.is_empty(),
        Prepare::Nfs => shows("nfs"),
        Prepare::Selinux => facts.guards.selinux == Selinux::Off || facts.guards.has_policy,
    };
    let missing = wanted.prepare.iter().filter(|item| !is_done(item));
    missing
        .map(|item| Drift {
            what: "prepare".to_owned(),
            wanted: item.as_str().to_owned(),
            found: "without it".to_owned(),
            cure: Cure::InPlace,
        })
        .collect()
}

/// Where the program comes from in one piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The machine downloads it.
    Script,
    /// It was copied there.
    Local,
    /// It stays as it is.
    Unchanged,
}

impl Source {
    /// The word that the script knows.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::Local => "local",
            Self::Unchanged => "none",
        }
    }
}

/// What becomes of the service in one piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    /// It is left alone.
    Kept,
    /// It is started, again if it runs.
    Restarted,
}

impl Service {
    /// The word that the script knows.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "keep",
            Self::Restarted => "restart",
        }
    }
}

/// One piece of work on the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Work {
    pub(super) source: Source,
    pub(super) service: Service,
    /// The text of `config.yaml`.
    pub(super) config: Secret,
    /// The keys in it that mlup did not write, and that stay.
    pub(super) kept_keys: Vec<String>,
    pub(super) marker_begun: String,
    pub(super) marker_done: String,
}

/// The work that brings the file and the mark to where they are wanted; nothing where the file that is
/// there cannot be read, and would be lost.
pub(super) fn work(
    wanted: &Wanted,
    facts: &Facts,
    config: &Mapping,
    (source, service): (Source, Service),
) -> Option<Work> {
    let (found, own) = present(facts)?;
    let marker = |stage: Stage| {
        let keys = server_config::keys(config);
        let marker = Marker { cluster: wanted.cluster.clone(), stage, keys };
        serde_json::to_string(&marker).ok()
    };
    // What only runs beside a service leaves it as finished as it was.
    let begun = if service == Service::Kept { Stage::Installed } else { Stage::Installing };
    Some(Work {
        source,
        service,
        config: server_config::united(config, &found, &own)?,
        kept_keys: server_config::foreign(config, &found, &own),
        marker_begun: marker(begun)?,
        marker_done: marker(Stage::Installed)?,
    })
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
