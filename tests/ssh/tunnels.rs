//! Ports of this machine that lead to the other one: there while they are wanted, back after the
//! line was cut, and gone with the run.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Duration;

use mlup::event::TunnelStage;
use mlup::host::ssh::{Connections, Forward};
use mlup::policy::{Class, Failure};

use super::Site;
use super::refusals::free_port;
use crate::support::sshd::Sshd;
use crate::support::wire::Wire;

/// A port of this machine that leads to the machine's own ssh service, which greets whoever comes.
fn door(site: &Site) -> Forward {
    Forward { local: free_port(), host: "127.0.0.1".to_owned(), port: site.sshd.port() }
}

/// Whether the ssh service of the machine greets behind this port.
fn greets(port: u16) -> bool {
    let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut line = String::new();
    let read = BufReader::new(stream).read_line(&mut line);
    read.is_ok() && line.starts_with("SSH-2.0-")
}

async fn forward(site: &Site, ports: &[Forward]) -> Result<(), Failure> {
    site.ssh().forward(ports).await
}

/// A site behind a wire.
fn wired() -> (Site, Wire) {
    let sshd = Sshd::start();
    let wire = Wire::to(sshd.port());
    sshd.write("config", &sshd.client_config("vm", wire.port()));
    (Site::at(sshd), wire)
}

#[tokio::test]
async fn ports_lead_there_and_more_of_them_come_over_the_same_connection() {
    let site = Site::new();
    let (one, two) = (door(&site), door(&site));
    forward(&site, std::slice::from_ref(&one)).await.unwrap();
    assert!(greets(one.local) && !greets(two.local));
    forward(&site, &[one.clone(), two.clone()]).await.unwrap();
    assert!(greets(one.local) && greets(two.local));
    assert_eq!(site.sshd.sessions(), 1, "{}", site.sshd.log());
    site.close().await;
    assert!(!greets(one.local) && !greets(two.local));
}

#[tokio::test]
async fn all_who_ask_at_once_share_one_tunnel() {
    let site = Site::recorded();
    let port = door(&site);
    let asked = (0..8).map(|_| forward(&site, std::slice::from_ref(&port)));
    for made in futures_util::future::join_all(asked).await {
        made.unwrap();
    }
    assert!(greets(port.local));
    assert_eq!(site.sshd.sessions(), 1, "{}", site.sshd.log());
    assert!(site.bench.host.ssh.tunnel_record().unwrap().is_up());
    site.close().await;
}

#[tokio::test]
async fn the_tunnel_is_written_down_for_others_and_the_record_goes_with_it() {
    let site = Site::recorded();
    let port = door(&site);
    forward(&site, std::slice::from_ref(&port)).await.unwrap();
    let record = site.bench.host.ssh.tunnel_record().unwrap();
    assert!(record.is_up());
    assert_eq!((record.destination.as_str(), record.restarts), ("vm", 0));
    assert_eq!(record.forwards, [port]);
    site.close().await;
    assert_eq!(site.bench.host.ssh.tunnel_record(), None);
    assert!(!site.record().exists());
}

#[tokio::test]
async fn a_line_that_is_cut_comes_back_by_itself() {
    let (site, wire) = wired();
    let site = site.and_recorded();
    let port = door(&site);
    forward(&site, std::slice::from_ref(&port)).await.unwrap();
    wire.cut();
    site.until(|| !greets(port.local)).await;
    let word = || site.bench.host.ssh.tunnel_record().map(|record| record.state);
    site.until(|| word() == Some(TunnelStage::Down)).await;
    let failure = forward(&site, std::slice::from_ref(&port)).await.unwrap_err();
    assert_eq!((failure.code, failure.class), ("SSH_TUNNEL_DOWN", Class::Transient), "{failure:?}");
    wire.mend();
    site.until(|| word() == Some(TunnelStage::Up)).await;
    forward(&site, std::slice::from_ref(&port)).await.unwrap();
    assert!(greets(port.local));
    assert!(site.bench.host.ssh.tunnel_record().unwrap().restarts > 0);
    site.close().await;
}

