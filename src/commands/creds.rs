//! `mlup creds`: how the pull secrets of registries stand, and their renewal.

mod refresh;

use std::process::ExitCode;

use crate::cli::{Creds, Format};
use crate::commands::output;
use crate::commands::session::{Project, Session};
use crate::error::{Error, Exit};
use crate::plan::StepId;
use crate::plan::pull_secret::{PullSecret, pull_secrets};
use crate::report::table;
use crate::steps::objects::Objects;
use crate::steps::registry::status::{Row, status};

/// Carries out `mlup creds status` and `mlup creds refresh`.
pub(super) fn creds(
    session: impl FnOnce(Option<std::path::PathBuf>) -> Session,
    args: Creds,
) -> Result<ExitCode, Error> {
    match args {
        Creds::Status(read) => show(&session(read.file.file), read.output),
        Creds::Refresh { read, force } => {
            refresh::refresh(&session(read.file.file), force, read.output)
        }
    }
}

fn show(session: &Session, format: Format) -> Result<ExitCode, Error> {
    let project = session.project()?;
    let rows = project.work(rows(&project))??;
    let cells: Vec<Vec<String>> = rows.iter().map(row_cells).collect();
    let header = ["registry", "namespace", "secret", "state", "age", "expires", "pods"];
    print(session, &project, (format, &rows), (&header, &cells))?;
    Ok(Exit::Ok.into())
}

async fn rows(project: &Project) -> Result<Vec<Row>, Error> {
    let mut rows = Vec::new();
    for secret in pull_secrets(&project.config) {
        let step = step_of(&secret);
        let ctx = project.reading(&step);
        let look = async { status(&secret, &Objects::connect(&ctx).await?).await };
        rows.extend(look.await.map_err(Error::failure(step.as_str()))?);
    }
    Ok(rows)
}

fn row_cells(row: &Row) -> Vec<String> {
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let pods = if row.pods.is_empty() { "-".to_owned() } else { row.pods.join(", ") };
    let (server, namespace, secret) = (&row.server, &row.namespace, &row.secret);
    let state = row.state.to_owned();
    let (age, expires) = (or_dash(&row.age), or_dash(&row.expires));
    vec![server.clone(), namespace.clone(), secret.clone(), state, age, expires, pods]
}

fn step_of(secret: &PullSecret) -> StepId {
    StepId::named("registry", &secret.name)
}

/// Prints data; a table of nothing is a sentence.
fn print<T: serde::Serialize>(
    session: &Session,
    project: &Project,
    (format, data): (Format, &T),
    (header, cells): (&[&str], &[Vec<String>]),
) -> Result<(), Error> {
    if cells.is_empty() && format == Format::Table {
        if project.config.registries.is_empty() {
            session.terminal.say("there is no `[[registry]]` in this configuration");
        }
        return Ok(());
    }
    output::print(session, format, data, |width| {
        project.scrubber.scrub(&table::render(header, cells, width))
    })
}
