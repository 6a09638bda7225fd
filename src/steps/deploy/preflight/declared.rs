//! The secrets that the configuration declares: what would keep one from being written is asked
//! before any of them is. How they are written is `steps/secret` and `steps/registry`.

use futures_util::future::{BoxFuture, join_all};

use super::wanted::is_final;
use crate::plan::StepId;
use crate::policy::Failure;
use crate::steps::objects::Objects;
use crate::steps::registry::{apply, pull_secrets};
use crate::steps::secret;

/// What is wrong with the declared secrets. What may pass, their own steps tell.
///
/// # Errors
/// The run is over.
pub(super) async fn failures(objects: &Objects) -> Result<Vec<Failure>, Failure> {
    let ctx = objects.step();
    let is_written = |kind: &str, name: &str| !ctx.others.is_over(&StepId::named(kind, name));
    let pulls = pull_secrets(&ctx.config);
    let mut asked: Vec<BoxFuture<'_, Result<(), Failure>>> = Vec::new();
    for pull in pulls.iter().filter(|pull| is_written("registry", &pull.name)) {
        asked.push(Box::pin(apply::obstacle(pull, (&ctx.passwords, ctx), objects)));
    }
    for own in ctx.config.secrets.iter().filter(|own| is_written("secret", &own.name)) {
        asked.push(Box::pin(async move { secret::probe(own, objects).await.map(|_| ()) }));
    }
    let mut found = Vec::new();
    for failure in join_all(asked).await.into_iter().filter_map(Result::err) {
        if failure.is_cancelled() {
            return Err(failure);
        }
        if is_final(&failure) {
            found.push(failure);
        }
    }
    Ok(found)
}
