//! Networks, ports, routes, and what the machine reaches of the world.

use super::{Case, Findings};
use crate::config::subnet::{self, Subnet};
use crate::drivers::k3s::convergence::Standing;
use crate::event::Fix;
use crate::policy::{Class, Failure};

/// Ports that K3s itself takes beside that of the API server (docs.k3s.io, requirements).
const OWN_PORTS: [u16; 4] = [10_248, 10_249, 10_250, 10_256];

/// Ports that Traefik takes over through the service load balancer.
const INGRESS_PORTS: [u16; 2] = [80, 443];

/// Networks that somebody else has: refused before the installation, and told afterwards, when they
/// can no longer be changed.
pub(super) fn overlaps(case: &Case<'_>, standing: Standing, found: &mut Findings) {
    let networks = &case.wanted.networks;
    let there = case.facts.network.routes.iter().map(|route| {
        (route.subnet, format!("route of `{}` by {}", case.wanted.host, route.device))
    });
    let address = case.facts.address.map(Subnet::of);
    let address = address.map(|subnet| (subnet, format!("address of `{}`", case.wanted.host)));
    let here = case.routes_here.iter().filter_map(|(network, device)| {
        Some((Subnet::parse(network)?, format!("route of this machine by {device}")))
    });
    let taken: Vec<(Subnet, String)> = there.chain(address).chain(here).collect();
    let mut all: Vec<Subnet> = taken.iter().map(|(subnet, _)| *subnet).collect();
    all.extend([networks.pods, networks.services]);
    for (key, title, wanted) in
        [("cluster_cidr", "pods", networks.pods), ("service_cidr", "services", networks.services)]
    {
        let hits: Vec<&(Subnet, String)> =
            taken.iter().filter(|(subnet, _)| subnet.overlaps(&wanted)).collect();
        let Some((subnet, source)) = hits.first() else { continue };
        let summary = format!(
            "the network of the {title} ({wanted}) overlaps {subnet}, a {source}: its traffic would \
             be swallowed"
        );
        let failure = Failure::new(Class::Config, "K3S_NETWORK_OVERLAP", summary);
        let failure = hits
            .iter()
            .take(4)
            .fold(failure, |failure, (subnet, source)| failure.because(source, subnet.to_string()));
        let free = subnet::free(&all);
        if let Some(free) = free {
            all.push(free);
        }
        let free = free.map_or_else(|| "a free network".to_owned(), |free| format!("\"{free}\""));
        if matches!(standing, Standing::Ours | Standing::Foreign) {
            let command = format!("mlup reset --purge   # then `{key} = {free}` in mlup.toml");
            found.doubtful.push(failure.fix(Fix::destructive(command)));
        } else {
            let fix = Fix::safe(format!("write `{key} = {free}` into `[cluster]` of mlup.toml"));
            found.wrong.push(failure.fix(fix));
        }
    }
}

/// Ports that somebody else holds.
pub(super) fn ports(case: &Case<'_>, found: &mut Findings) {
    let holder = |port: u16| {
        case.facts.network.listeners.iter().find(|listener| listener.port == port).map(|listener| {
            let program = listener.program.as_deref();
            program.map_or_else(|| "another program".to_owned(), |name| format!("`{name}`"))
        })
    };
    let show = |port: u16| case.there(&format!("sudo ss -ltnp 'sport = :{port}'"));
    for port in [case.wanted.api_port].into_iter().chain(OWN_PORTS) {
        let Some(holder) = holder(port) else { continue };
        let what = format!("has port {port}, which K3s needs, held by {holder}");
        let failure = case.failure(Class::Refused, "K3S_PORT_TAKEN", &what);
        found
            .wrong
            .push(failure.because("ss -ltnp", format!("port {port}: {holder}")).fix(show(port)));
    }
    if case.wanted.disable.iter().any(|name| name == "traefik" || name == "servicelb") {
        return;
    }
    for port in INGRESS_PORTS {
        let Some(holder) = holder(port) else { continue };
        let what = format!("has port {port} held by {holder}; Traefik will take its traffic over");
        let failure = case.failure(Class::Refused, "K3S_PORT_SHADOWED", &what);
        let fix = Fix::safe("write `disable = [\"traefik\"]` into `[cluster]` of mlup.toml");
        found.doubtful.push(failure.fix(fix));
    }
}

