//! `SELinux` and firewalls. None is ever switched off: what K3s needs is let through by name.

use super::{Case, Findings};
use crate::config::model::Prepare;
use crate::config::subnet::Subnet;
use crate::drivers::k3s::facts::{Firewalld, Selinux};
use crate::drivers::k3s::wanted::Way;
use crate::event::Fix;
use crate::policy::Class;

pub(super) fn selinux(case: &Case<'_>, found: &mut Findings) {
    let guards = &case.facts.guards;
    let is_ready = guards.has_policy || case.wanted.prepares(Prepare::Selinux);
    if guards.selinux != Selinux::Enforcing || is_ready {
        return;
    }
    let what = "enforces SELinux and has no policy for K3s";
    let fix = if case.wanted.is_local() {
        case.there("sudo dnf install -y container-selinux ./k3s-selinux-*.rpm")
    } else {
        Fix::safe("add `selinux` to `prepare` of `[cluster]` in mlup.toml")
    };
    let failure = case.failure(Class::Prerequisite, "K3S_SELINUX_POLICY", what);
    let failure = failure.because("getenforce", "Enforcing");
    found.wrong.push(failure.because("/usr/share/selinux/packages/k3s.pp", "not there").fix(fix));
}

pub(super) fn firewalls(case: &Case<'_>, found: &mut Findings) {
    let networks = [case.wanted.networks.pods, case.wanted.networks.services];
    if let Some(firewall) = &case.facts.guards.firewalld
        && !case.wanted.prepares(Prepare::Firewalld)
    {
        let mut missing = lacking(firewall, case.wanted.api_port, &networks);
        missing.retain(|lacking| !goes_through_ssh(case, lacking));
        if !missing.is_empty() {
            let what = format!("runs firewalld, which does not let {} through", missing.join(", "));
            let failure = case.failure(Class::Prerequisite, "K3S_FIREWALLD", &what);
            let failure = failure.because("firewall-cmd --list-ports", firewall.ports.join(" "));
            let fix = Fix::safe("add `firewalld` to `prepare` of `[cluster]` in mlup.toml");
            found.wrong.push(failure.fix(fix));
        }
    }
    let Some(ufw) = &case.facts.guards.ufw else { return };
    let mut needs = vec![case.wanted.api_port.to_string()];
    needs.extend(networks.map(|network| network.to_string()));
    needs.retain(|need| !ufw.contains(need.as_str()) && !goes_through_ssh(case, need));
    if !needs.is_empty() {
        let what = format!("runs ufw, which does not let {} through", needs.join(", "));
        let rules: Vec<String> = needs
            .iter()
            .map(|need| {
                if need.contains('/') {
                    format!("sudo ufw allow from {need} to any")
                } else {
                    format!("sudo ufw allow {need}/tcp")
                }
            })
            .collect();
        let failure = case.failure(Class::Prerequisite, "K3S_UFW", &what);
        found.wrong.push(failure.fix(case.there(&rules.join(" && "))));
    }
}

/// Whether this is the port of an API server that is reached through a tunnel.
fn goes_through_ssh(case: &Case<'_>, need: &str) -> bool {
    case.wanted.way == Way::Tunnel
        && need.trim_end_matches("/tcp") == case.wanted.api_port.to_string()
}

/// What firewalld keeps from K3s: the port of the API server, and the networks of the cluster.
pub(in crate::drivers::k3s) fn lacking(
    firewall: &Firewalld,
    api_port: u16,
    networks: &[Subnet],
) -> Vec<String> {
    if firewall.zone == "trusted" {
        return Vec::new();
    }
    let mut missing = Vec::new();
    let by_service =
        api_port == 6443 && firewall.services.iter().any(|name| name == "kube-apiserver");
    if !by_service && !firewall.ports.iter().any(|port| opens(port, api_port)) {
        missing.push(format!("{api_port}/tcp"));
    }
    let trusted: Vec<Subnet> =
        firewall.trusted.iter().filter_map(|source| Subnet::parse(source)).collect();
    for network in networks {
        if !trusted.iter().any(|source| source.holds(network)) {
            missing.push(network.to_string());
        }
    }
    missing
}

/// `6443/tcp`, `6000-7000/tcp`.
fn opens(rule: &str, port: u16) -> bool {
    let Some((ports, "tcp")) = rule.split_once('/') else { return false };
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    let (Ok(first), Ok(last)) = (first.parse::<u16>(), last.parse::<u16>()) else { return false };
    (first..=last).contains(&port)
}
