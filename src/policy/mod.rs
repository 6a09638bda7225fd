//! What failures mean and when to try again: pure decisions over plain data.

pub mod apply_errors;
pub mod backoff;
pub mod classify;
pub mod escalate;
mod failure;
pub mod known_issues;
pub mod moment;
pub mod renewal;
pub mod ssh;
pub mod tool;
pub mod tunnel;

pub use failure::{Class, Failure};
