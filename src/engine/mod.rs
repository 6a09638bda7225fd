//! Runs a plan: a pure machine that owns every state, and one loop that feeds it.

mod crew;
mod journal;
pub mod machine;
mod order;
pub mod reconcile;
mod run;
mod signals;

pub(crate) use journal::Journal;
pub use order::{Attempt, LastLook, Loss, Run, Stepper};
pub use run::run;
pub use signals::{Interrupt, listen};
