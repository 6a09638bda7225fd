//! The driver of K3s on a machine that ssh reaches: in which order things are asked and done.

mod convergence;
mod facts;
mod findings;
mod installed;
mod server_config;
mod survey;
mod survey_network;
#[cfg(test)]
mod tests;
mod version;
mod wanted;
