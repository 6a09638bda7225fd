//! The command lines that causes advise, each for one object. Which cause advises which of them is
//! decided where the cause is found.

use serde_json::{Map, Value, json};

use super::World;
use crate::event::{BLANK, CommandLine};
use crate::manifest::read;

/// Longest chain of owners that is followed; real ones have three links.
const LONGEST: usize = 8;

/// Kinds whose template of pods `kubectl set` and `kubectl rollout` change.
const ROLLED: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

/// What is known of an object, with the events about it.
pub(super) fn describe(object: &Value) -> CommandLine {
    let kind = read::kind(object).to_ascii_lowercase();
    CommandLine::kubectl(read::namespace(object)).args(["describe", &kind]).arg(read::name(object))
}

/// The last words of a container.
pub(super) fn logs(pod: &Value, container: &str) -> CommandLine {
    CommandLine::kubectl(read::namespace(pod)).args([
        "logs",
        read::name(pod),
        "-c",
        container,
        "--previous",
    ])
}

/// What a container that runs says.
pub(super) fn last_words(pod: &Value, container: &str) -> CommandLine {
    let line = CommandLine::kubectl(read::namespace(pod)).args(["logs", read::name(pod)]);
    line.args(["-c", container, "--tail=50"])
}

/// Builds an image for a platform and pushes it.
pub(super) fn build(platform: &str, image: &str) -> CommandLine {
    let line = CommandLine::tool("docker").args(["buildx", "build", "--platform", platform]);
    line.args(["-t", if image.is_empty() { BLANK } else { image }, "--push", "."])
}

/// Makes a secret or configuration map that is missing, its values left blank.
pub(super) fn create(kind: &str, namespace: &str, name: &str, keys: &[String]) -> CommandLine {
    let line = CommandLine::kubectl(namespace).arg("create");
    let line = match kind {
        "Secret" => line.args(["secret", "generic"]),
        _ => line.arg("configmap"),
    };
    let line = line.arg(name);
    if keys.is_empty() {
        return line.arg(format!("--from-literal={BLANK}={BLANK}"));
    }
    keys.iter().fold(line, |line, key| line.arg(format!("--from-literal={key}={BLANK}")))
}

/// Adds keys to a secret or configuration map, their values left blank.
pub(super) fn add_keys(kind: &str, namespace: &str, name: &str, keys: &[String]) -> CommandLine {
    let blanks: Map<String, Value> = keys.iter().map(|key| (key.clone(), BLANK.into())).collect();
    let field = if kind == "Secret" { "stringData" } else { "data" };
    CommandLine::kubectl(namespace)
        .args(["patch", &kind.to_ascii_lowercase(), name, "--type=merge", "-p"])
        .arg(json!({ field: blanks }).to_string())
}

/// The workload at the top of a pod's owners, if `kubectl` can change its template.
pub(super) fn workload<'w>(pod: &'w Value, world: &'w World) -> Option<&'w Value> {
    let top = top(pod, world);
    ROLLED.contains(&read::kind(top)).then_some(top)
}

/// A workload as `kubectl` takes it: `deployment/api`.
fn slashed(workload: &Value) -> String {
    format!("{}/{}", read::kind(workload).to_ascii_lowercase(), read::name(workload))
}

/// Sets the resources of one container of a workload, or of all of them.
pub(super) fn set_resources(workload: &Value, container: &str, amount: &str) -> CommandLine {
    let line = CommandLine::kubectl(read::namespace(workload)).args(["set", "resources"]);
    let line = line.arg(slashed(workload));
    let line = if container.is_empty() { line } else { line.args(["-c", container]) };
    line.arg(amount)
}

/// New pods of a workload, one after the other.
pub(super) fn restart(workload: &Value) -> CommandLine {
    let line = CommandLine::kubectl(read::namespace(workload)).args(["rollout", "restart"]);
    line.arg(slashed(workload))
}

/// The object at the top of the owners of this one that the world has: for a pod of a deployment,
/// the deployment.
#[must_use]
pub fn top<'w>(object: &'w Value, world: &'w World) -> &'w Value {
    let mut at = object;
    for _ in 0..LONGEST {
        let owners = read::list(at, "/metadata/ownerReferences");
        let owner = owners.iter().find(|owner| read::truth(owner, "/controller"));
        let Some(owner) = owner.or(owners.first()) else { break };
        let namespace = read::namespace(at);
        match world.find(read::text(owner, "/kind"), namespace, read::text(owner, "/name")) {
            Some(next) => at = next,
            None => break,
        }
    }
    at
}
