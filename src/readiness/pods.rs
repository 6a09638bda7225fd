//! Pods: which of them belong to an object, whether one is ready, and what is wrong with one.
//! Status stands before events, which may be gone.

use serde_json::Value;

use super::cause::{Cause, Finality, LogSource};
use super::workload::called;
use super::world::World;
use super::{
    Readiness, claim, commands, container, crash, gate, node, probe, pull, rejected, schedule,
    volume,
};
use crate::event::CommandLine;
use crate::manifest::read;
use crate::policy::Class;

/// Kinds between an object and its pods.
const OWNERS: [&str; 6] =
    ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "ReplicationController"];

/// The pods that an object's controllers made, followed by owner. Of a deployment only those of its
/// newest replica set; pods that are ending are left out.
#[must_use]
pub fn pods_of<'w>(object: &Value, world: &'w World) -> Vec<&'w Value> {
    let uid = read::text(object, "/metadata/uid");
    if uid.is_empty() {
        return Vec::new();
    }
    if read::kind(object) == "Pod" {
        let own = world.find("Pod", read::namespace(object), read::name(object));
        return own.into_iter().filter(|pod| read::text(pod, "/metadata/uid") == uid).collect();
    }
    let mut owners = vec![uid];
    let mut next = 0;
    while let Some(&owner) = owners.get(next) {
        next += 1;
        for owned in OWNERS.iter().flat_map(|kind| world.owned(kind, owner)) {
            let uid = read::text(owned, "/metadata/uid");
            let superseded = read::kind(owned) == "ReplicaSet" && is_superseded(owned, world);
            if !superseded && !owners.contains(&uid) {
                owners.push(uid);
            }
        }
    }
    let pods = owners.iter().flat_map(|owner| world.owned("Pod", owner));
    let mut pods: Vec<&Value> =
        pods.filter(|pod| read::text(pod, "/metadata/deletionTimestamp").is_empty()).collect();
    pods.sort_by_key(|pod| read::name(pod));
    pods
}

/// The controller that owns an object.
fn controller(object: &Value) -> &str {
    read::list(object, "/metadata/ownerReferences")
        .iter()
        .find(|owner| read::truth(owner, "/controller"))
        .map_or("", |owner| read::text(owner, "/uid"))
}

/// Whether a newer replica set of the same owner took this one's place.
fn is_superseded(replica_set: &Value, world: &World) -> bool {
    let revision = |object: &Value| -> i64 {
        let revisions = read::at(object, "/metadata/annotations");
        revisions
            .and_then(|all| all.as_object()?.iter().find(|(key, _)| key.ends_with("/revision")))
            .and_then(|(_, value)| value.as_str()?.parse().ok())
            .unwrap_or_default()
    };
    let owner = controller(replica_set);
    !owner.is_empty()
        && world
            .owned("ReplicaSet", owner)
            .any(|other| controller(other) == owner && revision(other) > revision(replica_set))
}

/// Where the log of the pod is that failed last, of those that an object's controllers made.
pub(super) fn last_failed(object: &Value, world: &World) -> Option<LogSource> {
    let failed = pods_of(object, world)
        .into_iter()
        .filter(|pod| read::text(pod, "/status/phase") == "Failed");
    let pod = failed.max_by_key(|pod| read::text(pod, "/metadata/creationTimestamp"))?;
    Some(LogSource { architecture: world.architecture(pod), ..failed_container(pod)? })
}

/// When a container of an object's pods that runs now was started again, the last such time.
#[must_use]
pub fn last_restart<'w>(object: &Value, world: &'w World) -> Option<&'w str> {
    let pods = pods_of(object, world).into_iter();
    pods.flat_map(|pod| read::list(pod, "/status/containerStatuses"))
        .filter(|status| read::number(status, "/restartCount").unwrap_or_default() > 0)
        .map(|status| read::text(status, "/state/running/startedAt"))
        .filter(|started| !started.is_empty())
        .max()
}

/// A pod of its own: ready, or ended well.
pub(super) fn pod(object: &Value) -> Readiness {
    match read::text(object, "/status/phase") {
        "Succeeded" => Readiness::Ready("succeeded".to_owned()),
        "Failed" => Readiness::Failed(failed(object)),
        _ if read::holds(object, "Ready") => Readiness::Ready("ready".to_owned()),
        "" => Readiness::Progressing("waits for the scheduler".to_owned()),
        phase => Readiness::Progressing(format!("{} and not ready", phase.to_ascii_lowercase())),
    }
}

