//! A cluster as wanted, for tests of drivers and of the cluster's step.

use crate::config::fixture;
use crate::config::model::{Config, Provider};
use crate::drivers::spec::Spec;

/// A cluster of which nothing but provider and name is configured.
pub(crate) fn spec(provider: Provider, name: &str) -> Spec {
    let cluster = Some(fixture::cluster(provider));
    let config = Config { name: name.to_owned(), cluster, ..fixture::config() };
    Spec::of(&config).unwrap()
}
