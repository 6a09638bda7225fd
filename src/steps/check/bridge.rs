//! What a name means on a container's networks: the engine answers it, as its own name server
//! does inside. The addresses can be reached from this machine where the engine runs on it: then
//! the network's gateway is an address of this machine (Linux, not Docker Desktop).

use std::collections::HashSet;
use std::net::IpAddr;

use futures_util::future::join_all;

use bollard::models::{ContainerInspectResponse, ContainerSummary, EndpointSettings};
use bollard::query_parameters::{InspectContainerOptions, ListContainersOptions};

use super::container::engine_trouble;
use crate::host::ports::is_own_address;
use crate::policy::Failure;
use crate::steps::StepCtx;

/// Where a name leads on a container's networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Neighbour {
    /// Its address.
    pub(super) address: IpAddr,
    /// The way there from this machine.
    pub(super) reach: Reach,
}

/// Whether a container's network begins on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Its gateway is an address of this machine.
    Direct,
    /// It is inside of a virtual machine, or has no gateway.
    Unknown,
}

/// Where the name leads on the networks of this container; `None` where it has no address there.
pub(super) async fn neighbour(
    ctx: &StepCtx,
    container: &str,
    name: &str,
) -> Result<Option<Neighbour>, Failure> {
    let docker = ctx.host.docker.client().await?;
    let options = None::<InspectContainerOptions>;
    let (asking, running) = tokio::join!(
        docker.inspect_container(container, options.clone()),
        docker.list_containers(None::<ListContainersOptions>)
    );
    let asking = asking.map_err(|error| engine_trouble(&error))?;
    let running = running.map_err(|error| engine_trouble(&error))?;
    let networks: HashSet<String> =
        endpoints(&asking).map(|(network, _)| network.clone()).collect();
    let near = running.iter().filter(|other| shares_network(other, &networks));
    let looks = near
        .filter_map(|other| other.id.as_deref())
        .map(|id| docker.inspect_container(id, options.clone()));
    // One that went away between the two calls is no neighbour any more.
    let found = join_all(looks).await.into_iter().filter_map(Result::ok);
    Ok(found.into_iter().find_map(|other| neighbour_by(&other, &networks, name)))
}

fn endpoints(
    container: &ContainerInspectResponse,
) -> impl Iterator<Item = (&String, &EndpointSettings)> {
    container.network_settings.iter().flat_map(|settings| settings.networks.iter().flatten())
}

fn shares_network(container: &ContainerSummary, networks: &HashSet<String>) -> bool {
    let settings = container.network_settings.as_ref();
    let mut names = settings.iter().flat_map(|settings| settings.networks.iter().flatten());
    names.any(|(network, _)| networks.contains(network))
}

/// The container, if the name is its own or one of its aliases on a shared network.
fn neighbour_by(
    container: &ContainerInspectResponse,
    networks: &HashSet<String>,
    name: &str,
) -> Option<Neighbour> {
    let own_name = container.name.as_deref().map(|own| own.trim_start_matches('/'));
    endpoints(container).filter(|(network, _)| networks.contains(*network)).find_map(
        |(_, endpoint)| {
            let mut aliases = endpoint.aliases.iter().flatten();
            let is_meant = own_name == Some(name) || aliases.any(|alias| alias == name);
            let address = endpoint.ip_address.as_ref()?.parse().ok()?;
            is_meant.then(|| Neighbour { address, reach: reach(endpoint) })
        },
    )
}

fn reach(endpoint: &EndpointSettings) -> Reach {
    let gateway = endpoint.gateway.as_ref().and_then(|gateway| gateway.parse().ok());
    if gateway.is_some_and(is_own_address) { Reach::Direct } else { Reach::Unknown }
}
