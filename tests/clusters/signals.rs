//! Ctrl-C and `kill -9` in each phase of a cluster's step, then a start that finds what is left.

use std::time::{Duration, Instant};

use mlup::event::{Event, EventKind, Outcome};
use rustix::process::Signal;

use crate::support::cluster::{ClusterSite, RECOVER, inspect};
use crate::support::require_docker;
use crate::support::running::Running;
use crate::support::script::Fault;
use crate::support::stack::docker;

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

/// A service that takes its time to stop.
const COMPOSE: &str = "services:\n  a:\n    image: IMAGE\n    command: [sh, -c, \"trap '' TERM; while :; do sleep 0.1; done\"]\n    \
    stop_grace_period: 4s\n    networks: [cluster]\nnetworks: {cluster: {name: NAME, external: true}}\n";
const MORE: &str = "[[network]]\nname = \"NAME\"\nowner = \"cluster\"\n[[deploy]]\nname = \"stack\"\ncompose = \"compose.yml\"\n";

fn site(phase: Phase) -> ClusterSite {
    let mut site = ClusterSite::minikube(&format!("{RECOVER}{MORE}")).file("compose.yml", COMPOSE);
    let hangs =
        |command: &str| Fault { command: command.to_owned(), hangs: true, ..Fault::default() };
    match phase {
        Phase::Probe => site.rescript(|script| script.faults.push(hangs("status"))),
        Phase::Start => site.rescript(|script| script.start_ms = 20_000),
        Phase::Verify => site.rescript(|script| script.ready_ms = 60_000),
        Phase::Guard => {
            site.sandbox.run(&["start"]).exits(0);
            docker(&["rm", "-f", site.name()]).unwrap();
        }
    }
    site
}

fn is_cluster(event: &Event, phase: mlup::event::Phase) -> bool {
    matches!(&event.kind, EventKind::StepState(state) if state.step == "cluster" && state.phase == Some(phase))
}

/// Runs until the phase is reached.
fn reach(site: &ClusterSite, phase: Phase) -> Running {
    let mut running = site.sandbox.spawn(&["start", "--progress", "json"]);
    match phase {
        Phase::Probe => {
            wait(|| site.sandbox.calls("minikube").iter().any(|call| call.argv[0] == "status"));
        }
        Phase::Start => {
            wait(|| inspect(site.name(), "{{.State.Status}}").as_deref() == Some("running"));
        }
        Phase::Verify => {
            running.wait_event(|event| is_cluster(event, mlup::event::Phase::Verify));
        }
        Phase::Guard => {
            running.wait_event(|event| is_cluster(event, mlup::event::Phase::Apply));
        }
    }
    running
}

/// Looks until it is so, for a minute at most.
fn wait(mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
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
        docker(&["stop", site.name()]).unwrap();
    }
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    let service = format!("{}-a-1", site.name());
    for container in [site.name(), &service] {
        let status = inspect(container, "{{.State.Status}}");
        assert_eq!(status.as_deref(), Some("running"), "{phase:?} {container} {}", ran.report());
    }
    assert!(!site.changes().contains(&"delete".to_owned()), "{phase:?}: {:?}", site.changes());
}

#[test]
fn ctrl_c_in_each_phase() {
    require_docker!();
    std::thread::scope(|scope| {
        for phase in PHASES {
            scope.spawn(move || {
                let mut site = site(phase);
                let running = reach(&site, phase);
                running.signal_group(Signal::INT);
                let ran = running.wait().exits(130);
                let last = ran.kinds().pop().unwrap();
                assert!(
                    matches!(last, EventKind::RunFinished { outcome: Outcome::Cancelled, .. }),
                    "{phase:?} {last:?}"
                );
                starts_again(&mut site, phase);
            });
        }
    });
}

#[test]
fn kill_9_in_each_phase_then_start() {
    require_docker!();
    std::thread::scope(|scope| {
        for phase in PHASES {
            scope.spawn(move || {
                let mut site = site(phase);
                let running = reach(&site, phase);
                running.signal(Signal::KILL);
                running.wait_exit();
                // What a killed mlup leaves behind goes on: here it ends, as at a reboot.
                for call in site.sandbox.calls("minikube") {
                    let pid = i32::try_from(call.pid).ok().and_then(rustix::process::Pid::from_raw);
                    if let Some(pid) = pid.filter(|_| call.is_alive()) {
                        let _ = rustix::process::kill_process(pid, Signal::KILL);
                    }
                }
                starts_again(&mut site, phase);
            });
        }
    });
}
