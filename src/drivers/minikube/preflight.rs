//! What is wrong before minikube is asked for anything, all of it at once: minikube itself stops at
//! the first thing that it finds.

use std::time::Duration;

use crate::config::size;
use crate::drivers::minikube::argv::MIB;
use crate::drivers::minikube::{Minikube, argv};
use crate::drivers::spec::{ClusterNetwork, Spec};
use crate::event::Fix;
use crate::host::containers::Status;
use crate::host::docker::{EngineFacts, engine_facts};
use crate::host::labelled::{self, NamedNetwork};
use crate::host::ports::{self, PortOwner, Protocol};
use crate::host::workbench::Workbench;
use crate::policy::{Class, Failure};

/// Names that are minikube's own words (minikube, `pkg/minikube/config/profile.go`).
const RESERVED: [&str; 10] =
    ["start", "stop", "status", "delete", "config", "open", "profile", "addons", "cache", "logs"];

/// Least memory of a node in mebibytes (minikube, `cmd/minikube/cmd/start_flags.go`).
const LEAST_MEMORY: u64 = 1800;

/// Fewest CPUs of a node.
const FEWEST_CPUS: u32 = 2;

/// Oldest version whose events, status and flags are those that are read here.
const OLDEST: (u32, u32) = (1, 31);

/// How to get minikube.
pub(super) const INSTALL: &str = "https://minikube.sigs.k8s.io/docs/start/";

/// How long `minikube version` may take.
const VERSION_LIMIT: Duration = Duration::from_secs(20);

pub(super) async fn run(driver: &Minikube, bench: &Workbench) -> Vec<Failure> {
    let spec = &driver.spec;
    let mut findings = names(spec);
    findings.extend(tool(driver, bench).await.err());
    let engine = &bench.host.docker;
    match engine_facts(engine).await {
        Ok(facts) => {
            findings.extend(resources(spec, Some(&facts)));
            findings.extend(places(spec, bench).await);
        }
        Err(failure) => {
            findings.extend(resources(spec, None));
            findings.push(failure);
        }
    }
    if spec.api_port.is_some() {
        let message = "minikube chooses the port of the API server itself; `api_port` is ignored";
        bench.warn("CLUSTER_API_PORT_IGNORED", message, None);
    }
    findings
}

/// That the tool is there and not too old.
async fn tool(driver: &Minikube, bench: &Workbench) -> Result<(), Failure> {
    let output = driver.look(bench, argv::version(), VERSION_LIMIT).await?;
    let (printed, version) = version(&output.stdout).ok_or_else(|| {
        let summary = "`minikube version` prints something that is no version";
        Failure::new(Class::Prerequisite, "CLUSTER_TOOL_UNKNOWN", summary)
            .because("minikube version", output.stdout.lines().next().unwrap_or("nothing"))
            .fix(Fix::safe(INSTALL))
    })?;
    if version >= OLDEST {
        return Ok(());
    }
    let summary =
        format!("minikube {printed} is too old: mlup needs {}.{} or newer", OLDEST.0, OLDEST.1);
    Err(Failure::new(Class::Prerequisite, "CLUSTER_TOOL_TOO_OLD", summary).fix(Fix::safe(INSTALL)))
}

/// The version as it is printed, and its first two numbers.
fn version(stdout: &str) -> Option<(String, (u32, u32))> {
    let answer: serde_json::Value = serde_json::from_str(stdout.trim()).ok()?;
    let printed = answer.get("minikubeVersion")?.as_str()?.trim_start_matches('v');
    let mut parts = printed.split('.').map(str::parse);
    Some((printed.to_owned(), (parts.next()?.ok()?, parts.next()?.ok()?)))
}

fn names(spec: &Spec) -> Vec<Failure> {
    let name = &spec.name;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_valid = name.len() >= 2
        && name.chars().all(plain)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if RESERVED.contains(&name.as_str()) {
        let summary = format!("minikube keeps the name `{name}` for itself");
        return vec![
            Failure::new(Class::Config, "CLUSTER_NAME_RESERVED", summary)
                .fix(Fix::safe("give `[cluster]` another `name`")),
        ];
    }
    if !is_valid {
        let summary = format!(
            "`{name}` is no name for a minikube cluster: two or more letters, digits or dashes"
        );
        return vec![
            Failure::new(Class::Config, "CLUSTER_NAME_INVALID", summary)
                .fix(Fix::safe("give `[cluster]` another `name`")),
        ];
    }
    Vec::new()
}

