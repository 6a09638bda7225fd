//! `mlup doctor`: what is wrong on this machine and in the cluster, causes only, each with what
//! proves it and what to do. The rules are `doctor/`; the looks are the steps'.

mod answer;
mod cluster;
mod host;

use std::process::ExitCode;

use crate::cli::{self, Format};
use crate::commands::output;
use crate::commands::session::{self, Project, Session};
use crate::error::{Error, Exit};
use crate::steps::snapshot::Unchecked;
use answer::{Answer, Row, of_cluster, tell};
use cluster::Registries;

/// Carries out `mlup doctor`.
pub(super) fn doctor(session: &Session, asked: &cli::Doctor) -> Result<ExitCode, Error> {
    let project = session.project()?;
    let registries = if asked.offline { Registries::LeftAlone } else { Registries::Asked };
    let answer = project.work(examine(&project, registries))??;
    let text = match asked.read.output {
        Format::Json => output::json(&answer)?,
        Format::Yaml => output::yaml(&answer)?,
        Format::Table => tell(session, &answer),
    };
    session::stdout().write_all(project.scrubber.scrub(&text).as_bytes())?;
    Ok(if answer.findings.is_empty() { Exit::Ok } else { Exit::Failed }.into())
}

/// Both looks, side by side. What the cluster's own objects explain is not told a second time as
/// what keeps a step from its work.
async fn examine(project: &Project, registries: Registries) -> Result<Answer, Error> {
    if project.config.cluster.is_none() {
        let findings = host::rows(project).await?;
        return Ok(Answer { findings, checked: 0, unchecked: Vec::new() });
    }
    let (host, seen) = tokio::join!(host::rows(project), cluster::examine(project, registries));
    let mut findings = host?;
    let (checked, unchecked) = match seen {
        Ok((snapshot, found)) => {
            let inside: Vec<Row> = found.iter().map(of_cluster).collect();
            findings.retain(|row| !inside.iter().any(|cause| explains(cause, row)));
            findings.extend(inside);
            (snapshot.world.count(), snapshot.unchecked)
        }
        Err(failure) => {
            // The steps of the cluster say better why it does not answer.
            let is_told = findings.iter().any(|row| row.object.ends_with("cluster"));
            if !is_told && failure.code != "CONTEXT_MISSING" {
                findings.push(answer::of_step("cluster", failure.finding()));
            }
            (0, vec![Unchecked { kind: "cluster".to_owned(), why: failure.summary }])
        }
    };
    Ok(Answer { findings, checked, unchecked })
}

/// Whether a cause inside the cluster says what a step complains of: both name the same object.
fn explains(cause: &Row, row: &Row) -> bool {
    let name = cause.object.rsplit('/').next().unwrap_or_default();
    let named = [format!("`{name}`"), format!("/{name}`")];
    !name.is_empty() && named.iter().any(|named| row.summary.contains(named))
}
