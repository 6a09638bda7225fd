//! The log of each run on disk: its events as JSON lines and the full output of each step's tools.
//! The last runs are kept. Who writes into it is `report::json` and `report::toollog`.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::event::{Event, Fix};
use crate::host::clock::compact_now;
use crate::host::state_dir::{file_name, make_private, state_dir};
use crate::policy::{Class, Failure};

/// Runs that are kept, the current one included.
const KEPT_RUNS: usize = 10;
const EVENTS: &str = "events.jsonl";

/// Opens the output file of a step for appending.
pub type OpenStepLog = Box<dyn FnMut(&str) -> io::Result<Box<dyn Write + Send>> + Send>;

/// The log of the run that goes on.
#[derive(Debug)]
pub struct RunLog {
    folder: PathBuf,
    events: File,
}

impl RunLog {
    /// Makes the folder of a new run and proves that it can be written, then drops the oldest runs.
    ///
    /// # Errors
    /// `RUN_LOG_UNWRITABLE`: no place for state is known, or the disk is full or read-only.
    pub fn create(
        env: &BTreeMap<String, String>,
        project: &str,
        root: &Path,
        run_id: &str,
    ) -> Result<Self, Failure> {
        let state = state_dir(env, project, root).ok_or_else(no_state_home)?;
        let runs = state.join("runs");
        let folder = runs.join(format!("{}-{}", compact_now(), file_name(run_id)));
        let events = open_proven(&folder).map_err(|error| unwritable(&folder, &error))?;
        prune(&runs, &folder);
        Ok(Self { folder, events })
    }

    /// The folder of this run.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file that the events go into.
    ///
    /// # Errors
    /// The process has too many files open.
    pub fn events(&self) -> io::Result<File> {
        self.events.try_clone()
    }

    /// What opens the output files of steps, for the report that writes them.
    #[must_use]
    pub fn step_logs(&self) -> OpenStepLog {
        let folder = self.folder.clone();
        Box::new(move |step| Ok(Box::new(append(&step_log(&folder, step))?)))
    }
}

/// A run of the past, or the current one as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastRun {
    folder: PathBuf,
}

impl PastRun {
    /// The folder of this run.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The output file of a step; there is none if its tools printed nothing.
    #[must_use]
    pub fn step_log(&self, step: &str) -> PathBuf {
        step_log(&self.folder, step)
    }

    /// Its events. A line that was torn by a crash, or that a later version wrote, is left out.
    ///
    /// # Errors
    /// The file could not be read.
    pub fn events(&self) -> io::Result<Vec<Event>> {
        let mut bytes = Vec::new();
        File::open(self.folder.join(EVENTS))?.read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }
}

/// The runs of a project that are kept, newest first.
#[must_use]
pub fn past_runs(env: &BTreeMap<String, String>, project: &str, root: &Path) -> Vec<PastRun> {
    let Some(state) = state_dir(env, project, root) else { return Vec::new() };
    let mut folders = run_folders(&state.join("runs"));
    folders.reverse();
    folders.into_iter().map(|folder| PastRun { folder }).collect()
}

/// The newest run of a project.
#[must_use]
pub fn latest(env: &BTreeMap<String, String>, project: &str, root: &Path) -> Option<PastRun> {
    past_runs(env, project, root).into_iter().next()
}

fn step_log(folder: &Path, step: &str) -> PathBuf {
    folder.join(format!("{}.log", file_name(step)))
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

fn open_proven(folder: &Path) -> io::Result<File> {
    make_private(folder)?;
    let mut file = append(&folder.join(EVENTS))?;
    prove_writable(&mut file)?;
    Ok(file)
}

/// Writes a block through to the disk and takes it back: a full disk is found before anything in
/// the world is changed. An empty file alone would not need any space.
fn prove_writable(file: &mut File) -> io::Result<()> {
    file.write_all(&[b' '; 4096])?;
    file.sync_all()?;
    file.set_len(0)
}

fn no_state_home() -> Failure {
    let summary = "there is no place for the run log: neither `XDG_STATE_HOME` nor `HOME` is set";
    Failure::new(Class::Prerequisite, "RUN_LOG_UNWRITABLE", summary)
        .fix(Fix::safe("set `HOME`, or `XDG_STATE_HOME` to an absolute path"))
}

fn unwritable(folder: &Path, error: &io::Error) -> Failure {
    let reason = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "no space left".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
        _ => error.to_string(),
    };
    let folder = folder.display();
    let summary = format!("the run log `{folder}` cannot be written: {reason}");
    let advice = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "free some space, or set `XDG_STATE_HOME` to a folder on another disk"
        }
        _ => "make the folder writable, or set `XDG_STATE_HOME` to one that is",
    };
    Failure::new(Class::Prerequisite, "RUN_LOG_UNWRITABLE", summary)
        .because("write", error.to_string())
        .fix(Fix::safe(advice))
}

/// Drops the oldest runs. What cannot be dropped stays: it is no reason not to run.
fn prune(runs: &Path, current: &Path) {
    let others: Vec<PathBuf> =
        run_folders(runs).into_iter().filter(|folder| folder != current).collect();
    let surplus = others.len().saturating_sub(KEPT_RUNS - 1);
    for folder in &others[..surplus] {
        let _ = remove_run(folder);
    }
}

/// Removes the files that a run wrote, then its folder unless somebody put other things there.
fn remove_run(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let ours = path.file_name().is_some_and(|name| name == EVENTS)
            || path.extension().is_some_and(|extension| extension == "log");
        if ours {
            fs::remove_file(path)?;
        }
    }
    fs::remove_dir(folder)
}

/// The folders that carry the name of a run, oldest first.
fn run_folders(runs: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(runs) else { return Vec::new() };
    let mut folders: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter(|entry| entry.file_name().to_str().is_some_and(is_run_name))
        .map(|entry| entry.path())
        .collect();
    folders.sort();
    folders
}

/// Whether it is `20261121T103000Z-<run id>`.
fn is_run_name(name: &str) -> bool {
    const SHAPE: &str = "00000000T000000Z-";
    let fits =
        |(c, shape): (char, char)| if shape == '0' { c.is_ascii_digit() } else { c == shape };
    name.len() > SHAPE.len() && name.chars().zip(SHAPE.chars()).all(fits)
}

#[cfg(test)]
mod tests;
