//! Why a container cannot be made: what its configuration names is not there, or its command.

use serde_json::Value;

use super::cause::{Cause, Finality};
use super::commands;
use super::pods::Container;
use super::wanted::Wanted;
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
        "CreateContainerConfigError" => {
            let cause = named(words).map_or_else(
                || other(container),
                |named| missing_cause(container.pod, container.world, &named),
            );
            Some(cause.because(container.source(), words))
        }
        "CreateContainerError" | "RunContainerError" | "StartError" => {
            Some(command(container, words))
        }
        "PostStartHookError" => {
            Some(command(container, words).fix("correct `lifecycle.postStart` of the container"))
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

/// What else a pod refers to that is provably not there, once it waits for one such thing: the
/// kubelet names the first alone.
pub(super) fn beside(pod: &Value, world: &World, found: &[Cause]) -> Vec<Cause> {
    if found.iter().all(|cause| cause.wanted.is_none()) {
        return Vec::new();
    }
    let is_new = |one: &Missing| {
        found.iter().filter_map(|cause| cause.root.as_ref()).all(|root| {
            (root.kind.as_str(), root.name.as_str()) != (one.target.kind(), one.name.as_str())
        })
    };
    let missing = provably_missing(pod, world).into_iter().filter(is_new);
    let causes = missing.filter_map(|one| {
        let path = &one.wanted_by.iter().find(|by| is_awaited(pod, &by.path))?.path;
        let wanted = Wanted::of(pod, one.target, &one.name, one.absent, one.keys.clone());
        let cause = wanted.cause(pod);
        let cause = cause.because(format!("pod {}", read::name(pod)), &format!("{path} names it"));
        Some(if path.contains(".volumes[") { cause.rule("CFG-05") } else { cause })
    });
    causes.collect()
}

/// Whether what a pod names at this path is still to be read: its volumes are mounted before the
/// first container is made.
fn is_awaited(pod: &Value, path: &str) -> bool {
    let waits = |list: &str, at: Option<usize>| {
        let specs = read::list(pod, &format!("/spec/{list}")).iter();
        let names: Vec<&str> = specs.map(|spec| read::text(spec, "/name")).collect();
        let field = if list == "containers" { "container" } else { "initContainer" };
        let statuses = read::list(pod, &format!("/status/{field}Statuses")).iter();
        let wanted = at.and_then(|at| names.get(at).copied());
        let mut own =
            statuses.filter(|status| wanted.is_none_or(|name| read::text(status, "/name") == name));
        let none_made = ["ContainerCreating", "PodInitializing"];
        own.all(|status| {
            let reason = read::text(status, "/state/waiting/reason");
            !reason.is_empty() && (at.is_some() || none_made.contains(&reason))
        })
    };
    if path.contains(".volumes[") {
        return waits("containers", None) && waits("initContainers", None);
    }
    ["containers", "initContainers"].into_iter().any(|list| {
        let at = path
            .split_once(&format!(".{list}["))
            .and_then(|(_, rest)| rest.split(']').next()?.parse().ok());
        at.is_some_and(|at| waits(list, Some(at)))
    })
}

/// The cause for something missing that the kubelet named, with all keys that are missing beside it.
pub(super) fn missing_cause(pod: &Value, world: &World, named: &Named) -> Cause {
    let mut keys = Vec::from_iter(named.key.clone());
    let absent = named.key.is_none();
    let mut missing = provably_missing(pod, world).into_iter();
    let same = missing.find(|one| one.target == named.target && one.name == named.name);
    if same.is_none() && is_there_now(pod, world, named) {
        let cause = Wanted::of(pod, named.target, &named.name, absent, keys).cause(pod);
        let summary = format!(
            "{} waits until its node looks again for {} `{}`, which is there now",
            called(pod),
            named.target.kind(),
            named.name
        );
        return Cause { summary, finality: Finality::Transient, wanted: None, ..cause };
    }
    if let Some(same) = same {
        keys.extend(same.keys.into_iter().filter(|key| named.key.as_ref() != Some(key)));
    }
    let cause = Wanted::of(pod, named.target, &named.name, absent, keys).cause(pod);
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
    let cause = Cause { wanted: None, ..cause.rule("CFG-08") };
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

/// The cause with the `subPath` that its configuration map or secret lacks, where that is why a
/// folder lands on a file.
fn without_sub_path(container: &Container<'_>, cause: Cause) -> Cause {
    const FIX: &str =
        "correct `subPath` and `mountPath`: a file is mounted on a file, a folder on a folder";
    let mounts = container.spec().map(|spec| read::list(spec, "/volumeMounts")).unwrap_or_default();
    let lacking = mounts.iter().find_map(|mount| {
        let path = read::text(mount, "/subPath");
        let volumes = read::list(container.pod, "/spec/volumes").iter();
        let volume = volumes
            .filter(|_| !path.is_empty())
            .find(|volume| read::text(volume, "/name") == read::text(mount, "/name"))?;
        let (kind, name) = [("ConfigMap", "/configMap/name"), ("Secret", "/secret/secretName")]
            .map(|(kind, field)| (kind, read::text(volume, field)))
            .into_iter()
            .find(|(_, name)| !name.is_empty())?;
        let source = container.world.find(kind, read::namespace(container.pod), name)?;
        let mut keys = ["/data", "/binaryData"].iter().flat_map(|map| read::keys(source, map));
        let is_plain = read::list(
            volume,
            &format!("/{}/items", if kind == "Secret" { "secret" } else { "configMap" }),
        )
        .is_empty();
        (is_plain && source.get("data").is_some() && !keys.any(|key| key == path))
            .then(|| (kind, name, path, read::keys(source, "/data").collect::<Vec<_>>().join(", ")))
    });
    match lacking {
        Some((kind, name, path, keys)) => cause
            .because(format!("{kind} {name}"), &format!("has no key {path}; its keys: {keys}"))
            .fix(format!("add key `{path}` to {kind} `{name}`, or correct `subPath`")),
        None => cause.fix(FIX),
    }
}

/// A command that the runtime could not run.
pub(super) fn command(container: &Container<'_>, words: &str) -> Cause {
    let tail =
        words.rsplit("container process: ").next().unwrap_or(words).trim_end_matches(": unknown");
    if words.contains("exec format error") {
        return super::crash::exec_format(container, words);
    }
    if words.contains("OOM-killed") {
        let cause = super::crash::out_of_memory(container).because(container.source(), words);
        return cause.affecting(container.pod);
    }
    if is_about_mounts(words) {
        let summary = format!("{} cannot be started: {tail}", container.called());
        let cause = Cause::new("CONTAINER_START", Class::Config, Finality::Transient, summary)
            .rule("CFG-07")
            .because(container.source(), words);
        return without_sub_path(container, cause).affecting(container.pod);
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
    .fix(if words.contains("permission denied") {
        "make the file executable in the image (chmod +x), or correct `command` and `args` of the container"
    } else {
        "correct `command` and `args` of the container, or the image's entrypoint"
    })
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
