//! A pod that asks for labels which no node has: by `nodeSelector`, or by node affinity.

use serde_json::Value;

use super::cause::{Cause, Finality};
use super::workload::called;
use super::world::World;
use crate::event::{BLANK, CommandLine};
use crate::manifest::affinity;
use crate::manifest::read;
use crate::policy::Class;

/// Where the kubelet and the cloud write what a node is. Another label there is a lie.
const OWN: [&str; 3] = ["kubernetes.io", "k8s.io", "kubernetes.azure.com"];

/// Why no node fits a pod by its labels, if that is what the scheduler says.
pub(super) fn cause(pod: &Value, world: &World, reasons: &str) -> Option<Cause> {
    if !reasons.contains("didn't match Pod's node affinity/selector") {
        return None;
    }
    let spec = pod.get("spec")?;
    let wanted: Vec<String> =
        read::texts(spec, "/nodeSelector").map(|(key, value)| format!("{key}={value}")).collect();
    let affine = affinity::demands(spec);
    let shown = match (wanted.as_slice(), affine.as_slice()) {
        ([], []) => "its node affinity".to_owned(),
        (wanted, affine) => [wanted, affine].concat().join(", "),
    };
    let cause = Cause::new(
        "NODE_SELECTOR",
        Class::Config,
        Finality::Fatal,
        format!("no node has the labels that {} asks for: {shown}", called(pod)),
    );
    let cause = match nearest(spec, &affine, world) {
        Some((node, label)) => {
            cause.because(format!("node {node}"), &format!("its label is {label}"))
        }
        None => cause,
    };
    let is_own = |label: &String| {
        let domain = label.split_once('/').map_or("", |(domain, _)| domain);
        OWN.iter().any(|own| domain == *own || domain.ends_with(&format!(".{own}")))
    };
    if wanted.iter().chain(&affine).any(is_own) {
        return Some(cause.fix(
            "correct the pod's `nodeSelector` or affinity, or add a node that is so: such a label tells what a node is, and is not to be set by hand",
        ));
    }
    if wanted.is_empty() {
        return Some(cause.fix("correct the node affinity, or label a node (kubectl label node)"));
    }
    let node = match world.all("Node") {
        [only] => read::name(only),
        _ => BLANK,
    };
    let label = CommandLine::kubectl("").args(["label", "node", node]);
    let set = read::texts(spec, "/nodeSelector").filter(|(key, _)| {
        node == BLANK || world.all("Node").iter().all(|node| label_of(node, key).is_none())
    });
    let lacks: Vec<String> = set.map(|(key, value)| format!("{key}={value}")).collect();
    Some(if lacks.is_empty() {
        let line = wanted.into_iter().fold(label, CommandLine::arg).arg("--overwrite");
        cause.run(line.comment("or correct the pod's `nodeSelector`: the node has another value"))
    } else {
        cause.run(lacks.into_iter().fold(label, CommandLine::arg))
    })
}

fn label_of<'n>(node: &'n Value, key: &str) -> Option<&'n str> {
    read::texts(node, "/metadata/labels").find(|(own, _)| *own == key).map(|(_, value)| value)
}

/// A node that has one of the wanted keys with another value, or a wanted value under another key,
/// and that label.
fn nearest<'w>(spec: &Value, affine: &[String], world: &'w World) -> Option<(&'w str, String)> {
    let split =
        |one: &String| one.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    let wanted: Vec<(String, String)> = read::texts(spec, "/nodeSelector")
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .chain(affine.iter().filter_map(split))
        .collect();
    let has = |near: &dyn Fn(&str, &str) -> bool| {
        world.all("Node").iter().find_map(|node| {
            let mut labels = read::texts(node, "/metadata/labels");
            let (key, value) = labels.find(|(key, value)| near(key, value))?;
            Some((read::name(node), format!("{key}={value}")))
        })
    };
    has(&|key, value| wanted.iter().any(|(own, other)| own == key && other != value)).or_else(
        || {
            has(&|_, value| {
                value.len() > 1 && wanted.iter().any(|(_, own)| own == value && value != "true")
            })
        },
    )
}
