//! Where the cluster's nodes are when the network that the configuration names does not appear.

use super::nodes;
use crate::drivers::spec::Spec;
use crate::steps::StepCtx;

/// The networks that the cluster's containers are on, each with the container; nothing when that
/// cannot be found out.
pub(in crate::steps) async fn instead(ctx: &StepCtx) -> Vec<String> {
    let Some(spec) = Spec::of(&ctx.config) else { return Vec::new() };
    let found = nodes::containers(ctx, &spec).await.unwrap_or_default();
    let line = |node: &nodes::NodeContainer| {
        format!("{} is on network `{}`", node.name, node.networks.join("`, `"))
    };
    found.iter().filter(|node| !node.networks.is_empty()).map(line).collect()
}
