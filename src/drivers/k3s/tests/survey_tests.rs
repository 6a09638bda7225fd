//! What is read from a survey, and what strange answers become.

use std::net::{IpAddr, Ipv4Addr};

use super::{bare, facts, installed, set};
use crate::drivers::k3s::facts::{Cgroups, Reach, Selinux, Sudo};
use crate::drivers::k3s::installed::{Mark, Stage, Unit};
use crate::drivers::k3s::survey;

#[test]
fn the_facts_of_a_machine_are_read() {
    let facts = facts(&bare());
    assert_eq!((facts.arch.as_str(), facts.init.as_str()), ("x86_64", "systemd"));
    assert_eq!((facts.cpus, facts.memory, facts.swap), (Some(4), Some(7_913_480), Some(0)));
    assert_eq!(facts.address, Some(IpAddr::V4(Ipv4Addr::new(10, 9, 0, 20))));
    assert_eq!(facts.os.id.as_str(), "rocky");
    assert!(facts.os.is_red_hat());
    assert_eq!(facts.disk.inodes, Some(16_307_077));
    assert_eq!(facts.disk.room[1], ("/usr/local".to_owned(), 47_228_492));
    assert_eq!(facts.cgroups, Some(Cgroups::V2 { memory: true }));
    assert_eq!(facts.network.has_default_route, Some(true));
    assert_eq!(facts.network.routes.len(), 1);
    assert_eq!(facts.network.listeners[0].program.as_deref(), Some("sshd"));
    assert_eq!(facts.egress[1], Reach { host: "github.com".to_owned(), trouble: None });
    assert!(!facts.k3s.is_there() && facts.k3s.marker == Mark::None);
}

#[test]
fn the_facts_of_an_installed_k3s_are_read() {
    let facts = facts(&installed());
    assert_eq!(facts.k3s.version.as_deref(), Some("v1.33.5+k3s1"));
    assert_eq!(facts.k3s.unit, Unit::Active);
    let Mark::Read(marker) = &facts.k3s.marker else { panic!("no marker") };
    assert_eq!((marker.cluster.as_str(), marker.stage), ("dev", Stage::Installed));
    assert!(facts.k3s.config.as_ref().unwrap().expose().contains("- vm.example.lan"));
    assert!(!format!("{facts:?}").contains("vm.example.lan"), "a configuration may hold secrets");
}

#[test]
fn the_states_of_a_service_are_told_apart() {
    for (lines, unit) in [
        (
            ["LoadState=not-found", "ActiveState=inactive", "SubState=dead", "NRestarts=0"],
            Unit::Missing,
        ),
        (
            ["LoadState=loaded", "ActiveState=inactive", "SubState=dead", "NRestarts=0"],
            Unit::Inactive,
        ),
        (
            ["LoadState=loaded", "ActiveState=activating", "SubState=start", "NRestarts=0"],
            Unit::Changing,
        ),
        (
            ["LoadState=loaded", "ActiveState=activating", "SubState=start", "NRestarts=7"],
            Unit::Failing { restarts: 7 },
        ),
        (
            ["LoadState=loaded", "ActiveState=activating", "SubState=auto-restart", "NRestarts=1"],
            Unit::Failing { restarts: 1 },
        ),
        (
            ["LoadState=loaded", "ActiveState=failed", "SubState=failed", "NRestarts=0"],
            Unit::Failing { restarts: 0 },
        ),
    ] {
        let mut survey = installed();
        set(&mut survey, "k3s_unit", &lines);
        assert_eq!(facts(&survey).k3s.unit, unit, "{lines:?}");
    }
}

#[test]
fn strange_answers_are_unknown_and_never_an_error() {
    let mut survey = bare();
    for fact in
        ["cpus", "memory", "clock", "inodes", "room", "routes", "listening", "cgroup", "egress"]
    {
        set(&mut survey, fact, &["", "? \"\\ ?", "a b c d:e"]);
    }
    set(&mut survey, "k3s_marker", &["{half"]);
    let facts = facts(&survey);
    assert_eq!((facts.cpus, facts.memory, facts.clock), (None, None, None));
    assert_eq!(facts.disk.inodes, None);
    assert_eq!(facts.k3s.marker, Mark::Unreadable);
    for text in ["", "{}", "[]", "bash: sh: not found", "{\"arch\":\"x\"}"] {
        assert!(survey::parse(text).is_none(), "{text}");
    }
}

#[test]
fn what_ssh_and_sudo_and_selinux_say_is_kept() {
    let mut survey = bare();
    set(&mut survey, "sudo", &["sudo: a password is required"]);
    set(&mut survey, "selinux", &["Enforcing"]);
    set(&mut survey, "connection", &[""]);
    set(&mut survey, "proxy", &["HTTPS_PROXY", "NO_PROXY=localhost,.corp"]);
    let facts = facts(&survey);
    assert_eq!(facts.sudo, Sudo::Refused("sudo: a password is required".to_owned()));
    assert_eq!((facts.guards.selinux, facts.address), (Selinux::Enforcing, None));
    assert_eq!(facts.network.proxies, ["HTTPS_PROXY"]);
    assert_eq!(facts.network.no_proxy.as_deref(), Some("localhost,.corp"));
}

#[test]
fn routes_of_k3s_itself_are_no_foreign_ones() {
    let mut survey = bare();
    set(
        &mut survey,
        "routes",
        &[
            "10.42.0.0/24 dev cni0 proto kernel scope link src 10.42.0.1 ",
            "10.42.1.0/24 via 10.42.1.0 dev flannel.1 onlink ",
            "unreachable 10.43.9.0/24 ",
            "10.43.0.0/16 dev tun0 scope link ",
        ],
    );
    let routes = facts(&survey).network.routes;
    assert_eq!(routes.len(), 1, "{routes:?}");
    assert_eq!(routes[0].device, "tun0");
}
