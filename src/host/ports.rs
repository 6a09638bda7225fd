//! Who holds a port of this machine: a container, a process, or somebody who cannot be seen. What
//! that means for a deploy is not decided here.

use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, TcpListener, UdpSocket};

use bollard::models::{ContainerSummary, PortSummaryTypeEnum};
use bollard::query_parameters::ListContainersOptions;

use crate::host::docker::Engine;

/// The label by which compose names the project of a container (compose 2, `api/labels.go`).
const COMPOSE_PROJECT: &str = "com.docker.compose.project";

/// State `0A` of `/proc/net/tcp` is LISTEN (Linux, `include/net/tcp_states.h`).
const LISTEN: &str = "0A";

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// Who holds a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortOwner {
    /// A running container publishes it.
    Container {
        /// Its name.
        name: String,
        /// The compose project that it belongs to.
        project: Option<String>,
    },
    /// A process of this machine.
    Process(Holder),
    /// Somebody; a process of another user cannot be told by name.
    Unknown,
}

/// A process that holds a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// Its program name, as the kernel keeps it: at most 15 characters.
    pub command: String,
}

impl std::fmt::Display for PortOwner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Container { name, project: Some(project) } => {
                write!(f, "container `{name}` of the compose project `{project}`")
            }
            Self::Container { name, project: None } => write!(f, "container `{name}`"),
            Self::Process(holder) => write!(f, "`{}` (pid {})", holder.command, holder.pid),
            Self::Unknown => f.write_str("a process of another user"),
        }
    }
}

/// Who holds this port on any address of this machine; `None` when it is free. A Docker Engine that
/// does not answer leaves containers out.
pub async fn owner(engine: &Engine, port: u16, protocol: Protocol) -> Option<PortOwner> {
    if let Some(container) = container(engine, port, protocol).await {
        return Some(container);
    }
    let found = tokio::task::spawn_blocking(move || match holder(port, protocol) {
        Some(holder) => Some(PortOwner::Process(holder)),
        None if is_free(IpAddr::from([0, 0, 0, 0]), port, protocol) => None,
        None => Some(PortOwner::Unknown),
    });
    found.await.ok().flatten()
}

async fn container(engine: &Engine, port: u16, protocol: Protocol) -> Option<PortOwner> {
    let client = engine.client().await.ok()?;
    let running = client.list_containers(None::<ListContainersOptions>).await.ok()?;
    running.into_iter().find(|container| publishes(container, port, protocol)).map(|container| {
        let name = container.names.unwrap_or_default().into_iter().next().unwrap_or_default();
        let project = container.labels.unwrap_or_default().remove(COMPOSE_PROJECT);
        PortOwner::Container { name: name.trim_start_matches('/').to_owned(), project }
    })
}

fn publishes(container: &ContainerSummary, port: u16, protocol: Protocol) -> bool {
    let kind = match protocol {
        Protocol::Tcp => PortSummaryTypeEnum::TCP,
        Protocol::Udp => PortSummaryTypeEnum::UDP,
    };
    let mut ports = container.ports.iter().flatten();
    ports.any(|published| published.public_port == Some(port) && published.typ == Some(kind))
}

/// Whether nobody listens there. A port that this user may not open is judged by the kernel's table.
#[must_use]
pub fn is_free(address: IpAddr, port: u16, protocol: Protocol) -> bool {
    let bound = match protocol {
        Protocol::Tcp => TcpListener::bind((address, port)).map(drop),
        Protocol::Udp => UdpSocket::bind((address, port)).map(drop),
    };
    match bound {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            inodes(port, protocol).is_empty()
        }
        Err(error) => error.kind() != ErrorKind::AddrInUse,
    }
}

/// The process that holds this port, as far as this user may know.
#[must_use]
pub fn holder(port: u16, protocol: Protocol) -> Option<Holder> {
    let sockets: Vec<String> =
        inodes(port, protocol).into_iter().map(|inode| format!("socket:[{inode}]")).collect();
    if sockets.is_empty() {
        return None;
    }
    let processes = fs::read_dir("/proc").ok()?.flatten();
    processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).find_map(|pid: u32| {
        holds(pid, &sockets).then(|| Holder {
            pid,
            command: fs::read_to_string(format!("/proc/{pid}/comm"))
                .unwrap_or_default()
                .trim()
                .to_owned(),
        })
    })
}

fn holds(pid: u32, sockets: &[String]) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    descriptors.flatten().filter_map(|entry| fs::read_link(entry.path()).ok()).any(|target| {
        target.to_str().is_some_and(|target| sockets.iter().any(|socket| socket == target))
    })
}

fn inodes(port: u16, protocol: Protocol) -> Vec<u64> {
    let tables = match protocol {
        Protocol::Tcp => ["/proc/net/tcp", "/proc/net/tcp6"],
        Protocol::Udp => ["/proc/net/udp", "/proc/net/udp6"],
    };
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    tables.into_iter().flat_map(|path| parse_table(&read(path), port, protocol)).collect()
}

/// The socket inodes that a table of the kernel lists for this port (Linux,
/// `Documentation/networking/proc_net_tcp.rst`).
fn parse_table(table: &str, port: u16, protocol: Protocol) -> Vec<u64> {
    let inode = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (_, local) = fields.get(1)?.rsplit_once(':')?;
        let listens = protocol == Protocol::Udp || *fields.get(3)? == LISTEN;
        (listens && u16::from_str_radix(local, 16).ok()? == port).then_some(())?;
        fields.get(9)?.parse().ok()
    };
    table.lines().skip(1).filter_map(inode).collect()
}

/// Whether the address belongs to an interface of this machine: only then can a socket have it.
#[must_use]
pub fn is_own_address(address: IpAddr) -> bool {
    TcpListener::bind((address, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
        0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 0000 100 0 0 10 0\n   \
        1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 12346 1 0000 20 4 30 10 -1\n   \
        2: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12347 1 0000 100 0 0 10 0\n";

    const LOCAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn only_listening_sockets_of_the_port_are_taken_from_the_table() {
        assert_eq!(parse_table(TABLE, 8080, Protocol::Tcp), [12345]);
        assert_eq!(parse_table(TABLE, 80, Protocol::Tcp), [12347]);
        assert!(parse_table(TABLE, 81, Protocol::Tcp).is_empty());
    }

    #[test]
    fn a_listener_is_found_with_its_process() {
        let listener = TcpListener::bind((LOCAL, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(!is_free(LOCAL, port, Protocol::Tcp));
        assert_eq!(holder(port, Protocol::Tcp).unwrap().pid, std::process::id());
    }

    #[test]
    fn a_bound_udp_socket_is_found() {
        let socket = UdpSocket::bind((LOCAL, 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        assert_eq!(holder(port, Protocol::Udp).unwrap().pid, std::process::id());
    }

    #[test]
    fn owners_read_as_words() {
        let container = |project: Option<&str>| PortOwner::Container {
            name: "web".to_owned(),
            project: project.map(str::to_owned),
        };
        assert_eq!(container(None).to_string(), "container `web`");
        assert_eq!(
            container(Some("shop")).to_string(),
            "container `web` of the compose project `shop`"
        );
        let process = PortOwner::Process(Holder { pid: 7, command: "nginx".to_owned() });
        assert_eq!(process.to_string(), "`nginx` (pid 7)");
    }
}
