//! What is beside the point decides nothing: harmless events, the workloads that a cluster brings
//! along, jobs that are over, replica sets that were left, pods that a node put out.

use serde_json::{Value, json};

use super::{Story, Told, Way, none_wrong, told};
use crate::manifest::read;

const NOW: &str = "2026-11-21T10:30:00Z";

/// Warnings that healthy clusters give: the kind that they are about, reason, message.
const EVENTS: [(&str, &str, &str); 7] = [
    ("Node", "CgroupV1", "cgroup v1 support is in maintenance mode, please migrate to cgroup v2"),
    ("Node", "InvalidDiskCapacity", "invalid capacity 0 on image filesystem"),
    ("Node", "Rebooted", "Node lab-node has been rebooted, boot id: 1"),
    (
        "Service",
        "FailedToCreateEndpoint",
        "Failed to create endpoint for service x: endpoints \"x\" already exists",
    ),
    (
        "Pod",
        "FailedToRetrieveImagePullSecret",
        "Unable to retrieve some image pull secrets (gone); attempting to pull the image may not succeed.",
    ),
    ("Pod", "Failed", "Failed to pull image \"other.example/sidecar:1\": pull QPS exceeded"),
    (
        "Namespace",
        "DNSConfigForming",
        "Nameserver limits were exceeded, some nameservers have been omitted",
    ),
];

fn event(about: &Value, reason: &str, message: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": reason,
        "message": message, "count": 1, "firstTimestamp": "2026-11-21T09:00:00Z",
        "lastTimestamp": "2026-11-21T09:00:00Z",
        "metadata": { "name": format!("{}.{reason}", read::name(about)),
            "namespace": read::namespace(about) },
        "involvedObject": { "kind": read::kind(about), "name": read::name(about),
            "namespace": read::namespace(about), "uid": read::text(about, "/metadata/uid") } })
}

/// Harmless warnings about everything there is. A pod that gets no image is not told another reason.
fn warned(story: &Story) -> Story {
    let mut told = story.clone();
    for (kind, reason, message) in EVENTS {
        for about in story.kind(kind) {
            told.objects.push(event(about, reason, message));
        }
    }
    told
}

/// A pod that runs and is ready, made by an owner of this kind and name.
fn pod(namespace: &str, name: &str, owner: (&str, &str)) -> Value {
    let container = json!({ "name": "main", "image": "registry.k8s.io/main:1",
        "resources": { "requests": { "cpu": "10m", "memory": "20Mi" } } });
    json!({ "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "namespace": namespace, "uid": format!("uid-{namespace}-{name}"),
            "labels": { "k8s-app": owner.1 }, "creationTimestamp": "2026-11-20T08:00:00Z",
            "ownerReferences": [{ "kind": owner.0, "name": owner.1, "controller": true,
                "uid": format!("uid-{namespace}-{}", owner.1) }] },
        "spec": { "nodeName": "lab-node", "containers": [container], "serviceAccountName": "default",
            "priorityClassName": "system-cluster-critical" },
        "status": { "phase": "Running", "startTime": "2026-11-20T08:00:00Z",
            "conditions": [{ "type": "Ready", "status": "True" },
                { "type": "PodScheduled", "status": "True" },
                { "type": "ContainersReady", "status": "True" }],
            "containerStatuses": [{ "name": "main", "ready": true, "started": true,
                "restartCount": 3,
                "lastState": { "terminated": { "exitCode": 255, "reason": "Unknown",
                    "startedAt": "2026-11-19T08:00:00Z", "finishedAt": "2026-11-20T07:00:00Z" } },
                "state": { "running": { "startedAt": "2026-11-20T08:00:00Z" } } }] } })
}

