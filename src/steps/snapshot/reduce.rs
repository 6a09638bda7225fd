//! What stays of an object for a diagnosis: no values of secrets, of configuration or of
//! environment variables, and little of what no rule reads. Text that may hide a secret is `clean`'s.

use serde_json::{Map, Value};

use crate::manifest::read;
use crate::redact::names::is_secret;
use crate::steps::objects::bare::bare;

/// Fields of metadata that stay.
const METADATA: [&str; 11] = [
    "annotations",
    "creationTimestamp",
    "deletionTimestamp",
    "finalizers",
    "generation",
    "labels",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "uid",
];

/// Endings of the domains of annotations that say who made an object, and what it is.
const SPEAKING: [&str; 7] =
    ["argoproj.io", "fluxcd.io", "helm.sh", "k3s.io", "kubernetes.io", "mlup.dev", "rancher.io"];

/// Fields of pods and their templates that no rule reads, and that fill half of each.
const POD: [&str; 6] = [
    "enableServiceLinks",
    "hostAliases",
    "preemptionPolicy",
    "priority",
    "serviceAccount",
    "terminationGracePeriodSeconds",
];

/// The same of containers: where they write their last words.
const CONTAINER: [&str; 3] = ["lifecycle", "terminationMessagePath", "terminationMessagePolicy"];

/// Stands for a word of a command line that nobody needs to read.
const WORD: &str = "...";

/// The same of the states of containers.
const STATUS: [&str; 5] =
    ["allocatedResources", "allocatedResourcesStatus", "containerID", "resources", "user"];

/// Fields that stay of an event.
const EVENT: [&str; 16] = [
    "action",
    "apiVersion",
    "count",
    "eventTime",
    "firstTimestamp",
    "involvedObject",
    "kind",
    "lastTimestamp",
    "message",
    "metadata",
    "note",
    "reason",
    "regarding",
    "reportingComponent",
    "series",
    "type",
];

/// The object without what nobody may keep and nobody reads. `learn` is told what turns out to be
/// a secret on the way.
pub(super) fn reduce(object: Value, learn: &dyn Fn(&str)) -> Value {
    let mut object = bare(object, learn);
    without_nulls(&mut object);
    metadata(&mut object);
    match read::kind(&object) {
        "Pod" => pod(&mut object, learn),
        "Event" => event(&mut object),
        "ConfigMap" => config_map(&mut object, learn),
        "ReplicaSet" if !read::list(&object, "/metadata/ownerReferences").is_empty() => {
            drop_in(&mut object, "/spec/template", &["spec"]);
        }
        "Application" => {
            drop_in(&mut object, "/spec/source", &["helm", "kustomize", "plugin"]);
            drop_in(&mut object, "/spec", &["sources"]);
        }
        "StorageClass" => drop_in(&mut object, "", &["parameters"]),
        "PersistentVolume" => drop_in(&mut object, "/spec/csi", &["volumeAttributes"]),
        "CronJob" => template(&mut object, "/spec/jobTemplate/spec/template", learn),
        kind if kind.ends_with("WebhookConfiguration") => webhooks(&mut object),
        _ => template(&mut object, "/spec/template", learn),
    }
    object
}

/// Absent and null are the same to every reader.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

fn metadata(object: &mut Value) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    metadata.retain(|field, _| METADATA.contains(&field.as_str()));
    if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
        annotations.retain(|key, _| is_speaking(key));
    }
}

/// Whether an annotation says something about the object, and not what somebody wrote into it.
fn is_speaking(key: &str) -> bool {
    let Some((domain, name)) = key.split_once('/') else { return key.starts_with("dev.mlup.") };
    SPEAKING.iter().any(|ending| domain.ends_with(ending))
        && !name.starts_with("last-applied")
        && !name.ends_with("-snippet")
}

fn pod(pod: &mut Value, learn: &dyn Fn(&str)) {
    if let Some(spec) = pod.get_mut("spec") {
        pod_spec(spec, learn);
    }
    let Some(status) = pod.get_mut("status").and_then(Value::as_object_mut) else { return };
    status
        .retain(|field, _| !["hostIP", "hostIPs", "podIPs", "resources"].contains(&field.as_str()));
    for list in ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"] {
        for one in items(status, list) {
            one.retain(|field, _| !STATUS.contains(&field.as_str()) && field != "volumeMounts");
        }
    }
}

fn template(object: &mut Value, at: &str, learn: &dyn Fn(&str)) {
    let Some(template) = object.pointer_mut(at) else { return };
    metadata(template);
    if let Some(spec) = template.get_mut("spec") {
        pod_spec(spec, learn);
    }
}

