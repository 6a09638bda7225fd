//! The rule on addresses that were written down: a private one in the environment of a service, behind
//! which nothing is any more. Also finds such addresses in a value.

use std::net::Ipv4Addr;
use std::sync::LazyLock;

use regex::Regex;

use super::draft::draft;
use super::facts::{Facts, Project};
use crate::config::subnet::Subnet;
use crate::doctor::finding::Finding;

/// An address with a port: `10.0.1.17:5432`, also inside of a URL.
static PLACE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?:^|[^\d.])((?:\d{1,3}\.){3}\d{1,3}):(\d{1,5})(?:\D|$)").ok());

/// The private addresses with a port that a value names.
#[must_use]
pub fn private_places(value: &str) -> Vec<(Ipv4Addr, u16)> {
    let found = PLACE.iter().flat_map(|place| place.captures_iter(value));
    found
        .filter_map(|found| Some((found[1].parse().ok()?, found[2].parse().ok()?)))
        .filter(|(address, _): &(Ipv4Addr, u16)| address.is_private())
        .collect()
}

/// `CMP-11`: all silent addresses of a project, each once. One of a network of Docker's is a
/// container's, which may not run yet.
pub(super) fn silent(project: &Project, facts: &Facts) -> Vec<Finding> {
    let Some(networks) = facts.networks.seen() else { return Vec::new() };
    let wanted = facts.wanted_networks.iter().filter_map(|network| network.subnet.as_ref());
    let subnets = networks.iter().flat_map(|network| &network.subnets).chain(wanted);
    let subnets: Vec<Subnet> = subnets.filter_map(|text| Subnet::parse(text)).collect();
    let is_dockers = |place: &str| {
        let own = place.split(':').next().and_then(Subnet::parse);
        own.is_none_or(|own| subnets.iter().any(|subnet| subnet.holds(&own)))
    };
    let mut found: Vec<Finding> = Vec::new();
    for address in &project.addresses {
        let Some(why) = &address.silence else { continue };
        if is_dockers(&address.place) {
            continue;
        }
        let source = format!("service {} of {}", address.service, project.deploy);
        let text = format!("{} names {}", address.variable, address.place);
        if let Some(known) = found.iter_mut().find(|one| one.root.name == address.place) {
            known.evidence.push(crate::event::Evidence::new(source, text));
            known.evidence.truncate(5);
            continue;
        }
        let summary = format!(
            "`{}` of service `{}` names {}, where nothing is any more: {why}",
            address.variable, address.service, address.place
        );
        let finding = draft("CMP-11", "address", &address.place, summary)
            .because(source, text)
            .because(address.place.clone(), why.clone())
            .mended_by(format!(
                "write the name of a service or the address of today into `{}`",
                address.variable
            ))
            .likely();
        found.push(finding);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_with_a_port_are_found_and_nothing_else() {
        for (value, places) in [
            ("10.0.1.17:5432", &["10.0.1.17:5432"][..]),
            ("postgres://u:p@172.31.4.9:5432/db", &["172.31.4.9:5432"]),
            ("http://192.168.7.1:80/, 10.1.2.3:1", &["192.168.7.1:80", "10.1.2.3:1"]),
            ("127.0.0.1:80 8.8.8.8:53 0.0.0.0:80", &[]),
            ("10.0.0.0/8", &[]),
            ("1.10.0.1.17:5432", &[]),
            ("10.0.1.17", &[]),
            ("10.0.1.999:1 10.0.0.1:99999", &[]),
        ] {
            let found: Vec<String> =
                private_places(value).iter().map(|(ip, port)| format!("{ip}:{port}")).collect();
            assert_eq!(found, places, "{value}");
        }
    }
}
