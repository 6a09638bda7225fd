//! The pure parts on what a survey prints: facts, findings, the configuration file, convergence.

mod config_tests;
mod finding_tests;
mod reason_tests;
mod standing_tests;
mod survey_tests;

use serde_json::{Value, json};

use crate::config::model::Provider;
use crate::drivers::fixture;
use crate::drivers::k3s::facts::Facts;
use crate::drivers::k3s::survey;
use crate::drivers::k3s::wanted::Wanted;
use crate::drivers::spec::Spec;

/// The clock of the machine in [`bare`].
pub(super) const NOW: i64 = 1_795_306_689;

/// What a survey of a Rocky Linux 9 without K3s prints.
pub(super) fn bare() -> Value {
    json!({
        "uid": ["1000"],
        "connection": ["10.9.0.7 51122 10.9.0.20 22"],
        "sudo": ["free"],
        "os": ["NAME=\"Rocky Linux\"", "VERSION_ID=\"9.4\"", "ID=\"rocky\"",
            "ID_LIKE=\"rhel centos fedora\"", "PRETTY_NAME=\"Rocky Linux 9.4 (Blue Onyx)\""],
        "arch": ["x86_64"],
        "kernel": ["5.14.0-427.13.1.el9_4.x86_64"],
        "hostname": ["mlops-vm"],
        "init": ["systemd"],
        "cpus": ["4"],
        "memory": ["MemTotal:        7913480", "SwapTotal:             0"],
        "clock": [NOW.to_string()],
        "room": ["/var/lib 47228492", "/usr/local 47228492", "/tmp 47228492"],
        "inodes": ["16777216 16307077"],
        "mounted": ["rw,seclabel,relatime,attr2,inode64"],
        "cgroup": ["cgroup2fs"],
        "cgroup_controllers": ["cpuset cpu io memory hugetlb pids rdma misc"],
        "routes": ["default via 10.9.0.1 dev eth0 proto dhcp src 10.9.0.20 metric 100 ",
            "10.9.0.0/24 dev eth0 proto kernel scope link src 10.9.0.20 metric 100 "],
        "addresses": ["2: eth0    inet 10.9.0.20/24 brd 10.9.0.255 scope global eth0"],
        "listening": ["LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:((\"sshd\",pid=812,fd=3))"],
        "selinux": ["Disabled"],
        "ufw": [],
        "k3s_unit": ["LoadState=not-found", "ActiveState=inactive", "SubState=dead", "NRestarts=0"],
        "k3s_agent": ["LoadState=not-found"],
        "downloaders": ["curl"],
        "egress": ["get.k3s.io 200 ", "github.com 301 "],
    })
}

/// The same machine with a K3s that mlup installed and that runs.
pub(super) fn installed() -> Value {
    let mut survey = bare();
    set(
        &mut survey,
        "k3s_version",
        &["k3s version v1.33.5+k3s1 (f8b4b8a1)", "go version go1.24.6"],
    );
    set(
        &mut survey,
        "k3s_unit",
        &["LoadState=loaded", "ActiveState=active", "SubState=running", "NRestarts=0"],
    );
    set(&mut survey, "k3s_has_config", &["yes"]);
    set(
        &mut survey,
        "k3s_config",
        &[
            "# mlup writes this file",
            "tls-san:",
            "- vm.example.lan",
            "write-kubeconfig-mode: '0600'",
        ],
    );
    set(
        &mut survey,
        "k3s_marker",
        &[r#"{"cluster":"dev","stage":"installed","keys":["tls-san","write-kubeconfig-mode"]}"#],
    );
    set(&mut survey, "k3s_data", &["yes"]);
    set(&mut survey, "k3s_authority", &["Q0E="]);
    set(&mut survey, "k3s_client", &["Q0VSVA=="]);
    survey
}

/// Gives a fact other lines.
pub(super) fn set(survey: &mut Value, fact: &str, lines: &[&str]) {
    survey[fact] = json!(lines);
}

/// The facts of a survey.
pub(super) fn facts(survey: &Value) -> Facts {
    survey::parse(&survey.to_string()).unwrap()
}

/// A cluster of which only the host is configured.
pub(super) fn spec() -> Spec {
    let mut spec = fixture::spec(Provider::K3s, "dev");
    spec.k3s.host = Some(destination());
    spec
}

/// What is wanted of it.
pub(super) fn wanted() -> Wanted {
    Wanted::of(&spec())
}

fn destination() -> crate::config::destination::Destination {
    crate::config::destination::Destination::parse("dev@vm").unwrap()
}
