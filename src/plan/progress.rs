//! What a step says while it runs and how it ends: the values between `steps/` and the machine.

use crate::event::{Phase, Probe, Stream};
use crate::plan::change::Settled;
use crate::policy::Failure;

/// What a step says while it runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// It began another phase.
    Phase(Phase),
    /// It waits for this; said again when the reason changes.
    Waiting(String),
    /// A tool printed a line, not scrubbed yet.
    Output {
        /// From which stream.
        stream: Stream,
        /// The line.
        line: String,
    },
    /// A check was tried.
    Probe(Probe),
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

/// How one attempt of a step ended.
#[derive(Clone, Debug, PartialEq)]
pub enum StepEnd {
    /// The world is as wanted.
    Settled {
        /// What was seen.
        settled: Settled,
        /// Whether this attempt changed anything outside mlup.
        changed: bool,
    },
    /// It failed.
    Failed(Failure),
    /// It was told to stop and has.
    Cancelled,
}
