//! The status of a pod as the kubelet writes it from what its containers do.

use serde_json::{Value, json};

use super::super::super::world::World;
use super::super::objects::{
    condition, digest, generation, list, name, namespace, set_status, stamp, text,
};
use super::PodLife;
use super::life::Life;
use super::names::Image;

/// Writes the status where it is not as it was.
pub(super) fn write(world: &mut World, own: &PodLife, pod: &Value) {
    // Events of this turn did not change it, and nobody else writes it meanwhile.
    let Some(pod) = world.find("Pod", namespace(pod), name(pod)) else { return };
    let node = world.find("Node", "", text(&pod, "/spec/nodeName")).unwrap_or_default();
    let addresses = list(&node, "/status/addresses").iter();
    let mut internal = addresses.filter(|address| address["type"] == "InternalIP");
    let host = internal.next().map_or("192.0.2.2", |address| text(address, "/address"));
    let phase = phase(own);
    let resting = if own.inits.is_empty() { "ContainerCreating" } else { "PodInitializing" };
    let mut status = json!({
        "observedGeneration": generation(&pod), "phase": phase,
        "conditions": conditions(own, &pod, phase),
        "hostIP": host, "hostIPs": [{ "ip": host }],
    });
    if own.is_mounted {
        status["podIP"] = own.address.as_str().into();
        status["podIPs"] = json!([{ "ip": own.address }]);
    }
    status["startTime"] = own.begun.as_str().into();
    if !own.inits.is_empty() {
        status["initContainerStatuses"] =
            containers(&own.inits, list(&pod, "/spec/initContainers"), "PodInitializing");
    }
    status["containerStatuses"] = containers(&own.mains, list(&pod, "/spec/containers"), resting);
    status["qosClass"] = pod["status"]["qosClass"].clone();
    status["resources"] = json!({});
    set_status(world, &pod, status);
}

fn phase(own: &PodLife) -> &'static str {
    let ends: Option<Vec<i64>> = own.mains.iter().map(Life::end).collect();
    if let Some(ends) = ends.filter(|ends| !ends.is_empty()) {
        return if ends.iter().all(|code| *code == 0) { "Succeeded" } else { "Failed" };
    }
    if own.inits.iter().any(|life| life.end().is_some_and(|code| code != 0)) {
        return "Failed";
    }
    if own.mains.iter().any(|life| life.id.is_some()) { "Running" } else { "Pending" }
}

fn conditions(own: &PodLife, pod: &Value, phase: &str) -> Vec<Value> {
    let specs = |field: &str| list(pod, field).to_vec();
    let named = |lives: &[Life], specs: Vec<Value>, is_fine: &dyn Fn(&Life, &Value) -> bool| {
        let all = lives.iter().zip(specs);
        let open = all.filter(|(life, spec)| !is_fine(life, spec));
        open.map(|(_, spec)| text(&spec, "/name").to_owned()).collect::<Vec<_>>()
    };
    let incomplete = named(&own.inits, specs("/spec/initContainers"), &|life, spec| {
        life.has_succeeded() || spec["restartPolicy"] == "Always" && life.is_started
    });
    let unready = named(&own.mains, specs("/spec/containers"), &|life, _| life.is_ready);
    let is_over = ["Succeeded", "Failed"].contains(&phase);
    let ended = if phase == "Succeeded" { "PodCompleted" } else { "PodFailed" };
    let (ready, reason, message) = if is_over {
        ("False", ended, String::new())
    } else if unready.is_empty() {
        ("True", "", String::new())
    } else {
        let message = format!("containers with unready status: [{}]", unready.join(" "));
        ("False", "ContainersNotReady", message)
    };
    let sandbox = if own.is_mounted && !is_over { "True" } else { "False" };
    let (initialized, why, words) = if incomplete.is_empty() {
        ("True", if phase == "Succeeded" { "PodCompleted" } else { "" }, String::new())
    } else {
        let message = format!("containers with incomplete status: [{}]", incomplete.join(" "));
        ("False", "ContainersNotInitialized", message)
    };
    [
        ("PodReadyToStartContainers", sandbox, "", ""),
        ("Initialized", initialized, why, words.as_str()),
        ("Ready", ready, reason, message.as_str()),
        ("ContainersReady", ready, reason, message.as_str()),
        ("PodScheduled", "True", "", ""),
    ]
    .map(|row| of_row(pod, row))
    .to_vec()
}

fn of_row(pod: &Value, (kind, status, reason, message): (&str, &str, &str, &str)) -> Value {
    let before = condition(pod, kind).filter(|before| before["status"] == status);
    let since = before.map_or_else(stamp, |own| text(own, "/lastTransitionTime").to_owned());
    let mut new = json!({ "type": kind, "observedGeneration": generation(pod), "status": status,
        "lastProbeTime": null, "lastTransitionTime": since });
    for (field, words) in [("reason", reason), ("message", message)] {
        if !words.is_empty() {
            new[field] = words.into();
        }
    }
    new
}

fn containers(lives: &[Life], specs: &[Value], resting: &str) -> Value {
    let all = lives.iter().zip(specs);
    all.map(|(life, spec)| container(life, spec, resting)).collect()
}

fn container(life: &Life, spec: &Value, resting: &str) -> Value {
    let raw = text(spec, "/image");
    let full = Image::of(raw).map_or_else(|| raw.to_owned(), |image| image.full);
    let mounts = list(spec, "/volumeMounts").iter().map(|mount| {
        let mut own = json!({ "name": mount["name"], "mountPath": mount["mountPath"] });
        if mount["readOnly"] == true {
            own["readOnly"] = true.into();
            own["recursiveReadOnly"] = "Disabled".into();
        }
        own
    });
    let mut status = json!({
        "name": spec["name"], "state": life.state(resting), "lastState": life.last,
        "ready": life.is_ready, "restartCount": life.restarts, "image": raw, "imageID": "",
        "started": life.is_started, "volumeMounts": mounts.collect::<Vec<_>>(),
    });
    if let Some(id) = &life.id {
        let repository = full.rsplit_once(':').map_or(full.as_str(), |(before, _)| before);
        // What was never pulled has no digest of a registry: containerd names its configuration.
        let pulled = || format!("{repository}@sha256:{}", digest(&full));
        status["imageID"] = life.image.clone().unwrap_or_else(pulled).into();
        status["image"] = full.into();
        status["containerID"] = id.as_str().into();
        status["resources"] = spec["resources"].clone();
    }
    status
}
