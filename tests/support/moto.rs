//! moto's server, which answers for the API of AWS.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The server; it ends with this.
pub(crate) struct Moto {
    process: Child,
    /// Where it answers.
    pub(crate) url: String,
}

impl Moto {
    /// A server on a port of its own.
    pub(crate) fn start() -> Self {
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/moto/bin/moto_server");
        let program = if own.exists() { own } else { PathBuf::from("moto_server") };
        let mut process = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("no moto_server (`scripts/setup moto`): {error}"));
        let stderr = BufReader::new(process.stderr.take().unwrap());
        let mut lines = stderr.lines().map_while(Result::ok);
        let url = lines.find_map(|line| {
            let at = line.find("http://127.0.0.1:")?;
            Some(line[at..].trim().to_owned())
        });
        // What it says of each request must not block it.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, url: url.unwrap_or_else(|| panic!("moto did not start")) }
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
