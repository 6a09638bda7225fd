//! What lies around the client and the cluster and keeps them apart although every hop before the last
//! one leads on: networks that overlap, and the network of WSL. Pure.

use std::net::IpAddr;

use crate::config::model::Provider;
use crate::config::subnet::{self, Subnet};
use crate::drivers::spec::Spec;
use crate::event::{Evidence, Fix};
use crate::policy::{Class, Failure};

/// The networks of K3s, unless the configuration has others.
const PODS: &str = "10.42.0.0/16";
const SERVICES: &str = "10.43.0.0/16";

/// How a machine is connected that Windows runs in WSL 2 (`wslinfo --networking-mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wsl {
    /// It is none.
    No,
    /// Behind Windows, under an address that only Windows knows.
    Nat,
    /// With the networks of Windows itself.
    Mirrored,
}

impl Wsl {
    /// As the name of the kernel and the word of `wslinfo` tell it; releases without that have NAT.
    pub(super) fn of(kernel: &str, mode: Option<&str>) -> Self {
        match mode.map(str::trim) {
            _ if !kernel.to_ascii_lowercase().contains("microsoft") => Self::No,
            Some("mirrored" | "bridged" | "virtioproxy") => Self::Mirrored,
            _ => Self::Nat,
        }
    }
}

/// What is known of the surroundings.
#[derive(Clone, Debug)]
pub(super) struct Around {
    /// Networks of the cluster, by their keys in `[cluster]`.
    pub(super) cluster: Vec<(&'static str, Subnet)>,
    /// Networks of this machine, with their devices.
    pub(super) here: Vec<(Subnet, String)>,
    /// Address of the machine, where it is known as one.
    pub(super) there: Option<IpAddr>,
    pub(super) wsl: Wsl,
}

impl Around {
    /// The surroundings of a cluster on a machine of its own.
    pub(super) fn networks(spec: &Spec) -> Vec<(&'static str, Subnet)> {
        if spec.provider != Provider::K3s {
            return Vec::new();
        }
        let chosen = |chosen: Option<Subnet>, usual| chosen.or_else(|| Subnet::parse(usual));
        let pods = chosen(spec.k3s.cluster_cidr, PODS).map(|net| ("cluster_cidr", net));
        let services = chosen(spec.k3s.service_cidr, SERVICES).map(|net| ("service_cidr", net));
        pods.into_iter().chain(services).collect()
    }

    /// Why nothing comes back from there, where the surroundings say it better than the connection.
    pub(super) fn explain(&self, failure: Failure) -> Failure {
        if self.there.is_some_and(|there| there.is_loopback()) {
            return failure;
        }
        if let Some(overlap) = self.overlap() {
            let evidence = [overlap.evidence, failure.evidence].concat();
            return Failure { evidence, ..overlap };
        }
        let is_lost = matches!(failure.code, "ROUTE_FILTERED" | "ROUTE_UNROUTABLE");
        if self.wsl == Wsl::Nat && is_lost {
            return behind_windows(failure);
        }
        failure
    }

