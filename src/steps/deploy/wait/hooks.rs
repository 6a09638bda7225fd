//! Follows hooks that a tool makes and waits for by itself, until one of them cannot end well. The
//! tool's own objects are followed as well: a hook may need one of them that still comes up.

use super::limits::Limits;
use super::part::{Need, Part, parts};
use super::{End, Optional, Wait, sources};
use crate::config::model::Deploy;
use crate::manifest::Object;
use crate::policy::Failure;
use crate::steps::objects::Objects;

/// A hook that is to run.
pub(in crate::steps::deploy) struct Hook {
    /// As its chart has it.
    pub(in crate::steps::deploy) object: Object,
    /// The uid of the one that an earlier run left, which the tool replaces.
    pub(in crate::steps::deploy) left: Option<String>,
}

/// Returns once a hook cannot end well: which one, and why; never otherwise, be it that all of them
/// ended well or that the cluster cannot be followed: the tool itself tells that.
pub(in crate::steps::deploy) async fn lost_hook(
    deploy: &Deploy,
    hooks: &[Hook],
    beside: &[Object],
    objects: &Objects,
) -> (String, Failure) {
    match lost(deploy, hooks, beside, objects).await {
        Ok(Some(lost)) => lost,
        Ok(None) | Err(_) => std::future::pending().await,
    }
}

async fn lost(
    deploy: &Deploy,
    hooks: &[Hook],
    beside: &[Object],
    objects: &Objects,
) -> Result<Option<(String, Failure)>, Failure> {
    let mut wait = Wait::new(Some(deploy), &[], objects, Limits::default()).await?;
    wait.verdict = super::Verdict::new(followed(hooks, beside, objects).await?, wait.limits);
    wait.follow.open(sources::own(&wait.verdict.parts));
    Ok(match wait.end().await? {
        End::Lost(at) => Some((wait.verdict.parts[at].id.short(), wait.failure(at))),
        End::Settled | End::Overdue => None,
    })
}

async fn followed(
    hooks: &[Hook],
    beside: &[Object],
    objects: &Objects,
) -> Result<Vec<Part>, Failure> {
    let none = Optional::of(&[]);
    let own: Vec<Object> = hooks.iter().map(|hook| hook.object.clone()).collect();
    let mut all = parts(&own, &none, objects).await?;
    for part in &mut all {
        let hook = hooks.iter().find(|hook| hook.object.id.is_same(&part.id));
        part.replaced = hook.and_then(|hook| hook.left.clone());
        part.need = Need::Later;
    }
    let working = parts(beside, &none, objects).await?.into_iter().filter(Part::works);
    all.extend(working.map(|part| Part { need: Need::Beside, ..part }));
    Ok(all)
}
