//! Readiness of every kind by tables of statuses.

use serde_json::{Value, json};

use super::*;

fn ready(object: &Value) -> Readiness {
    readiness(object, &World::default())
}

fn words(object: &Value) -> String {
    let found = ready(object);
    let lead = match &found {
        Readiness::Ready(_) => "ready: ",
        Readiness::Progressing(_) => "",
        Readiness::Blocked(_) => "blocked: ",
        Readiness::Failed(_) => "failed: ",
    };
    format!("{lead}{}", found.words())
}

fn workload(kind: &str, spec: &Value, status: &Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "a", "namespace": "n", "generation": 2},
        "spec": spec, "status": status})
}

#[test]
fn a_deployment_is_ready_when_all_replicas_are_new_and_available() {
    for (spec, status, expected) in [
        (
            json!({"replicas": 2}),
            json!({"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}),
            "waits for its controller to see the change",
        ),
        (
            json!({"replicas": 2}),
            json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 1, "availableReplicas": 2}),
            "1 of 2 replicas updated",
        ),
        (
            json!({"replicas": 2}),
            json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 2, "availableReplicas": 3}),
            "1 old replicas are ending",
        ),
        (
            json!({"replicas": 2}),
            json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 1}),
            "1 of 2 replicas available",
        ),
        (
            json!({"replicas": 2}),
            json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}),
            "ready: 2 of 2 ready",
        ),
        (
            json!({}),
            json!({"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}),
            "ready: 1 of 1 ready",
        ),
        (json!({"replicas": 0}), json!({"observedGeneration": 2}), "ready: scaled to zero"),
        (json!({}), json!({}), "waits for its controller to see the change"),
        (
            json!({}),
            json!({"observedGeneration": 2, "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]}),
            "failed: deployment `a` made no progress within its deadline",
        ),
    ] {
        assert_eq!(words(&workload("Deployment", &spec, &status)), expected);
    }
}

#[test]
fn a_stateful_set_heeds_its_partition_and_on_delete() {
    let status = |ready: i64, updated: i64| {
        json!({"observedGeneration": 2, "replicas": 3, "readyReplicas": ready,
        "updatedReplicas": updated, "currentRevision": "a", "updateRevision": "b"})
    };
    let rolling = |partition: i64| json!({"replicas": 3, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}});
    for (spec, status, expected) in [
        (rolling(0), status(2, 3), "2 of 3 replicas ready"),
        (rolling(0), status(3, 1), "1 of 3 replicas updated"),
        (rolling(2), status(3, 1), "ready: 3 of 3 ready"),
        (rolling(3), status(3, 0), "ready: 3 of 3 ready"),
        (
            json!({"replicas": 3, "updateStrategy": {"type": "OnDelete"}}),
            status(3, 0),
            "ready: 3 of 3 ready",
        ),
        (json!({"replicas": 2}), status(3, 3), "replicas above the wanted number are ending"),
    ] {
        assert_eq!(words(&workload("StatefulSet", &spec, &status)), expected);
    }
}

#[test]
fn a_daemon_set_is_ready_on_every_node_that_it_is_meant_for() {
    for (status, expected) in [
        (
            json!({"observedGeneration": 2, "desiredNumberScheduled": 2, "updatedNumberScheduled": 1, "numberAvailable": 2}),
            "updated on 1 of 2 nodes",
        ),
        (
            json!({"observedGeneration": 2, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 1}),
            "available on 1 of 2 nodes",
        ),
        (
            json!({"observedGeneration": 2, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 2}),
            "ready: available on 2 of 2 nodes",
        ),
        (json!({"observedGeneration": 2, "desiredNumberScheduled": 0}), "ready: meant for no node"),
    ] {
        assert_eq!(words(&workload("DaemonSet", &json!({}), &status)), expected);
    }
}

#[test]
fn a_job_ends_complete_or_failed() {
    let job = |spec: Value, status: Value| json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": "n"}, "spec": spec, "status": status});
    let condition = |kind: &str, reason: &str| json!({"conditions": [{"type": kind, "status": "True", "reason": reason}], "failed": 2});
    for (spec, status, expected) in [
        (json!({}), json!({"active": 1, "failed": 1}), "1 pods run, 1 attempts failed"),
        (json!({}), json!({}), "waits for its first pod"),
        (json!({"suspend": true}), json!({}), "ready: suspended"),
        (json!({}), condition("Complete", ""), "ready: completed"),
        (json!({}), condition("Failed", "BackoffLimitExceeded"), "failed: job n/j failed 2 times"),
        (
            json!({}),
            condition("FailureTarget", "PodFailurePolicy"),
            "failed: job n/j failed (PodFailurePolicy)",
        ),
    ] {
        assert_eq!(words(&job(spec, status)), expected);
    }
}

#[test]
fn a_claim_waits_as_its_class_binds() {
    let claim = |class: Value, phase: &str| {
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "n"}, "spec": {"storageClassName": class}, "status": {"phase": phase}})
    };
    let class = |name: &str, mode: &str| json!({"kind": "StorageClass", "metadata": {"name": name}, "volumeBindingMode": mode});
    let pod = json!({"kind": "Pod", "metadata": {"name": "p", "namespace": "n"}, "spec": {"nodeName": "x",
        "volumes": [{"persistentVolumeClaim": {"claimName": "data"}}]}});
    let mut world = World::of([class("late", "WaitForFirstConsumer"), class("now", "Immediate")]);
    assert!(readiness(&claim(json!("late"), "Pending"), &world).is_ready());
    assert_eq!(readiness(&claim(json!("now"), "Pending"), &world).words(), "waits for its volume");
    assert!(readiness(&claim(json!("now"), "Bound"), &world).is_ready());
    assert!(
        matches!(readiness(&claim(json!("none"), "Pending"), &world), Readiness::Blocked(cause) if cause.code == "STORAGE_CLASS_MISSING")
    );
    assert!(
        matches!(readiness(&claim(json!("now"), "Lost"), &world), Readiness::Failed(cause) if cause.code == "CLAIM_LOST")
    );
    world.set("Pod", vec![pod]);
    assert_eq!(readiness(&claim(json!("late"), "Pending"), &world).words(), "waits for its volume");
    assert_eq!(
        ready(&claim(json!("none"), "Pending")).words(),
        "waits for its volume",
        "unknown is not absent"
    );
}

