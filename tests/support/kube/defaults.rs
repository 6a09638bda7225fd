//! What the server fills in: defaults of the kinds that tests use, and the state that an object
//! begins with. What is handed out to one object alone is in `allocate`.

use serde_json::{Value, json};

use super::kinds::Kind;
use super::quantity;

/// Fills in what the writer left out.
pub(super) fn fill(kind: &Kind, object: &mut Value) {
    match kind.name.as_str() {
        "Namespace" => {
            let name = object["metadata"]["name"].clone();
            set(&mut object["metadata"]["labels"], &json!({ "kubernetes.io/metadata.name": name }));
        }
        "Pod" => {
            pod(&mut object["spec"]);
            set(&mut object["spec"], &json!({ "enableServiceLinks": true }));
        }
        "Deployment" => deployment(&mut object["spec"]),
        "ReplicaSet" | "StatefulSet" | "DaemonSet" => controller(&kind.name, &mut object["spec"]),
        "Job" => job(&mut object["spec"]),
        "CronJob" => {
            set(
                &mut object["spec"],
                &json!({ "concurrencyPolicy": "Allow", "suspend": false,
                    "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1 }),
            );
            pod(&mut object["spec"]["jobTemplate"]["spec"]["template"]["spec"]);
        }
        "Service" => service(&mut object["spec"]),
        "PersistentVolumeClaim" => {
            set(&mut object["spec"], &json!({ "volumeMode": "Filesystem" }));
            quantity::settle(object.pointer_mut("/spec/resources/requests"));
        }
        "Secret" => secret(object),
        "HorizontalPodAutoscaler" => set(&mut object["spec"], &json!({ "minReplicas": 1 })),
        "CustomResourceDefinition" => {
            set(&mut object["spec"], &json!({ "conversion": { "strategy": "None" } }));
            let kind = object["spec"]["names"]["kind"].as_str().unwrap_or_default().to_owned();
            let names =
                json!({ "listKind": format!("{kind}List"), "singular": kind.to_lowercase() });
            set(&mut object["spec"]["names"], &names);
        }
        _ => {}
    }
}

/// The state that an object begins with; a writer's own does not count.
pub(super) fn begin(kind: &Kind, object: &mut Value) {
    match kind.name.as_str() {
        "Namespace" => {
            object["spec"]["finalizers"] = json!(["kubernetes"]);
            object["status"] = json!({ "phase": "Active" });
        }
        "Pod" => object["status"] = json!({ "phase": "Pending", "qosClass": "BestEffort" }),
        "Service" | "Ingress" => object["status"] = json!({ "loadBalancer": {} }),
        "PersistentVolumeClaim" => object["status"] = json!({ "phase": "Pending" }),
        "ReplicaSet" => object["status"] = json!({ "replicas": 0 }),
        "StatefulSet" => object["status"] = json!({ "replicas": 0, "availableReplicas": 0 }),
        "DaemonSet" => {
            object["status"] = json!({ "currentNumberScheduled": 0, "numberMisscheduled": 0,
                "desiredNumberScheduled": 0, "numberReady": 0 });
        }
        "Deployment" | "Job" | "CronJob" => object["status"] = json!({}),
        _ if kind.has_status() => {
            if let Some(fields) = object.as_object_mut() {
                fields.shift_remove("status");
            }
        }
        _ => {}
    }
}

/// What a writer may leave out because it was handed out before.
pub(super) fn inherit(kind: &Kind, live: &Value, new: &mut Value) {
    if kind.name == "Service" && new["spec"]["type"] == live["spec"]["type"] {
        for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            if new["spec"][field].is_null() && !live["spec"][field].is_null() {
                new["spec"][field] = live["spec"][field].clone();
            }
        }
        let before = live["spec"]["ports"].as_array().cloned().unwrap_or_default();
        for port in items(&mut new["spec"], "ports") {
            let same = before.iter().find(|own| own["port"] == port["port"]);
            let own = same.map(|same| &same["nodePort"]).filter(|own| !own.is_null());
            if let (true, Some(own)) = (port["nodePort"].is_null(), own) {
                port["nodePort"] = own.clone();
            }
        }
    }
    if kind.name == "Job" {
        for field in ["selector", "template"] {
            if new["spec"][field].is_null() {
                new["spec"][field] = live["spec"][field].clone();
            }
        }
    }
}

/// The items of a list, where there is one.
pub(super) fn items<'v>(object: &'v mut Value, list: &str) -> impl Iterator<Item = &'v mut Value> {
    object.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten()
}

/// Sets the fields that are missing, at any depth.
pub(super) fn set(object: &mut Value, defaults: &Value) {
    for (name, value) in defaults.as_object().into_iter().flatten() {
        match &mut object[name.as_str()] {
            own if own.is_null() => value.clone_into(own),
            own if own.is_object() => set(own, value),
            _ => {}
        }
    }
}

