//! The networks of a cluster on K3s: they are fixed for its life, so that one which overlaps another
//! is refused before any machine is asked. What the machine's own routes are is asked by the driver.

use crate::config::diagnostic::Problems;
use crate::config::node::Node;
use crate::config::subnet::{self, Subnet};

use super::cluster::record;

/// The networks that K3s takes by itself (docs.k3s.io, `--cluster-cidr`, `--service-cidr`).
const PODS: &str = "10.42.0.0/16";
const SERVICES: &str = "10.43.0.0/16";

/// One network of the cluster.
struct Wanted {
    key: &'static str,
    /// In words, whose it is.
    title: &'static str,
    subnet: Subnet,
}

/// A network that is somebody else's.
struct Taken {
    title: String,
    subnet: Subnet,
}

/// Records every overlap, each with a network that is free.
pub(super) fn check(tree: &Node, problems: &mut Problems) {
    let Some(cluster) = tree.get("cluster") else { return };
    let wanted: Vec<Wanted> =
        [("cluster_cidr", "the pods", PODS), ("service_cidr", "the services", SERVICES)]
            .into_iter()
            .filter_map(|(key, title, default)| {
                let text = cluster.get(key).and_then(Node::as_text).unwrap_or(default);
                Some(Wanted { key, title, subnet: Subnet::parse(text)? })
            })
            .collect();
    let taken = taken(tree, cluster);
    let all: Vec<Subnet> =
        wanted.iter().map(|one| one.subnet).chain(taken.iter().map(|one| one.subnet)).collect();
    let free = subnet::free(&all)
        .map_or_else(|| "a network that nobody uses".to_owned(), |subnet| format!("\"{subnet}\""));
    if let [pods, services] = wanted.as_slice()
        && pods.subnet.overlaps(&services.subnet)
    {
        let message = format!(
            "`service_cidr` ({}) overlaps `cluster_cidr` ({}) of [cluster]",
            services.subnet, pods.subnet
        );
        let key = if cluster.get("service_cidr").is_some() { services.key } else { pods.key };
        record(problems, cluster, key, message, &format!("write `{key} = {free}`"));
    }
    for one in &wanted {
        for other in taken.iter().filter(|other| other.subnet.overlaps(&one.subnet)) {
            let message = format!(
                "{} is in the network of {} ({}), and the cluster would swallow its traffic",
                other.title, one.title, one.subnet
            );
            record(problems, cluster, one.key, message, &format!("write `{} = {free}`", one.key));
        }
    }
    check_dns(cluster, &wanted, problems);
}

/// The networks that the text names: those of `[[network]]`, and the machine's own address.
fn taken(tree: &Node, cluster: &Node) -> Vec<Taken> {
    let host = cluster.get("host").and_then(Node::as_text).unwrap_or_default();
    let host = address(host).and_then(Subnet::parse);
    let host = host.map(|subnet| Taken { title: "the machine of `host`".to_owned(), subnet });
    let networks = tree.get("network").map(Node::entries).unwrap_or_default();
    let networks = networks.iter().filter_map(|(name, network)| {
        let subnet = Subnet::parse(network.get("subnet")?.as_text()?)?;
        Some(Taken { title: format!("[[network]] `{name}`"), subnet })
    });
    host.into_iter().chain(networks).collect()
}

/// The address part of `user@10.0.0.5`, `ssh://user@[fd00::1]:2222`.
fn address(host: &str) -> Option<&str> {
    let uri = host.strip_prefix("ssh://");
    let rest = uri.unwrap_or(host);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    if let Some(bracketed) = rest.strip_prefix('[') {
        return bracketed.split_once(']').map(|(address, _)| address);
    }
    if uri.is_some() { rest.split([':', '/']).next() } else { Some(rest) }
}

fn check_dns(cluster: &Node, wanted: &[Wanted], problems: &mut Problems) {
    let Some(text) = cluster.get("dns").and_then(Node::as_text) else { return };
    let (Some(dns), [_, services]) = (Subnet::parse(text), wanted) else { return };
    if !services.subnet.overlaps(&dns) {
        let message =
            format!("`dns` of [cluster] ({text}) is not in `service_cidr` ({})", services.subnet);
        let help = services.subnet.address(10).map_or_else(
            || "take `dns` out".to_owned(),
            |address| format!("write `dns = \"{address}\"`, or take it out"),
        );
        record(problems, cluster, "dns", message, &help);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_destination_is_found_in_each_way_to_write_it() {
        for (host, found) in [
            ("rocky@10.43.100.94", "10.43.100.94"),
            ("10.0.0.1", "10.0.0.1"),
            ("ssh://u@10.0.0.1:2222", "10.0.0.1"),
            ("ssh://[fd00::1]:22", "fd00::1"),
            ("u@fd00::1", "fd00::1"),
            ("box", "box"),
        ] {
            assert_eq!(address(host), Some(found));
        }
    }
}
