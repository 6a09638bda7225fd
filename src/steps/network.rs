//! The step of a Docker network: made with the wanted settings, or used as it is when it has them.
//! A network with other settings is somebody's decision and left alone.

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::time::Duration;

use bollard::errors::Error;
use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest, NetworkInspect};
use tokio::time::Instant;

use crate::config::model::{Network, NetworkOwner};
use crate::event::Fix;
use crate::host::docker::classify;
use crate::plan::change::{Change, Op, Probed, Settled};
use crate::policy::{Class, Failure};
use crate::steps::{StepCtx, Teardown, cluster, ownership};

pub(super) async fn probe(network: &Network, ctx: &StepCtx) -> Result<Probed, Failure> {
    match inspect(&network.name, ctx).await? {
        Some(found) => settled(network, &found).map(Probed::Satisfied),
        None if network.owner == NetworkOwner::Cluster => {
            let why = "the cluster makes it";
            Ok(Probed::Needed(vec![Change::new(Op::Wait, object(network), why)]))
        }
        None => {
            let why = "it does not exist";
            Ok(Probed::Needed(vec![Change::new(Op::Create, object(network), why)]))
        }
    }
}

pub(super) async fn apply(network: &Network, ctx: &StepCtx) -> Result<(), Failure> {
    let mut labels = ownership::labels(&ctx.config.name);
    labels.extend(network.labels.clone());
    let pool = IpamConfig {
        subnet: network.subnet.clone(),
        gateway: network.gateway.clone(),
        ..IpamConfig::default()
    };
    let pools = (network.subnet.is_some() || network.gateway.is_some()).then(|| vec![pool]);
    let request = NetworkCreateRequest {
        name: network.name.clone(),
        driver: Some(network.driver.clone()),
        ipam: pools.map(|pools| Ipam { config: Some(pools), ..Ipam::default() }),
        labels: Some(labels),
        ..NetworkCreateRequest::default()
    };
    let created = ctx.host.docker.client().await?.create_network(request).await;
    let Err(error) = created else { return Ok(()) };
    let failure = classify(&error, &format!("create {}", object(network)));
    if appears(network, ctx).await? { Ok(()) } else { Err(failure) }
}

/// Whether the network comes up after all. The request of a start that was killed a moment ago may
/// still be with the engine, which then has the subnet already and the name a little later.
async fn appears(network: &Network, ctx: &StepCtx) -> Result<bool, Failure> {
    const LOOKS: u32 = 20;
    for _ in 0..LOOKS {
        if inspect(&network.name, ctx).await?.is_some() {
            return Ok(true);
        }
        tokio::select! {
            () = ctx.cancel.cancelled() => break,
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
        }
    }
    Ok(false)
}

pub(super) async fn verify(network: &Network, ctx: &StepCtx) -> Result<Settled, Failure> {
    if network.owner == NetworkOwner::Cluster {
        return clusters(network, ctx).await;
    }
    let found = inspect(&network.name, ctx).await?.ok_or_else(|| missing(network))?;
    settled(network, &found)
}

/// Waits for the network of a cluster. Its step is over, so the network is there already; the wait
/// only bridges an engine that is slow to show it.
async fn clusters(network: &Network, ctx: &StepCtx) -> Result<Settled, Failure> {
    const SHORTEST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(1);
    const LIMIT: Duration = Duration::from_secs(10);
    let (bench, began) = (ctx.workbench(), Instant::now());
    let mut pause = SHORTEST;
    loop {
        if let Some(found) = inspect(&network.name, ctx).await? {
            return settled(network, &found);
        }
        if began.elapsed() >= LIMIT {
            let failure = missing(network).because("mlup.toml", "the cluster is to make it");
            let instead = cluster::instead(ctx).await.into_iter().take(4);
            return Err(instead.fold(failure, |failure, line| failure.because("docker", line)));
        }
        bench.pause(pause).await?;
        pause = (pause * 2).min(LONGEST);
    }
}

/// The gateways of a network; none where there is no such network.
///
/// # Errors
/// The engine could not be asked.
pub(super) async fn gateways(name: &str, ctx: &StepCtx) -> Result<Vec<IpAddr>, Failure> {
    let found = inspect(name, ctx).await?;
    let gateways = found.iter().flat_map(|found| pools(&found.network));
    Ok(gateways.filter_map(|pool| pool.gateway.as_deref()?.parse().ok()).collect())
}

pub(super) async fn removals(
    network: &Network,
    ctx: &StepCtx,
    how: Teardown,
) -> Result<Vec<Change>, Failure> {
    if how == Teardown::Stop || network.owner == NetworkOwner::Cluster {
        return Ok(Vec::new());
    }
    let found = inspect(&network.name, ctx).await?;
    let ours = found
        .is_some_and(|found| ownership::is_ours(found.network.labels.as_ref(), &ctx.config.name));
    let removal = || Change::new(Op::Remove, object(network), "mlup made it");
    Ok(ours.then(removal).into_iter().collect())
}

