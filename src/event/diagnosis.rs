//! The fields of `diagnosis`: a root cause as readers and programs are told it. Plain data only; how
//! a block of it reads is `report/`.

use serde::{Deserialize, Serialize};

use super::Fix;

/// The fields of `diagnosis`: one root cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The step in which it showed.
    pub step: String,
    /// Stable identifier, such as `PORT_TAKEN`.
    pub code: String,
    /// The rule of `mlup doctor` that finds the same, such as `PULL-01`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// One sentence.
    pub summary: String,
    /// What it rests on, each with its source.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// What mlup did about it.
    #[serde(default)]
    pub tried: Vec<String>,
    /// What the reader can do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
    /// Steps that could not run because of it.
    #[serde(default)]
    pub blocks: Vec<String>,
    /// The single things that are wrong, where a look found several at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// One of several things that are wrong at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable identifier, such as `SECRET_MISSING`.
    pub code: String,
    /// The rule of `mlup doctor` that finds the same, such as `CFG-02`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// One sentence.
    pub summary: String,
    /// What it rests on, each with its source.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// What the reader can do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
}

/// One line of evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Where it was read: `log api`, `probe http`, `docker inspect db`.
    pub source: String,
    /// The line itself.
    pub text: String,
}

impl Evidence {
    /// A line of evidence and where it was read.
    pub fn new(source: impl Into<String>, text: impl Into<String>) -> Self {
        Self { source: source.into(), text: text.into() }
    }
}
