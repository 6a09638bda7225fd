//! Rules on compose projects: containers on a network that is gone, variables that nobody sets, and
//! addresses that nobody has.

use super::addresses;
use super::draft::draft;
use super::facts::{Container, Facts, Project};
use crate::doctor::finding::Finding;
use crate::quote::quote;
use crate::readiness::Root;

/// `CMP-02`, `CMP-10`, `CMP-11` of every project.
pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let of_project = |project: &Project| {
        let mut found: Vec<Finding> = dead_networks(project, facts);
        found.extend(unset(project));
        found.extend(addresses::silent(project, facts));
        found
    };
    facts.projects.iter().flat_map(of_project).collect()
}

/// Containers that are halted and hold the id of a network that was removed: they cannot start.
fn dead_networks(project: &Project, facts: &Facts) -> Vec<Finding> {
    let (Some(networks), Some(containers)) = (facts.networks.seen(), facts.containers.seen())
    else {
        return Vec::new();
    };
    let lives = |id: &str| id.is_empty() || networks.iter().any(|network| network.id == id);
    let dead =
        |container: &Container| container.networks.iter().find(|(_, id)| !lives(id)).cloned();
    let own = |one: &&Container| one.project.as_ref() == Some(&project.name) && !one.runs;
    let caught: Vec<(&Container, (String, String))> = containers
        .iter()
        .filter(own)
        .filter_map(|container| Some((container, dead(container)?)))
        .collect();
    let Some((_, (network, _))) = caught.first() else { return Vec::new() };
    let names: Vec<&str> = caught.iter().map(|(one, _)| one.name.as_str()).collect();
    let mut services: Vec<String> =
        caught.iter().filter_map(|(one, _)| one.service.as_deref().map(quote)).collect();
    services.sort();
    services.dedup();
    let summary = format!(
        "{} cannot start again: network `{network}` was removed, and another of its name is not the \
         same",
        names.join(", ")
    );
    let fix = format!("{} up -d --force-recreate {}", project.command, services.join(" "));
    let mut finding = draft("CMP-02", "network", network, summary).mended_by(fix);
    for (container, (name, id)) in caught.iter().take(3) {
        let short = id.get(..12).unwrap_or(id);
        finding = finding.because(
            format!("docker inspect {}", container.name),
            format!("network {name} has the id {short}"),
        );
    }
    finding.affects = vec![Root::new("deploy", "", &project.deploy)];
    let now = networks.iter().find(|one| one.name == *network);
    let now = now.map_or_else(
        || format!("there is no network {network}"),
        |one| format!("network {network} now has the id {}", one.id.get(..12).unwrap_or(&one.id)),
    );
    vec![finding.because("docker network ls", now)]
}

/// Variables without which an image, a port or a build cannot be right, all of a project at once.
fn unset(project: &Project) -> Option<Finding> {
    let telling = project.unset.iter().filter(|unset| !unset.places.is_empty());
    let names: Vec<&str> = telling.clone().map(|unset| unset.name.as_str()).collect();
    if names.is_empty() {
        return None;
    }
    let shown: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let are = if names.len() == 1 { "is" } else { "are" };
    let summary = format!(
        "{} {are} not set, and the compose files of `{}` make images or ports of it",
        shown.join(", "),
        project.deploy
    );
    let mut finding = draft("CMP-10", "deploy", &project.deploy, summary)
        .mended_by(format!("set {} in the env file", names.join(", ")));
    finding.evidence = telling.flat_map(|unset| unset.places.iter().cloned()).take(5).collect();
    Some(finding)
}
