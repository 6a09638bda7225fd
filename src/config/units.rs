//! Text to number for the units of `mlup.toml`: durations, byte sizes, modes, addresses. Each
//! function says what it takes when it is given something else.

use std::net::IpAddr;
use std::time::Duration;

/// Parses a duration such as `90s`, `15m`, `1h30m` or `500ms`; it is longer than nothing.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no duration; write it like `90s`, `15m` or `1h30m`");
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let millis: u64 = match rest[..end].trim() {
            "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        let part = Duration::from_millis(number.checked_mul(millis).ok_or_else(wrong)?);
        total = total.checked_add(part).ok_or_else(wrong)?;
        rest = rest[end..].trim_start();
    }
    if total.is_zero() {
        return Err(format!("`{text}` must be longer than nothing, such as `90s`"));
    }
    Ok(total)
}

/// Parses a pair of durations such as `5s..60s`, the first one not the longer.
pub(crate) fn backoff(text: &str) -> Result<(Duration, Duration), String> {
    let Some((min, max)) = text.split_once("..") else {
        return Err(format!("`{text}` is no range of delays; write it like `5s..60s`"));
    };
    let (min, max) = (duration(min)?, duration(max)?);
    if min > max {
        return Err(format!("`{text}` begins with the longer delay; write the shorter one first"));
    }
    Ok((min, max))
}

/// Parses a byte size such as `4g`, `3900MiB` or `4096mb`. Units count in powers of 1024, as
/// minikube and Docker count them.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no size; write it like `4g` or `3900MiB`");
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.find(|c: char| !c.is_ascii_digit()).unwrap_or(lower.len());
    let number: u64 = lower[..digits].parse().map_err(|_| wrong())?;
    let factor: u64 = match lower[digits..].trim() {
        "" | "b" => 1,
        "k" | "kb" | "ki" | "kib" => 1 << 10,
        "m" | "mb" | "mi" | "mib" => 1 << 20,
        "g" | "gb" | "gi" | "gib" => 1 << 30,
        "t" | "tb" | "ti" | "tib" => 1 << 40,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).filter(|bytes| *bytes > 0).ok_or_else(wrong)
}

/// A byte size as people write it: whole `GiB` where it is that, else whole `MiB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    const GIB: u64 = 1 << 30;
    if bytes >= GIB && bytes.is_multiple_of(GIB) {
        format!("{} GiB", bytes / GIB)
    } else {
        format!("{} MiB", bytes >> 20)
    }
}

/// Parses permission bits in octal, such as `0600`.
pub(crate) fn mode(text: &str) -> Result<u32, String> {
    let is_octal = (3..=4).contains(&text.len()) && text.chars().all(|c| ('0'..='7').contains(&c));
    let bits = u32::from_str_radix(text, 8).ok().filter(|bits| is_octal && *bits <= 0o777);
    bits.ok_or_else(|| format!("`{text}` is no file mode; write it in octal like `0600`"))
}

/// Checks an IP address.
pub(crate) fn address(text: &str) -> Result<String, String> {
    match text.parse::<IpAddr>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(format!("`{text}` is no IP address; write it like `172.28.0.1`")),
    }
}

/// Checks a network in CIDR form.
pub(crate) fn cidr(text: &str) -> Result<String, String> {
    network(text)
        .map(|_| text.to_owned())
        .ok_or_else(|| format!("`{text}` is no network; write it like `172.28.0.0/16`"))
}

/// The address and prefix length of a network in CIDR form.
fn network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, prefix) = text.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let prefix: u32 = prefix.parse().ok()?;
    (prefix <= if address.is_ipv4() { 32 } else { 128 }).then_some((address, prefix))
}

/// Whether a network in CIDR form holds an address; `false` where either cannot be read.
pub(crate) fn contains(cidr: &str, address: &str) -> bool {
    let (Some((network, prefix)), Ok(address)) = (network(cidr), address.parse::<IpAddr>()) else {
        return false;
    };
    let (network, address, width) = match (network, address) {
        (IpAddr::V4(left), IpAddr::V4(right)) => {
            (u128::from(left.to_bits()), u128::from(right.to_bits()), 32)
        }
        (IpAddr::V6(left), IpAddr::V6(right)) => (left.to_bits(), right.to_bits(), 128),
        _ => return false,
    };
    let shift: u32 = width - prefix;
    shift >= 128 || network >> shift == address >> shift
}

/// Checks a port.
pub(crate) fn port(number: i64) -> Result<u16, String> {
    u16::try_from(number)
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| format!("`{number}` is no port; ports are 1 to 65535"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, millis) in [
            ("15m", 900_000),
            ("90s", 90_000),
            ("1h30m", 5_400_000),
            ("500ms", 500),
            ("1m 30s", 90_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "0s", "15", "m", "1x", "-1s", "1.5h", "99999999999999999999h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_read() {
        for (text, size) in [("4g", 4 << 30), ("3900MiB", 3900 << 20), ("4096mb", 4 << 30)] {
            assert_eq!(bytes(text), Ok(size), "{text}");
        }
        for text in ["", "0", "g", "4x", "-1g", "99999999999t"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_written() {
        for (bytes, text) in [(4 << 30, "4 GiB"), (3900 << 20, "3900 MiB"), (512 << 20, "512 MiB")]
        {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn backoff_is_a_range_of_delays() {
        assert_eq!(backoff("5s..60s"), Ok((Duration::from_secs(5), Duration::from_secs(60))));
        assert!(backoff("60s..5s").is_err());
        assert!(backoff("5s").is_err());
    }

    #[test]
    fn modes_are_octal() {
        assert_eq!((mode("0600"), mode("644")), (Ok(0o600), Ok(0o644)));
        for text in ["0800", "1777", "rw", "", "60", "+60"] {
            assert!(mode(text).is_err(), "{text}");
        }
    }

    #[test]
    fn networks_and_their_members_are_checked() {
        assert!(cidr("172.28.0.0/16").is_ok() && cidr("fd00::/8").is_ok());
        assert!(cidr("172.28.0.0").is_err() && cidr("172.28.0.0/33").is_err());
        assert!(contains("172.28.0.0/16", "172.28.9.1"));
        assert!(!contains("172.28.0.0/16", "172.29.0.1"));
        assert!(contains("0.0.0.0/0", "8.8.8.8"));
        assert!(!contains("10.0.0.0/8", "fd00::1"));
    }

    #[test]
    fn ports_end_at_65535() {
        assert_eq!(port(65_535), Ok(65_535));
        assert!(port(0).is_err() && port(65_536).is_err() && port(-1).is_err());
    }
}
