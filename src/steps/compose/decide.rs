//! What has to change so that a project is as its files say, from what was observed: pure, so that
//! `mlup plan` and the deploy cannot disagree.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::oneshot;
use super::project::Project;
use crate::host::containers::{Container, HealthStatus, Status};
use crate::plan::change::{Change, Op};

/// What was observed of a project.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed {
    /// All containers of the project.
    pub(super) containers: Vec<Container>,
    /// Service to the hash that a container of it has to carry.
    pub(super) hashes: BTreeMap<String, String>,
    /// Image reference to the id that it has now.
    pub(super) images: BTreeMap<String, String>,
    /// Network name to the id that it has now; networks that do not exist are missing.
    pub(super) networks: BTreeMap<String, String>,
    /// When this was observed.
    pub(super) now: Option<Timestamp>,
}

/// A container that the engine restarted is believed to stay up after this long; the engine's own
/// measure for a run that went well (`restartmanager`, 20.10 to 28).
const STEADY: SignedDuration = SignedDuration::from_secs(10);

/// One thing that has to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Need {
    /// The service.
    pub(super) service: String,
    /// What has to happen to it.
    pub(super) what: What,
    /// Because of what.
    pub(super) why: String,
}

/// What has to happen to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Containers are missing.
    Create,
    /// Compose replaces its containers by itself when asked to create.
    Recreate,
    /// Compose would keep the containers: it has to be told to replace them.
    Replace,
    /// It has containers too many.
    Reduce,
    /// The container with this id has to be started.
    Start(String),
    /// It only needs time.
    Wait,
}

impl Need {
    /// What it reads like in a plan.
    pub(super) fn change(&self) -> Change {
        let op = match self.what {
            What::Create => Op::Create,
            What::Recreate | What::Replace => Op::Recreate,
            What::Reduce => Op::Remove,
            What::Start(_) => Op::Start,
            What::Wait => Op::Wait,
        };
        Change::new(op, format!("service {}", self.service), self.why.as_str())
    }
}

/// Everything that has to happen, service by service.
pub(super) fn decide(project: &Project, observed: &Observed) -> Vec<Need> {
    project.selected.iter().flat_map(|service| of_service(project, observed, service)).collect()
}

/// The containers that have to be started, once compose has made all that are wanted.
pub(super) fn to_start(project: &Project, observed: &Observed) -> BTreeSet<String> {
    let own = observed.containers.iter().filter(|c| project.selected.contains(&c.service));
    own.filter_map(|container| match of_container(project, observed, container)?.what {
        What::Start(id) => Some(id),
        _ => None,
    })
    .collect()
}

fn of_service(project: &Project, observed: &Observed, name: &str) -> Vec<Need> {
    let Some(service) = project.model.services.get(name) else { return Vec::new() };
    let need = |what, why: String| Need { service: name.to_owned(), what, why };
    let own: Vec<&Container> = observed.containers.iter().filter(|c| c.service == name).collect();
    if let Some((what, why)) = own.iter().find_map(|c| outdated(project, observed, c)) {
        return vec![need(what, why)];
    }
    let wanted = service.replicas as usize;
    if own.len() < wanted {
        let why = match own.len() {
            0 => "it has no container".to_owned(),
            have => format!("{have} of {wanted} containers are there"),
        };
        let mut needs = vec![need(What::Create, why)];
        needs.extend(own.iter().filter_map(|c| of_container(project, observed, c)));
        return needs;
    }
    let mut needs = Vec::new();
    if own.len() > wanted {
        needs.push(need(What::Reduce, format!("{} containers, {wanted} wanted", own.len())));
    }
    needs.extend(own.iter().take(wanted).filter_map(|c| of_container(project, observed, c)));
    needs
}

