//! Containers of a compose project as the engine knows them: snapshot, log lines, start. The live
//! view is `watch`; what a state means for readiness is decided in `steps/compose/`.

mod container;
pub mod interruption;
mod watch;

use std::collections::HashMap;

use bollard::query_parameters::{ListContainersOptionsBuilder, LogsOptionsBuilder};
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::host::docker::{Engine, classify};
use crate::policy::Failure;

pub use container::{Container, Health, HealthStatus, PublishedPort, RestartPolicy, Status};
pub(in crate::host) use container::{status, timestamp};
pub use watch::{Signal, Watch};

/// Label with the project's name.
pub const PROJECT: &str = "com.docker.compose.project";

/// Inspections under way at a time: enough to hide their latency, few enough for a small engine.
const PARALLEL: usize = 8;

/// All containers of a project, stopped ones included, one-off ones (`compose run`) left out.
///
/// # Errors
/// The engine could not be asked; a container that vanished meanwhile is no error.
pub async fn of_project(engine: &Engine, project: &str) -> Result<Vec<Container>, Failure> {
    let client = engine.client().await?;
    let filters = HashMap::from([("label", vec![format!("{PROJECT}={project}")])]);
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    let listed = client.list_containers(Some(options)).await;
    let listed = listed.map_err(|e| classify(&e, "list the project's containers"))?;
    let ids: Vec<String> = listed.into_iter().filter_map(|summary| summary.id).collect();
    inspect_all(engine, ids).await
}

/// The containers with these ids; those that are gone are left out.
///
/// # Errors
/// The engine could not be asked.
pub async fn inspect_all(engine: &Engine, ids: Vec<String>) -> Result<Vec<Container>, Failure> {
    let found = stream::iter(ids).map(|id| async move { inspect(engine, &id).await });
    let found: Vec<Option<Container>> = found.buffer_unordered(PARALLEL).try_collect().await?;
    let mut found: Vec<Container> = found.into_iter().flatten().filter(|c| !c.one_off).collect();
    found.sort_by(|a, b| (&a.service, a.number).cmp(&(&b.service, b.number)));
    Ok(found)
}

/// One container, or `None` when there is none with this id.
///
/// # Errors
/// The engine could not be asked.
pub async fn inspect(engine: &Engine, id: &str) -> Result<Option<Container>, Failure> {
    match engine.client().await?.inspect_container(id, None).await {
        Ok(answer) => Ok(Container::from_engine(answer)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(classify(&error, "inspect a container")),
    }
}

/// Whether the engine said that there is no such thing.
#[must_use]
pub fn is_missing(error: &bollard::errors::Error) -> bool {
    use bollard::errors::Error::DockerResponseServerError as Answer;
    matches!(error, Answer { status_code: 404, .. })
}

/// Starts a container; one that runs already is no error. A paused one goes on.
///
/// # Errors
/// What the engine said, as it said it: the step knows what it means.
pub async fn start(
    client: &bollard::Docker,
    container: &Container,
) -> Result<(), bollard::errors::Error> {
    match container.status {
        Status::Paused => client.unpause_container(&container.id).await,
        Status::Restarting => client.restart_container(&container.id, None).await,
        _ => client.start_container(&container.id, None).await,
    }
}

/// The last lines that a container printed, oldest first; nothing when they cannot be read: logs
/// are evidence, and their absence must not hide the failure itself.
pub async fn last_lines(engine: &Engine, id: &str, count: usize) -> Vec<String> {
    let Ok(client) = engine.client().await else { return Vec::new() };
    let options = LogsOptionsBuilder::default().stdout(true).stderr(true).tail(&count.to_string());
    let chunks = client.logs(id, Some(options.build()));
    let text: String = chunks
        .filter_map(|chunk| async move { chunk.ok().map(|output| output.to_string()) })
        .collect()
        .await;
    let lines: Vec<String> = text
        .lines()
        .map(|line| line.trim_end().to_owned())
        .filter(|line| !line.is_empty())
        .collect();
    lines[lines.len().saturating_sub(count)..].to_vec()
}

/// Whether two paths are the same folder, symbolic links resolved: compose labels containers with
/// the path as it was typed.
#[must_use]
pub fn same_folder(one: &std::path::Path, other: &std::path::Path) -> bool {
    let real = |path: &std::path::Path| std::fs::canonicalize(path).ok();
    one == other || real(one).is_some_and(|path| real(other) == Some(path))
}