#[test]
fn a_service_is_ready_with_endpoints_and_an_address() {
    let service = |spec: Value| json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "n"}, "spec": spec});
    let slice = |ready: Value| {
        json!({"kind": "EndpointSlice", "metadata": {"name": "s-1", "namespace": "n",
        "labels": {"kubernetes.io/service-name": "s"}}, "endpoints": [{"conditions": ready}]})
    };
    let selector = json!({"selector": {"app": "a"}});
    let workload = json!({"kind": "Deployment", "metadata": {"name": "a", "namespace": "n"}, "spec": {"replicas": 0,
        "template": {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": []}}}});
    for (spec, slices, expected) in [
        (json!({"type": "ExternalName", "externalName": "x.io"}), vec![], "stands for x.io"),
        (json!({}), vec![], "present"),
        (selector.clone(), vec![slice(json!({"ready": true}))], "1 endpoint ready"),
        (selector.clone(), vec![slice(json!({}))], "1 endpoint ready"),
        (selector.clone(), vec![slice(json!({"ready": false}))], "its pods are scaled to zero"),
    ] {
        let mut world = World::of([workload.clone()]);
        world.set("EndpointSlice", slices);
        let found = readiness(&service(spec), &world);
        assert!(found.is_ready(), "{found:?}");
        assert_eq!(found.words(), expected);
    }
    let mut world = World::default();
    world.set("EndpointSlice", vec![]);
    assert_eq!(readiness(&service(selector), &world).words(), "no pod behind service n/s is ready");
    let balancer = service(json!({"type": "LoadBalancer"}));
    assert!(!ready(&balancer).is_ready());
    let mut given = balancer;
    given["status"] = json!({"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}});
    assert!(ready(&given).is_ready());
}

#[test]
fn extensions_of_the_api_are_ready_when_they_are_served() {
    let object = |api: &str, kind: &str, conditions: Value| {
        json!({"apiVersion": api, "kind": kind,
        "metadata": {"name": "x"}, "status": {"conditions": conditions}})
    };
    let crd =
        |conditions| object("apiextensions.k8s.io/v1", "CustomResourceDefinition", conditions);
    assert_eq!(words(&crd(json!([]))), "waits to be established");
    assert_eq!(
        words(&crd(
            json!([{"type": "NamesAccepted", "status": "True"}, {"type": "Established", "status": "True"}])
        )),
        "ready: established"
    );
    assert!(
        words(&crd(
            json!([{"type": "NamesAccepted", "status": "False", "reason": "ListKindConflict"}])
        ))
        .starts_with("failed: definition `x`")
    );
    let api = |status: &str| {
        object(
            "apiregistration.k8s.io/v1",
            "APIService",
            json!([{"type": "Available", "status": status, "message": "no endpoints"}]),
        )
    };
    assert_eq!(words(&api("True")), "ready: available");
    assert_eq!(words(&api("False")), "no endpoints");
}

#[test]
fn an_application_is_ready_when_synced_and_healthy() {
    let application = |status: Value| {
        json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "root", "namespace": "argocd"}, "status": status})
    };
    for (status, expected) in [
        (json!({}), "waits for Argo CD to look at it"),
        (
            json!({"sync": {"status": "Synced"}, "health": {"status": "Healthy"}}),
            "ready: synced and healthy",
        ),
        (
            json!({"sync": {"status": "OutOfSync"}, "health": {"status": "Missing"}}),
            "OutOfSync, Missing",
        ),
        (
            json!({"sync": {"status": "Synced"}, "health": {"status": "Degraded", "message": "x"}}),
            "Synced, Degraded: x",
        ),
        (
            json!({"sync": {"status": "Synced"}, "health": {"status": "Healthy"}, "operationState": {"phase": "Running"}}),
            "application root is being synced",
        ),
        (
            json!({"sync": {"status": "OutOfSync"}, "operationState": {"phase": "Failed", "message": "m"}}),
            "blocked: the sync of application `root` ended as Failed",
        ),
        (
            json!({"sync": {"status": "Unknown"}, "conditions": [{"type": "ComparisonError", "message": "m"}]}),
            "blocked: application `root` cannot be compared with its source (ComparisonError)",
        ),
    ] {
        assert_eq!(words(&application(status)), expected);
    }
}

#[test]
fn custom_kinds_are_judged_by_their_conditions_if_they_have_any() {
    let custom = |status: Value| json!({"apiVersion": "x.io/v1", "kind": "Pool", "metadata": {"name": "p", "generation": 3}, "status": status});
    let condition = |kind: &str, status: &str| json!({"conditions": [{"type": kind, "status": status, "reason": "Why", "message": "so"}]});
    for (status, expected) in [
        (json!({}), "ready: present"),
        (condition("Synced", "False"), "ready: present"),
        (condition("Ready", "True"), "ready: ready"),
        (condition("Available", "False"), "Available is not true: Why: so"),
        (
            json!({"observedGeneration": 2, "conditions": [{"type": "Ready", "status": "True"}]}),
            "waits for its controller to see the change",
        ),
        (
            json!({"conditions": [{"type": "Ready", "status": "True", "observedGeneration": 2}]}),
            "Ready is not true",
        ),
    ] {
        assert_eq!(words(&custom(status)), expected);
    }
}

#[test]
fn what_has_no_state_is_ready_when_it_is_there() {
    for (api, kind) in [
        ("v1", "ConfigMap"),
        ("autoscaling/v2", "HorizontalPodAutoscaler"),
        ("policy/v1", "PodDisruptionBudget"),
        ("networking.k8s.io/v1", "Ingress"),
        ("rbac.authorization.k8s.io/v1", "Role"),
    ] {
        let object = json!({"apiVersion": api, "kind": kind, "metadata": {"name": "x"}, "status": {"conditions": [{"type": "AbleToScale", "status": "False"}]}});
        assert_eq!(words(&object), "ready: present", "{kind}");
    }
    let cron = json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "x"}, "spec": {"schedule": "* * * * *"}});
    assert!(ready(&cron).is_ready());
}

