//! Services that make way for the cluster, and their way back.

use super::super::{attached, interrupt};
use super::*;
use crate::config::fixture;
use crate::config::model::{Deploy, DeployKind};
use crate::host::containers::{Container, RestartPolicy};

/// `worker` looks like a finished one-shot once it is stopped; it and `sched` are on the cluster's
/// network, `api` is not.
const SERVICES: &str = r#"
  api:
    image: IMAGE
  worker:
    image: IMAGE
    command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
    stop_signal: SIGTERM
    networks: [default, mk]
  sched:
    image: IMAGE
    restart: unless-stopped
    depends_on: [api]
    networks: [default, mk]
networks:
  mk: {external: true, name: NETWORK}
"#;

/// The project as it is up on the cluster's network.
async fn up() -> (Sandbox, String) {
    let mut stack = Sandbox::new("");
    let network = format!("{}-mk", stack.name);
    stack.services(&SERVICES.replace("NETWORK", &network));
    stack.owns_network(&network);
    let kind = DeployKind::Compose(stack.deploy.compose.clone());
    stack.config.deploys = vec![Deploy { kind, ..fixture::deploy(&stack.deploy.name, None) }];
    stack.make_network(&network);
    stack.start().await.expect("a start");
    (stack, network)
}

/// Has everything on the network make way, as the cluster guard does.
async fn make_way(stack: &mut Sandbox, network: &str) {
    let ctx = stack.fresh();
    let found = attached(&ctx, network).await.expect("a look");
    let containers: Vec<Container> = found.into_iter().filter_map(|one| one.container).collect();
    interrupt(&ctx, &containers).await.expect("they stop");
    assert_eq!(attached(&ctx, network).await.expect("a second look"), []);
}

#[tokio::test]
async fn who_is_on_the_network_is_named_with_deploy_and_address() {
    let (mut stack, network) = up().await;
    let stranger = format!("{}-stranger", stack.name);
    let label = format!("com.docker.compose.project={}", stack.name);
    docker(&["run", "-d", "--name", &stranger, "--label", &label, "--network", &network, IMAGE]);
    let ctx = stack.fresh();
    let found = attached(&ctx, &network).await.expect("a look");
    let seen: Vec<(&str, Option<&str>, bool)> = found
        .iter()
        .map(|one| (one.service.as_deref().unwrap_or(&one.name), one.deploy.as_deref(), one.up))
        .collect();
    let deploy = Some("stack");
    let wanted =
        [("sched", deploy, true), (stranger.as_str(), None, true), ("worker", deploy, true)];
    assert_eq!(seen, wanted);
    assert!(found.iter().all(|one| one.ip.is_some()), "{found:?}");
    assert_eq!(attached(&ctx, "mlup-test-none").await.expect("no network"), []);
}

#[tokio::test]
async fn a_stopped_container_with_a_fixed_address_is_named_and_one_without_is_not() {
    let mut stack = Sandbox::new("");
    let network = format!("{}-mk", stack.name);
    let label = format!("com.docker.compose.project={}", stack.name);
    let subnet = format!("10.231.{}.0/24", std::process::id() % 256);
    docker(&["network", "create", "--label", &label, "--subnet", &subnet, &network]);
    let address = subnet.replace("0/24", "9");
    stack.services(&format!(
        "  fixed:\n    image: IMAGE\n    networks: {{mk: {{ipv4_address: {address}}}}}\n  any:\n    image: IMAGE\n    networks: [mk]\nnetworks:\n  mk: {{external: true, name: {network}}}\n"
    ));
    stack.start().await.expect("a start");
    let ctx = stack.fresh();
    docker(&["stop", &format!("{}-fixed-1", stack.name), &format!("{}-any-1", stack.name)]);
    let found = attached(&ctx, &network).await.expect("a look");
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].up, found[0].ip.map(|ip| ip.to_string())), (false, Some(address)));
}

