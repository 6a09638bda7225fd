//! What is written down beside the stand-ins: their calls, as `fake-tool` writes them, and the
//! processes that they leave behind.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

use serde_json::Value;

/// File of the calls.
const CALLS: &str = "calls.jsonl";
/// File of the processes that the sandbox ends.
const PROCESSES: &str = "fake-cluster.pids";

/// Adds a call, and says how many of this tool and command came before.
pub(crate) fn append(folder: &Path, call: &Value) -> std::io::Result<usize> {
    let path = folder.join(CALLS);
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
    lock(&file)?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let before = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let before = before
        .filter(|other| other["tool"] == call["tool"] && other["command"] == call["command"])
        .count();
    // In one piece: a test may read meanwhile.
    file.write_all(format!("{call}\n").as_bytes())?;
    Ok(before)
}

/// Writes a process down that has to be ended with the test.
pub(crate) fn remember_process(folder: &Path, pid: u32) -> std::io::Result<()> {
    let path = folder.join(PROCESSES);
    writeln!(OpenOptions::new().create(true).append(true).open(path)?, "{pid}")
}

/// Waits until nobody else holds the file.
pub(crate) fn lock(file: &File) -> std::io::Result<()> {
    Ok(rustix::fs::flock(file, rustix::fs::FlockOperation::LockExclusive)?)
}
