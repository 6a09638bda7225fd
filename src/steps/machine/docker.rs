//! The Docker Engine as facts: itself, its networks, its containers, its clock.

use std::collections::HashMap;

use bollard::models::{
    ContainerSummary, ContainerSummaryStateEnum as State, PortSummaryTypeEnum, SystemInfo,
};
use bollard::query_parameters::{ListContainersOptionsBuilder, ListNetworksOptions};
use jiff::Timestamp;

use super::within;
use crate::config::model::{Config, DeployKind, ImageSource, Provider};
use crate::doctor::host::facts::{Container, Engine, Look, Network};
use crate::drivers::spec::Spec;
use crate::event::Evidence;
use crate::host::containers::PROJECT;
use crate::host::docker::classify;
use crate::host::{clock, files, machine};
use crate::policy::Failure;
use crate::steps::StepCtx;

/// Where the engine reads its settings from on Linux (docker.com, "dockerd", daemon configuration file).
const SETTINGS: &str = "/etc/docker/daemon.json";

/// The ranges that an engine without settings cuts networks from (moby 29,
/// `daemon/libnetwork/ipamutils/utils.go`).
const POOLS: [(&str, u8); 7] = [
    ("172.17.0.0/16", 16),
    ("172.18.0.0/16", 16),
    ("172.19.0.0/16", 16),
    ("172.20.0.0/14", 16),
    ("172.24.0.0/14", 16),
    ("172.28.0.0/14", 16),
    ("192.168.0.0/16", 20),
];

/// What was seen of Docker.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) engine: Look<Engine>,
    pub(super) daemon_file: Option<Evidence>,
    pub(super) networks: Look<Vec<Network>>,
    pub(super) containers: Look<Vec<Container>>,
    /// The folder of its data, where that is on this machine.
    pub(super) root: Option<String>,
    /// How many seconds its clock is ahead.
    pub(super) clock: Option<(String, i64)>,
}

/// Whether anything of this configuration is on the engine.
pub(super) fn is_needed(config: &Config) -> bool {
    let on_engine = |kind: &DeployKind| matches!(kind, DeployKind::Compose(_));
    let tools = [Provider::DockerDesktop, Provider::K3d, Provider::Minikube];
    config.cluster.as_ref().is_some_and(|cluster| tools.contains(&cluster.provider))
        || !config.networks.is_empty()
        || !config.images.is_empty()
        || config.deploys.iter().any(|deploy| on_engine(&deploy.kind))
}

/// Whether the docker command line is used.
pub(super) fn is_command_needed(config: &Config) -> bool {
    let builds = |source: &ImageSource| matches!(source, ImageSource::Build { .. });
    config.images.iter().any(|image| builds(&image.source))
        || config.deploys.iter().any(|deploy| matches!(deploy.kind, DeployKind::Compose(_)))
}

pub(super) async fn look(ctx: &StepCtx) -> Seen {
    if !is_needed(&ctx.config) {
        return Seen::default();
    }
    let engine = &ctx.host.docker;
    let about = within(&format!("the engine at {}", engine.endpoint()), about(ctx)).await;
    let about = match about {
        Look::Seen(about) => about,
        Look::Refused(finding) => {
            let daemon_file = settings_error();
            return Seen { engine: Look::Refused(finding), daemon_file, ..Seen::default() };
        }
        Look::Unclear(why) => return Seen { engine: Look::Unclear(why), ..Seen::default() },
        Look::Unneeded => return Seen::default(),
    };
    let (networks, containers) = tokio::join!(
        within("the list of networks", networks(ctx)),
        within("the list of containers", containers(ctx)),
    );
    Seen { networks, containers, ..about }
}

/// The engine itself. `info` is what counts: it is slow or silent when the engine is in trouble.
async fn about(ctx: &StepCtx) -> Result<Seen, Failure> {
    let client = ctx.host.docker.client().await?;
    let (version, info) = tokio::join!(client.version(), client.info());
    let version = version.map_err(|error| classify(&error, "ask Docker for its version"))?;
    let info = info.map_err(|error| classify(&error, "ask the Docker Engine what it has"))?;
    let endpoint = ctx.host.docker.endpoint();
    let is_here = endpoint.starts_with("unix:") && info.kernel_version == machine::kernel();
    let engine = Engine {
        version: version.version.unwrap_or_default(),
        api: version.api_version.unwrap_or_default(),
        oldest_api: version.min_api_version.unwrap_or_default(),
        cgroups: info.cgroup_version.map(|version| version.to_string()).unwrap_or_default(),
        pools: pools(&info),
        is_here,
        endpoint,
    };
    Ok(Seen {
        engine: Look::Seen(engine),
        root: info.docker_root_dir.filter(|_| is_here),
        clock: ahead(info.system_time.as_deref()),
        ..Seen::default()
    })
}

