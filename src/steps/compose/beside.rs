//! The services of a compose project that need nothing of the cluster: they come up while the
//! cluster is still being made. Which they are is `services`, pure; bringing them up is what the
//! deploy does, with a narrower selection.
//!
//! The later deploy must not touch them. So what the deploy could take for a service that was
//! stopped, a one-shot that nobody declared and beside which nothing stays up, is left to it.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::model::Service;
use super::project::Project;
use super::{bring_up, changes, converge, observe};
use crate::config::model::{Config, FileContent, NetworkOwner};
use crate::drivers::compose::stand_in;
use crate::drivers::spec::Spec;
use crate::host::containers::{self, Container};
use crate::plan::ComposeDeploy;
use crate::plan::change::{Probed, Settled};
use crate::policy::Failure;
use crate::steps::StepCtx;

/// Looks what the services beside the cluster need; nothing where there are none.
///
/// # Errors
/// The compose files are wrong, or the engine could not be asked.
pub async fn probe(deploy: &ComposeDeploy, ctx: &StepCtx) -> Result<Probed, Failure> {
    let (project, total) = narrowed(deploy, ctx).await?;
    if project.selected.is_empty() {
        return Ok(Probed::Satisfied(settled(&project, total)));
    }
    let observed = observe::observe(&project, ctx).await?;
    Ok(match changes(&project, &observed) {
        Some(changes) => Probed::Needed(changes),
        None => Probed::Satisfied(settled(&project, total)),
    })
}

/// Brings them up the way the deploy does.
///
/// # Errors
/// As the deploy's.
pub async fn apply(deploy: &ComposeDeploy, ctx: &StepCtx) -> Result<(), Failure> {
    let (project, _) = narrowed(deploy, ctx).await?;
    bring_up(&project, ctx).await
}

/// Waits until they are ready.
///
/// # Errors
/// As the deploy's.
pub async fn verify(deploy: &ComposeDeploy, ctx: &StepCtx) -> Result<Settled, Failure> {
    let (project, total) = narrowed(deploy, ctx).await?;
    converge::converge(&project, ctx, BTreeSet::new()).await?;
    Ok(settled(&project, total))
}

fn settled(project: &Project, total: usize) -> Settled {
    match project.selected.len() {
        0 => Settled::ready("no services beside the cluster"),
        count => Settled::ready(format!("{count} of {total} services, beside the cluster")),
    }
}

/// The project with only the services beside the cluster, and how many there are in all.
async fn narrowed(deploy: &ComposeDeploy, ctx: &StepCtx) -> Result<(Project, usize), Failure> {
    let project = ctx.projects.resolve(deploy, ctx).await?;
    let own = containers::of_project(&ctx.host.docker, &project.model.name).await?;
    let total = project.selected.len();
    Ok((narrow(&project, &ctx.config, &own), total))
}

fn narrow(project: &Project, config: &Config, containers: &[Container]) -> Project {
    let theirs = cluster_networks(config);
    let mut narrow = project.clone();
    narrow.selected = services(project, config, containers);
    narrow.wanted = narrow.selected.iter().cloned().collect();
    // Whether they exist is not asked: the cluster may delete them any moment.
    let keys = project.model.networks.iter().filter(|(_, network)| theirs.contains(&network.name));
    narrow.invocation.stand_in = stand_in(keys.map(|(key, _)| key.as_str()));
    narrow
}

/// The Docker networks that come and go with the cluster.
pub(super) fn cluster_networks(config: &Config) -> BTreeSet<String> {
    let declared = config.networks.iter().filter(|n| n.owner == NetworkOwner::Cluster);
    let own = Spec::of(config).and_then(|spec| spec.network.name().map(str::to_owned));
    declared.map(|network| network.name.clone()).chain(own).collect()
}

/// The selected services that neither need the cluster themselves nor wait for one that does.
fn services(project: &Project, config: &Config, containers: &[Container]) -> BTreeSet<String> {
    let theirs = cluster_networks(config);
    let ours = |name: &&String| {
        let Some(service) = project.model.services.get(*name) else { return false };
        let mut own = containers.iter().filter(|container| container.service == **name);
        !needs_cluster(project, service, &theirs)
            && !reads_kubeconfig(service, config)
            // One that somebody connected by hand is the cluster guard's to stop.
            && !own.any(|container| container.networks.keys().any(|name| theirs.contains(name)))
    };
    let mut beside: BTreeSet<String> = project.selected.iter().filter(ours).cloned().collect();
    drop_dependents(project, &mut beside);
    let stays = |name: &String| {
        let service = project.model.services.get(name);
        service.is_some_and(|service| service.stays_up) && !project.one_shots.contains(name)
    };
    if !beside.iter().any(stays) {
        beside.retain(|name| project.one_shots.contains(name));
        drop_dependents(project, &mut beside);
    }
    beside
}

/// Takes out who waits for a service that is not in the set, until nobody does.
fn drop_dependents(project: &Project, beside: &mut BTreeSet<String>) {
    loop {
        let before = beside.len();
        let kept = beside.clone();
        beside.retain(|name| {
            let service = project.model.services.get(name);
            let mut needed = service.into_iter().flat_map(Service::companions);
            needed
                .all(|needed| kept.contains(needed) || !project.model.services.contains_key(needed))
        });
        if beside.len() == before {
            return;
        }
    }
}

fn needs_cluster(project: &Project, service: &Service, theirs: &BTreeSet<String>) -> bool {
    let named = service.networks.iter().filter_map(|key| project.model.networks.get(key));
    let mut networks = named.map(|network| &network.name).chain(&service.network_mode);
    // Whoever leans on a container of somebody else may lean on the cluster's node.
    networks.any(|name| theirs.contains(name)) || !service.strangers.is_empty()
}

/// Whether the service mounts or reads a kubeconfig that mlup writes once there is a cluster, or
/// mounts a folder made for it: the engine would put an empty folder of its own there.
fn reads_kubeconfig(service: &Service, config: &Config) -> bool {
    let kubeconfigs =
        config.files.iter().filter(|file| matches!(file.content, FileContent::Kubeconfig));
    let kubeconfigs: Vec<PathBuf> = kubeconfigs.map(|file| plain(&file.path)).collect();
    let root = plain(&config.root);
    service.files.iter().map(|path| plain(path)).any(|path| {
        !root.starts_with(&path) && kubeconfigs.iter().any(|file| file.starts_with(&path))
    })
}

/// The path without `.` and `..`, by its words alone, as compose does it.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
#[path = "beside_tests.rs"]
mod tests;
