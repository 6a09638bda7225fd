//! Takes a compose project away: `stop` keeps containers, `reset` removes them with the project's
//! networks, `purge` removes its volumes too. What is external, and what another folder started,
//! is never touched.

use std::collections::{BTreeMap, BTreeSet};

use bollard::query_parameters::ListVolumesOptions;

use super::observe::not_foreign;
use super::project::Project;
use super::tool;
use crate::event::Fix;
use crate::host::containers::{self, Container, PROJECT, Status};
use crate::host::docker::classify;
use crate::plan::ComposeDeploy;
use crate::plan::change::{Change, Op};
use crate::plan::progress::Progress;
use crate::policy::{Class, Failure};
use crate::steps::{StepCtx, Teardown};

/// What [`remove`] would do.
pub async fn removals(
    deploy: &ComposeDeploy,
    ctx: &StepCtx,
    how: Teardown,
) -> Result<Vec<Change>, Failure> {
    let project = ctx.projects.resolve(deploy, ctx).await?;
    let own = containers::of_project(&ctx.host.docker, &project.model.name).await?;
    not_foreign(&project, &own)?;
    let known = |c: &&Container| project.model.services.contains_key(&c.service);
    let own: Vec<&Container> = own.iter().filter(known).collect();
    if how == Teardown::Stop {
        return Ok(running(&own));
    }
    let mut changes = removed(&own, "container", |container| container.name.clone());
    changes.extend(networks(&project, ctx).await?);
    if how == Teardown::Purge {
        changes.extend(volumes(&project, &own, ctx).await?);
    }
    Ok(changes)
}

/// Takes the project away and looks whether it is gone. Nothing there: compose is not called.
pub async fn remove(
    deploy: &ComposeDeploy,
    ctx: &StepCtx,
    how: Teardown,
) -> Result<Vec<Change>, Failure> {
    let changes = removals(deploy, ctx, how).await?;
    if changes.is_empty() {
        return Ok(changes);
    }
    let project = ctx.projects.resolve(deploy, ctx).await?;
    let (cmd, doing) = match how {
        Teardown::Stop => (project.invocation.stop(), "stop the project"),
        Teardown::Reset => (project.invocation.down(), "remove the project"),
        Teardown::Purge => (project.invocation.down_with_volumes(), "remove the project"),
    };
    tool::change(ctx, cmd, doing).await?;
    let left = removals(deploy, ctx, how).await?;
    let gone: Vec<Change> =
        changes.into_iter().filter(|c| !left.iter().any(|l| l.object == c.object)).collect();
    settle(ctx, &left)?;
    Ok(gone)
}

/// A network that others still use may stay; a container or volume may not.
fn settle(ctx: &StepCtx, left: &[Change]) -> Result<(), Failure> {
    let (networks, others): (Vec<&Change>, Vec<&Change>) =
        left.iter().partition(|change| change.object.starts_with("network "));
    for network in networks {
        ctx.say(Progress::Warning {
            code: "NETWORK_KEPT",
            message: format!("{} is still in use by other containers and was kept", network.object),
            hint: None,
        });
    }
    let Some(first) = others.first() else { return Ok(()) };
    let mut failure = Failure::new(
        Class::Permanent,
        "REMOVE_INCOMPLETE",
        format!("docker compose reported success, but {} is still there", first.object),
    );
    for change in others.iter().take(5) {
        failure = failure.because("docker", change.object.as_str());
    }
    Err(failure.fix(Fix::safe("run the command again; `docker ps --all` shows what is left")))
}

fn running(own: &[&Container]) -> Vec<Change> {
    let up =
        |c: &&&Container| matches!(c.status, Status::Running | Status::Restarting | Status::Paused);
    let change =
        |c: &&Container| Change::new(Op::Stop, format!("container {}", c.name), c.status.as_str());
    own.iter().filter(up).map(change).collect()
}

fn removed<T>(things: &[T], kind: &str, name: impl Fn(&T) -> String) -> Vec<Change> {
    let change =
        |thing| Change::new(Op::Remove, format!("{kind} {}", name(thing)), "made by compose");
    things.iter().map(change).collect()
}

/// The project's own networks that are there.
async fn networks(project: &Project, ctx: &StepCtx) -> Result<Vec<Change>, Failure> {
    let listed = ctx.host.docker.client().await?.list_networks(None).await;
    let listed = listed.map_err(|error| classify(&error, "list the networks"))?;
    let names = listed.into_iter().filter_map(|network| {
        let ours = is_ours(project, network.labels.as_ref());
        network.name.filter(|name| ours && declared(&project.model.networks, name))
    });
    let names: BTreeSet<String> = names.collect();
    Ok(removed(&names.into_iter().collect::<Vec<_>>(), "network", String::clone))
}

/// The project's own volumes that are there, and the nameless ones of its containers.
async fn volumes(
    project: &Project,
    own: &[&Container],
    ctx: &StepCtx,
) -> Result<Vec<Change>, Failure> {
    let listed = ctx.host.docker.client().await?.list_volumes(None::<ListVolumesOptions>).await;
    let listed = listed.map_err(|error| classify(&error, "list the volumes"))?;
    let named = listed.volumes.unwrap_or_default().into_iter().filter(|volume| {
        is_ours(project, Some(&volume.labels)) && declared(&project.model.volumes, &volume.name)
    });
    let mut all: BTreeSet<String> = named.map(|volume| volume.name).collect();
    let mounted = own.iter().flat_map(|container| &container.volumes);
    all.extend(mounted.filter(|name| is_nameless(name)).cloned());
    Ok(removed(&all.into_iter().collect::<Vec<_>>(), "volume", String::clone))
}

fn is_ours(project: &Project, labels: Option<&std::collections::HashMap<String, String>>) -> bool {
    labels.and_then(|labels| labels.get(PROJECT)).is_some_and(|name| *name == project.model.name)
}

/// Whether the files declare a resource of this name that is not external.
fn declared(resources: &BTreeMap<String, super::model::Resource>, name: &str) -> bool {
    resources.values().any(|resource| resource.name == name && !resource.external)
}

/// Volumes that nobody named carry 64 hexadecimal digits.
fn is_nameless(name: &str) -> bool {
    name.len() == 64 && name.chars().all(|c| c.is_ascii_hexdigit())
}
