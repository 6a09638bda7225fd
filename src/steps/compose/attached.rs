//! Who is on a Docker network: the containers that hold an address of it now, and those that would
//! take a fixed one when they start. Reads only; what follows from it is the cluster guard's.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use bollard::models::{
    ContainerSummary, ContainerSummaryStateEnum as State, EndpointSettings, NetworkInspect,
};
use bollard::query_parameters::ListContainersOptionsBuilder;

use super::project::Project;
use crate::host::containers::{self, Container, PROJECT};
use crate::host::docker::classify;
use crate::plan::ComposeDeploy;
use crate::policy::Failure;
use crate::steps::StepCtx;

/// One container on a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The address that it holds, or would take; unknown while it restarts, and for one that shares
    /// the network of another container.
    pub ip: Option<IpAddr>,
    /// Whether it is up and so holds an endpoint now; otherwise it would take its fixed address.
    pub up: bool,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its compose project.
    pub project: Option<String>,
    /// Its compose service.
    pub service: Option<String>,
    /// Folder that its compose project was started from.
    pub working_dir: Option<String>,
    /// The deploy of this environment that it belongs to. A one-off container (`compose run`) is
    /// somebody's own and belongs to none.
    pub deploy: Option<String>,
    /// Itself, where compose made it: what `interrupt` takes.
    pub container: Option<Container>,
}

/// The containers on this network, by name; none when there is no such network.
///
/// # Errors
/// The engine could not be asked, or a compose file of this environment is wrong.
pub async fn attached(ctx: &StepCtx, network: &str) -> Result<Vec<Attached>, Failure> {
    let client = ctx.host.docker.client().await?;
    let all = ListContainersOptionsBuilder::default().all(true).build();
    let (found, listed) =
        tokio::join!(client.inspect_network(network, None), client.list_containers(Some(all)));
    let found = match found {
        Ok(found) if found.name.as_deref() == Some(network) => found,
        // The engine also takes the beginning of an id for a name.
        Ok(_) => return Ok(Vec::new()),
        Err(error) if containers::is_missing(&error) => return Ok(Vec::new()),
        Err(error) => return Err(classify(&error, &format!("look at network `{network}`"))),
    };
    let listed = listed.map_err(|error| classify(&error, "list the containers"))?;
    let mut on_it = on_network(&found, listed);
    let made_by_compose = |one: &&mut Attached| one.service.is_some();
    for one in on_it.iter_mut().filter(made_by_compose) {
        one.container = containers::inspect(&ctx.host.docker, &one.id).await?;
    }
    if on_it.iter().any(|one| one.container.is_some()) {
        let projects = projects(ctx).await?;
        for one in &mut on_it {
            one.deploy = deploy_of(one, &projects);
        }
    }
    Ok(on_it)
}

/// The compose projects of this environment, with the names of their deploys.
async fn projects(ctx: &StepCtx) -> Result<Vec<(String, Arc<Project>)>, Failure> {
    let mut projects = Vec::new();
    for deploy in ctx.config.deploys.iter().filter_map(ComposeDeploy::of) {
        let project = ctx.projects.resolve(&deploy, ctx).await?;
        projects.push((deploy.name, project));
    }
    Ok(projects)
}

/// Deploys may share a project: the one that selects the service goes first.
fn deploy_of(one: &Attached, projects: &[(String, Arc<Project>)]) -> Option<String> {
    let container = one.container.as_ref().filter(|container| !container.one_off)?;
    let ours = |project: &Project| {
        one.project.as_deref() == Some(project.model.name.as_str())
            && (container.working_dir.is_empty()
                || containers::same_folder(
                    Path::new(&container.working_dir),
                    &project.working_dir(),
                ))
    };
    let mut candidates = projects.iter().filter(|(_, project)| ours(project));
    let selects =
        |(_, project): &&(String, Arc<Project>)| project.selected.contains(&container.service);
    candidates.clone().find(selects).or_else(|| candidates.next()).map(|(name, _)| name.clone())
}