fn deployment(spec: &mut Value) {
    let defaults = json!({ "replicas": 1, "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600, "strategy": { "type": "RollingUpdate" } });
    set(spec, &defaults);
    if spec["strategy"]["type"] == "RollingUpdate" {
        let update = json!({ "rollingUpdate": { "maxUnavailable": "25%", "maxSurge": "25%" } });
        set(&mut spec["strategy"], &update);
    }
    pod(&mut spec["template"]["spec"]);
}

fn controller(kind: &str, spec: &mut Value) {
    let defaults = match kind {
        "ReplicaSet" => json!({ "replicas": 1 }),
        "DaemonSet" => json!({ "revisionHistoryLimit": 10, "updateStrategy": {
            "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": 1, "maxSurge": 0 } } }),
        _ => json!({ "replicas": 1, "revisionHistoryLimit": 10,
            "podManagementPolicy": "OrderedReady",
            "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "partition": 0 } },
            "persistentVolumeClaimRetentionPolicy":
                { "whenDeleted": "Retain", "whenScaled": "Retain" } }),
    };
    set(spec, &defaults);
    for claim in items(spec, "volumeClaimTemplates") {
        set(
            claim,
            &json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "spec": { "volumeMode": "Filesystem" }, "status": { "phase": "Pending" } }),
        );
    }
    pod(&mut spec["template"]["spec"]);
}

fn job(spec: &mut Value) {
    let defaults = json!({ "parallelism": 1, "completions": 1, "backoffLimit": 6,
        "completionMode": "NonIndexed", "suspend": false,
        "podReplacementPolicy": "TerminatingOrFailed" });
    set(spec, &defaults);
    pod(&mut spec["template"]["spec"]);
}

fn service(spec: &mut Value) {
    set(spec, &json!({ "type": "ClusterIP", "sessionAffinity": "None" }));
    let form = spec["type"].as_str().unwrap_or_default().to_owned();
    if form != "ExternalName" {
        set(spec, &json!({ "internalTrafficPolicy": "Cluster" }));
    }
    if matches!(form.as_str(), "NodePort" | "LoadBalancer") {
        set(spec, &json!({ "externalTrafficPolicy": "Cluster" }));
    }
    if form == "LoadBalancer" {
        set(spec, &json!({ "allocateLoadBalancerNodePorts": true }));
    }
    for port in items(spec, "ports") {
        let number = port["port"].clone();
        set(port, &json!({ "protocol": "TCP", "targetPort": number }));
    }
}

fn secret(object: &mut Value) {
    set(object, &json!({ "type": "Opaque" }));
    let Some(fields) = object.as_object_mut() else { return };
    let Some(Value::Object(plain)) = fields.shift_remove("stringData") else { return };
    for (name, text) in plain {
        let text = base64(text.as_str().unwrap_or_default().as_bytes());
        object["data"][name] = text.into();
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn pod(spec: &mut Value) {
    set(
        spec,
        &json!({ "restartPolicy": "Always", "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst", "securityContext": {},
            "schedulerName": "default-scheduler" }),
    );
    for field in ["initContainers", "containers"] {
        items(spec, field).for_each(container);
    }
    for volume in items(spec, "volumes") {
        for source in ["configMap", "secret", "projected", "downwardAPI"] {
            if volume.get(source).is_some_and(Value::is_object) {
                set(&mut volume[source], &json!({ "defaultMode": 420 }));
            }
        }
    }
}

fn container(container: &mut Value) {
    let image = container["image"].as_str().unwrap_or_default();
    let last = image.rsplit('/').next().unwrap_or_default();
    let is_latest = !last.contains('@') && (!last.contains(':') || last.ends_with(":latest"));
    let pull = if is_latest { "Always" } else { "IfNotPresent" };
    set(
        container,
        &json!({ "resources": {}, "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File", "imagePullPolicy": pull }),
    );
    for bound in ["/resources/requests", "/resources/limits"] {
        quantity::settle(container.pointer_mut(bound));
    }
    for port in items(container, "ports") {
        set(port, &json!({ "protocol": "TCP" }));
    }
    for probe in ["readinessProbe", "livenessProbe", "startupProbe"] {
        let Some(probe) = container.get_mut(probe).filter(|probe| probe.is_object()) else {
            continue;
        };
        let times = json!({ "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1,
            "failureThreshold": 3 });
        set(probe, &times);
        if let Some(request) = probe.get_mut("httpGet") {
            set(request, &json!({ "path": "/", "scheme": "HTTP" }));
        }
    }
    for variable in items(container, "env") {
        if let Some(field) = variable.pointer_mut("/valueFrom/fieldRef") {
            set(field, &json!({ "apiVersion": "v1" }));
        }
    }
}
