//! Why a container cannot be made: what its configuration names is not there, or its command.

use serde_json::Value;

use super::cause::{Cause, Finality, Remedy};
use super::commands;
use super::pods::Container;
use super::workload::called;
use super::world::{self, World};
use crate::manifest::missing::{self, Missing, Present};
use crate::manifest::references::{self, Target};
use crate::manifest::{Object, Place, read};
use crate::policy::Class;

/// Why a container cannot be made or started.
pub(super) fn cause(container: &Container<'_>) -> Option<Cause> {
    let words = container.words();
    match container.waits_for() {
        "CreateContainerConfigError" => Some(
            named(words)
                .map_or_else(
                    || other(container),
                    |named| missing_cause(container.pod, container.world, &named),
                )
                .because(container.source(), words),
        ),
        "CreateContainerError" | "RunContainerError" | "StartError" => {
            Some(command(container, words))
        }
        _ => None,
    }
}

/// Something that a message names as missing.
struct Named {
    target: Target,
    name: String,
    key: Option<String>,
}

/// What the kubelet's words name: `secret "x" not found`, `couldn't find key k in Secret n/x`.
fn named(words: &str) -> Option<Named> {
    if let Some((_, rest)) = words.split_once("couldn't find key ") {
        let (key, place) = rest.split_once(" in ")?;
        let (kind, path) = place.split_once(' ')?;
        let name = path.split_whitespace().next()?.rsplit('/').next()?;
        return Some(Named {
            target: Target::of_kind(kind)?,
            name: name.to_owned(),
            key: Some(key.to_owned()),
        });
    }
    [("secret \"", Target::Secret), ("configmap \"", Target::ConfigMap)].into_iter().find_map(
        |(lead, target)| {
            let (name, rest) = words.split_once(lead)?.1.split_once('"')?;
            rest.starts_with(" not found").then(|| Named {
                target,
                name: name.to_owned(),
                key: None,
            })
        },
    )
}

/// Everything that a pod refers to and that is provably not there. Kinds that nobody listed are
/// taken as there.
fn provably_missing(pod: &Value, world: &World) -> Vec<Missing> {
    let Some(object) = Object::new(pod.clone(), Place::default()) else { return Vec::new() };
    let references: Vec<_> = references::references(&object, read::namespace(pod))
        .into_iter()
        .filter(|reference| world.knows(reference.target.kind()))
        // A pull secret that is missing stops no container, and secrets may be listed without data.
        .filter(|reference| !reference.path.contains("imagePullSecrets"))
        .collect();
    let mut present = Present::default();
    let own = references.iter().map(|one| (one.target, one.name.as_str()));
    for (target, name) in own.collect::<std::collections::BTreeSet<_>>() {
        let Some(object) = world.find(target.kind(), read::namespace(pod), name) else { continue };
        if ["data", "binaryData", "type"].iter().any(|field| object.get(field).is_some()) {
            present.add_object(object, "");
        } else {
            present.add_unknown(target, read::namespace(object), read::name(object));
        }
    }
    let missing = missing::missing(&references, &present);
    missing
        .into_iter()
        .filter(|one| matches!(one.target, Target::Secret | Target::ConfigMap))
        .collect()
}

/// The cause for something missing that the kubelet named, with all keys that are missing beside it.
fn missing_cause(pod: &Value, world: &World, named: &Named) -> Cause {
    let mut keys = Vec::from_iter(named.key.clone());
    let mut missing = provably_missing(pod, world).into_iter();
    let same = missing.find(|one| one.target == named.target && one.name == named.name);
    if same.is_none() && is_there_now(pod, world, named) {
        let cause = describe(pod, named.target, &named.name, named.key.is_none(), &keys);
        let summary = format!(
            "{} waits until its node looks again for {} `{}`, which is there now",
            called(pod),
            named.target.kind(),
            named.name
        );
        return Cause { summary, finality: Finality::Transient, ..cause };
    }
    if let Some(same) = same {
        keys.extend(same.keys.into_iter().filter(|key| named.key.as_ref() != Some(key)));
    }
    describe(pod, named.target, &named.name, named.key.is_none(), &keys)
}

/// Whether what the kubelet missed has been made since.
fn is_there_now(pod: &Value, world: &World, named: &Named) -> bool {
    let found = world.find(named.target.kind(), read::namespace(pod), &named.name);
    let Some(found) = found.filter(|_| world.knows(named.target.kind())) else { return false };
    let mut maps = ["/data", "/binaryData"].iter().flat_map(|map| read::keys(found, map));
    named.key.as_ref().is_none_or(|key| maps.any(|known| known == key))
}

