//! What each step waits for: the user's own `needs` first, then what follows from the kinds.
//!
//! Nothing waits for the cluster that can do without it: images, builds and the services that are
//! on no network of the cluster come up while it is made.

use super::draft::Draft;
use super::nodes::looks_into_containers;
use super::{
    cluster_id, cluster_is_in_docker, cluster_preflight_id, compose_deploys, docker_id, file_id,
    is_kubeconfig, network_id, networks, registry_id, secret_id, token_id,
};
use crate::config::model::{Config, Deploy, NetworkOwner, Provider};
use crate::plan::graph::order;
use crate::plan::{PlanError, StepId, pull_secret};

/// What the user wrote comes first, so that a cycle in it is an error about nothing else. The
/// services beside the cluster are a part of their deploy, and wait for what it waits for.
pub(super) fn add_explicit(draft: &mut Draft, config: &Config) -> Result<(), PlanError> {
    for (deploy, _) in compose_deploys(config) {
        let needs = deploy.needs.as_deref().unwrap_or_default();
        draft.needs_by_name(&StepId::named("deploy", &deploy.name), needs)?;
        draft.needs_by_name(&StepId::named("beside", &deploy.name), needs)?;
    }
    for task in &config.tasks {
        draft.needs_by_name(&StepId::named("task", &task.name), &task.needs)?;
    }
    order(&draft.edges()).map(|_| ()).map_err(|cycle| {
        PlanError::Cycle(cycle.into_iter().map(|at| draft.steps[at].id.clone()).collect())
    })
}

/// Each of these gives way where the user's own `needs` ask for the opposite.
pub(super) fn add_implied(draft: &mut Draft, config: &Config) {
    let groups = Groups::of(config);
    add_cluster(draft, config, &groups);
    add_objects(draft, config);
    for id in groups.own_networks.iter().chain(&groups.images) {
        draft.implies(id, &docker_id());
    }
    let mut above: Option<StepId> = None;
    for (deploy, _) in compose_deploys(config) {
        add_deploy(draft, deploy, &groups, above.as_ref());
        above = Some(StepId::named("deploy", &deploy.name));
    }
    add_checks(draft, config);
}

/// Steps that others wait for together.
struct Groups {
    own_networks: Vec<StepId>,
    cluster_networks: Vec<StepId>,
    rendered: Vec<StepId>,
    kubeconfigs: Vec<StepId>,
    images: Vec<StepId>,
}

impl Groups {
    fn of(config: &Config) -> Self {
        let owned = |owner| networks(config, owner).map(network_id).collect();
        let (kubeconfigs, rendered): (Vec<_>, Vec<_>) =
            config.files.iter().partition(|file| is_kubeconfig(file));
        let ids = |files: Vec<&_>| files.into_iter().map(|file| file_id(config, file)).collect();
        Self {
            own_networks: owned(NetworkOwner::Mlup),
            cluster_networks: owned(NetworkOwner::Cluster),
            rendered: ids(rendered),
            kubeconfigs: ids(kubeconfigs),
            images: config.images.iter().map(|image| StepId::named("image", &image.name)).collect(),
        }
    }
}

fn add_cluster(draft: &mut Draft, config: &Config, groups: &Groups) {
    let Some(wanted) = &config.cluster else { return };
    let (preflight, cluster) = (cluster_preflight_id(), cluster_id());
    if cluster_is_in_docker(config) {
        draft.implies(&preflight, &docker_id());
    }
    draft.implies(&cluster, &preflight);
    let joined = groups
        .own_networks
        .iter()
        .filter(|id| wanted.network.as_deref().is_some_and(|name| id.name() == name));
    for network in joined {
        draft.implies(&cluster, network);
    }
    for id in groups.cluster_networks.iter().chain(&groups.kubeconfigs) {
        draft.implies(id, &cluster);
    }
    if wanted.provider == Provider::DockerDesktop {
        // The step of the cluster is the one that starts Docker Desktop, and with it the engine.
        draft.implies(&docker_id(), &cluster);
    }
}

/// Secrets are written once the cluster is up; passwords are asked for while it comes up.
fn add_objects(draft: &mut Draft, config: &Config) {
    for secret in pull_secret::pull_secrets(config) {
        let id = registry_id(&secret.name);
        draft.implies(&id, &cluster_id());
        for registry in &secret.registries {
            draft.implies(&id, &token_id(&registry.server));
        }
    }
    for secret in &config.secrets {
        draft.implies(&secret_id(&secret.name), &cluster_id());
    }
}

fn add_deploy(draft: &mut Draft, deploy: &Deploy, groups: &Groups, above: Option<&StepId>) {
    let step = |kind: &str| StepId::named(kind, &deploy.name);
    let (preflight, pulls, beside, id) =
        (step("preflight"), step("images"), step("beside"), step("deploy"));
    draft.implies(&preflight, &docker_id());
    draft.implies_all(&preflight, &[&groups.own_networks, &groups.rendered]);
    draft.implies(&pulls, &preflight);
    for part in [&beside, &id] {
        draft.implies(part, &preflight);
        draft.implies(part, &pulls);
        draft.implies_all(part, &[&groups.images, &groups.own_networks, &groups.rendered]);
        if let (None, Some(above)) = (&deploy.needs, above) {
            draft.implies(part, above);
        }
    }
    draft.implies_all(&id, &[&groups.cluster_networks, &groups.kubeconfigs]);
    draft.implies(&id, &beside);
}

/// Checks come after everything. One that something else waits for is a gate on the way up, and
/// must not hold that up until the cluster is there.
fn add_checks(draft: &mut Draft, config: &Config) {
    for check in &config.checks {
        let id = StepId::named("check", &check.name);
        if looks_into_containers(check) {
            draft.implies(&id, &docker_id());
        }
        for (deploy, _) in compose_deploys(config) {
            draft.implies(&id, &StepId::named("deploy", &deploy.name));
        }
        for task in &config.tasks {
            draft.implies(&id, &StepId::named("task", &task.name));
        }
        if config.cluster.is_some() && !draft.is_needed(&id) {
            draft.implies(&id, &cluster_id());
        }
    }
}