fn pod_spec(spec: &mut Value, learn: &dyn Fn(&str)) {
    let Some(spec) = spec.as_object_mut() else { return };
    spec.retain(|field, _| !POD.contains(&field.as_str()));
    if let Some(Value::Array(volumes)) = spec.get_mut("volumes") {
        volumes.retain(|volume| !is_token(read::text(volume, "/name")));
        for volume in volumes {
            drop_in(volume, "/csi", &["volumeAttributes"]);
            drop_in(volume, "/flexVolume", &["options"]);
        }
    }
    if let Some(Value::Array(tolerations)) = spec.get_mut("tolerations") {
        // Every pod has these two.
        tolerations.retain(|one| one.get("tolerationSeconds") != Some(&300.into()));
    }
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        items(spec, list).for_each(|one| container(one, learn));
    }
}

/// The volume of the account's own token, which every pod has.
fn is_token(volume: &str) -> bool {
    volume.starts_with("kube-api-access-")
}

fn container(container: &mut Map<String, Value>, learn: &dyn Fn(&str)) {
    learn_arguments(container, learn);
    container.retain(|field, _| !CONTAINER.contains(&field.as_str()));
    for one in items(container, "env") {
        let name = one.get("name").and_then(Value::as_str).unwrap_or_default();
        if let Some(value) = one.get("value").and_then(Value::as_str)
            && is_secret(name)
        {
            learn(value);
        }
        one.shift_remove("value");
    }
    if let Some(Value::Array(mounts)) = container.get_mut("volumeMounts") {
        mounts.retain(|mount| !is_token(read::text(mount, "/name")));
    }
    // Passwords stand on command lines, and only what is run decides anything.
    if let Some(Value::Array(words)) = container.get_mut("command") {
        words.truncate(1);
    }
    // Which of them are empty decides; what the others say does not.
    if let Some(Value::Array(words)) = container.get_mut("args") {
        for word in words {
            *word = shape(word.as_str().unwrap_or_default()).into();
        }
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let Some(probe) = container.get_mut(probe) else { continue };
        drop_in(probe, "/httpGet", &["httpHeaders"]);
        if let Some(Value::Array(words)) = probe.pointer_mut("/exec/command") {
            words.truncate(1);
        }
    }
}

/// The name of a flag and whether it has a value, nothing else of a word.
fn shape(word: &str) -> String {
    match word.split_once('=') {
        Some((flag, value)) if flag.starts_with('-') => {
            format!("{flag}={}", if value.is_empty() { "" } else { WORD })
        }
        _ if word.is_empty() || word.starts_with("--") => word.to_owned(),
        // A short flag may have its value behind it, without a space.
        _ if word.starts_with('-') && word.len() == 2 => word.to_owned(),
        _ => WORD.to_owned(),
    }
}

/// What follows `--password` on a command line, or stands behind it.
fn learn_arguments(container: &Map<String, Value>, learn: &dyn Fn(&str)) {
    let words = ["command", "args"].into_iter().filter_map(|list| container.get(list)?.as_array());
    let words: Vec<&str> = words.flatten().filter_map(Value::as_str).collect();
    for (at, word) in words.iter().enumerate() {
        let (flag, value) =
            word.split_once('=').map_or((*word, None), |(flag, value)| (flag, Some(value)));
        if flag.starts_with('-') && is_secret(flag.trim_start_matches('-')) {
            value.or(words.get(at + 1).copied()).into_iter().for_each(learn);
        }
    }
}

fn event(event: &mut Value) {
    if let Some(fields) = event.as_object_mut() {
        fields.retain(|field, _| EVENT.contains(&field.as_str()));
    }
    drop_in(event, "/metadata", &["resourceVersion", "labels", "annotations"]);
    drop_in(event, "/involvedObject", &["apiVersion", "resourceVersion"]);
}

/// The keys, for which references ask; no value.
fn config_map(map: &mut Value, learn: &dyn Fn(&str)) {
    for field in ["data", "binaryData"] {
        let Some(Value::Object(data)) = map.get_mut(field) else { continue };
        for (key, value) in data.iter_mut() {
            if is_secret(key) {
                value.as_str().into_iter().for_each(learn);
            }
            *value = "".into();
        }
    }
}

fn webhooks(configuration: &mut Value) {
    let Some(Value::Array(webhooks)) = configuration.get_mut("webhooks") else { return };
    for webhook in webhooks {
        drop_in(webhook, "/clientConfig", &["caBundle"]);
    }
}

fn drop_in(object: &mut Value, at: &str, fields: &[&str]) {
    if let Some(Value::Object(inner)) = object.pointer_mut(at) {
        inner.retain(|field, _| !fields.contains(&field.as_str()));
    }
}

fn items<'o>(
    fields: &'o mut Map<String, Value>,
    list: &str,
) -> impl Iterator<Item = &'o mut Map<String, Value>> {
    let list = fields.get_mut(list).and_then(Value::as_array_mut);
    list.into_iter().flatten().filter_map(Value::as_object_mut)
}
