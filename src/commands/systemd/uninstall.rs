//! `mlup systemd uninstall`: the units go, the environment stays as it is.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::blueprint::{file, scope};
use super::manager::Manager;
use super::place::{Present, folder, look};
use crate::cli;
use crate::commands::session::{self, Session};
use crate::drivers::systemd::name::{Role, unit_name};
use crate::drivers::systemd::unit::Blueprint;
use crate::error::{Error, Exit};
use crate::host::files;
use crate::policy::Failure;

/// What a failure outside of a run is told as.
const STEP: &str = "systemd uninstall";

/// A unit of this environment that is to go.
struct Doomed {
    role: Role,
    name: String,
    path: PathBuf,
}

/// Carries out `mlup systemd uninstall`.
pub(super) fn uninstall(session: &Session, manager: cli::Manager) -> Result<ExitCode, Error> {
    let project = session.project()?;
    let scope = scope(session, manager, None)?;
    let folder = folder(&session.invocation.env, &scope)?;
    let name = |role| unit_name(role, &project.config.name, &project.config.profile);
    let names = Role::ALL.map(|role| (role, name(role)));
    let (doomed, foreign) =
        doomed(&names, &folder, &file(session)?).map_err(Error::failure(STEP))?;
    if let (true, Some(failure)) = (doomed.is_empty(), foreign) {
        return Err(Error::failure(STEP)(failure));
    }
    if doomed.is_empty() {
        session.terminal.say("there are no units of this environment and profile");
        return Ok(Exit::Ok.into());
    }
    session::runtime()?.block_on(async {
        let work = async {
            let manager = Manager::reach(&project.host, &scope).await?;
            remove(&manager, &doomed).await
        };
        work.await.map_err(Error::failure(STEP))
    })?;
    let mut stdout = session::stdout();
    for doomed in &doomed {
        writeln!(stdout, "removed   {}", doomed.path.display())?;
    }
    session.terminal.say("the environment is left as it is; `mlup stop` halts it");
    Ok(Exit::Ok.into())
}

/// Removes units of this environment that are there and that its blueprint does not have.
///
/// # Errors
/// The manager refuses, or a file cannot be removed.
pub(super) async fn drop_units(
    manager: &Manager<'_>,
    blueprint: &Blueprint,
    folder: &Path,
) -> Result<Vec<PathBuf>, Failure> {
    let kept: Vec<Role> = blueprint.units().iter().map(|unit| unit.role).collect();
    let names: Vec<(Role, String)> = Role::ALL
        .into_iter()
        .filter(|role| !kept.contains(role))
        .map(|role| (role, blueprint.name_of(role)))
        .collect();
    let (doomed, _) = doomed(&names, folder, &blueprint.file)?;
    remove(manager, &doomed).await?;
    Ok(doomed.into_iter().map(|doomed| doomed.path).collect())
}

/// The units that are there and this environment's, and the first that is not.
fn doomed(
    names: &[(Role, String)],
    folder: &Path,
    file: &Path,
) -> Result<(Vec<Doomed>, Option<Failure>), Failure> {
    let (mut doomed, mut foreign) = (Vec::new(), None);
    for (role, name) in names {
        let path = folder.join(name);
        match look(&path, file)? {
            Present::Nothing => {}
            Present::Own(..) => doomed.push(Doomed { role: *role, name: name.clone(), path }),
            Present::Foreign(failure) => foreign = foreign.or(Some(*failure)),
        }
    }
    Ok((doomed, foreign))
}

/// What runs is stopped first, but for the start: its stop would halt the environment. Once its file
/// is gone it has none, and is only forgotten.
async fn remove(manager: &Manager<'_>, doomed: &[Doomed]) -> Result<(), Failure> {
    if doomed.is_empty() {
        return Ok(());
    }
    for unit in doomed.iter().rev() {
        if unit.role != Role::Start {
            manager.tell("stop the unit", &["stop", "--", &unit.name]).await?;
        }
        if unit.role.is_enabled() {
            manager.tell("disable the unit", &["disable", "--", &unit.name]).await?;
        }
        files::remove(&unit.path)?;
    }
    manager.tell("reload the units", &["daemon-reload"]).await?;
    for unit in doomed.iter().filter(|unit| unit.role == Role::Start) {
        if manager.standing(&unit.name).await?.is_up() {
            manager.tell("forget the unit", &["stop", "--", &unit.name]).await?;
        }
    }
    Ok(())
}
