//! Which fields of `[cluster]` go with which provider, and what their values must be for its tool.

use super::{Entry, Parser};
use crate::config::raw::{Provider, RawCluster};
use crate::config::suggest;

/// The keys that only a k3s cluster has.
const K3S_ONLY: [&str; 9] = [
    "host",
    "version",
    "cluster_cidr",
    "service_cidr",
    "dns",
    "disable",
    "install",
    "prepare",
    "tunnel",
];

/// The keys that say how a cluster is made: of no use for one that is there already.
const MAKING: [&str; 10] = [
    "addons",
    "agents",
    "api_port",
    "args",
    "cpus",
    "kubernetes_version",
    "memory",
    "network",
    "nodes",
    "ports",
];

/// What k3d has no way to set: its nodes share the CPUs of the machine, and K3s has no add-ons.
const NOT_K3D: [&str; 2] = ["addons", "cpus"];

/// What minikube has no way to set: it publishes the API server on a port of its own choice.
const NOT_MINIKUBE: [&str; 1] = ["api_port"];

/// What no k3s cluster of this schema takes: it is one machine as it is, whose `version` is that of
/// K3s.
const NOT_K3S: [&str; 7] =
    ["addons", "agents", "cpus", "kubernetes_version", "memory", "network", "nodes"];

const MIB: u64 = 1 << 20;

/// Records everything that does not fit the provider.
pub(super) fn check(parser: &mut Parser<'_>, entry: &Entry<'_>, raw: &RawCluster) {
    check_required(parser, entry, raw);
    if raw.provider != Provider::K3s {
        reject(parser, entry, &K3S_ONLY, "only goes with provider `k3s`");
    }
    let provider = name(raw.provider);
    let with = format!("does not go with provider `{provider}`");
    match raw.provider {
        Provider::K3d => reject(parser, entry, &NOT_K3D, &with),
        Provider::K3s => reject(parser, entry, &NOT_K3S, &with),
        Provider::DockerDesktop | Provider::Existing => {
            let with = format!("{with}, whose cluster mlup does not make");
            reject(parser, entry, &MAKING, &with);
        }
        Provider::Minikube => reject(parser, entry, &NOT_MINIKUBE, &with),
        Provider::None => {}
    }
    check_sizes(parser, entry, raw);
    check_context(parser, entry, raw);
    check_release(parser, entry, raw);
    check_ports(parser, entry, raw);
}

fn name(provider: Provider) -> &'static str {
    match provider {
        Provider::DockerDesktop => "docker-desktop",
        Provider::Existing => "existing",
        Provider::K3d => "k3d",
        Provider::K3s => "k3s",
        Provider::Minikube => "minikube",
        Provider::None => "none",
    }
}

fn check_required(parser: &mut Parser<'_>, entry: &Entry<'_>, raw: &RawCluster) {
    match raw.provider {
        Provider::K3s if raw.host.is_none() => parser.wrong(
            entry.value_span(&["provider"]),
            "[cluster] with provider `k3s` has no `host`".to_owned(),
            "add `host = \"user@machine\"`, the machine that ssh reaches",
        ),
        Provider::Existing if raw.context.is_none() => parser.wrong(
            entry.value_span(&["provider"]),
            "[cluster] with provider `existing` has no `context`".to_owned(),
            "add `context = \"...\"`, a name that `kubectl config get-contexts` shows",
        ),
        _ => {}
    }
}

/// Records each of `keys` that stands where the provider stands. Another layer may carry the
/// settings of another profile's cluster, and they are left alone.
fn reject(parser: &mut Parser<'_>, entry: &Entry<'_>, keys: &[&str], why: &str) {
    let provider = entry.node.get("provider").map(|provider| provider.layer);
    for key in keys {
        if entry.node.get(key).is_some_and(|field| Some(field.layer) == provider) {
            let message = format!("`{key}` of [cluster] {why}");
            parser.wrong(entry.key_span(key), message, &format!("remove `{key}`"));
        }
    }
}

