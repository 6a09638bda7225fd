//! The configuration file of the K3s server: what mlup wants in it, how what is there differs, and
//! the text that unites both. Keys that are not mlup's stay as they are. Pure.

mod args;

use serde_norway::{Mapping, Value};

use crate::config::model::Prepare;
use crate::drivers::k3s::facts::{Facts, Selinux};
use crate::drivers::k3s::wanted::Wanted;
use crate::redact::Secret;

pub(super) use args::parse as parse_args;

/// The first lines of a file that mlup writes.
const HEADER: &str = "# mlup writes this file: change `[cluster]` in mlup.toml and run `mlup start`.\n\
    # What stands here and is not mlup's stays.\n";

/// Keys whose values a cluster keeps for its life.
const FIXED: [&str; 3] = ["cluster-cidr", "cluster-dns", "service-cidr"];

/// Keys with values that nobody may see.
const SECRET: [&str; 6] = ["token", "secret", "password", "datastore", "vpn-auth", "access-key"];

/// One key that is not as wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) key: String,
    /// As people read it; secrets are not shown.
    pub(super) wanted: String,
    pub(super) found: String,
}

impl Difference {
    /// Whether only a new cluster has it.
    pub(super) fn is_fixed(&self) -> bool {
        FIXED.contains(&self.key.as_str())
    }
}

/// What mlup wants in the file. `san` is the name under which this machine reaches the API server.
pub(super) fn wanted(wanted: &Wanted, facts: &Facts, san: &str) -> Mapping {
    let mut root = Mapping::new();
    let mut set = |key: &str, value: Value| root.insert(key.into(), value);
    if wanted.networks.are_chosen {
        set("cluster-cidr", wanted.networks.pods.to_string().into());
        set("service-cidr", wanted.networks.services.to_string().into());
        if let Some(dns) = wanted.networks.dns {
            set("cluster-dns", dns.to_string().into());
        }
    }
    if wanted.api_port != 6443 {
        set("https-listen-port", wanted.api_port.into());
    }
    if !wanted.disable.is_empty() {
        set("disable", wanted.disable.iter().map(String::as_str).collect::<Vec<_>>().into());
    }
    set("tls-san", vec![san].into());
    set("write-kubeconfig-mode", "0600".into());
    let has_policy = facts.guards.has_policy || wanted.prepares(Prepare::Selinux);
    if facts.guards.selinux == Selinux::Enforcing && has_policy {
        set("selinux", true.into());
    }
    for (key, value) in parse_args(&wanted.args).unwrap_or_default() {
        add(&mut root, key, value);
    }
    root
}

/// A flag that is given again makes a list of it, as on the command line.
fn add(root: &mut Mapping, key: String, value: Value) {
    match root.get_mut(&*key) {
        Some(Value::Sequence(items)) => items.push(value),
        _ => {
            root.insert(key.into(), value);
        }
    }
}

/// The keys that mlup wants, so that one which it wants no more can be told from a foreign one.
pub(super) fn keys(wanted: &Mapping) -> Vec<String> {
    wanted.keys().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Reads the file that is there.
pub(super) fn read(text: &Secret) -> Option<Mapping> {
    match serde_norway::from_str(text.expose()) {
        Ok(Value::Mapping(root)) => Some(root),
        Ok(Value::Null) => Some(Mapping::new()),
        _ => None,
    }
}

/// How what is there differs from what is wanted. `own` are the keys that mlup wrote before.
pub(super) fn differences(wanted: &Mapping, found: &Mapping, own: &[String]) -> Vec<Difference> {
    let mut all = keys(wanted);
    all.extend(own.iter().filter(|key| !wanted.contains_key(key.as_str())).cloned());
    let differs = |key: &String| {
        let (want, have) = (wanted.get(key.as_str()), found.get(key.as_str()));
        !is_same(key, want, have)
    };
    let shown = |key: &str, value: Option<&Value>| match value {
        None => "not set".to_owned(),
        Some(_) if is_secret(key) => "another one".to_owned(),
        Some(value) => text(value),
    };
    all.into_iter()
        .filter(differs)
        .map(|key| Difference {
            wanted: shown(&key, wanted.get(key.as_str())),
            found: shown(&key, found.get(key.as_str())),
            key,
        })
        .collect()
}

/// The keys of the file that mlup neither wants nor wrote.
pub(super) fn foreign(wanted: &Mapping, found: &Mapping, own: &[String]) -> Vec<String> {
    let mut names = keys(found);
    names.retain(|key| !wanted.contains_key(key.as_str()) && !own.contains(key));
    names
}

/// The text of the file as it is to be. A value that the cluster keeps for its life stays.
pub(super) fn united(wanted: &Mapping, found: &Mapping, own: &[String]) -> Option<Secret> {
    let mut root = wanted.clone();
    for key in FIXED {
        if !found.is_empty() {
            root.shift_remove(key);
            if let Some(value) = found.get(key) {
                root.insert(key.into(), value.clone());
            }
        }
    }
    for (key, value) in found {
        let is_foreign = key.as_str().is_some_and(|key| !own.iter().any(|known| known == key));
        if is_foreign && !root.contains_key(key) {
            root.insert(key.clone(), value.clone());
        }
    }
    // An alternative name that is there is kept: somebody may come by it.
    if let (Some(Value::Sequence(names)), Some(Value::Sequence(had))) =
        (root.get_mut("tls-san"), found.get("tls-san"))
    {
        let more: Vec<Value> = had.iter().filter(|name| !names.contains(name)).cloned().collect();
        names.extend(more);
    }
    let text = serde_norway::to_string(&root).ok()?;
    Some(Secret::new(format!("{HEADER}{text}")))
}

fn is_same(key: &str, wanted: Option<&Value>, found: Option<&Value>) -> bool {
    let (Some(wanted), Some(found)) = (wanted, found) else { return wanted == found };
    let (mut wanted, mut found) = (items(wanted), items(found));
    if key == "tls-san" {
        // More names than wanted do no harm.
        return wanted.iter().all(|name| found.contains(name));
    }
    wanted.sort();
    found.sort();
    wanted == found
}

/// The values of a list in no order; a single one is a list of one, and commas part it, as K3s reads
/// both.
fn items(value: &Value) -> Vec<String> {
    match value {
        Value::Sequence(items) => items.iter().map(scalar).collect(),
        value => scalar(value).split(',').map(|item| item.trim().to_owned()).collect(),
    }
}

fn text(value: &Value) -> String {
    items(value).join(", ")
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => "…".to_owned(),
    }
}

fn is_secret(key: &str) -> bool {
    SECRET.iter().any(|word| key.contains(word))
}
