//! One look at a whole cluster for its diagnosis: a fixed set of lists side by side, then what the
//! pods in trouble name, one by one. What may not be seen is said and left out.

mod named;

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use serde_json::Value;

use crate::host::clock;
use crate::manifest::{Served, read};
use crate::policy::Failure;
use crate::readiness::{LogSource, World};
use crate::steps::deploy::last_words;
use crate::steps::objects::bare::bare;
use crate::steps::objects::{AT_ONCE, Objects};

/// What is listed of every cluster. A dozen questions, whatever runs there.
const LISTS: [(&str, &str); 12] = [
    ("v1", "Node"),
    ("v1", "Namespace"),
    ("v1", "Pod"),
    ("v1", "Service"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "Event"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "ReplicaSet"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("batch/v1", "Job"),
    ("discovery.k8s.io/v1", "EndpointSlice"),
];

/// A cluster as it was seen.
#[derive(Debug)]
pub struct Snapshot {
    /// Its objects.
    pub world: World,
    /// When.
    pub taken: Timestamp,
    /// What could not be seen.
    pub unchecked: Vec<Unchecked>,
}

/// A kind that could not be seen.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Unchecked {
    /// The kind.
    pub kind: String,
    /// Why not.
    pub why: String,
}

/// Looks at the cluster.
///
/// # Errors
/// Nothing can be seen: the API does not answer, or refuses every list.
pub async fn take(objects: &Objects) -> Result<Snapshot, Failure> {
    let lists = LISTS.map(|(api_version, kind)| list(objects, api_version, kind));
    let mut snapshot =
        Snapshot { world: World::default(), taken: clock::now(), unchecked: Vec::new() };
    let mut first_refusal = None;
    for ((_, kind), answer) in LISTS.iter().zip(join_all(lists).await) {
        match answer {
            Ok(found) => snapshot.world.set(kind, found),
            Err(failure) => {
                snapshot.unchecked.push(Unchecked::of(kind, &failure));
                first_refusal.get_or_insert(failure);
            }
        }
    }
    match first_refusal {
        Some(failure) if snapshot.unchecked.len() == LISTS.len() => return Err(failure),
        _ => {}
    }
    named::add(objects, &mut snapshot).await;
    Ok(snapshot)
}

impl Unchecked {
    fn of(kind: &str, failure: &Failure) -> Self {
        Self { kind: kind.to_owned(), why: failure.summary.clone() }
    }
}

/// All objects of a kind, each reduced to what a diagnosis reads.
async fn list(objects: &Objects, api_version: &str, kind: &str) -> Result<Vec<Value>, Failure> {
    let found = objects.all(&Served::own(api_version, kind), None, "").await?;
    Ok(found.into_iter().map(bare).collect())
}

/// The last lines of these containers' logs, each beside what it belongs to.
pub async fn logs(objects: &Objects, wanted: Vec<LogSource>) -> Vec<(LogSource, String)> {
    let asked = wanted.into_iter().map(|source| async move {
        let LogSource { namespace, pod, container, .. } = &source;
        let log = last_words(objects, (namespace, pod, container)).await;
        (source, log)
    });
    stream::iter(asked)
        .buffered(AT_ONCE)
        .filter(|(_, log)| std::future::ready(!log.is_empty()))
        .collect()
        .await
}

/// Whether a pod may be in trouble: what it names is looked at only then.
fn is_suspect(pod: &Value) -> bool {
    !["Succeeded", "Failed"].contains(&read::text(pod, "/status/phase"))
        && !read::holds(pod, "Ready")
}
