//! What a cluster driver works with: commands within the step's time, pauses that a cancellation
//! ends, and a way to say what happens. Which command, and what its output means, is the driver's.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::host::Host;
use crate::host::cmd::{Cmd, End, LineSink, Output, SpawnError};
use crate::policy::{Class, Failure};

/// Receives what a driver says: news that replaces what it said before, or a warning.
pub type Announcer = Arc<dyn Fn(Announcement) + Send + Sync>;

/// What a driver says while it works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announcement {
    /// What it does or waits for now, such as `creating container (8/19)`.
    Doing(String),
    /// Something worth knowing.
    Warning {
        /// Stable identifier.
        code: &'static str,
        /// One sentence.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

/// The means of one attempt of one step.
#[derive(Clone)]
pub struct Workbench {
    /// The outside world.
    pub host: Host,
    /// Folder of `mlup.toml`: where commands run.
    pub root: PathBuf,
    /// When the step's time is over.
    pub deadline: Instant,
    /// Fires when the step has to stop.
    pub cancel: CancellationToken,
    /// Is told each line that a changing command prints.
    pub lines: LineSink,
    /// Is told what the driver says.
    pub announce: Announcer,
}

impl Workbench {
    /// Runs a command that only looks, within `limit` and the step's time, whatever its exit code.
    ///
    /// # Errors
    /// `TOOL_MISSING`; the program could not be started; `CANCELLED`.
    pub async fn look(&self, cmd: Cmd, limit: Duration) -> Result<Output, Failure> {
        let limit = limit.min(self.time_left());
        let cmd = cmd.cwd(&self.root).timeout(limit);
        let shown = cmd.to_string();
        match self.host.runner.run(cmd, self.cancel.clone()).await {
            Ok(output) if output.end == End::Cancelled => Err(Failure::cancelled()),
            Ok(output) => Ok(output),
            Err(SpawnError::NotFound { program }) => Err(Failure::new(
                Class::Prerequisite,
                "TOOL_MISSING",
                format!("`{program}` was not found on PATH"),
            )),
            Err(error @ SpawnError::Input { .. }) => {
                Err(Failure::new(Class::Prerequisite, "FILE_UNREADABLE", error.to_string()))
            }
            Err(error) => {
                let failure = Failure::new(Class::Permanent, "TOOL_FAILED", error.to_string());
                Err(failure.because("mlup", format!("command: {shown}")))
            }
        }
    }

    /// Runs a command that changes something: as [`Workbench::look`], and its lines are told.
    ///
    /// # Errors
    /// As [`Workbench::look`].
    pub async fn change(&self, cmd: Cmd, limit: Duration) -> Result<Output, Failure> {
        self.look(cmd.on_line(Arc::clone(&self.lines)), limit).await
    }

    /// Waits a little before looking again.
    ///
    /// # Errors
    /// `CANCELLED`; `STEP_TIMEOUT` when the step's time is over.
    pub async fn pause(&self, pause: Duration) -> Result<(), Failure> {
        if self.time_left().is_zero() {
            let summary = "the time of the step was over";
            return Err(Failure::new(Class::Timeout, "STEP_TIMEOUT", summary));
        }
        tokio::select! {
            () = self.cancel.cancelled() => Err(Failure::cancelled()),
            () = tokio::time::sleep(pause.min(self.time_left())) => Ok(()),
        }
    }

    /// How long the step may still take.
    #[must_use]
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// A variable of the process environment, unless it is empty.
    #[must_use]
    pub fn env(&self, name: &str) -> Option<&str> {
        self.host.env.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The user's home folder.
    #[must_use]
    pub fn home(&self) -> Option<&Path> {
        self.env("HOME").map(Path::new)
    }

    /// Says what is done or waited for.
    pub fn doing(&self, what: impl Into<String>) {
        (self.announce)(Announcement::Doing(what.into()));
    }

    /// Says something worth knowing.
    pub fn warn(&self, code: &'static str, message: impl Into<String>, hint: Option<String>) {
        (self.announce)(Announcement::Warning { code, message: message.into(), hint });
    }
}
