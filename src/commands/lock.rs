//! The locks of a project: one run at a time, before which a watch makes way, and the mark by which a
//! watch learns that the environment was halted by hand.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::commands::session::{self, Project, Session};
use crate::error::{Error, Exit};
use crate::event::Verb;
use crate::host::lock::{Lane, Lock, LockError, Owner};
use crate::host::state_dir::state_dir;
use crate::host::{clock, halt};

/// What a watch that holds the lock calls itself.
const WATCH: &str = "mlup watch";
/// How long a watch may take to make way: its steps are told to stop, and killed if they do not.
const MAKES_WAY: Duration = Duration::from_secs(60);
/// How often it is asked whether it did.
const ASKS_AGAIN: Duration = Duration::from_millis(50);

/// Takes the project's lock, and says so where a killed run had left it. A watch that is at work makes
/// way.
///
/// # Errors
/// Another run holds it, or there is no place for it.
pub(super) fn lock(session: &Session, project: &Project, word: &str) -> Result<Lock, Error> {
    let (owner, folder) = (owner(session, word), state_folder(session, project)?);
    let taken = match Lock::acquire(&folder, Lane::Run, &owner) {
        Err(LockError::Held { owner: Some(holder), .. }) if holder.command == WATCH => {
            after_the_watch(session, &folder, &owner)?
        }
        taken => taken,
    };
    let lock = taken.map_err(|error| Error::failure("lock")(error.failure()))?;
    if let Some(Owner { pid, command, started }) = lock.taken_over() {
        session.terminal.say(&format!(
            "taking over from `{command}` (pid {pid}, started {started}), which was killed"
        ));
    }
    Ok(lock)
}

/// Who this process is for others, when it does this.
pub(super) fn owner(session: &Session, word: &str) -> Owner {
    Owner {
        pid: session.invocation.pid,
        command: format!("mlup {word}"),
        started: clock::rfc3339_now(),
    }
}

/// Where the locks and the run logs of a project are.
///
/// # Errors
/// Nothing says where state belongs.
pub(super) fn state_folder(session: &Session, project: &Project) -> Result<PathBuf, Error> {
    let (config, env) = (&project.config, &session.invocation.env);
    state_dir(env, &config.name, &config.root).ok_or_else(|| Error::Plain {
        exit: Exit::Prerequisite,
        message: "there is no place for the lock and the run log: `HOME` is not set".to_owned(),
        help: Some("set `HOME`, or `XDG_STATE_HOME` to an absolute path".to_owned()),
    })
}

/// Asks a watch that is at work to make way, and takes the lock as soon as it does.
fn after_the_watch(
    session: &Session,
    folder: &Path,
    owner: &Owner,
) -> Result<Result<Lock, LockError>, Error> {
    // It sees that somebody holds this one.
    let _turn = match Lock::acquire(folder, Lane::Turn, owner) {
        Ok(turn) => turn,
        Err(error) => return Ok(Err(error)),
    };
    session.terminal.say("`mlup watch` is at work: waiting until it makes way");
    Ok(session::runtime()?.block_on(async {
        let end = Instant::now() + MAKES_WAY;
        loop {
            match Lock::acquire(folder, Lane::Run, owner) {
                Err(LockError::Held { .. }) if Instant::now() < end => sleep(ASKS_AGAIN).await,
                taken => return taken,
            }
        }
    }))
}

/// Tells a watch whether the environment is wanted: what was halted by hand it leaves alone.
pub(super) fn mark(
    session: &Session,
    project: &Project,
    verb: Verb,
    word: &str,
) -> Result<(), Error> {
    let folder = state_folder(session, project)?;
    if verb == Verb::Start {
        return halt::clear(&folder).map_err(Error::failure("lock"));
    }
    let Some(watch) = Lock::holder(&folder, Lane::Watch) else { return Ok(()) };
    halt::mark(&folder, &owner(session, word)).map_err(Error::failure("lock"))?;
    let pid = watch.pid;
    session.terminal.say(&format!("`mlup watch` (pid {pid}) leaves it alone until `mlup start`"));
    Ok(())
}
