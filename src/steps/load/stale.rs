//! Starts the pods of objects anew whose image was replaced under the same name: the object is the
//! same, so that nobody else would.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};

use crate::config::model::Image;
use crate::manifest::ObjectId;
use crate::plan::progress::Progress;
use crate::policy::Failure;
use crate::steps::StepCtx;
use crate::steps::objects::Objects;

/// Restarts those of the objects that are there, as `kubectl rollout restart` does. Jobs and pods of
/// their own keep their image: nothing starts them twice.
pub(super) async fn restart(
    image: &Image,
    users: &[ObjectId],
    ctx: &StepCtx,
) -> Result<(), Failure> {
    let objects = Objects::connect(ctx).await?;
    for id in users {
        let namespace = id.namespace.as_deref().unwrap_or("default");
        let is_there = match id.kind.as_str() {
            "DaemonSet" => objects.restart::<DaemonSet>(namespace, &id.name).await?,
            "Deployment" => objects.restart::<Deployment>(namespace, &id.name).await?,
            "StatefulSet" => objects.restart::<StatefulSet>(namespace, &id.name).await?,
            _ => false,
        };
        if is_there {
            ctx.say(Progress::Warning {
                code: "PODS_RESTARTED",
                message: format!("{id} starts its pods anew: image `{}` was replaced", image.name),
                hint: None,
            });
        }
    }
    Ok(())
}
