//! The cluster as its tool and the way to its API server show it.

use jiff::Timestamp;

use super::within;
use crate::config::model::Provider;
use crate::doctor::host::facts::{Access, Look, Plugin, Sight};
use crate::drivers::cluster::{ClusterDriver, ClusterState, Sighting};
use crate::drivers::driver::Driver;
use crate::drivers::kubeconfig;
use crate::drivers::spec::Spec;
use crate::host::clock;
use crate::host::kube::{self, Version, certificate};
use crate::host::process::{find_program, is_executable};
use crate::policy::Failure;
use crate::steps::StepCtx;

/// What was seen of the cluster below Kubernetes.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) sight: Look<Sight>,
    pub(super) access: Look<Access>,
    pub(super) api: Look<String>,
    /// How many seconds the API server's clock is ahead.
    pub(super) clock: Option<(String, i64)>,
}

pub(super) async fn look(ctx: &StepCtx) -> Seen {
    let Some(spec) = Spec::of(&ctx.config) else { return Seen::default() };
    let (sight, access) = tokio::join!(sight(ctx, &spec), access(ctx, &spec));
    let is_led = access
        .seen()
        .is_some_and(|access| access.plugin.as_ref().is_none_or(|plugin| plugin.is_there));
    if !is_led {
        return Seen { sight, access, ..Seen::default() };
    }
    let asked = within("the API server", version(ctx, &spec)).await;
    let (api, clock) = match asked {
        Look::Seen(version) => {
            let clock = version.date.map(|date| ("the API server".to_owned(), ahead(date)));
            (Look::Seen(version.version), clock)
        }
        Look::Refused(finding) => (Look::Refused(finding), None),
        Look::Unclear(why) => (Look::Unclear(why), None),
        Look::Unneeded => (Look::Unneeded, None),
    };
    Seen { sight, access, api, clock }
}

/// The tools that keep clusters on this machine are asked; of others the API server tells more.
async fn sight(ctx: &StepCtx, spec: &Spec) -> Look<Sight> {
    if !matches!(spec.provider, Provider::K3d | Provider::Minikube) {
        return Look::Unneeded;
    }
    // A tool that is not there is told as such.
    if find_program(&ctx.host.env, spec.tool()).is_none() {
        return Look::Unclear(format!("`{}` is not on PATH", spec.tool()));
    }
    let bench = ctx.workbench();
    let driver = Driver::new(spec.clone());
    match within(spec.tool(), driver.probe(&bench)).await {
        Look::Seen(sighting) => Look::Seen(of_sighting(&sighting)),
        // Why the tool cannot say it is its own step's to tell.
        Look::Refused(finding) => Look::Unclear(finding.summary),
        Look::Unclear(why) => Look::Unclear(why),
        Look::Unneeded => Look::Unneeded,
    }
}

fn of_sighting(sighting: &Sighting) -> Sight {
    if let Some(drift) = sighting.drift.iter().find(|drift| drift.what == "driver") {
        return Sight::OtherDriver(drift.found.clone());
    }
    match &sighting.state {
        ClusterState::Absent => Sight::Absent,
        ClusterState::Stopped => Sight::Stopped,
        ClusterState::Paused => Sight::Paused,
        ClusterState::Starting | ClusterState::Running => Sight::Up,
        ClusterState::Misconfigured { why } => Sight::Misled(why.clone()),
        ClusterState::Broken { why, .. } => Sight::Broken(why.clone()),
    }
}

/// The way to the API server. A context that a start makes is none that is missing.
async fn access(ctx: &StepCtx, spec: &Spec) -> Look<Access> {
    let bench = ctx.workbench();
    let look = async {
        let Some(access) = kubeconfig::access(&bench, &spec.context).await? else {
            return kubeconfig::of_context(&bench, &spec.context).await.map(|_| None);
        };
        let whole = kubeconfig::of_context(&bench, &spec.context).await?;
        let end = certificate::certificate_end(&whole, &spec.context).map(Timestamp::as_second);
        let plugin = access.plugin.map(|plugin| Plugin {
            is_there: if plugin.command.contains('/') {
                is_executable(std::path::Path::new(&plugin.command))
            } else {
                find_program(&ctx.host.env, &plugin.command).is_some()
            },
            command: plugin.command,
            api_version: plugin.api_version.unwrap_or_default(),
            hint: plugin.install_hint,
        });
        Ok(Some(Access { server: access.server, plugin, certificate_end: end }))
    };
    match within("the kubeconfig", look).await {
        Look::Seen(Some(access)) => Look::Seen(access),
        Look::Seen(None) | Look::Unneeded => Look::Unneeded,
        Look::Refused(finding) if finding.code == "CONTEXT_MISSING" && spec.is_made_by_mlup() => {
            Look::Unneeded
        }
        Look::Refused(finding) => Look::Refused(finding),
        Look::Unclear(why) => Look::Unclear(why),
    }
}

async fn version(ctx: &StepCtx, spec: &Spec) -> Result<Version, Failure> {
    let bench = ctx.workbench();
    let kubeconfig = kubeconfig::of_context(&bench, &spec.context).await?;
    let api = kube::connect(&bench, &kubeconfig, &spec.context).await?;
    kube::version(&api).await
}

fn ahead(date: Timestamp) -> i64 {
    date.as_second() - clock::now().as_second()
}
