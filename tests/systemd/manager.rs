//! The units under a real manager of systemd, where one can run: as root, with control groups that can
//! be written.

use std::path::Path;

use super::print::ONE_CHECK;
use crate::support::{Ran, Sandbox};

const SCRIPT: &str = include_str!("manager.sh");
const LIFECYCLE: &str = include_str!("lifecycle.sh");

/// Whether a manager can be tried here at all; where not, that is said.
pub(crate) fn can_run() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    let groups = rustix::fs::access("/sys/fs/cgroup", rustix::fs::Access::WRITE_OK);
    let can = is_root && groups.is_ok() && Path::new("/lib/systemd/systemd").exists();
    if !can {
        eprintln!("not run: no manager of systemd can run here");
    }
    can
}

/// Runs a scenario under a manager of its own. None, which is said, where that does not come up.
pub(crate) fn run(sandbox: &Sandbox, scenario: &str) -> Option<Ran> {
    sandbox.write("manager.sh", SCRIPT);
    sandbox.write("scenario.sh", scenario);
    let script = "exec /usr/bin/unshare --mount /bin/bash manager.sh ./scenario.sh";
    let ran = sandbox.spawn_shell(script).wait();
    if ran.stdout == "no manager\n" {
        let log = std::fs::read_to_string(sandbox.root().join("tmp/manager.log"));
        eprintln!("not run: the manager of systemd ended: {}", log.unwrap_or_default());
        return None;
    }
    Some(ran.exits(0))
}

#[test]
fn a_real_manager_starts_stops_and_forgets_the_environment() {
    if !can_run() {
        return;
    }
    let failing = ONE_CHECK.replace("/bin/true", "/bin/false").replace("2m", "2s");
    let sandbox = Sandbox::new().file("mlup.toml", ONE_CHECK).file("failing.toml", &failing);
    let Some(ran) = run(&sandbox, LIFECYCLE) else { return };
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
