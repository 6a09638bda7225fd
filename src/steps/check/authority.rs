//! Host and port of an address as checks and kubeconfigs write them: taken out of it, and others put in
//! their place. Pure.

use std::net::SocketAddr;

/// Host and port of an address as checks and kubeconfigs write them.
pub(super) fn host_and_port(address: &str) -> Option<(String, u16)> {
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let usual = match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    let (host, port) = match authority.strip_prefix('[') {
        Some(inside) => {
            let (host, after) = inside.split_once(']')?;
            (host, after.strip_prefix(':'))
        }
        None => match authority.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let port = match port {
        Some(port) => port.parse().ok()?,
        None => usual?,
    };
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

/// Host and port in one text, with brackets where they are needed.
pub(super) fn joined(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// The address with this host and port.
pub(super) fn moved(address: &str, to: SocketAddr) -> String {
    let begin = address.find("://").map_or(0, |at| at + "://".len());
    let end = address[begin..].find(['/', '?', '#']).map_or(address.len(), |at| begin + at);
    let host = address[begin..end].rfind('@').map_or(begin, |at| begin + at + 1);
    format!("{}{to}{}", &address[..host], &address[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart_as_they_are_written() {
        let parts = |text| host_and_port(text).map(|(host, port)| joined(&host, port));
        for (text, wanted) in [
            ("http://10.0.0.7:30800/health?x=1", Some("10.0.0.7:30800")),
            ("https://me:secret@lab.lan/", Some("lab.lan:443")),
            ("http://[fd00::7]:8080", Some("[fd00::7]:8080")),
            ("db.lan:5432", Some("db.lan:5432")),
            ("db.lan", None),
            ("http://:80/", None),
        ] {
            assert_eq!(parts(text).as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn host_and_port_are_replaced_and_nothing_else() {
        let to: SocketAddr = "127.0.0.1:30800".parse().unwrap();
        for (address, wanted) in [
            ("http://10.0.0.7/health?at=a:b", "http://127.0.0.1:30800/health?at=a:b"),
            ("https://me:secret@[fd00::7]:8443/", "https://me:secret@127.0.0.1:30800/"),
            ("http://lb.lan?x=1", "http://127.0.0.1:30800?x=1"),
            ("10.0.0.7:5432", "127.0.0.1:30800"),
        ] {
            assert_eq!(moved(address, to), wanted);
        }
    }
}
