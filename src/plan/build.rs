//! The rules that turn a configuration into steps and edges.

use std::collections::HashMap;

use crate::config::model::{
    Check, CheckProbe, Compose, Config, Deploy, DeployKind, File, Network, NetworkOwner, Vantage,
};
use crate::plan::graph::order;
use crate::plan::names::resolve;
use crate::plan::{ComposeDeploy, Plan, PlanError, Retry, Step, StepId, StepKind};

/// The steps that bring the environment up. Deploys that are no compose projects, and networks
/// that a cluster's tool makes, have no steps here.
///
/// # Errors
/// The explicit `needs` form a cycle or name a step that is not there.
pub fn start(config: &Config) -> Result<Plan, PlanError> {
    let mut draft = Draft::default();
    add_steps(&mut draft, config);
    add_explicit_needs(&mut draft, config)?;
    add_implied_needs(&mut draft, config);
    Plan::new(draft.steps)
}

fn add_steps(draft: &mut Draft, config: &Config) {
    let deploys: Vec<(&Deploy, ComposeDeploy)> = compose_deploys(config).collect();
    if needs_docker(config) {
        draft.add(StepId::single("docker"), "Docker", StepKind::Docker);
    }
    for network in own_networks(config) {
        let title = format!("network {}", network.name);
        draft.add(network_id(network), &title, StepKind::Network(network.clone()));
    }
    for file in &config.files {
        let id = file_id(config, file);
        let title = format!("file {}", id.name());
        draft.add(id, &title, StepKind::File(file.clone()));
    }
    for image in &config.images {
        let id = StepId::named("image", &image.name);
        draft.add(id, &format!("image {}", image.name), StepKind::Image(image.clone()));
    }
    // Deploys share one compose project unless their files name it otherwise, and compose does not
    // expect two of itself at work on one project.
    let exclusive = (deploys.len() > 1).then(|| format!("compose:{}", config.name));
    for (deploy, compose) in deploys {
        add_deploy(draft, deploy, compose, exclusive.clone());
    }
    for task in &config.tasks {
        let id = StepId::named("task", &task.name);
        let title = format!("task {}", task.name);
        draft.add(id, &title, StepKind::Task(task.clone())).timeout = task.timeout;
    }
    for check in &config.checks {
        let title = format!("check {}", check.name);
        let step = draft.add(check_id(check), &title, StepKind::Check(check.clone()));
        step.timeout = check.timeout;
        step.optional = check.optional;
    }
}

fn add_deploy(
    draft: &mut Draft,
    deploy: &Deploy,
    compose: ComposeDeploy,
    exclusive: Option<String>,
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
    let title = format!("compose project {name}");
    let step = draft.add(StepId::named("deploy", name), &title, StepKind::Compose(compose));
    step.timeout = deploy.timeout;
    step.exclusive = exclusive;
}

/// What the user wrote comes first, so that a cycle in it is an error about nothing else.
fn add_explicit_needs(draft: &mut Draft, config: &Config) -> Result<(), PlanError> {
    for (deploy, _) in compose_deploys(config) {
        let needs = deploy.needs.as_deref().unwrap_or_default();
        draft.needs_by_name(&StepId::named("deploy", &deploy.name), needs)?;
    }
    for task in &config.tasks {
        draft.needs_by_name(&StepId::named("task", &task.name), &task.needs)?;
    }
    order(&draft.edges()).map(|_| ()).map_err(|cycle| {
        PlanError::Cycle(cycle.into_iter().map(|at| draft.steps[at].id.clone()).collect())
    })
}

/// Each of these gives way where the user's own `needs` ask for the opposite.
fn add_implied_needs(draft: &mut Draft, config: &Config) {
    let docker = StepId::single("docker");
    let networks: Vec<StepId> = own_networks(config).map(network_id).collect();
    let files: Vec<StepId> = config.files.iter().map(|file| file_id(config, file)).collect();
    let images: Vec<StepId> =
        config.images.iter().map(|image| StepId::named("image", &image.name)).collect();
    for id in networks.iter().chain(&images) {
        draft.implies(id, &docker);
    }
    let mut above: Option<StepId> = None;
    for (deploy, _) in compose_deploys(config) {
        let preflight = StepId::named("preflight", &deploy.name);
        let pulls = StepId::named("images", &deploy.name);
        let id = StepId::named("deploy", &deploy.name);
        draft.implies(&preflight, &docker);
        draft.implies_all(&preflight, &[&networks, &files]);
        draft.implies(&pulls, &preflight);
        draft.implies(&id, &preflight);
        draft.implies(&id, &pulls);
        draft.implies_all(&id, &[&images, &networks, &files]);
        if let (None, Some(above)) = (&deploy.needs, &above) {
            draft.implies(&id, above);
        }
        above = Some(id);
    }
    for check in &config.checks {
        let id = check_id(check);
        if looks_into_containers(check) {
            draft.implies(&id, &docker);
        }
        for (deploy, _) in compose_deploys(config) {
            draft.implies(&id, &StepId::named("deploy", &deploy.name));
        }
        for task in &config.tasks {
            draft.implies(&id, &StepId::named("task", &task.name));
        }
    }
}

