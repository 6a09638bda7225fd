//! A command before it runs, and what it printed. Values only: running is `process`.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::BoxStream;

use crate::event::Stream;
use crate::policy::Failure;
use crate::policy::classify::tool_failure;
use crate::policy::tool::{Tool, ToolEnd};
use crate::quote::quote;
use crate::redact::Secret;

/// Bytes for a command's standard input, opened anew for each command that takes them.
pub type Payload = Arc<dyn Fn() -> BoxStream<'static, io::Result<Vec<u8>>> + Send + Sync>;

/// Receives each line that a running command prints, as it prints it.
pub type LineSink = Arc<dyn Fn(Stream, &str) + Send + Sync>;

/// A command before it runs. Built argument by argument: no shell ever sees it.
#[derive(Clone)]
pub struct Cmd {
    /// Program, looked up on PATH unless it holds a slash.
    pub program: String,
    /// Arguments. Secrets have no place here: anybody on the machine can read them.
    pub args: Vec<String>,
    /// Variables beside the process's own.
    pub env: BTreeMap<String, Secret>,
    /// Beginnings of names: the process's own variables that the command does not get to see.
    pub hidden_env: Vec<String>,
    /// Working folder; the process's own unless set.
    pub cwd: Option<PathBuf>,
    /// Standard input; empty unless set.
    pub stdin: Option<Secret>,
    /// What follows on standard input, such as a file that is too large to be held.
    pub payload: Option<Payload>,
    /// Time after which it is stopped; none unless set.
    pub timeout: Option<Duration>,
    /// Who is told each line.
    pub on_line: Option<LineSink>,
    /// What becomes of processes that it leaves behind.
    pub leftovers: Leftovers,
}

/// What becomes of processes that a command leaves behind in its group once it has ended by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Leftovers {
    /// They are killed.
    #[default]
    Killed,
    /// They live: one of them is a daemon that may not have left the group yet.
    Kept,
}

impl Cmd {
    /// A command without arguments.
    pub fn new(program: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: BTreeMap::new(),
            hidden_env: Vec::new(),
            cwd: None,
            stdin: None,
            payload: None,
            timeout: None,
            on_line: None,
            leftovers: Leftovers::Killed,
        }
    }

    /// Leaves it its daemon.
    #[must_use]
    pub fn with_daemon(mut self) -> Self {
        self.leftovers = Leftovers::Kept;
        self
    }

    /// Appends one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Appends arguments.
    #[must_use]
    pub fn args<I: IntoIterator<Item = S>, S: Into<String>>(mut self, args: I) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: Secret) -> Self {
        self.env.insert(name.into(), value);
        self
    }

    /// Hides the process's own variables whose names begin like this. What [`Cmd::env`] sets is seen.
    #[must_use]
    pub fn without_env(mut self, beginning: impl Into<String>) -> Self {
        self.hidden_env.push(beginning.into());
        self
    }

    /// The environment that the command runs with, if this is the process's own.
    #[must_use]
    pub fn full_env(&self, base: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let hidden = |name: &str| self.hidden_env.iter().any(|start| name.starts_with(start));
        let inherited = base.iter().filter(|(name, _)| !hidden(name));
        let mut env: BTreeMap<String, String> =
            inherited.map(|(name, value)| (name.clone(), value.clone())).collect();
        env.extend(self.env.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())));
        env
    }

    /// Sets the working folder.
    #[must_use]
    pub fn cwd(mut self, cwd: impl Into<PathBuf>) -> Self {
        self.cwd = Some(cwd.into());
        self
    }

    /// Sets the time limit.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets who is told each line.
    #[must_use]
    pub fn on_line(mut self, sink: LineSink) -> Self {
        self.on_line = Some(sink);
        self
    }
}

/// The command line as a person would type it: quoted, without environment and input.
impl fmt::Display for Cmd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quote(&self.program))?;
        for arg in &self.args {
            write!(f, " {}", quote(arg))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Cmd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a command that ran left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub end: End,
    /// All of standard output.
    pub stdout: String,
    /// All of standard error.
    pub stderr: String,
}

impl Output {
    /// Whether it exited 0.
    #[must_use]
    pub fn success(&self) -> bool {
        self.end == End::Exit(0)
    }

    /// What it means that this tool did not succeed; `doing` completes "could not ...".
    #[must_use]
    pub fn failure(&self, tool: Tool, doing: &str) -> Failure {
        let end = match self.end {
            End::Exit(code) => ToolEnd::Exit(code),
            End::Signal(signal) => ToolEnd::Signal(signal),
            End::TimedOut => ToolEnd::TimedOut,
            End::Cancelled => ToolEnd::Signal(SIGTERM),
        };
        tool_failure(tool, doing, end, &self.stderr, &self.stdout)
    }
}

/// What a cancelled command was asked to end with.
const SIGTERM: i32 = 15;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with this code.
    Exit(i32),
    /// By this signal.
    Signal(i32),
    /// Stopped because its time was over.
    TimedOut,
    /// Stopped because the run was cancelled.
    Cancelled,
}

/// Why a command did not run, or not with what it was to be given.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// No such program.
    #[error("`{program}` was not found on PATH")]
    NotFound {
        /// The program that was looked for.
        program: String,
    },
    /// The operating system refused.
    #[error("`{program}` could not be started: {source}")]
    Refused {
        /// The program.
        program: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// Its standard input could not be read to the end; it was stopped, so that it takes no half
    /// for the whole.
    #[error("what `{program}` was to be given could not be read: {source}")]
    Input {
        /// The program.
        program: String,
        /// What the operating system said.
        source: io::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_quotes_what_a_shell_would_take_apart() {
        let cmd = Cmd::new("docker").args(["exec", "a b", "it's", ""]);
        assert_eq!(cmd.to_string(), r"docker exec 'a b' 'it'\''s' ''");
    }

    #[test]
    fn hidden_variables_are_not_inherited_and_can_still_be_set() {
        let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let base = [("PATH", "/bin"), ("X_HOME", "old"), ("X_DRIVER", "none"), ("AX_", "kept")];
        let base = base.into_iter().map(pair).collect();
        let cmd = Cmd::new("x").without_env("X_").env("X_HOME", Secret::new("new"));
        let seen = cmd.full_env(&base);
        let wanted = [("PATH", "/bin"), ("X_HOME", "new"), ("AX_", "kept")];
        assert_eq!(seen, wanted.into_iter().map(pair).collect());
    }

    #[test]
    fn debug_shows_no_environment() {
        let cmd = Cmd::new("x").env("TOKEN", Secret::new("canary"));
        assert_eq!(format!("{cmd:?}"), "x");
    }
}
