//! The objects of a deploy by their names, as a diagnosis speaks of them. Whether they are ready is
//! asked elsewhere.

use std::collections::BTreeSet;

use super::namespace_of;
use crate::config::model::{Deploy, DeployKind};
use crate::manifest::{Object, Scope};
use crate::readiness::Root;
use crate::steps::StepCtx;

/// What a deploy puts into the cluster; nothing where its files cannot be read or rendered, which
/// its own step tells.
pub async fn roots(deploy: &Deploy, ctx: &StepCtx) -> BTreeSet<Root> {
    if let DeployKind::Argocd(names) = &deploy.kind {
        let namespace = deploy.namespace.as_deref().unwrap_or("argocd");
        return names.iter().map(|name| Root::new("Application", namespace, name)).collect();
    }
    let Ok(rendering) = ctx.renderings.of(deploy, ctx).await else { return BTreeSet::new() };
    let all = &rendering.objects;
    all.iter().map(|object| root_of(object, all, deploy, ctx)).collect()
}

/// An object of a deploy by its name; `all` are those that are applied with it.
pub(super) fn root_of(object: &Object, all: &[Object], deploy: &Deploy, ctx: &StepCtx) -> Root {
    let id = &object.id;
    let of_cluster = Scope::of(id, all) == Some(Scope::Cluster);
    let namespace = match &id.namespace {
        _ if of_cluster => "",
        Some(namespace) => namespace,
        None => namespace_of(deploy, ctx),
    };
    Root::new(&id.kind, namespace, &id.name)
}
