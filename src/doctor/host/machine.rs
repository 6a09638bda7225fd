//! Rules on the machine itself: its clock, its memory, the limits and the kind of its kernel, and the
//! programs that are on it.

use super::draft::draft;
use super::facts::{Facts, Sight};
use crate::config::size;
use crate::doctor::finding::Finding;

/// Seconds from which clocks that differ break signatures, tokens and certificates.
const SKEW: i64 = 120;

/// Room beside the node that minikube and its image want.
const BESIDE_NODE: u64 = 512 << 20;

/// What k3d asks for where several nodes share a kernel (k3d FAQ): watches, instances.
const INOTIFY: (u64, u64) = (524_288, 512);

/// From so many nodes on the usual limits are known not to do.
const SEVERAL_NODES: u32 = 3;

/// Since this minor version the kubelet does not start on cgroups of version 1.
const NEEDS_CGROUPS_2: u32 = 35;

/// `DOC-12`: another clock that counts here tells another time.
pub(super) fn clock(facts: &Facts) -> Vec<Finding> {
    let differs = facts.clocks.iter().filter(|(_, ahead)| ahead.abs() >= SKEW);
    let Some((source, ahead)) = differs.max_by_key(|(_, ahead)| ahead.abs()) else {
        return Vec::new();
    };
    let side = if *ahead > 0 { "ahead of" } else { "behind" };
    let summary = format!(
        "the clock of {source} is {} s {side} this machine's: signatures, tokens and certificates \
         fail by that",
        ahead.abs()
    );
    let mut finding = draft("DOC-12", "clock", "machine", summary)
        .mended_by("sudo timedatectl set-ntp true   # in WSL: sudo hwclock -s");
    for (source, ahead) in facts.clocks.iter().take(5) {
        finding = finding.because(source.clone(), format!("{ahead:+} s"));
    }
    vec![finding]
}

/// Whether nodes of the cluster are up already.
fn is_up(facts: &Facts) -> bool {
    matches!(facts.sight.seen(), Some(Sight::Up | Sight::Misled(_) | Sight::Paused))
}

/// `MK-01`, `DOC-08`: less memory is available than the node that a start makes may take.
pub(super) fn memory(facts: &Facts) -> Vec<Finding> {
    let (Some(cluster), Some(available)) = (&facts.cluster, facts.memory_available) else {
        return Vec::new();
    };
    let rule = match cluster.tool.as_str() {
        "minikube" => "MK-01",
        "k3d" => "DOC-08",
        _ => return Vec::new(),
    };
    let Some(wanted) = cluster.memory else { return Vec::new() };
    let is_here = facts.engine.seen().is_some_and(|engine| engine.is_here);
    if !is_here || is_up(facts) || available >= wanted.saturating_add(BESIDE_NODE) {
        return Vec::new();
    }
    let summary = format!(
        "{} of memory are available, and the node of `{}` may take {}: the kernel kills it when it \
         does",
        size(available),
        cluster.name,
        size(wanted)
    );
    let finding = draft(rule, "machine", "memory", summary)
        .because("/proc/meminfo", format!("MemAvailable {}", size(available)))
        .because("mlup.toml", format!("[cluster] memory = {}", size(wanted)))
        .mended_by(
            "stop what takes the memory (docker stats --no-stream), or lower `memory` of [cluster]",
        )
        .likely();
    vec![finding]
}

/// `K3D-05`: too few inotify instances or watches for several nodes on one kernel.
pub(super) fn watches(facts: &Facts) -> Vec<Finding> {
    let is_here = facts.engine.seen().is_some_and(|engine| engine.is_here);
    let wanted = facts.cluster.as_ref().filter(|cluster| cluster.tool == "k3d");
    let (Some(cluster), Some((watches, instances)), true) = (wanted, facts.inotify, is_here) else {
        return Vec::new();
    };
    let is_enough = watches >= INOTIFY.0 && instances >= INOTIFY.1;
    // Nodes that run have what they need.
    if is_enough || cluster.nodes < SEVERAL_NODES || is_up(facts) {
        return Vec::new();
    }
    let summary = format!(
        "the limits of inotify are low for {} nodes of k3d: a node then fails with `too many open \
         files`",
        cluster.nodes
    );
    let (most_watches, most_instances) = INOTIFY;
    let finding = draft("K3D-05", "machine", "inotify", summary)
        .because("fs.inotify.max_user_watches", watches.to_string())
        .because("fs.inotify.max_user_instances", instances.to_string())
        .mended_by(format!(
            "sudo sysctl fs.inotify.max_user_watches={most_watches} fs.inotify.max_user_instances={most_instances}"
        ))
        .likely();
    vec![finding]
}

/// `MK-12`: a kubelet that refuses the cgroups of this kernel. minikube tells its own not to.
pub(super) fn cgroups(facts: &Facts) -> Vec<Finding> {
    let (Some(cluster), Some(engine)) = (&facts.cluster, facts.engine.seen()) else {
        return Vec::new();
    };
    let Some(minor) = cluster.version.as_deref().and_then(minor) else { return Vec::new() };
    if cluster.tool != "k3d" || engine.cgroups != "1" || minor < NEEDS_CGROUPS_2 {
        return Vec::new();
    }
    let version = cluster.version.as_deref().unwrap_or_default();
    let summary = format!(
        "Kubernetes {version} does not start on cgroups of version 1, which the kernel under Docker \
         has"
    );
    let finding = draft("MK-12", "machine", "cgroups", summary)
        .because("docker info", "cgroup version 1")
        .because("mlup.toml", format!("kubernetes_version {version}"))
        .mended_by("boot with systemd.unified_cgroup_hierarchy=1 (WSL: kernelCommandLine = cgroup_no_v1=all), or set `kubernetes_version` to 1.34");
    vec![finding]
}

/// The minor number of `v1.35.0`.
pub(super) fn minor(version: &str) -> Option<u32> {
    let digits = |part: &str| part.chars().take_while(char::is_ascii_digit).collect::<String>();
    let mut parts = version.trim_start_matches('v').split('.');
    (parts.next()? == "1").then_some(())?;
    digits(parts.next()?).parse().ok()
}

/// `TOOL_MISSING`: the programs that the configuration needs and that are not on PATH, all at once.
pub(super) fn tools(facts: &Facts) -> Vec<Finding> {
    let missing = facts.tools.iter().filter(|tool| !tool.is_there);
    missing
        .map(|tool| {
            let summary = format!("`{}` is not on PATH, and {} needs it", tool.name, tool.by);
            draft("TOOL_MISSING", "tool", &tool.name, summary)
                .because("PATH", format!("no `{}`", tool.name))
                .mended_by(install(&tool.name))
        })
        .collect()
}

/// How a tool is got.
fn install(tool: &str) -> String {
    match tool {
        "docker" => "install the docker command line: https://docs.docker.com/engine/install/",
        "minikube" => "install minikube: https://minikube.sigs.k8s.io/docs/start/",
        "k3d" => "install k3d: https://k3d.io/stable/#installation",
        "helm" => "install helm: https://helm.sh/docs/intro/install/",
        "kubectl" => "install kubectl: https://kubernetes.io/docs/tasks/tools/",
        "ssh" => "sudo apt-get install openssh-client   # or your distribution's package",
        other => return format!("install {other}, or put its folder on PATH"),
    }
    .to_owned()
}
