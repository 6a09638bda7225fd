//! `mlup doctor`: what is wrong on this machine and in the cluster, causes only, each with what
//! proves it and what to do. The rules are `doctor/`; the looks are the steps'.

pub(super) mod answer;
pub(super) mod cluster;
pub(super) mod decide;
mod host;

use std::process::ExitCode;

use crate::cli::{self, Format};
use crate::commands::output;
use crate::commands::session::{self, Project, Session};
use crate::doctor::look::Look;
use crate::error::{Error, Exit};
use crate::event::Finding;
use crate::redact::{Learned, Redactor};
use answer::tell;
use cluster::Registries;
use decide::decide;

/// Carries out `mlup doctor`.
pub(super) fn doctor(session: &Session, asked: &cli::Doctor) -> Result<ExitCode, Error> {
    let project = session.project()?;
    let registries = if asked.offline { Registries::LeftAlone } else { Registries::Asked };
    let look = project.work(look(&project, registries))??;
    let answer = decide(&look);
    let text = match asked.read.output {
        Format::Json => output::json(&answer)?,
        Format::Yaml => output::yaml(&answer)?,
        Format::Table => tell(session, &answer),
    };
    // A look holds no secrets: what is decided from it has none to hide.
    session::stdout().write_all(text.as_bytes())?;
    Ok(if answer.findings.is_empty() { Exit::Ok } else { Exit::Failed }.into())
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