fn completed(namespace: &str, name: &str) -> [Value; 2] {
    let mut pod = pod(namespace, &format!("{name}-x7k2p"), ("Job", name));
    pod["status"] = json!({ "phase": "Succeeded", "conditions": [
            { "type": "Ready", "status": "False", "reason": "PodCompleted" }],
        "containerStatuses": [{ "name": "main", "ready": false, "restartCount": 0,
            "state": { "terminated": { "exitCode": 0, "reason": "Completed" } } }] });
    let job = json!({ "apiVersion": "batch/v1", "kind": "Job",
        "metadata": { "name": name, "namespace": namespace, "uid": format!("uid-{namespace}-{name}") },
        "spec": { "completions": 1, "parallelism": 1 },
        "status": { "succeeded": 1, "conditions": [{ "type": "Complete", "status": "True" }] } });
    [job, pod]
}

/// A deployment of kube-system that is well, with its replica set, pod, service and endpoints.
fn deployment(name: &str) -> Vec<Value> {
    let meta = |name: &str, owner: Value| {
        json!({ "name": name, "namespace": "kube-system", "uid": format!("uid-kube-system-{name}"),
            "ownerReferences": owner, "generation": 1,
            "annotations": { "deployment.kubernetes.io/revision": "1" } })
    };
    let template = json!({ "metadata": { "labels": { "k8s-app": name } },
        "spec": { "containers": [{ "name": "main", "image": "registry.k8s.io/main:1" }] } });
    let status = json!({ "replicas": 1, "readyReplicas": 1, "availableReplicas": 1,
        "updatedReplicas": 1, "observedGeneration": 1 });
    let set = format!("{name}-5d78c9869d");
    let by = json!([{ "kind": "Deployment", "name": name, "controller": true,
        "uid": format!("uid-kube-system-{name}") }]);
    let mut own = pod("kube-system", &format!("{set}-abcde"), ("ReplicaSet", &set));
    own["metadata"]["labels"] = json!({ "k8s-app": name });
    vec![
        json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta(name, json!([])),
            "spec": { "replicas": 1, "template": template,
                "selector": { "matchLabels": { "k8s-app": name } } }, "status": status }),
        json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": meta(&set, by),
            "spec": { "replicas": 1, "template": template }, "status": status }),
        own,
        json!({ "apiVersion": "v1", "kind": "Service", "metadata": meta(name, json!([])),
            "spec": { "selector": { "k8s-app": name }, "clusterIP": "10.96.0.10",
                "ports": [{ "name": "dns", "port": 53, "targetPort": 53, "protocol": "UDP" }] } }),
        json!({ "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": { "name": format!("{name}-1"), "namespace": "kube-system",
                "labels": { "kubernetes.io/service-name": name } },
            "endpoints": [{ "conditions": { "ready": true } }] }),
    ]
}

fn daemons(name: &str) -> [Value; 2] {
    [
        json!({ "apiVersion": "apps/v1", "kind": "DaemonSet",
            "metadata": { "name": name, "namespace": "kube-system", "generation": 1,
                "uid": format!("uid-kube-system-{name}") },
            "spec": { "template": { "metadata": { "labels": { "k8s-app": name } }, "spec": {
                "containers": [{ "name": "main", "image": "registry.k8s.io/main:1" }] } } },
            "status": { "observedGeneration": 1, "desiredNumberScheduled": 1,
                "currentNumberScheduled": 1, "updatedNumberScheduled": 1, "numberReady": 1,
                "numberAvailable": 1 } }),
        pod("kube-system", &format!("{name}-fghij"), ("DaemonSet", name)),
    ]
}

/// What a cluster brings along: its own deployments, daemon sets, pods of the node, and jobs.
fn system(deployments: &[&str], sets: &[&str], pods: &[&str], jobs: &[&str]) -> Vec<Value> {
    let mut all = vec![json!({ "apiVersion": "v1", "kind": "Namespace",
        "metadata": { "name": "kube-system" }, "status": { "phase": "Active" } })];
    all.extend(deployments.iter().flat_map(|name| deployment(name)));
    all.extend(sets.iter().flat_map(|name| daemons(name)));
    all.extend(pods.iter().map(|name| pod("kube-system", name, ("Node", "lab-node"))));
    all.extend(jobs.iter().flat_map(|name| completed("kube-system", name)));
    all
}

