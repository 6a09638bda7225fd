//! Which lists a look at a cluster takes. A dozen is the most, whatever runs there: eight always, and
//! of the others those that explain a trouble which the first ones show.

use std::collections::BTreeSet;

use serde_json::Value;

use super::is_fine;
use crate::manifest::read;
use crate::readiness::World;
use crate::readiness::pods::is_restarted;
use crate::steps::objects::Depth;

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
    /// Labels that they have, empty for all of them: what is seen then is not all of the kind.
    pub(super) labels: &'static str,
}

impl List {
    /// Whether what is listed is all that there is of the kind.
    pub(super) fn is_whole(&self) -> bool {
        self.labels.is_empty()
    }

    /// How much of each object is wanted: of those that labels tell of, the labels.
    pub(super) fn depth(&self) -> Depth {
        if self.is_whole() { Depth::WithoutManagers } else { Depth::Metadata }
    }
}

const fn all(api_version: &'static str, kind: &'static str) -> List {
    List { api_version, kind, fields: "", labels: "" }
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
    List { api_version: "v1", kind: "Event", fields: EVENTS, labels: "" },
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
        (all("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"), asks_webhooks),
        (all("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"), asks_webhooks),
        (all("apps/v1", "StatefulSet"), strays || owners.contains("StatefulSet")),
        (all("apps/v1", "DaemonSet"), strays || owners.contains("DaemonSet")),
        (all("batch/v1", "CronJob"), strays),
        (all("storage.k8s.io/v1", "StorageClass"), has_unbound),
        (all("v1", "PersistentVolume"), has_unbound),
        (RELEASES, is_of_helm(world)),
        // Nothing else shows that there is one, or that one leads nowhere.
        (INGRESSES, true),
    ];
    rows.into_iter().filter(|(_, is_wanted)| *is_wanted).map(|(list, _)| list).collect()
}

/// The secrets in which helm says how far a release has come; of those that were followed by another
/// there may be many.
const RELEASES: List = List {
    api_version: "v1",
    kind: "Secret",
    fields: "type=helm.sh/release.v1",
    labels: "owner=helm,status!=superseded",
};

/// Whether helm made anything here.
fn is_of_helm(world: &World) -> bool {
    let label = "/metadata/labels/app.kubernetes.io~1managed-by";
    ["Deployment", "Service", "Job", "PersistentVolumeClaim"]
        .iter()
        .flat_map(|kind| world.all(kind))
        .any(|object| read::text(object, label) == "Helm")
}

const INGRESSES: List = all("networking.k8s.io/v1", "Ingress");

/// What is worth a look by what those lists show: whether there is a controller for an ingress that
/// has no address.
pub(super) fn wanted_at_last(world: &World) -> Vec<List> {
    let is_unserved =
        |ingress: &Value| read::list(ingress, "/status/loadBalancer/ingress").is_empty();
    let classes = all("networking.k8s.io/v1", "IngressClass");
    if world.all("Ingress").iter().any(is_unserved) { vec![classes] } else { Vec::new() }
}

/// The kinds of what owns pods that are not as they should be, and of what warnings are about.
fn owners(world: &World) -> BTreeSet<&str> {
    let is_well = |pod: &&Value| {
        read::text(pod, "/status/phase") == "Succeeded" || is_fine(pod) && !is_restarted(pod, world)
    };
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
    fn a_cluster_that_is_well_needs_no_more_than_its_ingresses() {
        let ready = json!([{"type": "Ready", "status": "True"}]);
        assert_eq!(
            kinds(vec![
                json!({"kind": "Pod", "metadata": {"name": "a", "namespace": "n", "labels": {"app": "a"},
                    "ownerReferences": [{"kind": "ReplicaSet"}]}, "status": {"conditions": ready}}),
                json!({"kind": "Service", "metadata": {"name": "a", "namespace": "n"},
                    "spec": {"selector": {"app": "a"}}}),
                json!({"kind": "Deployment", "spec": {"replicas": 1},
                    "status": {"availableReplicas": 1, "updatedReplicas": 1}}),
                json!({"kind": "PersistentVolumeClaim", "status": {"phase": "Bound"}}),
            ]),
            ["Ingress"]
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
                json!({"kind": "Job", "metadata": {"labels": {"app.kubernetes.io/managed-by": "Helm"}}}),
                vec!["Secret"],
            ),
            (
                refused,
                vec![
                    "ReplicaSet",
                    "ValidatingWebhookConfiguration",
                    "MutatingWebhookConfiguration",
                ],
            ),
        ] {
            assert_eq!(kinds(vec![object]), [wanted, vec!["Ingress"]].concat());
        }
    }

    #[test]
    fn classes_are_looked_at_for_an_ingress_without_an_address() {
        let ingress = |address| {
            World::of([
                json!({"kind": "Ingress", "status": {"loadBalancer": {"ingress": address}}}),
            ])
        };
        let kinds = |world: &World| -> Vec<&str> {
            wanted_at_last(world).iter().map(|list| list.kind).collect()
        };
        assert_eq!(kinds(&ingress(json!([]))), ["IngressClass"]);
        assert!(kinds(&ingress(json!([{"ip": "192.0.2.2"}]))).is_empty());
        assert!(kinds(&World::default()).is_empty());
    }
}
