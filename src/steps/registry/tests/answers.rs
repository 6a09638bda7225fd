//! A runner for commands that print passwords: each call gets the next answer, whatever it is, and
//! what was called is remembered. One call too many fails the test.

use std::collections::VecDeque;
use std::sync::Mutex;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::host::Runner;
use crate::host::cmd::{Cmd, Output, SpawnError};

pub(super) struct Answers {
    left: Mutex<VecDeque<Result<Output, SpawnError>>>,
    calls: Mutex<Vec<String>>,
}

impl Answers {
    pub(super) fn new(answers: Vec<Result<Output, SpawnError>>) -> Self {
        Self { left: Mutex::new(answers.into()), calls: Mutex::default() }
    }

    /// The command lines so far.
    pub(super) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

impl Runner for Answers {
    fn run(&self, cmd: Cmd, _: CancellationToken) -> BoxFuture<'_, Result<Output, SpawnError>> {
        self.calls.lock().unwrap().push(cmd.to_string());
        let answer = self.left.lock().unwrap().pop_front();
        Box::pin(async move { answer.unwrap_or_else(|| panic!("unexpected call: {cmd}")) })
    }
}
