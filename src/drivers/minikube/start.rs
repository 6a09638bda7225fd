//! A start: thaw what is frozen, run `minikube start`, and look whether the node is there and where
//! it should be, whatever the exit code said.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::drivers::cluster::{ClusterState, Insistence};
use crate::drivers::minikube::{Minikube, address, argv, environment, events, how_to_install};
use crate::drivers::minikube::{preflight, waiting};
use crate::drivers::spec::{ClusterNetwork, Spec};
use crate::event::{Fix, Stream};
use crate::host::cmd::LineSink;
use crate::host::containers::Status;
use crate::host::labelled::{self, NodeContainer};
use crate::host::workbench::{Announcement, Workbench};
use crate::policy::escalate::Onset;
use crate::policy::{Class, Failure};

/// Longest time of one start: waiting for minikube's own lock alone takes up to 13 minutes.
const LIMIT: Duration = Duration::from_secs(14 * 60);

const DOING: &str = "start the cluster";

pub(super) async fn run(
    driver: &Minikube,
    bench: &Workbench,
    insistence: Insistence,
) -> Result<(), Failure> {
    let (state, node) = driver.state(bench).await?;
    if state == ClusterState::Paused {
        thaw(driver, bench, node.as_ref()).await?;
        if insistence == Insistence::Plain && driver.state(bench).await?.0 == ClusterState::Running
        {
            return Ok(());
        }
    }
    let how = argv::Start {
        creating: state == ClusterState::Absent,
        address: fixed_address(driver, bench, &state).await?,
        insistence,
        as_root: driver.as_root,
    };
    if driver.as_root && bench.env("SUDO_USER").is_some() {
        let message = "minikube runs as root, and what it writes into its folder belongs to root";
        bench.warn("CLUSTER_RUNS_AS_ROOT", message, Some("run mlup without sudo".to_owned()));
    }
    bench.doing("starting minikube");
    let cmd = environment::sealed(argv::start(&driver.spec, &how), bench).on_line(sink(bench));
    let output = bench.look(cmd, LIMIT).await.map_err(how_to_install)?;
    if !output.success() {
        let failure = driver.failure(bench, &output, DOING).await;
        return Err(with_holders(failure, &driver.spec, bench).await);
    }
    if !how.creating && events::was_reset(&output.stdout) {
        let message = "minikube could not restart the control plane and made it anew: all objects \
                       in the cluster are gone, and mlup applies its own again";
        bench.warn("CLUSTER_RESET", message, None);
    }
    let node = driver.node(bench).await?;
    if on_default_bridge(&driver.spec, node.as_ref()) {
        let message = "minikube could not make a network of its own and put the node on Docker's \
                       default bridge";
        let hint = "docker network prune   # when no address range is left".to_owned();
        bench.warn("CLUSTER_ON_DEFAULT_BRIDGE", message, Some(hint));
    }
    verify(&driver.spec, node.as_ref())
}

/// A frozen container is thawed by the engine, frozen pods by minikube.
async fn thaw(
    driver: &Minikube,
    bench: &Workbench,
    node: Option<&NodeContainer>,
) -> Result<(), Failure> {
    bench.doing("unpausing");
    if let Some(node) = node.filter(|node| node.status == Status::Paused) {
        let engine = &bench.host.docker;
        return labelled::unpause_container(engine, &node.name).await.map_err(waiting);
    }
    let unpause = argv::unpause(&driver.spec.name);
    driver.change(bench, unpause, "unpause the cluster").await.map(drop)
}

/// The address for a node that is made on a network with a known subnet.
async fn fixed_address(
    driver: &Minikube,
    bench: &Workbench,
    state: &ClusterState,
) -> Result<Option<String>, Failure> {
    let ClusterNetwork::Joined { name, subnet, gateway } = &driver.spec.network else {
        return Ok(None);
    };
    if *state != ClusterState::Absent {
        return Ok(None);
    }
    let found = labelled::network(&bench.host.docker, name).await.map_err(waiting)?;
    if let Some(failure) = preflight::unfit(&driver.spec.network, found.as_ref()) {
        return Err(failure);
    }
    // Without a subnet in the configuration the address is minikube's own choice.
    let fixed = subnet.as_deref().filter(|_| found.is_some());
    Ok(fixed.and_then(|subnet| address::of_node(subnet, gateway.as_deref())))
}

/// Tells each line as it is, and the events in it as what is done now.
fn sink(bench: &Workbench) -> LineSink {
    let (lines, announce) = (Arc::clone(&bench.lines), Arc::clone(&bench.announce));
    let told = Mutex::new(String::new());
    Arc::new(move |stream, line| {
        lines(stream, line);
        let event = (stream == Stream::Stdout).then(|| events::parse(line)).flatten();
        let Some(text) = event.as_ref().and_then(events::progress) else { return };
        let is_new = told.lock().is_ok_and(|mut told| {
            let is_new = *told != text;
            told.clone_from(&text);
            is_new
        });
        if is_new {
            announce(Announcement::Doing(text));
        }
    })
}

/// Names who is on the network when somebody has the node's address.
async fn with_holders(failure: Failure, spec: &Spec, bench: &Workbench) -> Failure {
    let Some(name) = spec.network.name().filter(|_| failure.code == "ADDRESS_TAKEN") else {
        return failure;
    };
    let found = labelled::network(&bench.host.docker, name).await.ok().flatten();
    let holders = found.map(|network| network.containers).unwrap_or_default();
    let mut failure = failure.fix(Fix::safe(format!("docker network inspect {name}")));
    if !holders.is_empty() {
        failure.evidence.truncate(4);
        let source = format!("docker network inspect {name}");
        failure = failure.because(source, format!("on it now: {}", holders.join(", ")));
        failure = failure.fix(Fix::safe(format!("docker stop {}", holders.join(" "))));
    }
    failure
}

fn on_default_bridge(spec: &Spec, node: Option<&NodeContainer>) -> bool {
    let ClusterNetwork::Own(name) = &spec.network else { return false };
    node.is_some_and(|node| !node.networks.is_empty() && !node.networks.contains_key(name))
}

/// Whether what minikube calls started is there: the node's container runs, on its network.
fn verify(spec: &Spec, node: Option<&NodeContainer>) -> Result<(), Failure> {
    let name = &spec.name;
    let Some(node) = node.filter(|node| node.status == Status::Running) else {
        let now = node.map_or("gone", |node| node.status.as_str());
        let summary = format!("minikube started the cluster, and its container `{name}` is {now}");
        return Err(Failure::new(Class::Permanent, "CLUSTER_NODE_VANISHED", summary)
            .because("minikube start", "exit code 0")
            .because(format!("docker inspect {name}"), now)
            .fix(Fix::safe("mlup start"))
            .curable(Onset::Transient));
    };
    let ClusterNetwork::Joined { name: network, .. } = &spec.network else { return Ok(()) };
    if node.networks.contains_key(network) {
        return Ok(());
    }
    let on: Vec<&str> = node.networks.keys().map(String::as_str).collect();
    let summary = format!(
        "minikube started the cluster, and its node is not on the network `{network}`: it takes \
         Docker's default bridge without a word where it cannot read the network's subnet and gateway"
    );
    Err(Failure::new(Class::Permanent, "NETWORK_NOT_JOINED", summary)
        .because(format!("docker inspect {name}"), format!("networks: {}", on.join(", ")))
        .because("minikube", "https://github.com/kubernetes/minikube/issues/14767")
        .fix(Fix::destructive(
            "mlup start --recreate   # once `[[network]]` has one `subnet` and its `gateway`",
        )))
}

#[cfg(test)]
mod tests;
