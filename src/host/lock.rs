//! One run at a time for a project, and one watch. The kernel's file lock decides; the owner written into the file
//! is for people. A killed process leaves its name behind, and no lock.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::event::Fix;
use crate::host::state_dir::make_private;
use crate::policy::{Class, Failure};

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Its process.
    pub pid: u32,
    /// What it runs, such as `mlup start`; without values that may be secret.
    pub command: String,
    /// Since when, in RFC 3339.
    pub started: String,
}

/// What a project is locked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Changing the environment: one run at a time.
    Run,
    /// Being the next to change it, before a watch that is at work.
    Turn,
    /// Watching it: one watch for as long as it lives.
    Watch,
}

impl Lane {
    fn file(self, folder: &Path) -> PathBuf {
        folder.join(match self {
            Self::Run => "lock",
            Self::Turn => "turn",
            Self::Watch => "watch",
        })
    }
}

/// The lock of a project, held until dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
    taken_over: Option<Owner>,
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run holds it.
    #[error("another run holds the lock `{path}`")]
    Held {
        /// Who, unless it has not written its name yet.
        owner: Option<Owner>,
        /// The lock file.
        path: PathBuf,
    },
    /// The file could not be made, locked or written.
    #[error("the lock `{path}` could not be taken: {source}")]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Lock {
    /// Takes a lock in this folder, which is made if it is missing. Never waits.
    ///
    /// # Errors
    /// Another run holds it, or the file system is in the way.
    pub fn acquire(folder: &Path, lane: Lane, owner: &Owner) -> Result<Self, LockError> {
        let path = lane.file(folder);
        let failed = |source: io::Error| LockError::Io { path: path.clone(), source };
        make_private(folder).map_err(failed)?;
        let mut file = open(&path).map_err(failed)?;
        match exclusively(&file) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                return Err(LockError::Held { owner: read_owner(&mut file), path });
            }
            Err(errno) => return Err(failed(errno.into())),
        }
        // Its holder would have emptied the file: this one was killed, whether or not some process
        // has its number by now.
        let taken_over = read_owner(&mut file);
        write_owner(&mut file, owner).map_err(failed)?;
        Ok(Self { file, taken_over })
    }

    /// Who holds a lock in this folder now; nobody where it is free, or cannot be asked about.
    #[must_use]
    pub fn holder(folder: &Path, lane: Lane) -> Option<Owner> {
        let mut file = File::open(lane.file(folder)).ok()?;
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            Err(Errno::WOULDBLOCK) => read_owner(&mut file),
            _ => None,
        }
    }

    /// The dead owner whose lock this was, if its run was killed.
    #[must_use]
    pub fn taken_over(&self) -> Option<&Owner> {
        self.taken_over.as_ref()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The file stays: removing it would let two runs lock two files of one name. Closing it
        // releases the lock.
        let _ = self.file.set_len(0);
    }
}

impl LockError {
    /// The failure that this is for the user: refused while held, else a missing prerequisite.
    #[must_use]
    pub fn failure(&self) -> Failure {
        match self {
            Self::Held { owner: Some(owner), path } => {
                let Owner { pid, command, started } = owner;
                let summary =
                    format!("`{command}` (pid {pid}) is running for this project since {started}");
                held(summary, path).fix(Fix::safe(format!("wait for it, or stop it: kill {pid}")))
            }
            Self::Held { owner: None, path } => {
                held("another mlup is just starting for this project".to_owned(), path)
                    .fix(Fix::safe("try again in a moment"))
            }
            Self::Io { path, source } => {
                let path = path.display();
                let summary = format!("the lock file `{path}` could not be taken: {source}");
                Failure::new(Class::Prerequisite, "LOCK_UNWRITABLE", summary).fix(Fix::safe(
                    "make the folder writable, or set `XDG_STATE_HOME` to one that is",
                ))
            }
        }
    }
}

/// Who only asks who holds a lock has it for a moment: that is waited out.
fn exclusively(file: &File) -> Result<(), Errno> {
    const TRIES: u32 = 100;
    for _ in 0..TRIES {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => std::thread::yield_now(),
            done => return done,
        }
    }
    flock(file, FlockOperation::NonBlockingLockExclusive)
}

fn held(summary: String, path: &Path) -> Failure {
    Failure::new(Class::Refused, "LOCK_HELD", summary).because("lock", path.display().to_string())
}

