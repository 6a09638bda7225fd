//! The rules that turn a configuration into a plan: which steps there are is `nodes`, what they
//! wait for is `edges`, both drawn on a `draft`.

mod draft;
mod edges;
mod nodes;
#[cfg(test)]
mod tests;

use crate::config::model::{Config, Deploy, File, FileContent, Network, NetworkOwner, Provider};
use crate::plan::{ComposeDeploy, Plan, PlanError, StepId};

/// The steps that bring the environment up. Deploys that are no compose projects have no steps
/// here.
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

fn file_id(config: &Config, file: &File) -> StepId {
    let path = file.path.strip_prefix(&config.root).unwrap_or(&file.path);
    StepId::named("file", &path.to_string_lossy())
}
