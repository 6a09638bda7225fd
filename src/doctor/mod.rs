//! What is wrong with an environment: rules over one look at it, and the graph that leaves of all
//! symptoms the causes. Pure: taking the look, fetching logs and applying fixes are the steps'.

mod affected;
pub mod below;
pub mod bundle;
pub mod cluster;
pub mod finding;
mod grace;
mod helm;
pub mod host;
mod ingress;
pub mod leftover;
pub mod look;
mod node;
pub mod rejection;
pub mod rule;
mod schedule;
mod service;
mod shared_causes;
mod storage;
pub mod treatment;

#[cfg(test)]
mod command_tests;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod incident_tests;
#[cfg(test)]
mod robust_tests;
#[cfg(test)]
mod tests;