fn pools(info: &SystemInfo) -> Vec<(String, u8)> {
    let configured = info.default_address_pools.as_ref().filter(|pools| !pools.is_empty());
    let Some(configured) = configured else {
        return POOLS.iter().map(|(base, length)| ((*base).to_owned(), *length)).collect();
    };
    let pool = |base: &Option<String>, length: Option<i64>| {
        Some((base.clone()?, u8::try_from(length?).ok()?))
    };
    configured.iter().filter_map(|one| pool(&one.base, one.size)).collect()
}

fn ahead(system_time: Option<&str>) -> Option<(String, i64)> {
    let time: Timestamp = system_time?.parse().ok()?;
    Some(("the Docker Engine".to_owned(), time.as_second() - clock::now().as_second()))
}

/// What is wrong with the engine's own settings, where they are on this machine.
fn settings_error() -> Option<Evidence> {
    let text = files::read_text(std::path::Path::new(SETTINGS)).ok()?;
    let error = serde_json::from_str::<serde_json::Value>(&text).err()?;
    let place = format!("line {}, column {} is no JSON", error.line(), error.column());
    Some(Evidence::new(SETTINGS, place))
}

async fn networks(ctx: &StepCtx) -> Result<Vec<Network>, Failure> {
    let client = ctx.host.docker.client().await?;
    let listed = client.list_networks(None::<ListNetworksOptions>).await;
    let listed = listed.map_err(|error| classify(&error, "list the networks"))?;
    let network = |found: bollard::models::Network| {
        let pools = found.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
        Network {
            id: found.id.unwrap_or_default(),
            name: found.name.unwrap_or_default(),
            subnets: pools.into_iter().filter_map(|pool| pool.subnet).collect(),
            maker: maker(&found.labels.unwrap_or_default()),
        }
    };
    let mut found: Vec<Network> = listed.into_iter().map(network).collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

fn maker(labels: &HashMap<String, String>) -> Option<String> {
    if let Some(project) = labels.get(PROJECT) {
        return Some(format!("compose project `{project}`"));
    }
    if labels.contains_key("created_by.minikube.sigs.k8s.io") {
        return Some("minikube".to_owned());
    }
    (labels.get("app").map(String::as_str) == Some("k3d")).then(|| "k3d".to_owned())
}

async fn containers(ctx: &StepCtx) -> Result<Vec<Container>, Failure> {
    let client = ctx.host.docker.client().await?;
    let all = ListContainersOptionsBuilder::default().all(true).build();
    let listed = client.list_containers(Some(all)).await;
    let listed = listed.map_err(|error| classify(&error, "list the containers"))?;
    let label = Spec::of(&ctx.config).and_then(|spec| spec.node_label());
    let label = label.as_deref().and_then(|label| label.split_once('='));
    let mut found: Vec<Container> = listed.into_iter().map(|one| container(one, label)).collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

fn container(summary: ContainerSummary, node: Option<(&str, &str)>) -> Container {
    let labels = summary.labels.unwrap_or_default();
    let name = summary.names.unwrap_or_default().into_iter().next().unwrap_or_default();
    let networks = summary.network_settings.and_then(|settings| settings.networks);
    let mut networks: Vec<(String, String)> = networks
        .unwrap_or_default()
        .into_iter()
        .map(|(name, endpoint)| (name, endpoint.network_id.unwrap_or_default()))
        .collect();
    networks.sort();
    let port = |port: bollard::models::PortSummary| {
        let protocol = if port.typ == Some(PortSummaryTypeEnum::UDP) { "udp" } else { "tcp" };
        Some((port.public_port?, protocol.to_owned()))
    };
    let mut ports: Vec<(u16, String)> =
        summary.ports.unwrap_or_default().into_iter().filter_map(port).collect();
    ports.sort();
    ports.dedup();
    let is_up = [State::RUNNING, State::RESTARTING, State::PAUSED];
    Container {
        name: name.trim_start_matches('/').to_owned(),
        project: labels.get(PROJECT).cloned(),
        service: labels.get("com.docker.compose.service").cloned(),
        runs: summary.state.is_some_and(|state| is_up.contains(&state)),
        is_node: node.is_some_and(|(key, value)| labels.get(key).is_some_and(|has| has == value)),
        networks,
        ports,
    }
}