fn failed(object: &Value) -> Cause {
    let own = read::text(object, "/status/reason");
    let reason = if own.is_empty() { String::new() } else { format!(" ({own})") };
    let cause = Cause::new(
        "POD_FAILED",
        Class::Permanent,
        Finality::Fatal,
        format!("{} failed{reason}", called(object)),
    )
    .because(format!("pod {}", read::name(object)), read::text(object, "/status/message"))
    .run(commands::describe(object))
    .affecting(object)
    .logged(failed_container(object));
    if !rejected::is_out(object) {
        return cause;
    }
    let line = CommandLine::kubectl(read::namespace(object)).args(["delete", "pod"]);
    let words = "then apply it again: no controller makes a pod of its own anew";
    cause.rule("NODE-06").run(line.arg(read::name(object)).comment(words))
}

/// Where the log of the container is that ended a pod.
fn failed_container(pod: &Value) -> Option<LogSource> {
    let lists = ["/status/initContainerStatuses", "/status/containerStatuses"];
    let status = lists.iter().flat_map(|list| read::list(pod, list)).find(|status| {
        read::number(status, "/state/terminated/exitCode").unwrap_or_default() != 0
    })?;
    Some(LogSource {
        namespace: read::namespace(pod).to_owned(),
        pod: read::name(pod).to_owned(),
        container: read::text(status, "/name").to_owned(),
        architecture: None,
    })
}

/// What keeps a pod from being ready; `None` for one that is ready, has ended, or is on its way.
#[must_use]
pub fn pod_cause(pod: &Value, world: &World) -> Option<Cause> {
    pod_causes(pod, world).into_iter().next()
}

/// Everything that keeps a pod from being ready: its containers wait side by side, each for what it
/// lacks itself.
#[must_use]
pub fn pod_causes(pod: &Value, world: &World) -> Vec<Cause> {
    let ended = ["Succeeded", "Failed"].contains(&read::text(pod, "/status/phase"));
    let ending = !read::text(pod, "/metadata/deletionTimestamp").is_empty();
    if ended || ending || is_fine(pod) && !is_restarted(pod, world) {
        return Vec::new();
    }
    let before = lost_node(pod, world)
        .or_else(|| schedule::cause(pod, world))
        .or_else(|| schedule::unseen(pod, world));
    if let Some(cause) = before {
        return vec![cause];
    }
    let own = of_containers(pod, world);
    if !own.is_empty() {
        return own;
    }
    let after = volume::cause(pod, world)
        .or_else(|| claim_on_node(pod, world))
        .or_else(|| gate::cause(pod, world))
        .or_else(|| volume::stuck(pod, world));
    let mut found: Vec<Cause> = after.into_iter().collect();
    found.extend(container::beside(pod, world, &found));
    found
}

/// Whether the pod counts as ready, and each of its containers does as well: after a container
/// ended, the condition may lag.
fn is_fine(pod: &Value) -> bool {
    let statuses = read::list(pod, "/status/containerStatuses");
    read::holds(pod, "Ready") && statuses.iter().all(|status| read::truth(status, "/ready"))
}

/// Whether a container of a pod that counts as ready is ended again and again.
#[must_use]
pub fn is_restarted(pod: &Value, world: &World) -> bool {
    read::list(pod, "/status/containerStatuses").iter().any(|status| {
        let restarts = read::number(status, "/restartCount").unwrap_or_default();
        crash::is_between(&Container { pod, world, status, is_init: false }, restarts)
    })
}

