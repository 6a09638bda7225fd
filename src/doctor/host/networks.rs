//! Rules on the networks of the engine: subnets that overlap, and address ranges that are used up.

use super::draft::draft;
use super::facts::{Facts, Network, WantedNetwork};
use crate::config::subnet::Subnet;
use crate::doctor::finding::Finding;
use crate::quote::quote;

/// Most networks of one address range that are looked at.
const MOST_OF_A_POOL: u32 = 4096;

/// `DOC-05`: a subnet of the configuration belongs to another network already.
pub(super) fn overlap(facts: &Facts) -> Vec<Finding> {
    let Some(networks) = facts.networks.seen() else { return Vec::new() };
    let is_there = |wanted: &WantedNetwork| networks.iter().any(|one| one.name == wanted.name);
    let wanted = facts.wanted_networks.iter().filter(|wanted| !is_there(wanted));
    wanted
        .filter_map(|wanted| {
            let subnet = Subnet::parse(wanted.subnet.as_deref()?)?;
            of_networks(wanted, subnet, networks, facts)
                .or_else(|| of_routes(wanted, subnet, facts))
        })
        .collect()
}

fn of_networks(
    wanted: &WantedNetwork,
    subnet: Subnet,
    networks: &[Network],
    facts: &Facts,
) -> Option<Finding> {
    let has = |text: &String| Subnet::parse(text).is_some_and(|other| other.overlaps(&subnet));
    let other = networks.iter().find(|network| network.subnets.iter().any(has))?;
    let summary = format!(
        "network `{}` of {} wants {subnet}, and network `{}` has it",
        wanted.name, wanted.by, other.name
    );
    let maker = other.maker.as_ref().map(|maker| format!(" of {maker}")).unwrap_or_default();
    let used = users(other, facts);
    let used = if used.is_empty() { "no container is on it".to_owned() } else { used.join(", ") };
    let finding = draft("DOC-05", "network", &wanted.name, summary)
        .because("mlup.toml", format!("subnet {subnet}"))
        .because(
            format!("network {}{maker}", other.name),
            format!("{}; {used}", other.subnets.join(", ")),
        );
    Some(if is_stale(other, facts) {
        finding.mended_by_removal(format!("docker network rm {}", quote(&other.name)))
    } else {
        finding.mended_by(format!("choose another `subnet` for the [[network]] `{}`", wanted.name))
    })
}

fn of_routes(wanted: &WantedNetwork, subnet: Subnet, facts: &Facts) -> Option<Finding> {
    let is_in = |text: &str| {
        Subnet::parse(text).is_some_and(|other| !other.is_default() && other.overlaps(&subnet))
    };
    let (cidr, device) = facts.routes.iter().find(|(cidr, _)| is_in(cidr))?;
    let summary = format!(
        "network `{}` of {} wants {subnet}, and this machine reaches {cidr} by `{device}`",
        wanted.name, wanted.by
    );
    let finding = draft("DOC-05", "network", &wanted.name, summary)
        .because("mlup.toml", format!("subnet {subnet}"))
        .because("ip route", format!("{cidr} dev {device}"))
        .mended_by(format!("choose another `subnet` for the [[network]] `{}`", wanted.name));
    Some(finding)
}

/// Names of the containers that are on a network, or would be when they start.
fn users(network: &Network, facts: &Facts) -> Vec<String> {
    let all = facts.containers.seen().into_iter().flatten();
    let on_it = all.filter(|container| container.networks.iter().any(|(_, id)| *id == network.id));
    on_it.map(|container| container.name.clone()).take(4).collect()
}

/// Whether a tool left it behind: nobody is on it, and this configuration does not want it.
fn is_stale(network: &Network, facts: &Facts) -> bool {
    facts.containers.seen().is_some()
        && network.maker.is_some()
        && users(network, facts).is_empty()
        && !facts.wanted_networks.iter().any(|wanted| wanted.name == network.name)
}

/// `DOC-06`: a start makes more networks than the engine has address ranges for.
pub(super) fn exhausted(facts: &Facts) -> Vec<Finding> {
    let (Some(engine), Some(networks)) = (facts.engine.seen(), facts.networks.seen()) else {
        return Vec::new();
    };
    let is_there = |name: &str| networks.iter().any(|network| network.name == name);
    let wanted: Vec<&WantedNetwork> = facts
        .wanted_networks
        .iter()
        .filter(|wanted| wanted.subnet.is_none() && !is_there(&wanted.name))
        .collect();
    if wanted.is_empty() || engine.pools.is_empty() {
        return Vec::new();
    }
    let taken = networks.iter().flat_map(|network| network.subnets.iter());
    let routes = facts.routes.iter().map(|(cidr, _)| cidr);
    let taken: Vec<Subnet> = taken
        .chain(routes)
        .filter_map(|text| Subnet::parse(text))
        .filter(|one| !one.is_default())
        .collect();
    let free =
        engine.pools.iter().map(|(base, length)| free_of(base, *length, &taken)).sum::<usize>();
    if free >= wanted.len() {
        return Vec::new();
    }
    let names: Vec<String> = wanted.iter().map(|one| format!("`{}`", one.name)).collect();
    let summary = format!(
        "Docker has {free} address ranges left for networks, and {} wants one",
        names.join(", ")
    );
    let stale: Vec<&Network> = networks.iter().filter(|one| is_stale(one, facts)).collect();
    let mut finding = draft("DOC-06", "docker", "address pools", summary)
        .because("docker network ls", format!("{} networks", networks.len()));
    for network in stale.iter().take(4) {
        let maker = network.maker.clone().unwrap_or_default();
        finding = finding.because(
            format!("network {}", network.name),
            format!("{}; left by {maker}, no container is on it", network.subnets.join(", ")),
        );
    }
    let names: Vec<String> = stale.iter().map(|network| quote(&network.name)).collect();
    let fix = if names.is_empty() {
        "docker network prune   # removes networks that no container uses".to_owned()
    } else {
        format!("docker network rm {}", names.join(" "))
    };
    vec![finding.mended_by_removal(fix)]
}

/// How many networks a pool still has room for.
fn free_of(base: &str, length: u8, taken: &[Subnet]) -> usize {
    let Some((pool, prefix)) = Subnet::parse(base).zip(prefix_of(base)) else { return 0 };
    let length = u32::from(length);
    if length < prefix || length > 32 {
        return 0;
    }
    let count = 1_u32.checked_shl(length - prefix).unwrap_or(MOST_OF_A_POOL).min(MOST_OF_A_POOL);
    let part = |number: u32| {
        let address = pool.address(number.checked_shl(32 - length)?)?;
        Subnet::parse(&format!("{address}/{length}"))
    };
    let parts = (0..count).filter_map(part);
    parts.filter(|part| !taken.iter().any(|other| other.overlaps(part))).count()
}

fn prefix_of(cidr: &str) -> Option<u32> {
    cidr.split_once('/')?.1.parse().ok()
}
