//! From the configuration to a graph of steps: pure, deterministic, without cycles. What the steps
//! do is `steps/`; when they run is `engine/`.

mod build;
pub mod change;
pub mod explain;
#[cfg(test)]
pub(crate) mod fixture;
mod graph;
mod names;
mod path;
pub mod progress;
pub mod pull_secret;
pub mod repair;
mod select;
mod step;
mod teardown;

pub use build::start;
pub use graph::{Plan, PlanError};
pub use path::Span;
pub(crate) use path::millis;
pub use select::{Selected, Selection};
pub use step::{ComposeDeploy, Retry, Step, StepId, StepKind};
pub use teardown::teardown;
