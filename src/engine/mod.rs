//! Runs a plan: a pure machine that owns every state, and one loop that feeds it.

mod crew;
mod journal;
pub mod machine;
mod run;
mod signals;

pub use run::{Attempt, LastLook, Loss, Run, Stepper, run};
pub use signals::{Interrupt, listen};
