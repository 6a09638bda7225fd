//! The steps of deploys into a cluster: objects are read or rendered once, compared with what is
//! there, applied in waves and followed until they are ready. What a deploy is made of decides who
//! does it: `manifests`, `helm` or `argocd`.

mod argocd;
mod helm;
mod kustomize;
mod manifests;
pub(in crate::steps) mod preflight;
pub(in crate::steps) mod rendering;
mod roots;
mod sources;
mod wait;

use crate::config::model::{Deploy, DeployKind};
use crate::manifest::ObjectId;
use crate::plan::change::{Change, Probed, Settled};
use crate::policy::{Class, Failure};
use crate::steps::objects::Objects;
use crate::steps::{StepCtx, Teardown};
pub use rendering::Renderings;
pub use roots::roots;
pub use sources::sources;
pub(in crate::steps) use wait::{last_words, until_recovered};

pub(super) async fn probe(deploy: &Deploy, ctx: &StepCtx) -> Result<Probed, Failure> {
    match &deploy.kind {
        DeployKind::Argocd(names) => argocd::probe(deploy, names, ctx).await,
        DeployKind::Helm(chart) => helm::probe(deploy, chart, ctx).await,
        DeployKind::Kustomize(_) | DeployKind::Manifests(_) => manifests::probe(deploy, ctx).await,
        DeployKind::Compose(_) => Err(elsewhere(deploy)),
    }
}

/// Those of these objects of a deploy that a run would leave as they are.
pub(super) async fn unchanged(
    deploy: &Deploy,
    wanted: Vec<ObjectId>,
    objects: &Objects,
) -> Result<Vec<ObjectId>, Failure> {
    match &deploy.kind {
        DeployKind::Kustomize(_) | DeployKind::Manifests(_) => {
            manifests::unchanged(deploy, &wanted, objects).await
        }
        DeployKind::Helm(chart) if helm::is_current(deploy, chart, objects).await? => Ok(wanted),
        DeployKind::Argocd(_) | DeployKind::Compose(_) | DeployKind::Helm(_) => Ok(Vec::new()),
    }
}

pub(super) async fn apply(deploy: &Deploy, ctx: &StepCtx) -> Result<(), Failure> {
    match &deploy.kind {
        DeployKind::Argocd(_) => Ok(()),
        DeployKind::Helm(chart) => helm::apply(deploy, chart, ctx).await,
        DeployKind::Kustomize(_) | DeployKind::Manifests(_) => manifests::apply(deploy, ctx).await,
        DeployKind::Compose(_) => Err(elsewhere(deploy)),
    }
}

pub(super) async fn verify(deploy: &Deploy, ctx: &StepCtx) -> Result<Settled, Failure> {
    match &deploy.kind {
        DeployKind::Argocd(names) => argocd::verify(deploy, names, ctx).await,
        DeployKind::Helm(chart) => helm::verify(deploy, chart, ctx).await,
        DeployKind::Kustomize(_) | DeployKind::Manifests(_) => manifests::verify(deploy, ctx).await,
        DeployKind::Compose(_) => Err(elsewhere(deploy)),
    }
}

pub(super) async fn removals(
    deploy: &Deploy,
    ctx: &StepCtx,
    how: Teardown,
) -> Result<Vec<Change>, Failure> {
    match &deploy.kind {
        DeployKind::Helm(chart) => helm::removals(deploy, chart, ctx, how).await,
        DeployKind::Kustomize(_) | DeployKind::Manifests(_) => {
            manifests::removals(deploy, ctx, how).await
        }
        // Applications are of those who made them.
        DeployKind::Argocd(_) | DeployKind::Compose(_) => Ok(Vec::new()),
    }
}

pub(super) async fn remove(
    deploy: &Deploy,
    ctx: &StepCtx,
    how: Teardown,
) -> Result<Vec<Change>, Failure> {
    match &deploy.kind {
        DeployKind::Helm(chart) => helm::remove(deploy, chart, ctx, how).await,
        DeployKind::Kustomize(_) | DeployKind::Manifests(_) => {
            manifests::remove(deploy, ctx, how).await
        }
        DeployKind::Argocd(_) | DeployKind::Compose(_) => Ok(Vec::new()),
    }
}

/// The namespace of objects that name none: the deploy's, else the environment's.
pub(super) fn namespace_of<'c>(deploy: &'c Deploy, ctx: &'c StepCtx) -> &'c str {
    deploy.namespace.as_deref().or(ctx.config.namespace.as_deref()).unwrap_or("default")
}

/// A compose project has a step of another kind.
fn elsewhere(deploy: &Deploy) -> Failure {
    let summary = format!("`{}` is a compose project and no deploy into a cluster", deploy.name);
    Failure::new(Class::Internal, "INTERNAL", summary)
}
