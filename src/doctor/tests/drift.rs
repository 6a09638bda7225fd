//! Words decide nothing that Kubernetes 1.28 to 1.36, containerd and Docker say each in their way: the
//! recorded incidents in the words of other versions have the same rules and roots.

use serde_json::{Value, json};

use super::{Story, Way, each_text, none_wrong, rooted};
use crate::manifest::read;

/// Texts of one version, and those of another in their place.
type Words = &'static [(&'static str, &'static str)];

/// The scheduler until 1.33 did not speak of claims on devices.
const SCHEDULER_133: Words = &[
    (" no new claims to deallocate,", ""),
    (
        "PersistentVolumeClaims. not found",
        "PersistentVolumeClaims. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
    ),
    (
        "\" not found. not found",
        "\" not found. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
    ),
];

/// The scheduler until 1.30 ended without the words on preemption of its own.
const SCHEDULER_128: Words = &[
    (" no new claims to deallocate, preemption:", " preemption:"),
    ("PersistentVolumeClaims. not found", "PersistentVolumeClaims."),
    ("0/1 nodes are available: pod has", "0/1 nodes are available: 1 pod has"),
];

/// containerd 2 names the request.
const CONTAINERD_2: Words = &[
    (
        "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: ",
        "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: ",
    ),
    (
        "failed to fetch oauth token: unexpected status: 401 Unauthorized",
        "failed to fetch oauth token: unexpected status from POST request to https://registry.example/oauth2/token: 401 Unauthorized",
    ),
    ("rpc error: code = NotFound desc = ", ""),
    (
        "failed with status code [manifests v10-1770417468]: 401 Unauthorized",
        "unexpected status from HEAD request to https://registry.example/v2/a/manifests/v10: 401 Unauthorized",
    ),
    (
        "failed with status code [manifests v10-1770417468]: 403 Forbidden",
        "unexpected status from HEAD request to https://registry.example/v2/a/manifests/v10: 403 Forbidden",
    ),
];

/// The kubelet before a request was cut off by its own deadline.
const PROBES: Words = &[
    (
        "context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
        "net/http: request canceled (Client.Timeout exceeded while awaiting headers)",
    ),
    ("Created container: ", "Created container "),
];

/// What Docker says by cri-dockerd, by what containerd says at the end of the same.
const DOCKER: Words = &[
    (
        "401 Unauthorized",
        "Error response from daemon: Head \"https://registry.example/v2/a/manifests/1\": no basic auth credentials",
    ),
    (
        "403 Forbidden",
        "Error response from daemon: denied: Your authorization token has expired. Reauthenticate and try again.",
    ),
    (
        "no match for platform in manifest",
        "Error response from daemon: no matching manifest for linux/amd64 in the manifest list entries",
    ),
    (
        "429 Too Many Requests",
        "Error response from daemon: toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit",
    ),
    (
        "server gave HTTP response to HTTPS client",
        "Error response from daemon: Get \"https://registry.example/v2/\": http: server gave HTTP response to HTTPS client",
    ),
    (
        "no such host",
        "Error response from daemon: Get \"https://registry.example/v2/\": dial tcp: lookup registry.example on 192.168.65.7:53: no such host",
    ),
    (
        "connection refused",
        "Error response from daemon: Get \"https://registry.example/v2/\": dial tcp 10.0.0.9:5443: connect: connection refused",
    ),
    (
        ": not found",
        "Error response from daemon: manifest for exampleorg/a:1 not found: manifest unknown: manifest unknown",
    ),
];

/// Replaces words wherever the cluster says something.
fn say(object: &mut Value, words: Words) {
    let is_said = ["Pod", "Event", "ReplicaSet", "Deployment", "Job", "PersistentVolumeClaim"];
    if !is_said.contains(&read::kind(object)) {
        return;
    }
    each_text(object, &mut |text| {
        for (old, new) in words {
            if text.contains(old) {
                *text = text.replace(old, new);
            }
        }
    });
}

const PULLING: [&str; 2] = ["ErrImagePull", "ImagePullBackOff"];

/// The states of a pod's containers that wait for their image.
fn pulls(object: &mut Value) -> impl Iterator<Item = &mut Value> {
    let status = object.get_mut("status").and_then(Value::as_object_mut);
    let lists = status.into_iter().flatten().filter(|(list, _)| list.ends_with("ontainerStatuses"));
    let all = lists.filter_map(|(_, list)| list.as_array_mut()).flatten();
    let waiting = all.filter_map(|status| status.pointer_mut("/state/waiting"));
    waiting.filter(|state| PULLING.contains(&read::text(state, "/reason")))
}

/// Until 1.31 the state of a container that backs off says nothing of the cause, and an event does.
fn until_131(story: &Story) -> Story {
    let says = |event: &Value| read::text(event, "/message").starts_with("Failed to pull image");
    if story.kind("Event").any(says) { story.with(without_cause) } else { story.clone() }
}

