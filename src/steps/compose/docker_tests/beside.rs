//! Services beside the cluster while its network is not there, and the deploy after it.

use super::super::beside;
use super::*;
use crate::host::containers::Container;

/// `sched` needs the cluster's network, the others do not.
const SERVICES: &str = r#"
  db:
    image: IMAGE
    env_file: [db.env]
    healthcheck: {test: ["CMD", "true"], interval: 300ms}
  backup:
    image: IMAGE
    restart: always
    network_mode: "service:db"
  job:
    image: IMAGE
    command: ["true"]
  sched:
    image: IMAGE
    depends_on: {db: {condition: service_healthy}}
    networks: [default, mk]
networks:
  mk: {external: true, name: NETWORK}
"#;

/// The project, and the network of a cluster that is not there yet.
fn before_the_cluster() -> (Sandbox, String) {
    let mut stack = Sandbox::new("");
    let network = format!("{}-mk", stack.name);
    write(stack.folder.path().join("db.env"), "A=$$b\n");
    stack.services(&SERVICES.replace("NETWORK", &network));
    stack.owns_network(&network);
    (stack, network)
}

/// One attempt of the step; `true` when something was changed.
async fn start_beside(stack: &mut Sandbox) -> Result<(Settled, bool), Failure> {
    let ctx = stack.fresh();
    if let Probed::Satisfied(settled) = beside::probe(&stack.deploy, &ctx).await? {
        return Ok((settled, false));
    }
    beside::apply(&stack.deploy, &ctx).await?;
    Ok((beside::verify(&stack.deploy, &ctx).await?, true))
}

fn run(container: &Container) -> (String, Option<jiff::Timestamp>) {
    (container.id.clone(), container.started_at)
}

#[tokio::test]
async fn what_came_up_beside_the_cluster_is_left_alone_by_the_deploy() {
    let (mut stack, network) = before_the_cluster();
    let ctx = stack.fresh();
    preflight::probe(&stack.deploy, &ctx).await.expect("the cluster makes its network");
    let (settled, changed) = start_beside(&mut stack).await.expect("a start beside");
    assert_eq!((settled.detail.as_str(), changed), ("3 of 4 services, beside the cluster", true));
    assert_eq!(stack.verbs(), ["--file - create --no-build --pull never backup db job"]);
    let first = stack.containers().await;
    assert!(!first.contains_key("sched"));
    assert_eq!(docker(&["network", "ls", "-q", "--filter", &format!("name={network}")]), "");

    stack.make_network(&network);
    let (settled, changed) = stack.start().await.expect("the deploy");
    assert_eq!((settled.detail.as_str(), changed), ("4 of 4 services ready", true));
    let second = stack.containers().await;
    for service in ["db", "backup", "job"] {
        assert_eq!(run(&second[service]), run(&first[service]), "{service}");
    }
    assert_eq!(second["sched"].status, Status::Running);
    let (_, changed) = start_beside(&mut stack).await.expect("a warm look");
    assert!(!changed);
    let (_, changed) = stack.start().await.expect("a warm start");
    assert!(!changed);
}

#[tokio::test]
async fn nothing_beside_the_cluster_is_satisfied_without_a_word_to_the_engine() {
    let (mut stack, _) = before_the_cluster();
    stack.deploy.compose.services = vec!["sched".to_owned()];
    stack.services(
        "  sched:\n    image: IMAGE\n    networks: [mk]\nnetworks:\n  mk: {external: true, name: mlup-test-none}\n",
    );
    stack.owns_network("mlup-test-none");
    let (settled, changed) = start_beside(&mut stack).await.expect("a look");
    assert_eq!((settled.detail.as_str(), changed), ("no services beside the cluster", false));
    assert_eq!(stack.verbs(), Vec::<String>::new());
}

#[tokio::test]
async fn the_selection_and_the_optional_services_keep_their_meaning_beside() {
    let (mut stack, network) = before_the_cluster();
    let gpu = "  gpu:\n    image: IMAGE\n    command: [\"false\"]\n    depends_on: [db]\n";
    stack.services(&format!("{gpu}{}", SERVICES.replace("NETWORK", &network)));
    stack.deploy.compose.services = vec!["gpu".to_owned(), "sched".to_owned()];
    stack.deploy.optional = vec!["gpu".to_owned()];
    let (settled, _) = start_beside(&mut stack).await.expect("an optional one may fail");
    assert_eq!(settled.detail, "2 of 3 services, beside the cluster");
    let made: Vec<String> = stack.containers().await.into_keys().collect();
    assert_eq!(made, ["db", "gpu"]);
}

#[tokio::test]
async fn a_network_of_the_cluster_that_the_files_claim_is_refused() {
    let (mut stack, network) = before_the_cluster();
    let text = SERVICES.replace("NETWORK", &network).replace("external: true, ", "");
    stack.services(&text);
    let ctx = stack.fresh();
    let failure = preflight::probe(&stack.deploy, &ctx).await.expect_err("a failure");
    assert_eq!((failure.code, failure.class), ("NETWORK_NOT_EXTERNAL", Class::Config));
}
