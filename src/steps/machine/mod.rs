//! One look at everything that an environment stands on below Kubernetes, side by side and within a
//! bound: the facts. Nothing is changed; what the facts mean is `doctor/host`.

mod accounts;
mod cluster;
mod docker;
mod ports;
mod projects;
mod tools;

use std::time::Duration;

use crate::config::model::NetworkOwner;
use crate::doctor::host::facts::{Disk, Facts, Look, Project, WantedCluster, WantedNetwork};
use crate::drivers::spec::{ClusterNetwork, Spec};
use crate::host::{clock, machine, routes, state_dir, user};
use crate::policy::{Class, Failure};
use crate::steps::StepCtx;

/// How long one look may take: what is dead must not hold up the rest.
const LIMIT: Duration = Duration::from_secs(2);

/// Whether accounts and registries outside of this machine are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// They are.
    Asked,
    /// They are not.
    LeftAlone,
}

/// Looks at the machine, Docker, the tools, the way to the cluster and the accounts.
pub async fn survey(ctx: &StepCtx, outside: Outside) -> Facts {
    let now = clock::now();
    let (docker, projects, cluster, tools, accounts) = tokio::join!(
        docker::look(ctx),
        projects::look(ctx),
        cluster::look(ctx),
        tools::look(ctx),
        accounts::look(ctx, outside),
    );
    let mut facts = Facts {
        taken: now.as_second(),
        is_root: user::is_root(),
        cluster: Spec::of(&ctx.config).map(|spec| wanted_cluster(&spec)),
        engine: docker.engine,
        daemon_file: docker.daemon_file,
        client: tools.client,
        compose: tools.compose,
        networks: docker.networks,
        containers: docker.containers,
        routes: routes::here(),
        memory_available: machine::memory_available(),
        inotify: machine::inotify(),
        tools: tools.programs,
        sight: cluster.sight,
        kubectl: tools.kubectl,
        access: cluster.access,
        api: cluster.api,
        clouds: accounts.clouds,
        helpers: accounts::helpers(ctx, &projects.images),
        logins: accounts.logins,
        ..Facts::default()
    };
    facts.clocks.extend(docker.clock.into_iter().chain(cluster.clock).chain(accounts.clocks));
    facts.wanted_networks = wanted_networks(ctx, &projects.networks);
    facts.ports = ports::look(ctx, &projects.ports, &facts).await;
    facts.disks = disks(ctx, docker.root.as_deref());
    (facts.projects, facts.unread_projects) = (projects.read, projects.unread);
    facts
}

/// What a look of this many seconds at most gave.
async fn within<T>(what: &str, look: impl Future<Output = Result<T, Failure>>) -> Look<T> {
    match tokio::time::timeout(LIMIT, look).await {
        Ok(Ok(seen)) => Look::Seen(seen),
        // What may pass is not known to be wrong.
        Ok(Err(failure)) if is_unclear(&failure) => Look::Unclear(failure.summary),
        Ok(Err(failure)) => Look::Refused(failure.finding()),
        Err(_) => Look::Unclear(format!("{what} gave no answer within {} s", LIMIT.as_secs())),
    }
}

/// Whether a failure says nothing about the thing itself. That nothing answers at an address does.
fn is_unclear(failure: &Failure) -> bool {
    matches!(failure.class, Class::Transient | Class::Timeout | Class::Internal)
        && failure.code != "API_UNREACHABLE"
}

fn wanted_cluster(spec: &Spec) -> WantedCluster {
    WantedCluster {
        tool: spec.tool().to_owned(),
        name: spec.name.clone(),
        context: spec.context.clone(),
        version: spec.kubernetes_version.clone(),
        memory: spec.memory,
        nodes: spec.servers + spec.agents,
    }
}

/// The networks that a start makes where they are not there: of the configuration, of compose
/// projects, and that of k3d. minikube finds a subnet of its own.
fn wanted_networks(ctx: &StepCtx, of_projects: &[WantedNetwork]) -> Vec<WantedNetwork> {
    let own = ctx.config.networks.iter().filter(|network| network.owner == NetworkOwner::Mlup);
    let mut wanted: Vec<WantedNetwork> = own
        .map(|network| WantedNetwork {
            name: network.name.clone(),
            subnet: network.subnet.clone(),
            by: "[[network]]".to_owned(),
        })
        .collect();
    if let Some(spec) = Spec::of(&ctx.config).filter(|spec| spec.tool() == "k3d")
        && let ClusterNetwork::Own(name) = &spec.network
    {
        wanted.push(WantedNetwork { name: name.clone(), subnet: None, by: "k3d".to_owned() });
    }
    for network in of_projects {
        if !wanted.iter().any(|one| one.name == network.name) {
            wanted.push(network.clone());
        }
    }
    wanted
}

/// The disks with Docker's data, the project and what mlup remembers. A folder that is not there yet
/// lies where its nearest parent does.
fn disks(ctx: &StepCtx, docker: Option<&str>) -> Vec<Disk> {
    let state = state_dir::state_dir(&ctx.host.env, &ctx.config.name, &ctx.config.root);
    let state = state.and_then(|path| path.ancestors().find(|path| path.exists()).map(Into::into));
    let all = [
        ("Docker's data", docker.map(Into::into), true),
        ("the project", Some(ctx.config.root.clone()), false),
        ("mlup's own state", state, false),
    ];
    let disk = |(what, path, is_dockers): (&str, Option<std::path::PathBuf>, bool)| {
        let path = path?;
        let room = machine::room(&path).ok()?;
        Some(Disk {
            what: what.to_owned(),
            path: path.display().to_string(),
            is_dockers,
            size: room.size,
            free: room.free,
            files: room.files,
            free_files: room.free_files,
        })
    };
    all.into_iter().filter_map(disk).collect()
}

/// The deploys that compose runs, as projects that were read and that were not.
#[derive(Default)]
struct Projects {
    read: Vec<Project>,
    unread: Vec<(String, String)>,
    ports: Vec<ports::Wanted>,
    networks: Vec<WantedNetwork>,
    images: Vec<String>,
}