/// Those of the listed containers that are on the network, and whoever else the engine counts.
fn on_network(network: &NetworkInspect, listed: Vec<ContainerSummary>) -> Vec<Attached> {
    let endpoints = network.containers.clone().unwrap_or_default();
    let mut found: Vec<Attached> = Vec::new();
    let mut others = Vec::new();
    for summary in listed {
        let up = is_up(&summary);
        let settings = endpoint(network, &summary);
        let held = summary.id.as_ref().and_then(|id| endpoints.get(id));
        let fixed = settings.as_ref().and_then(fixed_address);
        if held.is_some() || (up && settings.is_some()) {
            let held = held.and_then(|endpoint| address(endpoint.ipv4_address.as_deref()));
            let listed = settings.and_then(|s| address(s.ip_address.as_deref()));
            found.extend(of_summary(summary, up, held.or(listed).or(fixed)));
        } else if fixed.is_some() {
            found.extend(of_summary(summary, false, fixed));
        } else {
            others.push(summary);
        }
    }
    // Whoever shares the network of one of these loses it when that one is stopped.
    let owners: HashSet<String> =
        found.iter().filter(|one| one.up).map(|one| format!("container:{}", one.id)).collect();
    let shares = |summary: &ContainerSummary| {
        let mode = summary.host_config.as_ref().and_then(|host| host.network_mode.as_ref());
        is_up(summary) && mode.is_some_and(|mode| owners.contains(mode))
    };
    found.extend(others.into_iter().filter(shares).filter_map(|s| of_summary(s, true, None)));
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn is_up(summary: &ContainerSummary) -> bool {
    matches!(summary.state, Some(State::RUNNING | State::RESTARTING | State::PAUSED))
}

/// What the container has to do with the network. One that holds the name by another id is on a
/// network that is gone; one that was never started holds no id yet.
fn endpoint(network: &NetworkInspect, summary: &ContainerSummary) -> Option<EndpointSettings> {
    let networks = summary.network_settings.as_ref()?.networks.as_ref()?;
    let id = |settings: &EndpointSettings| settings.network_id.clone().unwrap_or_default();
    let by_id = networks.values().find(|settings| Some(id(settings)) == network.id);
    let by_name = networks
        .iter()
        .find(|(name, settings)| network.name.as_ref() == Some(name) && id(settings).is_empty());
    by_id.or(by_name.map(|(_, settings)| settings)).cloned()
}

fn fixed_address(settings: &EndpointSettings) -> Option<IpAddr> {
    address(settings.ipam_config.as_ref()?.ipv4_address.as_deref())
}

/// An address as the engine writes it, with or without the length of its prefix.
fn address(text: Option<&str>) -> Option<IpAddr> {
    text?.split('/').next()?.parse().ok()
}

fn of_summary(summary: ContainerSummary, up: bool, ip: Option<IpAddr>) -> Option<Attached> {
    let labels: HashMap<String, String> = summary.labels.unwrap_or_default();
    let label = |name: &str| labels.get(name).cloned();
    let name = summary.names.unwrap_or_default().into_iter().next().unwrap_or_default();
    Some(Attached {
        id: summary.id?,
        name: name.trim_start_matches('/').to_owned(),
        ip,
        up,
        project: label(PROJECT),
        service: label("com.docker.compose.service"),
        working_dir: label("com.docker.compose.project.working_dir"),
        labels: labels.into_iter().collect(),
        deploy: None,
        container: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(containers: &serde_json::Value) -> NetworkInspect {
        let network = serde_json::json!({"Name": "minikube", "Id": "n2", "Containers": containers});
        serde_json::from_value(network).expect("a network")
    }

    fn summary(id: &str, state: &str, endpoint: &serde_json::Value) -> ContainerSummary {
        let summary = serde_json::json!({"Id": id, "Names": [format!("/{id}")], "State": state,
            "Labels": {"com.docker.compose.service": "scheduler"},
            "NetworkSettings": {"Networks": {"minikube": endpoint}}});
        serde_json::from_value(summary).expect("a summary")
    }

    fn seen(found: &[Attached]) -> Vec<(&str, bool, Option<String>)> {
        found
            .iter()
            .map(|one| (one.name.as_str(), one.up, one.ip.map(|ip| ip.to_string())))
            .collect()
    }

    #[test]
    fn who_runs_holds_an_address_and_who_restarts_counts_too() {
        let network = network(&serde_json::json!({"a": {"IPv4Address": "192.168.49.2/24"}}));
        let listed = vec![
            summary("a", "running", &serde_json::json!({"NetworkID": "n2"})),
            summary("b", "restarting", &serde_json::json!({"NetworkID": "n2", "IPAddress": ""})),
            summary("c", "exited", &serde_json::json!({"NetworkID": "n2"})),
        ];
        let found = on_network(&network, listed);
        assert_eq!(seen(&found), [("a", true, Some("192.168.49.2".to_owned())), ("b", true, None)]);
        assert_eq!(found[0].service.as_deref(), Some("scheduler"));
    }

    #[test]
    fn a_stopped_container_counts_when_it_has_a_fixed_address_on_the_living_network() {
        let network = network(&serde_json::json!({}));
        let fixed = |id: &str| serde_json::json!({"NetworkID": id, "IPAMConfig": {"IPv4Address": "192.168.49.2"}});
        let listed = vec![
            summary("stopped", "exited", &fixed("n2")),
            summary("never", "created", &fixed("")),
            summary("dead", "exited", &fixed("n1")),
        ];
        let address = Some("192.168.49.2".to_owned());
        let wanted = [("never", false, address.clone()), ("stopped", false, address)];
        assert_eq!(seen(&on_network(&network, listed)), wanted);
    }

    #[test]
    fn who_shares_the_network_of_one_of_them_is_on_it() {
        let network = network(&serde_json::json!({"a": {"IPv4Address": "192.168.49.3/24"}}));
        let mut sidecar = summary("s", "running", &serde_json::json!({}));
        sidecar.network_settings = None;
        let mode = serde_json::json!({"NetworkMode": "container:a"});
        sidecar.host_config = serde_json::from_value(mode).expect("a host configuration");
        let owner = summary("a", "running", &serde_json::json!({"NetworkID": "n2"}));
        let found = on_network(&network, vec![sidecar, owner]);
        assert_eq!(seen(&found)[1], ("s", true, None));
    }
}
