//! `mlup creds`: how the pull secrets of registries stand, and their renewal.

use std::process::ExitCode;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::cli::{Creds, Format};
use crate::commands::attend::{self, Ears};
use crate::commands::session::{Project, Session};
use crate::commands::{lock, output};
use crate::engine::{self, Interrupt};
use crate::error::{Error, Exit};
use crate::plan::StepId;
use crate::plan::pull_secret::{PullSecret, pull_secrets};
use crate::policy::Failure;
use crate::report::table;
use crate::steps::objects::Objects;
use crate::steps::registry::refresh::{Refreshed, refresh};
use crate::steps::registry::status::{Row, status};

/// Carries out `mlup creds status` and `mlup creds refresh`.
pub(super) fn creds(
    session: impl FnOnce(Option<std::path::PathBuf>) -> Session,
    args: Creds,
) -> Result<ExitCode, Error> {
    match args {
        Creds::Status(read) => show(&session(read.file.file), read.output),
        Creds::Refresh { read, force } => renew(&session(read.file.file), force, read.output),
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

fn renew(session: &Session, is_forced: bool, format: Format) -> Result<ExitCode, Error> {
    let project = session.project()?;
    let lock = lock::lock(session, &project, "creds refresh")?;
    let (done, ended) = project.work(async {
        let interrupts = engine::listen()?;
        Ok::<_, Error>(renew_all(session, &project, is_forced, interrupts).await)
    })??;
    drop(lock);
    let cells: Vec<Vec<String>> = done.iter().map(refreshed_cells).collect();
    let header = ["secret", "renewed in", "retried", "left"];
    print(session, &project, (format, &done), (&header, &cells))?;
    match ended {
        Ended::Done => Ok(Exit::Ok.into()),
        Ended::Failed(step, failure) => Err(Error::failure(step.as_str())(*failure)),
        Ended::Interrupted(interrupt) => Ok(attend::exit_code(interrupt).into()),
    }
}

/// How a refresh ended.
enum Ended {
    Done,
    /// The first failure, and of what.
    Failed(StepId, Box<Failure>),
    Interrupted(Interrupt),
}

/// Renews one secret after the other. One that fails does not keep the others from theirs.
async fn renew_all(
    session: &Session,
    project: &Arc<Project>,
    is_forced: bool,
    interrupts: UnboundedReceiver<Interrupt>,
) -> (Vec<Refreshed>, Ended) {
    let mut ears = Ears::new(project, interrupts);
    let (mut done, mut ended) = (Vec::new(), Ended::Done);
    for secret in pull_secrets(&project.config) {
        let step = step_of(&secret);
        match renew_one(session, project, (&secret, is_forced), &mut ears).await {
            Ok(refreshed) => done.push(refreshed),
            Err(Stop::Interrupted(interrupt)) => return (done, Ended::Interrupted(interrupt)),
            Err(Stop::Failed(failure)) if matches!(ended, Ended::Done) => {
                ended = Ended::Failed(step, failure);
            }
            Err(Stop::Failed(failure)) => {
                let text = format!("{step}: {}: {}", failure.code, failure.summary);
                session.terminal.say(&project.scrubber.scrub(&text));
            }
        }
    }
    (done, ended)
}

/// Why one secret was not renewed.
enum Stop {
    Failed(Box<Failure>),
    Interrupted(Interrupt),
}

async fn renew_one(
    session: &Session,
    project: &Project,
    (secret, is_forced): (&PullSecret, bool),
    ears: &mut Ears,
) -> Result<Refreshed, Stop> {
    let ctx = ears.ctx(project, &step_of(secret));
    let work = async {
        let objects = Objects::connect(&ctx).await?;
        refresh(secret, is_forced, (&ctx.passwords, &ctx), &objects).await
    };
    let end = ears
        .attend((session, project), &ctx, work.boxed_local())
        .await
        .map_err(Stop::Interrupted)?;
    end.map_err(|failure| Stop::Failed(Box::new(failure)))
}

fn refreshed_cells(done: &Refreshed) -> Vec<String> {
    let list = |names: &[String]| match names {
        [] => "-".to_owned(),
        names if names.len() > MOST_NAMES => {
            let (first, rest) = names.split_at(MOST_NAMES);
            format!("{} and {} more", first.join(", "), rest.len())
        }
        names => names.join(", "),
    };
    vec![done.secret.clone(), list(&done.written), list(&done.retried), list(&done.left)]
}

/// Most names in one cell; JSON and YAML have all.
const MOST_NAMES: usize = 5;

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
