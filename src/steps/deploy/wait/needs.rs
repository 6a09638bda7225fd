//! Who waits for whom among the objects of one deploy, as far as the hosts tell that their pods
//! name: a crash is borne with while something else comes up, but not while that waits for the
//! crash to end.

use std::collections::BTreeSet;

use serde_json::Value;

use super::part::Part;
use crate::manifest::{pod_spec, read};

/// For each part, those that it waits for in the end.
pub(super) fn needs(parts: &[Part]) -> Vec<BTreeSet<usize>> {
    let mut needs: Vec<BTreeSet<usize>> =
        parts.iter().enumerate().map(|(at, part)| direct(at, part, parts)).collect();
    loop {
        let wider: Vec<BTreeSet<usize>> = needs
            .iter()
            .map(|own| {
                own.iter().flat_map(|&at| needs[at].iter().copied()).chain(own.iter().copied())
            })
            .map(Iterator::collect)
            .collect();
        if wider == needs {
            return needs;
        }
        needs = wider;
    }
}

/// The parts that one names itself.
fn direct(at: usize, part: &Part, parts: &[Part]) -> BTreeSet<usize> {
    let hosts = hosts(&part.wanted);
    let namespace = part.namespace();
    let is_named = |name: &str| hosts.contains(name);
    let mut found = BTreeSet::new();
    for service in parts.iter().filter(|one| one.id.kind == "Service" && is_named(&one.id.name)) {
        let selector: Vec<(&str, &str)> = read::texts(&service.wanted, "/spec/selector").collect();
        let is_behind = |workload: &Part| {
            let labels: Vec<(&str, &str)> =
                read::texts(&workload.wanted, "/spec/template/metadata/labels").collect();
            workload.namespace() == service.namespace()
                && !selector.is_empty()
                && read::selects(&selector, &labels)
        };
        let behind = parts.iter().enumerate().filter(|(_, one)| one.works() && is_behind(one));
        found.extend(behind.map(|(at, _)| at));
    }
    let by_name = parts
        .iter()
        .enumerate()
        .filter(|(_, one)| one.works() && one.namespace() == namespace && is_named(&one.id.name));
    found.extend(by_name.map(|(at, _)| at));
    found.remove(&at);
    found
}

/// What may be the name of a host in the commands and variables of an object's pods.
fn hosts(object: &Value) -> BTreeSet<&str> {
    let Some((spec, _)) = pod_spec(object) else { return BTreeSet::new() };
    let containers = ["/initContainers", "/containers"];
    let texts = containers.iter().flat_map(|list| read::list(spec, list)).flat_map(|container| {
        let words = ["/command", "/args"].into_iter();
        let words = words.flat_map(|list| read::list(container, list));
        let env = read::list(container, "/env").iter().filter_map(|one| one.get("value"));
        words.chain(env).filter_map(Value::as_str)
    });
    texts
        .flat_map(|text| {
            text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '.')
                .map(|word| word.split('.').next().unwrap_or_default())
                .filter(|word| !word.is_empty())
        })
        .collect()
}
