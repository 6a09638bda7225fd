//! Docker and compose, on the real engine: silence where all is well, and each cause with who is
//! behind it.

use std::net::TcpListener;

use crate::machine::{answer, first, is_the_one, is_well};
use crate::support::stack::{Stack, docker};
use crate::support::{IMAGE, Sandbox, require_docker};

const SERVICE: &str =
    "  web:\n    image: IMAGE\n    command: [sleep, '600']\n    stop_signal: SIGKILL\n";

/// A port that is free now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn with_port(port: u16) -> String {
    format!("{SERVICE}    ports: ['127.0.0.1:{port}:80']\n")
}

#[test]
fn a_healthy_project_gives_nothing_before_and_after_its_start_and_nothing_is_changed() {
    require_docker!();
    let network = "[[network]]\nname = \"NAME-net\"\nsubnet = \"10.213.77.0/24\"\n";
    let stack = Stack::with_config(&with_port(free_port()), network);
    is_well(&stack.sandbox.run(&["doctor", "-o", "json"]));
    let kinds = ["container", "network", "volume"];
    assert!(kinds.iter().all(|kind| stack.guard.list(kind).is_empty()), "doctor only looks");
    stack.sandbox.run(&["start"]).exits(0);
    let before = kinds.map(|kind| stack.guard.list(kind));
    is_well(&stack.sandbox.run(&["doctor", "-o", "json"]));
    assert_eq!(before, kinds.map(|kind| stack.guard.list(kind)));
    stack.sandbox.run(&["stop"]).exits(0);
    is_well(&stack.sandbox.run(&["doctor", "-o", "json"]));
}

#[test]
fn a_port_that_a_container_holds_names_it_and_its_fix_frees_the_port() {
    require_docker!();
    let (port, stack) = (free_port(), Stack::new(""));
    stack
        .sandbox
        .write("compose.yml", &format!("services:\n{}", with_port(port).replace("IMAGE", IMAGE)));
    let other = format!("{}-other", stack.guard.name());
    let publish = format!("127.0.0.1:{port}:80");
    docker(&["run", "-d", "--name", &other, "-p", &publish, IMAGE, "sleep", "600"]).unwrap();
    let ran = stack.sandbox.run(&["doctor", "-o", "json"]);
    let fix = format!("docker stop {other}");
    is_the_one(
        &ran,
        &format!("DOC-03 port//{port}"),
        &[&format!("container `{other}`"), &fix, "compose.yml"],
    );
    docker(&["rm", "--force", &other]).unwrap();
    is_well(&stack.sandbox.run(&["doctor", "-o", "json"]));
}

#[test]
fn a_port_that_a_process_holds_is_told_with_its_number_also_while_docker_is_down() {
    require_docker!();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let stack = Stack::new(&with_port(port));
    let own = format!("(pid {})", std::process::id());
    let ran = stack.sandbox.run(&["doctor", "-o", "json"]);
    is_the_one(&ran, &format!("DOC-03 port//{port}"), &[&own, "ss -ltnp"]);
    let Stack { sandbox, guard } = stack;
    let sandbox = sandbox.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    let ran = sandbox.run(&["doctor", "-o", "json"]).exits(1);
    let answer = answer(&ran);
    let wanted = ["DOC-01 docker//engine".to_owned(), format!("DOC-03 port//{port}")];
    assert_eq!(super::found(&answer), wanted, "{answer:#}");
    assert!(first(&answer).to_string().contains("/nowhere/docker.sock"), "{answer:#}");
    let unchecked = answer["unchecked"].to_string();
    assert!(unchecked.contains("networks, containers"), "{answer:#}");
    drop((listener, guard));
}

#[test]
fn a_network_that_another_project_left_behind_has_the_subnet() {
    require_docker!();
    let subnet = "10.213.79.0/24";
    let wanted = format!("[[network]]\nname = \"NAME-net\"\nsubnet = \"{subnet}\"\n");
    let stack = Stack::with_config(SERVICE, &wanted);
    let old = format!("{}-old", stack.guard.name());
    let label = "com.docker.compose.project=long-gone";
    docker(&["network", "create", "--subnet", subnet, "--label", label, &old]).unwrap();
    let ran = stack.sandbox.run(&["doctor", "-o", "json"]);
    let wanted = format!("DOC-05 network//{}-net", stack.guard.name());
    let fix = format!("docker network rm {old}");
    is_the_one(&ran, &wanted, &[&fix, "long-gone", "no container is on it", "destructive"]);
    docker(&["network", "rm", &old]).unwrap();
    is_well(&stack.sandbox.run(&["doctor", "-o", "json"]));
}

