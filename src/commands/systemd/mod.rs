//! `mlup systemd`: units that bring the environment up without anybody at the keyboard. Their text
//! and the commands of systemd are `drivers/systemd`.

mod blueprint;
mod install;
mod manager;
mod place;
mod uninstall;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::{Systemd, Units};
use crate::commands::session::{self, Session};
use crate::error::{Error, Exit};

/// Carries out `mlup systemd install`, `print` and `uninstall`.
pub(super) fn systemd(
    session: impl FnOnce(Option<PathBuf>) -> Session,
    args: Systemd,
) -> Result<ExitCode, Error> {
    match args {
        Systemd::Install { units, no_start } => {
            install::install(&session(units.file.file.clone()), &units, no_start)
        }
        Systemd::Print(units) => print(&session(units.file.file.clone()), &units),
        Systemd::Uninstall { file, manager } => uninstall::uninstall(&session(file.file), manager),
    }
}

/// All units, each under the path that it would be written to.
fn print(session: &Session, units: &Units) -> Result<ExitCode, Error> {
    let loaded = session.load()?;
    let blueprint = blueprint::blueprint(session, &loaded.config, units)?;
    if let Err(error) = blueprint::check_environment(session, &loaded) {
        session.terminal.complain(&error);
    }
    let folder = place::folder(&session.invocation.env, &blueprint.scope)?;
    let texts = blueprint
        .units()
        .into_iter()
        .map(|unit| format!("# {}\n{}", folder.join(&unit.name).display(), unit.text));
    let texts: Vec<String> = texts.collect();
    session::stdout().write_all(texts.join("\n").as_bytes())?;
    Ok(Exit::Ok.into())
}