pub(super) async fn remove(
    network: &Network,
    ctx: &StepCtx,
    how: Teardown,
) -> Result<Vec<Change>, Failure> {
    let changes = removals(network, ctx, how).await?;
    if changes.is_empty() {
        return Ok(changes);
    }
    let attached = inspect(&network.name, ctx).await?.map(|found| found.containers);
    if let Some(names) = attached.filter(|names| !names.is_empty()) {
        return Err(in_use(network, &names));
    }
    match ctx.host.docker.client().await?.remove_network(&network.name).await {
        Ok(()) | Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(changes),
        Err(error) => Err(classify(&error, &format!("remove {}", object(network)))),
    }
}

/// The parts of a network that matter here.
struct Found {
    network: NetworkInspect,
    containers: Vec<String>,
}

/// `None` is sure to mean that there is no such network.
async fn inspect(name: &str, ctx: &StepCtx) -> Result<Option<Found>, Failure> {
    let found = match ctx.host.docker.client().await?.inspect_network(name, None).await {
        Ok(found) => found,
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => return Ok(None),
        Err(error) => return Err(classify(&error, &format!("look at network `{name}`"))),
    };
    // The engine also takes the beginning of an id for a name.
    if found.name.as_deref() != Some(name) {
        return Ok(None);
    }
    let containers = found.containers.iter().flatten();
    let mut names: Vec<String> =
        containers.map(|(id, end)| end.name.clone().unwrap_or_else(|| id.clone())).collect();
    names.sort();
    Ok(Some(Found { network: found, containers: names }))
}

fn settled(network: &Network, found: &Found) -> Result<Settled, Failure> {
    let differences = differences(network, &found.network);
    if differences.is_empty() {
        let driver = found.network.driver.as_deref().unwrap_or("unknown driver");
        let detail = pools(&found.network)
            .filter_map(|pool| pool.subnet.clone())
            .fold(driver.to_owned(), |text, subnet| format!("{text}, {subnet}"));
        return Ok(Settled::ready(detail));
    }
    let failure = Failure::new(
        Class::Refused,
        "NETWORK_DIFFERS",
        format!("{} exists with other settings than `mlup.toml` wants", object(network)),
    );
    let source = format!("docker network inspect {}", network.name);
    let failure =
        differences.into_iter().fold(failure, |failure, line| failure.because(&source, line));
    let name = &network.name;
    Err(failure.fix(Fix::destructive(format!(
        "docker network rm {name}   # once nothing uses it; or change `[[network]]` to what it has"
    ))))
}

/// What differs of the things that the configuration sets.
fn differences(network: &Network, found: &NetworkInspect) -> Vec<String> {
    let mut lines = Vec::new();
    let driver = found.driver.as_deref().unwrap_or("nothing");
    if driver != network.driver {
        lines.push(format!("driver: wanted {}, found {driver}", network.driver));
    }
    let mut compare = |what: &str, wanted: &Option<String>, has: Vec<String>| {
        let Some(wanted) = wanted else { return };
        if !has.iter().any(|has| same_address(has, wanted)) {
            let has = if has.is_empty() { "none".to_owned() } else { has.join(" and ") };
            lines.push(format!("{what}: wanted {wanted}, found {has}"));
        }
    };
    let subnets = pools(found).filter_map(|pool| pool.subnet.clone()).collect();
    compare("subnet", &network.subnet, subnets);
    let gateways = pools(found).filter_map(|pool| pool.gateway.clone()).collect();
    compare("gateway", &network.gateway, gateways);
    lines
}

fn pools(found: &NetworkInspect) -> impl Iterator<Item = &IpamConfig> {
    found.ipam.iter().flat_map(|ipam| ipam.config.iter().flatten())
}

/// Whether two addresses or subnets are the same, however they are written.
fn same_address(left: &str, right: &str) -> bool {
    let parse = |text: &str| {
        let (address, prefix) = text.split_once('/').unwrap_or((text, ""));
        address.parse::<IpAddr>().ok().map(|address| (address, prefix.to_owned()))
    };
    left == right || parse(left).is_some_and(|left| Some(left) == parse(right))
}

fn object(network: &Network) -> String {
    format!("network `{}`", network.name)
}

fn missing(network: &Network) -> Failure {
    Failure::new(
        Class::Prerequisite,
        "NETWORK_MISSING",
        format!("{} does not exist", object(network)),
    )
    .fix(Fix::safe("mlup start"))
}

fn in_use(network: &Network, containers: &[String]) -> Failure {
    let name = &network.name;
    Failure::new(
        Class::Refused,
        "NETWORK_IN_USE",
        format!("{} cannot be removed: containers are attached to it", object(network)),
    )
    .because(format!("docker network inspect {name}"), containers.join(", "))
    .fix(Fix::safe(format!("docker stop {}", containers.join(" "))))
}
