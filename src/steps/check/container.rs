//! Finding a compose service's container and running a command inside it.

use std::collections::HashMap;
use std::path::Path;

use bollard::exec::{CreateExecOptions, StartExecResults};
use bollard::models::ContainerSummary;
use bollard::query_parameters::ListContainersOptionsBuilder;
use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;

use crate::config::model::{Compose, DeployKind};
use crate::policy::{Class, Failure};
use crate::redact::Secret;
use crate::steps::StepCtx;

/// Most output of a command that is kept, in bytes.
const OUTPUT_LIMIT: usize = 1024 * 1024;

/// Which containers of a service count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// Also one that has ended.
    Any,
    /// Only one that runs.
    Running,
}

/// Identifier of the service's container; of several the one with the lowest name.
pub(super) async fn find(
    ctx: &StepCtx,
    service: &str,
    which: Which,
) -> Result<Option<String>, Failure> {
    let docker = ctx.host.docker.client().await?;
    let filters = HashMap::from([(
        "label",
        vec![
            format!("com.docker.compose.service={service}"),
            "com.docker.compose.oneoff=False".to_owned(),
        ],
    )]);
    let filters: HashMap<&str, Vec<&str>> = filters
        .iter()
        .map(|(key, values)| (*key, values.iter().map(String::as_str).collect()))
        .collect();
    let options =
        ListContainersOptionsBuilder::new().all(which == Which::Any).filters(&filters).build();
    let listed =
        docker.list_containers(Some(options)).await.map_err(|error| engine_trouble(&error))?;
    let mut ours: Vec<ContainerSummary> =
        listed.into_iter().filter(|container| is_ours(container, ctx)).collect();
    ours.sort_by(|left, right| left.names.cmp(&right.names));
    Ok(ours.into_iter().find_map(|container| container.id))
}

/// Whether the container is of one of the configured compose deploys, not of a project elsewhere
/// that has a service of the same name.
fn is_ours(container: &ContainerSummary, ctx: &StepCtx) -> bool {
    let label = |name: &str| {
        let labels = container.labels.as_ref()?;
        labels.get(&format!("com.docker.compose.project.{name}")).map(String::as_str)
    };
    let (files, folder) = (label("config_files"), label("working_dir"));
    ctx.config.deploys.iter().any(|deploy| match &deploy.kind {
        DeployKind::Compose(compose) => belongs(compose, files, folder),
        _ => false,
    })
}

/// By its files, or by their folder where the files go by other names, such as through a link.
fn belongs(compose: &Compose, files: Option<&str>, folder: Option<&str>) -> bool {
    let named = |files: &str| files.split(',').map(Path::new).eq(compose.files.iter());
    let parent = compose.files.first().and_then(|file| file.parent());
    files.is_some_and(named) || folder.is_some_and(|folder| parent == Some(Path::new(folder)))
}

/// What a command inside a container left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ExecOutput {
    pub(super) code: i64,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl ExecOutput {
    /// Whether the container has no such program (126 from Docker 20.10, 127 from 28).
    pub(super) fn is_missing(&self) -> bool {
        matches!(self.code, 126 | 127)
    }
}

/// Runs a command inside a container, with this input, to its end.
pub(super) async fn exec(
    ctx: &StepCtx,
    container: &str,
    command: &[String],
    input: Option<&Secret>,
) -> Result<ExecOutput, Failure> {
    let docker = ctx.host.docker.client().await?;
    let options = CreateExecOptions::<String> {
        attach_stdin: Some(input.is_some()),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        cmd: Some(command.to_vec()),
        ..CreateExecOptions::default()
    };
    let created =
        docker.create_exec(container, options).await.map_err(|error| engine_trouble(&error))?;
    let started =
        docker.start_exec(&created.id, None).await.map_err(|error| engine_trouble(&error))?;
    let mut result = ExecOutput::default();
    if let StartExecResults::Attached { mut output, input: mut pipe } = started {
        if let Some(input) = input {
            // A command that ends without reading its input is judged by its exit code.
            let _ = pipe.write_all(input.expose().as_bytes()).await;
            let _ = pipe.shutdown().await;
        }
        while let Some(Ok(part)) = output.next().await {
            let into = match part {
                bollard::container::LogOutput::StdErr { .. } => &mut result.stderr,
                _ => &mut result.stdout,
            };
            if into.len() < OUTPUT_LIMIT {
                into.push_str(&String::from_utf8_lossy(part.as_ref()));
            }
        }
    }
    let ended = docker.inspect_exec(&created.id).await.map_err(|error| engine_trouble(&error))?;
    result.code = ended.exit_code.unwrap_or(-1);
    Ok(result)
}

/// The engine did not do what was asked: the container ended meanwhile, or the engine is busy.
pub(super) fn engine_trouble(error: &bollard::errors::Error) -> Failure {
    let reason = match error {
        bollard::errors::Error::DockerResponseServerError { message, .. } => message.clone(),
        other => other.to_string(),
    };
    Failure::new(Class::Transient, "DOCKER_REQUEST_FAILED", format!("Docker says: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_belongs_by_files_or_by_folder() {
        let compose = Compose {
            files: vec!["/p/compose.yaml".into(), "/p/extra.yaml".into()],
            profiles: Vec::new(),
            services: Vec::new(),
        };
        assert!(belongs(&compose, Some("/p/compose.yaml,/p/extra.yaml"), None));
        assert!(belongs(&compose, Some("/link/compose.yaml"), Some("/p")));
        assert!(!belongs(&compose, Some("/p/compose.yaml"), Some("/other")));
        assert!(!belongs(&compose, None, None));
    }
}