    /// A network of the cluster that is also one of the two ends: on the machine, what is meant for that
    /// end goes to pods.
    fn overlap(&self) -> Option<Failure> {
        let here = self.here.iter().map(|(net, device)| {
            (*net, format!("this machine's network {net} by {device}"), "here")
        });
        let there = self.there.map(Subnet::of);
        let there = there.map(|net| (net, format!("the machine's own address {net}"), "there"));
        let ends: Vec<(Subnet, String, &str)> = here.chain(there).collect();
        let hit = |(key, net): &(&'static str, Subnet)| {
            let end = ends.iter().find(|(end, ..)| !end.is_default() && end.overlaps(net))?;
            Some((*key, *net, end))
        };
        let (key, net, (_, what, side)) = self.cluster.iter().find_map(hit)?;
        let summary = format!(
            "{what} lies in `{key}` ({net}) of the cluster: answers go to pods and never come back"
        );
        let all: Vec<Subnet> = ends
            .iter()
            .map(|(end, ..)| *end)
            .chain(self.cluster.iter().map(|(_, net)| *net))
            .collect();
        let free = subnet::free(&all);
        let free = free.map_or_else(|| "a free network".to_owned(), |net| format!("\"{net}\""));
        let fix = format!("mlup reset --purge   # then `{key} = {free}` in mlup.toml");
        Some(
            Failure::new(Class::Permanent, "ROUTE_OVERLAP", summary)
                .because(*side, what)
                .fix(Fix::destructive(fix)),
        )
    }
}

/// Nobody but Windows routes for a machine in its NAT, and a VPN of Windows ends before it.
fn behind_windows(mut failure: Failure) -> Failure {
    let text =
        "this is WSL behind the NAT of Windows: it has neither Windows' addresses nor its VPN";
    failure.evidence.insert(0, Evidence::new("wslinfo --networking-mode", text));
    let fix = "write `[wsl2]` and `networkingMode=mirrored` into %UserProfile%\\.wslconfig, then run \
               `wsl.exe --shutdown`; if the port stays shut, open it in the firewall between";
    failure.fix(Fix::safe(fix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> Subnet {
        Subnet::parse(text).unwrap()
    }

    fn around(here: &str, there: &str, wsl: Wsl) -> Around {
        Around {
            cluster: vec![("cluster_cidr", net(PODS)), ("service_cidr", net(SERVICES))],
            here: vec![(net(here), "eth0".to_owned())],
            there: there.parse().ok(),
            wsl,
        }
    }

    fn filtered() -> Failure {
        Failure::new(Class::Permanent, "ROUTE_FILTERED", "packets are dropped")
            .because("from here", "no answer at all")
            .fix(Fix::safe("open the port"))
    }

    #[test]
    fn each_way_of_being_apart_has_its_row() {
        for (here, there, wsl, code, words) in [
            ("192.0.2.0/24", "198.51.100.7", Wsl::No, "ROUTE_FILTERED", "open the port"),
            ("10.42.7.0/24", "198.51.100.7", Wsl::No, "ROUTE_OVERLAP", "`cluster_cidr = "),
            ("10.0.0.0/8", "198.51.100.7", Wsl::No, "ROUTE_OVERLAP", "`cluster_cidr = "),
            ("192.0.2.0/24", "10.43.0.9", Wsl::No, "ROUTE_OVERLAP", "`service_cidr = "),
            ("0.0.0.0/0", "198.51.100.7", Wsl::No, "ROUTE_FILTERED", "open the port"),
            ("192.0.2.0/24", "198.51.100.7", Wsl::Nat, "ROUTE_FILTERED", "networkingMode=mirrored"),
            ("192.0.2.0/24", "198.51.100.7", Wsl::Mirrored, "ROUTE_FILTERED", "open the port"),
            ("10.42.7.0/24", "198.51.100.7", Wsl::Nat, "ROUTE_OVERLAP", "`cluster_cidr = "),
            // The near end of a tunnel: no network lies between.
            ("10.42.7.0/24", "127.0.0.1", Wsl::Nat, "ROUTE_FILTERED", "open the port"),
        ] {
            let failure = around(here, there, wsl).explain(filtered());
            let fix = failure.fix.unwrap().command;
            assert_eq!(failure.code, code, "{here} {there} {wsl:?}");
            assert!(fix.contains(words), "{here} {there} {wsl:?}: {fix}");
            assert!(failure.evidence.iter().any(|one| one.text == "no answer at all"));
        }
    }

    #[test]
    fn a_refusal_came_back_and_is_no_matter_of_windows() {
        let refused = Failure::new(Class::Permanent, "ROUTE_REFUSED", "nobody takes it");
        let found = around("192.0.2.0/24", "198.51.100.7", Wsl::Nat).explain(refused.clone());
        assert_eq!(found, refused);
    }

    #[test]
    fn wsl_is_known_by_its_kernel_and_its_network_by_its_own_word() {
        let kernel = "5.15.153.1-microsoft-standard-WSL2\n";
        for (kernel, mode, wanted) in [
            ("6.1.0-18-amd64\n", Some("nat"), Wsl::No),
            (kernel, None, Wsl::Nat),
            (kernel, Some("nat\n"), Wsl::Nat),
            (kernel, Some("mirrored\n"), Wsl::Mirrored),
        ] {
            assert_eq!(Wsl::of(kernel, mode), wanted, "{kernel} {mode:?}");
        }
    }
}
