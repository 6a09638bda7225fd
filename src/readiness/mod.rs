//! When an object is ready, and why it is not: pure judgements over watched objects, one file a
//! kind. Watching, waiting and fetching logs are the step's.

mod answering;
mod asked;
pub mod cause;
mod claim;
mod commands;
mod container;
mod crash;
pub mod crash_log;
mod create;
mod custom;
mod dependency;
mod extension;
pub mod gate;
mod hindrance;
pub mod image;
mod job;
pub mod keeper;
mod namespace;
pub mod node;
mod node_labels;
pub mod pods;
mod probe;
mod pull;
mod pull_access;
mod pull_secret;
mod pull_words;
pub mod registry_answer;
mod rejected;
mod schedule;
mod service;
mod shelf;
mod signatures;
pub mod sources;
mod traceback;
mod unbound;
mod volume;
mod wanted;
mod workload;
pub mod world;

use serde_json::Value;

pub use cause::{Cause, Confidence, Finality, LogSource, PullSource, Remedy, Root, Whose};
pub use claim::held;
pub use commands::top;
pub use rejected::put_out;
pub use service::{lacks_only_an_address, means};
use wanted::Wanted;
pub use world::World;

use crate::manifest::read;

/// How far an object is.
#[derive(Clone, Debug, PartialEq)]
pub enum Readiness {
    /// It is as wanted; a few words on how.
    Ready(String),
    /// It is on its way; what is waited for.
    Progressing(String),
    /// It stands still until something else is there: a failure once nothing that could help runs.
    Blocked(Cause),
    /// It will not become ready by waiting.
    Failed(Cause),
}

impl Readiness {
    /// Whether it is ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self, Self::Ready(_))
    }

    /// What to say while waiting, or how it ended.
    #[must_use]
    pub fn words(&self) -> &str {
        match self {
            Self::Ready(words) | Self::Progressing(words) => words,
            Self::Blocked(cause) | Self::Failed(cause) => &cause.summary,
        }
    }
}

/// What an object's own status says, without a look at its pods.
#[must_use]
pub fn readiness(object: &Value, world: &World) -> Readiness {
    let group = read::text(object, "/apiVersion").split_once('/').map_or("", |(group, _)| group);
    match (group, read::kind(object)) {
        ("apps", "Deployment") => workload::deployment(object),
        ("apps", "StatefulSet") => workload::stateful_set(object),
        ("apps", "DaemonSet") => workload::daemon_set(object),
        ("apps", "ReplicaSet") | ("", "ReplicationController") => workload::replica_set(object),
        ("batch", "Job") => job::job(object, world),
        ("batch", "CronJob") => job::cron_job(object),
        ("", "Pod") => pods::pod(object),
        ("", "PersistentVolumeClaim") => claim::claim(object, world),
        ("", "Service") => service::service(object, world),
        ("", "Namespace") => namespace::namespace(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => extension::definition(object),
        ("apiregistration.k8s.io", "APIService") => extension::api_service(object),
        ("argoproj.io", "Application") => custom::application(object),
        // An address comes from a controller that a local cluster may lack: being there suffices.
        ("networking.k8s.io", "Ingress") => Readiness::Ready("present".to_owned()),
        (group, _) if is_built_in(group) => Readiness::Ready("present".to_owned()),
        _ => custom::custom(object),
    }
}

/// Whether a kind can be there and not be ready; the others are ready once they are applied.
#[must_use]
pub fn is_awaited(group: &str, kind: &str) -> bool {
    match group {
        "" => ["Namespace", "PersistentVolumeClaim", "Pod", "ReplicationController", "Service"]
            .contains(&kind),
        "apps" => kind != "ControllerRevision",
        "batch" => kind == "Job",
        "apiextensions.k8s.io" | "apiregistration.k8s.io" => true,
        group => !is_built_in(group),
    }
}

fn is_built_in(group: &str) -> bool {
    !group.contains('.') || group.ends_with(".k8s.io") && !group.starts_with("gateway.")
}

/// What an object's status and its pods say together. A cause in a pod stands before the words of
/// its owner: "1 of 2 replicas" is a symptom.
#[must_use]
pub fn judge(object: &Value, world: &World) -> Readiness {
    let own = readiness(object, world);
    let Some(cause) = causes(object, world).into_iter().next() else { return own };
    match (own, cause.finality) {
        (Readiness::Ready(words), Finality::Transient) => Readiness::Ready(words),
        (Readiness::Failed(own), Finality::Transient) => Readiness::Failed(own.also(&cause)),
        (Readiness::Failed(_), _) | (_, Finality::Fatal) => Readiness::Failed(cause),
        (_, Finality::CurableBy(_)) => Readiness::Blocked(cause),
        (_, Finality::Transient) => Readiness::Progressing(cause.summary),
    }
}

/// Everything that keeps an object from being ready, one entry a root, the most final first.
#[must_use]
pub fn causes(object: &Value, world: &World) -> Vec<Cause> {
    if workload::is_overtaken(object) {
        return Vec::new();
    }
    let kind = read::kind(object);
    if kind == "CronJob" {
        return job::causes(object, world);
    }
    let mut found: Vec<Cause> = match readiness(object, world) {
        // Jobs keep the pods of attempts that failed before one succeeded.
        Readiness::Ready(_) if kind == "Job" => return Vec::new(),
        Readiness::Blocked(cause) => vec![cause],
        Readiness::Progressing(_) if kind == "PersistentVolumeClaim" => {
            claim::cause(object, world).into_iter().collect()
        }
        Readiness::Progressing(_) => {
            let gone = rejected::cause(object, world);
            gone.or_else(|| job::never_starts(object, world)).into_iter().collect()
        }
        Readiness::Failed(_) if kind == "Pod" && rejected::is_still_so(object, world) => {
            rejected::cause(object, world).into_iter().collect()
        }
        _ => Vec::new(),
    };
    found.extend(create::cause(object, world));
    found.extend(
        pods::pods_of(object, world).into_iter().flat_map(|pod| pods::pod_causes(pod, world)),
    );
    for cause in &mut found {
        cause.root.get_or_insert_with(|| Root::of(object));
    }
    // Not for each pod: a thousand of them may want the same.
    cause::fold(found).into_iter().map(|cause| Wanted::hinted(cause, world)).collect()
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod incident_tests;
#[cfg(test)]
mod tests;
