//! Containers, volumes and networks by the labels that a cluster tool puts on them. Which labels
//! those are, and what a finding means, is the drivers'.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bollard::errors::Error;
use bollard::models::{
    ContainerInspectResponse, ContainerStateStatusEnum as EngineStatus, Network as EngineNetwork,
    NetworkInspect, NetworkSettings,
};
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveVolumeOptionsBuilder,
};
use jiff::Timestamp;

use crate::host::containers::{Status, is_missing};
use crate::host::docker::{Engine, classify};
use crate::policy::{Class, Failure};

/// How long a living engine may take to say what it or a container is (the docker driver of minikube gives it six
/// seconds; a machine that just woke up needs more).
const LOOK_LIMIT: Duration = Duration::from_secs(10);

/// A container as a cluster driver looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeContainer {
    /// Its id.
    pub id: String,
    /// Its name, without the leading slash.
    pub name: String,
    /// The image that it was made from, as it was named then.
    pub image: String,
    /// Where it is in its life.
    pub status: Status,
    /// Exit code of the last run.
    pub exit_code: i64,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Network name to what it holds there.
    pub networks: BTreeMap<String, Attachment>,
    /// Ports published on the host now: port inside with its protocol, and port on the host.
    pub ports: Vec<(String, u16)>,
    /// When it last ended.
    pub finished: Option<Timestamp>,
}

/// A container's place on a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachment {
    /// Id of the network; it outlives the network in a stopped container.
    pub network_id: String,
    /// Address on it; empty while the container does not run.
    pub address: String,
}

/// A volume with its labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedVolume {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// A network with its labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedNetwork {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Subnet and gateway of each address pool, in the engine's order.
    pub pools: Vec<(Option<String>, Option<String>)>,
    /// Names of the running containers on it; only [`network`] fills it.
    pub containers: Vec<String>,
}

/// What the engine has to give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineFacts {
    /// Memory in bytes; 0 where it does not say.
    pub memory: u64,
    /// CPUs; 0 where it does not say.
    pub cpus: u32,
    /// Such as `Docker Desktop` or the name of the distribution.
    pub operating_system: String,
    /// Such as `x86_64`.
    pub architecture: String,
    /// Version of the engine.
    pub version: String,
}

/// What the engine has to give; a silent engine is given up after ten seconds.
///
/// # Errors
/// The engine could not be asked.
pub async fn engine_facts(engine: &Engine) -> Result<EngineFacts, Failure> {
    let doing = "ask the Docker Engine what it has";
    let client = engine.client().await?;
    let info = tokio::time::timeout(LOOK_LIMIT, client.info()).await;
    let info = info.map_err(|_| silent(doing))?.map_err(|error| classify(&error, doing))?;
    Ok(EngineFacts {
        memory: info.mem_total.and_then(|bytes| bytes.try_into().ok()).unwrap_or_default(),
        cpus: info.ncpu.and_then(|count| count.try_into().ok()).unwrap_or_default(),
        operating_system: info.operating_system.unwrap_or_default(),
        architecture: info.architecture.unwrap_or_default(),
        version: info.server_version.unwrap_or_default(),
    })
}

/// The container of this name; `None` is sure to mean that there is none.
///
/// # Errors
/// The engine could not be asked.
pub async fn container(engine: &Engine, name: &str) -> Result<Option<NodeContainer>, Failure> {
    let doing = format!("look at container `{name}`");
    let asked = engine.client().await?.inspect_container(name, None);
    let found = match tokio::time::timeout(LOOK_LIMIT, asked).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) if is_missing(&error) => return Ok(None),
        Ok(Err(error)) => return Err(classify(&error, &doing)),
        Err(_) => return Err(silent(&doing)),
    };
    // The engine also takes the beginning of an id for a name.
    Ok(Some(node(found)).filter(|node| node.name == name || node.id == name))
}

