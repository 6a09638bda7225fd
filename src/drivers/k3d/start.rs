//! Starts and halts a cluster that is there, publishes ports of it, and makes the kubeconfig lead to
//! it. Making one is `create`.

use std::time::Duration;

use crate::drivers::k3d::list::Cluster;
use crate::drivers::k3d::sight::Entry;
use crate::drivers::k3d::{argv, context, gone, ports, reasons, remains, sight, tool};
use crate::drivers::kubeconfig;
use crate::drivers::spec::Spec;
use crate::event::Fix;
use crate::host::containers::{self, Status};
use crate::host::labelled;
use crate::host::workbench::Workbench;
use crate::policy::classify::{EVIDENCE_LINES, shorten};
use crate::policy::escalate::Onset;
use crate::policy::{Class, Failure};

/// How long nodes may take that only have to start.
const START: Duration = Duration::from_secs(5 * 60);

/// How long nodes may take to halt, and the load balancer to be replaced.
const CHANGE: Duration = Duration::from_secs(2 * 60);

/// Lines of a node's log that are read to find out why it ended.
const LOG: usize = 30;

/// Starts the nodes and looks whether they run.
pub(super) async fn start(
    bench: &Workbench,
    spec: &Spec,
    cluster: &Cluster,
) -> Result<(), Failure> {
    if let Some(why) = sight::lost(&spec.name, cluster) {
        return Err(incomplete(spec, &why));
    }
    unpause(bench, spec).await?;
    let name = &spec.name;
    let cmd = argv::start(name, tool::inner(bench, START));
    let output = tool::change(bench, cmd, START).await?;
    if !output.success() {
        let doing = format!("start cluster `{name}`");
        let failure = reasons::failure(&output, &doing, name);
        return Err(explained(bench, spec, failure, &doing).await);
    }
    let cluster = verify(bench, spec).await?;
    point_kubeconfig(bench, spec, &cluster).await
}

/// Looks whether the cluster runs. k3d exits 0 for a start without any server.
pub(super) async fn verify(bench: &Workbench, spec: &Spec) -> Result<Cluster, Failure> {
    let cluster = tool::cluster(bench, spec).await?.ok_or_else(|| gone(spec))?;
    if let Some(why) = sight::lost(&spec.name, &cluster) {
        return Err(incomplete(spec, &why));
    }
    let Some(halted) = sight::halted(&cluster) else { return Ok(cluster) };
    let summary = format!("k3d says that cluster `{}` is up, and {halted}", spec.name);
    let failure = Failure::new(Class::Permanent, "CLUSTER_NOT_RUNNING", summary)
        .fix(Fix::safe(format!("docker logs --tail 50 k3d-{}-server-0", spec.name)))
        .curable(Onset::Unresponsive);
    Err(explained(bench, spec, failure, &format!("start cluster `{}`", spec.name)).await)
}

/// Halts the nodes and looks whether they did: k3d reports success without an engine.
pub(super) async fn stop(bench: &Workbench, spec: &Spec) -> Result<(), Failure> {
    tool::engine(bench).await?;
    if !remains::of(bench, spec).await?.any_runs() {
        return Ok(());
    }
    unpause(bench, spec).await?;
    let doing = format!("stop cluster `{}`", spec.name);
    let output = tool::change(bench, argv::stop(&spec.name), CHANGE).await?;
    if !output.success() {
        return Err(reasons::failure(&output, &doing, &spec.name));
    }
    if remains::of(bench, spec).await?.any_runs() {
        let summary = format!("could not {doing}: k3d says that it did, and nodes still run");
        let fix = Fix::safe(format!("docker ps --filter label=k3d.cluster={}", spec.name));
        return Err(Failure::new(Class::Permanent, "CLUSTER_NOT_STOPPED", summary).fix(fix));
    }
    Ok(())
}

/// Publishes the ports that are missing, where there is a load balancer that can.
pub(super) async fn publish(
    bench: &Workbench,
    spec: &Spec,
    cluster: &Cluster,
) -> Result<(), Failure> {
    let missing = ports::missing(spec, cluster);
    if missing.is_empty() || cluster.load_balancer().is_none() {
        return Ok(());
    }
    bench.doing("publishing ports; the API server is away for a moment");
    let doing = format!("publish ports of cluster `{}`", spec.name);
    let output = tool::change(bench, argv::add_ports(&spec.name, &missing), CHANGE).await?;
    if !output.success() {
        return Err(reasons::failure(&output, &doing, &spec.name));
    }
    let cluster = verify(bench, spec).await?;
    let still: Vec<String> =
        ports::missing(spec, &cluster).iter().map(ToString::to_string).collect();
    if still.is_empty() {
        return Ok(());
    }
    let summary =
        format!("could not {doing}: k3d says that it did, and {} is not", still.join(", "));
    Err(Failure::new(Class::Permanent, "CLUSTER_PORTS_UNPUBLISHED", summary)
        .fix(Fix::destructive("mlup start --recreate")))
}