#[test]
fn namespaces_are_active_or_ending() {
    let namespace = |metadata: Value, phase: &str| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata, "status": {"phase": phase}});
    assert_eq!(words(&namespace(json!({"name": "n"}), "Active")), "ready: active");
    assert_eq!(
        words(&namespace(json!({"name": "n", "deletionTimestamp": "t"}), "Terminating")),
        "namespace n is being deleted"
    );
}

#[test]
fn only_the_pods_of_the_newest_replica_set_count() {
    let owned = |kind: &str, name: &str, owner: &str, revision: &str| {
        json!({"kind": kind,
        "metadata": {"name": name, "namespace": "n", "uid": name, "annotations": {"deployment.kubernetes.io/revision": revision},
            "ownerReferences": [{"uid": owner, "controller": true}]}})
    };
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "n", "uid": "d"}});
    let mut ending = owned("Pod", "ending", "new", "");
    ending["metadata"]["deletionTimestamp"] = json!("t");
    let world = World::of([
        owned("ReplicaSet", "old", "d", "9"),
        owned("ReplicaSet", "new", "d", "10"),
        owned("Pod", "old-1", "old", ""),
        owned("Pod", "new-1", "new", ""),
        owned("Pod", "other", "x", ""),
        ending,
    ]);
    let names: Vec<&str> = pods::pods_of(&deployment, &world).into_iter().map(read::name).collect();
    assert_eq!(names, ["new-1"]);
}

