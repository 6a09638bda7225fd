//! What tests of drivers need: a workbench whose commands are scripted, a record of what was said on
//! it, and names on the engine that no other test uses.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::event::Stream;
use crate::host::cmd::{Cmd, End, Output, SpawnError};
use crate::host::docker::Engine;
use crate::host::workbench::{Announcement, Workbench};
use crate::host::{Host, Runner};

/// One expected command and its answer.
pub(crate) struct Script {
    call: String,
    answer: Result<Output, SpawnError>,
}

/// Expects exactly this command line and answers with exit code, standard output and standard error.
pub(crate) fn on(call: &str, exit: i32, stdout: &str, stderr: &str) -> Script {
    ended(call, End::Exit(exit), stdout, stderr)
}

/// As [`on`], for a command that does not end by itself.
pub(crate) fn ended(call: &str, end: End, stdout: &str, stderr: &str) -> Script {
    let output = Output { end, stdout: stdout.to_owned(), stderr: stderr.to_owned() };
    Script { call: call.to_owned(), answer: Ok(output) }
}

/// Expects this command line, whose program is not on PATH.
pub(crate) fn missing(call: &str) -> Script {
    let program = call.split(' ').next().unwrap_or_default().to_owned();
    Script { call: call.to_owned(), answer: Err(SpawnError::NotFound { program }) }
}

/// Answers commands from a script, in order. Another command than the next one fails the test, and
/// so does a script that is not played to its end.
pub(crate) struct ScriptedRunner {
    script: Mutex<VecDeque<Script>>,
    seen: Mutex<Vec<Cmd>>,
}

impl ScriptedRunner {
    /// The commands so far.
    pub(crate) fn seen(&self) -> Vec<Cmd> {
        self.seen.lock().unwrap().clone()
    }
}

impl Runner for ScriptedRunner {
    fn run(&self, cmd: Cmd, _: CancellationToken) -> BoxFuture<'_, Result<Output, SpawnError>> {
        self.seen.lock().unwrap().push(cmd.clone());
        let next = self.script.lock().unwrap().pop_front();
        let next = next.unwrap_or_else(|| panic!("no call was expected: {cmd}"));
        assert_eq!(cmd.to_string(), next.call, "another call was expected");
        if let (Some(sink), Ok(output)) = (&cmd.on_line, &next.answer) {
            output.stdout.lines().for_each(|line| sink(Stream::Stdout, line));
            output.stderr.lines().for_each(|line| sink(Stream::Stderr, line));
        }
        Box::pin(async move { next.answer })
    }
}

/// A workbench whose commands are scripted; its Docker Engine is the real one.
pub(crate) struct TestBench {
    /// What the driver is given.
    pub(crate) bench: Workbench,
    /// The script, and what was run.
    pub(crate) runner: Arc<ScriptedRunner>,
    said: Arc<Mutex<Vec<Announcement>>>,
}

impl TestBench {
    /// With this script and an environment of nothing but `HOME`.
    pub(crate) fn new(script: impl IntoIterator<Item = Script>) -> Self {
        Self::with_env(script, &[("HOME", "/nowhere")])
    }

    /// With this script and this environment.
    pub(crate) fn with_env(script: impl IntoIterator<Item = Script>, env: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let env: Arc<BTreeMap<String, String>> = Arc::new(env.iter().map(owned).collect());
        let script = Mutex::new(script.into_iter().collect());
        let runner = Arc::new(ScriptedRunner { script, seen: Mutex::default() });
        let said = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&said);
        let docker = Engine::new(Arc::clone(&env));
        let bench = Workbench {
            host: Host { runner: Arc::clone(&runner) as Arc<dyn Runner>, docker, env },
            root: PathBuf::from("/"),
            deadline: Instant::now() + Duration::from_secs(60),
            cancel: CancellationToken::new(),
            lines: Arc::new(|_, _| {}),
            announce: Arc::new(move |announcement| record.lock().unwrap().push(announcement)),
        };
        Self { bench, runner, said }
    }

    /// What was said to be done, in order.
    pub(crate) fn doings(&self) -> Vec<String> {
        let said = self.said.lock().unwrap();
        let doing = |said: &Announcement| match said {
            Announcement::Doing(what) => Some(what.clone()),
            Announcement::Warning { .. } => None,
        };
        said.iter().filter_map(doing).collect()
    }

    /// The codes of the warnings so far.
    pub(crate) fn warnings(&self) -> Vec<&'static str> {
        let said = self.said.lock().unwrap();
        let code = |said: &Announcement| match said {
            Announcement::Warning { code, .. } => Some(*code),
            Announcement::Doing(_) => None,
        };
        said.iter().filter_map(code).collect()
    }
}

impl Drop for TestBench {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let left: Vec<String> =
            self.runner.script.lock().unwrap().iter().map(|next| next.call.clone()).collect();
        assert!(left.is_empty(), "these calls were expected and not made: {left:#?}");
    }
}

/// A name on the engine that no other test and no other run uses.
pub(crate) fn unique(kind: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("mlup-test-{}-{kind}-{count}", std::process::id())
}

/// Runs the docker command line, for setting up and cleaning up.
pub(crate) fn docker(args: &[&str]) {
    #[expect(clippy::disallowed_methods, reason = "a drop guard cannot await the runner")]
    let _ = std::process::Command::new("docker").args(args).output();
}
