//! The one place where an error becomes text and an exit code. What an error means is decided
//! where it arises; how a failed step reads is `report::failure`.

use std::io;
use std::process::ExitCode;

use crate::config::ConfigError;
use crate::event::Fix;
use crate::plan::PlanError;
use crate::policy::{Class, Failure};
use crate::report;

/// The exit codes of the program; the numbers are public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Ready, or nothing to do.
    Ok = 0,
    /// A required step failed.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The configuration is invalid.
    Config = 3,
    /// A tool, daemon, login or resource is missing.
    Prerequisite = 4,
    /// The deadline passed.
    Deadline = 5,
    /// Consent is needed, something foreign is in the way, or another run holds the lock.
    Refused = 7,
    /// `status` only: not ready.
    NotReady = 8,
    /// A bug in mlup.
    Internal = 70,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<Class> for Exit {
    fn from(class: Class) -> Self {
        match class {
            Class::Config => Self::Config,
            Class::Internal => Self::Internal,
            Class::Permanent | Class::Transient => Self::Failed,
            Class::Prerequisite => Self::Prerequisite,
            Class::Refused => Self::Refused,
            Class::Timeout => Self::Deadline,
        }
    }
}

/// Whatever ends a command early.
#[derive(Debug)]
pub enum Error {
    /// The configuration is wrong; every problem carries its own place.
    Config(ConfigError),
    /// Something outside failed; the step names what mlup was about to do.
    Failure {
        /// `status`, `deploy/stack`.
        step: String,
        /// What failed.
        failure: Box<Failure>,
    },
    /// The output could not be written: whoever read it has gone.
    Output(io::Error),
    /// The plan cannot be made, or a step is not in it.
    Plan(PlanError),
    /// One sentence, and what to do.
    Plain {
        /// The exit code.
        exit: Exit,
        /// What failed and why.
        message: String,
        /// What to do.
        help: Option<String>,
    },
}

impl Error {
    /// A failure outside of any run, told as that of `step`.
    pub fn failure(step: impl Into<String>) -> impl FnOnce(Failure) -> Self {
        let step = step.into();
        move |failure| Self::Failure { step, failure: Box::new(failure) }
    }

    /// A refusal: nothing was changed, and consent is what is missing.
    pub fn refused(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Plain { exit: Exit::Refused, message: message.into(), help: Some(help.into()) }
    }

    /// A sentence about how mlup was called.
    pub fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Plain { exit: Exit::Usage, message: message.into(), help: Some(help.into()) }
    }

    /// A bug.
    pub fn internal(message: impl Into<String>) -> Self {
        let fix = Fix::safe("run it again with -v and report what it prints");
        Self::Plain { exit: Exit::Internal, message: message.into(), help: Some(fix.command) }
    }

    /// The exit code of this error. A reader that went away is none: `mlup plan | head` is fine.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Failure { failure, .. } => failure.class.into(),
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Ok,
            Self::Output(_) => Exit::Prerequisite,
            Self::Plan(error) if error.is_usage() => Exit::Usage,
            Self::Config(_) | Self::Plan(_) => Exit::Config,
            Self::Plain { exit, .. } => *exit,
        }
    }

    /// The error as advice, ending with a newline; empty where nobody needs to be told.
    #[must_use]
    pub fn render(&self, style: report::Style, width: usize) -> String {
        match self {
            Self::Config(error) => format!("{error}\n"),
            Self::Failure { step, failure } => {
                report::failure::render_alone(&failure.diagnosis(step), width, style)
            }
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => String::new(),
            Self::Output(error) => format!("error: the output could not be written: {error}\n"),
            Self::Plan(error) => sentence(&error.to_string(), None),
            Self::Plain { message, help, .. } => sentence(message, help.as_deref()),
        }
    }
}

fn sentence(message: &str, help: Option<&str>) -> String {
    let help = help.map(|help| format!("  help: {help}\n")).unwrap_or_default();
    format!("error: {message}\n{help}")
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<PlanError> for Error {
    fn from(error: PlanError) -> Self {
        Self::Plan(error)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}
