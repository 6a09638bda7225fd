//! Runs `docker compose` and says what a failure of it means. Which command is run, and when, is
//! not decided here.

use crate::drivers::compose::complaints;
use crate::event::Fix;
use crate::host::cmd::{Cmd, End, Output, SpawnError};
use crate::policy::classify::tool_failure;
use crate::policy::tool::{Tool, ToolEnd};
use crate::policy::{Class, Failure};
use crate::steps::StepCtx;

/// Runs a command to its end, whatever its exit code, but not beyond the step's time.
pub(super) async fn run(ctx: &StepCtx, cmd: Cmd) -> Result<Output, Failure> {
    let shown = cmd.to_string();
    let cmd = cmd.timeout(ctx.time_left());
    match ctx.host.runner.run(cmd, ctx.cancel.clone()).await {
        Ok(output) if output.end == End::Cancelled => Err(Failure::cancelled()),
        Ok(output) => Ok(output),
        Err(SpawnError::NotFound { .. }) => Err(Failure::new(
            Class::Prerequisite,
            "DOCKER_CLI_MISSING",
            "the `docker` command line client was not found on PATH",
        )
        .fix(Fix::safe("install the docker client and its compose v2 plugin"))),
        Err(error) => {
            let failure = Failure::new(Class::Permanent, "TOOL_FAILED", error.to_string());
            Err(failure.because("mlup", format!("command: {shown}")))
        }
    }
}

/// Runs a command that changes something: its lines become events, its failure a `Failure`.
pub(super) async fn change(ctx: &StepCtx, cmd: Cmd, doing: &str) -> Result<Output, Failure> {
    let output = run(ctx, cmd.on_line(ctx.line_sink())).await?;
    if output.success() { Ok(output) } else { Err(failure(doing, &output)) }
}

/// What it means that compose failed while `doing` something. Its warnings are left out: they
/// come with every call and are not why this one failed.
pub(super) fn failure(doing: &str, output: &Output) -> Failure {
    let end = match output.end {
        End::Exit(code) => ToolEnd::Exit(code),
        End::Signal(signal) => ToolEnd::Signal(signal),
        End::Cancelled => return Failure::cancelled(),
        End::TimedOut => ToolEnd::TimedOut,
    };
    let complaints = complaints(&output.stderr).join("\n");
    tool_failure(Tool::Compose, doing, end, &complaints, &output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(stderr: &str) -> Failure {
        let output = Output { end: End::Exit(1), stdout: String::new(), stderr: stderr.to_owned() };
        failure("pull images", &output)
    }

    #[test]
    fn a_warning_is_not_taken_for_the_cause() {
        let failure = failed(
            "time=\"x\" level=warning msg=\"The \\\"TAG\\\" variable is not set.\"\nno such thing",
        );
        assert_eq!(failure.code, "TOOL_FAILED");
        assert_eq!(failure.evidence.len(), 1);
        assert_eq!(failure.evidence[0].text, "no such thing");
    }

    #[test]
    fn an_unreachable_registry_is_tried_again() {
        let failure = failed(
            "Error response from daemon: Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup \
             registry-1.docker.io on 127.0.0.53:53: no such host",
        );
        assert!(failure.class.is_retryable(), "{failure:?}");
    }
}