/// Records sizes below what the tool accepts.
fn check_sizes(parser: &mut Parser<'_>, entry: &Entry<'_>, raw: &RawCluster) {
    // minikube refuses less than 1800 MiB (RSRC_INSUFFICIENT_REQ_MEMORY); K3s names 512 MiB as the
    // least that a node needs.
    let least = match raw.provider {
        Provider::Minikube => 1800,
        Provider::K3d => 512,
        _ => 0,
    };
    let tool = name(raw.provider);
    if let Some(memory) = raw.memory.as_ref().filter(|memory| memory.0 < least * MIB) {
        let message = format!(
            "`memory` of [cluster] is {} MiB, and {tool} needs at least {least} MiB",
            memory.0 / MIB
        );
        let help = format!("write `memory = \"{least}MiB\"` or more");
        parser.wrong(entry.value_span(&["memory"]), message, &help);
    }
    if raw.provider == Provider::Minikube && raw.cpus.as_ref().is_some_and(|cpus| cpus.0 < 2) {
        let message = "`cpus` of [cluster] is 1, and minikube needs at least 2".to_owned();
        parser.wrong(entry.value_span(&["cpus"]), message, "write `cpus = 2` or more");
    }
}

/// Records a context that the tool would not make: it follows from the cluster's name. One from
/// another layer is that of another profile, and is not used.
fn check_context(parser: &mut Parser<'_>, entry: &Entry<'_>, raw: &RawCluster) {
    let Some(context) = raw.context.as_ref().map(|context| context.0.as_str()) else { return };
    let prefix = match raw.provider {
        Provider::K3d => "k3d-",
        Provider::Minikube => "",
        _ => return,
    };
    let tool = name(raw.provider);
    let layer = |key: &str| entry.node.get(key).map(|field| field.layer);
    let is_own = layer("context") != layer("provider")
        || raw.name.as_ref().is_some_and(|name| format!("{prefix}{}", name.0) == context);
    if !is_own {
        let message = format!("{tool} names the context after the cluster, not `{context}`");
        let help = match context.strip_prefix(prefix) {
            Some(name) => format!("write `name = \"{name}\"` in place of `context`"),
            None => format!("remove `context`; it is `{prefix}` and the cluster's `name`"),
        };
        parser.wrong(entry.value_span(&["context"]), message, &help);
    }
}

/// Records a version of K3s that no release has: it becomes a part of the address that the
/// installer downloads from.
fn check_release(parser: &mut Parser<'_>, entry: &Entry<'_>, raw: &RawCluster) {
    let Some(version) = raw.version.as_ref().map(|version| version.0.as_str()) else { return };
    if raw.provider == Provider::K3s && !is_release(version) {
        let message = format!("`{version}` is no version of K3s");
        let help = "write it as https://github.com/k3s-io/k3s/releases does: `v1.33.5+k3s1`";
        parser.wrong(entry.value_span(&["version"]), message, help);
    }
}

/// `v1.33.5+k3s1`, `v1.33.5-rc1+k3s1`.
fn is_release(version: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((kubernetes, build)) = version.strip_prefix('v').and_then(|rest| rest.split_once('+'))
    else {
        return false;
    };
    let (numbers, candidate) = match kubernetes.split_once("-rc") {
        Some((numbers, candidate)) => (numbers, Some(candidate)),
        None => (kubernetes, None),
    };
    numbers.split('.').count() == 3
        && numbers.split('.').all(is_number)
        && candidate.is_none_or(is_number)
        && build.strip_prefix("k3s").is_some_and(is_number)
}

/// Records a port that is wanted twice.
fn check_ports(parser: &mut Parser<'_>, entry: &Entry<'_>, raw: &RawCluster) {
    for (index, port) in raw.ports.iter().enumerate() {
        let span = entry.value_span(&["ports", &index.to_string()]);
        if raw.ports[..index].iter().any(|other| other.0 == port.0) {
            let message = format!("`ports` of [cluster] has {} twice", port.0);
            parser.wrong(span, message, "remove one of them");
        } else if raw.api_port.as_ref().is_some_and(|api| api.0 == port.0) {
            let message = format!("`ports` and `api_port` of [cluster] both want {}", port.0);
            let keys = suggest::list(&["ports", "api_port"]);
            parser.wrong(span, message, &format!("give one of {keys} another number"));
        }
    }
}
