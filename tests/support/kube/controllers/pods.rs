//! Pods as controllers make them from a template, with what admission adds; and pods that somebody
//! made by hand, which get the same.

use serde_json::{Value, json};

use super::super::world::World;
use super::context::Context;
use super::events::{Event, KUBELET};
use super::objects::{is_leaving, list, name, namespace, owner_reference, revise, text};
use super::settings::Settings;

/// How a pod is called.
pub(super) enum Called {
    /// By its owner, and letters that the server chooses.
    Anyhow,
    /// So.
    Exactly(String),
}

/// Makes a pod of a template; otherwise the words of the refusal.
pub(super) fn make(
    world: &mut World,
    settings: &Settings,
    (owner, template): (&Value, &Value),
    called: Called,
    change: impl FnOnce(&mut Value),
) -> Result<Value, String> {
    let begin = format!("{}-", name(owner));
    let (own, is_generated) = match called {
        Called::Exactly(own) => (own, false),
        Called::Anyhow => (format!("{begin}{}", world.next_name()), true),
    };
    let mut pod = json!({
        "kind": "Pod", "apiVersion": "v1",
        "metadata": { "name": own, "namespace": namespace(owner), "generation": 1 },
        "spec": template["spec"],
    });
    if is_generated {
        pod["metadata"]["generateName"] = begin.as_str().into();
    }
    for field in ["labels", "annotations"] {
        if template["metadata"][field].is_object() {
            pod["metadata"][field] = template["metadata"][field].clone();
        }
    }
    pod["metadata"]["ownerReferences"] = json!([owner_reference(owner)]);
    change(&mut pod);
    let refused = settings.refused.iter().find(|(part, _)| own.contains(part.as_str()));
    if let Some((_, words)) = refused {
        return Err(format!("pods \"{own}\" is forbidden: {words}"));
    }
    let shown = if is_generated { begin } else { own };
    admit(world, &mut pod).map_err(|words| format!("pods \"{shown}\" is forbidden: {words}"))?;
    world.store(pod.clone());
    Ok(pod)
}

/// Takes a pod away, as its kubelet tells it.
pub(super) fn remove(world: &mut World, pod: &Value) {
    for container in list(pod, "/status/containerStatuses") {
        if container["state"]["running"].is_object() {
            let container = text(container, "/name");
            let message = format!("Stopping container {container}");
            Event::normal(KUBELET, pod, "Killing", message)
                .on(&format!("spec.containers{{{container}}}"))
                .tell(world);
        }
    }
    world.delete("Pod", namespace(pod), name(pod));
}

/// Pods that nobody controls get what admission adds.
pub(super) fn turn(world: &mut World, _: &mut Context<'_>) {
    for pod in world.objects("Pod") {
        if is_leaving(&pod) || !text(&pod, "/spec/serviceAccountName").is_empty() {
            continue;
        }
        let mut admitted = pod.clone();
        if admit(world, &mut admitted).is_ok() {
            revise(world, &pod, admitted);
        }
    }
}

/// Adds what the server adds to every pod.
fn admit(world: &mut World, pod: &mut Value) -> Result<(), String> {
    let within = namespace(pod).to_owned();
    let account = match text(pod, "/spec/serviceAccountName") {
        "" => "default".to_owned(),
        account => account.to_owned(),
    };
    let Some(found) = world.find("ServiceAccount", &within, &account) else {
        return Err(format!(
            "error looking up service account {within}/{account}: serviceaccount \"{account}\" not found"
        ));
    };
    let letters = world.next_name();
    let spec = &mut pod["spec"];
    spec["serviceAccountName"] = account.as_str().into();
    spec["serviceAccount"] = account.as_str().into();
    if list(spec, "/imagePullSecrets").is_empty() && found["imagePullSecrets"].is_array() {
        spec["imagePullSecrets"] = found["imagePullSecrets"].clone();
    }
    for (field, value) in [
        ("restartPolicy", json!("Always")),
        ("terminationGracePeriodSeconds", json!(30)),
        ("dnsPolicy", json!("ClusterFirst")),
        ("securityContext", json!({})),
        ("schedulerName", json!("default-scheduler")),
        ("priority", json!(0)),
        ("enableServiceLinks", json!(true)),
        ("preemptionPolicy", json!("PreemptLowerPriority")),
    ] {
        if spec[field].is_null() {
            spec[field] = value;
        }
    }
    tolerate(spec);
    mount_token(spec, &letters);
    for field in ["initContainers", "containers"] {
        for container in spec.get_mut(field).and_then(Value::as_array_mut).into_iter().flatten() {
            complete(container);
        }
    }
    pod["status"] = json!({ "phase": "Pending", "qosClass": quality(pod) });
    Ok(())
}

