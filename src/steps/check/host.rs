//! Tries that are made from this machine.

use std::time::Duration;

use tokio::net::TcpStream;

use super::finding::{Finding, evaluate};
use super::{HttpAsk, command_line, try_limit, within};
use crate::event::Fix;
use crate::host::cmd::{Cmd, End, Output};
use crate::host::http::{HttpErrorKind, Request, Trust, send};
use crate::policy::{Class, Failure};
use crate::steps::StepCtx;

/// Longest single try of a command.
const EXEC_LIMIT: Duration = Duration::from_secs(30);

/// Asks for the URL.
pub(super) async fn http(probe: &HttpAsk, ctx: &StepCtx) -> Result<Finding, Failure> {
    ask(&request(probe, try_limit(ctx)), probe, ctx).await
}

/// The request of a check.
pub(super) fn request(probe: &HttpAsk, timeout: Duration) -> Request {
    Request {
        url: probe.url.clone(),
        headers: probe.headers.clone(),
        post: probe.post.clone(),
        trust: if probe.insecure { Trust::Any } else { Trust::Known },
        connect_to: None,
        timeout,
    }
}

/// Sends the request and judges the answer.
pub(super) async fn ask(
    request: &Request,
    probe: &HttpAsk,
    ctx: &StepCtx,
) -> Result<Finding, Failure> {
    match within(ctx, request.timeout * 2, send(request)).await {
        None => Ok(Finding::unmet("no answer")),
        Some(Ok(answer)) => Ok(evaluate(&answer, probe)),
        Some(Err(error)) if error.kind == HttpErrorKind::Invalid => {
            Err(Failure::new(Class::Config, "CHECK_INVALID", error.to_string())
                .fix(Fix::safe("correct the check in `mlup.toml`")))
        }
        Some(Err(error)) => Ok(Finding::unmet(error.to_string())),
    }
}

/// Opens a connection and closes it.
pub(super) async fn tcp(address: &str, ctx: &StepCtx) -> Finding {
    match within(ctx, try_limit(ctx), TcpStream::connect(address)).await {
        None => Finding::unmet("no connection in time"),
        Some(Ok(_)) => Finding::met("connected"),
        Some(Err(error)) => Finding::unmet(connect_text(&error)),
    }
}

fn connect_text(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        std::io::ErrorKind::HostUnreachable => "no route to the host".to_owned(),
        std::io::ErrorKind::NetworkUnreachable => "no route to the network".to_owned(),
        _ => error.to_string(),
    }
}

/// Runs the command with the variables of the env files.
pub(super) async fn exec(command: &[String], ctx: &StepCtx) -> Result<Finding, Failure> {
    let Some((program, args)) = command.split_first() else {
        return Err(Failure::new(Class::Config, "CHECK_INVALID", "the check's command is empty"));
    };
    let left = ctx.time_left();
    let mut cmd = Cmd::new(program)
        .args(args.iter().cloned())
        .cwd(&ctx.config.root)
        .timeout(left.min(EXEC_LIMIT));
    cmd.env.clone_from(&ctx.config.env);
    // Never dropped half way: the runner stops the process group on time and on cancel.
    match ctx.host.runner.run(cmd, ctx.cancel.clone()).await {
        Ok(output) => Ok(judge(&output)),
        Err(error) => {
            let summary =
                format!("the check's command `{}` does not run: {error}", command_line(command));
            Err(Failure::new(Class::Prerequisite, "CHECK_COMMAND_MISSING", summary)
                .fix(Fix::safe(format!("install `{program}` or correct the check in `mlup.toml`"))))
        }
    }
}

fn judge(output: &Output) -> Finding {
    let finding = match output.end {
        End::Exit(0) => return Finding::met("exit 0"),
        End::Exit(code) => Finding::unmet(format!("exit {code}")),
        End::Signal(signal) => Finding::unmet(format!("ended by signal {signal}")),
        End::TimedOut => Finding::unmet("still running when its time was over"),
        End::Cancelled => Finding::unmet("cancelled"),
    };
    finding
        .with_excerpt(last_line(&output.stderr).or(last_line(&output.stdout)).unwrap_or_default())
}

/// The last line that is not blank: tools say there what went wrong.
pub(super) fn last_line(text: &str) -> Option<&str> {
    text.lines().rev().map(str::trim).find(|line| !line.is_empty())
}
