//! What tests above the host need: a workbench whose commands are scripted, and a record of what was
//! said on it. What they need of the real Docker Engine is `engine`.

pub(crate) mod engine;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::event::Stream;
use crate::host::cmd::{Cmd, End, Output, SpawnError};
use crate::host::docker::Engine;
use crate::host::ssh::Connections;
use crate::host::workbench::{Announcement, Announcer, Workbench};
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

/// What was said on a workbench, in order.
#[derive(Clone, Default)]
pub(crate) struct Said(Arc<Mutex<Vec<Announcement>>>);

impl Said {
    /// What was done or waited for.
    pub(crate) fn doings(&self) -> Vec<String> {
        let said = self.0.lock().unwrap();
        let doing = |said: &Announcement| match said {
            Announcement::Doing(what) => Some(what.clone()),
            Announcement::Warning { .. } => None,
        };
        said.iter().filter_map(doing).collect()
    }

    /// The codes of the warnings.
    pub(crate) fn warnings(&self) -> Vec<&'static str> {
        let said = self.0.lock().unwrap();
        let code = |said: &Announcement| match said {
            Announcement::Warning { code, .. } => Some(*code),
            Announcement::Doing(_) => None,
        };
        said.iter().filter_map(code).collect()
    }

    /// Records what is said from now on.
    pub(crate) fn announcer(&self) -> Announcer {
        let said = Arc::clone(&self.0);
        Arc::new(move |news| said.lock().unwrap().push(news))
    }
}

/// A workbench whose commands are scripted; its Docker Engine is the real one.
pub(crate) struct TestBench {
    /// What the driver is given.
    pub(crate) bench: Workbench,
    /// The script, and what was run.
    pub(crate) runner: Arc<ScriptedRunner>,
    said: Said,
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
        let said = Said::default();
        let docker = Engine::new(Arc::clone(&env));
        let bench = Workbench {
            host: Host {
                runner: Arc::clone(&runner) as Arc<dyn Runner>,
                docker,
                ssh: Connections::scripted(),
                env,
            },
            root: PathBuf::from("/"),
            deadline: Instant::now() + Duration::from_secs(60),
            cancel: CancellationToken::new(),
            lines: Arc::new(|_, _| {}),
            announce: said.announcer(),
        };
        Self { bench, runner, said }
    }

    /// What was said to be done, in order.
    pub(crate) fn doings(&self) -> Vec<String> {
        self.said.doings()
    }

    /// The codes of the warnings so far.
    pub(crate) fn warnings(&self) -> Vec<&'static str> {
        self.said.warnings()
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
