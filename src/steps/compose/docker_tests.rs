//! Tests of the whole folder on a real Docker Engine: projects of containers from the machine's
//! busybox, named `mlup-test-*` and removed at the end of each test.

mod beside;
mod interruption;
mod outage;
mod sandbox;
mod warm;

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;
use tokio::time::Instant;

use super::*;
use crate::config::model::{Network, NetworkOwner};
use crate::host::containers::{self, Status};
use crate::policy::Class;
use crate::steps::Teardown;

use sandbox::{IMAGE, Sandbox, docker, write};

const STACK: &str = r#"
  db:
    image: IMAGE
    command: ["sh", "-c", "sleep 1; touch /ok; exec sleep 1000"]
    healthcheck: {test: ["CMD", "test", "-f", "/ok"], interval: 500ms, timeout: 2s, retries: 1}
    volumes: ["data:/data"]
  migrate:
    image: IMAGE
    command: ["sh", "-c", "echo migrated"]
    depends_on: {db: {condition: service_healthy}}
  api:
    image: IMAGE
    depends_on: {migrate: {condition: service_completed_successfully}}
volumes:
  data: {}
"#;

#[tokio::test]
async fn a_cold_start_honours_conditions_and_a_warm_one_changes_nothing() {
    let mut stack = Sandbox::new(STACK);
    let (settled, changed) = stack.start().await.expect("a start");
    assert_eq!((settled.detail.as_str(), changed), ("3 of 3 services ready", true));
    assert_eq!(stack.verbs(), ["create --no-build --pull never"]);
    let first = stack.containers().await;
    assert!(first["migrate"].started_at > first["db"].started_at);
    assert!(first["api"].started_at > first["migrate"].finished_at);

    let (settled, changed) = stack.start().await.expect("a warm start");
    assert_eq!((settled.detail.as_str(), changed), ("3 of 3 services ready", false));
    assert_eq!(stack.verbs(), Vec::<String>::new());
    let second = stack.containers().await;
    assert_eq!(second["migrate"].started_at, first["migrate"].started_at);
}

#[tokio::test]
async fn a_changed_service_is_replaced_and_the_finished_one_shot_stays() {
    let mut stack = Sandbox::new(STACK);
    stack.start().await.expect("a start");
    let first = stack.containers().await;
    stack.services(&STACK.replace("  api:\n", "  api:\n    environment: {A: b}\n"));
    let (_, changed) = stack.start().await.expect("a second start");
    assert!(changed);
    let second = stack.containers().await;
    assert_ne!(second["api"].id, first["api"].id);
    assert_eq!(second["api"].status, Status::Running);
    assert_eq!(second["migrate"].started_at, first["migrate"].started_at);
    assert_eq!(second["db"].started_at, first["db"].started_at);
}

#[tokio::test]
async fn unhealthy_once_is_not_final() {
    let mut stack = Sandbox::new(
        r#"
  db:
    image: IMAGE
    command: ["sh", "-c", "sleep 3; touch /ok; exec sleep 1000"]
    healthcheck: {test: ["CMD", "test", "-f", "/ok"], interval: 300ms, timeout: 2s, retries: 1}
"#,
    );
    stack.start().await.expect("a start");
    let seen: Vec<String> = stack.probes().into_iter().map(|probe| probe.detail).collect();
    let position = |word: &str| seen.iter().position(|detail| detail.ends_with(word));
    assert!(position(" unhealthy").is_some(), "{seen:?}");
    assert!(position(" unhealthy") < position(" healthy"), "{seen:?}");
}

