//! What the Docker Engine has to give, and how long it may take to say so.

use std::time::Duration;

use super::{Engine, classify};
use crate::policy::{Class, Failure};

/// How long a living engine may take to say what it or a container is: the docker driver of minikube
/// gives it six seconds; a machine that just woke up needs more.
pub(in crate::host) const LOOK_LIMIT: Duration = Duration::from_secs(10);

/// What the engine has to give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineFacts {
    /// Memory in bytes; 0 where it does not say.
    pub memory: u64,
    /// CPUs; 0 where it does not say.
    pub cpus: u32,
    /// Such as `Docker Desktop` or the name of the distribution.
    pub operating_system: String,
    /// Such as `x86_64`.
    pub architecture: String,
    /// Version of the engine.
    pub version: String,
}

/// What the engine has to give; a silent engine is given up after ten seconds.
///
/// # Errors
/// The engine could not be asked.
pub async fn engine_facts(engine: &Engine) -> Result<EngineFacts, Failure> {
    let doing = "ask the Docker Engine what it has";
    let client = engine.client().await?;
    let info = tokio::time::timeout(LOOK_LIMIT, client.info()).await;
    let info = info.map_err(|_| silent(doing))?.map_err(|error| classify(&error, doing))?;
    Ok(EngineFacts {
        memory: info.mem_total.and_then(|bytes| bytes.try_into().ok()).unwrap_or_default(),
        cpus: info.ncpu.and_then(|count| count.try_into().ok()).unwrap_or_default(),
        operating_system: info.operating_system.unwrap_or_default(),
        architecture: info.architecture.unwrap_or_default(),
        version: info.server_version.unwrap_or_default(),
    })
}

/// The failure of an engine that said nothing for [`LOOK_LIMIT`].
pub(in crate::host) fn silent(doing: &str) -> Failure {
    Failure::new(
        Class::Transient,
        "DOCKER_TIMEOUT",
        format!("could not {doing}: the Docker Engine said nothing for {} s", LOOK_LIMIT.as_secs()),
    )
}
