//! What each step waits for: the user's own `needs` first, then what follows from the kinds.
//!
//! Nothing waits for the cluster that can do without it: images, builds and the services that are
//! on no network of the cluster come up while it is made.

use std::path::Path;

use super::draft::Draft;
use super::nodes::{asks_the_cluster, looks_into_containers};
use super::{
    cluster_id, cluster_is_in_docker, cluster_preflight_id, deploy_id, deploys_preflight_id,
    docker_id, file_id, image_id, is_kubeconfig, load_id, loaded_images, network_id, networks,
    object_deploys, registry_id, secret_id, token_id,
};
use crate::config::model::{
    Config, Deploy, File, ImageSource, KubeSecret, NetworkOwner, Provider, SecretValue,
};
use crate::plan::graph::order;
use crate::plan::{ComposeDeploy, PlanError, StepId, pull_secret};

/// What the user wrote comes first, so that a cycle in it is an error about nothing else. The
/// services beside the cluster are a part of their deploy, and wait for what it waits for.
pub(super) fn add_explicit(draft: &mut Draft, config: &Config) -> Result<(), PlanError> {
    for deploy in &config.deploys {
        let needs = deploy.needs.as_deref().unwrap_or_default();
        draft.needs_by_name(&deploy_id(deploy), needs)?;
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
    add_aliases(draft, config);
    add_loads(draft, config);
    add_deploys_preflight(draft, config, &groups);
    add_deploys(draft, config, &groups);
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
            images: config.images.iter().map(image_id).collect(),
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

/// Secrets are written once the cluster is up and the preflight of the deploys found nothing wrong:
/// before that nothing is put into the cluster. Passwords are asked for while it comes up.
fn add_objects(draft: &mut Draft, config: &Config) {
    for secret in pull_secret::pull_secrets(config) {
        let id = registry_id(&secret.name);
        draft.implies(&id, &cluster_id());
        for registry in &secret.registries {
            draft.implies(&id, &token_id(&registry.server));
        }
        draft.implies(&id, &deploys_preflight_id());
    }
    for secret in &config.secrets {
        let id = secret_id(&secret.name);
        draft.implies(&id, &cluster_id());
        for file in files_of(secret, config) {
            draft.implies(&id, &file_id(config, file));
        }
        draft.implies(&id, &deploys_preflight_id());
    }
}

/// The files of this run that values of a secret are read from.
fn files_of<'c>(secret: &'c KubeSecret, config: &'c Config) -> impl Iterator<Item = &'c File> {
    let paths = secret.keys.values().filter_map(file_of);
    paths.flat_map(|path| config.files.iter().filter(move |file| file.path == *path))
}

/// The file that a value is read from.
fn file_of(value: &SecretValue) -> Option<&Path> {
    match value {
        SecretValue::File(path) => Some(path),
        SecretValue::Generate(_) | SecretValue::Literal(_) => None,
    }
}

/// A second name is given once the image is there that this run builds.
fn add_aliases(draft: &mut Draft, config: &Config) {
    for image in &config.images {
        if let ImageSource::Alias(source) = &image.source {
            draft.implies(&image_id(image), &StepId::named("image", source));
        }
    }
}

/// Images go onto the nodes as soon as both are there.
fn add_loads(draft: &mut Draft, config: &Config) {
    for image in loaded_images(config) {
        let id = load_id(image);
        draft.implies(&id, &image_id(image));
        draft.implies(&id, &cluster_id());
    }
}

/// The preflight sees what the deploys will find: the cluster's nodes, the manifests, the images and
/// what secrets are made of.
fn add_deploys_preflight(draft: &mut Draft, config: &Config, groups: &Groups) {
    let id = deploys_preflight_id();
    draft.implies(&id, &cluster_id());
    draft.implies_all(&id, &[&groups.rendered, &groups.images]);
    for file in config.secrets.iter().flat_map(|secret| files_of(secret, config)) {
        draft.implies(&id, &file_id(config, file));
    }
    for deploy in object_deploys(config) {
        draft.implies(&deploy_id(deploy), &id);
    }
}

/// Deploys come one after the other, top to bottom, unless they say what they need.
fn add_deploys(draft: &mut Draft, config: &Config, groups: &Groups) {
    let mut above: Option<StepId> = None;
    let mut above_beside: Option<StepId> = None;
    for deploy in &config.deploys {
        let is_compose = ComposeDeploy::of(deploy).is_some();
        if is_compose {
            add_compose(draft, deploy, groups, above_beside.as_ref());
            above_beside = Some(deploy_id(deploy));
        } else {
            add_object_deploy(draft, deploy, config);
        }
        if let (None, Some(above)) = (&deploy.needs, &above) {
            draft.implies(&deploy_id(deploy), above);
        }
        above = Some(deploy_id(deploy));
    }
}

/// What pods need is there before they are.
fn add_object_deploy(draft: &mut Draft, deploy: &Deploy, config: &Config) {
    let id = deploy_id(deploy);
    draft.implies(&id, &cluster_id());
    for secret in pull_secret::pull_secrets(config) {
        draft.implies(&id, &registry_id(&secret.name));
    }
    for secret in &config.secrets {
        draft.implies(&id, &secret_id(&secret.name));
    }
    for image in loaded_images(config) {
        draft.implies(&id, &load_id(image));
    }
}

/// `above` is the compose deploy before it: services that need nothing of the cluster wait for no
/// deploy into it.
fn add_compose(draft: &mut Draft, deploy: &Deploy, groups: &Groups, above: Option<&StepId>) {
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
/// must not hold that up until the cluster is there, unless the cluster is what it asks.
fn add_checks(draft: &mut Draft, config: &Config) {
    for check in &config.checks {
        let id = StepId::named("check", &check.name);
        if looks_into_containers(check) {
            draft.implies(&id, &docker_id());
        }
        for deploy in &config.deploys {
            draft.implies(&id, &deploy_id(deploy));
        }
        for task in &config.tasks {
            draft.implies(&id, &StepId::named("task", &task.name));
        }
        if asks_the_cluster(check) || !draft.is_needed(&id) {
            draft.implies(&id, &cluster_id());
        }
    }
}