/// The standard library opens files close-on-exec, so that no child keeps the lock of a dead run.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn read_owner(file: &mut File) -> Option<Owner> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn write_owner(file: &mut File, owner: &Owner) -> io::Result<()> {
    let line = serde_json::to_string(owner)? + "\n";
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(line.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use rustix::io::{FdFlags, fcntl_getfd};

    use super::*;

    fn owner(pid: u32) -> Owner {
        Owner { pid, command: "mlup start".into(), started: "2026-11-21T10:30:00.000Z".into() }
    }

    #[test]
    fn a_second_run_is_refused_and_told_who_holds_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let _lock = Lock::acquire(folder.path(), Lane::Run, &owner(812)).unwrap();
        let failure = Lock::acquire(folder.path(), Lane::Run, &owner(813)).unwrap_err().failure();
        assert_eq!((failure.class, failure.code), (Class::Refused, "LOCK_HELD"));
        let expected = "`mlup start` (pid 812) is running for this project since \
                        2026-11-21T10:30:00.000Z";
        assert_eq!(failure.summary, expected);
    }

    #[test]
    fn a_dropped_lock_is_free_and_leaves_no_name() {
        let folder = tempfile::tempdir().unwrap();
        drop(Lock::acquire(folder.path(), Lane::Run, &owner(812)).unwrap());
        let lock = Lock::acquire(folder.path(), Lane::Run, &owner(813)).unwrap();
        assert_eq!(lock.taken_over(), None);
    }

    #[test]
    fn the_lock_of_a_killed_run_is_taken_over_even_if_its_pid_lives_again() {
        let folder = tempfile::tempdir().unwrap();
        let reused = owner(std::process::id());
        // What a killed run leaves: its name in the file, and no lock on it.
        let mut file = open(&folder.path().join("lock")).unwrap();
        write_owner(&mut file, &reused).unwrap();
        drop(file);
        let lock = Lock::acquire(folder.path(), Lane::Run, &owner(2)).unwrap();
        assert_eq!(lock.taken_over(), Some(&reused));
        let failure = Lock::acquire(folder.path(), Lane::Run, &owner(3)).unwrap_err().failure();
        assert!(failure.summary.contains("pid 2"), "{}", failure.summary);
    }

    #[test]
    fn the_holder_of_each_lane_is_told_without_taking_it() {
        let folder = tempfile::tempdir().unwrap();
        let holder = |lane| Lock::holder(folder.path(), lane).map(|owner| owner.pid);
        assert_eq!(holder(Lane::Watch), None);
        let lock = Lock::acquire(folder.path(), Lane::Watch, &owner(812)).unwrap();
        let _other = Lock::acquire(folder.path(), Lane::Run, &owner(813)).unwrap();
        assert_eq!([Lane::Watch, Lane::Run, Lane::Turn].map(holder), [Some(812), Some(813), None]);
        drop(lock);
        assert_eq!(holder(Lane::Watch), None);
    }

    #[test]
    fn an_unreadable_name_does_not_block_a_free_lock() {
        let folder = tempfile::tempdir().unwrap();
        open(&folder.path().join("lock")).unwrap().write_all(b"{\"pid\": 8").unwrap();
        assert_eq!(Lock::acquire(folder.path(), Lane::Run, &owner(1)).unwrap().taken_over(), None);
    }

    #[test]
    fn the_file_is_private_and_not_inherited() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::acquire(&folder.path().join("deep/er"), Lane::Run, &owner(1)).unwrap();
        let metadata = folder.path().join("deep/er/lock").metadata().unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        assert!(fcntl_getfd(&lock.file).unwrap().contains(FdFlags::CLOEXEC));
    }

    #[test]
    fn a_state_folder_that_cannot_be_made_is_a_missing_prerequisite() {
        let folder = tempfile::tempdir().unwrap();
        File::create(folder.path().join("file")).unwrap();
        let error =
            Lock::acquire(&folder.path().join("file/sub"), Lane::Run, &owner(1)).unwrap_err();
        assert_eq!(error.failure().class, Class::Prerequisite);
    }

    /// Killed when dropped, also by a failing assertion.
    struct Holder(std::process::Child);

    impl Drop for Holder {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "another process has to hold the lock")]
    fn another_process_holds_the_lock_until_it_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = std::process::Command::new("flock");
        command.arg("--no-fork").arg(folder.path().join("lock"));
        command.args(["sh", "-c", "echo held; exec sleep 60"]).stdout(std::process::Stdio::piped());
        let mut holder = Holder(command.spawn().unwrap());
        let mut said = [0; 5];
        holder.0.stdout.take().unwrap().read_exact(&mut said).unwrap();
        let held = Lock::acquire(folder.path(), Lane::Run, &owner(1)).unwrap_err();
        assert!(matches!(held, LockError::Held { owner: None, .. }), "{held}");
        drop(holder);
        assert!(Lock::acquire(folder.path(), Lane::Run, &owner(1)).is_ok());
    }
}
