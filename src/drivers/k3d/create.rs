//! Makes a cluster. What a failed creation leaves is looked into first and then taken away, but only
//! what this very attempt made.

use std::time::Duration;

use crate::drivers::k3d::{argv, delete, reasons, remains, start, tool};
use crate::drivers::spec::Spec;
use crate::event::Fix;
use crate::host::ports::{self, Protocol};
use crate::host::workbench::Workbench;
use crate::policy::escalate::Onset;
use crate::policy::{Class, Failure};

/// How long a creation may take: images are pulled in it.
const CREATE: Duration = Duration::from_secs(10 * 60);

pub(super) async fn create(bench: &Workbench, spec: &Spec) -> Result<(), Failure> {
    let was_absent = remains::of(bench, spec).await?.containers.is_empty();
    let doing = format!("create cluster `{}`", spec.name);
    let cmd = argv::create(spec, tool::inner(bench, CREATE));
    let output = tool::change(bench, cmd, CREATE).await?;
    if output.success() {
        let cluster = start::verify(bench, spec).await?;
        joined(spec, cluster.network())?;
        return start::point_kubeconfig(bench, spec, &cluster).await;
    }
    let failure = reasons::failure(&output, &doing, &spec.name);
    if failure.code == "CLUSTER_EXISTS" {
        // Made between the look and the creation.
        return match tool::cluster(bench, spec).await? {
            Some(cluster) => start::start(bench, spec, &cluster).await,
            None => Err(failure),
        };
    }
    let failure = start::explained(bench, spec, failure, &doing).await;
    let failure = owner(bench, spec, failure).await;
    if !was_absent || failure.code == "DOCKER_UNREACHABLE" {
        return Err(failure);
    }
    let is_clean = clean(bench, spec).await;
    Err(match failure.onset {
        // What was corrupt is gone: the same again is a new cluster.
        Some(Onset::Corrupt) if is_clean => failure.curable(Onset::Transient),
        _ => failure,
    })
}

/// Takes away what a failed creation left. Should that fail, the next attempt finds it: it is no
/// reason to say less about why the creation failed. Whether nothing is left.
async fn clean(bench: &Workbench, spec: &Spec) -> bool {
    // Most refusals come before anything is made.
    if remains::of(bench, spec).await.is_ok_and(|left| left.is_empty()) {
        return true;
    }
    bench.doing("taking away what the failed creation left");
    let Err(failure) = delete::delete(bench, spec).await else { return true };
    if !failure.is_cancelled() {
        let hint = failure.fix.map(|fix| fix.command);
        bench.warn("CLUSTER_LEFTOVERS", failure.summary, hint);
    }
    false
}

/// k3d says which port is taken, not by whom.
async fn owner(bench: &Workbench, spec: &Spec, failure: Failure) -> Failure {
    if failure.code != "PORT_TAKEN" {
        return failure;
    }
    let own = format!("container `k3d-{}-", spec.name);
    for port in spec.ports.iter().chain(&spec.api_port) {
        let owner = ports::owner(&bench.host.docker, *port, Protocol::Tcp).await;
        if let Some(owner) = owner.map(|owner| owner.to_string())
            && !owner.starts_with(&own)
        {
            return failure.because(format!("port {port}"), format!("held by {owner}"));
        }
    }
    failure
}

/// Whether the nodes are on the network that was asked for.
fn joined(spec: &Spec, network: &str) -> Result<(), Failure> {
    match spec.network.name() {
        Some(wanted) if wanted != network => Err(Failure::new(
            Class::Permanent,
            "NETWORK_NOT_JOINED",
            format!("cluster `{}` is on network `{network}`, not on `{wanted}`", spec.name),
        )
        .fix(Fix::destructive(format!("k3d cluster delete {}", spec.name)))),
        _ => Ok(()),
    }
}
