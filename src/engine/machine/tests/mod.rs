//! The machine under scripted steps and virtual time.

mod agenda;
mod dice;
mod fake_cluster;
mod faults;
mod ladder;
mod properties;
mod scenarios;
mod simulation;
