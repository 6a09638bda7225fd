//! Whether a cluster that was up has lost a node since: one request to the engine. Also what ends
//! the wait for an API whose node is gone.

use super::nodes::{self, NodeContainer};
use crate::drivers::spec::Spec;
use crate::event::Fix;
use crate::policy::escalate::Onset;
use crate::policy::{Class, Failure};
use crate::steps::StepCtx;

/// The loss of a node, if there is one. An engine that does not answer proves nothing, and a
/// cluster elsewhere is not looked at.
pub async fn lost(ctx: &StepCtx) -> Option<Failure> {
    let spec = Spec::of(&ctx.config)?;
    look(ctx, &spec).await
}

pub(super) async fn look(ctx: &StepCtx, spec: &Spec) -> Option<Failure> {
    if !spec.is_in_docker() {
        return None;
    }
    let found = nodes::containers(ctx, spec).await.ok()?;
    let mut nodes = found.iter().filter(|container| container.is_node).peekable();
    if nodes.peek().is_none() {
        return Some(vanished(spec, "docker ps --all", "no container of the cluster is there"));
    }
    let down = nodes.find(|node| !node.is_up)?;
    let NodeContainer { name, state, .. } = down;
    Some(vanished(spec, &format!("docker inspect {name}"), &format!("the container is {state}")))
}

fn vanished(spec: &Spec, source: &str, seen: &str) -> Failure {
    let (tool, name) = (spec.tool(), &spec.name);
    let summary = format!("a node of the {tool} cluster `{name}` is gone");
    Failure::new(Class::Permanent, "NODE_VANISHED", summary)
        .because(source, seen)
        .fix(Fix::safe("mlup start"))
        .curable(Onset::Transient)
}