fn describe(pod: &Value, target: Target, name: &str, absent: bool, keys: &[String]) -> Cause {
    let kind = target.kind();
    let namespace = read::namespace(pod);
    let quoted: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
    let many = if keys.len() == 1 { "key" } else { "keys" };
    let summary = if absent {
        let keys = if keys.is_empty() {
            String::new()
        } else {
            format!(", of which it reads {many} {}", quoted.join(", "))
        };
        format!(
            "{} needs {kind} `{name}`{keys}, which is not in namespace `{namespace}`",
            called(pod)
        )
    } else {
        format!(
            "{kind} `{name}` in namespace `{namespace}` lacks the {many} {} that {} reads",
            quoted.join(", "),
            called(pod)
        )
    };
    let code = match (target, absent) {
        (Target::ConfigMap, true) => "CONFIG_MAP_MISSING",
        (Target::ConfigMap, false) => "CONFIG_MAP_KEY_MISSING",
        (_, true) => "SECRET_MISSING",
        (_, false) => "SECRET_KEY_MISSING",
    };
    let fix = if absent { commands::create } else { commands::add_keys };
    Cause::new(code, Class::Prerequisite, Finality::CurableBy(Remedy::Object), summary)
        .run(fix(kind, namespace, name, keys))
        .root(kind, namespace, name)
        .affecting(pod)
}

/// A pod that waits for a volume whose source is provably not there, or whose mount says so.
pub(super) fn volume_cause(pod: &Value, world: &World) -> Option<Cause> {
    let waits = ["/status/initContainerStatuses", "/status/containerStatuses"]
        .iter()
        .flat_map(|list| read::list(pod, list))
        .any(|status| {
            ["ContainerCreating", "PodInitializing"]
                .contains(&read::text(status, "/state/waiting/reason"))
        });
    if !waits {
        return None;
    }
    let mounts = world.events(pod).filter(|event| read::text(event, "/reason") == "FailedMount");
    let said = mounts.map(world::message).filter_map(|words| Some((words, named(words)?))).last();
    let proven = provably_missing(pod, world)
        .into_iter()
        .find(|one| one.wanted_by.iter().any(|by| by.path.contains(".volumes[")));
    match (proven, said) {
        (Some(one), said) => {
            let cause = describe(pod, one.target, &one.name, one.absent, &one.keys);
            Some(
                cause
                    .rule("CFG-05")
                    .because("event FailedMount", said.map_or("", |(words, _)| words)),
            )
        }
        (None, Some((words, named))) if !world.knows(named.target.kind()) => {
            let cause = missing_cause(pod, world, &named).rule("CFG-05");
            Some(cause.because("event FailedMount", words))
        }
        _ => None,
    }
}

/// A configuration that the kubelet refuses for another reason, such as a user that it must not use.
fn other(container: &Container<'_>) -> Cause {
    let words = container.words();
    let cause = Cause::new(
        "CONTAINER_CONFIG",
        Class::Config,
        Finality::Fatal,
        format!("{} cannot be made: {words}", container.called()),
    )
    .affecting(container.pod);
    if words.contains("runAsNonRoot") || words.contains("non-root") {
        return cause
            .rule("CFG-03")
            .fix("set `securityContext.runAsUser` to a number other than 0");
    }
    cause.run(commands::describe(container.pod))
}

/// A command that the runtime could not run.
pub(super) fn command(container: &Container<'_>, words: &str) -> Cause {
    let tail =
        words.rsplit("container process: ").next().unwrap_or(words).trim_end_matches(": unknown");
    if words.contains("exec format error") {
        return super::crash::exec_format(container, words);
    }
    let known = [
        "executable file not found",
        "no such file or directory",
        "permission denied",
        "is a directory",
    ];
    let (code, finality) = if known.iter().any(|known| words.contains(known)) {
        ("CONTAINER_COMMAND", Finality::Fatal)
    } else {
        ("CONTAINER_START", Finality::Transient)
    };
    Cause::new(
        code,
        Class::Config,
        finality,
        format!("{} cannot be started: {tail}", container.called()),
    )
    .because(container.source(), words)
    .fix("correct `command` and `args` of the container, or the image's entrypoint")
    .affecting(container.pod)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kubelet_names_is_read_from_its_words() {
        for (words, target, name, key) in [
            ("secret \"airflow-fernet-key\" not found", Target::Secret, "airflow-fernet-key", None),
            ("couldn't find key a-b in Secret ns/s", Target::Secret, "s", Some("a-b")),
            ("couldn't find key k in ConfigMap ns/c", Target::ConfigMap, "c", Some("k")),
            (
                "MountVolume.SetUp failed for volume \"v\" : configmap \"x\" not found",
                Target::ConfigMap,
                "x",
                None,
            ),
        ] {
            let named = named(words).unwrap();
            assert_eq!(
                (named.target, named.name.as_str(), named.key.as_deref()),
                (target, name, key)
            );
        }
        assert!(named("container has runAsNonRoot and image will run as root").is_none());
    }
}
