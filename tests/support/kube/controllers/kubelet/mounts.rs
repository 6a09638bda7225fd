//! What a pod refers to: configuration and secrets in volumes and in variables, and the words for
//! what is not there.

use serde_json::Value;

use super::super::super::world::World;
use super::super::objects::{list, namespace, text};

/// The words for the first volume whose source is not there.
pub(super) fn missing_volume(world: &World, pod: &Value) -> Option<String> {
    list(pod, "/spec/volumes").iter().find_map(|volume| {
        let alone = std::iter::once(volume);
        let mut sources = alone.chain(list(volume, "/projected/sources"));
        let words = sources.find_map(|source| missing_source(world, pod, source))?;
        let name = text(volume, "/name");
        Some(format!("MountVolume.SetUp failed for volume \"{name}\" : {words}"))
    })
}

fn missing_source(world: &World, pod: &Value, source: &Value) -> Option<String> {
    for (kind, field) in [(&SECRET, "secret"), (&CONFIG_MAP, "configMap")] {
        let wanted = &source[field];
        if wanted.is_null() || wanted["optional"] == true {
            continue;
        }
        let name = match text(wanted, "/secretName") {
            "" => text(wanted, "/name"),
            name => name,
        };
        let Some(found) = world.find(kind.kind, namespace(pod), name) else {
            return Some(format!("{} \"{name}\" not found", kind.word));
        };
        let mut keys = list(wanted, "/items").iter().map(|item| text(item, "/key"));
        if let Some(key) = keys.find(|key| !has(&found, key)) {
            return Some(format!("references non-existent {} key: {key}", kind.short));
        }
    }
    None
}

/// The words for the first variable of a container whose value is not there.
pub(super) fn missing_variable(world: &World, pod: &Value, container: &Value) -> Option<String> {
    let whole = list(container, "/envFrom").iter().find_map(|from| {
        named(world, pod, (&from["secretRef"], &SECRET))
            .or_else(|| named(world, pod, (&from["configMapRef"], &CONFIG_MAP)))
    });
    whole.or_else(|| {
        list(container, "/env").iter().find_map(|variable| {
            let from = &variable["valueFrom"];
            named(world, pod, (&from["secretKeyRef"], &SECRET))
                .or_else(|| named(world, pod, (&from["configMapKeyRef"], &CONFIG_MAP)))
        })
    })
}

/// How a kind is called in several places.
struct Words {
    kind: &'static str,
    word: &'static str,
    short: &'static str,
}

const SECRET: Words = Words { kind: "Secret", word: "secret", short: "secret" };
const CONFIG_MAP: Words = Words { kind: "ConfigMap", word: "configmap", short: "config" };

fn named(world: &World, pod: &Value, (wanted, kind): (&Value, &Words)) -> Option<String> {
    if wanted.is_null() || wanted["optional"] == true {
        return None;
    }
    let name = text(wanted, "/name");
    let Some(found) = world.find(kind.kind, namespace(pod), name) else {
        return Some(format!("{} \"{name}\" not found", kind.word));
    };
    let key = text(wanted, "/key");
    (!key.is_empty() && !has(&found, key))
        .then(|| format!("couldn't find key {key} in {} {}/{name}", kind.kind, namespace(pod)))
}

fn has(object: &Value, key: &str) -> bool {
    ["data", "stringData", "binaryData"].iter().any(|field| !object[field][key].is_null())
}
