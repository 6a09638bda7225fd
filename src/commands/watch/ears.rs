//! What a watch hears between its looks: the Docker Engine's events, and by `objects` those of the
//! cluster. Level-triggered: news say that something stirred, and a look finds out what.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use super::objects::{Ear, Wanted, Whose};
use crate::commands::session::Project;
use crate::config::destination::Destination;
use crate::config::model::{Config, DeployKind};
use crate::drivers::compose;
use crate::drivers::spec::Spec;
use crate::engine::reconcile::News;
use crate::host::docker::events::{Stir, follow};
use crate::plan::pull_secret::pull_secrets;

/// The label of a compose project, and of the files that it was made from.
const COMPOSE_PROJECT: &str = "com.docker.compose.project";
const COMPOSE_FILES: &str = "com.docker.compose.project.config_files";

/// The listeners of one configuration; another one's take their place.
pub(super) struct Ears {
    teller: UnboundedSender<News>,
    interest: Option<Interest>,
    tasks: JoinSet<()>,
}

/// What a configuration has in the world that may stir.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Interest {
    /// Compose project where the files do not name it, and the files.
    compose: Option<(String, BTreeSet<PathBuf>)>,
    networks: BTreeSet<String>,
    /// Name of the cluster: its nodes may be containers.
    cluster: Option<String>,
    context: Option<String>,
    /// The machine that ssh reaches.
    machine: Option<Destination>,
    secrets: Vec<Wanted>,
    accounts: Vec<Wanted>,
}

impl Ears {
    pub(super) fn new(teller: UnboundedSender<News>) -> Self {
        Self { teller, interest: None, tasks: JoinSet::new() }
    }

    /// Stops listening, unless it is to what this configuration has in the world.
    pub(super) fn forget_unless(&mut self, project: &Project) {
        if self.interest.as_ref() != Some(&Interest::of(&project.config)) {
            (self.interest, self.tasks) = (None, JoinSet::new());
        }
    }

    /// Listens to what this configuration has in the world.
    pub(super) fn listen_to(&mut self, project: &Arc<Project>) {
        self.forget_unless(project);
        if self.interest.is_some() {
            return;
        }
        let interest = Interest::of(&project.config);
        if interest.has_docker() {
            let (project, interest) = (Arc::clone(project), interest.clone());
            let teller = self.teller.clone();
            self.tasks.spawn(async move { hear_docker(&project, &interest, &teller).await });
        }
        let ear =
            |wanted: &Wanted| Ear::new(Arc::clone(project), self.teller.clone(), wanted.clone());
        for ear in interest.secrets.iter().map(ear) {
            self.tasks.spawn(async move { ear.listen::<Secret>().await });
        }
        for ear in interest.accounts.iter().map(ear) {
            self.tasks.spawn(async move { ear.listen::<ServiceAccount>().await });
        }
        self.interest = Some(interest);
    }
}

impl Interest {
    fn of(config: &Config) -> Self {
        let files: BTreeSet<PathBuf> = config
            .deploys
            .iter()
            .filter_map(|deploy| match &deploy.kind {
                DeployKind::Compose(compose) => Some(compose.files.clone()),
                _ => None,
            })
            .flatten()
            .collect();
        let spec = Spec::of(config);
        let mut networks: BTreeSet<String> =
            config.networks.iter().map(|network| network.name.clone()).collect();
        let own = spec.as_ref().and_then(|spec| spec.network.name());
        networks.extend(own.map(str::to_owned));
        Self {
            compose: (!files.is_empty()).then(|| (compose::project_name(&config.name), files)),
            networks,
            cluster: spec.as_ref().map(|spec| spec.name.clone()),
            machine: spec.as_ref().and_then(|spec| spec.k3s.host.clone()),
            context: spec.map(|spec| spec.context),
            secrets: wanted(secrets(config), Whose::Own),
            accounts: wanted(accounts(config), Whose::Anybodys),
        }
    }

    fn has_docker(&self) -> bool {
        self.compose.is_some() || !self.networks.is_empty()
    }

    /// Whether a container is of the environment, a node of its cluster included.
    fn has_container(&self, name: &str, labels: &HashMap<String, String>) -> bool {
        let of_compose = self.compose.as_ref().is_some_and(|(project, files)| {
            let made_from = labels.get(COMPOSE_FILES).map(String::as_str).unwrap_or_default();
            labels.get(COMPOSE_PROJECT) == Some(project)
                || made_from.split(',').any(|file| files.contains(&PathBuf::from(file)))
        });
        let is_node = self.cluster.as_ref().is_some_and(|cluster| {
            let own = name.strip_prefix("k3d-").unwrap_or(name);
            own.strip_prefix(cluster.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        });
        of_compose || is_node
    }

    /// Whether a network is of the environment, those that compose makes included.
    fn has_network(&self, name: &str) -> bool {
        let made = self.compose.as_ref().and_then(|(project, _)| name.strip_prefix(project));
        self.networks.contains(name) || made.is_some_and(|rest| rest.starts_with('_'))
    }

    /// What an event means to people; nothing where it is none of theirs.
    fn news(&self, stir: Stir) -> Option<News> {
        match stir {
            Stir::Container { action, name, labels } if self.has_container(&name, &labels) => {
                let what = match action.as_str() {
                    "die" => "died",
                    "destroy" => "was removed",
                    "oom" => "ran out of memory",
                    "pause" => "was paused",
                    _ => "is unhealthy",
                };
                Some(News::usual(format!("container {name} {what}")))
            }
            Stir::Network { action, name } if self.has_network(&name) => {
                let what = if action == "destroy" { "was removed" } else { "lost a container" };
                Some(News::usual(format!("network {name} {what}")))
            }
            Stir::Container { .. } | Stir::Network { .. } => None,
            Stir::Lost => Some(News::usual("the Docker Engine went away")),
            Stir::Back => Some(News::urgent("the Docker Engine is back")),
        }
    }
}

/// The secrets that are wanted, by namespace.
fn secrets(config: &Config) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for secret in pull_secrets(config) {
        for namespace in secret.places.keys() {
            all.entry(namespace.clone()).or_default().insert(secret.name.clone());
        }
    }
    for secret in &config.secrets {
        let namespace = secret.namespace.clone().or_else(|| config.namespace.clone());
        let namespace = namespace.unwrap_or_else(|| "default".to_owned());
        all.entry(namespace).or_default().insert(secret.name.clone());
    }
    all
}

/// The service accounts that name pull secrets, by namespace.
fn accounts(config: &Config) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (namespace, place) in pull_secrets(config).into_iter().flat_map(|secret| secret.places) {
        if !place.accounts.is_empty() {
            all.entry(namespace).or_default().extend(place.accounts);
        }
    }
    all
}

fn wanted(all: BTreeMap<String, BTreeSet<String>>, whose: Whose) -> Vec<Wanted> {
    all.into_iter().map(|(namespace, names)| Wanted { namespace, names, whose }).collect()
}

async fn hear_docker(project: &Project, interest: &Interest, teller: &UnboundedSender<News>) {
    let (sender, mut stirs) = unbounded_channel();
    let follow = follow(project.host.docker.clone(), sender);
    let listen = async {
        while let Some(stir) = stirs.recv().await {
            if let Some(news) = interest.news(stir)
                && teller.send(news).is_err()
            {
                return;
            }
        }
    };
    tokio::join!(follow, listen);
}