/// Makes the kubeconfig lead to the cluster, if it does not.
pub(super) async fn point_kubeconfig(
    bench: &Workbench,
    spec: &Spec,
    cluster: &Cluster,
) -> Result<(), Failure> {
    let context = context(&spec.name);
    if sight::misleads(cluster, &context, &entry(bench, spec).await?).is_none() {
        return Ok(());
    }
    let doing = format!("write the kubeconfig of cluster `{}`", spec.name);
    let cmd = argv::merge_kubeconfig(&spec.name, spec.switch_context);
    let output = tool::change(bench, cmd, CHANGE).await?;
    if !output.success() {
        return Err(reasons::failure(&output, &doing, &spec.name));
    }
    match sight::misleads(cluster, &context, &entry(bench, spec).await?) {
        None => Ok(()),
        Some(why) => Err(Failure::new(
            Class::Permanent,
            "CLUSTER_KUBECONFIG_MISSING",
            format!("could not {doing}: k3d says that it did, and {why}"),
        )
        .because("KUBECONFIG", kubeconfig::target(bench).display().to_string())
        .fix(Fix::safe(format!("k3d kubeconfig merge {} -d", spec.name)))),
    }
}

/// Where the kubeconfig leads for this cluster.
pub(super) async fn entry(bench: &Workbench, spec: &Spec) -> Result<Entry, Failure> {
    match kubeconfig::access(bench, &context(&spec.name)).await {
        Ok(Some(access)) => Ok(Entry::Server(access.server)),
        Ok(None) => Ok(Entry::Missing),
        // A context whose cluster is missing: k3d writes it anew.
        Err(failure) if failure.code == "CONTEXT_MISSING" => Ok(Entry::Missing),
        Err(failure) => Err(failure),
    }
}

/// Adds what the log of the node says that does not come up; a fatal line in it means that starting
/// the same again cannot help.
pub(super) async fn explained(
    bench: &Workbench,
    spec: &Spec,
    failure: Failure,
    doing: &str,
) -> Failure {
    let is_of_node = matches!(
        failure.code,
        "CLUSTER_NODE_CRASHES" | "CLUSTER_NOT_RUNNING" | "CLUSTER_START_TIMEOUT" | "TOOL_FAILED"
    );
    if !is_of_node {
        return failure;
    }
    let node = failing_node(&failure, &spec.name);
    let lines = containers::last_lines(&bench.host.docker, &node, LOG).await;
    if lines.is_empty() {
        return failure;
    }
    let mut failure = match reasons::of_node_log(&lines, doing, &spec.name) {
        Some(known) => Failure { evidence: failure.evidence, ..known },
        None if lines.iter().any(|line| reasons::is_fatal(line)) => failure.curable(Onset::Corrupt),
        None => failure,
    };
    let fatal: Vec<&String> = lines.iter().filter(|line| reasons::is_fatal(line)).collect();
    let telling: Vec<&String> = if fatal.is_empty() { lines.iter().collect() } else { fatal };
    failure.evidence.truncate(1);
    let room = EVIDENCE_LINES - failure.evidence.len();
    for line in &telling[telling.len().saturating_sub(room)..] {
        let line = shorten(line);
        failure = failure.because(format!("log {node}"), line);
    }
    failure
}

/// The node that k3d names in its words, or else the first server.
fn failing_node(failure: &Failure, name: &str) -> String {
    let beginning = format!("k3d-{name}-");
    let words = failure.evidence.iter().flat_map(|line| {
        line.text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '.'))
    });
    let mut nodes = words.filter_map(|word| {
        let rest = word.strip_prefix(&beginning)?;
        (rest.starts_with("server") || rest.starts_with("agent")).then(|| word.to_owned())
    });
    nodes.next().unwrap_or_else(|| format!("{beginning}server-0"))
}

/// Lets frozen nodes go on: neither a start nor a stop of k3d does.
async fn unpause(bench: &Workbench, spec: &Spec) -> Result<(), Failure> {
    let remains = remains::of(bench, spec).await?;
    for node in remains.containers.iter().filter(|node| node.status == Status::Paused) {
        bench.doing(format!("letting `{}` go on", node.name));
        labelled::unpause_container(&bench.host.docker, &node.id).await.map_err(tool::awaited)?;
    }
    Ok(())
}

/// The failure of a cluster that lacks a container which no start makes again.
fn incomplete(spec: &Spec, why: &str) -> Failure {
    let summary = format!("cluster `{}` cannot be started: {why}", spec.name);
    Failure::new(Class::Permanent, "CLUSTER_CORRUPT", summary)
        .because("k3d cluster list", why)
        .fix(Fix::destructive(format!("k3d cluster delete {}", spec.name)))
        .curable(Onset::Corrupt)
}