/// Why the container cannot stay as it is.
fn outdated(
    project: &Project,
    observed: &Observed,
    container: &Container,
) -> Option<(What, String)> {
    if container.status == Status::Dead {
        return Some((What::Replace, "its container is dead".to_owned()));
    }
    let hash = observed.hashes.get(&container.service);
    if hash.is_some_and(|hash| *hash != container.config_hash) {
        return Some((What::Recreate, "its configuration changed".to_owned()));
    }
    let image = &project.model.services.get(&container.service)?.image;
    let current = observed.images.get(image);
    if current.is_some_and(|id| *id != container.image_id) {
        return Some((What::Recreate, format!("image `{image}` changed")));
    }
    let dead =
        container.networks.iter().find(|(name, id)| observed.networks.get(*name) != Some(id));
    if let Some((name, _)) = dead.filter(|(name, _)| !is_builtin(name)) {
        let why = format!("it holds network `{name}` by an id that no longer exists");
        return Some((What::Replace, why));
    }
    let lacked = lacked_network(project, container)?;
    Some((What::Replace, format!("it is not on network `{lacked}`")))
}

/// A network of the service that its running container was taken off, such as by `docker network
/// disconnect`. One that does not run has none for sure.
fn lacked_network<'a>(project: &'a Project, container: &Container) -> Option<&'a str> {
    let service = project.model.services.get(&container.service)?;
    if container.status != Status::Running || service.network_mode.is_some() {
        return None;
    }
    let mut wanted = service.networks.iter().filter_map(|key| project.model.networks.get(key));
    wanted.find(|network| !container.networks.contains_key(&network.name)).map(|it| &*it.name)
}

/// Networks of the engine itself: never recreated, so never outdated.
fn is_builtin(network: &str) -> bool {
    matches!(network, "bridge" | "host" | "none")
}

fn of_container(project: &Project, observed: &Observed, container: &Container) -> Option<Need> {
    let optional = project.optional.contains(&container.service);
    let need = |what, why: String| Some(Need { service: container.service.clone(), what, why });
    let start = |why: String| need(What::Start(container.id.clone()), why);
    match container.status {
        Status::Exited | Status::Running if container.interrupted => {
            start("it made way for the cluster".to_owned())
        }
        Status::Created => start("it was never started".to_owned()),
        Status::Paused => start("it is paused".to_owned()),
        Status::Restarting => start("it restarts again and again".to_owned()),
        Status::Exited if oneshot::is_finished(project, container, &observed.containers) => None,
        Status::Exited => start(format!("it exited {}", container.exit_code)),
        Status::Removing | Status::Dead => need(What::Create, "its container is going".to_owned()),
        Status::Running if optional => None,
        Status::Running => match container.health.as_ref().map(|health| health.status) {
            Some(HealthStatus::Starting) => need(What::Wait, "health: starting".to_owned()),
            Some(HealthStatus::Unhealthy) => need(What::Wait, "it is unhealthy".to_owned()),
            Some(HealthStatus::Healthy) => None,
            None if crashed_lately(container, observed.now) => {
                need(What::Wait, "it restarted a moment ago".to_owned())
            }
            None => running(project, container),
        },
    }
}

fn crashed_lately(container: &Container, now: Option<Timestamp>) -> bool {
    let up = now.zip(container.started_at).map(|(now, started)| now.duration_since(started));
    container.restart_count > 0 && up.is_some_and(|up| up < STEADY)
}

