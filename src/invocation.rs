//! A snapshot of the process: arguments, environment, folder, terminals and streams. The only
//! reader of process-wide state, so that everything else is a function of its arguments.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;

use crate::host::journal::is_journal;

/// How mlup was called.
pub struct Invocation {
    /// Arguments, the program's name first.
    pub args: Vec<OsString>,
    /// Environment; variables that are not UTF-8 are left out.
    pub env: BTreeMap<String, String>,
    /// Working folder.
    pub cwd: PathBuf,
    /// Process identifier.
    pub pid: u32,
    /// The program itself, links followed; nothing where the system does not tell.
    pub program: Option<PathBuf>,
    /// Which streams are terminals.
    pub terminals: Terminals,
    /// Whether systemd's journal reads standard error.
    pub journal: bool,
}

/// Which streams are terminals.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terminals {
    /// Standard input.
    pub stdin: bool,
    /// Standard output.
    pub stdout: bool,
    /// Standard error.
    pub stderr: bool,
}

impl Invocation {
    /// The snapshot of this process.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one reader of process-wide state")]
    pub fn from_process() -> Self {
        Self {
            args: std::env::args_os().collect(),
            env: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
            // A folder that was removed under the shell: relative paths then fail by name.
            cwd: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            pid: std::process::id(),
            program: std::env::current_exe().ok(),
            terminals: Terminals {
                stdin: io::stdin().is_terminal(),
                stdout: io::stdout().is_terminal(),
                stderr: io::stderr().is_terminal(),
            },
            journal: is_journal(std::env::var("JOURNAL_STREAM").ok().as_deref(), io::stderr()),
        }
    }

    /// A variable that is set and not empty.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Where data goes.
    #[must_use]
    pub fn stdout(&self) -> Box<dyn Write + Send> {
        Box::new(io::stdout())
    }

    /// Where the conversation goes.
    #[must_use]
    pub fn stderr(&self) -> Box<dyn Write + Send> {
        Box::new(io::stderr())
    }

    /// Asks on the terminal and reads one line; `None` where there is no terminal to ask on.
    #[must_use]
    pub fn ask(&self, question: &str) -> Option<String> {
        if !(self.terminals.stdin && self.terminals.stderr) {
            return None;
        }
        let mut stderr = io::stderr();
        write!(stderr, "{question}").and_then(|()| stderr.flush()).ok()?;
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).ok()?;
        Some(line.trim().to_owned())
    }
}
