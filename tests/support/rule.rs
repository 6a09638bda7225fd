//! One scripted answer of a stand-in tool: the format that the sandbox writes and `fake-tool`
//! reads. What a real tool prints belongs to the tests that script it.

use serde::{Deserialize, Serialize};

/// What to answer to calls of one shape.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Rule {
    /// One pattern per argument; `*` inside one stands for any text, a last `...` for any rest.
    pub(crate) argv: Vec<String>,
    /// Printed on standard output, as it is.
    pub(crate) stdout: String,
    /// Printed on standard error, as it is.
    pub(crate) stderr: String,
    /// The exit code.
    pub(crate) exit: u8,
    /// Waited before anything is printed.
    pub(crate) delay_ms: u64,
    /// Whether and how it stays after printing.
    pub(crate) hang: Hang,
    /// Whether it leaves a child behind that holds its output open.
    pub(crate) grandchild: bool,
    /// How many calls it answers before the rules below are asked; no limit unless set.
    pub(crate) times: Option<usize>,
}

/// Whether a stand-in ends by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Hang {
    /// It ends.
    #[default]
    Never,
    /// It stays until any signal ends it.
    Polite,
    /// It stays and takes no notice of TERM.
    Stubborn,
}
