//! `mlup doctor`: what is wrong on this machine and in the cluster, causes only, each with what
//! proves it and what to do. The rules are `doctor/`; the looks are the steps'.

pub(super) mod answer;
mod attend;
pub(super) mod cluster;
pub(super) mod decide;
mod fix;
mod host;

use std::process::ExitCode;

use crate::cli::{self, Format};
use crate::commands::output;
use crate::commands::session::{self, Project, Session};
use crate::doctor::look::Look;
use crate::error::{Error, Exit};
use crate::event::Finding;
use crate::redact::{Learned, Redactor};
use answer::{Answer, tell};
use cluster::Registries;
use decide::decide;

/// Carries out `mlup doctor`.
pub(super) fn doctor(session: &Session, asked: &cli::Doctor) -> Result<ExitCode, Error> {
    if asked.fix {
        return fix::fix(session, asked);
    }
    let project = session.project()?;
    let registries = Registries::of(asked);
    let look = project.work(look(&project, registries))??;
    let answer = decide(&look);
    let count = fix::repairable((&look, &answer), &project)?.len();
    if count > 0 {
        let is = if count == 1 { "cause" } else { "causes" };
        session.terminal.say(&format!("mlup doctor --fix repairs {count} {is} of these"));
    }
    print(session, asked, &answer)?;
    Ok(verdict(&answer).into())
}

fn verdict(answer: &Answer) -> Exit {
    if answer.findings.is_empty() { Exit::Ok } else { Exit::Failed }
}

fn print(session: &Session, asked: &cli::Doctor, answer: &Answer) -> Result<(), Error> {
    let text = match asked.read.output {
        Format::Json => output::json(answer)?,
        Format::Yaml => output::yaml(answer)?,
        Format::Table => tell(session, answer),
    };
    // A look holds no secrets: what is decided from it has none to hide.
    Ok(session::stdout().write_all(text.as_bytes())?)
}

/// Looks at the machine and at the cluster, side by side.
async fn look(project: &Project, registries: Registries) -> Result<Look, Error> {
    let redactor = Redactor::new(project.scrubber.clone(), &Learned::default());
    if project.config.cluster.is_none() {
        return Ok(Look { steps: host::look(project, &redactor).await?, cluster: None });
    }
    let (steps, sight) =
        tokio::join!(host::look(project, &redactor), cluster::look(project, registries, &redactor));
    Ok(Look { steps: steps?, cluster: Some(sight) })
}

/// A finding without secrets, whoever's words it repeats.
fn clean(mut finding: Finding, redactor: &Redactor) -> Finding {
    finding.texts().into_iter().for_each(|text| *text = redactor.text(text));
    finding
}
