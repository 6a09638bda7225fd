//! `mlup watch` of a K3s behind a tunnel: it keeps the tunnel, and what becomes of it is news at once, not
//! at the next look.

use std::fs;
use std::time::Duration;

use mlup::event::{Event, EventKind, TunnelStage, TunnelState, WatchState, Watching};

use super::site::Site;
use super::tunnel::{status, tunnelled};
use crate::support::running::Running;
use crate::support::wire::Wire;

/// Well before a look comes without any news, which is after five minutes.
const SOON: Duration = Duration::from_secs(60);

/// A project behind a tunnel with a secret, so that the cluster is listened to as well.
fn site() -> Site {
    let (site, _) = tunnelled();
    let path = site.sandbox.project().join("mlup.toml");
    let config = fs::read_to_string(path).unwrap();
    let secret = "[[secret]]\nname = \"app\"\nnamespace = \"default\"\nkeys = { user = \"ann\" }\n";
    site.sandbox.write("mlup.toml", &(config + secret));
    site
}

fn watch(site: &Site) -> Running {
    let mut watch = site.sandbox.spawn(&["watch", "--progress", "json"]);
    until_watch(&mut watch, Watching::Ready);
    watch
}

#[track_caller]
fn until_watch(watch: &mut Running, wanted: Watching) -> (Duration, WatchState) {
    let mut found = None;
    let event = watch.wait_event(|event: &Event| match &event.kind {
        EventKind::WatchState(state) if state.state == wanted => {
            found = Some(state.clone());
            true
        }
        _ => false,
    });
    (Duration::from_millis(event.elapsed_ms), found.unwrap())
}

#[track_caller]
fn until_tunnel(watch: &mut Running, wanted: TunnelStage) -> (Duration, TunnelState) {
    let mut found = None;
    let event = watch.wait_event(|event: &Event| match &event.kind {
        EventKind::TunnelState(state) if state.to == wanted => {
            found = Some(state.clone());
            true
        }
        _ => false,
    });
    (Duration::from_millis(event.elapsed_ms), found.unwrap())
}

#[test]
fn a_tunnel_whose_far_end_dies_is_back_by_itself_and_looked_at_at_once() {
    let site = site();
    let mut watch = watch(&site);
    assert_eq!(status(&site)["tunnel"]["pid"], watch.pid());
    site.sshd.hang_up();
    let (broke, told) = until_tunnel(&mut watch, TunnelStage::Down);
    assert_eq!((told.from, told.code.as_deref()), (TunnelStage::Up, Some("SSH_CONNECTION_LOST")));
    let (_, told) = until_tunnel(&mut watch, TunnelStage::Up);
    assert_eq!((told.from, told.destination.as_str()), (TunnelStage::Down, "vm"));
    assert!(told.attempt >= 1, "{told:?}");
    let (ready, state) = until_watch(&mut watch, Watching::Ready);
    assert!(ready < broke + SOON, "{ready:?} after {broke:?}: {state:?}");
    let seen = status(&site);
    assert_eq!((&seen["tunnel"]["state"], &seen["tunnel"]["restarts"]), (&"up".into(), &1.into()));
    // The connection to the cluster goes through it again.
    site.kube.change(|world| world.delete("Secret", "default", "app"));
    let (_, state) = until_watch(&mut watch, Watching::Ready);
    assert!(state.reason.contains("secret/app"), "{state:?}");
}

#[test]
fn a_line_that_stays_cut_is_told_once_and_its_return_ends_the_waiting() {
    let site = site();
    let wire = Wire::to(site.sshd.port());
    site.sshd.write("config", &site.sshd.client_config("vm", wire.port()));
    let mut watch = watch(&site);
    wire.cut();
    until_tunnel(&mut watch, TunnelStage::Down);
    let (_, state) = until_watch(&mut watch, Watching::Degraded);
    assert!(state.code.as_deref().is_some_and(|code| code.starts_with("SSH_")), "{state:?}");
    let seen = status(&site);
    assert_eq!(seen["tunnel"]["state"], "down", "{seen:#}");
    assert!(seen["tunnel"]["attempts"].as_u64() > Some(0), "{seen:#}");
    assert!(seen["tunnel"]["reason"].is_string(), "{seen:#}");
    wire.mend();
    let (back, told) = until_tunnel(&mut watch, TunnelStage::Up);
    assert_eq!(told.from, TunnelStage::Down);
    let (ready, _) = until_watch(&mut watch, Watching::Ready);
    assert!(ready < back + SOON, "{ready:?} after {back:?}");
}

#[test]
fn another_machine_in_the_configuration_gets_the_tunnel_of_the_first() {
    let site = site();
    let mut watch = watch(&site);
    let config = site.sshd.client_config("vm", site.sshd.port());
    site.sshd.write("config", &(config + &site.sshd.client_config("other", site.sshd.port())));
    let path = site.sandbox.project().join("mlup.toml");
    let text = fs::read_to_string(path).unwrap();
    site.sandbox.write("mlup.toml", &text.replace("host = \"vm\"", "host = \"other\""));
    // Something stirs, so that it looks.
    site.sshd.hang_up();
    let (_, told) = until_tunnel(&mut watch, TunnelStage::Up);
    let mut destination = told.destination;
    while destination != "other" {
        destination = until_tunnel(&mut watch, TunnelStage::Up).1.destination;
    }
    until_watch(&mut watch, Watching::Ready);
    assert_eq!(status(&site)["tunnel"]["destination"], "other");
}
