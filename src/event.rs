//! The public event schema: what happened, as plain data. `--progress json`, the run log and
//! every report read these types. No formatting, no clock and no effects belong here.
//!
//! Within `v: 1` the schema only grows: readers ignore types and fields that they do not know.

mod diagnosis;
mod fix;
mod scrub;
mod tunnel;
mod watch;

use serde::{Deserialize, Serialize};

pub use diagnosis::{Diagnosis, Evidence, Finding};
pub use fix::{BLANK, CommandLine, Fix, Form, Safety};
pub use tunnel::{TunnelStage, TunnelState};
pub use watch::{WatchState, Watching};

/// The schema version that every event carries.
pub const VERSION: u32 = 1;

/// The rung of an `escalation` that is none: the same again, after something was lost.
pub const FIRST_RUNG: &str = "start";

/// One line of the event stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Schema version, always [`VERSION`].
    pub v: u32,
    /// Counts from 0 without gaps within one run.
    pub seq: u64,
    /// Wall clock in RFC 3339, UTC, milliseconds.
    pub ts: String,
    /// Monotonic milliseconds since the run began.
    pub elapsed_ms: u64,
    /// Identifier of the run, unique per project.
    pub run: String,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// The closed set of things that can happen, tagged by `type`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum EventKind {
    /// First event of every run.
    #[serde(rename = "run.started")]
    RunStarted {
        /// What was asked for.
        action: Verb,
        /// Name of the environment.
        project: String,
        /// Name of the active profile.
        profile: String,
        /// Version of mlup.
        version: String,
        /// The overall deadline in milliseconds.
        deadline_ms: u64,
        /// All steps in the order in which they will be considered.
        steps: Vec<StepInfo>,
    },
    /// A step moved from one state to another (or says something new within `waiting`).
    #[serde(rename = "step.state")]
    StepState(StepState),
    /// One line that a tool printed, secrets scrubbed.
    #[serde(rename = "step.output")]
    StepOutput {
        /// The step whose tool printed it.
        step: String,
        /// Which stream it came from.
        stream: Stream,
        /// The line without its newline.
        line: String,
    },
    /// One attempt of a check.
    #[serde(rename = "probe")]
    Probe(Probe),
    /// A root cause.
    #[serde(rename = "diagnosis")]
    Diagnosis(Diagnosis),
    /// A rung of the recovery ladder was taken.
    #[serde(rename = "escalation")]
    Escalation {
        /// The step that escalates.
        step: String,
        /// Name of the rung: `start`, `restart`, `recreate`, `purge`.
        rung: String,
        /// Why this rung, then what had failed.
        reason: String,
        /// Attempt that follows, from 1.
        attempt: u32,
    },
    /// Something worth knowing that does not stop the run.
    #[serde(rename = "warning")]
    Warning {
        /// The step that it concerns, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<String>,
        /// Stable identifier, such as `IMAGE_STALE`.
        code: String,
        /// One sentence.
        message: String,
        /// What to do about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    },
    /// A tunnel to another machine came up, broke, came back or was given up.
    #[serde(rename = "tunnel.state")]
    TunnelState(TunnelState),
    /// How a watch stands; told by `mlup watch` alone, outside of its runs.
    #[serde(rename = "watch.state")]
    WatchState(WatchState),
    /// Last event of every run.
    #[serde(rename = "run.finished")]
    RunFinished {
        /// How it ended.
        outcome: Outcome,
        /// The exit code of the process.
        exit_code: u8,
        /// The chain of steps that decided how long the run took, first to last.
        critical_path: Vec<PathEntry>,
        /// Where the environment answers now.
        #[serde(default)]
        urls: Vec<Url>,
        /// What took a stronger remedy than a plain start, and is up.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        recovered: Vec<Recovery>,
    },
}

