//! The machine under scripted steps and virtual time.

mod properties;
mod scenarios;
mod simulation;
