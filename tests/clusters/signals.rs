//! Ctrl-C and `kill -9` in each phase of a cluster's step, then a start that finds what is left.

use std::time::{Duration, Instant};

use mlup::event::{Event, EventKind, Outcome};
use rustix::process::Signal;

use crate::support::Call;
use crate::support::cluster::{ClusterSite, RECOVER, inspect};
use crate::support::require_docker;
use crate::support::running::Running;
use crate::support::script::Fault;

/// Where a run is interrupted.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// The tool is asked how the cluster stands.
    Probe,
    /// The tool makes the cluster.
    Start,
    /// The API is waited for.
    Verify,
    /// Services make way for the cluster.
    Guard,
}

const PHASES: [Phase; 4] = [Phase::Probe, Phase::Start, Phase::Verify, Phase::Guard];

const TOOLS: [&str; 2] = ["minikube", "k3d"];

/// A service that takes its time to stop.
const COMPOSE: &str = "services:\n  a:\n    image: IMAGE\n    command: [sh, -c, \"trap '' TERM; while :; do sleep 0.1; done\"]\n    \
    stop_grace_period: 2s\n    networks: [cluster]\nnetworks: {cluster: {name: NETWORK, external: true}}\n";
const MORE: &str = "[[network]]\nname = \"NETWORK\"\nowner = \"cluster\"\n[[deploy]]\nname = \"stack\"\ncompose = \"compose.yml\"\n";

fn site(tool: &str, phase: Phase) -> ClusterSite {
    let network = if tool == "k3d" { "k3d-NAME" } else { "NAME" };
    let more = format!("{RECOVER}{MORE}").replace("NETWORK", network);
    let compose = COMPOSE.replace("NETWORK", network);
    let site = if tool == "k3d" { ClusterSite::k3d(&more) } else { ClusterSite::minikube(&more) };
    let mut site = site.file("compose.yml", &compose);
    match phase {
        Phase::Probe => {
            let fault = Fault { command: look(tool).to_owned(), hangs: true, ..Fault::default() };
            site.rescript(|script| script.faults.push(fault));
        }
        Phase::Start => site.rescript(|script| script.start_ms = 20_000),
        Phase::Verify => site.rescript(|script| script.ready_ms = 60_000),
        Phase::Guard => {
            site.sandbox.run(&["start"]).exits(0);
            site.halt();
        }
    }
    site
}

/// The command that a probe begins with.
fn look(tool: &str) -> &'static str {
    if tool == "k3d" { "cluster list" } else { "status" }
}

fn is_cluster(event: &Event, phase: mlup::event::Phase) -> bool {
    matches!(&event.kind, EventKind::StepState(state) if state.step == "cluster" && state.phase == Some(phase))
}

/// Runs until the phase is reached.
fn reach(site: &ClusterSite, tool: &str, phase: Phase) -> Running {
    let mut running = site.sandbox.spawn(&["start", "--progress", "json"]);
    match phase {
        Phase::Probe => {
            let is_look = |call: &Call| call.command.as_deref() == Some(look(tool));
            wait(|| site.sandbox.calls(tool).iter().any(is_look));
        }
        Phase::Start => {
            wait(|| inspect(&site.node(), "{{.State.Status}}").as_deref() == Some("running"));
            // A server of k3d brings its API along; its stand-in takes a moment for that.
            wait(|| tool != "k3d" || site.serves());
        }
        Phase::Verify => {
            running.wait_event(|event| is_cluster(event, mlup::event::Phase::Verify));
        }
        Phase::Guard => {
            running.wait_event(|event| {
                matches!(&event.kind, EventKind::StepState(state)
                    if state.reason.as_deref().is_some_and(|why| why.ends_with("to stop")))
            });
        }
    }
    running
}

/// Looks until it is so, for a minute at most.
pub(super) fn wait(mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(240);
    while !is_so() {
        assert!(Instant::now() < end, "waited in vain");
        std::thread::yield_now();
    }
}

/// Takes the trouble away, and starts: whatever was left, everything is up.
fn starts_again(site: &mut ClusterSite, phase: Phase) {
    site.rescript(|script| {
        script.faults.clear();
        script.start_ms = 0;
        script.ready_ms = 0;
    });
    if matches!(phase, Phase::Verify) {
        // The nodes of this cluster are not ready for a minute; a person would wait.
        site.halt();
    }
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    let service = format!("{}-a-1", site.name());
    for container in [site.node(), service] {
        let status = inspect(&container, "{{.State.Status}}");
        assert_eq!(status.as_deref(), Some("running"), "{phase:?} {container} {}", ran.report());
    }
    let changes = site.changes();
    assert!(changes.iter().all(|change| !change.ends_with("delete")), "{phase:?}: {changes:?}");
}

/// Tries each phase of each tool, all at once.
fn each(check: impl Fn(&'static str, Phase) + Sync) {
    let check = &check;
    std::thread::scope(|scope| {
        for tool in TOOLS {
            for phase in PHASES {
                scope.spawn(move || check(tool, phase));
            }
        }
    });
}

#[test]
fn ctrl_c_in_each_phase() {
    require_docker!();
    each(|tool, phase| {
        let mut site = site(tool, phase);
        let running = reach(&site, tool, phase);
        running.signal_group(Signal::INT);
        let ran = running.wait().exits(130);
        let last = ran.kinds().pop().unwrap();
        assert!(
            matches!(last, EventKind::RunFinished { outcome: Outcome::Cancelled, .. }),
            "{tool} {phase:?} {last:?}"
        );
        let left: Vec<Call> = site.sandbox.calls(tool).into_iter().filter(Call::is_alive).collect();
        assert!(left.is_empty(), "{tool} {phase:?} {left:?}");
        starts_again(&mut site, phase);
    });
}

/// Kills mlup. What it leaves behind would go on: here it ends as well, as at a reboot.
pub(super) fn kill_9(site: &ClusterSite, tool: &str, running: Running) {
    running.signal(Signal::KILL);
    running.wait_exit();
    for call in site.sandbox.calls(tool) {
        let pid = i32::try_from(call.pid).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid.filter(|_| call.is_alive()) {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
    }
}

#[test]
fn kill_9_in_each_phase_then_start() {
    require_docker!();
    each(|tool, phase| {
        let mut site = site(tool, phase);
        let running = reach(&site, tool, phase);
        kill_9(&site, tool, running);
        starts_again(&mut site, phase);
    });
}