/// What a run was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Bring the environment up.
    Start,
    /// Halt it and keep everything.
    Stop,
    /// Remove what mlup owns and keep volumes.
    Reset,
    /// Remove what mlup owns, volumes included.
    Purge,
    /// Repair what mlup may by itself: `mlup doctor --fix`.
    Fix,
}

/// A step as the first event announces it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepInfo {
    /// Identifier, such as `deploy/stack`.
    pub id: String,
    /// One line for people.
    pub title: String,
    /// Steps that must be ready first.
    pub needs: Vec<String>,
    /// Whether the environment counts as up without it.
    #[serde(default)]
    pub optional: bool,
}

/// The fields of `step.state`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepState {
    /// The step.
    pub step: String,
    /// State before.
    pub from: State,
    /// State now.
    pub to: State,
    /// Why, or what is waited for, in a few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Attempts begun so far; 0 before the first.
    #[serde(default)]
    pub attempt: u32,
    /// Milliseconds since the first attempt began; 0 before it.
    #[serde(default)]
    pub duration_ms: u64,
    /// What the step is doing while `running`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// On an end state: whether anything outside mlup was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<bool>,
    /// On `failed`, `degraded`, `retrying` and `escalating`: the failure's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// On `retrying` and `escalating`: milliseconds until the next attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_in_ms: Option<u64>,
    /// On `blocked`: the steps that are in the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_by: Vec<String>,
}

/// The vocabulary of step states, the same for every kind of step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Not looked at yet.
    Pending,
    /// Needs steps that are not ready.
    Blocked,
    /// Doing something; see `phase`.
    Running,
    /// The change is made; its effect is awaited.
    Waiting,
    /// Failed in a way that may pass; will run again.
    Retrying,
    /// Taking a stronger remedy.
    Escalating,
    /// Up, and observed to be so.
    Ready,
    /// Done, for steps that end rather than stay up.
    Succeeded,
    /// An optional part failed.
    Degraded,
    /// Failed for good.
    Failed,
    /// Not run: left out by the user, or what it needs failed.
    Skipped,
    /// Stopped because the run was.
    Cancelled,
}

impl State {
    /// Whether a step in this state will not move again, unless all steps are gone through again.
    #[must_use]
    pub fn is_end(self) -> bool {
        matches!(
            self,
            Self::Ready
                | Self::Succeeded
                | Self::Degraded
                | Self::Failed
                | Self::Skipped
                | Self::Cancelled
        )
    }
}

/// What a running step is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Looking at what is there.
    Probe,
    /// Changing it.
    Apply,
    /// Looking again.
    Verify,
    /// Taking it away.
    Undo,
}

/// The stream that a line of output came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// The fields of `probe`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// The step that probes.
    pub step: String,
    /// What kind of probe: `http`, `tcp`, `exec`, `log`, `container`.
    pub kind: String,
    /// Where it was made from: `host`, `compose:api`.
    pub from: String,
    /// Whether it found what is wanted.
    pub ok: bool,
    /// What it found, in a few words.
    pub detail: String,
    /// How long it took, in milliseconds.
    pub latency_ms: u64,
    /// Counts from 1 within the step.
    pub n: u32,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Everything that was asked for is so.
    Ready,
    /// An optional part failed.
    Degraded,
    /// A required step failed.
    Failed,
    /// The overall deadline passed.
    Deadline,
    /// Interrupted or terminated.
    Cancelled,
}

/// One link of the critical path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathEntry {
    /// The step.
    pub step: String,
    /// How long it ran, in milliseconds.
    pub duration_ms: u64,
}

/// A step that is up after recovery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// The step.
    pub step: String,
    /// The attempt that worked, from 1.
    pub attempt: u32,
    /// Its rung.
    pub rung: String,
    /// What had failed last.
    pub reason: String,
}

/// An address at which the environment answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Url {
    /// The service or check that it belongs to.
    pub name: String,
    /// The address.
    pub url: String,
    /// How to log in, in words; never a value that came from a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
}