fn compose_deploys(config: &Config) -> impl Iterator<Item = (&Deploy, ComposeDeploy)> {
    config.deploys.iter().filter_map(|deploy| match &deploy.kind {
        DeployKind::Compose(compose) => Some((deploy, compose_deploy(deploy, compose))),
        _ => None,
    })
}

fn compose_deploy(deploy: &Deploy, compose: &Compose) -> ComposeDeploy {
    ComposeDeploy {
        name: deploy.name.clone(),
        compose: compose.clone(),
        optional: deploy.optional.clone(),
    }
}

fn own_networks(config: &Config) -> impl Iterator<Item = &Network> {
    config.networks.iter().filter(|network| network.owner == NetworkOwner::Mlup)
}

fn needs_docker(config: &Config) -> bool {
    own_networks(config).next().is_some()
        || !config.images.is_empty()
        || compose_deploys(config).next().is_some()
        || config.checks.iter().any(looks_into_containers)
}

fn looks_into_containers(check: &Check) -> bool {
    matches!(check.from, Vantage::Compose(_)) || matches!(check.probe, CheckProbe::Log { .. })
}

fn network_id(network: &Network) -> StepId {
    StepId::named("network", &network.name)
}

fn file_id(config: &Config, file: &File) -> StepId {
    let path = file.path.strip_prefix(&config.root).unwrap_or(&file.path);
    StepId::named("file", &path.to_string_lossy())
}

fn check_id(check: &Check) -> StepId {
    StepId::named("check", &check.name)
}

/// Steps while their edges are still being drawn.
#[derive(Default)]
struct Draft {
    steps: Vec<Step>,
    positions: HashMap<StepId, usize>,
}

impl Draft {
    fn add(&mut self, id: StepId, title: &str, kind: StepKind) -> &mut Step {
        let at = self.steps.len();
        self.positions.entry(id.clone()).or_insert(at);
        self.steps.push(Step {
            id,
            title: title.to_owned(),
            kind,
            needs: Vec::new(),
            after: Vec::new(),
            exclusive: None,
            timeout: None,
            optional: false,
            retry: Retry::default(),
            ladder: None,
        });
        &mut self.steps[at]
    }

    fn needs_by_name(&mut self, id: &StepId, names: &[String]) -> Result<(), PlanError> {
        let known: Vec<StepId> = self.steps.iter().map(|step| step.id.clone()).collect();
        for name in names {
            let needs = resolve(name, &known).map_err(|error| match error {
                PlanError::UnknownStep { name: need, suggestion } => {
                    PlanError::UnknownNeed { step: id.clone(), need, suggestion }
                }
                other => other,
            })?;
            for need in needs {
                self.connect(id, need);
            }
        }
        Ok(())
    }

    fn implies_all(&mut self, id: &StepId, needs: &[&[StepId]]) {
        for need in needs.iter().flat_map(|group| group.iter()) {
            self.implies(id, need);
        }
    }

    /// Adds a need unless it would close a cycle.
    fn implies(&mut self, id: &StepId, need: &StepId) {
        if !self.reaches(need, id) {
            self.connect(id, need.clone());
        }
    }

    fn connect(&mut self, id: &StepId, need: StepId) {
        if let Some(&at) = self.positions.get(id)
            && !self.steps[at].needs.contains(&need)
        {
            self.steps[at].needs.push(need);
        }
    }

    /// Whether `from` needs `to`, directly or through others.
    fn reaches(&self, from: &StepId, to: &StepId) -> bool {
        let (Some(&from), Some(&to)) = (self.positions.get(from), self.positions.get(to)) else {
            return false;
        };
        let mut seen = vec![false; self.steps.len()];
        let mut open = vec![from];
        while let Some(at) = open.pop() {
            if at == to {
                return true;
            }
            if !std::mem::replace(&mut seen[at], true) {
                open.extend(self.steps[at].needs.iter().filter_map(|id| self.positions.get(id)));
            }
        }
        false
    }

    fn edges(&self) -> Vec<Vec<usize>> {
        let ends = |step: &Step| {
            step.needs.iter().filter_map(|id| self.positions.get(id).copied()).collect()
        };
        self.steps.iter().map(ends).collect()
    }
}

#[cfg(test)]
#[path = "build_tests.rs"]
mod tests;