#[tokio::test]
async fn a_crash_loop_is_final_and_shows_the_last_log_lines() {
    let mut stack = Sandbox::new(
        r#"
  api:
    image: IMAGE
    restart: always
    command: ["sh", "-c", "echo no configuration; exit 3"]
"#,
    );
    let failure = stack.start().await.expect_err("a failure");
    assert_eq!((failure.code, failure.class), ("SERVICE_CRASH_LOOP", Class::Permanent));
    assert!(
        failure
            .evidence
            .iter()
            .any(|line| { line.source == "log api" && line.text == "no configuration" }),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_failed_one_shot_ends_the_wait_at_once() {
    let mut stack = Sandbox::new(
        r#"
  migrate:
    image: IMAGE
    command: ["sh", "-c", "echo relation exists; exit 1"]
  api:
    image: IMAGE
    depends_on: {migrate: {condition: service_completed_successfully}}
"#,
    );
    let failure = stack.start().await.expect_err("a failure");
    assert_eq!(failure.code, "ONE_SHOT_FAILED");
    assert_eq!(failure.summary, "one-shot `migrate` exited 1");
    assert_eq!(failure.evidence[0].text, "relation exists");
    assert_eq!(stack.containers().await["api"].status, Status::Created);
}

#[tokio::test]
async fn a_deadline_names_the_blocker_with_its_probes() {
    let mut stack = Sandbox::new(
        r#"
  db:
    image: IMAGE
    healthcheck: {test: ["CMD-SHELL", "echo not yet; false"], interval: 300ms, retries: 1}
  api:
    image: IMAGE
    depends_on: {db: {condition: service_healthy}}
"#,
    );
    let mut ctx = stack.fresh();
    ctx.deadline = Instant::now() + Duration::from_secs(8);
    let failure = stack.start_with(&ctx).await.expect_err("a failure");
    assert_eq!((failure.code, failure.class), ("SERVICE_NOT_READY", Class::Timeout));
    assert!(failure.summary.contains("`db`") && !failure.summary.contains("`api`"), "{failure:?}");
    assert_eq!(failure.evidence[0].source, "health db");
    assert!(failure.evidence[0].text.contains("not yet"), "{failure:?}");
}

#[tokio::test]
async fn a_job_that_nobody_declared_is_done_beside_a_running_service_and_not_run_again() {
    let mut stack = Sandbox::new(
        r#"
  job:
    image: IMAGE
    command: ["true"]
  api:
    image: IMAGE
"#,
    );
    let (settled, _) = stack.start().await.expect("a start");
    assert_eq!(settled.detail, "2 of 2 services ready");
    let (_, changed) = stack.start().await.expect("a warm start");
    assert!(!changed);
}

#[tokio::test]
async fn a_command_that_the_image_lacks_is_named() {
    let mut stack = Sandbox::new("  api:\n    image: IMAGE\n    command: [\"nowhere\"]\n");
    let failure = stack.start().await.expect_err("a failure");
    assert_eq!((failure.code, failure.class), ("SERVICE_COMMAND_MISSING", Class::Permanent));
    assert!(failure.summary.contains("`api`"), "{failure:?}");
}

#[tokio::test]
async fn a_service_that_comes_and_goes_keeps_its_neighbours() {
    let mut stack = Sandbox::new("  api:\n    image: IMAGE\n    deploy: {replicas: 2}\n");
    stack.start().await.expect("a start");
    let project = stack.name.clone();
    let first = containers::of_project(&stack.ctx.host.docker, &project).await.expect("two");
    assert_eq!(first.len(), 2);
    docker(&["rm", "-f", &first[1].name]);
    let (_, changed) = stack.start().await.expect("a start after a loss");
    assert!(changed);
    let second = containers::of_project(&stack.ctx.host.docker, &project).await.expect("two");
    assert_eq!((second.len(), &second[0].id), (2, &first[0].id));
}

#[tokio::test]
async fn an_optional_service_that_fails_is_a_warning() {
    let mut stack = Sandbox::new(
        r#"
  gpu:
    image: IMAGE
    command: ["false"]
  api:
    image: IMAGE
"#,
    );
    stack.deploy.optional = vec!["gpu".to_owned()];
    let (settled, _) = stack.start().await.expect("a start");
    assert_eq!(settled.detail, "1 of 2 services ready");
    let mut codes = Vec::new();
    while let Ok((_, progress)) = stack.said.try_recv() {
        if let Progress::Warning { code, .. } = progress {
            codes.push(code);
        }
    }
    assert_eq!(codes, ["SERVICE_OPTIONAL_NOT_READY"]);
}

#[tokio::test]
async fn containers_on_a_network_that_was_made_anew_are_replaced() {
    let mut stack = Sandbox::new("");
    let network = format!("{}-ext", stack.name);
    let label = format!("com.docker.compose.project={}", stack.name);
    let create = ["network", "create", "--label", &label, &network];
    docker(&create);
    stack.services(&format!(
        "  api:\n    image: IMAGE\n    networks: [ext]\nnetworks:\n  ext: {{external: true, name: {network}}}\n"
    ));
    stack.start().await.expect("a start");
    let first = stack.containers().await;
    docker(&["stop", &first["api"].name]);
    docker(&["network", "rm", &network]);
    docker(&create);
    let (_, changed) = stack.start().await.expect("a second start");
    assert!(changed);
    assert!(stack.verbs()[0].contains("--force-recreate api"), "{:?}", stack.verbs());
    let second = stack.containers().await;
    assert_ne!(second["api"].id, first["api"].id);
    assert_ne!(second["api"].networks, first["api"].networks);
}

#[tokio::test]
async fn a_taken_port_is_refused_and_names_its_container() {
    let port = free_port();
    let services = format!("  web:\n    image: IMAGE\n    ports: [\"{port}:80\"]\n");
    let mut first = Sandbox::new(&services);
    first.start().await.expect("a start");
    let mut second = Sandbox::new(&services);
    let ctx = second.fresh();
    let failure = preflight::probe(&second.deploy, &ctx).await.expect_err("a refusal");
    assert_eq!((failure.code, failure.class), ("PORT_TAKEN", Class::Refused));
    assert!(failure.summary.contains(&format!("container `{}-web-1`", first.name)), "{failure:?}");
    let ctx = first.fresh();
    preflight::probe(&first.deploy, &ctx).await.expect("its own port is no obstacle");
}

#[tokio::test]
async fn a_port_that_a_process_holds_is_refused() {
    let listener = std::net::TcpListener::bind("0.0.0.0:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let mut stack =
        Sandbox::new(&format!("  web:\n    image: IMAGE\n    ports: [\"{port}:80\"]\n"));
    let ctx = stack.fresh();
    let failure = preflight::probe(&stack.deploy, &ctx).await.expect_err("a refusal");
    assert_eq!(failure.code, "PORT_TAKEN");
    assert!(failure.summary.contains(&std::process::id().to_string()), "{failure:?}");
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

#[tokio::test]
async fn a_missing_external_network_is_named_unless_the_configuration_makes_it() {
    let mut stack = Sandbox::new(
        "  api:\n    image: IMAGE\n    networks: [ext]\nnetworks:\n  ext: {external: true, name: mlup-test-none}\n",
    );
    let ctx = stack.fresh();
    let failure = preflight::probe(&stack.deploy, &ctx).await.expect_err("a failure");
    assert_eq!((failure.code, failure.class), ("NETWORK_EXTERNAL_MISSING", Class::Prerequisite));
    stack.config.networks.push(Network {
        name: "mlup-test-none".to_owned(),
        owner: NetworkOwner::Mlup,
        driver: "bridge".to_owned(),
        subnet: None,
        gateway: None,
        labels: BTreeMap::new(),
    });
    let ctx = stack.fresh();
    preflight::probe(&stack.deploy, &ctx).await.expect("the run makes it");
}

#[tokio::test]
async fn an_invalid_compose_file_is_a_configuration_error_with_the_words_of_compose() {
    let mut stack = Sandbox::new("  api:\n    image: IMAGE\n    ports: nonsense\n");
    let failure = stack.start().await.expect_err("a failure");
    assert_eq!((failure.code, failure.class), ("COMPOSE_INVALID", Class::Config));
    assert!(failure.summary.contains("compose.yml"), "{failure:?}");
    assert!(failure.evidence[0].text.contains("ports"), "{failure:?}");
}

#[tokio::test]
async fn an_unknown_service_gets_a_suggestion() {
    let mut stack = Sandbox::new(STACK);
    stack.deploy.compose.services = vec!["apii".to_owned()];
    let failure = stack.start().await.expect_err("a failure");
    assert_eq!(failure.code, "COMPOSE_SERVICE_UNKNOWN");
    assert!(failure.fix.expect("a fix").command.contains("`api`"));
}

#[tokio::test]
async fn a_project_of_the_same_name_from_elsewhere_is_refused_both_ways() {
    let mut ours = Sandbox::new(STACK);
    ours.start().await.expect("a start");
    let folder = tempfile::tempdir().expect("a folder");
    let mut theirs = Sandbox::named(folder, &ours.name.clone(), STACK);
    let failure = theirs.start().await.expect_err("a refusal");
    assert_eq!((failure.code, failure.class), ("PROJECT_FOREIGN", Class::Refused));
    let ctx = theirs.fresh();
    let failure = remove(&theirs.deploy, &ctx, Teardown::Purge).await.expect_err("a refusal");
    assert_eq!(failure.code, "PROJECT_FOREIGN");
    assert_eq!(theirs.verbs(), Vec::<String>::new());
}

#[tokio::test]
async fn stop_keeps_containers_reset_keeps_volumes_and_purge_keeps_nothing() {
    let mut stack = Sandbox::new(STACK);
    stack.start().await.expect("a start");
    let ctx = stack.fresh();
    let objects =
        |changes: Vec<Change>| -> Vec<String> { changes.iter().map(ToString::to_string).collect() };
    let name = stack.name.clone();
    let stopped = remove(&stack.deploy, &ctx, Teardown::Stop).await.expect("a stop");
    let wanted = [format!("stop container {name}-api-1"), format!("stop container {name}-db-1")];
    assert_eq!(objects(stopped), wanted);
    assert_eq!(stack.containers().await.len(), 3);

    let (_, changed) = stack.start().await.expect("a start after a stop");
    assert!(changed);
    assert_eq!(stack.verbs(), Vec::<String>::new(), "only starts through the engine");

    let removed = remove(&stack.deploy, &ctx, Teardown::Reset).await.expect("a reset");
    assert!(objects(removed).contains(&format!("remove network {name}_default")));
    assert_eq!(stack.containers().await.len(), 0);
    let purged = remove(&stack.deploy, &ctx, Teardown::Purge).await.expect("a purge");
    assert_eq!(objects(purged), [format!("remove volume {name}_data")]);
    stack.fresh();
    let again = remove(&stack.deploy, &ctx, Teardown::Purge).await.expect("nothing to do");
    assert_eq!((again, stack.verbs()), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn an_interrupted_start_is_resumed() {
    let mut stack = Sandbox::new(STACK);
    let ctx = stack.fresh();
    let project = ctx.projects.resolve(&stack.deploy, &ctx).await.expect("a project");
    tool::run(&ctx, project.invocation.create(Replace::Changed, &[])).await.expect("create");
    let (settled, _) = stack.start().await.expect("a start");
    assert_eq!(settled.detail, "3 of 3 services ready");
    assert_eq!(stack.verbs(), Vec::<String>::new());
}

#[tokio::test]
async fn a_cancelled_wait_returns_at_once() {
    let mut stack = Sandbox::new(
        "  db:\n    image: IMAGE\n    healthcheck: {test: [\"CMD\", \"false\"], interval: 1s}\n",
    );
    let ctx = stack.fresh();
    let cancel = ctx.cancel.clone();
    let start = stack.start_with(&ctx);
    tokio::pin!(start);
    let early = tokio::time::timeout(Duration::from_secs(3), &mut start).await;
    assert!(early.is_err(), "{early:?}");
    cancel.cancel();
    let failure = start.await.expect_err("cancelled");
    assert_eq!(failure.code, "CANCELLED");
}

#[tokio::test]
async fn status_urls_and_logs_tell_what_runs() {
    let port = free_port();
    let mut stack = Sandbox::new(&format!(
        "  web:\n    image: IMAGE\n    command: [\"sh\", \"-c\", \"echo serving; exec sleep 1000\"]\n    ports: [\"{port}:80\"]\n"
    ));
    stack.start().await.expect("a start");
    let ctx = stack.fresh();
    let lines = status(&stack.deploy, &ctx).await.expect("a status");
    assert_eq!(lines.len(), 1);
    assert_eq!((lines[0].state.as_str(), lines[0].ready), ("running", true));
    let urls = urls(&stack.deploy, &ctx).await.expect("addresses");
    assert_eq!(urls[0].url, format!("http://localhost:{port}"));
    let mut printed = Vec::new();
    let request = LogRequest { tail: Some(5), ..LogRequest::default() };
    let sink = |service: &str, line: &str| printed.push(format!("{service}: {line}"));
    logs(&stack.deploy, &ctx, &request, sink).await.expect("logs");
    assert_eq!(printed, ["web: serving"]);
}

#[tokio::test]
async fn missing_images_are_built() {
    let mut stack = Sandbox::new("  api:\n    build: .\n");
    let tag = format!("{}-api", stack.name);
    write(stack.folder.path().join("Dockerfile"), &format!("FROM {IMAGE}\nLABEL x=y\n"));
    let ctx = stack.fresh();
    let Probed::Needed(changes) = images::probe(&stack.deploy, &ctx).await.expect("a look") else {
        panic!("the image cannot be there");
    };
    assert_eq!(changes[0].to_string(), "build image of api");
    images::apply(&stack.deploy, &ctx, &changes).await.expect("a build");
    images::verify(&stack.deploy, &ctx).await.expect("it is there");
    docker(&["rmi", &tag]);
}
