//! The rules that turn a configuration into a plan: which steps there are is `nodes`, what they
//! wait for is `edges`, both drawn on a `draft`.

mod draft;
mod edges;
mod nodes;
#[cfg(test)]
mod object_tests;
#[cfg(test)]
mod tests;

use crate::config::model::{
    Config, Deploy, DeployKind, File, FileContent, Image, Network, NetworkOwner, Provider,
};
use crate::plan::{ComposeDeploy, Plan, PlanError, StepId};

/// The steps that bring the environment up.
///
/// # Errors
/// The explicit `needs` form a cycle or name a step that is not there.
pub fn start(config: &Config) -> Result<Plan, PlanError> {
    let mut draft = draft::Draft::default();
    nodes::add(&mut draft, config);
    edges::add_explicit(&mut draft, config)?;
    edges::add_implied(&mut draft, config);
    Plan::new(draft.steps)
}

/// Whether the cluster's nodes are containers of this machine's Docker Engine.
pub(in crate::plan) fn cluster_is_in_docker(config: &Config) -> bool {
    let provider = config.cluster.as_ref().map(|cluster| cluster.provider);
    matches!(provider, Some(Provider::K3d | Provider::Minikube))
}

fn compose_deploys(config: &Config) -> impl Iterator<Item = (&Deploy, ComposeDeploy)> {
    config.deploys.iter().filter_map(|deploy| Some((deploy, ComposeDeploy::of(deploy)?)))
}

/// The deploys whose objects go into the cluster; without one there is nowhere to put them.
fn object_deploys(config: &Config) -> impl Iterator<Item = &Deploy> {
    let is_there = config.cluster.is_some();
    config.deploys.iter().filter(move |deploy| is_there && goes_into_cluster(deploy))
}

fn goes_into_cluster(deploy: &Deploy) -> bool {
    !matches!(deploy.kind, DeployKind::Compose(_))
}

/// The images that may have to be brought onto the cluster's nodes: those of a registry are pulled.
fn loaded_images(config: &Config) -> impl Iterator<Item = &Image> {
    let provider = config.cluster.as_ref().map(|cluster| cluster.provider);
    let has_nodes = matches!(
        provider,
        Some(Provider::DockerDesktop | Provider::K3d | Provider::K3s | Provider::Minikube)
    );
    let is_loaded = has_nodes && object_deploys(config).next().is_some();
    config.images.iter().filter(move |_| is_loaded)
}

fn networks(config: &Config, owner: NetworkOwner) -> impl Iterator<Item = &Network> {
    config.networks.iter().filter(move |network| network.owner == owner)
}

/// Whether some services of compose projects wait for the cluster, so that the others are brought
/// up beside it.
fn has_beside(config: &Config) -> bool {
    config.cluster.is_some()
        && (networks(config, NetworkOwner::Cluster).next().is_some()
            || config.files.iter().any(is_kubeconfig))
}

fn is_kubeconfig(file: &File) -> bool {
    matches!(file.content, FileContent::Kubeconfig)
}

fn docker_id() -> StepId {
    StepId::single("docker")
}

fn cluster_id() -> StepId {
    StepId::single("cluster")
}

fn cluster_preflight_id() -> StepId {
    StepId::named("preflight", "cluster")
}

fn network_id(network: &Network) -> StepId {
    StepId::named("network", &network.name)
}

fn registry_id(secret: &str) -> StepId {
    StepId::named("registry", secret)
}

fn secret_id(name: &str) -> StepId {
    StepId::named("secret", name)
}

fn deploy_id(deploy: &Deploy) -> StepId {
    StepId::named("deploy", &deploy.name)
}

/// The preflight of all deploys into the cluster: what is wrong is told in one pass.
fn deploys_preflight_id() -> StepId {
    StepId::named("preflight", "deploys")
}

fn image_id(image: &Image) -> StepId {
    StepId::named("image", &image.name)
}

fn load_id(image: &Image) -> StepId {
    StepId::named("load", &image.name)
}

fn token_id(server: &str) -> StepId {
    StepId::named("token", server)
}

fn file_id(config: &Config, file: &File) -> StepId {
    let path = file.path.strip_prefix(&config.root).unwrap_or(&file.path);
    StepId::named("file", &path.to_string_lossy())
}