/// All containers with this label, `key` or `key=value`, stopped ones included, by name.
///
/// # Errors
/// The engine could not be asked.
pub async fn containers_with(engine: &Engine, label: &str) -> Result<Vec<NodeContainer>, Failure> {
    let client = engine.client().await?;
    let filters = labelled(label);
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    let listed = client.list_containers(Some(options)).await;
    let listed = listed.map_err(|error| classify(&error, "list containers by label"))?;
    let mut found = Vec::new();
    for id in listed.into_iter().filter_map(|summary| summary.id) {
        found.extend(container(engine, &id).await?);
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// All volumes with this label, `key` or `key=value`, by name.
///
/// # Errors
/// The engine could not be asked.
pub async fn volumes_with(engine: &Engine, label: &str) -> Result<Vec<NamedVolume>, Failure> {
    let client = engine.client().await?;
    let filters = labelled(label);
    let options = ListVolumesOptionsBuilder::default().filters(&filters).build();
    let listed = client.list_volumes(Some(options)).await;
    let listed = listed.map_err(|error| classify(&error, "list volumes by label"))?;
    let volumes = listed.volumes.into_iter().flatten();
    let mut found: Vec<NamedVolume> = volumes
        .map(|volume| NamedVolume { name: volume.name, labels: sorted(volume.labels) })
        .collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// All networks with this label, `key` or `key=value`, by name; their containers are not asked for.
///
/// # Errors
/// The engine could not be asked.
pub async fn networks_with(engine: &Engine, label: &str) -> Result<Vec<NamedNetwork>, Failure> {
    let client = engine.client().await?;
    let filters = labelled(label);
    let options = ListNetworksOptionsBuilder::default().filters(&filters).build();
    let listed = client.list_networks(Some(options)).await;
    let listed = listed.map_err(|error| classify(&error, "list networks by label"))?;
    let mut found: Vec<NamedNetwork> = listed.into_iter().map(listed_network).collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// The network of this name; `None` is sure to mean that there is none.
///
/// # Errors
/// The engine could not be asked.
pub async fn network(engine: &Engine, name: &str) -> Result<Option<NamedNetwork>, Failure> {
    match engine.client().await?.inspect_network(name, None).await {
        // The engine also takes the beginning of an id for a name.
        Ok(found) if found.name.as_deref() != Some(name) => Ok(None),
        Ok(found) => Ok(Some(inspected_network(found))),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(classify(&error, &format!("look at network `{name}`"))),
    }
}

/// Removes a container, running or not; one that is gone already is as good.
///
/// # Errors
/// What the engine said.
pub async fn remove_container(engine: &Engine, name: &str) -> Result<(), Failure> {
    let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
    let removed = engine.client().await?.remove_container(name, Some(options)).await;
    gone(removed, &format!("remove container `{name}`"))
}

/// Removes a volume; one that is gone already is as good.
///
/// # Errors
/// What the engine said, such as that a container uses it.
pub async fn remove_volume(engine: &Engine, name: &str) -> Result<(), Failure> {
    let options = RemoveVolumeOptionsBuilder::default().build();
    let removed = engine.client().await?.remove_volume(name, Some(options)).await;
    gone(removed, &format!("remove volume `{name}`"))
}

/// Removes a network; one that is gone already is as good.
///
/// # Errors
/// What the engine said, such as that containers are on it.
pub async fn remove_network(engine: &Engine, name: &str) -> Result<(), Failure> {
    let removed = engine.client().await?.remove_network(name).await;
    gone(removed, &format!("remove network `{name}`"))
}

/// Starts a container; one that runs already is no error.
///
/// # Errors
/// What the engine said.
pub async fn start_container(engine: &Engine, name: &str) -> Result<(), Failure> {
    let started = engine.client().await?.start_container(name, None).await;
    started.map_err(|error| classify(&error, &format!("start container `{name}`")))
}

/// Lets a frozen container go on.
///
/// # Errors
/// What the engine said.
pub async fn unpause_container(engine: &Engine, name: &str) -> Result<(), Failure> {
    let unpaused = engine.client().await?.unpause_container(name).await;
    unpaused.map_err(|error| classify(&error, &format!("unpause container `{name}`")))
}

fn silent(doing: &str) -> Failure {
    Failure::new(
        Class::Transient,
        "DOCKER_TIMEOUT",
        format!("could not {doing}: the Docker Engine said nothing for {} s", LOOK_LIMIT.as_secs()),
    )
}

fn labelled(label: &str) -> HashMap<&'static str, Vec<&str>> {
    HashMap::from([("label", vec![label])])
}

fn gone(removed: Result<(), Error>, doing: &str) -> Result<(), Failure> {
    match removed {
        Err(error) if !is_missing(&error) => Err(classify(&error, doing)),
        _ => Ok(()),
    }
}

fn sorted(labels: HashMap<String, String>) -> BTreeMap<String, String> {
    labels.into_iter().collect()
}

fn node(found: ContainerInspectResponse) -> NodeContainer {
    let state = found.state.unwrap_or_default();
    let config = found.config.unwrap_or_default();
    let settings = found.network_settings.unwrap_or_default();
    NodeContainer {
        id: found.id.unwrap_or_default(),
        name: found.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        image: config.image.unwrap_or_default(),
        status: match state.status.unwrap_or(EngineStatus::EMPTY) {
            EngineStatus::RUNNING | EngineStatus::STOPPING => Status::Running,
            EngineStatus::PAUSED => Status::Paused,
            EngineStatus::RESTARTING => Status::Restarting,
            EngineStatus::REMOVING => Status::Removing,
            EngineStatus::EXITED => Status::Exited,
            EngineStatus::DEAD => Status::Dead,
            EngineStatus::CREATED | EngineStatus::EMPTY => Status::Created,
        },
        exit_code: state.exit_code.unwrap_or_default(),
        labels: sorted(config.labels.unwrap_or_default()),
        ports: published(&settings),
        networks: attachments(settings),
        // The engine writes year 1 for "never".
        finished: state
            .finished_at
            .filter(|text| !text.starts_with("0001-"))
            .and_then(|text| text.parse().ok()),
    }
}

fn attachments(settings: NetworkSettings) -> BTreeMap<String, Attachment> {
    let networks = settings.networks.into_iter().flatten();
    networks
        .map(|(name, end)| {
            let network_id = end.network_id.unwrap_or_default();
            let address = end.ip_address.unwrap_or_default();
            (name, Attachment { network_id, address })
        })
        .collect()
}

/// The engine lists a port once for IPv4 and once for IPv6.
fn published(settings: &NetworkSettings) -> Vec<(String, u16)> {
    let mut ports = Vec::new();
    for (inside, bindings) in settings.ports.iter().flatten() {
        for binding in bindings.iter().flatten() {
            let host = binding.host_port.as_deref().and_then(|port| port.parse().ok());
            ports.extend(host.map(|host| (inside.clone(), host)));
        }
    }
    ports.sort();
    ports.dedup();
    ports
}

fn listed_network(found: EngineNetwork) -> NamedNetwork {
    let pools = found.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
    NamedNetwork {
        id: found.id.unwrap_or_default(),
        name: found.name.unwrap_or_default(),
        labels: sorted(found.labels.unwrap_or_default()),
        pools: pools.into_iter().map(|pool| (pool.subnet, pool.gateway)).collect(),
        containers: Vec::new(),
    }
}

fn inspected_network(found: NetworkInspect) -> NamedNetwork {
    let pools = found.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
    let ends = found.containers.unwrap_or_default();
    let mut containers: Vec<String> =
        ends.into_iter().map(|(id, end)| end.name.unwrap_or(id)).collect();
    containers.sort();
    NamedNetwork {
        id: found.id.unwrap_or_default(),
        name: found.name.unwrap_or_default(),
        labels: sorted(found.labels.unwrap_or_default()),
        pools: pools.into_iter().map(|pool| (pool.subnet, pool.gateway)).collect(),
        containers,
    }
}
