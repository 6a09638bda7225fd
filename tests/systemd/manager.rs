//! The units under a real manager of systemd, where one can run: as root, with control groups that can
//! be written.

use std::path::Path;

use super::print::ONE_CHECK;
use crate::support::Sandbox;

const SCRIPT: &str = include_str!("manager.sh");

/// Whether a manager can be tried here at all.
fn can_run_a_manager() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    let groups = rustix::fs::access("/sys/fs/cgroup", rustix::fs::Access::WRITE_OK);
    is_root && groups.is_ok() && Path::new("/lib/systemd/systemd").exists()
}

#[test]
fn a_real_manager_starts_stops_and_forgets_the_environment() {
    if !can_run_a_manager() {
        eprintln!("not run: no manager of systemd can run here");
        return;
    }
    let failing = ONE_CHECK.replace("/bin/true", "/bin/false").replace("2m", "2s");
    let sandbox = Sandbox::new().file("mlup.toml", ONE_CHECK).file("failing.toml", &failing);
    sandbox.write("manager.sh", SCRIPT);
    let ran = sandbox.spawn_shell("exec /usr/bin/unshare --mount /bin/bash manager.sh").wait();
    if ran.stdout == "no manager\n" {
        let log = std::fs::read_to_string(sandbox.root().join("tmp/manager.log"));
        eprintln!("not run: the manager of systemd ended: {}", log.unwrap_or_default());
        return;
    }
    let ran = ran.exits(0);
    let told: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(told[0], "started: active exited, ready: 1 step", "{}", ran.report());
    assert!(told[1].starts_with("stopped: inactive, stopped: "), "{}", ran.report());
    assert_eq!(told[2], "uninstalled: inactive not-found");
    assert!(told[3].starts_with("watching: active running, ready"), "{}", ran.report());
    assert_eq!(told[4], "watched: inactive success");
    assert_eq!(
        told[5],
        "failing: start ends with 1, exit-code 5, the deadline passed; not ready: check/always"
    );
    assert_eq!(told[6], "over");
    let runs = sandbox.state().join("mlup");
    let stops = events_below(&runs).matches("\"action\":\"stop\"").count();
    assert_eq!(stops, 2, "to uninstall halts nothing, and what is not up is not stopped");
}

/// All events of all runs.
fn events_below(folder: &Path) -> String {
    let mut all = String::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            all.push_str(&events_below(&entry.path()));
        } else if entry.file_name() == "events.jsonl" {
            all.push_str(&std::fs::read_to_string(entry.path()).unwrap());
        }
    }
    all
}
