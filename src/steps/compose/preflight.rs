//! What must be in order before a compose project can come up: its files, the external networks
//! and volumes, the host ports. Reads only; it is satisfied or it fails.

use std::collections::BTreeSet;

use super::beside::cluster_networks;
use super::failures::port_taken;
use super::observe::not_foreign;
use super::project::Project;
use crate::event::Fix;
use crate::host::containers::{self, Container, Status};
use crate::host::docker::classify;
use crate::host::ports::{self, PortOwner};
use crate::plan::ComposeDeploy;
use crate::plan::change::{Probed, Settled};
use crate::plan::progress::Progress;
use crate::policy::{Class, Failure};
use crate::steps::StepCtx;

/// Checks files, external networks and volumes, ownership and ports.
pub async fn probe(deploy: &ComposeDeploy, ctx: &StepCtx) -> Result<Probed, Failure> {
    let project = ctx.projects.resolve(deploy, ctx).await?;
    warn_unset(&project, ctx);
    let own = containers::of_project(&ctx.host.docker, &project.model.name).await?;
    not_foreign(&project, &own)?;
    warn_orphans(&project, &own, ctx);
    tokio::try_join!(
        networks(&project, ctx),
        volumes(&project, ctx),
        free_ports(&project, &own, ctx)
    )?;
    let count = project.selected.len();
    Ok(Probed::Satisfied(Settled::succeeded(format!(
        "{count} services, project `{}`, compose {}",
        project.model.name, project.compose
    ))))
}

fn warn_unset(project: &Project, ctx: &StepCtx) {
    for name in &project.unset_variables {
        ctx.say(Progress::Warning {
            code: "COMPOSE_VARIABLE_UNSET",
            message: format!(
                "The compose files use `{name}`, which is not set: compose takes it as empty"
            ),
            hint: Some(format!("set `{name}` in an env file, or write `${{{name}:-default}}`")),
        });
    }
}

/// Containers of services that the files no longer have. They stay: removing them is for the user.
fn warn_orphans(project: &Project, own: &[Container], ctx: &StepCtx) {
    let orphans: BTreeSet<&str> = own
        .iter()
        .filter(|container| !project.model.services.contains_key(&container.service))
        .map(|container| container.name.as_str())
        .collect();
    if orphans.is_empty() {
        return;
    }
    let names: Vec<&str> = orphans.into_iter().collect();
    ctx.say(Progress::Warning {
        code: "COMPOSE_ORPHANS",
        message: format!(
            "Containers of services that the compose files do not have: {}",
            names.join(", ")
        ),
        hint: Some(format!("docker rm --force {}", names.join(" "))),
    });
}

/// Keys of the resources that the selected services use.
fn used<'a>(project: &'a Project, keys: impl Fn(&'a str) -> &'a [String]) -> BTreeSet<&'a str> {
    project.selected.iter().flat_map(|service| keys(service)).map(String::as_str).collect()
}

/// Each external network is there, or this run makes it; what the cluster makes is external.
async fn networks(project: &Project, ctx: &StepCtx) -> Result<(), Failure> {
    let keys = used(project, |name| {
        project.model.services.get(name).map_or(&[], |service| service.networks.as_slice())
    });
    let of_cluster = cluster_networks(&ctx.config);
    let used = project.model.networks.iter().filter(|(key, _)| keys.contains(key.as_str()));
    for (key, network) in used {
        let made_here = of_cluster.contains(&network.name);
        if made_here && !network.external {
            return Err(not_external(project, key, &network.name));
        }
        let known = ctx.config.networks.iter().any(|known| known.name == network.name);
        if made_here || known || !network.external {
            continue;
        }
        match ctx.host.docker.client().await?.inspect_network(&network.name, None).await {
            Ok(_) => {}
            Err(error) if containers::is_missing(&error) => {
                return Err(external_missing(project, "network", &network.name));
            }
            Err(error) => return Err(classify(&error, "inspect a network")),
        }
    }
    Ok(())
}

/// Each external volume is there.
async fn volumes(project: &Project, ctx: &StepCtx) -> Result<(), Failure> {
    let keys = used(project, |name| {
        project.model.services.get(name).map_or(&[], |service| service.volumes.as_slice())
    });
    let external = project
        .model
        .volumes
        .iter()
        .filter(|(key, volume)| volume.external && keys.contains(key.as_str()));
    for (_, volume) in external {
        match ctx.host.docker.client().await?.inspect_volume(&volume.name).await {
            Ok(_) => {}
            Err(error) if containers::is_missing(&error) => {
                return Err(external_missing(project, "volume", &volume.name));
            }
            Err(error) => return Err(classify(&error, "inspect a volume")),
        }
    }
    Ok(())
}

/// Compose would make the network itself, without what the cluster needs of it, or refuse the one
/// that the cluster made.
fn not_external(project: &Project, key: &str, name: &str) -> Failure {
    let summary = format!(
        "network `{name}` is the cluster's, and the compose project `{}` declares it as its own",
        project.model.name
    );
    let file = project.invocation.files.first().map(|file| file.display().to_string());
    Failure::new(Class::Config, "NETWORK_NOT_EXTERNAL", summary)
        .because(file.unwrap_or_default(), format!("network `{key}` has the name `{name}`"))
        .fix(Fix::safe(format!("write `external: true` below `{key}` in the compose file")))
}

fn external_missing(project: &Project, kind: &str, name: &str) -> Failure {
    let file = project.invocation.files.first().map(|file| file.display().to_string());
    let (code, fix) = if kind == "network" {
        let fix = format!(
            "add `[[network]]` with `name = \"{name}\"` to mlup.toml, or `docker network create {name}`"
        );
        ("NETWORK_EXTERNAL_MISSING", fix)
    } else {
        ("VOLUME_EXTERNAL_MISSING", format!("docker volume create {name}"))
    };
    let summary = format!(
        "external {kind} `{name}` does not exist, and the compose project `{}` needs it",
        project.model.name
    );
    Failure::new(Class::Prerequisite, code, summary)
        .because(file.unwrap_or_default(), format!("{kind} `{name}` is declared `external: true`"))
        .fix(Fix::safe(fix))
}

/// The host ports of services that are not up are free.
async fn free_ports(project: &Project, own: &[Container], ctx: &StepCtx) -> Result<(), Failure> {
    let up = |service: &str| {
        own.iter()
            .any(|c| c.service == service && c.status != Status::Created && !c.ports.is_empty())
    };
    let mut taken = Vec::new();
    for name in project.selected.iter().filter(|name| !up(name)) {
        let Some(service) = project.model.services.get(name) else { continue };
        for wanted in &service.ports {
            let owner = ports::owner(&ctx.host.docker, wanted.port, wanted.protocol).await;
            let Some(owner) = owner.filter(|owner| !is_own(owner, &project.model.name)) else {
                continue;
            };
            taken.push((name.clone(), wanted.port, owner));
        }
    }
    if taken.is_empty() { Ok(()) } else { Err(port_taken(&taken)) }
}

/// A port held by this very project changes hands when compose replaces the container.
fn is_own(owner: &PortOwner, project: &str) -> bool {
    matches!(owner, PortOwner::Container { project: Some(theirs), .. } if theirs == project)
}
