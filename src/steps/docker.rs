//! The step that says whether Docker answers. It changes nothing; whether compose is there is
//! asked beside a project's files, in `compose::plugin`.

use crate::host::docker::classify;
use crate::plan::change::{Probed, Settled};
use crate::policy::Failure;
use crate::steps::StepCtx;

pub(super) async fn probe(ctx: &StepCtx) -> Result<Probed, Failure> {
    let engine = engine_version(ctx).await?;
    Ok(Probed::Satisfied(Settled::ready(format!("Docker {engine}"))))
}

async fn engine_version(ctx: &StepCtx) -> Result<String, Failure> {
    let version = ctx.host.docker.client().await?.version().await;
    let version = version.map_err(|error| classify(&error, "ask Docker for its version"))?;
    let text = version.version.unwrap_or_else(|| "of unknown version".to_owned());
    // Distributions append their own marks: `20.10.24+dfsg1`.
    Ok(text.split('+').next().unwrap_or(&text).to_owned())
}
