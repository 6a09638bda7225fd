//! What a service manager hears of a start, datagram by datagram, at a socket of the test's own.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use rustix::process::Signal;

use super::print::ONE_CHECK;
use crate::support::Sandbox;

/// The far end of `NOTIFY_SOCKET`.
struct Manager {
    socket: UnixDatagram,
}

impl Manager {
    fn listen(sandbox: &Sandbox) -> Self {
        let socket = UnixDatagram::bind(sandbox.root().join("notify")).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self { socket }
    }

    /// The next datagram.
    #[track_caller]
    fn next(&self) -> String {
        let mut buffer = [0; 4096];
        let length = match self.socket.recv(&mut buffer) {
            Ok(length) => length,
            Err(error) => panic!("no datagram within a minute: {error}"),
        };
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    /// All datagrams up to the one that ends with this.
    #[track_caller]
    fn up_to(&self, last: &str) -> Vec<String> {
        let mut heard = Vec::new();
        loop {
            heard.push(self.next());
            if heard.last().unwrap().ends_with(last) {
                return heard;
            }
        }
    }
}

fn managed(config: &str) -> (Sandbox, Manager) {
    let sandbox = Sandbox::new().file("mlup.toml", config);
    let socket = sandbox.root().join("notify").display().to_string();
    let manager = Manager::listen(&sandbox);
    (sandbox.env("NOTIFY_SOCKET", &socket), manager)
}

#[test]
fn a_start_asks_for_time_first_and_ends_with_what_is_ready() {
    let (sandbox, manager) = managed(ONE_CHECK);
    sandbox.run(&["start"]).exits(0);
    let heard = manager.up_to("STATUS=ready: 1 step");
    let expected = [
        "EXTEND_TIMEOUT_USEC=120000000\nSTATUS=starting: 0 of 1 step done",
        "STATUS=starting: 0 of 1 step done; check/always",
        "STATUS=starting: 0 of 1 step done; check/always (looking)",
        "STATUS=starting: 1 of 1 step done",
        "STATUS=ready: 1 step",
    ];
    assert_eq!(heard, expected, "no READY=1: the end of a oneshot says that");
}

#[test]
fn a_start_that_fails_ends_with_the_cause() {
    let config = ONE_CHECK.replace("/bin/true", "/bin/false").replace("2m", "2s");
    let (sandbox, manager) = managed(&config);
    let ran = sandbox.run(&["start"]);
    assert_ne!(ran.code, Some(0), "{}", ran.report());
    let mut heard = vec![manager.next()];
    while !["failed", "the deadline"]
        .iter()
        .any(|word| heard.last().unwrap().starts_with(&format!("STATUS={word}")))
    {
        heard.push(manager.next());
    }
    assert!(heard[0].starts_with("EXTEND_TIMEOUT_USEC="), "{heard:?}");
    assert!(heard.last().unwrap().contains("check/always"), "{heard:?}");
}

#[test]
fn children_cannot_speak_in_the_name_of_mlup() {
    let config = format!(
        "{ONE_CHECK}\n[[task]]\nname = \"spy\"\nrun = [\"/bin/sh\", \"-c\", \"/usr/bin/env > env.txt\"]\n"
    );
    let (sandbox, manager) = managed(&config);
    let sandbox = sandbox.env("WATCHDOG_USEC", "60000000");
    sandbox.run(&["start"]).exits(0);
    manager.up_to("STATUS=ready: 2 steps");
    let seen = std::fs::read_to_string(sandbox.project().join("env.txt")).unwrap();
    assert!(seen.contains("PATH="), "{seen}");
    assert!(!seen.contains("NOTIFY_SOCKET") && !seen.contains("WATCHDOG_USEC"), "{seen}");
}

#[test]
fn a_stop_asks_for_time_too() {
    let (sandbox, manager) = managed(ONE_CHECK);
    sandbox.run(&["stop"]).exits(0);
    let heard = manager.up_to("steps");
    assert!(heard[0].starts_with("EXTEND_TIMEOUT_USEC="), "{heard:?}");
    assert!(heard.last().unwrap().starts_with("STATUS=stopped: "), "{heard:?}");
}

#[test]
fn a_watch_is_ready_when_the_environment_is_gives_signs_of_life_and_says_that_it_ends() {
    let (sandbox, manager) = managed(ONE_CHECK);
    let sandbox = sandbox.env("WATCHDOG_USEC", "2000000");
    let watch = sandbox.spawn(&["watch"]);
    let mut heard = vec![manager.next()];
    while !heard.last().unwrap().contains("READY=1") {
        heard.push(manager.next());
    }
    assert!(heard[0].starts_with("EXTEND_TIMEOUT_USEC="), "{heard:?}");
    assert!(heard.last().unwrap().contains("STATUS=ready"), "{heard:?}");
    let alive = manager.up_to("WATCHDOG=1");
    assert!(alive.iter().all(|text| !text.contains("EXTEND_TIMEOUT_USEC")), "{alive:?}");
    watch.signal(Signal::TERM);
    let mut last = manager.next();
    while !last.contains("STOPPING=1") {
        assert!(!last.contains("READY=1"), "it is ready once: {last}");
        last = manager.next();
    }
    watch.wait().exits(143);
}

#[test]
fn a_watch_over_what_does_not_come_up_is_never_ready() {
    let config = ONE_CHECK.replace("/bin/true", "/bin/false").replace("2m", "2s");
    let (sandbox, manager) = managed(&config);
    let watch = sandbox.spawn(&["watch"]);
    let mut heard = vec![manager.next()];
    while !heard.last().unwrap().contains("STATUS=not ready: ") {
        heard.push(manager.next());
    }
    assert!(heard.last().unwrap().contains("`always`"), "{heard:?}");
    watch.signal(Signal::TERM);
    while !heard.last().unwrap().contains("STOPPING=1") {
        heard.push(manager.next());
    }
    assert!(heard.iter().all(|text| !text.contains("READY=1")), "{heard:?}");
    watch.wait().exits(143);
}