#[tokio::test]
async fn a_line_that_is_silent_counts_as_cut() {
    let (site, wire) = wired();
    let site = site.and_recorded();
    let port = door(&site);
    forward(&site, std::slice::from_ref(&port)).await.unwrap();
    wire.freeze();
    let is_down = || site.bench.host.ssh.tunnel_record().is_some_and(|record| !record.is_up());
    site.until(is_down).await;
    wire.mend();
    site.until(|| greets(port.local)).await;
    site.close().await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_and_nothing_is_connected() {
    let site = Site::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let local = taken.local_addr().unwrap().port();
    let failure = forward(&site, &[Forward { local, ..door(&site) }]).await.unwrap_err();
    assert_eq!((failure.code, failure.class), ("PORT_TAKEN", Class::Refused));
    assert!(failure.summary.contains(&format!("port {local} ")), "{}", failure.summary);
    assert_eq!(site.sshd.connections(), 0);
}

#[tokio::test]
async fn a_port_that_was_taken_in_between_is_tried_again() {
    let site = Site::new();
    let (port, other) = (door(&site), door(&site));
    forward(&site, std::slice::from_ref(&port)).await.unwrap();
    let taken = TcpListener::bind(("127.0.0.1", other.local)).unwrap();
    let both = [port.clone(), other.clone()];
    assert_eq!(forward(&site, &both).await.unwrap_err().code, "PORT_TAKEN");
    drop(taken);
    forward(&site, &both).await.unwrap();
    assert!(greets(port.local) && greets(other.local));
    site.close().await;
}

#[tokio::test]
async fn a_machine_that_is_not_reached_says_so_as_a_script_would() {
    let site = Site::new();
    site.sshd.write("service/authorized_keys", "");
    let failure = forward(&site, &[door(&site)]).await.unwrap_err();
    assert_eq!(failure.code, "SSH_DENIED", "{failure:?}");
    site.close().await;
}

#[tokio::test]
async fn a_machine_that_hands_nothing_on_is_named_once_it_is_used() {
    let site = Site::at(Sshd::with("AllowTcpForwarding no")).and_recorded();
    let port = door(&site);
    forward(&site, std::slice::from_ref(&port)).await.unwrap();
    assert!(!greets(port.local));
    let is_over = || site.bench.host.ssh.tunnel_record().is_none();
    site.until(is_over).await;
    let failure = forward(&site, std::slice::from_ref(&port)).await.unwrap_err();
    assert_eq!((failure.code, failure.class), ("SSH_FORWARD_FORBIDDEN", Class::Refused));
}

/// A process that lives as long as this value: another mlup, as far as a record can tell.
struct Other(Child);

impl Other {
    fn keeping(site: &Site, state: &str, port: &Forward) -> Self {
        let other = Self(Command::new("sleep").arg("600").spawn().unwrap());
        let record = serde_json::json!({
            "pid": other.0.id(), "destination": "vm", "state": state, "restarts": 0,
            "since": "2026-01-01T00:00:00Z", "reason": "the line is cut", "forwards": [port],
        });
        std::fs::write(site.record(), record.to_string()).unwrap();
        other
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn ports_of_another_run_of_the_project_are_left_to_it() {
    let site = Site::recorded();
    let port = door(&site);
    let other = Other::keeping(&site, "up", &port);
    forward(&site, std::slice::from_ref(&port)).await.unwrap();
    assert_eq!(site.sshd.connections(), 0);
    drop(other);
    let other = Other::keeping(&site, "down", &port);
    let failure = forward(&site, std::slice::from_ref(&port)).await.unwrap_err();
    assert_eq!(failure.code, "SSH_TUNNEL_DOWN");
    assert_eq!(failure.evidence[0].text, "the line is cut");
    // Without it the ports are this run's own.
    drop(other);
    forward(&site, std::slice::from_ref(&port)).await.unwrap();
    assert!(greets(port.local));
    site.close().await;
}

impl Site {
    /// A site whose tunnel is written down.
    fn recorded() -> Self {
        Self::new().and_recorded()
    }

    fn and_recorded(mut self) -> Self {
        self.bench.host.ssh = Connections::recorded(Some(self.record()));
        self
    }

    fn record(&self) -> PathBuf {
        self.bench.root.join("tunnel.json")
    }
}
