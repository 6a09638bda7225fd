//! The network guard: while containers of compose hold endpoints on a network that the cluster's
//! tool owns, the cluster is not made, started, deleted or purged. Those of this environment are
//! stopped first, and the deploy that follows brings them back; others are never touched, and only
//! refused where one of them holds the address that the node needs.
//!
//! A healthy cluster never gets here.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use super::nodes::{self, NodeContainer};
use crate::config::model::{NetworkOwner, Provider};
use crate::drivers::spec::{ClusterNetwork, Spec};
use crate::event::Fix;
use crate::host::containers::Container;
use crate::plan::progress::Progress;
use crate::policy::{Class, Failure};
use crate::steps::StepCtx;
use crate::steps::compose::{self, Attached};
use crate::steps::network::gateways;

/// What the networks are cleared for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The cluster takes its addresses.
    Start,
    /// The cluster goes, and its network with it where nobody is on it.
    Remove,
}

/// Clears the cluster's networks for this purpose.
///
/// # Errors
/// `NODE_ADDRESS_HELD`; the engine could not be asked, or a container could not be stopped.
pub(super) async fn clear(ctx: &StepCtx, spec: &Spec, purpose: Purpose) -> Result<(), Failure> {
    if !spec.is_in_docker() {
        return Ok(());
    }
    let nodes = nodes::containers(ctx, spec).await?;
    let is_node = |one: &Attached| nodes.iter().any(|node| node.id == one.id);
    for network in networks(ctx, spec) {
        let attached = compose::attached(ctx, &network).await?;
        let others: Vec<Attached> = attached.into_iter().filter(|one| !is_node(one)).collect();
        if purpose == Purpose::Start {
            let held = node_addresses(ctx, spec, &nodes, &network).await?;
            refuse(&network, &others, &held)?;
        }
        make_way(ctx, &network, &others).await?;
        warn_shared(ctx, &network, &others);
    }
    Ok(())
}

/// The cluster's own network, and those that the configuration says are its.
fn networks(ctx: &StepCtx, spec: &Spec) -> BTreeSet<String> {
    let owned = ctx.config.networks.iter().filter(|network| network.owner == NetworkOwner::Cluster);
    let owned = owned.map(|network| network.name.clone());
    owned.chain(spec.network.name().map(str::to_owned)).collect()
}

/// The addresses that the nodes are going to ask for.
async fn node_addresses(
    ctx: &StepCtx,
    spec: &Spec,
    nodes: &[NodeContainer],
    network: &str,
) -> Result<BTreeSet<IpAddr>, Failure> {
    let pinned = nodes.iter().filter_map(|node| node.fixed.get(network).copied());
    let mut addresses: BTreeSet<IpAddr> = pinned.chain(given(spec)).collect();
    // minikube takes the address after the gateway on its own network.
    let is_own = matches!(&spec.network, ClusterNetwork::Own(name) if name == network);
    if addresses.is_empty() && is_own && spec.provider == Provider::Minikube {
        addresses.extend(gateways(network, ctx).await?.into_iter().filter_map(after));
    }
    Ok(addresses)
}

/// `--static-ip` of the user's own arguments.
fn given(spec: &Spec) -> Option<IpAddr> {
    let mut args = spec.args.iter();
    while let Some(arg) = args.next() {
        if arg == "--static-ip" {
            return args.next()?.parse().ok();
        }
        if let Some(address) = arg.strip_prefix("--static-ip=") {
            return address.parse().ok();
        }
    }
    None
}

fn after(gateway: IpAddr) -> Option<IpAddr> {
    match gateway {
        IpAddr::V4(gateway) => {
            Some(IpAddr::V4(Ipv4Addr::from_bits(gateway.to_bits().checked_add(1)?)))
        }
        IpAddr::V6(_) => None,
    }
}

/// Refuses to go on where an address of a node is taken for good: by a foreign container that is
/// up, or by a service whose own configuration asks for it.
fn refuse(network: &str, others: &[Attached], held: &BTreeSet<IpAddr>) -> Result<(), Failure> {
    let holds = |one: &&Attached| one.ip.is_some_and(|address| held.contains(&address));
    for one in others.iter().filter(holds) {
        match (&one.deploy, one.up) {
            (Some(_), false) => return Err(claimed(network, one)),
            (None, true) => return Err(taken(network, one)),
            // An own service makes way and gets another address when it comes back; a stranger that
            // does not run holds none.
            (Some(_), true) | (None, false) => {}
        }
    }
    Ok(())
}

