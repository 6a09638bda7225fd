//! `mlup doctor`: what is wrong on this machine and in the cluster, causes only, each with what
//! proves it and what to do. The rules are `doctor/`; the looks are the steps'.

pub(super) mod answer;
mod bundle;
pub(super) mod cluster;
mod course;
pub(super) mod decide;
mod fix;
mod host;
mod outcome;

use std::process::ExitCode;

use crate::cli::{self, Format};
use crate::commands::output;
use crate::commands::session::{self, Project, Session};
use crate::doctor::look::{Hindrance, Look, Sight};
use crate::error::{Error, Exit};
use crate::event::Finding;
use crate::redact::{Learned, Redactor};
use crate::steps::machine::Outside;
use answer::{Answer, tell};
use cluster::Registries;
use course::Course;
use decide::decide;

/// Carries out `mlup doctor`.
pub(super) fn doctor(session: &Session, asked: &cli::Doctor) -> Result<ExitCode, Error> {
    if asked.fix {
        return fix::fix(session, asked);
    }
    let Some(file) = &asked.from else { return now(session, asked) };
    let answer = decide(&bundle::open(session, file)?);
    print(session, asked, &answer)?;
    Ok(verdict(&answer).into())
}

/// A look that is taken now, and kept where that is wanted.
fn now(session: &Session, asked: &cli::Doctor) -> Result<ExitCode, Error> {
    let project = session.project()?;
    let look = taken(session, &project, asked)?;
    let mut answer = decide(&look);
    let course = Course::of((&look, &mut answer), &project.config)?;
    for hint in course.hints() {
        session.terminal.say(&hint);
    }
    print(session, asked, &answer)?;
    // The program ends here: to take a large cluster apart would only keep who waits for it.
    std::mem::forget(look);
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

fn taken(session: &Session, project: &Project, asked: &cli::Doctor) -> Result<Look, Error> {
    let wanted = asked.bundle.as_deref().map(|file| bundle::place(session, file)).transpose()?;
    let (look, redactor) = project.work(look(project, Registries::of(asked)))??;
    if let Some(file) = wanted {
        bundle::save(session, project, &look, &redactor, &file)?;
    }
    Ok(look)
}

/// Looks at the machine and at the cluster, side by side; what takes secrets out of what was seen
/// with them.
async fn look(project: &Project, registries: Registries) -> Result<(Look, Redactor), Error> {
    let known = || Redactor::new(project.scrubber.clone(), &Learned::default());
    let outside = match registries {
        Registries::Asked => Outside::Asked,
        Registries::LeftAlone => Outside::LeftAlone,
    };
    let below = host::look(project, outside);
    let (below, seen) = if project.config.cluster.is_some() {
        let (below, seen) = tokio::join!(below, cluster::look(project, registries));
        (below, Some(seen))
    } else {
        (below.await, None)
    };
    let (machine, steps) = below?;
    let (cluster, redactor) = match seen {
        None => (None, known()),
        Some(Ok((cluster, redactor))) => (Some(Sight::Seen(Box::new(cluster))), redactor),
        Some(Err(failure)) => {
            let redactor = known();
            (Some(Sight::Unseen(clean(failure.finding(), &redactor))), redactor)
        }
    };
    let clean = |one: Hindrance| Hindrance { finding: clean(one.finding, &redactor), ..one };
    let steps = steps.into_iter().map(clean).collect();
    let machine = host::without_secrets(&machine, &redactor);
    Ok((Look { machine, steps, cluster }, redactor))
}

/// A finding without secrets, whoever's words it repeats.
fn clean(mut finding: Finding, redactor: &Redactor) -> Finding {
    finding.texts().into_iter().for_each(|text| *text = redactor.text(text));
    finding
}
