//! Services that make way for the cluster: the containers on its network are stopped while it is
//! made, started or deleted. Who is stopped is the guard's to say.

use futures_util::future::join_all;

use crate::host::containers::{self, Container};
use crate::host::docker::classify;
use crate::policy::Failure;
use crate::steps::StepCtx;

/// Stops these containers side by side.
///
/// # Errors
/// One of them could not be stopped, the time is over, or the run was cancelled.
pub async fn interrupt(ctx: &StepCtx, containers: &[Container]) -> Result<(), Failure> {
    let client = ctx.host.docker.client().await?;
    let stop = |container: &Container| {
        let (id, name) = (container.id.clone(), container.name.clone());
        async move {
            match client.stop_container(&id, None).await {
                Err(error) if !containers::is_missing(&error) => {
                    Err(classify(&error, &format!("stop container `{name}`")))
                }
                _ => Ok(()),
            }
        }
    };
    let stopped = async { join_all(containers.iter().map(stop)).await.into_iter().collect() };
    ctx.in_time("stop the services on the cluster's network", stopped).await
}
