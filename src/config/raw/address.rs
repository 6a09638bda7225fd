//! Where checks go to and come from, as text: addresses, endpoints and vantages. What placeholders
//! look like is `config/address`.

use hyper::Uri;

use super::super::units;
use crate::config::address::{Address, Target};

/// Where a check is made from, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Inside a compose service's container.
    Compose(String),
    /// This machine.
    Host,
    /// Inside of the cluster.
    Pod,
}

/// Reads where a check is made from.
pub(super) fn vantage(text: &str) -> Result<Place, String> {
    match text.split_once(':') {
        Some(("compose", service)) if !service.is_empty() => Ok(Place::Compose(service.to_owned())),
        None if text == "host" => Ok(Place::Host),
        None if text == "pod" => Ok(Place::Pod),
        _ => Err(format!(
            "`{text}` is no place to check from; possible: `host`, `compose:SERVICE`, `pod`"
        )),
    }
}

/// What an address looks like once its placeholders are filled in: a NodePort brings its port.
fn sample(target: &Target) -> &'static str {
    match target {
        Target::LoadBalancer(_) | Target::Node => "placeholder",
        Target::NodePort(..) => "placeholder:1",
    }
}

/// The text that is left of an address whose NodePort has a port of its own behind it.
fn with_two_ports(address: &Address, plain: &str) -> Option<String> {
    plain.contains("placeholder:1:").then(|| {
        format!("`{address}` has two ports: `{{nodeport:...}}` stands for an address and its port")
    })
}

/// Reads an http or https address.
pub(super) fn http_url(text: &str) -> Result<Address, String> {
    let address = Address::parse(text)?;
    let plain = address.filled(sample);
    if let Some(wrong) = with_two_ports(&address, &plain) {
        return Err(wrong);
    }
    let wrong = || format!("`{text}` is no address; write it like `http://localhost:8080/health`");
    let uri: Uri = plain.parse().map_err(|_| wrong())?;
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    let has_port = uri.authority().is_some_and(|authority| {
        let port = authority.as_str().rsplit('@').next().unwrap_or_default();
        let port = port.rsplit(']').next().unwrap_or_default();
        !port.contains(':') || authority.port_u16().is_some_and(|port| port > 0)
    });
    if is_http && has_port && uri.host().is_some_and(|host| !host.is_empty()) {
        return Ok(address);
    }
    Err(wrong())
}

/// Reads a `host:port`.
pub(super) fn endpoint(text: &str) -> Result<Address, String> {
    let address = Address::parse(text)?;
    let plain = address.filled(sample);
    if let Some(wrong) = with_two_ports(&address, &plain) {
        return Err(wrong);
    }
    let wrong = || format!("`{text}` is no endpoint; write it like `localhost:5432`");
    let (host, port) = plain.rsplit_once(':').ok_or_else(wrong)?;
    let is_bare_v6 = host.contains(':') && !host.starts_with('[');
    if host.is_empty() || is_bare_v6 || host.contains(['/', ' ', '@']) {
        return Err(wrong());
    }
    let port: i64 = port.parse().map_err(|_| wrong())?;
    units::port(port).map(|_| address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_http_checks_are_checked() {
        for text in [
            "http://localhost:8080/health?x=1",
            "https://[::1]:8443",
            "http://{lb:default/api}:8001/health",
            "http://{nodeport:default/api:80}/x",
            "http://user:pw@localhost/",
        ] {
            assert!(http_url(text).is_ok(), "{text}");
        }
        for text in [
            "localhost:8080",
            "ftp://x",
            "http://",
            "http://x:99999",
            "http://x:0",
            "http://{lb:x",
            "http://{node:x}",
            "http://{lb}",
            "http://a b",
        ] {
            assert!(http_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_port_behind_a_nodeport_is_one_too_many() {
        assert!(http_url("http://{nodeport:a/b:80}:31000/").unwrap_err().contains("two ports"));
        assert!(endpoint("{nodeport:a/b:80}:31000").unwrap_err().contains("two ports"));
    }

    #[test]
    fn endpoints_need_host_and_port() {
        for text in ["localhost:5432", "[::1]:80", "{nodeport:a/b:80}", "{lb:a/b}:80"] {
            assert!(endpoint(text).is_ok(), "{text}");
        }
        for text in ["localhost", ":80", "::1:80", "x:0", "x:70000", "http://x:80", "{lb:a/b}"] {
            assert!(endpoint(text).is_err(), "{text}");
        }
    }

    #[test]
    fn vantages_are_host_pod_and_a_compose_service() {
        assert_eq!(vantage("compose:api"), Ok(Place::Compose("api".to_owned())));
        assert_eq!(vantage("host"), Ok(Place::Host));
        assert!(vantage("compose:").is_err() && vantage("cluster").is_err());
    }
}
