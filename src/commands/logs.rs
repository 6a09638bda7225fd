//! `mlup logs`: what compose services print, each line under its service's name.

use std::process::ExitCode;

use crate::cli::Logs;
use crate::commands::session::{self, Project, Session};
use crate::engine;
use crate::error::{Error, Exit};
use crate::plan::{self, Step, StepKind};
use crate::steps::compose::{self, LogRequest};

/// Carries out `mlup logs`.
pub(super) fn logs(session: &Session, args: &Logs) -> Result<ExitCode, Error> {
    let project = session.project()?;
    let plan = plan::start(&project.config)?;
    let deploys: Vec<&Step> = plan
        .steps()
        .iter()
        .map(AsRef::as_ref)
        .filter(|step| matches!(step.kind, StepKind::Compose(_)))
        .collect();
    if deploys.is_empty() {
        let help = "logs are those of compose services; `[[deploy]]` with `compose` adds some";
        return Err(Error::usage("this environment has no compose services", help));
    }
    project.work(async {
        let mut interrupts = engine::listen()?;
        let printing = print(&project, &deploys, args);
        tokio::select! {
            done = printing => done.map(|()| Exit::Ok.into()),
            _ = interrupts.recv() => Ok(Exit::Ok.into()),
        }
    })?
}

/// Prints the logs of all deploys side by side: with `--follow` none of them ends by itself.
async fn print(project: &Project, deploys: &[&Step], args: &Logs) -> Result<(), Error> {
    let wanted = LogRequest {
        services: args.services.clone(),
        follow: args.follow,
        tail: args.tail,
        since: None,
    };
    let streams = deploys.iter().filter_map(|step| match &step.kind {
        StepKind::Compose(deploy) => Some(async {
            let ctx = project.reading(&step.id);
            let mut stdout = session::stdout();
            let gone = ctx.cancel.clone();
            let mut broken = None;
            let sink = |service: &str, line: &str| {
                let line = project.scrubber.scrub(line);
                let written = writeln!(stdout, "{service:<12} {line}");
                if let Err(error) = written {
                    broken = Some(error);
                    gone.cancel();
                }
            };
            let read = compose::logs(deploy, &ctx, &wanted, sink).await;
            read.map_err(Error::failure(step.id.as_str()))?;
            broken.map_or(Ok(()), |error| Err(Error::Output(error)))
        }),
        _ => None,
    });
    futures_util::future::try_join_all(streams).await.map(|_| ())
}
