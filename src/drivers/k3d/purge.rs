//! Removes all that there is of a cluster, by label, whether k3d can still delete it or not. k3d has
//! no purge of its own.

use crate::config::model::Purge;
use crate::drivers::k3d::{argv, context, delete, remains, tool};
use crate::drivers::kubeconfig;
use crate::drivers::spec::Spec;
use crate::host::labelled;
use crate::host::workbench::Workbench;
use crate::policy::Failure;

pub(super) async fn purge(bench: &Workbench, spec: &Spec, extent: Purge) -> Result<(), Failure> {
    tool::engine(bench).await?;
    let cmd = if extent == Purge::All && is_alone(bench, spec).await? {
        argv::delete_all()
    } else {
        argv::delete(&spec.name)
    };
    // It may well fail: that is why it comes to a purge.
    if let Err(failure) = tool::change(bench, cmd, delete::DELETE).await
        && failure.is_cancelled()
    {
        return Err(failure);
    }
    sweep(bench, spec).await?;
    kubeconfig::forget(bench, &context(&spec.name)).await?;
    let left = remains::of(bench, spec).await?;
    if left.containers.is_empty() && left.volumes.is_empty() {
        return Ok(());
    }
    Err(delete::leftovers(spec, &left, &format!("purge cluster `{}`", spec.name)))
}

/// Whether a delete of all clusters would delete this one alone. k3d keeps nothing beside its
/// clusters, so that deleting those of others would cure nothing and lose their data.
async fn is_alone(bench: &Workbench, spec: &Spec) -> Result<bool, Failure> {
    let others = remains::other_clusters(bench, spec).await?;
    if others.is_empty() {
        return Ok(true);
    }
    let message = format!(
        "only cluster `{}` is purged, not everything of k3d: there are also {}",
        spec.name,
        others.join(", ")
    );
    bench.warn("CLUSTER_PURGE_LIMITED", message, Some("k3d cluster delete --all".to_owned()));
    Ok(false)
}

async fn sweep(bench: &Workbench, spec: &Spec) -> Result<(), Failure> {
    let engine = &bench.host.docker;
    let mut left = remains::of(bench, spec).await?;
    for node in std::mem::take(&mut left.containers) {
        bench.doing(format!("removing container `{}`", node.name));
        labelled::remove_container(engine, &node.id).await.map_err(tool::awaited)?;
    }
    for volume in std::mem::take(&mut left.volumes) {
        bench.doing(format!("removing volume `{volume}`"));
        labelled::remove_volume(engine, &volume).await.map_err(tool::awaited)?;
    }
    // Its own nodes are gone from it now: who is still on it is somebody else.
    let mut left = remains::of(bench, spec).await?;
    delete::release(bench, &mut left).await
}
