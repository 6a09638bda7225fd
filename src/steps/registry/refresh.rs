//! `mlup creds refresh`: renews pull secrets that are due, and has pods pull at once that wait
//! because of them.

use serde::Serialize;

use super::apply::{self, Renewal};
use super::credential::Passwords;
use super::{PullSecret, pods};
use crate::event::{CommandLine, Fix};
use crate::plan::repair::Standing;
use crate::policy::{Class, Failure};
use crate::steps::StepCtx;
use crate::steps::objects::Objects;
use crate::steps::ownership::is_labelled;

/// What a refresh did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Refreshed {
    /// Name of the secret.
    pub secret: String,
    /// Namespaces in which it was written.
    pub written: Vec<String>,
    /// Pods, as `namespace/name`, that were deleted so that their owner makes new ones at once.
    pub retried: Vec<String>,
    /// Pods that wait for an image and that nobody would make again.
    pub left: Vec<String>,
}

/// Renews a secret where that is due, or where the registry refuses it, as long as it is this
/// project's: one that somebody else made, under the same name, is left alone.
pub async fn repair(
    secret: &PullSecret,
    standing: Standing,
    (passwords, ctx): (&Passwords, &StepCtx),
    objects: &Objects,
) -> Result<Refreshed, Failure> {
    let found = apply::look(secret, objects).await?;
    let project = &ctx.config.name;
    let foreign = found.iter().find(|(_, one)| !is_labelled(one.metadata.labels.as_ref(), project));
    if let Some((namespace, _)) = foreign {
        let summary =
            format!("secret `{namespace}/{}` was not made by this environment", secret.name);
        return Err(Failure::new(Class::Refused, "OBJECT_FOREIGN", summary).fix(Fix::run(
            CommandLine::tool("mlup")
                .args(["creds", "refresh"])
                .comment("adds the login to that secret, and keeps what it holds"),
        )));
    }
    let is_forced = standing == Standing::Refused;
    let done = refresh(secret, is_forced, (passwords, ctx), objects).await?;
    apply::verify(secret, objects).await?;
    Ok(done)
}

/// Renews a secret where that is due, or everywhere.
pub async fn refresh(
    secret: &PullSecret,
    is_forced: bool,
    (passwords, ctx): (&Passwords, &StepCtx),
    objects: &Objects,
) -> Result<Refreshed, Failure> {
    let renewal = if is_forced { Renewal::Force } else { Renewal::DueOrFail };
    let touched = apply::bring_up(secret, renewal, (passwords, ctx), objects).await?;
    let retried = pods::retry(secret, &touched.places(), objects).await?;
    let mut written = touched.written;
    written.sort();
    let (retried, left) = (retried.deleted, retried.left);
    Ok(Refreshed { secret: secret.name.clone(), written, retried, left })
}