fn without_cause(object: &mut Value) {
    for state in pulls(object) {
        let words = read::text(state, "/message");
        let short = words.split_once(": ErrImagePull: ").map(|(short, _)| short.to_owned());
        if let Some(short) = short {
            state["message"] = short.into();
        }
    }
}

/// What the runtime said, in Docker's words.
fn by_docker(text: &str) -> Option<String> {
    let begins = ["failed to pull and unpack image", "rpc error: code = "];
    let at = begins.iter().filter_map(|begin| text.find(begin)).min()?;
    let (_, says) = DOCKER.iter().find(|(ends, _)| text[at..].contains(ends))?;
    Some(format!("{}{says}", &text[..at]))
}

fn docker(object: &mut Value) {
    for state in pulls(object) {
        if let Some(words) = by_docker(read::text(state, "/message")) {
            state["message"] = words.into();
        }
    }
    let is_pull = read::kind(object) == "Event" && read::text(object, "/reason") == "Failed";
    if let Some(words) = by_docker(read::text(object, "/message")).filter(|_| is_pull) {
        object["message"] = words.into();
    }
}

/// Older kubelets go over to `CrashLoopBackOff` at once, the one that ended before as last state.
fn backs_off(object: &mut Value) {
    let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) else { return };
    for list in ["initContainerStatuses", "containerStatuses"] {
        for status in status.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let restarts = read::number(status, "/restartCount").unwrap_or_default();
            let Some(ended) = status.pointer("/state/terminated").cloned() else { continue };
            if restarts < 2
                || read::text(&ended, "/reason") == "Completed" && list.starts_with("init")
            {
                continue;
            }
            status["lastState"] = json!({ "terminated": ended });
            status["state"] = json!({ "waiting": { "reason": "CrashLoopBackOff",
                "message": "back-off 1m20s restarting failed container" } });
        }
    }
}

/// The newer kubelet shows the container that ended for much of its back-off.
fn ended(object: &mut Value) {
    let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) else { return };
    for list in ["initContainerStatuses", "containerStatuses"] {
        for status in status.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let last = status.pointer("/lastState/terminated").cloned();
            if read::text(status, "/state/waiting/reason") == "CrashLoopBackOff"
                && let Some(last) = last
            {
                status["state"] = json!({ "terminated": last });
                status["lastState"] = json!({});
            }
        }
    }
}

/// The last word on a mount is that time was over.
fn mount_timed_out(story: &Story) -> Story {
    let mut told = story.clone();
    for event in story.kind("Event").filter(|event| read::text(event, "/reason") == "FailedMount") {
        let mut event = event.clone();
        event["metadata"]["name"] = "zz-timed-out".into();
        event["count"] = 3.into();
        event["message"] = "Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[v kube-api-access-x]: timed out waiting for the condition".into();
        event["lastTimestamp"] = "2026-11-21T12:59:00Z".into();
        told.objects.push(event);
    }
    told
}

/// Events of the newer kind of reporting: no times but one, counted as a series.
fn series(object: &mut Value) {
    if read::kind(object) != "Event" {
        return;
    }
    let last = read::text(object, "/lastTimestamp").to_owned();
    let count = read::number(object, "/count").unwrap_or(1);
    if last.is_empty() {
        return;
    }
    object["eventTime"] = object["firstTimestamp"].clone();
    for field in ["firstTimestamp", "lastTimestamp", "count"] {
        object[field] = Value::Null;
    }
    if count > 1 {
        object["series"] = json!({ "count": count, "lastObservedTime": last });
    }
}

#[test]
fn the_words_of_another_version_have_the_same_causes() {
    let ways: [Way<'_>; 10] = [
        ("scheduler 1.33", &|story| story.with(|object| say(object, SCHEDULER_133))),
        ("scheduler 1.28", &|story| story.with(|object| say(object, SCHEDULER_128))),
        ("containerd 2", &|story| story.with(|object| say(object, CONTAINERD_2))),
        ("probes", &|story| story.with(|object| say(object, PROBES))),
        ("Docker", &|story| story.with(docker)),
        ("pulls until 1.31", &until_131),
        ("crashes until 1.35", &|story| story.with(backs_off)),
        ("crashes of 1.36", &|story| story.with(ended)),
        ("mounts that timed out", &mount_timed_out),
        ("events as series", &|story| story.with(series)),
    ];
    let mut wrong = Vec::new();
    for story in Story::with_made() {
        let before = rooted(&story.findings());
        for (how, way) in &ways {
            let after = rooted(&way(&story).findings());
            if before != after {
                wrong.push(format!("{} ({how}): {after:?} and not {before:?}", story.id));
            }
        }
    }
    none_wrong(&wrong);
}
