//! Applications of Argo CD that somebody else makes: waited for until they are synced and healthy.
//! One that is not there yet may still be made by another application.

use serde_json::json;

use super::wait::{self, Seen};
use crate::config::model::Deploy;
use crate::event::Fix;
use crate::host::kube::error::may_pass;
use crate::manifest::{Object, Place};
use crate::plan::change::{Change, Op, Probed, Settled};
use crate::policy::Failure;
use crate::policy::apply_errors::unknown_kind;
use crate::steps::StepCtx;
use crate::steps::objects::Objects;

/// Where Argo CD keeps its applications unless it is told otherwise.
const NAMESPACE: &str = "argocd";

/// Their API.
const API: &str = "argoproj.io/v1alpha1";

pub(super) async fn probe(
    deploy: &Deploy,
    names: &[String],
    ctx: &StepCtx,
) -> Result<Probed, Failure> {
    let Some(objects) = Objects::if_there(ctx).await? else { return Ok(awaited(deploy, names)) };
    let wanted = applications(deploy, names);
    match wait::ready_already(deploy, &wanted, Seen::NotYet, &objects).await {
        Ok(Some(settled)) => Ok(Probed::Satisfied(settled)),
        Ok(None) => Ok(awaited(deploy, names)),
        // What brings the cluster, or Argo CD, comes before.
        Err(failure) if may_pass(&failure) || is_uninstalled(&failure) => {
            Ok(awaited(deploy, names))
        }
        Err(failure) => Err(failure),
    }
}

fn awaited(deploy: &Deploy, names: &[String]) -> Probed {
    let change = |name: &String| {
        let application = format!("application {}/{name}", namespace(deploy));
        Change::new(Op::Wait, application, "until it is synced and healthy")
    };
    Probed::Needed(names.iter().map(change).collect())
}

pub(super) async fn verify(
    deploy: &Deploy,
    names: &[String],
    ctx: &StepCtx,
) -> Result<Settled, Failure> {
    let objects = Objects::connect(ctx).await?;
    wait::until_ready(deploy, &applications(deploy, names), &objects).await.map_err(installable)
}

fn namespace(deploy: &Deploy) -> &str {
    deploy.namespace.as_deref().unwrap_or(NAMESPACE)
}

fn applications(deploy: &Deploy, names: &[String]) -> Vec<Object> {
    names.iter().filter_map(|name| application(name, namespace(deploy))).collect()
}

fn application(name: &str, namespace: &str) -> Option<Object> {
    let value = json!({ "apiVersion": API, "kind": "Application",
        "metadata": { "name": name, "namespace": namespace } });
    Object::new(value, Place::default())
}

fn is_uninstalled(failure: &Failure) -> bool {
    ["KIND_UNKNOWN", "API_NOT_FOUND"].contains(&failure.code)
}

/// Without Argo CD the cluster does not know what an application is.
fn installable(failure: Failure) -> Failure {
    if !is_uninstalled(&failure) {
        return failure;
    }
    unknown_kind(API, "Application")
        .fix(Fix::safe("install Argo CD in a `[[deploy]]` above this one"))
}
