//! Things that are dead, or closed: doctor is not held up by them, and says what it could not see.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use crate::machine::{answer, found, is_the_one};
use crate::support::Sandbox;

const NETWORK: &str = "name = \"demo\"\n[[network]]\nname = \"mlup-test-nowhere\"\n";

/// A project with a network, on an engine at a socket of its own.
fn site() -> (Sandbox, UnixListener) {
    let sandbox = Sandbox::new().file("mlup.toml", NETWORK);
    let path = sandbox.root().join("docker.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let host = format!("unix://{}", path.display());
    (sandbox.env("DOCKER_HOST", &host), listener)
}

#[test]
fn an_engine_that_says_nothing_is_not_waited_for() {
    let (sandbox, _listener) = site();
    let began = Instant::now();
    let ran = sandbox.run(&["doctor", "-o", "json"]);
    // Two seconds for the look, two for the steps, and room for a slow machine.
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    let answer = answer(&ran);
    assert!(found(&answer).is_empty(), "{answer:#}");
    let unchecked = answer["unchecked"].to_string();
    assert!(unchecked.contains("Docker Engine") && unchecked.contains("within 2 s"), "{answer:#}");
    let shown = sandbox.run(&["doctor"]);
    assert!(shown.stdout.contains("not checked: Docker Engine"), "{}", shown.report());
}

#[test]
fn a_socket_that_nobody_serves_is_an_engine_that_does_not_run() {
    let (sandbox, listener) = site();
    drop(listener);
    let ran = sandbox.run(&["doctor", "-o", "json"]);
    is_the_one(
        &ran,
        "DOC-01 docker//engine",
        &["docker.sock", "nothing answers there", "DOCKER_HOST"],
    );
}

#[test]
fn a_socket_that_this_user_may_not_open_is_a_matter_of_rights() {
    let (sandbox, _listener) = site();
    let path = sandbox.root().join("docker.sock");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    let ran = sandbox.spawn_unprivileged(&["doctor", "-o", "json"]).wait();
    is_the_one(&ran, "DOC-02 docker//engine", &["docker.sock", "usermod -aG docker"]);
}

#[test]
fn a_configuration_without_docker_does_not_ask_for_it() {
    let (sandbox, _listener) = site();
    sandbox.write("mlup.toml", "name = \"demo\"\n[[task]]\nname = \"t\"\nrun = [\"true\"]\n");
    let ran = sandbox.run(&["doctor", "-o", "json"]);
    assert!(!answer(&ran).to_string().contains("ocker"), "{}", ran.report());
}