fn minikube() -> Vec<Value> {
    let pods = [
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "storage-provisioner",
    ];
    system(&["kube-dns"], &["kube-proxy"], &pods, &[])
}

fn k3d() -> Vec<Value> {
    let deployments = ["kube-dns", "local-path-provisioner", "metrics-server", "traefik"];
    system(
        &deployments,
        &["svclb-traefik-1"],
        &[],
        &["helm-install-traefik-crd", "helm-install-traefik"],
    )
}

fn docker_desktop() -> Vec<Value> {
    let pods = [
        "etcd-docker-desktop",
        "kube-apiserver-docker-desktop",
        "storage-provisioner",
        "vpnkit-controller",
    ];
    system(&["kube-dns"], &["kube-proxy"], &pods, &[])
}

/// Jobs that completed, in every namespace.
fn jobs(story: &Story) -> Vec<Value> {
    let spaces = story.kind("Namespace").map(read::name);
    spaces.flat_map(|space| completed(space, "seed-data")).collect()
}

/// For each deployment the replica set that it had before, and a pod of its present one that the node
/// put out.
fn leftovers(story: &Story) -> Vec<Value> {
    let mut all = Vec::new();
    for set in story.kind("ReplicaSet") {
        let Some(owner) = read::list(set, "/metadata/ownerReferences").first() else { continue };
        let name = format!("{}-older", read::name(set));
        all.push(json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": { "name": name, "namespace": read::namespace(set), "uid": format!("uid-{name}"),
                "generation": 3, "ownerReferences": [owner],
                "annotations": { "deployment.kubernetes.io/revision": "0" } },
            "spec": { "replicas": 0, "template": set["spec"]["template"] },
            "status": { "replicas": 0, "observedGeneration": 3 } }));
        let has_pods = story.kind("Pod").any(|pod| {
            let owners = read::list(pod, "/metadata/ownerReferences").iter();
            owners.map(read::name).any(|owner| owner == read::name(set))
        });
        if !has_pods {
            continue;
        }
        let uid = read::text(set, "/metadata/uid");
        let mut out = pod(
            read::namespace(set),
            &format!("{}-out", read::name(set)),
            ("ReplicaSet", read::name(set)),
        );
        out["metadata"]["ownerReferences"][0]["uid"] = uid.into();
        out["status"] = json!({ "phase": "Failed", "reason": "Evicted", "startTime": NOW,
            "message": "The node was low on resource: ephemeral-storage. " });
        all.push(out);
    }
    all
}

/// The incident with more in its cluster.
fn beside(story: &Story, more: Vec<Value>) -> Story {
    let mut told = story.clone();
    told.objects.extend(more);
    told
}

#[test]
fn what_is_beside_the_point_decides_nothing() {
    let ways: [Way<'_>; 6] = [
        ("harmless warnings", &warned),
        ("minikube", &|story| beside(story, minikube())),
        ("k3d", &|story| beside(story, k3d())),
        ("Docker Desktop", &|story| beside(story, docker_desktop())),
        ("jobs that are over", &|story| beside(story, jobs(story))),
        ("leftovers", &|story| beside(story, leftovers(story))),
    ];
    let mut wrong = Vec::new();
    for story in Story::with_made() {
        let told = |story: &Story| -> std::collections::BTreeSet<Told> {
            story.findings().iter().map(told).collect()
        };
        let before = told(&story);
        for (how, way) in &ways {
            let after = told(&way(&story));
            if before != after {
                wrong.push(format!("{} ({how}):\n  {after:?}\n  and not\n  {before:?}", story.id));
            }
        }
    }
    none_wrong(&wrong);
}
