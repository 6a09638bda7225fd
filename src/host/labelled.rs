//! Containers, volumes and networks by the labels that a cluster tool puts on them. Which labels
//! those are, and what a finding means, is the drivers'.

mod answers;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use bollard::errors::Error;
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveVolumeOptionsBuilder,
};
use jiff::Timestamp;

use crate::host::containers::{Status, is_missing};
use crate::host::docker::{Engine, LOOK_LIMIT, classify, silent};
use crate::policy::Failure;
use answers::{inspected_network, listed_network, node, sorted};

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

fn labelled(label: &str) -> HashMap<&'static str, Vec<&str>> {
    HashMap::from([("label", vec![label])])
}

fn gone(removed: Result<(), Error>, doing: &str) -> Result<(), Failure> {
    match removed {
        Err(error) if !is_missing(&error) => Err(classify(&error, doing)),
        _ => Ok(()),
    }
}
