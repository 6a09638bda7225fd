//! The hops between a client and what it asks for, in their order, and what it means that one of them
//! does not lead on. Pure: who tries them is `route`.

use serde::Serialize;

use crate::event::{Evidence, Fix};
use crate::policy::{Class, Failure};

/// A stretch of the way, from what is asked for towards the one who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Hop {
    /// The service's object has the port or the address.
    Service,
    /// Ready endpoints stand behind it.
    Endpoints,
    /// One of them takes connections.
    Pod,
    /// The node takes connections on its loopback address.
    Loopback,
    /// The node takes connections on the address that clients use.
    Node,
    /// This machine reaches that address.
    Here,
}

impl Hop {
    /// As people read it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Endpoints => "endpoints",
            Self::Pod => "pod",
            Self::Loopback => "on the node",
            Self::Node => "node's address",
            Self::Here => "from here",
        }
    }
}

/// Whether a hop leads on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Passage {
    /// It does.
    Open,
    /// It does not.
    Closed,
    /// Nobody can tell from here.
    Unknown,
}

/// A hop that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// Which.
    pub hop: Hop,
    /// Whether it leads on.
    pub passage: Passage,
    /// What was found, in a few words.
    pub detail: String,
}

impl Tried {
    pub(super) fn new(hop: Hop, passage: Passage, detail: impl Into<String>) -> Self {
        Self { hop, passage, detail: detail.into() }
    }
}

/// What came of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Somebody took it.
    Open,
    /// The machine is there, and nobody listens or forwards.
    Refused,
    /// Nothing came back: something on the way drops packets.
    Filtered,
    /// There is no way to the address, or no such name.
    Unroutable,
    /// Nobody could try.
    Unknown,
}

impl Reach {
    /// The word of the script on the node.
    pub(super) fn parse(word: &str) -> Self {
        match word {
            "open" => Self::Open,
            "refused" => Self::Refused,
            "filtered" => Self::Filtered,
            "unroutable" => Self::Unroutable,
            _ => Self::Unknown,
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Open => "takes connections",
            Self::Refused => "connection refused",
            Self::Filtered => "no answer at all",
            Self::Unroutable => "no way to it",
            Self::Unknown => "could not be tried",
        }
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The API server.
    Api,
    /// A service of the cluster.
    Service,
}

/// What it means that a connection failed at this hop; none where that says nothing.
pub(super) fn closed(kind: Kind, hop: Hop, reach: Reach, address: &str) -> Option<Failure> {
    let port = address.rsplit(':').next().unwrap_or(address);
    let (code, summary, fix) = match (kind, hop, reach) {
        // `kube-proxy` may leave the loopback address out (nftables, `route_localnet=0`).
        (_, _, Reach::Open | Reach::Unknown) | (Kind::Service, Hop::Loopback, _) => return None,
        (Kind::Api, Hop::Loopback, _) => (
            "ROUTE_API_DOWN",
            format!("on its own machine the API server takes no connection at port {port}"),
            "sudo journalctl -u k3s -n 50   # there",
        ),
        (Kind::Service, Hop::Node, _) => (
            "ROUTE_NODE",
            format!(
                "the node itself does not forward {address}: its pods answer, its rules do not"
            ),
            "look for the port there: sudo iptables-save | grep KUBE-NODEPORTS, or nft list ruleset",
        ),
        (Kind::Api, Hop::Node, _) => (
            "ROUTE_NODE",
            format!("on its own machine the API server answers, but not at {address}"),
            "compare `tls-san`, `node-ip` and `bind-address` there with this address",
        ),
        (_, _, Reach::Filtered) => (
            "ROUTE_FILTERED",
            format!("packets to {address} are dropped on the way from here"),
            "open the port in the firewall between: firewalld on the machine, a security group, a VLAN",
        ),
        (_, _, Reach::Refused) => (
            "ROUTE_REFUSED",
            format!("the machine at {address} is reached, and nobody takes the connection there"),
            "check that the address is the node's: a proxy, a port that is not published, another host",
        ),
        (_, _, Reach::Unroutable) => (
            "ROUTE_UNROUTABLE",
            format!("there is no way from here to {address}"),
            "check the name and the route: a VPN that is down, another network",
        ),
    };
    Some(Failure::new(Class::Permanent, code, summary).fix(Fix::safe(fix)))
}

/// The way leads no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended;

/// A way and where it ends.
#[derive(Clone, Debug)]
pub struct Route {
    /// The address.
    pub address: String,
    /// The hops that were tried, in order, up to the first that does not lead on.
    pub tried: Vec<Tried>,
    /// What is wrong there; none where all lead on.
    pub failure: Option<Failure>,
}

impl Route {
    pub(super) fn to(address: impl Into<String>) -> Self {
        Self { address: address.into(), tried: Vec::new(), failure: None }
    }

