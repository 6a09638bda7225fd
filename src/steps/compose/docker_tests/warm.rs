//! Starts of projects that are up already: nothing may change, whatever compose makes of its
//! hashes.

use super::*;

#[tokio::test]
async fn env_files_and_shared_namespaces_are_no_change_on_a_warm_start() {
    let mut stack = Sandbox::new(
        r#"
  api:
    image: IMAGE
    env_file: [api.env]
  sidecar:
    image: IMAGE
    network_mode: "service:api"
"#,
    );
    let variables = stack.folder.path().join("api.env");
    write(variables.clone(), "A=$$b\nC='d e'\n");
    stack.start().await.expect("a start");
    let (_, changed) = stack.start().await.expect("a warm start");
    assert!(!changed, "{:?}", stack.verbs());
    write(variables, "A=c\n");
    let (_, changed) = stack.start().await.expect("a start after a change");
    assert!(changed);
}

#[tokio::test]
async fn shared_volumes_are_no_change_on_a_warm_start() {
    let mut stack = Sandbox::new(
        r#"
  db:
    image: IMAGE
    volumes: ["data:/data"]
  backup:
    image: IMAGE
    volumes_from: ["db:ro"]
volumes:
  data: {}
"#,
    );
    stack.start().await.expect("a start");
    let (_, changed) = stack.start().await.expect("a warm start");
    assert!(!changed, "{:?}", stack.verbs());
    docker(&["rm", "-f", &stack.containers().await["db"].name]);
    stack.start().await.expect("a start after a loss");
    let (_, changed) = stack.start().await.expect("a second warm start");
    assert!(!changed, "{:?}", stack.verbs());
}
