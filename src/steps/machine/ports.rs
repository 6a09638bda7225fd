//! The host ports that the configuration wants, each with who holds it.

use crate::config::model::Provider;
use crate::doctor::host::facts::{Container, Facts, Holder, Port};
use crate::drivers::spec::Spec;
use crate::host::ports::{self, Protocol};
use crate::steps::StepCtx;

/// Programs that hold ports for Docker, by the beginning of the name that the kernel keeps.
const OF_DOCKER: [&str; 5] =
    ["com.docker", "docker-proxy", "rootlesskit", "rootlessport", "vpnkit"];

/// A port that somebody wants.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) port: u16,
    pub(super) protocol: Protocol,
    pub(super) by: String,
    pub(super) place: String,
    /// The compose project that may hold it.
    pub(super) project: Option<String>,
}

/// Who holds which port. Containers are told by the engine, others by the kernel.
pub(super) async fn look(ctx: &StepCtx, of_projects: &[Wanted], facts: &Facts) -> Vec<Port> {
    let mut wanted: Vec<Wanted> = of_cluster(ctx);
    wanted.extend(of_projects.iter().cloned());
    let containers = facts.containers.seen().cloned();
    let asked = tokio::task::spawn_blocking(move || {
        wanted.into_iter().map(|one| seen(one, containers.as_deref())).collect()
    });
    asked.await.unwrap_or_default()
}

fn of_cluster(ctx: &StepCtx) -> Vec<Wanted> {
    let Some(spec) = Spec::of(&ctx.config) else { return Vec::new() };
    let api = spec.api_port.filter(|_| spec.provider == Provider::K3d);
    if !matches!(spec.provider, Provider::K3d | Provider::Minikube) {
        return Vec::new();
    }
    let port = |port: u16| Wanted {
        port,
        protocol: Protocol::Tcp,
        by: "[cluster]".to_owned(),
        place: "mlup.toml".to_owned(),
        project: None,
    };
    spec.ports.iter().copied().chain(api).map(port).collect()
}

fn seen(wanted: Wanted, containers: Option<&[Container]>) -> Port {
    let protocol = if wanted.protocol == Protocol::Udp { "udp" } else { "tcp" };
    let publishes = |one: &&Container| {
        one.ports.iter().any(|(port, kind)| *port == wanted.port && kind == protocol)
    };
    let holder = match containers.into_iter().flatten().find(publishes) {
        Some(one) if is_own(one, &wanted) => Holder::Own,
        Some(one) => Holder::Container { name: one.name.clone(), project: one.project.clone() },
        None => of_process(&wanted, containers.is_some()),
    };
    Port {
        port: wanted.port,
        protocol: protocol.to_owned(),
        by: wanted.by,
        place: wanted.place,
        holder,
    }
}

/// A port of this very project or cluster changes hands when its container is replaced.
fn is_own(container: &Container, wanted: &Wanted) -> bool {
    match &wanted.project {
        Some(project) => container.project.as_ref() == Some(project),
        None => container.is_node,
    }
}

fn of_process(wanted: &Wanted, is_docker_known: bool) -> Holder {
    match ports::holder(wanted.port, wanted.protocol) {
        Some(held)
            if !is_docker_known && OF_DOCKER.iter().any(|name| held.command.starts_with(name)) =>
        {
            Holder::Docker
        }
        Some(held) => Holder::Process { pid: held.pid, command: held.command },
        None if ports::is_free([0, 0, 0, 0].into(), wanted.port, wanted.protocol) => Holder::Nobody,
        // Without the engine it may be one of Docker's, which run as root.
        None if is_docker_known => Holder::Hidden,
        None => Holder::Docker,
    }
}
