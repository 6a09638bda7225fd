//! What keeps the deploys of a project down, seen now by the rules of `mlup doctor`: the same causes
//! for `why` and `status` as `doctor` tells, of the project's own objects alone.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use crate::commands::doctor::answer::Row;
use crate::commands::doctor::cluster;
pub(super) use crate::commands::doctor::cluster::Registries;
use crate::commands::doctor::decide::inside;
use crate::commands::session::Project;
use crate::config::model::Deploy;
use crate::plan::{Plan, StepId, StepKind};
use crate::readiness::Root;
use crate::steps::deploy::roots;

/// What keeps these deploys down; nothing where the cluster cannot be seen, which its own step tells.
pub(super) async fn of(deploys: &[&Deploy], project: &Project, registries: Registries) -> Vec<Row> {
    if deploys.is_empty() {
        return Vec::new();
    }
    let ctx = project.reading(&StepId::single("cluster"));
    let wanted = async {
        let all = join_all(deploys.iter().map(|deploy| roots(deploy, &ctx))).await;
        all.into_iter().flatten().collect::<BTreeSet<Root>>()
    };
    let (wanted, seen) = tokio::join!(wanted, cluster::seen(project, registries));
    let Ok(seen) = seen else { return Vec::new() };
    inside(&seen, |finding| finding.touches(&wanted))
}

/// The deploys into the cluster among the steps of these names.
pub(super) fn deploys(plan: &Plan, is_asked: impl Fn(&StepId) -> bool) -> Vec<&Deploy> {
    let asked = plan.steps().iter().filter(|step| is_asked(&step.id));
    asked
        .filter_map(|step| match &step.kind {
            StepKind::Deploy(deploy) => Some(deploy),
            _ => None,
        })
        .collect()
}