/// Routes that K3s needs, and services that take them away.
pub(super) fn routes(case: &Case<'_>, found: &mut Findings) {
    let network = &case.facts.network;
    if network.has_default_route == Some(false) {
        let what = "has no default route, and K3s does not start without one";
        let failure = case.failure(Class::Prerequisite, "K3S_NO_DEFAULT_ROUTE", what);
        let command = "sudo ip link add dummy0 type dummy && sudo ip addr add 203.0.113.254/31 dev dummy0 \
            && sudo ip link set dummy0 up && sudo ip route add default via 203.0.113.255 dev dummy0 metric 1000";
        found.wrong.push(failure.because("ip route", "no default").fix(case.there(command)));
    }
    if network.cloud_setup {
        let what = "runs nm-cloud-setup, which rewrites the routes that pods need";
        let failure = case.failure(Class::Prerequisite, "K3S_CLOUD_SETUP", what);
        let command = "sudo systemctl disable --now nm-cloud-setup.timer nm-cloud-setup.service && sudo reboot";
        found.wrong.push(failure.fix(case.there(command)));
    }
    if network.proxies.is_empty() {
        return;
    }
    let no_proxy = network.no_proxy.as_deref().unwrap_or_default();
    let networks = &case.wanted.networks;
    let wanted = [networks.pods.to_string(), networks.services.to_string(), ".svc".to_owned()];
    let missing: Vec<&str> =
        wanted.iter().map(String::as_str).filter(|item| !no_proxy.contains(item)).collect();
    if !missing.is_empty() {
        let what = format!("goes through a proxy, and NO_PROXY lacks {}", missing.join(", "));
        let failure = case.failure(Class::Prerequisite, "K3S_NO_PROXY", &what);
        let failure = failure.because("environment", network.proxies.join(", "));
        let fix = format!("sudo sed -i 's|^NO_PROXY=.*|&,{}|' /etc/environment", missing.join(","));
        found.doubtful.push(failure.fix(case.there(&fix)));
    }
}

/// What the machine cannot reach of what it needs.
pub(super) fn egress(case: &Case<'_>, found: &mut Findings) {
    let facts = case.facts;
    if !case.wanted.is_local() && !facts.downloads {
        let what = "has neither curl nor wget, and cannot download K3s";
        let failure = case.failure(Class::Prerequisite, "K3S_NO_DOWNLOADER", what);
        let tool = if facts.os.is_red_hat() { "dnf" } else { "apt-get" };
        let fix = case.there(&format!("sudo {tool} install -y curl"));
        found.wrong.push(failure.fix(fix));
        return;
    }
    let is_registry = |host: &str| case.wanted.registries.iter().any(|one| one.starts_with(host));
    // They are tried side by side, and told in the order in which they are needed.
    let order = case.wanted.needed_hosts();
    let mut tried: Vec<_> = facts.egress.iter().collect();
    tried.sort_by_key(|reach| order.iter().position(|host| *host == reach.host));
    let troubles = tried
        .into_iter()
        .filter_map(|reach| Some((reach.host.as_str(), reach.trouble.as_deref()?)));
    let (registries, needed): (Vec<_>, Vec<_>) = troubles.partition(|(host, _)| is_registry(host));
    if let Some(failure) = unreachable(case, &needed) {
        found.wrong.push(failure);
    }
    if let Some(failure) = unreachable(case, &registries) {
        found.doubtful.push(failure);
    }
}

fn unreachable(case: &Case<'_>, hosts: &[(&str, &str)]) -> Option<Failure> {
    if hosts.is_empty() {
        return None;
    }
    let names: Vec<&str> = hosts.iter().map(|(host, _)| *host).collect();
    let what = format!("cannot reach {}", names.join(", "));
    let failure = case.failure(Class::Prerequisite, "K3S_NO_EGRESS", &what);
    let failure = hosts.iter().take(5).fold(failure, |failure, (host, trouble)| {
        failure.because(format!("https://{host}"), *trouble)
    });
    let is_intercepted = hosts.iter().any(|(_, trouble)| trouble.contains("certificate"));
    Some(failure.fix(if is_intercepted {
        case.there("sudo update-ca-trust || sudo update-ca-certificates   # once your company's CA is in its folder")
    } else {
        Fix::safe(
            "write `install = \"FOLDER\"` into `[cluster]` of mlup.toml, with k3s, install.sh and the \
             airgap images in FOLDER, or let the machine out",
        )
    }))
}