/// A one-shot that runs is not over yet.
fn running(project: &Project, container: &Container) -> Option<Need> {
    project.one_shots.contains(&container.service).then(|| Need {
        service: container.service.clone(),
        what: What::Wait,
        why: "it is still running".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{container, project};
    use super::super::model::Resource;
    use super::*;

    const SERVICES: &str = r#"{
        "api":{"image":"x","depends_on":{"mig":{"condition":"service_completed_successfully"}}},
        "mig":{"image":"x"}}"#;

    fn ready() -> Observed {
        let mut mig = container("mig");
        mig.status = Status::Exited;
        Observed {
            containers: vec![container("api"), mig],
            hashes: ["api", "mig"].map(|name| (name.to_owned(), "hash".to_owned())).into(),
            images: BTreeMap::from([("x".to_owned(), "sha256:x".to_owned())]),
            networks: BTreeMap::from([("demo_default".to_owned(), "n1".to_owned())]),
            now: "2026-01-01T11:00:00Z".parse().ok(),
        }
    }

    fn needs(observed: &Observed) -> Vec<String> {
        let needs = decide(&project(SERVICES), observed);
        needs.iter().map(|need| format!("{} ({})", need.change(), need.why)).collect()
    }

    #[test]
    fn a_ready_project_with_a_finished_one_shot_needs_nothing() {
        assert_eq!(needs(&ready()), Vec::<String>::new());
    }

    #[test]
    fn a_missing_container_is_created() {
        let mut observed = ready();
        observed.containers.remove(0);
        assert_eq!(needs(&observed), ["create service api (it has no container)"]);
    }

    #[test]
    fn a_changed_hash_image_or_network_recreates() {
        let mut hash = ready();
        hash.containers[0].config_hash = "old".to_owned();
        assert_eq!(needs(&hash), ["recreate service api (its configuration changed)"]);
        let mut image = ready();
        image.containers[0].image_id = "sha256:old".to_owned();
        assert_eq!(needs(&image), ["recreate service api (image `x` changed)"]);
        let mut network = ready();
        network.networks.insert("demo_default".to_owned(), "n2".to_owned());
        network.containers.truncate(1);
        let found = decide(&project(r#"{"api":{"image":"x"}}"#), &network);
        assert_eq!(found[0].what, What::Replace);
        assert!(found[0].why.contains("`demo_default`"), "{}", found[0].why);
    }

    #[test]
    fn a_running_container_that_was_taken_off_a_network_is_replaced() {
        let mut observed = ready();
        observed.containers.truncate(1);
        let mut project = project(r#"{"api":{"image":"x","networks":{"default":null}}}"#);
        let network = Resource { name: "demo_default".to_owned(), external: false };
        project.model.networks.insert("default".to_owned(), network);
        assert_eq!(decide(&project, &observed), []);
        observed.containers[0].networks.clear();
        let found = decide(&project, &observed);
        assert_eq!(found[0].what, What::Replace);
        assert_eq!(found[0].why, "it is not on network `demo_default`");
        observed.containers[0].status = Status::Exited;
        assert_ne!(decide(&project, &observed)[0].what, What::Replace);
    }

    #[test]
    fn a_stopped_service_is_started_and_a_failed_one_shot_runs_again() {
        let mut observed = ready();
        observed.containers[0].status = Status::Exited;
        observed.containers[0].exit_code = 137;
        observed.containers[1].exit_code = 1;
        let wanted = ["start service api (it exited 137)", "start service mig (it exited 1)"];
        assert_eq!(needs(&observed), wanted);
    }

    #[test]
    fn what_made_way_for_the_cluster_comes_back_and_loses_its_mark() {
        let mut observed = ready();
        for container in &mut observed.containers {
            container.interrupted = true;
        }
        let why = "it made way for the cluster";
        let wanted = ["api", "mig"].map(|name| format!("start service {name} ({why})"));
        assert_eq!(needs(&observed), wanted);
    }

    #[test]
    fn an_unready_service_is_waited_for_not_changed() {
        use crate::host::containers::Health;
        let mut observed = ready();
        observed.containers[0].health =
            Some(Health { status: HealthStatus::Unhealthy, failing_streak: 3, log: Vec::new() });
        assert_eq!(needs(&observed), ["wait for service api (it is unhealthy)"]);
    }

    #[test]
    fn a_container_too_many_is_removed() {
        let mut observed = ready();
        observed.containers.push(container("api"));
        assert_eq!(needs(&observed), ["remove service api (2 containers, 1 wanted)"]);
    }

    #[test]
    fn a_restart_a_moment_ago_is_not_trusted_yet() {
        let mut observed = ready();
        observed.containers[0].restart_count = 1;
        assert_eq!(needs(&observed), Vec::<String>::new());
        observed.containers[0].started_at = "2026-01-01T10:59:55Z".parse().ok();
        assert_eq!(needs(&observed), ["wait for service api (it restarted a moment ago)"]);
    }

    #[test]
    fn an_unknown_image_id_changes_nothing() {
        let mut observed = ready();
        observed.images.clear();
        assert_eq!(needs(&observed), Vec::<String>::new());
    }
}
