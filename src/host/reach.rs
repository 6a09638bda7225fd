//! Whether a port of another machine can be reached from here, and where a name leads. What follows
//! from it is the caller's.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};

/// How long a connection over a slow line may take to be made.
const LIMIT: Duration = Duration::from_secs(5);

/// Why a port was not reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Barrier {
    /// Nothing came back: something on the way drops it.
    Dropped,
    /// The machine answered, and nobody listens or a firewall says no.
    Refused,
    /// There is no way there, in the words of the system.
    NoWay(String),
}

/// Connects once and hangs up.
///
/// # Errors
/// What was in the way.
pub async fn port(host: &str, port: u16) -> Result<(), Barrier> {
    match tokio::time::timeout(LIMIT, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => Err(Barrier::Refused),
        Ok(Err(error)) if error.kind() == ErrorKind::TimedOut => Err(Barrier::Dropped),
        Ok(Err(error)) => Err(Barrier::NoWay(error.to_string())),
        Err(_) => Err(Barrier::Dropped),
    }
}

/// Why nothing is reached at an address within this time. A machine that refuses is there.
pub async fn silence(address: SocketAddr, limit: Duration) -> Option<String> {
    match tokio::time::timeout(limit, TcpStream::connect(address)).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("no answer within {} ms", limit.as_millis())),
    }
}

/// The first address of a host; nothing for a name that leads nowhere.
pub async fn address(host: &str) -> Option<IpAddr> {
    if let Ok(address) = host.parse() {
        return Some(address);
    }
    let found = tokio::time::timeout(LIMIT, lookup_host((host, 0))).await.ok()?.ok()?;
    let mut all: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    all.sort_by_key(IpAddr::is_ipv6);
    all.into_iter().next()
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_port_is_open_or_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let number = listener.local_addr().unwrap().port();
        assert_eq!(port("127.0.0.1", number).await, Ok(()));
        drop(listener);
        assert_eq!(port("127.0.0.1", number).await, Err(Barrier::Refused));
    }

    #[tokio::test]
    async fn an_address_is_itself_and_a_name_is_looked_up() {
        assert_eq!(address("10.0.0.1").await, "10.0.0.1".parse().ok());
        assert!(address("localhost").await.is_some_and(|address| address.is_loopback()));
        assert_eq!(address("no.such.invalid").await, None);
    }
}
