//! What a run leaves for others of its project to read while it keeps a tunnel up: which ports lead
//! where, and how it stands. A record whose process is gone counts for nothing.

use std::path::Path;

use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};

use super::forward::Forward;
use crate::event::TunnelStage;
use crate::host::files;
use crate::policy::tunnel::Tunnel;

/// A tunnel as a run tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The process that keeps it up.
    pub pid: u32,
    /// Where it leads.
    pub destination: String,
    /// What it is at.
    pub state: TunnelStage,
    /// Since when, in RFC 3339.
    pub since: String,
    /// How often it was made again.
    pub restarts: u32,
    /// Attempts to make it again since it broke.
    #[serde(default)]
    pub attempts: u32,
    /// Why it is not up.
    pub reason: Option<String>,
    /// The ports that it provides, or would.
    pub forwards: Vec<Forward>,
}

impl Record {
    /// A tunnel of this process that stands like this since then.
    pub(super) fn new(
        destination: &str,
        tunnel: &Tunnel,
        forwards: Vec<Forward>,
        since: String,
    ) -> Self {
        Self {
            pid: std::process::id(),
            destination: destination.to_owned(),
            state: tunnel.stage.kind(),
            since,
            restarts: tunnel.restarts,
            attempts: tunnel.attempts,
            reason: tunnel.stage.trouble().map(|failure| failure.summary.clone()),
            forwards,
        }
    }

    /// Whether its ports lead there now.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.state == TunnelStage::Up
    }

    pub(super) fn is_own(&self) -> bool {
        self.pid == std::process::id()
    }
}

/// The record of a tunnel whose process lives.
#[must_use]
pub fn read(path: &Path) -> Option<Record> {
    let record: Record = serde_json::from_str(&files::read_text(path).ok()?).ok()?;
    let pid = Pid::from_raw(i32::try_from(record.pid).ok()?)?;
    test_kill_process(pid).is_ok().then_some(record)
}

/// Writes the record. That others cannot read of the tunnel does not harm it.
pub(super) fn write(path: &Path, record: &Record) {
    if let Ok(text) = serde_json::to_string(record) {
        let _ = files::write(path, text.as_bytes(), 0o600);
    }
}

/// Removes the record of this process, unless it is of another tunnel by now.
pub(super) fn remove(path: &Path, destination: &str) {
    if read(path).is_some_and(|record| record.is_own() && record.destination == destination) {
        let _ = files::remove(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_while_its_process_lives() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tunnel.json");
        assert_eq!(read(&path), None);
        let tunnel = Tunnel { restarts: 2, ..Tunnel::default() };
        let forward = Forward { local: 6443, host: "127.0.0.1".to_owned(), port: 6443 };
        let record = Record::new("vm", &tunnel, vec![forward], "2026-01-01T00:00:00Z".to_owned());
        write(&path, &record);
        assert_eq!(read(&path), Some(record.clone()));
        assert!(record.is_own() && !record.is_up());
        // No process has the highest number that there is.
        write(&path, &Record { pid: 0x7fff_ffff, ..record.clone() });
        assert_eq!(read(&path), None);
        write(&path, &record);
        remove(&path, "other");
        assert!(path.exists());
        remove(&path, "vm");
        assert!(!path.exists());
    }
}
