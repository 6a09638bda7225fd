//! Why a container cannot be made: what its configuration names is not there, or its command.

use serde_json::Value;

use super::cause::{Cause, Finality, Remedy};
use super::commands;
use super::pods::Container;
use super::workload::called;
use super::world::World;
use crate::event::CommandLine;
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
pub(super) struct Named {
    pub(super) target: Target,
    name: String,
    key: Option<String>,
}

/// What the kubelet's words name: `secret "x" not found`, `couldn't find key k in Secret n/x`.
pub(super) fn named(words: &str) -> Option<Named> {
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
pub(super) fn provably_missing(pod: &Value, world: &World) -> Vec<Missing> {
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
pub(super) fn missing_cause(pod: &Value, world: &World, named: &Named) -> Cause {
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
    let cause = describe(pod, named.target, &named.name, named.key.is_none(), &keys);
    by_metallb(cause, pod, world)
}

/// The secret by which the speakers of `MetalLB` find each other.
const MEMBERLIST: &str = "memberlist";

/// Its controller makes that secret itself (since 0.10): where it is missing, the controller
/// does not work.
pub(super) fn by_metallb(cause: Cause, pod: &Value, world: &World) -> Cause {
    if cause.root.as_ref().is_none_or(|root| root.name != MEMBERLIST) {
        return cause;
    }
    let namespace = read::namespace(pod);
    let labels = "/metadata/labels/app.kubernetes.io~1component";
    let controller = world.within("Deployment", namespace).find(|deployment| {
        read::name(deployment).ends_with("controller")
            || read::text(deployment, labels) == "controller"
    });
    let cause = cause.rule("CFG-08");
    let Some(name) = controller.map(read::name) else { return cause };
    cause
        .because(
            format!("deployment {name}"),
            "MetalLB's controller makes this secret itself once it reaches the API",
        )
        .run(
            CommandLine::kubectl(namespace)
                .arg("logs")
                .arg(format!("deployment/{name}"))
                .comment("why it cannot reach the API or write the secret"),
        )
        .root("Deployment", namespace, name)
}

/// Whether what the kubelet missed has been made since.
fn is_there_now(pod: &Value, world: &World, named: &Named) -> bool {
    let found = world.find(named.target.kind(), read::namespace(pod), &named.name);
    let Some(found) = found.filter(|_| world.knows(named.target.kind())) else { return false };
    let mut maps = ["/data", "/binaryData"].iter().flat_map(|map| read::keys(found, map));
    named.key.as_ref().is_none_or(|key| maps.any(|known| known == key))
}

pub(super) fn describe(
    pod: &Value,
    target: Target,
    name: &str,
    absent: bool,
    keys: &[String],
) -> Cause {
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
    if ["runAsNonRoot", "non-root", "runAsUser"].iter().any(|known| words.contains(known)) {
        return cause
            .rule("CFG-03")
            .fix("set `securityContext.runAsUser` to a number other than 0");
    }
    if is_about_mounts(words) {
        return cause.rule("CFG-07").fix(
            "correct `subPath` and `mountPath`: a file is mounted on a file, a folder on a folder",
        );
    }
    cause.likely().run(commands::describe(container.pod))
}

/// Whether the words tell of a volume's path inside of the container.
fn is_about_mounts(words: &str) -> bool {
    ["subPath", "error mounting", "to rootfs", "failed to mkdir", "not a shared mount"]
        .iter()
        .any(|known| words.contains(known))
}

/// A command that the runtime could not run.
pub(super) fn command(container: &Container<'_>, words: &str) -> Cause {
    let tail =
        words.rsplit("container process: ").next().unwrap_or(words).trim_end_matches(": unknown");
    if words.contains("exec format error") {
        return super::crash::exec_format(container, words);
    }
    if is_about_mounts(words) {
        let summary = format!("{} cannot be started: {tail}", container.called());
        return Cause::new("CONTAINER_START", Class::Config, Finality::Transient, summary)
            .rule("CFG-07")
            .because(container.source(), words)
            .fix("correct `subPath` and `mountPath`: a file is mounted on a file, a folder on a folder")
            .affecting(container.pod);
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
