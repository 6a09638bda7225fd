//! `mlup reset`: removes what mlup owns. Volumes, and with them data, go only with `--purge`, which
//! shows the list first and asks for the environment's name.

use std::fmt::Write as _;
use std::process::ExitCode;

use crate::commands::run;
use crate::commands::session::{self, Project, Session};
use crate::error::{Error, Exit};
use crate::event::Verb;
use crate::plan::change::Change;
use crate::plan::{self, Plan};
use crate::steps::{self, Teardown};

/// Carries out `mlup reset`.
pub(super) fn reset(session: &Session, purge: bool) -> Result<ExitCode, Error> {
    let project = session.project()?;
    let verb = if purge { Verb::Purge } else { Verb::Reset };
    let teardown = plan::teardown(&project.config, verb)?;
    if purge {
        let doomed = project.work(doomed(&project, &teardown))??;
        if doomed.is_empty() {
            session.terminal.say("nothing to remove");
            return Ok(Exit::Ok.into());
        }
        consent(session, &project.config.name, &doomed)?;
    }
    run::run(session, &project, run::Wanted::teardown(verb, teardown))
}

/// Everything that a purge would take away.
async fn doomed(project: &Project, teardown: &Plan) -> Result<Vec<Change>, Error> {
    let mut doomed = Vec::new();
    for step in teardown.steps() {
        let ctx = project.reading(&step.id);
        let changes = steps::removals(&step.kind, &ctx, Teardown::Purge).await;
        doomed.extend(changes.map_err(Error::failure(step.id.as_str()))?);
    }
    Ok(doomed)
}

/// Shows what goes and asks for the name. The list is shown with `--yes` too: it is the record of
/// what was agreed to.
fn consent(session: &Session, name: &str, doomed: &[Change]) -> Result<(), Error> {
    let mut list = "reset --purge will remove, with all data in it:\n".to_owned();
    for change in doomed {
        // Writing to a string cannot fail.
        let _ = writeln!(list, "  {:<9} {}", change.op.to_string(), change.object);
    }
    session::stderr().write_all(list.as_bytes())?;
    if session.global.yes {
        return Ok(());
    }
    let help = format!("type `{name}` when asked, or say it with `mlup reset --purge --yes`");
    match session.invocation.ask(&format!("type the environment's name ({name}) to go on: ")) {
        Some(answer) if answer == name => Ok(()),
        Some(_) => Err(Error::refused("nothing was removed: that is not the name", help)),
        None => Err(Error::refused(
            "nothing was removed: there is no terminal to ask for consent on",
            help,
        )),
    }
}
