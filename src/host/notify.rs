//! The socket of a service manager, as `sd_notify(3)` has it: one datagram a call. What is said is
//! `report/notify`.

use std::collections::BTreeMap;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// Variables by which a service manager speaks to its service alone: a child that saw them could speak
/// in mlup's name.
pub const VARIABLES: [&str; 3] = ["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"];

/// How long a manager that does not listen may hold mlup up.
const LIMIT: Duration = Duration::from_secs(1);

/// Where a service manager listens.
pub struct NotifySocket {
    socket: UnixDatagram,
    address: SocketAddr,
}

impl NotifySocket {
    /// The socket that this environment names; nothing where it names none that can be spoken to. `@`
    /// stands for the first byte of an abstract address.
    #[must_use]
    pub fn of(env: &BTreeMap<String, String>) -> Option<Self> {
        let name = env.get("NOTIFY_SOCKET")?;
        let address = match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name),
            None if name.starts_with('/') => SocketAddr::from_pathname(name),
            None => return None,
        };
        let socket = UnixDatagram::unbound().ok()?;
        socket.set_write_timeout(Some(LIMIT)).ok()?;
        Some(Self { socket, address: address.ok()? })
    }

    /// Sends one datagram. A manager that has gone is nobody to tell.
    pub fn send(&self, text: &str) {
        let _ = self.socket.send_to_addr(text.as_bytes(), &self.address);
    }
}

/// How often a sign of life is due: half of what `sd_watchdog_enabled(3)` reads from the environment.
/// Nothing where none is wanted, or of another process.
#[must_use]
pub fn pulse(env: &BTreeMap<String, String>, pid: u32) -> Option<Duration> {
    let limit: u64 = env.get("WATCHDOG_USEC")?.parse().ok().filter(|limit| *limit > 0)?;
    let is_meant = env.get("WATCHDOG_PID").is_none_or(|meant| *meant == pid.to_string());
    is_meant.then(|| Duration::from_micros(limit / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn received(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn datagrams_reach_a_socket_with_a_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let socket = NotifySocket::of(&env(&[("NOTIFY_SOCKET", path.to_str().unwrap())])).unwrap();
        socket.send("READY=1\nSTATUS=ready");
        assert_eq!(received(&manager), "READY=1\nSTATUS=ready");
    }

    #[test]
    fn datagrams_reach_an_abstract_socket() {
        let name = format!("mlup-test-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        let socket = NotifySocket::of(&env(&[("NOTIFY_SOCKET", &format!("@{name}"))])).unwrap();
        socket.send("WATCHDOG=1");
        assert_eq!(received(&manager), "WATCHDOG=1");
    }

    #[test]
    fn a_manager_that_is_not_there_is_no_reason_to_fail() {
        NotifySocket::of(&env(&[("NOTIFY_SOCKET", "/no/such/socket")])).unwrap().send("READY=1");
        assert!(NotifySocket::of(&env(&[("NOTIFY_SOCKET", "vsock:2:1")])).is_none());
        assert!(NotifySocket::of(&env(&[])).is_none());
    }

    #[test]
    fn signs_of_life_are_due_at_half_the_limit_of_this_process_alone() {
        let every = |pairs: &[(&str, &str)]| pulse(&env(pairs), 42);
        let half = Some(Duration::from_secs(60));
        assert_eq!(every(&[("WATCHDOG_USEC", "120000000")]), half);
        assert_eq!(every(&[("WATCHDOG_USEC", "120000000"), ("WATCHDOG_PID", "42")]), half);
        assert_eq!(every(&[("WATCHDOG_USEC", "120000000"), ("WATCHDOG_PID", "7")]), None);
        assert_eq!(every(&[("WATCHDOG_USEC", "0")]), None);
        assert_eq!(every(&[]), None);
    }
}
