//! What is wrong before anything is changed: the tool, its version, the names, the network, the
//! memory and the ports. All of it is told at once.

use crate::config::size;
use crate::drivers::k3d::{argv, context, remains, tool};
use crate::drivers::spec::{ClusterNetwork, Spec};
use crate::event::Fix;
use crate::host::labelled;
use crate::host::ports::{self, PortOwner, Protocol};
use crate::host::workbench::Workbench;
use crate::policy::{Class, Failure};

/// The first with `k3d image import --mode direct`, the only import that tells what fails.
const OLDEST: (u32, u32) = (5, 4);

/// The longest name: node names are made of it, and have to be host names.
const LONGEST_NAME: usize = 32;

pub(super) async fn preflight(bench: &Workbench, spec: &Spec) -> Vec<Failure> {
    let mut found = of_configuration(spec);
    if let Some(cpus) = spec.cpus {
        let message = format!("`cpus = {cpus}` has no effect: k3d cannot limit the CPUs of a node");
        bench.warn(
            "CLUSTER_FIELD_IGNORED",
            message,
            Some("take `cpus` out of mlup.toml".to_owned()),
        );
    }
    found.extend(version(bench).await.err());
    // An engine that does not answer is told by the step that asks it.
    if let Ok(facts) = tool::engine(bench).await {
        found.extend(memory(spec, facts.memory));
        found.extend(network(bench, spec).await);
        found.extend(taken(bench, spec).await);
    }
    found
}

/// What cannot be right whatever the machine has.
fn of_configuration(spec: &Spec) -> Vec<Failure> {
    let mut found = Vec::new();
    if let Some(why) = unfit_name(&spec.name) {
        found.push(
            Failure::new(
                Class::Config,
                "CLUSTER_NAME_INVALID",
                format!("k3d does not accept the cluster name `{}`: {why}", spec.name),
            )
            .fix(Fix::safe("correct `name` of `[cluster]` in mlup.toml")),
        );
    }
    if !spec.addons.is_empty() {
        found.push(
            Failure::new(
                Class::Config,
                "CLUSTER_FIELD_UNSUPPORTED",
                format!("k3d has no add-ons, and `addons` names {}", spec.addons.join(", ")),
            )
            .fix(Fix::safe("take `addons` out of mlup.toml, and deploy them with `[[deploy]]`")),
        );
    }
    let named = context(&spec.name);
    if spec.context != named {
        found.push(
            Failure::new(
                Class::Config,
                "CLUSTER_FIELD_UNSUPPORTED",
                format!("k3d names the context `{named}`, and `context` says `{}`", spec.context),
            )
            .fix(Fix::safe("take `context` out of mlup.toml")),
        );
    }
    found
}

/// Why k3d does not take this name: it has to be a host name (RFC 1123).
fn unfit_name(name: &str) -> Option<&'static str> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() {
        Some("it is empty")
    } else if name.len() > LONGEST_NAME {
        Some("it is longer than 32 characters")
    } else if !name.chars().all(fits) {
        Some("only lower case letters, digits and `-` may stand in it")
    } else if name.starts_with('-') || name.ends_with('-') {
        Some("it begins or ends with `-`")
    } else {
        None
    }
}

/// Whether k3d is there and new enough.
async fn version(bench: &Workbench) -> Result<(), Failure> {
    let output = tool::look(bench, argv::version(), tool::LOOK).await?;
    let printed = output.stdout.lines().next().unwrap_or_default().trim().to_owned();
    if !printed.starts_with("k3d version") {
        let summary = format!("`k3d version` printed `{printed}`, which is not what k3d prints");
        return Err(Failure::new(Class::Prerequisite, "CLUSTER_TOOL_UNKNOWN", summary)
            .fix(Fix::safe("k3d version")));
    }
    // A version that was built from a branch has no number, and is taken for a new one.
    let Some(found) = version_of(&printed) else { return Ok(()) };
    if found >= OLDEST {
        return Ok(());
    }
    let (major, minor) = OLDEST;
    let summary = format!("{printed} is too old: mlup needs {major}.{minor} or newer");
    Err(Failure::new(Class::Prerequisite, "CLUSTER_TOOL_TOO_OLD", summary)
        .fix(Fix::safe("upgrade k3d: https://k3d.io/stable/#installation")))
}

