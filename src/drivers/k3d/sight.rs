//! From what k3d and the engine show to where the cluster stands and what differs from the
//! configuration. Pure.

use crate::drivers::cluster::{ClusterState, Cure, Drift, Sighting};
use crate::drivers::k3d::list::{Cluster, Node};
use crate::drivers::k3d::remains::Remains;
use crate::drivers::k3d::{argv, ports};
use crate::drivers::spec::Spec;
use crate::policy::escalate::Onset;

/// The address of the API server that the kubeconfig has for the context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// There is no such context.
    Missing,
    /// It leads there.
    Server(String),
}

/// Where the nodes stand; the kubeconfig is not looked at.
pub(super) fn state(name: &str, cluster: Option<&Cluster>, remains: &Remains) -> ClusterState {
    let Some(cluster) = cluster else { return unlisted(remains) };
    if let Some(why) = lost(name, cluster) {
        return ClusterState::Broken { onset: Onset::Corrupt, why };
    }
    let servers: Vec<&Node> = cluster.servers().collect();
    if cluster.needed().any(|node| node.status() == "paused") {
        return ClusterState::Paused;
    }
    if let Some(dead) = servers.iter().find(|node| matches!(node.status(), "dead" | "removing")) {
        let why = format!("`{}` is {}", dead.name, dead.status());
        return ClusterState::Broken { onset: Onset::Deep, why };
    }
    if servers.iter().all(|node| node.status() == "created") {
        let why = "its creation was never finished".to_owned();
        return ClusterState::Broken { onset: Onset::Corrupt, why };
    }
    if servers.iter().all(|node| matches!(node.status(), "exited" | "created")) {
        return ClusterState::Stopped;
    }
    match halted(cluster) {
        Some(why) => ClusterState::Broken { onset: Onset::Unresponsive, why },
        None => ClusterState::Running,
    }
}

/// What is gone of the cluster that no start makes again.
pub(super) fn lost(name: &str, cluster: &Cluster) -> Option<String> {
    if cluster.servers().next().is_none() {
        let left: Vec<&str> = cluster.nodes.iter().map(|node| node.name.as_str()).collect();
        return Some(format!(
            "its server `k3d-{name}-server-0` is gone, {} is left",
            left.join(", ")
        ));
    }
    let balancer =
        cluster.expected_load_balancer().filter(|_| cluster.load_balancer().is_none())?;
    Some(format!("its load balancer `{balancer}` is gone"))
}

/// The containers that have to run and do not, with their states.
pub(super) fn halted(cluster: &Cluster) -> Option<String> {
    let halted = cluster.needed().filter(|node| !node.runs());
    let halted: Vec<String> =
        halted.map(|node| format!("`{}` is {}", node.name, node.status())).collect();
    (!halted.is_empty()).then(|| halted.join(", "))
}

/// k3d lists it nowhere: it is absent only if nothing is left of it on the engine either.
fn unlisted(remains: &Remains) -> ClusterState {
    if remains.is_empty() {
        return ClusterState::Absent;
    }
    let why = format!("its server is gone, and {} is left", remains.names().join(", "));
    ClusterState::Broken { onset: Onset::Corrupt, why }
}

/// Why the kubeconfig does not lead to the cluster, if it does not.
pub(super) fn misleads(cluster: &Cluster, context: &str, entry: &Entry) -> Option<String> {
    let server = match entry {
        Entry::Missing => return Some(format!("the kubeconfig has no context `{context}`")),
        Entry::Server(server) => server,
    };
    let port = cluster.api_port()?;
    let leads = port_of(server)?;
    (leads != port).then(|| {
        format!("the kubeconfig leads to port {leads}, and the cluster answers at port {port}")
    })
}

/// `https://127.0.0.1:6550`, `https://host.docker.internal:6550/`.
fn port_of(server: &str) -> Option<u16> {
    let (scheme, rest) = server.split_once("://")?;
    let authority = rest.split('/').next().unwrap_or(rest);
    match authority.rsplit_once(':') {
        Some((_, port)) => port.parse().ok(),
        None if scheme == "https" => Some(443),
        None => Some(80),
    }
}

/// A sighting with its drift; a cluster without a server has nothing to compare.
pub(super) fn sighting(spec: &Spec, state: ClusterState, cluster: Option<&Cluster>) -> Sighting {
    let comparable = cluster.filter(|cluster| cluster.servers().next().is_some());
    let drift = comparable.map(|cluster| drift(spec, cluster)).unwrap_or_default();
    Sighting { state, drift }
}

/// What differs of the settings that the configuration makes.
pub(super) fn drift(spec: &Spec, cluster: &Cluster) -> Vec<Drift> {
    let mut found = Vec::new();
    let mut compare = |what: &str, wanted: String, has: String| {
        if wanted != has {
            let cure = Cure::Recreate;
            found.push(Drift { what: what.to_owned(), wanted, found: has, cure });
        }
    };
    if let Some(network) = spec.network.name() {
        compare("network", network.to_owned(), cluster.network().to_owned());
    }
    compare("nodes", spec.servers.to_string(), cluster.servers().count().to_string());
    compare("agents", spec.agents.to_string(), cluster.agents().count().to_string());
    if let (Some(wanted), Some(has)) = (spec.api_port, cluster.api_port()) {
        compare("api_port", wanted.to_string(), has.to_string());
    }
    found.extend(version(spec, cluster));
    found.extend(memory(spec, cluster));
    found.extend(ports::drift(spec, cluster));
    found
}

/// The image of a node may be known by its digest alone, which says no version.
fn version(spec: &Spec, cluster: &Cluster) -> Option<Drift> {
    let wanted = spec.kubernetes_version.as_deref().filter(|wanted| argv::is_version(wanted))?;
    let image = &cluster.servers().next()?.image;
    let has = image.rsplit('/').next()?.split_once(':')?.1;
    if image.starts_with("sha256:") || has == argv::tag(wanted) {
        return None;
    }
    // Without a release of K3s in the configuration any release of that version will do.
    if has.strip_prefix(wanted).is_some_and(|rest| rest.starts_with("-k3s")) {
        return None;
    }
    Some(Drift {
        what: "kubernetes_version".to_owned(),
        wanted: wanted.to_owned(),
        found: has.to_owned(),
        cure: Cure::Recreate,
    })
}

/// k3d rounds the limit to four digits (`2.147GB`), so that a difference of a thousandth is none.
fn memory(spec: &Spec, cluster: &Cluster) -> Option<Drift> {
    let wanted = spec.memory?;
    let shown = &cluster.servers().next()?.memory;
    let same = !shown.is_empty()
        && bytes(shown).is_none_or(|has| has.abs_diff(wanted).saturating_mul(1000) <= wanted);
    let found = if shown.is_empty() { "no limit".to_owned() } else { shown.clone() };
    let wanted = format!("{} MiB", wanted / (1024 * 1024));
    let cure = Cure::Recreate;
    (!same).then(|| Drift { what: "memory".to_owned(), wanted, found, cure })
}

/// `2.147GB` in bytes; the units are decimal.
fn bytes(text: &str) -> Option<u64> {
    let split = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(split);
    let power = ["B", "kB", "MB", "GB", "TB"].iter().position(|known| *known == unit)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let scale = 1000_u64.checked_pow(u32::try_from(power).ok()?)?;
    let whole = whole.parse::<u64>().ok()?.checked_mul(scale)?;
    let mut part = 0;
    let mut digit = scale / 10;
    for letter in fraction.chars() {
        part += u64::from(letter.to_digit(10)?) * digit;
        digit /= 10;
    }
    whole.checked_add(part)
}
