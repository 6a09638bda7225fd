//! The log lines of a project's services, for `mlup logs`. Reads only.

use bollard::errors::Error;
use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::{Stream, StreamExt, stream};

use super::observe::not_foreign;
use crate::event::Fix;
use crate::host::containers::{self, Container};
use crate::host::docker::classify;
use crate::plan::ComposeDeploy;
use crate::policy::{Class, Failure};
use crate::steps::StepCtx;

/// Which lines are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogRequest {
    /// Services; none means all.
    pub services: Vec<String>,
    /// Whether to go on with new lines until the containers end or the step is cancelled.
    pub follow: bool,
    /// At most this many lines of each container's past; all unless set.
    pub tail: Option<usize>,
    /// Only lines from this time on, in seconds since 1970.
    pub since: Option<i32>,
}

/// Hands each line to the sink with the service that printed it, in the order of arrival.
///
/// # Errors
/// A service that the project does not have, wrong compose files, or the engine could not be asked.
pub async fn logs(
    deploy: &ComposeDeploy,
    ctx: &StepCtx,
    request: &LogRequest,
    mut sink: impl FnMut(&str, &str),
) -> Result<(), Failure> {
    let project = ctx.projects.resolve(deploy, ctx).await?;
    if let Some(unknown) =
        request.services.iter().find(|name| !project.model.services.contains_key(*name))
    {
        return Err(unknown_service(unknown, project.model.services.keys()));
    }
    let own = containers::of_project(&ctx.host.docker, &project.model.name).await?;
    not_foreign(&project, &own)?;
    let chosen =
        |c: &Container| request.services.is_empty() || request.services.contains(&c.service);
    let client = ctx.host.docker.client().await?;
    let streams = own.into_iter().filter(chosen).map(|container| lines(client, container, request));
    let mut lines = stream::select_all(streams);
    loop {
        let line = tokio::select! {
            line = lines.next() => line,
            () = ctx.cancel.cancelled() => return Ok(()),
        };
        match line {
            None => return Ok(()),
            Some((service, Ok(line))) => sink(&service, &line),
            Some((service, Err(error))) => {
                return Err(classify(&error, &format!("read the log of `{service}`")));
            }
        }
    }
}

/// A service and a line of its log.
type Line = (String, Result<String, Error>);

/// The lines of one container; a chunk of the engine may hold several, or a part of one.
fn lines<'a>(
    client: &'a bollard::Docker,
    container: Container,
    request: &LogRequest,
) -> std::pin::Pin<Box<dyn Stream<Item = Line> + Send + 'a>> {
    let tail = request.tail.map_or_else(|| "all".to_owned(), |count| count.to_string());
    let options = LogsOptionsBuilder::default().stdout(true).stderr(true).follow(request.follow);
    let options = options.since(request.since.unwrap_or_default()).tail(&tail).build();
    let chunks = client.logs(&container.id, Some(options)).map(Some).chain(stream::iter([None]));
    let mut pending = Vec::new();
    let service = container.service;
    let lines = chunks.flat_map(move |chunk| {
        let lines: Vec<_> = match chunk {
            Some(Err(error)) => vec![Err(error)],
            Some(Ok(output)) => whole(&mut pending, &output.into_bytes()),
            None => rest(&mut pending),
        };
        let lines: Vec<Line> = lines.into_iter().map(|line| (service.clone(), line)).collect();
        stream::iter(lines)
    });
    Box::pin(lines)
}

/// The lines that are complete now; the begun one stays pending.
fn whole(pending: &mut Vec<u8>, bytes: &[u8]) -> Vec<Result<String, Error>> {
    pending.extend_from_slice(bytes);
    let Some(end) = pending.iter().rposition(|byte| *byte == b'\n') else { return Vec::new() };
    let complete: Vec<u8> = pending.drain(..=end).collect();
    String::from_utf8_lossy(&complete).lines().map(|line| Ok(line.to_owned())).collect()
}

/// The line that the container left without an end.
fn rest(pending: &mut Vec<u8>) -> Vec<Result<String, Error>> {
    let line = std::mem::take(pending);
    if line.is_empty() { Vec::new() } else { vec![Ok(String::from_utf8_lossy(&line).into_owned())] }
}

fn unknown_service<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> Failure {
    let known: Vec<&str> = known.map(String::as_str).collect();
    Failure::new(
        Class::Config,
        "COMPOSE_SERVICE_UNKNOWN",
        format!("`{name}` is no service of this environment"),
    )
    .fix(Fix::safe(format!("name one of: {}", known.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_put_together_across_chunks() {
        let mut pending = Vec::new();
        let text = |lines: Vec<Result<String, Error>>| -> Vec<String> {
            lines.into_iter().filter_map(Result::ok).collect()
        };
        assert_eq!(text(whole(&mut pending, b"one\r\ntw")), ["one"]);
        assert_eq!(text(whole(&mut pending, b"o\nthree")), ["two"]);
        assert_eq!(text(rest(&mut pending)), ["three"]);
        assert!(rest(&mut pending).is_empty());
    }
}
