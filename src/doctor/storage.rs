//! Rules on volumes and pods that are to go and do not: what holds them.

use crate::readiness::{Cause, World, gate, held};

/// Claims that pods hold though they are to be deleted, and pods that finalizers hold.
pub(super) fn causes(world: &World) -> impl Iterator<Item = Cause> {
    let claims = world.all("PersistentVolumeClaim").iter().filter_map(|claim| held(claim, world));
    claims.chain(world.all("Pod").iter().filter_map(|pod| gate::never_ends(pod, world)))
}