/// Memory and CPUs against minikube's least and against what Docker has.
fn resources(spec: &Spec, facts: Option<&EngineFacts>) -> Vec<Failure> {
    let mut findings = Vec::new();
    let mut wrong = |class, code, summary: String, fix: &str| {
        findings.push(Failure::new(class, code, summary).fix(Fix::safe(fix)));
    };
    let has = facts.map_or(0, |facts| facts.memory);
    match spec.memory {
        Some(memory) if memory / MIB < LEAST_MEMORY => wrong(
            Class::Config,
            "CLUSTER_MEMORY_TOO_SMALL",
            format!(
                "`memory` of [cluster] is {}, and minikube needs {LEAST_MEMORY} MiB",
                size(memory)
            ),
            "raise `memory` of `[cluster]`",
        ),
        Some(memory) if has > 0 && memory > has => wrong(
            Class::Prerequisite,
            "CLUSTER_MEMORY_TOO_LARGE",
            format!("`memory` of [cluster] is {}, and Docker has {}", size(memory), size(has)),
            "lower `memory` of `[cluster]`, or give Docker more",
        ),
        _ => {}
    }
    let has = facts.map_or(0, |facts| facts.cpus);
    match spec.cpus {
        Some(cpus) if cpus < FEWEST_CPUS => wrong(
            Class::Config,
            "CLUSTER_CPUS_TOO_FEW",
            format!("`cpus` of [cluster] is {cpus}, and minikube needs {FEWEST_CPUS}"),
            "raise `cpus` of `[cluster]`",
        ),
        Some(cpus) if has > 0 && cpus > has => wrong(
            Class::Prerequisite,
            "CLUSTER_CPUS_TOO_MANY",
            format!("`cpus` of [cluster] is {cpus}, and Docker has {has}"),
            "lower `cpus` of `[cluster]`, or give Docker more",
        ),
        _ => {}
    }
    findings
}

/// Ports and network of a node that does not run. What cannot be asked is no finding: the start
/// will say it.
async fn places(spec: &Spec, bench: &Workbench) -> Vec<Failure> {
    let engine = &bench.host.docker;
    let node = labelled::container(engine, &spec.name).await.ok().flatten();
    if node.as_ref().is_some_and(|node| matches!(node.status, Status::Running | Status::Paused)) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for &port in &spec.ports {
        let owner = ports::owner(engine, port, Protocol::Tcp).await;
        findings.extend(owner.map(|owner| taken(port, &owner)));
    }
    if let (None, Some(name)) = (&node, spec.network.name()) {
        let found = labelled::network(engine, name).await.ok().flatten();
        findings.extend(unfit(&spec.network, found.as_ref()));
    }
    findings
}

fn taken(port: u16, owner: &PortOwner) -> Failure {
    Failure::new(
        Class::Refused,
        "PORT_TAKEN",
        format!("port {port}, which `[cluster]` publishes, is held by {owner}"),
    )
    .fix(Fix::safe(format!("sudo ss -ltnp 'sport = :{port}'   # stop it, or change `ports`")))
}

/// Why the nodes would not get onto this network. minikube reads one subnet and its gateway; where
/// it finds anything else it takes Docker's default bridge and says nothing (minikube #14767).
pub(super) fn unfit(wanted: &ClusterNetwork, found: Option<&NamedNetwork>) -> Option<Failure> {
    let ClusterNetwork::Joined { name, subnet, gateway } = wanted else { return None };
    let why = match found {
        None if subnet.is_some() && gateway.is_none() => "would be made without a gateway",
        None => return None,
        Some(found) => match found.pools.as_slice() {
            [(Some(_), Some(_))] => return None,
            [] | [(None, _)] => "has no subnet of its own",
            [(Some(_), None)] => "has no gateway",
            _ => "has more than one subnet",
        },
    };
    Some(
        Failure::new(
            Class::Prerequisite,
            "CLUSTER_NETWORK_UNFIT",
            format!(
                "the network `{name}` {why}, and minikube would put its node on Docker's default bridge instead"
            ),
        )
        .fix(Fix::safe(format!(
            "docker network create --subnet 172.28.0.0/24 --gateway 172.28.0.1 {name}   # after `docker network rm {name}`; or set `subnet` and `gateway` of `[[network]]`"
        ))),
    )
}

#[cfg(test)]
mod tests;