#[test]
fn a_container_that_holds_the_id_of_a_dead_network_is_mended_by_the_fix_as_it_is_told() {
    require_docker!();
    let attached = format!(
        "{SERVICE}    networks: [shared]\nnetworks: {{shared: {{name: NAME-net, external: true}}}}\n"
    );
    let stack = Stack::new(&attached);
    let network = format!("{}-net", stack.guard.name());
    docker(&["network", "create", &network]).unwrap();
    stack.sandbox.run(&["start"]).exits(0);
    stack.sandbox.run(&["stop"]).exits(0);
    docker(&["network", "rm", &network]).unwrap();
    let ran = stack.sandbox.run(&["doctor", "-o", "json"]).exits(1);
    let told = answer(&ran).to_string();
    assert!(told.contains("CMP-01"), "the network is not there at all: {told}");
    docker(&["network", "create", &network]).unwrap();
    let ran = stack.sandbox.run(&["doctor", "-o", "json"]);
    is_the_one(&ran, &format!("CMP-02 network//{network}"), &["\"repair\":\"safe\"", "has the id"]);
    let fix = first(&answer(&ran))["fix"]["command"].as_str().unwrap().to_owned();
    assert!(fix.ends_with("up -d --force-recreate web"), "{fix}");
    let mended = std::process::Command::new("sh").args(["-c", &fix]).output().unwrap();
    assert!(mended.status.success(), "{fix}: {}", String::from_utf8_lossy(&mended.stderr));
    is_well(&stack.sandbox.run(&["doctor", "-o", "json"]));
}

#[test]
fn variables_that_images_and_ports_are_made_of_are_told_at_once_with_their_lines() {
    require_docker!();
    let stack = Stack::new("");
    let services = "services:\n  web:\n    image: ${MLUP_REPO}mlup-test-busybox:${MLUP_TAG}\n    \
        labels: {a: \"${MLUP_LABEL}\"}\n    command: [sleep, '600']\n";
    stack.sandbox.write("compose.yml", services);
    let ran = stack.sandbox.run(&["doctor", "-o", "json"]).exits(1);
    let answer = answer(&ran);
    let told = found_of(&answer, "CMP-10");
    for words in
        ["`MLUP_REPO`, `MLUP_TAG`", "compose.yml:3", "set MLUP_REPO, MLUP_TAG in the env file"]
    {
        assert!(told.contains(words), "no {words} in {answer:#}");
    }
    assert!(!told.contains("MLUP_LABEL"), "{told}");
}

fn found_of(answer: &serde_json::Value, rule: &str) -> String {
    let rows = answer["findings"].as_array().unwrap().iter();
    rows.filter(|row| row["rule"] == rule).map(ToString::to_string).collect()
}

#[test]
fn a_helper_for_docker_logins_that_is_not_there_is_told_before_a_pull_fails() {
    require_docker!();
    let stack = Stack::new(SERVICE);
    let home = stack.sandbox.root().join("home/.docker");
    std::fs::create_dir_all(&home).unwrap();
    std::fs::write(home.join("config.json"), r#"{"credsStore": "mlup-nowhere"}"#).unwrap();
    let ran = stack.sandbox.run(&["doctor", "-o", "json"]);
    let wanted = "DOC-10 tool//docker-credential-mlup-nowhere";
    is_the_one(&ran, wanted, &["docker.io", "config.json", "\"repair\":\"confirm\""]);
}

#[test]
fn programs_that_the_configuration_needs_are_missed_all_at_once() {
    let sandbox = Sandbox::new().env("DOCKER_HOST", "unix:///nowhere/docker.sock").file(
        "mlup.toml",
        "name = \"demo\"\n[cluster]\nprovider = \"k3d\"\n[[deploy]]\nname = \"chart\"\nhelm = \"chart\"\n\
         [[deploy]]\nname = \"stack\"\ncompose = \"compose.yml\"\n",
    );
    sandbox.write("compose.yml", "services: {a: {image: none}}\n");
    let ran = sandbox.run(&["doctor", "-o", "json"]).exits(1);
    let told = super::found(&answer(&ran));
    for tool in ["docker", "helm", "k3d"] {
        let wanted = format!("TOOL_MISSING tool//{tool}");
        assert_eq!(told.iter().filter(|one| **one == wanted).count(), 1, "{told:?}");
    }
    assert!(told.contains(&"DOC-01 docker//engine".to_owned()), "{told:?}");
    assert_eq!(told.iter().filter(|one| one.starts_with("TOOL_MISSING")).count(), 3, "{told:?}");
}
