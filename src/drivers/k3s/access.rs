//! Where this machine reaches the API server, and whether the kubeconfig leads there. Pure.

use crate::drivers::k3s::facts::Facts;
use crate::drivers::kubeconfig::Identity;

/// The API server as this machine reaches it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    /// A name or an address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

/// What a kubeconfig has for the context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// It leads to the cluster.
    Right,
    /// It has to be written, for this reason.
    Stale(String),
    /// It leads to somebody else's cluster, at this address.
    Foreign(String),
}

impl Server {
    /// The machine's own host, at the port where it listens: as it says itself once it is installed.
    pub(super) fn of(host: &str, wanted_port: u16, facts: &Facts) -> Self {
        let listens = facts.k3s.server.as_deref().and_then(|server| {
            server.trim_matches(['"', '\'']).trim_end_matches('/').rsplit_once(':')?.1.parse().ok()
        });
        Self { host: host.to_owned(), port: listens.unwrap_or(wanted_port) }
    }

    /// Its address as a kubeconfig has it.
    pub(super) fn url(&self) -> String {
        let Self { host, port } = self;
        if host.contains(':') {
            format!("https://[{host}]:{port}")
        } else {
            format!("https://{host}:{port}")
        }
    }
}

/// Whether an entry leads to the cluster. Certificates that are not known are not compared.
pub(super) fn entry(found: Option<&Identity>, server: &Server, facts: &Facts) -> Entry {
    let Some(found) = found else {
        return Entry::Stale("the kubeconfig has no such context".to_owned());
    };
    let differs = |known: &Option<String>, has: &str| {
        known.as_deref().is_some_and(|known| known.trim_matches(['"', '\'']) != has)
    };
    let other_authority = differs(&facts.k3s.authority, &found.authority);
    if found.server != server.url() {
        return if other_authority {
            Entry::Foreign(found.server.clone())
        } else {
            Entry::Stale(format!("the kubeconfig leads to {}", found.server))
        };
    }
    if other_authority {
        return Entry::Stale("the kubeconfig is of an earlier installation".to_owned());
    }
    if differs(&facts.k3s.client, &found.client) {
        return Entry::Stale("the certificate in the kubeconfig was renewed since".to_owned());
    }
    Entry::Right
}

/// The host part of a server's address in a kubeconfig.
pub(super) fn host_of(url: &str) -> Option<(&str, u16)> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split('/').next()?;
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, rest.strip_prefix(':'))
        }
        None => match authority.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    Some((host, port.map_or(Some(443), |port| port.parse().ok())?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drivers::k3s::tests::{facts, installed, set};

    fn identity(server: &str, authority: &str, client: &str) -> Identity {
        Identity { server: server.into(), authority: authority.into(), client: client.into() }
    }

    #[test]
    fn an_entry_is_right_stale_or_somebody_elses() {
        let facts = facts(&installed());
        let server = Server::of("vm.lan", 6443, &facts);
        let of = |found: Option<&Identity>| entry(found, &server, &facts);
        let right = identity("https://vm.lan:6443", "Q0E=", "Q0VSVA==");
        assert_eq!(of(Some(&right)), Entry::Right);
        assert!(matches!(of(None), Entry::Stale(_)));
        for (server, authority, client) in [
            ("https://10.0.0.9:6443", "Q0E=", "Q0VSVA=="),
            ("https://vm.lan:6443", "other", "Q0VSVA=="),
            ("https://vm.lan:6443", "Q0E=", "older"),
        ] {
            assert!(matches!(of(Some(&identity(server, authority, client))), Entry::Stale(_)));
        }
        let other = identity("https://10.0.0.9:6443", "other", "other");
        assert_eq!(of(Some(&other)), Entry::Foreign("https://10.0.0.9:6443".to_owned()));
    }

    #[test]
    fn the_port_is_the_one_that_k3s_listens_on() {
        let mut survey = installed();
        set(&mut survey, "k3s_server", &["https://127.0.0.1:7443"]);
        assert_eq!(Server::of("fd00::5", 6443, &facts(&survey)).url(), "https://[fd00::5]:7443");
    }

    #[test]
    fn hosts_are_taken_out_of_addresses() {
        for (url, expected) in [
            ("https://vm.lan:6443", Some(("vm.lan", 6443))),
            ("https://[fd00::5]:7443/", Some(("fd00::5", 7443))),
            ("https://vm.lan", Some(("vm.lan", 443))),
            ("vm.lan:6443", None),
            ("https://vm:x", None),
        ] {
            assert_eq!(host_of(url), expected);
        }
    }
}