fn address_held(network: &str, one: &Attached) -> Failure {
    let address = one.ip.map_or_else(|| "an address".to_owned(), |address| address.to_string());
    let summary = format!(
        "container `{}` has {address} on network `{network}`, which the node of the cluster needs",
        one.name
    );
    let source = format!("docker network inspect {network}");
    let failure = Failure::new(Class::Refused, "NODE_ADDRESS_HELD", summary);
    match (&one.project, &one.service) {
        (Some(project), Some(service)) => {
            failure.because(source, format!("service `{service}` of compose project `{project}`"))
        }
        _ => failure,
    }
}

fn taken(network: &str, one: &Attached) -> Failure {
    let command = format!("docker network disconnect {network} {}", one.name);
    address_held(network, one).fix(Fix::safe(command))
}

fn claimed(network: &str, one: &Attached) -> Failure {
    let service = one.service.as_deref().unwrap_or(&one.name);
    address_held(network, one)
        .fix(Fix::safe(format!("give `{service}` another `ipv4_address` in its compose file")))
}

/// Stops this environment's own services on the network, all at once.
async fn make_way(ctx: &StepCtx, network: &str, others: &[Attached]) -> Result<(), Failure> {
    let own = others.iter().filter(|one| one.up && one.deploy.is_some());
    let stopped: Vec<Container> = own.filter_map(|one| one.container.clone()).collect();
    if stopped.is_empty() {
        return Ok(());
    }
    let services: BTreeSet<&str> = stopped.iter().map(|one| one.service.as_str()).collect();
    let services: Vec<&str> = services.into_iter().collect();
    let count = match services.len() {
        1 => "1 service".to_owned(),
        count => format!("{count} services"),
    };
    ctx.waiting(format!("{count} on network {network} to stop"));
    compose::interrupt(ctx, &stopped).await?;
    ctx.say(Progress::Warning {
        code: "SERVICES_INTERRUPTED",
        message: format!(
            "stopped {count} on network `{network}` until the cluster is up: {}",
            services.join(", ")
        ),
        hint: None,
    });
    Ok(())
}

fn warn_shared(ctx: &StepCtx, network: &str, others: &[Attached]) {
    let foreign = others.iter().filter(|one| one.up && one.deploy.is_none());
    let names: Vec<&str> = foreign.map(|one| one.name.as_str()).collect();
    if names.is_empty() {
        return;
    }
    ctx.say(Progress::Warning {
        code: "NETWORK_SHARED",
        message: format!(
            "containers of others are on network `{network}` of the cluster, and stay: {}",
            names.join(", ")
        ),
        hint: Some(format!("docker network disconnect {network} {}", names[0])),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attached(name: &str, address: &str, up: bool, deploy: Option<&str>) -> Attached {
        Attached {
            id: name.to_owned(),
            name: name.to_owned(),
            ip: address.parse().ok(),
            up,
            labels: std::collections::BTreeMap::new(),
            project: Some("shop".to_owned()),
            service: Some("api".to_owned()),
            working_dir: None,
            deploy: deploy.map(str::to_owned),
            container: None,
        }
    }

    fn refusal(one: Attached) -> Option<Failure> {
        refuse("minikube", &[one], &BTreeSet::from(["192.168.49.2".parse().unwrap()])).err()
    }

    #[test]
    fn a_foreign_holder_of_the_nodes_address_is_named_with_the_way_out() {
        let failure = refusal(attached("squatter", "192.168.49.2", true, None)).unwrap();
        assert_eq!((failure.class, failure.code), (Class::Refused, "NODE_ADDRESS_HELD"));
        assert!(failure.summary.contains("`squatter` has 192.168.49.2"), "{}", failure.summary);
        let fix = failure.fix.unwrap();
        assert_eq!(fix.command, "docker network disconnect minikube squatter");
    }

    #[test]
    fn an_own_service_makes_way_unless_its_file_asks_for_the_address() {
        assert!(refusal(attached("api", "192.168.49.2", true, Some("stack"))).is_none());
        let failure = refusal(attached("api", "192.168.49.2", false, Some("stack"))).unwrap();
        assert!(failure.fix.unwrap().command.contains("`ipv4_address`"));
    }

    #[test]
    fn others_beside_the_nodes_address_may_stay() {
        assert!(refusal(attached("db", "192.168.49.7", true, None)).is_none());
        assert!(refusal(attached("db", "", true, None)).is_none());
    }

    #[test]
    fn the_address_after_the_gateway_is_the_nodes() {
        assert_eq!(after("10.1.0.1".parse().unwrap()), "10.1.0.2".parse().ok());
        assert_eq!(after("255.255.255.255".parse().unwrap()), None);
        assert_eq!(after("fd00::1".parse().unwrap()), None);
    }
}
