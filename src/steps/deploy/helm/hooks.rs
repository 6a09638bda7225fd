//! The hooks of a chart while helm runs them. Helm waits for a hook as long as it may, whatever
//! becomes of its pods; here they are followed, and helm is ended once one cannot end well.

use std::time::Duration;

use serde_json::Value;

use super::Work;
use crate::drivers::helm::rendering as charts;
use crate::drivers::helm::tool;
use crate::event::Evidence;
use crate::host::cmd::{Cmd, Output};
use crate::host::workbench::Workbench;
use crate::manifest::{Object, Served, read};
use crate::policy::Failure;
use crate::steps::deploy::wait::{Hook, lost_hook};
use crate::steps::objects::Objects;

/// The kinds of hooks that helm waits for; others count as soon as they are there.
const AWAITED: [&str; 2] = ["Job", "Pod"];

/// How long it may take to find out why a hook failed that helm reports as failed.
const EXPLAIN: Duration = Duration::from_secs(10);

/// Most lines of evidence of a failure.
const LINES: usize = 5;

/// Runs a command of helm that runs hooks.
///
/// # Errors
/// As [`tool::change`]; why a hook will not end well.
pub(super) async fn run(
    work: &Work<'_>,
    cmd: Cmd,
    limit: Duration,
    objects: &Objects,
) -> Result<Output, Failure> {
    let (hooks, beside) = followed(work, objects).await;
    let cancel = work.ctx.cancel.child_token();
    let bench = Workbench { cancel: cancel.clone(), ..work.ctx.workbench() };
    let helm = tool::change(&bench, cmd, limit);
    if hooks.is_empty() {
        return helm.await;
    }
    let lost = lost_hook(work.deploy, &hooks, &beside, objects);
    tokio::pin!(helm, lost);
    let (hook, failure) = tokio::select! {
        ended = &mut helm => {
            let Some(lost) = explained(&ended, lost).await else { return ended };
            lost
        }
        lost = &mut lost => {
            cancel.cancel();
            // Helm may have come to its end all the same.
            if let Some(output) = helm.await.ok().filter(Output::success) {
                return Ok(output);
            }
            lost
        }
    };
    if work.ctx.cancel.is_cancelled() {
        return Err(Failure::cancelled());
    }
    Err(told(failure, &hook, work.release().name))
}

/// Why the hook failed that helm gave up on: helm says little more than its name.
async fn explained(
    ended: &Result<Output, Failure>,
    lost: impl Future<Output = (String, Failure)>,
) -> Option<(String, Failure)> {
    let output = ended.as_ref().ok().filter(|output| !output.success())?;
    if !charts::blames_hook(&output.stderr) {
        return None;
    }
    tokio::time::timeout(EXPLAIN, lost).await.ok()
}

fn told(mut failure: Failure, hook: &str, release: &str) -> Failure {
    failure.evidence.truncate(LINES - 1);
    let words = format!("release `{release}` waits for its hook {hook}, and was given up");
    failure.evidence.push(Evidence::new("helm", words));
    failure
}

/// The hooks that helm will wait for, and the objects of the release that they may need. Nothing
/// where they cannot be known: then helm alone tells how they end.
async fn followed(work: &Work<'_>, objects: &Objects) -> (Vec<Hook>, Vec<Object>) {
    let rendered = work.ctx.renderings.template(work.deploy, work.ctx).await;
    let Ok(rendering) = rendered else { return Default::default() };
    let beside = charts::without_hooks(&rendering.objects);
    let is_run = |object: &&Object| {
        let value = &object.value;
        let is_awaited = AWAITED.contains(&object.id.kind.as_str());
        is_awaited && charts::is_hook(value) && charts::is_deployed(value)
    };
    let mut hooks = Vec::new();
    for object in rendering.objects.iter().filter(is_run) {
        let Ok(left) = left(object, objects).await else { return Default::default() };
        hooks.push(Hook { object: object.clone(), left });
    }
    (hooks, beside)
}

/// The uid of the hook of this name that is there already.
async fn left(object: &Object, objects: &Objects) -> Result<Option<String>, Failure> {
    let Some(served) = Served::built_in(&object.id) else { return Ok(None) };
    let namespace = object.id.namespace.as_deref();
    let found: Option<Value> = objects.read(&served, namespace, &object.id.name).await?;
    Ok(found.map(|found| read::text(&found, "/metadata/uid").to_owned()))
}
