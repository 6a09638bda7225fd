//! Rules on nodes that no pod need be in trouble for: one that does not answer, one under pressure.
//! A node that is closed for new pods is told where a pod wants in, by the pod.

use crate::readiness::{Cause, World, node};

/// What is wrong with the nodes.
pub(super) fn causes(world: &World) -> impl Iterator<Item = Cause> {
    world.all("Node").iter().filter_map(|one| node::cause(one, world))
}
