//! Whether a node takes a pod, and in which words the scheduler says why not.

use std::collections::BTreeMap;

use serde_json::Value;

use super::objects::{is_true, list, name, text};

/// Why a node does not take a pod, and whether ending other pods would help.
pub(super) struct Obstacle {
    pub(super) words: String,
    pub(super) may_preempt: bool,
}

impl Obstacle {
    fn firm(words: &str) -> Self {
        Self { words: words.to_owned(), may_preempt: false }
    }
}

/// Whether a node is there for a pod at all, whatever runs on it; takes templates too.
pub(super) fn takes(node: &Value, pod: &Value) -> bool {
    lasting(node, pod).is_none()
}

/// Why a node does not take a pod beside these; the first reason, or all resources that are short.
pub(super) fn obstacles(node: &Value, pod: &Value, beside: &[&Value]) -> Vec<Obstacle> {
    if let Some(obstacle) = lasting(node, pod) {
        return vec![obstacle];
    }
    if beside.iter().any(|other| ports(other).any(|port| ports(pod).any(|own| own == port))) {
        let words = "node(s) didn't have free ports for the requested pod ports".to_owned();
        return vec![Obstacle { words, may_preempt: true }];
    }
    short(node, pod, beside)
}

fn lasting(node: &Value, pod: &Value) -> Option<Obstacle> {
    let tolerations = list(pod, "/spec/tolerations");
    if node["spec"]["unschedulable"] == true && !tolerates(tolerations, UNSCHEDULABLE) {
        return Some(Obstacle::firm("node(s) were unschedulable"));
    }
    if !is_meant(node, pod) {
        return Some(Obstacle::firm("node(s) didn't match Pod's node affinity/selector"));
    }
    let taints = list(node, "/spec/taints").iter();
    let mut taints: Vec<(&str, &str, &str)> = taints
        .map(|taint| (text(taint, "/key"), text(taint, "/value"), text(taint, "/effect")))
        .collect();
    if !is_true(node, "Ready") {
        taints.push(("node.kubernetes.io/not-ready", "", "NoSchedule"));
    }
    let is_kept_away =
        taints.iter().any(|taint| taint.2 != "PreferNoSchedule" && !tolerates(tolerations, *taint));
    is_kept_away.then(|| Obstacle::firm("node(s) had untolerated taint(s)"))
}

const UNSCHEDULABLE: (&str, &str, &str) = ("node.kubernetes.io/unschedulable", "", "NoSchedule");

fn tolerates(all: &[Value], (key, value, effect): (&str, &str, &str)) -> bool {
    all.iter().any(|own| {
        let is_any = text(own, "/operator") == "Exists";
        let fits_key = text(own, "/key") == key || is_any && text(own, "/key").is_empty();
        let fits_effect = ["", effect].contains(&text(own, "/effect"));
        fits_key && fits_effect && (is_any || text(own, "/value") == value)
    })
}

/// Whether a pod's selector and its required affinity have a node in mind.
fn is_meant(node: &Value, pod: &Value) -> bool {
    let labels = &node["metadata"]["labels"];
    let selector = pod["spec"]["nodeSelector"].as_object();
    let is_selected = selector.is_none_or(|all| all.iter().all(|(key, own)| labels[key] == *own));
    let terms = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    let terms = list(pod, terms);
    let fits = |term: &Value| {
        let of_labels = list(term, "/matchExpressions");
        let of_fields = list(term, "/matchFields");
        of_labels.iter().all(|wanted| matches(wanted, labels[text(wanted, "/key")].as_str()))
            && of_fields.iter().all(|wanted| matches(wanted, Some(name(node))))
    };
    is_selected && (terms.is_empty() || terms.iter().any(fits))
}

fn matches(wanted: &Value, own: Option<&str>) -> bool {
    let is_listed = own.is_some_and(|own| list(wanted, "/values").iter().any(|value| value == own));
    match text(wanted, "/operator") {
        "In" => is_listed,
        "NotIn" => !is_listed,
        "Exists" => own.is_some(),
        "DoesNotExist" => own.is_none(),
        _ => false,
    }
}

fn ports(pod: &Value) -> impl Iterator<Item = (i64, &str)> {
    list(pod, "/spec/containers")
        .iter()
        .flat_map(|container| list(container, "/ports"))
        .filter_map(|port| Some((port["hostPort"].as_i64()?, text(port, "/protocol"))))
        .filter(|(port, _)| *port > 0)
}

/// What a node has too little of.
fn short(node: &Value, pod: &Value, beside: &[&Value]) -> Vec<Obstacle> {
    let Some(there) = node["status"]["allocatable"].as_object() else { return Vec::new() };
    let mut used = BTreeMap::new();
    for other in beside {
        for (resource, amount) in requests(other) {
            *used.entry(resource).or_insert(0) += amount;
        }
    }
    let mut found = Vec::new();
    let most = there.get("pods").map_or(i128::MAX, amount);
    if i128::try_from(beside.len() + 1).is_ok_and(|count| count * 1000 > most) {
        found.push(Obstacle { words: "Too many pods".to_owned(), may_preempt: true });
    }
    for (resource, wanted) in requests(pod) {
        let all = there.get(&resource).map_or(0, amount);
        let taken = used.get(&resource).copied().unwrap_or_default();
        if wanted > 0 && wanted + taken > all {
            // A pod that is too big for the empty node is not helped by emptying it.
            let may_preempt = wanted <= all;
            found.push(Obstacle { words: format!("Insufficient {resource}"), may_preempt });
        }
    }
    found
}

/// What a pod asks for, in thousandths; a limit counts where there is no request.
fn requests(pod: &Value) -> BTreeMap<String, i128> {
    let mut sum = BTreeMap::new();
    for container in list(pod, "/spec/containers") {
        let resources = &container["resources"];
        let mut own = resources["limits"].as_object().cloned().unwrap_or_default();
        own.extend(resources["requests"].as_object().cloned().unwrap_or_default());
        for (resource, quantity) in own {
            *sum.entry(resource).or_insert(0) += amount(&quantity);
        }
    }
    sum
}

/// A quantity in thousandths of its unit.
pub(super) fn amount(quantity: &Value) -> i128 {
    let written = quantity.as_str().map_or_else(|| quantity.to_string(), str::to_owned);
    let end = written.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let (number, unit) = written.split_at(end.unwrap_or(written.len()));
    let factor: i128 = match unit {
        "m" => 1,
        "k" => 1_000_000,
        "M" => 1_000_000_000,
        "G" => 1_000_000_000_000,
        "T" => 1_000_000_000_000_000,
        "Ki" => 1000 << 10,
        "Mi" => 1000 << 20,
        "Gi" => 1000 << 30,
        "Ti" => 1000 << 40,
        _ => 1000,
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let part = &part[..part.len().min(6)];
    let scale = 10_i128.pow(u32::try_from(part.len()).unwrap_or_default());
    let digits: i128 = format!("{whole}{part}").parse().unwrap_or_default();
    digits * factor / scale
}
