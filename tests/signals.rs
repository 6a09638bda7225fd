//! Ctrl-C, SIGTERM, kill -9 and two runs at once.

use std::fs;
use std::path::Path;

use mlup::event::{Event, EventKind, Outcome};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::support::Sandbox;

/// A task that says that it runs, notes the signal it gets, and leaves.
const POLITE: &str = r#"name = "demo"
[[task]]
name = "long"
run = ["/bin/sh", "-c", "trap 'echo got TERM > term.txt; exit 0' TERM; echo $$$$ > pid.txt; echo running; while :; do /bin/sleep 0.05; done"]
[[task]]
name = "later"
run = ["/usr/bin/touch", "later.txt"]
needs = ["task/long"]
"#;

/// A task that says that it was asked and stays, with a child that does not even listen.
const STUBBORN: &str = r#"name = "demo"
[[task]]
name = "long"
run = ["/bin/sh", "-c", "trap '' TERM INT; (while :; do /bin/sleep 0.05; done) & echo $! > child.pid; trap 'echo asked' TERM; echo running; while :; do wait; done"]
"#;

/// Looks for the event that the task has printed this line.
fn prints(text: &str) -> impl FnMut(&Event) -> bool {
    move |event| matches!(&event.kind, EventKind::StepOutput { step, line, .. } if step == "task/long" && line == text)
}

/// The event that the task has begun to run.
fn runs(event: &Event) -> bool {
    prints("running")(event)
}

fn is_alive(pid: &str) -> bool {
    // A zombie has ended, whoever has not collected it yet.
    let status = fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
    status
        .rsplit(')')
        .next()
        .is_some_and(|rest| !rest.trim().is_empty() && !rest.trim().starts_with('Z'))
}

#[test]
fn ctrl_c_asks_children_to_leave_and_exits_130() {
    let sandbox = Sandbox::new().file("mlup.toml", POLITE);
    let mut running = sandbox.spawn(&["start", "--progress", "json"]);
    running.wait_event(runs);
    running.signal(Signal::INT);
    let ran = running.wait();
    let ran = ran.exits(130);
    assert!(sandbox.project().join("term.txt").exists(), "the task was asked with TERM");
    assert!(!sandbox.project().join("later.txt").exists(), "nothing starts after a cancel");
    let last = ran.kinds().pop().unwrap();
    assert!(matches!(last, EventKind::RunFinished { outcome: Outcome::Cancelled, .. }), "{last:?}");
}

#[test]
fn sigterm_exits_143() {
    let sandbox = Sandbox::new().file("mlup.toml", POLITE);
    let mut running = sandbox.spawn(&["start", "--progress", "json"]);
    running.wait_event(runs);
    running.signal(Signal::TERM);
    running.wait().exits(143);
}

#[test]
fn a_second_ctrl_c_kills_what_will_not_leave() {
    let sandbox = Sandbox::new().file("mlup.toml", STUBBORN);
    let mut running = sandbox.spawn(&["start", "--progress", "json"]);
    running.wait_event(runs);
    running.signal(Signal::INT);
    // Two signals of one kind that are both pending are one: the first has to arrive before the second.
    running.wait_event(prints("asked"));
    running.signal(Signal::INT);
    running.wait().exits(130);
    let child = fs::read_to_string(sandbox.project().join("child.pid")).unwrap();
    assert!(!is_alive(child.trim()), "the whole group is gone");
}

#[test]
fn a_live_run_refuses_a_second_and_names_itself() {
    let sandbox = Sandbox::new().file("mlup.toml", POLITE);
    let mut running = sandbox.spawn(&["start", "--progress", "json"]);
    running.wait_event(runs);
    let second = sandbox.run(&["start"]);
    let second = second.exits(7);
    assert!(second.stderr.contains("LOCK_HELD"), "{}", second.stderr);
    assert!(second.stderr.contains(&running.pid().to_string()), "{}", second.stderr);
    running.signal(Signal::INT);
    running.wait();
}

#[test]
fn a_run_that_was_killed_leaves_a_lock_that_is_taken_over() {
    let sandbox = Sandbox::new().file("mlup.toml", POLITE);
    let mut running = sandbox.spawn(&["start", "--progress", "json"]);
    running.wait_event(runs);
    let pid = running.pid();
    running.signal(Signal::KILL);
    running.wait_exit();
    // What a killed mlup leaves behind is the test's to end.
    let orphan: i32 =
        fs::read_to_string(sandbox.project().join("pid.txt")).unwrap().trim().parse().unwrap();
    kill_process_group(Pid::from_raw(orphan).unwrap(), Signal::KILL).unwrap();
    let config = "name = \"demo\"\n[[task]]\nname = \"quick\"\nrun = [\"/bin/true\"]\n";
    sandbox.write("mlup.toml", config);
    let ran = sandbox.run(&["start"]);
    let ran = ran.exits(0);
    assert!(ran.stderr.contains(&pid.to_string()), "says whose lock it took:\n{}", ran.stderr);
}

#[test]
fn read_commands_work_beside_a_run() {
    let sandbox = Sandbox::new().file("mlup.toml", POLITE);
    let mut running = sandbox.spawn(&["start", "--progress", "json"]);
    running.wait_event(runs);
    sandbox.run(&["status"]).exits(0);
    running.signal(Signal::INT);
    running.wait();
}
