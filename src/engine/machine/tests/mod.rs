//! The machine under scripted steps and virtual time.

mod ladder;
mod properties;
mod scenarios;
mod simulation;
