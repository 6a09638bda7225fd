//! `mlup systemd install`: the files, then the manager, then a look at what it made of them. A second
//! time changes nothing.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::manager::Manager;
use super::place::{Present, folder, look};
use super::{blueprint, uninstall};
use crate::cli::Units;
use crate::commands::session::{self, Session};
use crate::drivers::systemd::name::Role;
use crate::drivers::systemd::unit::{Blueprint, Scope, Unit};
use crate::error::{Error, Exit};
use crate::event::Fix;
use crate::host::{files, user};
use crate::policy::{Class, Failure};

/// What a failure outside of a run is told as.
const STEP: &str = "systemd install";
/// Units are read by the manager, and hold no secret.
const MODE: u32 = 0o644;

/// A unit and what has to be done about its file.
struct Filed {
    unit: Unit,
    path: PathBuf,
    is_new: bool,
}

/// Carries out `mlup systemd install`.
pub(super) fn install(session: &Session, units: &Units, no_start: bool) -> Result<ExitCode, Error> {
    let project = session.project()?;
    let blueprint = blueprint::blueprint(session, &project.config, units)?;
    blueprint::check_environment(session, &session.load()?)?;
    let folder = folder(&session.invocation.env, &blueprint.scope)?;
    let filed = filed(&blueprint, &folder).map_err(Error::failure(STEP))?;
    consent(session, &blueprint, &filed)?;
    session::runtime()?.block_on(async {
        let work = async {
            let manager = Manager::reach(&project.host, &blueprint.scope).await?;
            let dropped = uninstall::drop_units(&manager, &blueprint, &folder).await?;
            write(&filed)?;
            enable(&manager, &filed, no_start).await?;
            let is_told = blueprint.scope == Scope::User;
            let lingers = !is_told || manager.lingers(&user::id().to_string()).await;
            Ok::<_, Failure>((dropped, lingers))
        };
        let (dropped, lingers) = work.await.map_err(Error::failure(STEP))?;
        report(&filed, &dropped)?;
        advise(session, &blueprint, lingers);
        Ok(Exit::Ok.into())
    })
}

/// The units with what is at their places now.
///
/// # Errors
/// `UNIT_FOREIGN`: nothing has been written then.
fn filed(blueprint: &Blueprint, folder: &Path) -> Result<Vec<Filed>, Failure> {
    let mut all = Vec::new();
    for unit in blueprint.units() {
        let path = folder.join(&unit.name);
        let is_new = match look(&path, &blueprint.file)? {
            Present::Nothing => true,
            Present::Own(text, mode) => text != unit.text || mode != MODE,
            Present::Foreign(failure) => return Err(*failure),
        };
        all.push(Filed { unit, path, is_new });
    }
    Ok(all)
}

/// Units of the system change the machine for everybody: they are shown and asked about.
fn consent(session: &Session, blueprint: &Blueprint, filed: &[Filed]) -> Result<(), Error> {
    let Scope::System { user } = &blueprint.scope else { return Ok(()) };
    let new: Vec<&Filed> = filed.iter().filter(|filed| filed.is_new).collect();
    if new.is_empty() {
        return Ok(());
    }
    let mut list = format!("systemd install will write, enable and start, to run as {user}:\n");
    for filed in new {
        // Writing to a string cannot fail.
        let _ = writeln!(list, "  {}", filed.path.display());
    }
    session::stderr().write_all(list.as_bytes())?;
    let help = "sudo mlup systemd install --system --yes";
    if session.global.yes {
        return Ok(());
    }
    match session.invocation.ask("go on? [y/N] ").as_deref() {
        Some("y" | "Y" | "yes") => Ok(()),
        Some(_) => Err(Error::refused("nothing was written: the answer was not yes", help)),
        None => Err(Error::refused(
            "nothing was written: there is no terminal to ask for consent on",
            help,
        )),
    }
}

fn write(filed: &[Filed]) -> Result<(), Failure> {
    for filed in filed.iter().filter(|filed| filed.is_new) {
        files::write(&filed.path, filed.unit.text.as_bytes(), MODE)?;
    }
    Ok(())
}

/// Makes the manager read the units, enables and starts them, and looks at what it says of them.
/// Nothing waits until the environment is up: that may take long, and the manager tells of it.
async fn enable(manager: &Manager<'_>, filed: &[Filed], no_start: bool) -> Result<(), Failure> {
    if filed.iter().any(|filed| filed.is_new) {
        manager.tell("reload the units", &["daemon-reload"]).await?;
    }
    for Filed { unit, is_new, .. } in filed {
        let standing = manager.standing(&unit.name).await?;
        if !standing.is_loaded() {
            let said = standing.error.unwrap_or_else(|| format!("LoadState={}", standing.load));
            let summary = format!("systemd does not take the unit {}", unit.name);
            let failure = Failure::new(Class::Permanent, "UNIT_REFUSED", summary);
            return Err(failure.because("systemctl show", said).fix(Fix::safe(format!(
                "systemd-analyze verify {}",
                crate::quote::quote(&unit.name)
            ))));
        }
        if !unit.role.is_enabled() {
            continue;
        }
        if standing.file != "enabled" {
            manager.tell("enable the unit", &["enable", "--", &unit.name]).await?;
        }
        if no_start {
            continue;
        }
        if !standing.is_up() {
            manager.tell("start the unit", &["start", "--no-block", "--", &unit.name]).await?;
        } else if *is_new && unit.role != Role::Start {
            // The start's own stop would halt the environment.
            manager.tell("restart the unit", &["restart", "--no-block", "--", &unit.name]).await?;
        }
    }
    verify(manager, filed).await
}

async fn verify(manager: &Manager<'_>, filed: &[Filed]) -> Result<(), Failure> {
    for Filed { unit, .. } in filed.iter().filter(|filed| filed.unit.role.is_enabled()) {
        let standing = manager.standing(&unit.name).await?;
        if standing.file != "enabled" {
            let summary = format!("the unit {} was enabled and is not", unit.name);
            let failure = Failure::new(Class::Permanent, "UNIT_REFUSED", summary);
            return Err(
                failure.because("systemctl show", format!("UnitFileState={}", standing.file))
            );
        }
    }
    Ok(())
}

fn report(filed: &[Filed], dropped: &[PathBuf]) -> Result<(), Error> {
    let mut stdout = session::stdout();
    for filed in filed {
        let word = if filed.is_new { "written  " } else { "unchanged" };
        writeln!(stdout, "{word} {}", filed.path.display())?;
    }
    for path in dropped {
        writeln!(stdout, "removed   {}", path.display())?;
    }
    Ok(())
}

/// How to follow what happens now, and what keeps it from happening at boot.
fn advise(session: &Session, blueprint: &Blueprint, lingers: bool) {
    let name = crate::quote::quote(&blueprint.name_of(Role::Start));
    let (systemctl, journalctl) = match blueprint.scope {
        Scope::User => ("systemctl --user", "journalctl --user"),
        Scope::System { .. } => ("systemctl", "journalctl"),
    };
    session.terminal.say(&format!("follow it: {systemctl} status {name}"));
    session.terminal.say(&format!("its log:   {journalctl} -f -u {name}"));
    if !lingers {
        session.terminal.say(
            "you do not linger: the units run while you are logged in. From boot on: \
             loginctl enable-linger",
        );
    }
}
