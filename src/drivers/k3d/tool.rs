//! Runs k3d: in an environment that cannot change what is asked for, with its progress told, and
//! the engine asked first, because k3d takes a dead engine for "there is none".

use std::sync::Arc;
use std::time::Duration;

use crate::drivers::k3d::list::{self, Cluster};
use crate::drivers::k3d::log::{self, Level};
use crate::drivers::k3d::{argv, reasons};
use crate::drivers::kubeconfig;
use crate::drivers::spec::Spec;
use crate::event::{Fix, Stream};
use crate::host::cmd::{Cmd, Output};
use crate::host::docker::{EngineFacts, engine_facts};
use crate::host::workbench::{Announcement, Workbench};
use crate::policy::escalate::Onset;
use crate::policy::{Class, Failure};
use crate::redact::Secret;

/// How long a look may take: k3d inspects every container that it ever made.
pub(super) const LOOK: Duration = Duration::from_secs(60);

/// The variables of k3d that name images or turn workarounds on, and change nothing else.
const KEPT: [&str; 6] = [
    "K3D_FIX_CGROUPV2",
    "K3D_FIX_DNS",
    "K3D_FIX_MOUNTS",
    "K3D_HELPER_IMAGE_TAG",
    "K3D_IMAGE_LOADBALANCER",
    "K3D_IMAGE_TOOLS",
];

/// How to install k3d.
const INSTALL: &str = "install k3d: https://k3d.io/stable/#installation";

/// Runs a command of k3d that only looks.
pub(super) async fn look(bench: &Workbench, cmd: Cmd, limit: Duration) -> Result<Output, Failure> {
    bench.look(environment(bench, cmd), limit).await.map_err(installable)
}

/// Runs a command of k3d that changes something, and tells how it gets on.
pub(super) async fn change(
    bench: &Workbench,
    cmd: Cmd,
    limit: Duration,
) -> Result<Output, Failure> {
    let (lines, announce) = (Arc::clone(&bench.lines), Arc::clone(&bench.announce));
    let told = move |stream: Stream, line: &str| {
        lines(stream, line);
        let entry = log::entry(line);
        if stream == Stream::Stdout && entry.level == Level::Info {
            announce(Announcement::Doing(format!("k3d: {}", entry.message)));
        }
    };
    let cmd = environment(bench, cmd).on_line(Arc::new(told));
    bench.look(cmd, limit).await.map_err(installable)
}

/// Runs a command of the docker command line against the same engine.
pub(super) async fn docker(
    bench: &Workbench,
    cmd: Cmd,
    limit: Duration,
) -> Result<Output, Failure> {
    bench.look(with_engine(bench, cmd), limit).await
}

/// All clusters that k3d knows. An error never means that there is none.
pub(super) async fn clusters(bench: &Workbench, spec: &Spec) -> Result<Vec<Cluster>, Failure> {
    let output = look(bench, argv::list(), LOOK).await?;
    if !output.success() {
        return Err(reasons::failure(&output, "list the clusters of k3d", &spec.name));
    }
    list::parse(&output.stdout).map_err(|why| {
        Failure::new(
            Class::Permanent,
            "CLUSTER_LIST_UNREADABLE",
            format!("`k3d cluster list -o json` printed something that is no list: {why}"),
        )
        .fix(Fix::safe("k3d cluster list"))
    })
}

/// This cluster as k3d lists it.
pub(super) async fn cluster(bench: &Workbench, spec: &Spec) -> Result<Option<Cluster>, Failure> {
    let all = clusters(bench, spec).await?;
    Ok(all.into_iter().find(|cluster| cluster.name == spec.name))
}

/// Makes sure that the engine answers.
pub(super) async fn engine(bench: &Workbench) -> Result<EngineFacts, Failure> {
    engine_facts(&bench.host.docker).await.map_err(awaited)
}

/// A failure to reach the engine is worth waiting for; a socket that this user may not open is not.
pub(super) fn awaited(failure: Failure) -> Failure {
    let passes = matches!(
        failure.code,
        "DOCKER_UNREACHABLE" | "DOCKER_CONNECTION_LOST" | "DOCKER_TIMEOUT" | "DOCKER_BUSY"
    );
    if passes { failure.curable(Onset::Wait) } else { failure }
}

/// How long a tool may work when it is stopped from outside after `limit`: it shall give up first,
/// because then it says why.
pub(super) fn inner(bench: &Workbench, limit: Duration) -> Duration {
    const MARGIN: Duration = Duration::from_secs(15);
    let limit = limit.min(bench.time_left());
    limit.saturating_sub(MARGIN).max(limit / 2)
}

fn environment(bench: &Workbench, cmd: Cmd) -> Cmd {
    let kubeconfig = kubeconfig::target(bench).display().to_string();
    let cmd = with_engine(bench, cmd)
        .without_env("K3D_")
        .without_env("LOG_")
        .env("LOG_COLORS", Secret::new("false"))
        .env("KUBECONFIG", Secret::new(kubeconfig));
    KEPT.iter()
        .filter_map(|name| Some((*name, bench.env(name)?)))
        .fold(cmd, |cmd, (name, value)| cmd.env(name, Secret::new(value)))
}

fn with_engine(bench: &Workbench, cmd: Cmd) -> Cmd {
    let engine = bench.host.docker.docker_env();
    engine.into_iter().fold(cmd, |cmd, (name, value)| cmd.env(name, Secret::new(value)))
}

fn installable(failure: Failure) -> Failure {
    if failure.code == "TOOL_MISSING" { failure.fix(Fix::safe(INSTALL)) } else { failure }
}
