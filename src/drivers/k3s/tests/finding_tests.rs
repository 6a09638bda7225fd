//! Each finding on its own: which fact brings it, how heavy it is, and what helps.

use serde_json::Value;

use super::{NOW, bare, facts, installed, set, wanted};
use crate::config::model::{Install, Prepare};
use crate::config::subnet::Subnet;
use crate::drivers::k3s::convergence::{Standing, standing};
use crate::drivers::k3s::findings::{Case, Findings, findings, together};
use crate::drivers::k3s::wanted::Wanted;
use crate::policy::{Class, Failure};

fn judge(survey: &Value, wanted: &Wanted) -> Findings {
    let facts = facts(survey);
    let case = Case { wanted, facts: &facts, now: NOW, routes_here: &[] };
    findings(&case, standing(wanted, &facts))
}

fn codes(failures: &[Failure]) -> Vec<&'static str> {
    failures.iter().map(|failure| failure.code).collect()
}

#[test]
fn a_good_machine_has_no_findings() {
    for survey in [bare(), installed()] {
        let found = judge(&survey, &wanted());
        assert!(found.wrong.is_empty() && found.doubtful.is_empty(), "{found:?}");
    }
}

/// A fact that is changed, its lines, and what is found then.
type Row = (&'static str, &'static [&'static str], &'static str, &'static str);

const WRONG: [Row; 21] = [
    ("sudo", &["sudo: a password is required"], "SUDO_PASSWORD_NEEDED", "sudoers.d"),
    ("arch", &["riscv64"], "K3S_ARCHITECTURE", "x86_64"),
    ("init", &["openrc-init"], "K3S_NO_SYSTEMD", "systemd"),
    ("memory", &["MemTotal: 500000"], "K3S_SMALL_MACHINE", "2 GiB"),
    ("hostname", &["Mlops_VM"], "K3S_HOSTNAME", "set-hostname"),
    ("room", &["/var/lib 1000000"], "REMOTE_DISK_FULL", "df -h"),
    ("inodes", &["1000000 900"], "REMOTE_DISK_FULL", "df -h"),
    ("mounted", &["rw,nosuid,noexec"], "K3S_NOEXEC", "remount,exec"),
    ("clock", &["1795300000"], "K3S_CLOCK", "set-ntp"),
    ("modules_missing", &["br_netfilter", "vxlan"], "K3S_MODULES_MISSING", "`kernel-modules`"),
    ("cgroup_controllers", &["cpu io pids"], "K3S_CGROUPS", "cgroup_enable=memory"),
    ("routes", &["10.9.0.0/24 dev eth0"], "K3S_NO_DEFAULT_ROUTE", "dummy0"),
    (
        "routes",
        &["default via 1.1.1.1 dev eth0", "10.43.0.0/24 dev tun0"],
        "K3S_NETWORK_OVERLAP",
        "service_cidr = \"10.44.0.0/16\"",
    ),
    (
        "connection",
        &["10.42.1.1 1 10.42.100.94 22"],
        "K3S_NETWORK_OVERLAP",
        "cluster_cidr = \"10.44.0.0/16\"",
    ),
    ("nm_cloud_setup", &["enabled"], "K3S_CLOUD_SETUP", "disable --now"),
    (
        "listening",
        &["LISTEN 0 4096 *:6443 *:* users:((\"kube-apiserver\",pid=7,fd=3))"],
        "K3S_PORT_TAKEN",
        "sport = :6443",
    ),
    ("listening", &["LISTEN 0 4096 127.0.0.1:10250 *:*"], "K3S_PORT_TAKEN", "sport = :10250"),
    ("selinux", &["Enforcing"], "K3S_SELINUX_POLICY", "`selinux`"),
    ("firewall_zone", &["public"], "K3S_FIREWALLD", "`firewalld`"),
    ("ufw", &["Status: active", "22/tcp ALLOW Anywhere"], "K3S_UFW", "ufw allow 6443/tcp"),
    ("downloaders", &[], "K3S_NO_DOWNLOADER", "curl"),
];

#[test]
fn each_thing_that_is_wrong_is_found_alone_and_with_its_fix() {
    for (fact, lines, code, fix) in WRONG {
        let mut survey = bare();
        set(&mut survey, fact, lines);
        let found = judge(&survey, &wanted());
        assert_eq!(codes(&found.wrong), [code], "{fact}: {found:?}");
        let command = &found.wrong[0].fix.as_ref().unwrap().command;
        assert!(command.contains(fix), "{fact}: {command}");
    }
}

const DOUBTFUL: [Row; 8] = [
    ("memory", &["MemTotal: 1600000"], "K3S_SMALL_MACHINE", "2 GiB"),
    ("cpus", &["1"], "K3S_SMALL_MACHINE", "2 CPUs"),
    ("memory", &["MemTotal: 7913480", "SwapTotal: 2048"], "K3S_SWAP", "swapoff"),
    ("room", &["/var/lib 5000000"], "REMOTE_DISK_FULL", "df -h"),
    ("clock", &["1795306600"], "K3S_CLOCK", "set-ntp"),
    ("cgroup", &["tmpfs"], "K3S_CGROUPS", "unified_cgroup_hierarchy"),
    (
        "listening",
        &["LISTEN 0 511 0.0.0.0:80 *:* users:((\"nginx\",pid=7,fd=3))"],
        "K3S_PORT_SHADOWED",
        "traefik",
    ),
    ("others", &["RKE2"], "K3S_OTHER_KUBERNETES", "another machine"),
];

#[test]
fn what_only_may_be_wrong_is_told_and_stops_nothing() {
    for (fact, lines, code, fix) in DOUBTFUL {
        let mut survey = bare();
        set(&mut survey, fact, lines);
        let found = judge(&survey, &wanted());
        assert!(found.wrong.is_empty(), "{fact}: {found:?}");
        assert_eq!(codes(&found.doubtful), [code], "{fact}: {found:?}");
        let command = &found.doubtful[0].fix.as_ref().unwrap().command;
        assert!(command.contains(fix), "{fact}: {command}");
    }
}

#[test]
fn hosts_that_cannot_be_reached_are_one_finding_with_each_reason() {
    let mut survey = bare();
    set(
        &mut survey,
        "egress",
        &[
            "get.k3s.io curl: (6) Could not resolve host: get.k3s.io 000 ",
            "github.com curl: (28) Connection timed out after 5001 milliseconds 000 ",
            "registry-1.docker.io 401 ",
            "registry.corp curl: (7) Failed to connect 000 ",
        ],
    );
    let mut wanted = wanted();
    wanted.registries = vec!["registry.corp/team".to_owned()];
    let found = judge(&survey, &wanted);
    assert_eq!(
        (codes(&found.wrong), codes(&found.doubtful)),
        (vec!["K3S_NO_EGRESS"], vec!["K3S_NO_EGRESS"])
    );
    let evidence: Vec<&str> =
        found.wrong[0].evidence.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(
        evidence,
        [
            "curl: (6) Could not resolve host: get.k3s.io",
            "curl: (28) Connection timed out after 5001 milliseconds"
        ]
    );
    assert!(found.wrong[0].fix.as_ref().unwrap().command.contains("install = \"FOLDER\""));
    set(
        &mut survey,
        "egress",
        &[
            "github.com curl: (60) SSL certificate problem: unable to get local issuer certificate 000",
        ],
    );
    let found = judge(&survey, &wanted);
    assert!(found.wrong[0].fix.as_ref().unwrap().command.contains("update-ca"));
}

#[test]
fn what_prepare_does_is_no_finding() {
    let mut survey = bare();
    set(&mut survey, "selinux", &["Enforcing"]);
    set(&mut survey, "firewall_zone", &["public"]);
    set(&mut survey, "modules_missing", &["br_netfilter"]);
    let mut wanted = wanted();
    assert_eq!(judge(&survey, &wanted).wrong.len(), 3);
    wanted.prepare = vec![Prepare::Firewalld, Prepare::KernelModules, Prepare::Selinux];
    assert!(judge(&survey, &wanted).wrong.is_empty());
}

#[test]
fn firewall_rules_that_are_there_are_enough() {
    let mut survey = bare();
    set(&mut survey, "firewall_zone", &["public"]);
    set(&mut survey, "firewall_ports", &["80/tcp 6000-7000/tcp"]);
    set(&mut survey, "firewall_trusted", &["10.42.0.0/15"]);
    assert!(judge(&survey, &wanted()).wrong.is_empty());
    set(&mut survey, "firewall_ports", &["6443/udp"]);
    let found = judge(&survey, &wanted());
    assert!(found.wrong[0].summary.ends_with("does not let 6443/tcp through"), "{found:?}");
    set(&mut survey, "firewall_zone", &["trusted"]);
    assert!(judge(&survey, &wanted()).wrong.is_empty());
}

#[test]
fn a_route_of_this_machine_is_in_the_way_too() {
    let facts = facts(&bare());
    let wanted = wanted();
    let routes = [("10.43.8.0/24".to_owned(), "tun0".to_owned())];
    let case = Case { wanted: &wanted, facts: &facts, now: NOW, routes_here: &routes };
    let found = findings(&case, Standing::Absent);
    assert_eq!(codes(&found.wrong), ["K3S_NETWORK_OVERLAP"]);
    assert_eq!(found.wrong[0].class, Class::Config);
    assert!(found.wrong[0].summary.contains("route of this machine by tun0"), "{found:?}");
}

#[test]
fn what_runs_is_judged_by_what_can_still_be_changed() {
    let mut survey = installed();
    set(
        &mut survey,
        "listening",
        &["LISTEN 0 4096 *:6443 *:* users:((\"k3s-server\",pid=7,fd=3))"],
    );
    set(&mut survey, "routes", &["default via 1.1.1.1 dev eth0", "10.43.0.0/24 dev tun0"]);
    set(&mut survey, "room", &["/var/lib 1000000"]);
    let found = judge(&survey, &wanted());
    assert!(found.wrong.is_empty(), "{found:?}");
    assert_eq!(codes(&found.doubtful), ["REMOTE_DISK_FULL", "K3S_NETWORK_OVERLAP"]);
}

#[test]
fn several_findings_are_one_failure_that_holds_them_all() {
    let mut survey = bare();
    set(&mut survey, "init", &["runit"]);
    set(&mut survey, "sudo", &["sudo: a password is required"]);
    let failure = together("dev@vm", judge(&survey, &wanted()).wrong).unwrap();
    assert_eq!((failure.code, failure.class), ("K3S_HOST_UNFIT", Class::Prerequisite));
    assert_eq!(failure.detail.findings.len(), 2);
    assert!(failure.detail.findings.iter().all(|finding| finding.fix.is_some()));
    assert_eq!(together("dev@vm", Vec::new()), None);
}

#[test]
fn only_hosts_that_an_installation_needs_are_asked() {
    let mut wanted = wanted();
    wanted.registries =
        vec!["registry.corp:5000/x".to_owned(), "-oops".to_owned(), "a;b".to_owned()];
    assert_eq!(
        wanted.needed_hosts().join(" "),
        "get.k3s.io github.com registry-1.docker.io auth.docker.io production.cloudflare.docker.com \
         registry.corp:5000"
    );
    wanted.install = Install::Local("/opt/k3s".into());
    assert_eq!(wanted.needed_hosts(), ["registry.corp:5000"]);
}

#[test]
fn the_free_network_overlaps_neither_the_other_one_nor_any_route() {
    let mut survey = bare();
    set(
        &mut survey,
        "routes",
        &["default via 1.1.1.1 dev eth0", "10.0.0.0/12 dev eth0", "10.43.0.0/16 dev tun0"],
    );
    let mut wanted = wanted();
    wanted.networks.pods = Subnet::parse("10.44.0.0/16").unwrap();
    let found = judge(&survey, &wanted);
    assert_eq!(codes(&found.wrong), ["K3S_NETWORK_OVERLAP"]);
    assert!(found.wrong[0].fix.as_ref().unwrap().command.contains("\"10.45.0.0/16\""), "{found:?}");
}
