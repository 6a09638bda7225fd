//! The driver of Docker Desktop's own Kubernetes. It belongs to all projects of this machine: mlup
//! starts it and uses it, and never stops, resets or deletes it.

mod desktop;
mod settings;
mod status;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::config::model::Purge;
use crate::drivers::cluster::{ClusterDriver, ClusterState, Insistence, Sighting};
use crate::drivers::kubeconfig;
use crate::drivers::references::{NodeImage, familiar};
use crate::drivers::spec::Spec;
use crate::event::Fix;
use crate::host::cmd::Cmd;
use crate::host::workbench::Workbench;
use crate::plan::change::Change;
use crate::policy::escalate::Onset;
use crate::policy::tool::Tool;
use crate::policy::{Class, Failure};
use crate::redact::Secret;
use desktop::Engine;
use status::{Desktop, Kubernetes, Mode};

/// The driver of Docker Desktop's own Kubernetes.
#[derive(Clone, Debug)]
pub struct DockerDesktop {
    spec: Spec,
}

impl DockerDesktop {
    /// A driver for this cluster.
    #[must_use]
    pub fn new(spec: Spec) -> Self {
        Self { spec }
    }

    /// Where Kubernetes stands while Docker Desktop runs.
    async fn kubernetes(&self, bench: &Workbench) -> Result<ClusterState, Failure> {
        let (kubernetes, _) = desktop::kubernetes(bench).await?;
        let settings = desktop::settings(bench);
        let enabled = settings.as_deref().and_then(settings::kubernetes_enabled);
        match kubernetes {
            Kubernetes::Failed(why) => {
                let why = format!("Docker Desktop could not start it: {why}");
                return Ok(ClusterState::Broken { onset: Onset::Unresponsive, why });
            }
            Kubernetes::Starting => return Ok(ClusterState::Starting),
            Kubernetes::Disabled => return Ok(ClusterState::Absent),
            // The settings are less sure than the answer: they are asked where there is none.
            Kubernetes::Unknown if enabled == Some(false) => return Ok(ClusterState::Absent),
            Kubernetes::Running | Kubernetes::Unknown => {}
        }
        match kubeconfig::of_context(bench, &self.spec.context).await {
            Ok(_) => Ok(ClusterState::Running),
            Err(failure) if failure.code == "CONTEXT_MISSING" => {
                Ok(ClusterState::Misconfigured { why: failure.summary })
            }
            Err(failure) => Err(failure),
        }
    }
}

impl ClusterDriver for DockerDesktop {
    async fn preflight(&self, bench: &Workbench) -> Vec<Failure> {
        let mut found = Vec::new();
        match desktop::engine(bench).await {
            Engine::Other(system) => found.push(desktop::not_desktop(bench, &system)),
            Engine::Desktop(_) => {
                if matches!(self.kubernetes(bench).await, Ok(ClusterState::Absent)) {
                    found.push(disabled(bench));
                }
            }
            // Docker Desktop that does not run yet is started with the cluster.
            Engine::Silent(failure)
                if !desktop::may_come(&failure) || desktop::settings(bench).is_none() =>
            {
                found.push(failure);
            }
            Engine::Silent(_) => {}
        }
        found
    }

    async fn probe(&self, bench: &Workbench) -> Result<Sighting, Failure> {
        let state = match desktop::engine(bench).await {
            Engine::Desktop(_) => self.kubernetes(bench).await?,
            Engine::Other(system) => return Err(desktop::not_desktop(bench, &system)),
            Engine::Silent(failure) if !desktop::may_come(&failure) => return Err(failure),
            Engine::Silent(failure) => match desktop::desktop(bench).await? {
                Desktop::Stopped => ClusterState::Stopped,
                Desktop::Starting => ClusterState::Starting,
                Desktop::Unknown if desktop::settings(bench).is_some() => ClusterState::Stopped,
                Desktop::Running | Desktop::Unknown => return Err(failure.curable(Onset::Wait)),
            },
        };
        Ok(Sighting::of(state))
    }

    /// Docker Desktop has no `--force`: both kinds of insistence are the same.
    async fn start(&self, bench: &Workbench, _: Insistence) -> Result<(), Failure> {
        match desktop::engine(bench).await {
            Engine::Desktop(_) => {}
            Engine::Other(system) => return Err(desktop::not_desktop(bench, &system)),
            Engine::Silent(failure) if !desktop::may_come(&failure) => return Err(failure),
            Engine::Silent(_) => desktop::start(bench).await?,
        }
        match self.kubernetes(bench).await? {
            ClusterState::Absent => Err(disabled(bench)),
            ClusterState::Broken { onset, why } => Err(broken(&why).curable(onset)),
            ClusterState::Misconfigured { why } => Err(unpointed(&why)),
            _ => Ok(()),
        }
    }

    async fn amend(&self, bench: &Workbench, _: &Sighting) -> Result<(), Failure> {
        match self.kubernetes(bench).await? {
            ClusterState::Misconfigured { why } => Err(unpointed(&why)),
            _ => Ok(()),
        }
    }

