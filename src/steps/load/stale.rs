//! Starts the pods of objects anew whose image was replaced under the same name: the object is the
//! same, so that nobody else would.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use serde_json::Value;

use crate::config::model::Image;
use crate::manifest::{ObjectId, read};
use crate::plan::progress::Progress;
use crate::policy::Failure;
use crate::steps::StepCtx;
use crate::steps::objects::Objects;

/// Annotation of pod templates: for which image of which name pods were started anew the last time.
/// Where they still run another one after that, another restart would not help either.
const RESTARTED_FOR: &str = "mlup.dev/restarted-for";

/// Restarts those of the objects that are there, as `kubectl rollout restart` does. Jobs and pods of
/// their own keep their image: nothing starts them twice.
pub(super) async fn restart(
    (image, id): (&Image, Option<&str>),
    users: &[ObjectId],
    ctx: &StepCtx,
) -> Result<(), Failure> {
    if users.is_empty() {
        return Ok(());
    }
    let objects = Objects::connect(ctx).await?;
    let mark = (RESTARTED_FOR, id.map(|id| mark(image, id)).unwrap_or_default());
    for user in users {
        let namespace = user.namespace.as_deref().unwrap_or("default");
        let is_there = match user.kind.as_str() {
            "DaemonSet" => objects.restart::<DaemonSet>(namespace, &user.name, &mark).await?,
            "Deployment" => objects.restart::<Deployment>(namespace, &user.name, &mark).await?,
            "StatefulSet" => objects.restart::<StatefulSet>(namespace, &user.name, &mark).await?,
            _ => false,
        };
        if is_there {
            ctx.say(Progress::Warning {
                code: "PODS_RESTARTED",
                message: format!(
                    "{user} starts its pods anew: image `{}` was replaced",
                    image.name
                ),
                hint: None,
            });
        }
    }
    // What was listed before is no longer so.
    ctx.listings.forget_all();
    Ok(())
}

/// Whether the pods of a workload were started anew for this image of this name before.
pub(super) fn was_restarted_for(workload: &Value, image: &Image, id: &str) -> bool {
    let annotations = workload.pointer("/spec/template/metadata/annotations");
    let marked = annotations.and_then(|all| all.get(RESTARTED_FOR)?.as_str());
    marked == Some(&mark(image, id)) || read::truth(workload, "/spec/paused")
}

fn mark(image: &Image, id: &str) -> String {
    format!("{} {id}", image.name)
}
