//! What is wrong below Kubernetes: rules over facts about the machine, Docker, the cluster's tool, the
//! way to the API server and the accounts. Pure: the same facts give the same findings anywhere.

mod access;
mod accounts;
pub mod addresses;
mod cluster;
mod disk;
mod docker;
mod draft;
pub mod facts;
mod fold;
mod machine;
mod networks;
mod ports;
mod projects;
mod steps;
pub(super) mod table;
#[cfg(test)]
mod tests;
pub mod unset;

use super::finding::Finding;
use super::look::{Hindrance, Unchecked};
use super::rule::Layer;
use facts::Facts;

/// What the facts mean.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judged {
    /// Causes that a rule knows, nearest to the machine first.
    pub findings: Vec<Finding>,
    /// What else keeps steps of a start from their work.
    pub steps: Vec<Hindrance>,
    /// What could not be looked at.
    pub unchecked: Vec<Unchecked>,
}

impl Judged {
    /// Whether a finding says why the cluster does not answer, or may not be reached.
    #[must_use]
    pub fn tells_of_cluster(&self) -> bool {
        let is_below = |one: &Finding| {
            matches!(one.rule.layer, Layer::Tool | Layer::Access) || fold::is_engine(one)
        };
        self.findings.iter().any(is_below)
    }
}

/// The rules, in the order in which they are read.
const RULES: [fn(&Facts) -> Vec<Finding>; 15] = [
    disk::space,
    machine::clock,
    machine::memory,
    machine::watches,
    machine::cgroups,
    machine::tools,
    docker::engine,
    docker::client,
    networks::overlap,
    networks::exhausted,
    projects::findings,
    ports::taken,
    cluster::findings,
    access::findings,
    accounts::findings,
];

/// What is wrong, and what is not known.
#[must_use]
pub fn judge(facts: &Facts, hindrances: &[Hindrance]) -> Judged {
    let mut findings: Vec<Finding> = RULES.iter().flat_map(|rule| rule(facts)).collect();
    let (known, steps) = steps::findings(hindrances, &findings);
    findings.extend(known);
    let mut findings = fold::causes(findings, facts);
    findings.sort_by_key(|finding| finding.rule.layer);
    if let Some(cluster) = &facts.cluster {
        findings = findings.into_iter().map(|finding| finding.pinned(&cluster.context)).collect();
    }
    let steps = steps.into_iter().filter(|one| !fold::is_told(&one.finding, &findings)).collect();
    Judged { findings, steps, unchecked: unchecked(facts) }
}

/// What the configuration needs and nobody could look at.
fn unchecked(facts: &Facts) -> Vec<Unchecked> {
    let is_silent = facts.engine.refused().is_some() || facts.engine.unclear().is_some();
    let of_docker = is_silent.then(|| {
        let what = "Docker's networks, containers and disk";
        (what.to_owned(), "the Docker Engine does not answer".to_owned())
    });
    let single = [
        ("Docker Engine", facts.engine.unclear()),
        ("docker command line", facts.client.unclear()),
        ("compose plugin", facts.compose.unclear()),
        ("networks of Docker", facts.networks.unclear()),
        ("containers of Docker", facts.containers.unclear()),
        ("state of the cluster", facts.sight.unclear()),
        ("kubectl", facts.kubectl.unclear()),
        ("kubeconfig", facts.access.unclear()),
        ("API server", facts.api.unclear()),
    ];
    let single = single.into_iter().filter_map(|(what, why)| Some((what.to_owned(), why?.into())));
    let projects = facts
        .unread_projects
        .iter()
        .map(|(deploy, why)| (format!("compose project of `{deploy}`"), why.clone()));
    let clouds = facts.clouds.iter().filter_map(|cloud| {
        let why = cloud.identity.unclear().or(cloud.token.unclear())?;
        Some((format!("AWS account for {}", cloud.servers.join(", ")), why.to_owned()))
    });
    let steps = facts.overdue.iter().map(|(step, why)| (format!("step {step}"), why.clone()));
    let all = of_docker.into_iter().chain(single).chain(projects).chain(clouds).chain(steps);
    all.map(|(kind, why)| Unchecked::new(kind, why)).collect()
}
