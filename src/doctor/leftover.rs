//! Pods that failed long ago and whose workload is well: nothing is wrong with them, and nobody needs
//! them. Removing them is the steps'.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::config::model::{Config, DeployKind};
use crate::manifest::labels::{PROJECT, label_value};
use crate::manifest::read;
use crate::plan::repair::Leftover;
use crate::plan::{Plan, StepKind};
use crate::readiness::{Root, World, judge, put_out, top};

/// Kinds that replace a pod that failed. A job keeps its pods: they are its record.
const KEEPERS: [&str; 4] = ["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"];

/// The leftovers of a cluster.
#[must_use]
pub fn leftovers(world: &World) -> Vec<Leftover> {
    world.all("Pod").iter().filter_map(|pod| leftover(pod, world)).collect()
}

fn leftover(pod: &Value, world: &World) -> Option<Leftover> {
    let reason = put_out(pod)?;
    let owner = top(pod, world);
    let is_ending = !read::text(pod, "/metadata/deletionTimestamp").is_empty();
    if is_ending || !KEEPERS.contains(&read::kind(owner)) || !is_well(owner, world) {
        return None;
    }
    Some(Leftover {
        namespace: read::namespace(pod).to_owned(),
        name: read::name(pod).to_owned(),
        uid: read::text(pod, "/metadata/uid").to_owned(),
        reason: reason.to_owned(),
        owner: super::finding::path(&Root::of(owner)),
    })
}

/// Whether a workload has all the pods that it wants.
fn is_well(owner: &Value, world: &World) -> bool {
    let count = |at| read::number(owner, at);
    let (wanted, ready) = match read::kind(owner) {
        "DaemonSet" => (count("/status/desiredNumberScheduled"), count("/status/numberReady")),
        _ => (count("/spec/replicas").or(Some(1)), count("/status/readyReplicas")),
    };
    wanted.unwrap_or_default() == ready.unwrap_or_default() && judge(owner, world).is_ready()
}

/// The namespaces of this environment: those that its configuration names, and those of its objects.
#[must_use]
pub fn namespaces(config: &Config, plan: &Plan, world: &World) -> BTreeSet<String> {
    let own = config.namespace.as_deref();
    let or_own = |named: &Option<String>| named.as_deref().or(own).unwrap_or("default").to_owned();
    let in_cluster = |kind: &DeployKind| !matches!(kind, DeployKind::Compose(_));
    let deploys = config.deploys.iter().filter(|deploy| in_cluster(&deploy.kind));
    let secrets = config.secrets.iter().map(|secret| or_own(&secret.namespace));
    let pulled = plan.steps().iter().filter_map(|step| match &step.kind {
        StepKind::Registry(secret) => Some(secret.places.keys().cloned()),
        _ => None,
    });
    let label = label_value(&config.name);
    let is_ours = |object: &&Value| {
        let labels = object.pointer("/metadata/labels");
        labels.and_then(|all| all.get(PROJECT)).is_some_and(|value| *value == *label)
    };
    let labelled = world.objects().filter(is_ours).map(|object| read::namespace(object).to_owned());
    let named = deploys.map(|deploy| or_own(&deploy.namespace)).chain(secrets);
    let all = named.chain(pulled.flatten()).chain(labelled).chain(own.map(str::to_owned));
    all.filter(|namespace| !namespace.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::fixture::{config, deploy, manifests};
    use crate::plan;

    fn pod(name: &str, owner: &str, phase: &str, reason: &str) -> Value {
        json!({ "apiVersion": "v1", "kind": "Pod",
            "metadata": { "namespace": "shop", "name": name, "uid": name,
                "ownerReferences": [{ "kind": owner, "name": "api", "uid": "own",
                    "controller": true }] },
            "status": { "phase": phase, "reason": reason } })
    }

    fn told(kind: &str, ready: i64, pods: Vec<Value>) -> Vec<String> {
        let group = if kind == "Job" { "batch/v1" } else { "apps/v1" };
        let owner = json!({ "apiVersion": group, "kind": kind,
            "metadata": { "namespace": "shop", "name": "api", "uid": "own", "generation": 1 },
            "spec": { "replicas": 2 },
            "status": { "observedGeneration": 1, "replicas": 2, "readyReplicas": ready,
                "availableReplicas": ready, "updatedReplicas": 2,
                "succeeded": 1, "conditions": [{ "type": "Complete", "status": "True" }] } });
        let world = World::of(pods.into_iter().chain([owner]));
        leftovers(&world).into_iter().map(|one| format!("{} {}", one.name, one.owner)).collect()
    }

    #[test]
    fn only_what_failed_under_a_workload_that_is_well_is_left_over() {
        let out = |reason: &str| vec![pod("old", "ReplicaSet", "Failed", reason)];
        let wanted = ["old replicaset/shop/api"];
        for reason in ["Evicted", "OutOfcpu", "NodeShutdown", "ContainerStatusUnknown"] {
            assert_eq!(told("ReplicaSet", 2, out(reason)), wanted, "{reason}");
            assert_eq!(told("ReplicaSet", 1, out(reason)), [""; 0], "one of two is ready");
        }
        assert_eq!(told("ReplicaSet", 2, out("DeadlineExceeded")), [""; 0]);
        let of_job = vec![pod("old", "Job", "Failed", "Evicted")];
        assert_eq!(told("Job", 2, of_job), [""; 0], "a job's pods are its record");
        let alive = vec![pod("old", "ReplicaSet", "Running", "Evicted")];
        assert_eq!(told("ReplicaSet", 2, alive), [""; 0]);
        let mut unknown = pod("old", "ReplicaSet", "Failed", "");
        unknown["status"]["containerStatuses"] =
            json!([{ "state": { "terminated": { "reason": "ContainerStatusUnknown" } } }]);
        assert_eq!(told("ReplicaSet", 2, vec![unknown]), wanted);
        let mut alone = pod("old", "ReplicaSet", "Failed", "Evicted");
        alone["metadata"]["ownerReferences"] = json!([]);
        assert_eq!(told("ReplicaSet", 2, vec![alone]), [""; 0], "nobody would make it again");
    }

    #[test]
    fn an_environment_has_the_namespaces_that_it_names_and_those_of_its_objects() {
        let mut config = config();
        config.deploys = vec![manifests("api", None), deploy("stack", None)];
        config.deploys[0].namespace = Some("shop".to_owned());
        let plan = plan::start(&config).unwrap();
        let world = World::of([
            json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "a",
                "namespace": "blog", "labels": { PROJECT: "demo" } } }),
            json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "b",
                "namespace": "other", "labels": { PROJECT: "theirs" } } }),
        ]);
        let all: Vec<String> = namespaces(&config, &plan, &world).into_iter().collect();
        assert_eq!(all, ["blog", "shop"]);
    }
}
