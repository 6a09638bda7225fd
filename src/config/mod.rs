//! Reads `mlup.toml` and its layers into a checked [`model::Config`]. Files are read here and
//! nowhere above; nothing is changed.
//!
//! `files` finds and reads, `layers` and `environment` order and merge, `variables`, `expand` and
//! `dotenv` fill in, `raw` and `de` type, `parse` and `rules` check, `diagnostic` and `source` say
//! what is wrong and where, `origin` and `schema` show the result. `load` puts them in order.

pub mod address;
mod de;
pub mod destination;
mod diagnostic;
mod dotenv;
mod environment;
mod expand;
mod files;
#[cfg(test)]
pub(crate) mod fixture;
mod layers;
mod load;
pub mod model;
mod node;
mod origin;
mod parse;
mod profile;
mod raw;
mod rules;
mod schema;
mod secrets;
mod sensitive;
mod source;
pub mod subnet;
pub(crate) mod suggest;
#[cfg(test)]
mod tests;
mod units;
mod variables;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use diagnostic::{ConfigError, Problem};
pub(crate) use files::find;
pub use load::load;
use model::Config;
pub use origin::OriginRow;
pub use schema::schema;
pub use source::Place;
pub use units::{duration, size};

/// Where the configuration comes from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Working directory; `mlup.toml` is looked for here and above.
    pub cwd: PathBuf,
    /// `-f FILE`: takes the place of the search.
    pub file: Option<PathBuf>,
    /// `--profile NAME`.
    pub profile: Option<String>,
    /// `--timeout`, as typed.
    pub deadline: Option<String>,
    /// `--set a.b=c` pairs, as typed; the strongest layer.
    pub set: Vec<String>,
    /// The process environment.
    pub env: BTreeMap<String, String>,
}

/// A configuration together with where each value came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Every value with its layer and place, secrets redacted, in the order of the schema.
    pub origins: Vec<OriginRow>,
    shown: serde_json::Value,
}

impl Loaded {
    /// The whole configuration, variables resolved, secrets redacted, in the order of the schema.
    pub fn show(&self) -> &serde_json::Value {
        &self.shown
    }
}
