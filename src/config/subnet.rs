//! Networks as numbers: whether two of them overlap, which addresses they hold, and which are free.
//! How they are written in `mlup.toml` is `units`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network in CIDR form; the bits behind the prefix are nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    base: IpAddr,
    prefix: u32,
}

impl Subnet {
    /// Parses `10.42.0.0/16`; an address alone is a network of one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let Some((address, prefix)) = text.trim().split_once('/') else {
            return text.trim().parse().ok().map(Self::of);
        };
        let address: IpAddr = address.parse().ok()?;
        let prefix: u32 = prefix.parse().ok()?;
        (prefix <= width(address)).then(|| Self { base: masked(address, prefix), prefix })
    }

    /// The network of one address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        Self { base: address, prefix: width(address) }
    }

    /// Whether an address belongs to both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let prefix = self.prefix.min(other.prefix);
        self.base.is_ipv4() == other.base.is_ipv4()
            && masked(self.base, prefix) == masked(other.base, prefix)
    }

    /// Whether every address of the other belongs to it.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        self.prefix <= other.prefix && self.overlaps(other)
    }

    /// Whether it is the whole of the address family: the way to everywhere else, not a network.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.prefix == 0
    }

    /// Its address of that number, counted from 0; none behind its end.
    #[must_use]
    pub fn address(&self, number: u32) -> Option<IpAddr> {
        let room = width(self.base) - self.prefix;
        if room < 32 && u64::from(number) >= 1_u64 << room {
            return None;
        }
        Some(match self.base {
            IpAddr::V4(base) => Ipv4Addr::from_bits(base.to_bits().checked_add(number)?).into(),
            IpAddr::V6(base) => {
                Ipv6Addr::from_bits(base.to_bits().checked_add(u128::from(number))?).into()
            }
        })
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

/// The first private /16 that overlaps none of these, from 10.44.0.0/16 on: what is below is what
/// K3s takes by itself.
#[must_use]
pub fn free(taken: &[Subnet]) -> Option<Subnet> {
    let candidate =
        |second: u8| Subnet { base: Ipv4Addr::new(10, second, 0, 0).into(), prefix: 16 };
    let tens = (44..=255).chain(0..=43).map(candidate);
    let others = (16..=31)
        .map(|second| Subnet { base: Ipv4Addr::new(172, second, 0, 0).into(), prefix: 16 });
    tens.chain(others).find(|subnet| !taken.iter().any(|other| subnet.overlaps(other)))
}

fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn masked(address: IpAddr, prefix: u32) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - prefix.min(32)).unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - prefix.min(128)).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> Subnet {
        Subnet::parse(text).unwrap()
    }

    #[test]
    fn networks_are_read_without_the_bits_behind_the_prefix() {
        for (text, shown) in [
            ("10.42.3.4/16", "10.42.0.0/16"),
            ("10.43.100.94", "10.43.100.94/32"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("fd00:1::9/32", "fd00:1::/32"),
        ] {
            assert_eq!(net(text).to_string(), shown);
        }
        for text in ["", "10.42", "10.42.0.0/33", "10.0.0.0/x", "fd00::/129", "a/8"] {
            assert_eq!(Subnet::parse(text), None, "{text}");
        }
    }

    #[test]
    fn networks_overlap_where_one_holds_the_other() {
        for (left, right, overlap) in [
            ("10.43.0.0/16", "10.43.100.94", true),
            ("10.43.0.0/16", "10.0.0.0/8", true),
            ("10.42.0.0/16", "10.43.0.0/16", false),
            ("10.42.0.0/15", "10.43.0.0/16", true),
            ("0.0.0.0/0", "10.43.0.0/16", true),
            ("::/0", "10.43.0.0/16", false),
            ("fd00::/8", "fd12::/64", true),
        ] {
            assert_eq!(net(left).overlaps(&net(right)), overlap, "{left} {right}");
            assert_eq!(net(right).overlaps(&net(left)), overlap, "{right} {left}");
        }
        assert!(net("10.42.0.0/15").holds(&net("10.43.0.0/16")));
        assert!(!net("10.43.0.0/16").holds(&net("10.42.0.0/15")));
    }

    #[test]
    fn addresses_are_counted_from_the_beginning() {
        assert_eq!(net("10.45.0.0/16").address(10).unwrap().to_string(), "10.45.0.10");
        assert_eq!(net("10.45.0.0/30").address(4), None);
        assert_eq!(net("255.255.255.255").address(1), None);
        assert_eq!(net("fd00::/112").address(10).unwrap().to_string(), "fd00::a");
    }

    #[test]
    fn a_free_network_overlaps_nothing_that_is_taken() {
        assert_eq!(free(&[]).unwrap().to_string(), "10.44.0.0/16");
        assert_eq!(
            free(&[net("10.44.0.0/15"), net("10.46.9.0/24")]).unwrap().to_string(),
            "10.47.0.0/16"
        );
        assert_eq!(free(&[net("10.0.0.0/8")]).unwrap().to_string(), "172.16.0.0/16");
        assert_eq!(free(&[net("0.0.0.0/0")]), None);
    }
}