    /// Other projects may use it: it is left as it is.
    async fn stop(&self, _: &Workbench) -> Result<(), Failure> {
        Ok(())
    }

    async fn restart(&self, bench: &Workbench) -> Result<(), Failure> {
        match desktop::engine(bench).await {
            Engine::Other(system) => return Err(desktop::not_desktop(bench, &system)),
            Engine::Desktop(_) | Engine::Silent(_) => desktop::restart(bench).await?,
        }
        self.start(bench, Insistence::Plain).await
    }

    async fn delete(&self, _: &Workbench) -> Result<(), Failure> {
        Err(not_ours(&self.spec))
    }

    async fn purge(&self, _: &Workbench, _: Purge) -> Result<(), Failure> {
        Err(not_ours(&self.spec))
    }

    async fn doomed(&self, _: &Workbench, _: Option<Purge>) -> Result<Vec<Change>, Failure> {
        Ok(Vec::new())
    }

    async fn kubeconfig(&self, bench: &Workbench) -> Result<Secret, Failure> {
        kubeconfig::of_context(bench, &self.spec.context).await
    }

    async fn load_image(&self, bench: &Workbench, image: &str) -> Result<(), Failure> {
        let image = familiar(image);
        if self.list_images(bench).await?.iter().any(|listed| listed.name == image) {
            return Ok(());
        }
        let summary = format!("image `{image}` is not on this machine");
        let fix = "docker image ls   # then build it with `[[image]]`, or pull it";
        Err(Failure::new(Class::Prerequisite, "IMAGE_MISSING", summary).fix(Fix::safe(fix)))
    }

    /// The node shares the images of the engine, unless nodes are containers themselves.
    async fn list_images(&self, bench: &Workbench) -> Result<Vec<NodeImage>, Failure> {
        const LOOK: Duration = Duration::from_secs(30);
        if desktop::kubernetes(bench).await?.1 == Some(Mode::Kind) {
            return Err(hidden_images());
        }
        let format = "{{.Repository}}:{{.Tag}} {{.ID}}";
        let cmd = Cmd::new("docker").args(["image", "ls", "--no-trunc", "--format", format]);
        let output = bench.look(cmd, LOOK).await?;
        if !output.success() {
            return Err(output.failure(Tool::Docker, "list the images of Docker Desktop"));
        }
        let lines = output.stdout.lines().filter(|line| !line.contains("<none>"));
        // One store: what the engine has under a name is what the node has.
        let one = |line: &str| {
            let (name, id) = line.split_once(' ').unwrap_or((line, ""));
            NodeImage::new(name, id)
        };
        Ok(lines.map(one).collect())
    }

    async fn node_address(&self, _: &Workbench) -> Result<IpAddr, Failure> {
        Ok(Ipv4Addr::LOCALHOST.into())
    }
}

/// The failure of Kubernetes that is switched off; mlup does not switch it on by itself.
fn disabled(bench: &Workbench) -> Failure {
    let settings = desktop::settings(bench).unwrap_or_default();
    let failure = Failure::new(
        Class::Prerequisite,
        "KUBERNETES_DISABLED",
        "Docker Desktop runs, and its Kubernetes is switched off",
    );
    if settings::is_locked(&settings) {
        return failure
            .because("settings of Docker Desktop", "`kubernetesEnabled` is locked")
            .fix(Fix::safe("ask the administrator of Docker Desktop to allow Kubernetes"));
    }
    failure.fix(Fix::safe(
        "in Docker Desktop: Settings > Kubernetes > Enable Kubernetes > Apply; then mlup start",
    ))
}

fn broken(why: &str) -> Failure {
    Failure::new(
        Class::Permanent,
        "KUBERNETES_FAILED",
        "Docker Desktop cannot start its Kubernetes",
    )
    .because("docker desktop kubernetes status", why)
    .fix(Fix::destructive(
        "docker desktop kubernetes reset-cluster   # removes what all projects have in it",
    ))
}

fn unpointed(why: &str) -> Failure {
    Failure::new(
        Class::Prerequisite,
        "CLUSTER_KUBECONFIG_MISSING",
        "Docker Desktop writes its context when it starts Kubernetes, and it is not there",
    )
    .because("kubeconfig", why)
    .fix(Fix::safe("docker desktop restart"))
}

fn not_ours(spec: &Spec) -> Failure {
    let summary = format!(
        "the Kubernetes of Docker Desktop, context `{}`, belongs to all projects of this machine, and mlup never deletes it",
        spec.context
    );
    let fix = "docker desktop kubernetes reset-cluster   # removes what all projects have in it";
    Failure::new(Class::Refused, "CLUSTER_NOT_OURS", summary).fix(Fix::destructive(fix))
}

fn hidden_images() -> Failure {
    Failure::new(
        Class::Prerequisite,
        "CLUSTER_IMAGES_HIDDEN",
        "the nodes of Docker Desktop are made by kind, which does not show them this machine's images",
    )
    .fix(Fix::safe(
        "in Docker Desktop: Settings > Kubernetes > kubeadm; or push the image to a registry",
    ))
}
