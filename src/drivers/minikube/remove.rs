//! Delete and purge of one cluster: minikube first, then a look at what is left. Nothing that carries
//! another cluster's name is touched, unless the configuration asks for all of minikube.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::config::model::Purge;
use crate::drivers::minikube::profile::Listing;
use crate::drivers::minikube::remains::{Remains, forget_context};
use crate::drivers::minikube::{CREATED_LABEL, LOOK_LIMIT, Minikube, PROFILE_LABEL};
use crate::drivers::minikube::{argv, environment, how_to_install, status, waiting};
use crate::event::Fix;
use crate::host::cmd::Cmd;
use crate::host::files;
use crate::host::labelled;
use crate::host::workbench::Workbench;
use crate::plan::change::{Change, Op};
use crate::policy::escalate::Onset;
use crate::policy::{Class, Failure};

/// minikube gives each profile five minutes.
const LIMIT: Duration = Duration::from_secs(6 * 60);

pub(super) async fn delete(driver: &Minikube, bench: &Workbench) -> Result<(), Failure> {
    refuse_foreign(driver, bench).await?;
    bench.doing("deleting the cluster");
    let deleted = ask(driver, bench, argv::delete(&driver.spec.name)).await;
    if let Err(failure) = &deleted
        && is_final(failure)
    {
        return deleted;
    }
    let remains = Remains::of(driver, bench).await?;
    drop_network(bench, &remains).await?;
    if remains.is_gone() {
        return forget_context(bench, &driver.spec.context).await;
    }
    Err(match deleted {
        Err(failure) => failure.curable(Onset::Deep),
        Ok(()) => left(&remains),
    })
}

pub(super) async fn purge(
    driver: &Minikube,
    bench: &Workbench,
    extent: Purge,
) -> Result<(), Failure> {
    refuse_foreign(driver, bench).await?;
    if extent == Purge::All && is_alone(driver, bench).await? {
        bench.doing("purging minikube");
        if let Err(failure) = ask(driver, bench, argv::delete_everything()).await
            && is_final(&failure)
        {
            return Err(failure);
        }
    } else {
        bench.doing("purging the cluster");
        // What it cannot delete is removed below.
        if let Err(failure) = ask(driver, bench, argv::delete(&driver.spec.name)).await
            && is_final(&failure)
        {
            return Err(failure);
        }
    }
    let found = Remains::of(driver, bench).await?;
    let engine = &bench.host.docker;
    for container in &found.containers {
        labelled::remove_container(engine, &container.id).await.map_err(waiting)?;
    }
    for volume in &found.volumes {
        labelled::remove_volume(engine, volume).await.map_err(waiting)?;
    }
    for folder in &found.folders {
        files::remove_folder(folder)?;
    }
    let remains = Remains::of(driver, bench).await?;
    drop_network(bench, &remains).await?;
    if !remains.is_gone() {
        return Err(left(&remains));
    }
    forget_context(bench, &driver.spec.context).await
}

/// What a delete or a purge of that extent would remove.
pub(super) async fn doomed(
    driver: &Minikube,
    bench: &Workbench,
    purge: Option<Purge>,
) -> Result<Vec<Change>, Failure> {
    let remains = Remains::of(driver, bench).await?;
    let mut changes = Vec::new();
    if !remains.is_gone() {
        let cluster = format!("cluster `{}`", driver.spec.name);
        changes.push(Change::new(Op::Remove, cluster, "it is the cluster of this environment"));
        changes.extend(remains.removals("it belongs to the cluster"));
    }
    if purge == Some(Purge::All)
        && others(driver, bench).await?.is_some_and(|others| others.is_empty())
        && let Some(home) = environment::state_folder(bench).filter(|home| home_exists(home))
    {
        let folder = format!("folder `{}`", home.display());
        changes.push(Change::new(Op::Remove, folder, "`recover.purge` is `all`"));
    }
    Ok(changes)
}

