//! Which steps a configuration has, without their order.

use super::draft::Draft;
use super::{
    cluster_id, cluster_is_in_docker, cluster_preflight_id, compose_deploys, deploy_id,
    deploys_preflight_id, docker_id, file_id, has_beside, image_id, load_id, loaded_images,
    network_id, networks, object_deploys, registry_id, secret_id, token_id,
};
use crate::config::model::{
    Check, CheckProbe, Cluster, Config, Deploy, NetworkOwner, Provider, Vantage,
};
use crate::plan::{ComposeDeploy, Retry, StepId, StepKind, pull_secret};
use crate::policy::escalate::Reach;

/// Adds the steps in the order in which a person would name them.
pub(super) fn add(draft: &mut Draft, config: &Config) {
    if needs_docker(config) {
        draft.add(docker_id(), "Docker", StepKind::Docker);
    }
    if let Some(cluster) = &config.cluster {
        add_cluster(draft, cluster);
    }
    for network in networks(config, NetworkOwner::Mlup).chain(cluster_networks(config)) {
        let title = format!("network {}", network.name);
        draft.add(network_id(network), &title, StepKind::Network(network.clone()));
    }
    for file in &config.files {
        let id = file_id(config, file);
        let title = format!("file {}", id.name());
        draft.add(id, &title, StepKind::File(file.clone()));
    }
    for image in &config.images {
        draft.add(
            image_id(image),
            &format!("image {}", image.name),
            StepKind::Image(image.clone()),
        );
    }
    for image in loaded_images(config) {
        let title = format!("image {} on the nodes", image.name);
        draft.add(load_id(image), &title, StepKind::Load(image.clone()));
    }
    add_objects(draft, config);
    if object_deploys(config).next().is_some() {
        let title = "preflight of the deploys";
        draft.add(deploys_preflight_id(), title, StepKind::DeployPreflight);
    }
    add_deploys(draft, config);
    for task in &config.tasks {
        let id = StepId::named("task", &task.name);
        let title = format!("task {}", task.name);
        draft.add(id, &title, StepKind::Task(task.clone())).timeout = task.timeout;
    }
    for check in &config.checks {
        let id = StepId::named("check", &check.name);
        let title = format!("check {}", check.name);
        let step = draft.add(id, &title, StepKind::Check(Box::new(check.clone())));
        step.timeout = check.timeout;
        step.optional = check.optional;
    }
}

fn add_cluster(draft: &mut Draft, cluster: &Cluster) {
    let tool = match cluster.provider {
        Provider::DockerDesktop => "Docker Desktop",
        Provider::Existing => "existing",
        Provider::K3d => "k3d",
        Provider::K3s => "K3s",
        Provider::Minikube => "minikube",
    };
    let title = format!("preflight of the {tool} cluster");
    draft.add(cluster_preflight_id(), &title, StepKind::ClusterPreflight);
    let step = draft.add(cluster_id(), &format!("{tool} cluster"), StepKind::Cluster);
    let recover = &cluster.recover;
    step.retry =
        Retry { attempts: recover.attempts, min: recover.backoff_min, max: recover.backoff_max };
    step.ladder = match cluster.provider {
        // Nothing of it is mlup's to restart.
        Provider::Existing => None,
        // Of a machine K3s is taken by `reset --purge` alone.
        Provider::DockerDesktop | Provider::K3s => Some(Reach::Shared),
        Provider::K3d | Provider::Minikube => Some(Reach::Own(recover.purge)),
    };
}

/// Passwords, pull secrets and secrets; without a cluster there is nothing to put them into.
fn add_objects(draft: &mut Draft, config: &Config) {
    if config.cluster.is_none() {
        return;
    }
    for (server, registries) in pull_secret::asked(config) {
        let title = format!("password of {server}");
        draft.add(token_id(server), &title, StepKind::Token(registries));
    }
    for secret in pull_secret::pull_secrets(config) {
        let title = format!("pull secret {}", secret.name);
        draft.add(registry_id(&secret.name), &title, StepKind::Registry(secret));
    }
    for secret in &config.secrets {
        let title = format!("secret {}", secret.name);
        draft.add(secret_id(&secret.name), &title, StepKind::Secret(secret.clone()));
    }
}

/// The networks that the cluster's tool makes; without a cluster there is nobody to wait for.
fn cluster_networks(config: &Config) -> impl Iterator<Item = &crate::config::model::Network> {
    networks(config, NetworkOwner::Cluster).filter(|_| config.cluster.is_some())
}

fn add_deploys(draft: &mut Draft, config: &Config) {
    // Deploys share one compose project unless their files name it otherwise, and compose does not
    // expect two of itself at work on one project.
    let exclusive =
        (compose_deploys(config).count() > 1).then(|| format!("compose:{}", config.name));
    let beside = has_beside(config);
    for deploy in &config.deploys {
        if let Some(compose) = ComposeDeploy::of(deploy) {
            add_compose(draft, deploy, compose, exclusive.clone(), beside);
        } else if config.cluster.is_some() {
            let title = format!("deploy of {}", deploy.name);
            let step = draft.add(deploy_id(deploy), &title, StepKind::Deploy(deploy.clone()));
            step.timeout = deploy.timeout;
        }
    }
}

fn add_compose(
    draft: &mut Draft,
    deploy: &Deploy,
    compose: ComposeDeploy,
    exclusive: Option<String>,
    beside: bool,
) {
    let name = &deploy.name;
    draft.add(
        StepId::named("preflight", name),
        &format!("preflight of {name}"),
        StepKind::ComposePreflight(compose.clone()),
    );
    draft.add(
        StepId::named("images", name),
        &format!("images of {name}"),
        StepKind::ComposeImages(compose.clone()),
    );
    if beside {
        let title = format!("services of {name} beside the cluster");
        let kind = StepKind::ComposeBeside(compose.clone());
        let step = draft.add(StepId::named("beside", name), &title, kind);
        step.timeout = deploy.timeout;
        step.exclusive.clone_from(&exclusive);
    }
    let title = format!("compose project {name}");
    let step = draft.add(StepId::named("deploy", name), &title, StepKind::Compose(compose));
    step.timeout = deploy.timeout;
    step.exclusive = exclusive;
}

fn needs_docker(config: &Config) -> bool {
    cluster_is_in_docker(config)
        || networks(config, NetworkOwner::Mlup).next().is_some()
        || cluster_networks(config).next().is_some()
        || !config.images.is_empty()
        || compose_deploys(config).next().is_some()
        || config.checks.iter().any(looks_into_containers)
}

/// Whether a check asks the engine for a container.
pub(super) fn looks_into_containers(check: &Check) -> bool {
    matches!(check.from, Vantage::Compose(_)) || matches!(check.probe, CheckProbe::Log { .. })
}

/// Whether only the cluster can answer a check, or say where to ask.
pub(super) fn asks_the_cluster(check: &Check) -> bool {
    let is_live = match &check.probe {
        CheckProbe::Http(http) => http.url.is_live(),
        CheckProbe::Tcp(address) => address.is_live(),
        CheckProbe::Exec(_) | CheckProbe::Log { .. } => false,
    };
    is_live || matches!(check.from, Vantage::Pod(_))
}
