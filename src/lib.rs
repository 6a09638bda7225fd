//! mlup brings a local MLOps environment up from one file, in dependency order, and tells the truth
//! about the result.
//!
//! Five plain values, and modules are the arrows between them: [`config::model::Config`] (wanted) ->
//! [`plan::Plan`] (a graph of steps) -> [`host::cmd::Cmd`] (a command before it runs) ->
//! [`policy::Failure`] (classified) -> [`event::Event`] (what happened).
//!
//! ```text
//! main.rs -> lib.rs -> commands/ -> engine/ -> steps/ -> drivers/ -> host/
//! invocation.rs    the only reader of process-wide state
//! cli.rs           the grammar of the command line
//! commands/        one file a verb
//! config/          layers, origins, expansion, diagnostics
//! plan/            steps, graph, selection, explanation                 pure
//! engine/          machine (pure) and the one loop that drives it
//! policy/          failure classes, known issues, backoff               pure
//! steps/           one file a step kind: probe, apply, verify, remove
//! drivers/         command lines of the tools and what they print       pure
//! manifest/        Kubernetes objects: read, ordered, checked              pure
//! doctor/          what is wrong, and what only follows from it        pure
//! readiness/       when an object is ready, and why it is not              pure
//! host/            all side effects
//! event.rs         the public event schema
//! report/          what a run looks like; sees events alone
//! error.rs         errors become text and exit codes
//! quote.rs         words as a shell takes them
//! redact.rs        secrets and the scrubber
//! ```
//!
//! Where do I change X?
//!
//! | X | place |
//! |---|---|
//! | a flag | `cli.rs`, then the command's file |
//! | a setting | `config/raw/`, `config/model.rs`, then the step that reads it |
//! | a layer, or which one wins | `config/layers.rs` |
//! | a built-in profile | `profiles/` |
//! | a kind of step | `plan/step.rs` and `steps/`; the compiler lists the rest |
//! | where a registry's password comes from | `steps/registry/credential.rs`, `drivers/credential/`, `host/ecr.rs` |
//! | what a pull secret holds | `drivers/pull_secret.rs` |
//! | the order of steps | `plan/build/` |
//! | when a step is retried | `policy/backoff.rs`, `engine/machine/` |
//! | how far a cluster's recovery goes | `policy/escalate.rs` |
//! | what a tool's message means | one row in `policy/known_issues.rs` and one fixture |
//! | a tool's command line | `drivers/` |
//! | how a run looks | `report/` |
//! | what a run tells programs | `event.rs` |
//! | what `doctor` finds | `doctor/`, `readiness/` |
//! | an exit code, the wording of an error | `error.rs` |

pub mod cli;
mod commands;
pub mod config;
pub mod doctor;
pub mod drivers;
pub mod engine;
pub mod error;
pub mod event;
pub mod host;
mod invocation;
pub mod manifest;
pub mod plan;
pub mod policy;
pub mod quote;
pub mod readiness;
pub mod redact;
pub mod report;
pub mod steps;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

pub use invocation::{Invocation, Terminals};

/// Carries out one invocation and returns the exit code of the process. A panic is a bug in mlup
/// and has a code of its own; unwinding has restored the terminal by then.
#[must_use]
pub fn run(invocation: Invocation) -> ExitCode {
    catch_unwind(AssertUnwindSafe(|| commands::dispatch(invocation)))
        .unwrap_or_else(|_| error::Exit::Internal.into())
}