fn home_exists(home: &std::path::Path) -> bool {
    !matches!(files::look(home), Ok(files::Entry::Absent))
}

/// A container of the node's name that minikube did not make would go with the delete.
async fn refuse_foreign(driver: &Minikube, bench: &Workbench) -> Result<(), Failure> {
    match driver.node(bench).await? {
        Some(node) => status::refuse_foreign(&driver.spec.name, &node),
        None => Ok(()),
    }
}

async fn ask(driver: &Minikube, bench: &Workbench, cmd: Cmd) -> Result<(), Failure> {
    let asked = bench.change(environment::sealed(cmd, bench), LIMIT).await;
    let output = asked.map_err(how_to_install)?;
    if output.success() {
        return Ok(());
    }
    Err(driver.failure(bench, &output, "delete the cluster").await)
}

/// Whether there is no use in looking further: nothing ran, or nothing can be seen.
fn is_final(failure: &Failure) -> bool {
    failure.onset == Some(Onset::Wait) || failure.is_cancelled() || failure.code == "TOOL_MISSING"
}

/// Removes the cluster's own network once nobody is on it. minikube leaves it, and exits 0, while
/// other containers are; the next start takes it again.
async fn drop_network(bench: &Workbench, remains: &Remains) -> Result<(), Failure> {
    let Some(network) = remains.network.as_ref().filter(|_| remains.containers.is_empty()) else {
        return Ok(());
    };
    if network.containers.is_empty() {
        return labelled::remove_network(&bench.host.docker, &network.name).await.map_err(waiting);
    }
    let message = format!("the network `{}` stays: other containers are on it", network.name);
    bench.warn("NETWORK_KEPT", message, Some(network.containers.join(", ")));
    Ok(())
}

fn left(remains: &Remains) -> Failure {
    Failure::new(
        Class::Permanent,
        "CLUSTER_DELETE_INCOMPLETE",
        "minikube deleted the cluster, and something of it is still there",
    )
    .because("docker and files", remains.describe())
    .fix(Fix::destructive("mlup reset --purge"))
    .curable(Onset::Deep)
}

/// The clusters of minikube beside this one, whoever made them; `None` when it cannot be found out.
async fn others(driver: &Minikube, bench: &Workbench) -> Result<Option<BTreeSet<String>>, Failure> {
    let output = driver.look(bench, argv::profiles(), LOOK_LIMIT).await?;
    let Some(listing) = Listing::parse(&output.stdout) else { return Ok(None) };
    // Those of another user, or of another folder, show in the labels of their objects alone.
    let label = format!("{CREATED_LABEL}=true");
    let engine = &bench.host.docker;
    let containers = labelled::containers_with(engine, &label).await.map_err(waiting)?;
    let volumes = labelled::volumes_with(engine, &label).await.map_err(waiting)?;
    let labels = containers.into_iter().map(|container| container.labels);
    let labels = labels.chain(volumes.into_iter().map(|volume| volume.labels));
    let owners = labels.filter_map(|mut labels| labels.remove(PROFILE_LABEL));
    let listed = listing.valid.into_iter().chain(listing.invalid).map(|profile| profile.name);
    Ok(Some(listed.chain(owners).filter(|name| *name != driver.spec.name).collect()))
}

/// Whether a purge of all of minikube would take this cluster alone. Those of others would go with
/// it, and that cures nothing.
async fn is_alone(driver: &Minikube, bench: &Workbench) -> Result<bool, Failure> {
    let others = match others(driver, bench).await? {
        Some(others) if others.is_empty() => return Ok(true),
        Some(others) => format!("there are also {}", Vec::from_iter(others).join(", ")),
        None => "`minikube profile list` does not say what else there is".to_owned(),
    };
    let message =
        format!("only cluster `{}` is purged, not all of minikube: {others}", driver.spec.name);
    bench.warn("CLUSTER_PURGE_LIMITED", message, Some("minikube delete --all --purge".to_owned()));
    Ok(false)
}

#[cfg(test)]
mod tests;