#[tokio::test]
async fn who_made_way_comes_back_whatever_its_exit_code_and_nobody_else_is_touched() {
    let (mut stack, network) = up().await;
    let first = stack.containers().await;
    make_way(&mut stack, &network).await;
    let stopped = stack.containers().await;
    assert_eq!((stopped["worker"].status, stopped["worker"].exit_code), (Status::Exited, 0));
    assert_eq!(stopped["api"].started_at, first["api"].started_at);

    // All that the next run knows is the engine: what stopped them may have been killed.
    let (_, changed) = stack.start().await.expect("a start");
    assert!(changed);
    assert_eq!(stack.verbs(), Vec::<String>::new(), "only starts through the engine");
    let back = stack.containers().await;
    for (service, policy) in
        [("worker", RestartPolicy::Never), ("sched", RestartPolicy::UnlessStopped)]
    {
        let container = &back[service];
        assert_eq!((container.status, &container.id), (Status::Running, &first[service].id));
        assert_eq!((container.interrupted, container.restart_policy), (false, policy));
    }
    assert_eq!(back["api"].started_at, first["api"].started_at);
    let (_, changed) = stack.start().await.expect("a warm start");
    assert!(!changed);
}

#[tokio::test]
async fn who_made_way_is_made_anew_where_the_network_was() {
    let (mut stack, network) = up().await;
    let first = stack.containers().await;
    make_way(&mut stack, &network).await;
    docker(&["network", "rm", &network]);
    let ctx = stack.fresh();
    preflight::probe(&stack.deploy, &ctx).await.expect("the cluster makes its network");
    assert!(matches!(probe(&stack.deploy, &ctx).await.expect("a look"), Probed::Needed(_)));
    stack.make_network(&network);
    stack.start().await.expect("a start");
    let back = stack.containers().await;
    for service in ["worker", "sched"] {
        assert_ne!(back[service].id, first[service].id, "{service}");
        assert_eq!((back[service].status, back[service].interrupted), (Status::Running, false));
    }
    let api = |of: &BTreeMap<String, Container>| (of["api"].id.clone(), of["api"].started_at);
    assert_eq!(api(&back), api(&first), "what they depend on stays");
}

#[tokio::test]
async fn a_mark_without_a_stop_is_taken_off_and_nothing_is_restarted() {
    let (mut stack, _) = up().await;
    let first = stack.containers().await;
    docker(&["update", "--restart", "on-failure:1000000000", &first["worker"].name]);
    assert!(stack.containers().await["worker"].interrupted);
    stack.start().await.expect("a start");
    let back = stack.containers().await;
    assert_eq!(back["worker"].started_at, first["worker"].started_at);
    assert_eq!(
        (back["worker"].interrupted, back["worker"].restart_policy),
        (false, RestartPolicy::Never)
    );
}

#[tokio::test]
async fn who_ran_without_being_selected_comes_back_too() {
    let (mut stack, network) = up().await;
    make_way(&mut stack, &network).await;
    stack.deploy.compose.services = vec!["api".to_owned()];
    let (settled, _) = stack.start().await.expect("a start");
    assert_eq!(settled.detail, "1 of 1 services ready");
    let back = stack.containers().await;
    assert_eq!(back["worker"].status, Status::Running);
    assert_eq!(back["sched"].status, Status::Running);
}

#[tokio::test]
async fn a_project_is_stopped_and_removed_when_its_external_network_is_gone() {
    let (mut stack, network) = up().await;
    make_way(&mut stack, &network).await;
    docker(&["network", "rm", &network]);
    let ctx = stack.fresh();
    let name = &stack.name;
    let stopped = remove(&stack.deploy, &ctx, Teardown::Stop).await.expect("a stop");
    assert_eq!(stopped.len(), 1, "{stopped:?}");
    let removed = remove(&stack.deploy, &ctx, Teardown::Reset).await.expect("a reset");
    let removed: Vec<String> = removed.iter().map(ToString::to_string).collect();
    assert!(removed.contains(&format!("remove container {name}-sched-1")), "{removed:?}");
    assert_eq!(stack.containers().await.len(), 0);
}
