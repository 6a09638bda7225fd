//! Compose services and networks on the real engine.

use mlup::event::Watching;
use rustix::process::Signal;

use super::gate::Gate;
use super::{until, until_mended, watch};
use crate::support::require_docker;
use crate::support::stack::{Stack, docker};

/// A service that runs until it is killed.
const SERVICE: &str = "  api:\n    image: IMAGE\n    init: true\n    command: [sleep, infinity]\n";

/// What the engine says of the service's container in this format.
fn inspect(stack: &Stack, format: &str) -> String {
    let name = format!("{}-api-1", stack.guard.name());
    docker(&["inspect", "--format", format, &name]).unwrap_or_default().trim().to_owned()
}

#[test]
fn a_service_that_is_killed_or_removed_is_brought_back() {
    require_docker!();
    let stack = Stack::new(SERVICE);
    let name = format!("{}-api-1", stack.guard.name());
    let mut watch = watch(&stack.sandbox);
    for verb in [["kill"].as_slice(), &["rm", "--force"]] {
        let mut args = verb.to_vec();
        args.push(&name);
        docker(&args).unwrap();
        until_mended(&mut watch, "deploy/stack");
        assert_eq!(inspect(&stack, "{{.State.Status}}"), "running");
    }
    watch.signal(Signal::TERM);
    let ran = watch.wait().exits(143);
    assert!(ran.stdout.contains("terminated; the environment stays as it is"), "{}", ran.report());
    assert_eq!(inspect(&stack, "{{.State.Status}}"), "running", "the watch alone has ended");
}

#[test]
fn a_network_that_is_removed_is_made_again_and_services_are_on_it() {
    require_docker!();
    let services = format!(
        "{SERVICE}    networks: [net]\nnetworks:\n  net:\n    name: NAME-net\n    external: true\n"
    );
    let stack =
        Stack::with_config(&services, "[[network]]\nname = \"NAME-net\"\nowner = \"mlup\"\n");
    let (network, api) =
        (format!("{}-net", stack.guard.name()), format!("{}-api-1", stack.guard.name()));
    let mut watch = watch(&stack.sandbox);
    let id = || docker(&["network", "inspect", "--format", "{{.Id}}", &network]).unwrap();
    let before = id();
    docker(&["network", "disconnect", "--force", &network, &api]).unwrap();
    docker(&["network", "rm", &network]);
    // It may be mended in two steps: a service without its network first.
    let mended = || {
        let is_on = inspect(&stack, "{{range .NetworkSettings.Networks}}{{.NetworkID}}{{end}}");
        docker(&["network", "inspect", "--format", "{{.Id}}", &network])
            .is_some_and(|now| now != before && now.trim() == is_on)
    };
    until_mended(&mut watch, "deploy/stack");
    while !mended() {
        until(&mut watch, Watching::Ready);
    }
    assert_eq!(inspect(&stack, "{{.State.Status}}"), "running");
    watch.signal(Signal::INT);
    watch.wait().exits(130);
}

#[test]
fn an_engine_that_goes_away_is_told_and_its_return_noticed() {
    require_docker!();
    let mut stack = Stack::new(SERVICE);
    let gate = Gate::open(stack.sandbox.root());
    stack.sandbox = stack.sandbox.env("DOCKER_HOST", &gate.host());
    let mut watch = watch(&stack.sandbox);
    gate.shut();
    let degraded = until(&mut watch, Watching::Degraded);
    assert_eq!(degraded.code.as_deref(), Some("DOCKER_UNREACHABLE"), "{degraded:?}");
    assert!(degraded.next_at.is_some(), "{degraded:?}");
    docker(&["kill", &format!("{}-api-1", stack.guard.name())]).unwrap();
    gate.mend();
    let back = until(&mut watch, Watching::Mending);
    assert_eq!(back.reason, "the Docker Engine is back");
    until_mended(&mut watch, "deploy/stack");
    assert_eq!(inspect(&stack, "{{.State.Status}}"), "running");
    // Its stream of events stands again.
    docker(&["kill", &format!("{}-api-1", stack.guard.name())]).unwrap();
    until_mended(&mut watch, "deploy/stack");
}
