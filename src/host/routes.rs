//! The networks that this machine reaches by a route of its own, as the kernel lists them. Whether one
//! is in the way of anything is not decided here.

use std::net::Ipv4Addr;

/// A route: a network in CIDR form and the device that it goes by.
pub type Route = (String, String);

/// Devices that belong to containers: what is behind them reaches the world under another address.
const CONTAINERS: [&str; 7] = ["br-", "cni", "docker", "flannel", "lo", "veth", "virbr"];

/// The networks of this machine beside the default route; none where the kernel keeps no such list.
#[must_use]
pub fn here() -> Vec<Route> {
    routes(&std::fs::read_to_string("/proc/net/route").unwrap_or_default())
}

/// `/proc/net/route` of Linux: `eth0 0002000A 00000000 0001 0 0 0 00FFFFFF`, in the byte order of
/// the machine, which is little-endian wherever this runs.
fn routes(text: &str) -> Vec<Route> {
    let rows = text.lines().skip(1).filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let address = |at: usize| u32::from_str_radix(words.get(at)?, 16).ok().map(u32::swap_bytes);
        let (device, base, mask) = (*words.first()?, address(1)?, address(7)?);
        let is_network = mask != 0 && !CONTAINERS.iter().any(|name| device.starts_with(name));
        let cidr = format!("{}/{}", Ipv4Addr::from_bits(base), mask.count_ones());
        is_network.then(|| (cidr, device.to_owned()))
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_list_is_read_without_default_routes_and_container_networks() {
        let text = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
            eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
            docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n\
            tun0\t00002B0A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n\
            eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\nhalf a line\n";
        let found = routes(text);
        let named = |network: &str, device: &str| (network.to_owned(), device.to_owned());
        assert_eq!(found, [named("10.43.0.0/16", "tun0"), named("192.0.2.0/24", "eth0")]);
    }
}
