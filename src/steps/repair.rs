//! The repairs of `mlup doctor --fix` that are no steps of a start. Each looks before it writes, and
//! writes nothing where there is nothing left to do.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use tokio::time::Instant;

use super::registry::refresh::repair as renew;
use super::{StepCtx, deploy, storage_class};
use crate::manifest::ObjectId;
use crate::plan::change::Settled;
use crate::plan::repair::{Leftover, Repair};
use crate::policy::Failure;
use crate::steps::objects::Objects;

/// The longest pause of a kubelet between two attempts, and an attempt.
const LONGEST: Duration = Duration::from_secs(320);

/// Carries out a repair: what was done, and whether anything was.
pub(super) async fn carry_out(repair: &Repair, ctx: &StepCtx) -> Result<(Settled, bool), Failure> {
    let objects = Objects::connect(ctx).await?;
    let done = match repair {
        // Whoever asked for the repair looks.
        Repair::Look => Vec::new(),
        Repair::PullSecret(secret, standing) => {
            let refreshed = renew(secret, *standing, (&ctx.passwords, ctx), &objects).await?;
            let written = refreshed.written.iter().map(|place| format!("{place}/{}", secret.name));
            let retried = refreshed.retried.iter().map(|pod| format!("a new pod for {pod}"));
            written.chain(retried).collect()
        }
        Repair::StorageClass(class) => {
            let is_new = storage_class::alias(class, &objects).await?;
            is_new.then(|| format!("storage class {class}")).into_iter().collect()
        }
        Repair::Leftovers(leftovers) => remove(leftovers, &objects).await?,
        Repair::Recovery(wanted) => return Ok((recovered(wanted, ctx).await?, false)),
    };
    let is_changed = !done.is_empty();
    let words = if is_changed { done.join(", ") } else { "nothing to do".to_owned() };
    Ok((Settled::succeeded(words), is_changed))
}

/// Waits for one more attempt of what was kept down, and leaves time for the look after it. Why
/// something is not ready then is that look's to tell.
async fn recovered(wanted: &[ObjectId], ctx: &StepCtx) -> Result<Settled, Failure> {
    let limit = LONGEST.min(ctx.time_left().mul_f32(0.75));
    let ctx = StepCtx { deadline: Instant::now() + limit, ..ctx.clone() };
    let objects = Objects::connect(&ctx).await?;
    match deploy::until_recovered(wanted, &objects).await {
        Err(failure) if !failure.is_cancelled() => {
            Ok(Settled::succeeded(format!("not yet: {}", failure.summary)))
        }
        done => done,
    }
}

/// Removes the pods that are still there and still failed; a failed pod never comes back to life.
async fn remove(leftovers: &[Leftover], objects: &Objects) -> Result<Vec<String>, Failure> {
    let mut removed = Vec::new();
    for Leftover { namespace, name, uid, .. } in leftovers {
        let Some(pod) = objects.get::<Pod>(namespace, name).await? else { continue };
        if is_leftover(&pod, uid) && objects.remove(&pod).await? {
            removed.push(format!("removed pod {namespace}/{name}"));
        }
    }
    Ok(removed)
}

/// Whether it is this very pod, failed and not on its way out.
fn is_leftover(pod: &Pod, uid: &str) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    pod.metadata.uid.as_deref() == Some(uid)
        && pod.metadata.deletion_timestamp.is_none()
        && phase == Some("Failed")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_very_pod_that_failed_is_removed() {
        let pod = |uid: &str, phase: &str, ending: bool| -> Pod {
            let mut pod = json!({ "metadata": { "name": "a", "uid": uid },
                "status": { "phase": phase } });
            if ending {
                pod["metadata"]["deletionTimestamp"] = json!("2026-11-21T10:00:00Z");
            }
            serde_json::from_value(pod).unwrap()
        };
        for (uid, phase, ending, wanted) in [
            ("1", "Failed", false, true),
            ("2", "Failed", false, false),
            ("1", "Running", false, false),
            ("1", "Succeeded", false, false),
            ("1", "Failed", true, false),
        ] {
            assert_eq!(is_leftover(&pod(uid, phase, ending), "1"), wanted, "{uid} {phase}");
        }
    }
}