/// What containers wait for before they can start, each of them; if all can start, the first of
/// those that crash or are not ready. Init containers come first: the others wait for them.
fn of_containers(pod: &Value, world: &World) -> Vec<Cause> {
    let all = ["/status/initContainerStatuses", "/status/containerStatuses"];
    // The kubelet lists containers by their names, those of the init by their order.
    let mut own: Vec<&Value> = read::list(pod, all[1]).iter().collect();
    own.sort_by_key(|status| read::text(status, "/name"));
    let statuses: Vec<Container<'_>> = read::list(pod, all[0])
        .iter()
        .map(|status| (true, status))
        .chain(own.into_iter().map(|status| (false, status)))
        .map(|(is_init, status)| Container { pod, world, status, is_init })
        // A sidecar is an init container that stays.
        .map(|one| Container { is_init: one.is_init && !one.stays(), ..one })
        .collect();
    // A container that cannot start says more than one that starts and crashes for want of it.
    let mut held = of_pulls(&statuses);
    held.extend(statuses.iter().filter_map(container::cause));
    if !held.is_empty() {
        held.extend(container::beside(pod, world, &held));
        return held;
    }
    let runs: [fn(&Container<'_>) -> Option<Cause>; 2] = [crash::cause, probe::cause];
    runs.iter().find_map(|kind| statuses.iter().find_map(kind)).into_iter().collect()
}

/// The images that are not there; where it is known of any why, those of which it is.
fn of_pulls(statuses: &[Container<'_>]) -> Vec<Cause> {
    let mut all: Vec<Cause> = statuses.iter().filter_map(pull::cause).collect();
    let is_known = |cause: &Cause| cause.code != "PULL_FAILED";
    if all.iter().any(is_known) {
        all.retain(is_known);
    }
    all
}

/// What the last failed pod of an object said as it ended, and which container of it.
pub(super) fn last_end<'w>(object: &Value, world: &'w World) -> Option<(&'w Value, &'w Value)> {
    let failed = pods_of(object, world)
        .into_iter()
        .filter(|pod| read::text(pod, "/status/phase") == "Failed");
    let pod = failed.max_by_key(|pod| read::text(pod, "/metadata/creationTimestamp"))?;
    let mut statuses = ["/status/initContainerStatuses", "/status/containerStatuses"]
        .iter()
        .flat_map(|list| read::list(pod, list));
    let status = statuses.find(|status| {
        read::number(status, "/state/terminated/exitCode").unwrap_or_default() != 0
    })?;
    Some((pod, status))
}

/// A container with what a judgement on it needs.
pub(super) struct Container<'w> {
    /// Its pod.
    pub(super) pod: &'w Value,
    /// Everything else.
    pub(super) world: &'w World,
    /// Its status.
    pub(super) status: &'w Value,
    /// Whether it has to end before the others start.
    pub(super) is_init: bool,
}

impl<'w> Container<'w> {
    /// Its name.
    pub(super) fn name(&self) -> &'w str {
        read::text(self.status, "/name")
    }

    /// Its specification.
    pub(super) fn spec(&self) -> Option<&'w Value> {
        ["/spec/initContainers", "/spec/containers"]
            .iter()
            .flat_map(|list| read::list(self.pod, list))
            .find(|container| read::text(container, "/name") == self.name())
    }

    /// Whether it is started anew whenever it ends, as sidecars among the init containers are.
    fn stays(&self) -> bool {
        self.spec().is_some_and(|spec| read::text(spec, "/restartPolicy") == "Always")
    }

    /// The reason for which it waits.
    pub(super) fn waits_for(&self) -> &'w str {
        read::text(self.status, "/state/waiting/reason")
    }

    /// The words that go with it.
    pub(super) fn words(&self) -> &'w str {
        read::text(self.status, "/state/waiting/message")
    }

    /// Where the words were read.
    pub(super) fn source(&self) -> String {
        format!("pod {}, container {}", read::name(self.pod), self.name())
    }

    /// How it is called in a sentence.
    pub(super) fn called(&self) -> String {
        let kind = if self.is_init { "init container" } else { "container" };
        format!("{kind} `{}` of {}", self.name(), called(self.pod))
    }

    /// Where its log is.
    pub(super) fn log(&self) -> LogSource {
        LogSource {
            namespace: read::namespace(self.pod).to_owned(),
            pod: read::name(self.pod).to_owned(),
            container: self.name().to_owned(),
            architecture: self.world.architecture(self.pod),
        }
    }

    /// The events about it that have this reason.
    pub(super) fn events(&self, reason: &'static str) -> impl Iterator<Item = &'w Value> {
        let field = format!("{{{}}}", self.name());
        self.world.events(self.pod).filter(move |event| {
            let path = [
                read::text(event, "/involvedObject/fieldPath"),
                read::text(event, "/regarding/fieldPath"),
            ];
            read::text(event, "/reason") == reason
                && (path == ["", ""] || path.iter().any(|path| path.ends_with(&field)))
        })
    }
}

/// A pod whose node no longer answers, or cannot give it a network.
fn lost_node(pod: &Value, world: &World) -> Option<Cause> {
    let node = world.find("Node", "", read::text(pod, "/spec/nodeName"))?;
    node::not_ready(node, world).map(|cause| cause.affecting(pod))
}

/// A pod that has a node and waits there for a volume whose claim is in trouble.
fn claim_on_node(pod: &Value, world: &World) -> Option<Cause> {
    let waits = read::list(pod, "/status/containerStatuses")
        .iter()
        .any(|status| read::text(status, "/state/waiting/reason") == "ContainerCreating");
    if waits { claim::of_pod(pod, world) } else { None }
}
