//! Deletes a cluster the way k3d does, and looks by label whether it is gone: k3d only logs what it
//! could not delete, and exits 0.

use std::time::Duration;

use crate::drivers::k3d::remains::{self, Remains};
use crate::drivers::k3d::{argv, reasons, tool};
use crate::drivers::spec::Spec;
use crate::event::Fix;
use crate::host::labelled;
use crate::host::workbench::Workbench;
use crate::policy::escalate::Onset;
use crate::policy::{Class, Failure};

/// How long a delete may take: every node is ended and removed.
pub(super) const DELETE: Duration = Duration::from_secs(3 * 60);

pub(super) async fn delete(bench: &Workbench, spec: &Spec) -> Result<(), Failure> {
    tool::engine(bench).await?;
    let doing = format!("delete cluster `{}`", spec.name);
    let output = tool::change(bench, argv::delete(&spec.name), DELETE).await?;
    if !output.success() {
        let failure = reasons::failure(&output, &doing, &spec.name);
        // What k3d cannot delete is removed by label.
        return Err(match failure.onset {
            Some(Onset::Transient | Onset::Unresponsive | Onset::Corrupt) => {
                failure.curable(Onset::Deep)
            }
            _ => failure,
        });
    }
    let mut left = remains::of(bench, spec).await?;
    release(bench, &mut left).await?;
    if left.is_empty() { Ok(()) } else { Err(leftovers(spec, &left, &doing)) }
}

/// Removes the cluster's own network where k3d leaves it: it takes one that it found for somebody
/// else's. One that containers are on stays.
pub(super) async fn release(bench: &Workbench, left: &mut Remains) -> Result<(), Failure> {
    let Some(network) = left.network.take_if(|_| left.containers.is_empty()) else {
        return Ok(());
    };
    if network.containers.is_empty() {
        let engine = &bench.host.docker;
        return labelled::remove_network(engine, &network.name).await.map_err(tool::awaited);
    }
    let holders = network.containers.join(", ");
    let message = format!("network `{}` stays: {holders} are on it", network.name);
    let hint = format!("docker network rm {}   # once nothing is on it", network.name);
    bench.warn("NETWORK_KEPT", message, Some(hint));
    Ok(())
}

/// The failure of a delete that left something.
pub(super) fn leftovers(spec: &Spec, left: &Remains, doing: &str) -> Failure {
    let summary =
        format!("could not {doing}: k3d says that it did, and parts of it are still there");
    let failure = Failure::new(Class::Permanent, "CLUSTER_LEFTOVERS", summary);
    let source = format!("label k3d.cluster={}", spec.name);
    let names = left.names().into_iter().take(5);
    names
        .fold(failure, |failure, name| failure.because(&source, name))
        .fix(Fix::destructive("mlup reset --purge"))
        .curable(Onset::Deep)
}