#[test]
fn a_fatal_pod_ends_the_wait_and_a_curable_one_blocks_it() {
    let deployment = workload(
        "Deployment",
        &json!({"replicas": 1}),
        &json!({"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1}),
    );
    let mut deployment = deployment;
    deployment["metadata"]["uid"] = json!("d");
    let judged = |reason: &str, message: &str| {
        let pod = json!({"kind": "Pod", "metadata": {"name": "p", "namespace": "n", "uid": "p", "ownerReferences": [{"uid": "d"}]},
            "spec": {"containers": [{"name": "c", "image": "a/b:1"}]},
            "status": {"phase": "Pending", "containerStatuses": [{"name": "c", "ready": false, "restartCount": 0,
                "state": {"waiting": {"reason": reason, "message": message}}}]}});
        judge(&deployment, &World::of([pod]))
    };
    assert!(
        matches!(judged("InvalidImageName", "x"), Readiness::Failed(cause) if cause.code == "IMAGE_NAME_INVALID")
    );
    assert!(
        matches!(judged("CreateContainerConfigError", "secret \"s\" not found"), Readiness::Blocked(cause) if cause.root == Some(Root::new("Secret", "n", "s")))
    );
    assert!(
        matches!(judged("ErrImagePull", "something new"), Readiness::Progressing(words) if words.contains("something new"))
    );
    assert!(
        matches!(judged("ErrImagePull", "pull QPS exceeded"), Readiness::Progressing(words) if words == "0 of 1 replicas available")
    );
    assert!(matches!(judged("ContainerCreating", ""), Readiness::Progressing(_)));
}
