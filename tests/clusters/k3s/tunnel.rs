//! A K3s whose ports are reached through ssh: by every command, for as long as it runs, also when the
//! line is cut in between and when mlup is killed.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use super::site::{Site, VERSION};
use crate::support::wire::Wire;

/// A project that wants a tunnel, whose near end is this port.
pub(super) fn tunnelled() -> (Site, u16) {
    let site = Site::new();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    site.sandbox.write(
        "mlup.toml",
        &format!(
            "name = \"dev\"\n[cluster]\nprovider = \"k3s\"\nhost = \"vm\"\nversion = \"{VERSION}\"\n\
             tunnel = true\napi_port = {port}\nrecover = {{ attempts = 3, backoff = \"1ms..2ms\" }}\n"
        ),
    );
    (site, port)
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// Looks again and again until the condition holds.
#[track_caller]
fn await_that(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub(super) fn status(site: &Site) -> Value {
    serde_json::from_str(&site.run(&["status", "-o", "json"]).stdout).unwrap()
}

#[test]
fn the_cluster_is_reached_through_the_tunnel_and_nothing_of_it_is_left() {
    let (site, port) = tunnelled();
    site.run(&["start"]).exits(0);
    let server = format!("server: https://127.0.0.1:{port}");
    assert!(site.kubeconfig().contains(&server), "{}", site.kubeconfig());
    assert!(is_free(port), "the tunnel outlives the run");
    let seen = status(&site);
    assert_eq!(seen["cluster"]["state"], "ready", "{seen:#}");
    assert_eq!(seen["tunnel"]["state"], "up", "{seen:#}");
    assert_eq!(seen["tunnel"]["forwards"][0]["local"], port, "{seen:#}");
    let table = site.run(&["status"]).exits(0).stdout;
    assert!(table.contains(&format!("127.0.0.1:{port}")), "{table}");
    // A second start changes nothing, and needs no other way.
    site.run(&["start"]).exits(0);
    assert_eq!(site.installs().len(), 1);
}

#[test]
fn a_line_that_is_cut_comes_back_and_a_second_command_shares_the_tunnel() {
    let (site, port) = tunnelled();
    let wire = Wire::to(site.sshd.port());
    site.sshd.write("config", &site.sshd.client_config("vm", wire.port()));
    site.run(&["start"]).exits(0);
    let mut watching = site.sandbox.spawn(&["status", "--watch", "-o", "json"]);
    watching.wait_stdout("\"state\": \"up\"");
    let owner = watching.pid();
    let seen = status(&site);
    assert_eq!((seen["tunnel"]["pid"].as_u64(), is_free(port)), (Some(owner.into()), false));
    assert_eq!(seen["cluster"]["state"], "ready", "{seen:#}");
    wire.cut();
    watching.wait_stdout("\"state\": \"down\"");
    wire.mend();
    await_that("the tunnel is back", || {
        let seen = status(&site);
        let tunnel = &seen["tunnel"];
        let is_back = tunnel["state"] == "up" && tunnel["restarts"].as_u64() > Some(0);
        is_back
            && tunnel["pid"].as_u64() == Some(owner.into())
            && seen["cluster"]["state"] == "ready"
    });
    watching.signal(Signal::KILL);
    watching.wait_exit();
    await_that("the tunnel of the killed command is gone", || is_free(port));
    assert_eq!(status(&site)["cluster"]["state"], "ready");
}

#[test]
fn a_firewall_that_lets_the_api_through_to_nobody_is_no_obstacle() {
    let (site, _) = tunnelled();
    site.world("firewalld.active", "");
    site.world("firewall.trusted", "10.42.0.0/16\n10.43.0.0/16\n");
    site.run(&["start"]).exits(0);
}

#[test]
fn a_port_that_is_taken_here_is_named() {
    let (site, port) = tunnelled();
    site.run(&["start"]).exits(0);
    let _taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let ran = site.run(&["start"]);
    assert!(ran.stderr.contains("PORT_TAKEN"), "{}", ran.stderr);
    assert_eq!(ran.code, Some(7), "{}", ran.stderr);
}