    /// Notes a hop.
    pub(super) fn pass(&mut self, hop: Hop, passage: Passage, detail: impl Into<String>) {
        self.tried.push(Tried::new(hop, passage, detail));
    }

    /// Notes the hop at which the way ends; what led up to it is evidence.
    pub(super) fn end(&mut self, hop: Hop, mut failure: Failure) -> Ended {
        let open = self.tried.iter().filter(|tried| tried.passage == Passage::Open);
        failure
            .evidence
            .extend(open.map(|tried| Evidence::new(tried.hop.name(), tried.detail.clone())));
        self.pass(hop, Passage::Closed, failure.summary.clone());
        self.failure = Some(failure);
        Ended
    }

    /// Notes what came of a connection.
    pub(super) fn reach(
        &mut self,
        kind: Kind,
        hop: Hop,
        (address, reach): (&str, Reach),
    ) -> Result<(), Ended> {
        let found = format!("{address}: {}", reach.words());
        if let Some(failure) = closed(kind, hop, reach, address) {
            return Err(self.end(hop, failure.because(hop.name(), found)));
        }
        // What is closed and ends nothing proves nothing.
        let passage = if reach == Reach::Open { Passage::Open } else { Passage::Unknown };
        self.pass(hop, passage, found);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(kind: Kind, hop: Hop, reach: Reach) -> Option<&'static str> {
        closed(kind, hop, reach, "10.0.0.7:30800").map(|failure| failure.code)
    }

    #[test]
    fn each_hop_that_does_not_lead_on_has_its_name() {
        use Reach::{Filtered, Open, Refused, Unknown, Unroutable};
        for (kind, hop, reach, wanted) in [
            (Kind::Service, Hop::Loopback, Refused, None),
            (Kind::Service, Hop::Node, Refused, Some("ROUTE_NODE")),
            (Kind::Service, Hop::Node, Filtered, Some("ROUTE_NODE")),
            (Kind::Service, Hop::Here, Filtered, Some("ROUTE_FILTERED")),
            (Kind::Service, Hop::Here, Refused, Some("ROUTE_REFUSED")),
            (Kind::Service, Hop::Here, Unroutable, Some("ROUTE_UNROUTABLE")),
            (Kind::Api, Hop::Loopback, Refused, Some("ROUTE_API_DOWN")),
            (Kind::Api, Hop::Node, Filtered, Some("ROUTE_NODE")),
            (Kind::Api, Hop::Here, Filtered, Some("ROUTE_FILTERED")),
            (Kind::Api, Hop::Here, Open, None),
            (Kind::Service, Hop::Node, Unknown, None),
        ] {
            assert_eq!(code(kind, hop, reach), wanted, "{kind:?} {hop:?} {reach:?}");
        }
    }

    #[test]
    fn the_first_hop_that_is_closed_ends_the_way_and_those_before_are_its_evidence() {
        let mut route = Route::to("10.0.0.7:30800");
        route.pass(Hop::Service, Passage::Open, "node port 30800");
        let at = |reach| ("10.0.0.7:30800", reach);
        for (hop, reach, led_on) in [
            (Hop::Loopback, Reach::Refused, Ok(())),
            (Hop::Node, Reach::Open, Ok(())),
            (Hop::Here, Reach::Filtered, Err(Ended)),
        ] {
            assert_eq!(route.reach(Kind::Service, hop, at(reach)), led_on);
        }
        let passages: Vec<Passage> = route.tried.iter().map(|tried| tried.passage).collect();
        let wanted = [Passage::Open, Passage::Unknown, Passage::Open, Passage::Closed];
        assert_eq!(passages, wanted);
        let failure = route.failure.unwrap();
        assert_eq!(failure.code, "ROUTE_FILTERED");
        let sources: Vec<&str> = failure.evidence.iter().map(|one| one.source.as_str()).collect();
        assert_eq!(sources, ["from here", "service", "node's address"]);
    }
}