/// `k3d version v5.9.0`; a version built from a branch names none.
fn version_of(line: &str) -> Option<(u32, u32)> {
    let version = line.strip_prefix("k3d version")?.trim().trim_start_matches('v');
    let mut numbers = version.split(['.', '-', '+']).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn memory(spec: &Spec, of_engine: u64) -> Option<Failure> {
    let wanted = spec.memory.filter(|wanted| of_engine > 0 && *wanted > of_engine)?;
    let summary =
        format!("`memory` of [cluster] is {}, and Docker has {}", size(wanted), size(of_engine));
    let fix = Fix::safe("lower `memory` of `[cluster]` in mlup.toml, or give Docker more");
    Some(Failure::new(Class::Prerequisite, "CLUSTER_MEMORY_TOO_LARGE", summary).fix(fix))
}

/// A network that the cluster shall join needs a gateway. One that is not there yet is made before
/// the cluster, by a `[[network]]` or by k3d.
async fn network(bench: &Workbench, spec: &Spec) -> Option<Failure> {
    let ClusterNetwork::Joined { name, .. } = &spec.network else { return None };
    let found = labelled::network(&bench.host.docker, name).await.ok()??;
    // An engine that chose the pool itself may leave the gateway out and have one all the same.
    let unfit = found.pools.iter().any(|(subnet, gateway)| subnet.is_some() && gateway.is_none());
    unfit.then(|| {
        let summary = format!("network `{name}` has no gateway, and k3d cannot join it");
        Failure::new(Class::Prerequisite, "CLUSTER_NETWORK_UNFIT", summary)
            .because(format!("docker network inspect {name}"), "a subnet without a gateway")
            .fix(Fix::destructive(format!(
                "docker network rm {name}   # then give its `[[network]]` a `subnet` and a `gateway`"
            )))
    })
}

/// Ports of the cluster that somebody else holds while there is no cluster.
async fn taken(bench: &Workbench, spec: &Spec) -> Vec<Failure> {
    match remains::of(bench, spec).await {
        Ok(remains) if remains.containers.is_empty() => {}
        _ => return Vec::new(),
    }
    let mut found = Vec::new();
    for port in spec.api_port.iter().chain(&spec.ports) {
        if let Some(owner) = ports::owner(&bench.host.docker, *port, Protocol::Tcp).await {
            found.push(port_taken(*port, &owner));
        }
    }
    found
}

fn port_taken(port: u16, owner: &PortOwner) -> Failure {
    let fix = match owner {
        PortOwner::Container { name, .. } => Fix::safe(format!("docker stop {name}")),
        PortOwner::Process(holder) => Fix::destructive(format!("kill {}", holder.pid)),
        PortOwner::Unknown => Fix::safe(format!("sudo ss -ltnp 'sport = :{port}'")),
    };
    Failure::new(
        Class::Refused,
        "PORT_TAKEN",
        format!("port {port}, which the cluster publishes, is held by {owner}"),
    )
    .fix(fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn names_have_to_be_host_names() {
        for name in ["dev", "mlops-cluster", "a1", "0", &"a".repeat(32)] {
            assert_eq!(unfit_name(name), None, "{name}");
        }
        for name in ["", "Bad_Name", "a.b", "-a", "a-", "ä", &"a".repeat(33)] {
            assert!(unfit_name(name).is_some(), "{name}");
        }
    }

    #[test]
    fn the_recorded_version_is_read() {
        let text = include_str!("../../../tests/corpus/k3d/version/stdout.txt");
        assert_eq!(version_of(text.lines().next().unwrap()), Some((5, 9)));
        assert_eq!(version_of("k3d version v5.4.0-rc.1"), Some((5, 4)));
        assert_eq!(version_of("k3d version dev"), None);
        assert_eq!(version_of(""), None);
    }

    #[test]
    fn more_memory_than_docker_has_is_told_in_mebibytes() {
        let mut spec = super::super::tests::spec("dev");
        spec.memory = Some(4096 * MIB);
        assert_eq!(memory(&spec, 8192 * MIB), None);
        assert_eq!(memory(&spec, 0), None);
        let failure = memory(&spec, 2048 * MIB).unwrap();
        assert_eq!(
            (failure.class, failure.code),
            (Class::Prerequisite, "CLUSTER_MEMORY_TOO_LARGE")
        );
        assert!(failure.summary.contains("4 GiB") && failure.summary.contains("2 GiB"));
    }
}
