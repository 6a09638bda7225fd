//! Building the rules of a stand-in tool, and reading back what it was called with.

use std::collections::BTreeMap;

use serde::Deserialize;

pub(crate) use super::rule::Hang;
use super::rule::Rule;

/// A rule for calls with these arguments: one pattern each, `*` inside one stands for any text, a
/// last `...` for any rest. Without more it answers nothing and exits 0.
pub(crate) fn on<const N: usize>(argv: [&str; N]) -> Rule {
    Rule { argv: argv.map(str::to_owned).to_vec(), ..Rule::default() }
}

impl Rule {
    /// Sets what it prints on standard output.
    pub(crate) fn stdout(mut self, text: &str) -> Self {
        text.clone_into(&mut self.stdout);
        self
    }

    /// Sets what it prints on standard error.
    pub(crate) fn stderr(mut self, text: &str) -> Self {
        text.clone_into(&mut self.stderr);
        self
    }

    /// Sets the exit code.
    pub(crate) fn exit(mut self, code: u8) -> Self {
        self.exit = code;
        self
    }

    /// Waits this long before it prints.
    pub(crate) fn delay_ms(mut self, delay: u64) -> Self {
        self.delay_ms = delay;
        self
    }

    /// Stays after it has printed.
    pub(crate) fn hang(mut self, hang: Hang) -> Self {
        self.hang = hang;
        self
    }

    /// Leaves a child behind that holds its output open.
    pub(crate) fn grandchild(mut self) -> Self {
        self.grandchild = true;
        self
    }

    /// Answers this many calls only; later ones go to the rules below.
    pub(crate) fn times(mut self, times: usize) -> Self {
        self.times = Some(times);
        self
    }
}

/// One call of a stand-in tool.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Call {
    /// The name that it was called by.
    pub(crate) tool: String,
    /// Arguments without the program.
    pub(crate) argv: Vec<String>,
    /// All of its input.
    pub(crate) stdin: String,
    /// Working folder.
    pub(crate) cwd: String,
    /// Its process.
    pub(crate) pid: u32,
    /// Position of the rule that answered; none for an unscripted call.
    pub(crate) rule: Option<usize>,
    /// The child that it left behind.
    pub(crate) grandchild: Option<u32>,
    /// The command without its flags, where the stand-in is one of a cluster tool.
    #[serde(default)]
    pub(crate) command: Option<String>,
    /// Variables of the environment that a cluster tool would heed.
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
}

impl Call {
    /// The call as one line, without input and folder.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.tool, self.argv.join(" "))
    }

    /// Whether it, or the child that it left behind, still runs.
    pub(crate) fn is_alive(&self) -> bool {
        [Some(self.pid), self.grandchild].into_iter().flatten().any(is_alive)
    }
}

/// Whether a process runs; one that is dead and not yet collected does not.
fn is_alive(pid: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    !matches!(state, Some('Z' | 'X') | None)
}
