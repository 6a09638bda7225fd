//! The node's address: the fixed one that it gets on a network that it joins, high in the range, so
//! that no container that Docker numbers from below takes it meanwhile; and the one that it has.

use std::net::{IpAddr, Ipv4Addr};

use crate::drivers::spec::Spec;
use crate::host::labelled::NodeContainer;

/// Where in its range a node's address is, if the range is that long.
const HIGH: u32 = 200;

/// The node's address on a network with this subnet, if one can be fixed: an IPv4 subnet with room,
/// and not the gateway's.
pub(super) fn of_node(subnet: &str, gateway: Option<&str>) -> Option<String> {
    let (base, prefix) = subnet.split_once('/')?;
    let prefix: u32 = prefix.parse().ok().filter(|prefix| (8..=29).contains(prefix))?;
    let size = 1_u32 << (32 - prefix);
    let base = u32::from(base.parse::<Ipv4Addr>().ok()?) & !(size - 1);
    let gateway = gateway.and_then(|text| text.parse::<Ipv4Addr>().ok()).map(u32::from);
    // Not the network's own address, not the broadcast's, and minikube takes 2 to 254 at the end.
    let highest = HIGH.min(size - 3);
    [highest, highest - 1]
        .into_iter()
        .map(|offset| base + offset)
        .find(|address| Some(*address) != gateway && (2..=254).contains(&(address & 0xff)))
        .map(|address| Ipv4Addr::from(address).to_string())
}

/// The address that a running node has: on the cluster's network, else on the one that it is on.
pub(super) fn of(spec: &Spec, node: &NodeContainer) -> Option<IpAddr> {
    let on_its_own = spec.network.name().and_then(|name| node.networks.get(name));
    let mut places = on_its_own.into_iter().chain(node.networks.values());
    places.find_map(|place| place.address.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drivers::minikube::tests::{node, spec};
    use crate::host::containers::Status;
    use crate::host::labelled::Attachment;

    #[test]
    fn the_clusters_network_goes_before_another_one() {
        let mut node = node("dev", Status::Running);
        assert_eq!(of(&spec("dev"), &node), "10.9.0.2".parse().ok());
        let other = Attachment { network_id: "n0".to_owned(), address: "10.1.0.9".to_owned() };
        node.networks.insert("bridge".to_owned(), other);
        assert_eq!(of(&spec("dev"), &node), "10.9.0.2".parse().ok());
        node.networks.remove("dev");
        assert_eq!(of(&spec("dev"), &node), "10.1.0.9".parse().ok());
        node.networks.clear();
        assert_eq!(of(&spec("dev"), &node), None);
    }

    #[test]
    fn an_address_is_high_in_its_range_and_not_the_gateways() {
        for (subnet, gateway, address) in [
            ("172.28.0.0/24", Some("172.28.0.1"), Some("172.28.0.200")),
            ("172.28.0.0/24", Some("172.28.0.200"), Some("172.28.0.199")),
            ("172.28.0.7/16", None, Some("172.28.0.200")),
            ("10.213.31.0/28", Some("10.213.31.1"), Some("10.213.31.13")),
            ("10.0.0.64/26", None, Some("10.0.0.125")),
            ("10.0.0.0/30", None, None),
            ("fd00::/64", None, None),
            ("10.0.0.0", None, None),
        ] {
            assert_eq!(of_node(subnet, gateway).as_deref(), address, "{subnet}");
        }
    }
}