fn tolerate(spec: &mut Value) {
    let mut all = list(spec, "/tolerations").to_vec();
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        if !all.iter().any(|own| own["key"] == key && own["effect"] == "NoExecute") {
            all.push(json!({ "key": key, "operator": "Exists", "effect": "NoExecute",
                "tolerationSeconds": 300 }));
        }
    }
    spec["tolerations"] = all.into();
}

fn mount_token(spec: &mut Value, letters: &str) {
    if spec["automountServiceAccountToken"] == false {
        return;
    }
    let volume = format!("kube-api-access-{letters}");
    let mut volumes = list(spec, "/volumes").to_vec();
    volumes.push(json!({ "name": volume, "projected": { "defaultMode": 420, "sources": [
        { "serviceAccountToken": { "expirationSeconds": 3607, "path": "token" } },
        { "configMap": { "items": [{ "key": "ca.crt", "path": "ca.crt" }], "name": "kube-root-ca.crt" } },
        { "downwardAPI": { "items": [{ "path": "namespace",
            "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.namespace" } }] } },
    ] } }));
    spec["volumes"] = volumes.into();
    for field in ["initContainers", "containers"] {
        for container in spec.get_mut(field).and_then(Value::as_array_mut).into_iter().flatten() {
            let mut mounts = list(container, "/volumeMounts").to_vec();
            mounts.push(json!({ "name": volume, "readOnly": true,
                "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount" }));
            container["volumeMounts"] = mounts.into();
        }
    }
}

fn complete(container: &mut Value) {
    let image = text(container, "/image");
    // Without a tag the newest is meant, and that is always pulled.
    let last = image.rsplit('/').next().unwrap_or_default();
    let is_newest = !last.contains(':') && !last.contains('@') || last.ends_with(":latest");
    let policy = if is_newest { "Always" } else { "IfNotPresent" };
    for (field, value) in [
        ("imagePullPolicy", json!(policy)),
        ("resources", json!({})),
        ("terminationMessagePath", json!("/dev/termination-log")),
        ("terminationMessagePolicy", json!("File")),
    ] {
        if container[field].is_null() {
            container[field] = value;
        }
    }
}

/// Which pods are ended first when a node has too little.
fn quality(pod: &Value) -> &'static str {
    let containers = list(pod, "/spec/containers");
    let has = |container: &Value, what: &str, of: &str| {
        container["resources"][what][of].is_string() || container["resources"][what][of].is_number()
    };
    let is_any = |container: &Value| {
        ["requests", "limits"]
            .iter()
            .any(|what| ["cpu", "memory"].iter().any(|of| has(container, what, of)))
    };
    let is_bound = |container: &Value| {
        ["cpu", "memory"].iter().all(|of| {
            let resources = &container["resources"];
            let is_equal = resources["requests"][of].is_null()
                || resources["requests"][of] == resources["limits"][of];
            has(container, "limits", of) && is_equal
        })
    };
    match containers {
        all if !all.iter().any(is_any) => "BestEffort",
        all if all.iter().all(is_bound) => "Guaranteed",
        _ => "Burstable",
    }
}
