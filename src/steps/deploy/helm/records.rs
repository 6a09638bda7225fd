//! What helm wrote down about a release, read from the cluster: one list of labels.

use k8s_openapi::api::core::v1::Secret;
use kube::api::ListParams;

use super::Work;
use crate::drivers::helm::release::{History, Revision, Stand, Way};
use crate::drivers::helm::{argv, failure, tool};
use crate::event::Fix;
use crate::policy::{Class, Failure};
use crate::steps::objects::Objects;

/// All revisions of the release.
pub(super) async fn history(work: &Work<'_>, objects: &Objects) -> Result<History, Failure> {
    let release = work.release();
    let selector = format!("owner=helm,name={}", release.name);
    let params = ListParams::default().labels(&selector);
    let labels = objects.labels_of::<Secret>(release.namespace, params).await?;
    Ok(History::of(labels.iter().filter_map(Revision::of)))
}

/// Takes back what a run that died left half done, so that helm works on the release again.
pub(super) async fn recover(work: &Work<'_>, way: Way) -> Result<(), Failure> {
    let bench = work.ctx.workbench();
    let (release, limit) = (work.release(), work.ctx.time_left());
    let name = release.name;
    let patience = tool::patience(limit);
    let (cmd, what) = match way {
        Way::Rollback(revision) => (
            argv::rollback(&release, revision, patience),
            format!("takes release `{name}` back to revision {revision}"),
        ),
        Way::Uninstall => (
            argv::uninstall(&release, argv::Hooks::LeftOut, patience),
            format!("removes release `{name}`, which was never complete"),
        ),
    };
    bench.warn(
        "RELEASE_RECOVERED",
        format!("an earlier run was stopped while helm worked: mlup {what}"),
        Some(format!("helm history {name} --namespace {}", release.namespace)),
    );
    let output = tool::change(&bench, cmd, limit).await?;
    if output.success() {
        return Ok(());
    }
    Err(failure(&output, &format!("recover release `{name}`"), &work.chart.chart))
}

/// Somebody else's helm is at work, or died.
pub(super) fn busy(work: &Work<'_>, state: &str) -> Failure {
    let argv::Release { name, namespace, context } = work.release();
    let summary =
        format!("release `{name}` is {state}: another helm works on it, or died while it did");
    let place = format!("--namespace {namespace} --kube-context {context}");
    Failure::new(Class::Refused, "RELEASE_BUSY", summary).fix(Fix::destructive(format!(
        "helm history {name} {place}   # then, if no helm runs: helm rollback {name} {place}"
    )))
}

/// Helm said that all went well, and its records say something else.
pub(super) fn unverified(work: &Work<'_>, stand: &Stand) -> Failure {
    let release = work.release();
    let seen = match stand {
        Stand::Absent => "there is no such release",
        Stand::Current => "it is as wanted",
        Stand::Outdated(why) => why,
        Stand::Interrupted(_) | Stand::Busy(_) => "an operation is still pending",
    };
    let summary = format!(
        "helm reported success for release `{}`, and then {seen}: somebody else changes it too",
        release.name
    );
    Failure::new(Class::Permanent, "RELEASE_UNVERIFIED", summary)
        .fix(Fix::safe(format!("helm history {} --namespace {}", release.name, release.namespace)))
}
