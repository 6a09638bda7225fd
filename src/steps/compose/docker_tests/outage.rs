//! An engine that goes away while a start waits, and comes back.

use super::*;
use crate::host::containers::{Container, HealthStatus, Signal, Watch};
use crate::host::docker::proxy::Proxy;

fn is_healthy(container: &Container) -> bool {
    container.health.as_ref().is_some_and(|health| health.status == HealthStatus::Healthy)
}

/// Waits for the container to be healthy, past the connection that the test cuts.
async fn healthy(stack: &Sandbox) {
    let mut watch = Watch::begin(&stack.ctx.host.docker, &stack.name);
    loop {
        match watch.next().await.expect("news") {
            Signal::Snapshot(all) if all.iter().any(is_healthy) => return,
            Signal::Changed(container) if is_healthy(&container) => return,
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_wait_outlives_the_engine_and_sees_what_happened_meanwhile() {
    let mut stack = Sandbox::new(
        r#"
  db:
    image: IMAGE
    healthcheck: {test: ["CMD", "test", "-f", "/ok"], interval: 300ms, timeout: 2s, retries: 1}
"#,
    );
    let mut proxy = Proxy::open();
    let mut ctx = stack.fresh();
    ctx.host.docker = proxy.engine();
    let (progress, mut said) = unbounded_channel();
    ctx.progress = progress;
    let start = stack.start_with(&ctx);
    let outage = async {
        while let Some((_, progress)) = said.recv().await {
            let Progress::Waiting(reason) = progress else { continue };
            if reason.contains("health") {
                break;
            }
        }
        proxy.cut().await;
        docker(&["exec", &format!("{}-db-1", stack.name), "touch", "/ok"]);
        healthy(&stack).await;
        proxy.mend();
    };
    let (started, ()) = tokio::join!(start, outage);
    assert_eq!(started.expect("a start").0.detail, "1 of 1 services ready");
}
