//! What the units of this invocation are to say, and whether mlup will read in them the
//! configuration that it reads here.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::cli::{Manager, Units};
use crate::commands::session::Session;
use crate::config::model::Config;
use crate::config::{self, Loaded, OriginRow, Sources};
use crate::drivers::systemd::environment::{seen_in_unit, taken_over};
use crate::drivers::systemd::unit::{Blueprint, Docker, Keeper, Privileges, Scope, can_start};
use crate::error::{Error, Exit};
use crate::host::user;
use crate::plan;
use crate::plan::pull_secret::pull_secrets;

/// Programs that give rights to what they run.
const RAISING: [&str; 4] = ["doas", "pkexec", "run0", "sudo"];
/// Keys that a message names.
const NAMED_KEYS: usize = 5;

/// The units of an environment, as they are asked for.
///
/// # Errors
/// A flag that no unit can hold, or a path that systemd does not take.
pub(super) fn blueprint(
    session: &Session,
    config: &Config,
    units: &Units,
) -> Result<Blueprint, Error> {
    let steps = plan::start(config)?;
    let uses_docker = steps.steps().iter().any(|step| step.id.as_str() == "docker");
    if !session.global.set.is_empty() {
        return Err(Error::usage(
            "a unit holds no `--set`: everybody on this machine can read it",
            "put the value into mlup.toml, into profiles/NAME.toml or into mlup.local.toml",
        ));
    }
    Ok(Blueprint {
        project: config.name.clone(),
        profile: config.profile.clone(),
        file: file(session)?,
        program: program(session)?,
        deadline: config.deadline,
        env: taken_over(&session.invocation.env),
        scope: scope(session, units.manager, units.run_as.as_deref())?,
        keeper: keeper(config, units.watch),
        docker: if uses_docker { Docker::Used } else { Docker::Unused },
        privileges: privileges(config),
    })
}

/// The `mlup.toml` of this session.
///
/// # Errors
/// There is none, or its path is no text.
pub(super) fn file(session: &Session) -> Result<PathBuf, Error> {
    let file = config::find(&session.sources())?;
    match file.to_str() {
        Some(_) => Ok(file),
        None => Err(Error::usage(
            format!("the path `{}` is not UTF-8, and a unit can only hold text", file.display()),
            "move the project to a folder with another name",
        )),
    }
}

/// Whose units, and in those of the system as whom.
///
/// # Errors
/// The name is none that systemd takes.
pub(super) fn scope(
    session: &Session,
    manager: Manager,
    run_as: Option<&str>,
) -> Result<Scope, Error> {
    if !manager.system {
        return Ok(Scope::User);
    }
    let caller =
        ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|name| session.invocation.var(name));
    let user = run_as.or(caller).map_or_else(|| user::id().to_string(), str::to_owned);
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if user.starts_with('-') || user.is_empty() || !user.chars().all(fits) {
        return Err(Error::usage(
            format!("`{user}` is no name of a user that systemd takes"),
            "--run-as NAME, or the user's number",
        ));
    }
    Ok(Scope::System { user })
}

/// The program, as systemd is to start it.
fn program(session: &Session) -> Result<PathBuf, Error> {
    let program = session.invocation.program.clone().ok_or_else(|| {
        Error::internal("the operating system does not tell where this program is")
    })?;
    if program.to_str().is_some() && can_start(&program) {
        return Ok(program);
    }
    Err(Error::Plain {
        exit: Exit::Prerequisite,
        message: format!("systemd starts no program at the path `{}`", program.display()),
        help: Some(
            "copy mlup to a folder without quotes and backslashes, such as ~/.local/bin".into(),
        ),
    })
}

fn keeper(config: &Config, watch: bool) -> Keeper {
    match (watch, pull_secrets(config).is_empty()) {
        (true, _) => Keeper::Watch,
        (false, true) => Keeper::Nobody,
        (false, false) => Keeper::Timer,
    }
}

/// Whether a task goes through a program that gains rights.
fn privileges(config: &Config) -> Privileges {
    let raises = |words: &Vec<String>| {
        let program = words.first().and_then(|word| word.rsplit('/').next());
        program.is_some_and(|program| RAISING.contains(&program))
    };
    let mut commands = config
        .tasks
        .iter()
        .flat_map(|task| [Some(&task.run), task.unless.as_ref(), task.undo.as_ref()]);
    if commands.any(|words| words.is_some_and(raises)) {
        Privileges::Gained
    } else {
        Privileges::Kept
    }
}

/// Reads the configuration as mlup will read it in the unit, where nothing is set that a shell has
/// set.
///
/// # Errors
/// It cannot be read there, or says something else.
pub(super) fn check_environment(session: &Session, loaded: &Loaded) -> Result<(), Error> {
    let sources = Sources {
        profile: Some(loaded.config.profile.clone()),
        env: seen_in_unit(&session.invocation.env),
        ..session.sources()
    };
    let there = config::load(&sources).inspect_err(|_| {
        session.terminal.say("a unit sees nothing that only your shell has set:");
    })?;
    let differing = differing(&loaded.origins, &there.origins);
    if differing.is_empty() {
        return Ok(());
    }
    let more = differing.len().saturating_sub(NAMED_KEYS);
    let named = differing.into_iter().take(NAMED_KEYS).collect::<Vec<_>>().join("`, `");
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Err(Error::Plain {
        exit: Exit::Config,
        message: format!(
            "a unit would not see what only your shell has set: `{named}`{more} would differ"
        ),
        help: Some("put the variables into `.env`, or the values into mlup.local.toml".to_owned()),
    })
}

/// Keys whose values differ between two readings, but for the profile, which a unit names, and for
/// what the deadline is here alone.
fn differing(here: &[OriginRow], there: &[OriginRow]) -> Vec<String> {
    const BY_FLAG: [&str; 2] = ["deadline", "profile"];
    let values = |rows: &[OriginRow]| -> BTreeMap<String, String> {
        rows.iter().map(|row| (row.path.clone(), row.value.clone())).collect()
    };
    let (here, there) = (values(here), values(there));
    let keys: std::collections::BTreeSet<&String> = here.keys().chain(there.keys()).collect();
    let differ = |key: &&String| here.get(*key) != there.get(*key);
    let told = |key: &&String| !BY_FLAG.contains(&key.as_str());
    keys.into_iter().filter(differ).filter(told).cloned().collect()
}
