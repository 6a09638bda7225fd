//! Which lists a look at a cluster takes. A dozen is the most, whatever runs there: eight always, and
//! of the others those that explain a trouble which the first ones show.

use std::collections::BTreeSet;

use serde_json::Value;

use super::is_fine;
use crate::manifest::read;
use crate::readiness::World;

/// Most lists of one look.
pub(super) const MOST: usize = 12;

/// A list of all objects of a kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    /// Group and version.
    pub(super) api_version: &'static str,
    /// Kind.
    pub(super) kind: &'static str,
    /// Fields that its objects have, empty for all of them.
    pub(super) fields: &'static str,
}

const fn all(api_version: &'static str, kind: &'static str) -> List {
    List { api_version, kind, fields: "" }
}

/// Events of what goes as it should; in a large cluster nearly all are so. Events that no rule reads
/// and that are not among them are few.
const EVENTS: &str = "reason!=Scheduled,reason!=Pulled,reason!=Created,reason!=Started,\
reason!=ScalingReplicaSet,reason!=SuccessfulDelete,reason!=SawCompletedJob,reason!=Completed,\
reason!=RegisteredNode,reason!=NodeHasSufficientMemory,reason!=NodeHasNoDiskPressure,\
reason!=NodeHasSufficientPID,reason!=LeaderElection,reason!=EnsuredLoadBalancer,\
reason!=SuccessfulRescale";

/// What is listed of every cluster.
pub(super) const ALWAYS: [List; 8] = [
    all("v1", "Node"),
    all("v1", "Namespace"),
    all("v1", "Pod"),
    all("v1", "Service"),
    all("v1", "PersistentVolumeClaim"),
    List { api_version: "v1", kind: "Event", fields: EVENTS },
    all("apps/v1", "Deployment"),
    all("batch/v1", "Job"),
];

/// What else is worth a look by what is known so far, the most telling first.
pub(super) fn wanted(world: &World) -> Vec<List> {
    let owners = owners(world);
    let strays = has_stray_service(world);
    let unbound = |claim: &Value| read::text(claim, "/status/phase") != "Bound";
    let has_unbound = world.all("PersistentVolumeClaim").iter().any(unbound);
    let asks_webhooks = asks_webhooks(world);
    let rows = [
        (all("apps/v1", "ReplicaSet"), owners.contains("ReplicaSet") || has_late_deployment(world)),
        (all("apps/v1", "StatefulSet"), strays || owners.contains("StatefulSet")),
        (all("apps/v1", "DaemonSet"), strays || owners.contains("DaemonSet")),
        (all("batch/v1", "CronJob"), strays),
        (all("storage.k8s.io/v1", "StorageClass"), has_unbound),
        (all("v1", "PersistentVolume"), has_unbound),
        (all("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"), asks_webhooks),
        (all("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"), asks_webhooks),
    ];
    rows.into_iter().filter(|(_, is_wanted)| *is_wanted).map(|(list, _)| list).collect()
}

/// The kinds of what owns pods that are not as they should be, and of what warnings are about.
fn owners(world: &World) -> BTreeSet<&str> {
    let is_well = |pod: &&Value| read::text(pod, "/status/phase") == "Succeeded" || is_fine(pod);
    let pods = world.all("Pod").iter().filter(|pod| !is_well(pod));
    let owners = pods.flat_map(|pod| read::list(pod, "/metadata/ownerReferences"));
    let warned = world.all("Event").iter().filter(|event| read::text(event, "/type") == "Warning");
    let about = warned.map(|event| read::text(event, "/involvedObject/kind"));
    owners.map(read::kind).chain(about).collect()
}

/// Whether a deployment has not all it wants: its replica sets say why.
fn has_late_deployment(world: &World) -> bool {
    world.all("Deployment").iter().any(|deployment| {
        let count = |field| read::number(deployment, field);
        let wanted = count("/spec/replicas").unwrap_or(1);
        count("/status/availableReplicas").unwrap_or_default() < wanted
            || count("/status/updatedReplicas").unwrap_or_default() < wanted
            || read::holds(deployment, "ReplicaFailure")
    })
}

/// Whether a service selects no pod at all: what it is for may be scaled to zero.
fn has_stray_service(world: &World) -> bool {
    let labels: BTreeSet<(&str, &str, &str)> = world
        .all("Pod")
        .iter()
        .flat_map(|pod| {
            let namespace = read::namespace(pod);
            read::texts(pod, "/metadata/labels").map(move |(key, value)| (namespace, key, value))
        })
        .collect();
    world.all("Service").iter().any(|service| {
        let namespace = read::namespace(service);
        read::texts(service, "/spec/selector")
            .any(|(key, value)| !labels.contains(&(namespace, key, value)))
    })
}

fn asks_webhooks(world: &World) -> bool {
    let tells = |object: &Value, field: &str| read::text(object, field).contains("webhook");
    let failed = |deployment: &Value| {
        read::condition(deployment, "ReplicaFailure").is_some_and(|one| tells(one, "/message"))
    };
    world.all("Deployment").iter().any(failed)
        || world.all("Event").iter().any(|event| tells(event, "/message"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kinds(objects: Vec<Value>) -> Vec<&'static str> {
        wanted(&World::of(objects)).iter().map(|list| list.kind).collect()
    }

    #[test]
    fn a_cluster_that_is_well_needs_no_more() {
        let ready = json!([{"type": "Ready", "status": "True"}]);
        assert!(
            kinds(vec![
                json!({"kind": "Pod", "metadata": {"name": "a", "namespace": "n", "labels": {"app": "a"},
                    "ownerReferences": [{"kind": "ReplicaSet"}]}, "status": {"conditions": ready}}),
                json!({"kind": "Service", "metadata": {"name": "a", "namespace": "n"},
                    "spec": {"selector": {"app": "a"}}}),
                json!({"kind": "Deployment", "spec": {"replicas": 1},
                    "status": {"availableReplicas": 1, "updatedReplicas": 1}}),
                json!({"kind": "PersistentVolumeClaim", "status": {"phase": "Bound"}}),
            ])
            .is_empty()
        );
    }

    #[test]
    fn each_trouble_asks_for_what_explains_it() {
        let pod = |owner: &str| json!({"kind": "Pod", "metadata": {"ownerReferences": [{"kind": owner}]}});
        let warning =
            json!({"kind": "Event", "type": "Warning", "involvedObject": {"kind": "StatefulSet"}});
        let refused = json!({"kind": "Deployment", "spec": {"replicas": 1}, "status": {"conditions": [
            {"type": "ReplicaFailure", "status": "True", "message": "failed calling webhook"}]}});
        let lone = json!({"kind": "Service", "metadata": {"namespace": "n"}, "spec": {"selector": {"a": "b"}}});
        for (object, wanted) in [
            (pod("ReplicaSet"), vec!["ReplicaSet"]),
            (pod("DaemonSet"), vec!["DaemonSet"]),
            (warning, vec!["StatefulSet"]),
            (lone, vec!["StatefulSet", "DaemonSet", "CronJob"]),
            (json!({"kind": "PersistentVolumeClaim"}), vec!["StorageClass", "PersistentVolume"]),
            (
                refused,
                vec![
                    "ReplicaSet",
                    "ValidatingWebhookConfiguration",
                    "MutatingWebhookConfiguration",
                ],
            ),
        ] {
            assert_eq!(kinds(vec![object]), wanted);
        }
    }
}
