//! From what the survey prints to the facts of networks, firewalls and `SELinux`. Pure.

use crate::config::subnet::Subnet;
use crate::drivers::k3s::facts::{Firewalld, Guards, Listener, Network, Route, Selinux};
use crate::drivers::k3s::survey::Answers;

/// Devices that K3s and its containers make.
const OWN: [&str; 5] = ["cni", "flannel", "kube-", "veth", "lo"];

pub(super) fn network(answers: &Answers) -> Network {
    let routes = || answers.lines("routes").iter().chain(answers.lines("routes6"));
    let proxies = answers.lines("proxy").iter().map(|line| line.trim());
    let (no_proxy, proxies): (Vec<&str>, Vec<&str>) =
        proxies.filter(|line| !line.is_empty()).partition(|line| line.contains('='));
    Network {
        has_default_route: (!answers.lines("addresses").is_empty())
            .then(|| routes().any(|line| line.starts_with("default "))),
        routes: routes().filter_map(|line| route(line)).collect(),
        listeners: answers.lines("listening").iter().filter_map(|line| listener(line)).collect(),
        cloud_setup: answers.text("nm_cloud_setup") == Some("enabled"),
        proxies: proxies.into_iter().map(str::to_owned).collect(),
        no_proxy: no_proxy
            .first()
            .and_then(|line| line.split_once('='))
            .map(|(_, value)| value.trim_matches('"').to_owned()),
    }
}

/// `172.17.0.0/16 dev docker0 proto kernel scope link`; unreachable and multicast ones lead nowhere.
fn route(line: &str) -> Option<Route> {
    let mut words = line.split_whitespace();
    let first = words.next()?;
    let subnet = Subnet::parse(first).filter(|subnet| !subnet.is_default())?;
    let device = words.skip_while(|word| *word != "dev").nth(1)?;
    let is_own = OWN.iter().any(|own| device.starts_with(own));
    let is_local = first.starts_with("fe80:") || first.starts_with("ff00:");
    (!is_own && !is_local).then(|| Route { subnet, device: device.to_owned() })
}

/// `LISTEN 0 4096 *:6443 *:* users:(("k3s-server",pid=812,fd=14))`
fn listener(line: &str) -> Option<Listener> {
    let address = line.split_whitespace().nth(3)?;
    let port = address.rsplit_once(':')?.1.parse().ok()?;
    let program = line.split_once("users:((\"").and_then(|(_, rest)| rest.split_once('"'));
    Some(Listener { port, program: program.map(|(name, _)| name.to_owned()) })
}

pub(super) fn guards(answers: &Answers) -> Guards {
    let zone = answers.text("firewall_zone").map(str::to_owned);
    Guards {
        selinux: match answers.text("selinux") {
            Some("Enforcing") => Selinux::Enforcing,
            Some("Permissive") => Selinux::Permissive,
            _ => Selinux::Off,
        },
        has_policy: answers.text("selinux_policy").is_some(),
        firewalld: zone.map(|zone| Firewalld {
            zone,
            ports: answers.words("firewall_ports"),
            services: answers.words("firewall_services"),
            trusted: answers.words("firewall_trusted"),
        }),
        ufw: answers
            .lines("ufw")
            .iter()
            .any(|line| line.trim() == "Status: active")
            .then(|| answers.lines("ufw").join("\n")),
    }
}
