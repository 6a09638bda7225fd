//! What tests of steps need: a context with a real host and a record of what the step said, and
//! names on the engine that no other test uses.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::model::Config;
use crate::host::cmd::{Cmd, Output, SpawnError};
use crate::host::docker::Engine;
use crate::host::process::ProcessRunner;
use crate::host::{Host, Runner};
use crate::plan::StepId;
use crate::plan::progress::Progress;
use crate::steps::{Projects, StepCtx};

/// A step's context and its other end.
pub(super) struct TestBed {
    /// The context that the step is given.
    pub(super) ctx: StepCtx,
    said: UnboundedReceiver<(StepId, Progress)>,
}

impl TestBed {
    /// On the real host, with nothing but PATH in its environment.
    pub(super) fn new() -> Self {
        let path = "/usr/local/bin:/usr/bin:/bin".to_owned();
        let env = Arc::new(BTreeMap::from([("PATH".to_owned(), path)]));
        let runner = Arc::new(ProcessRunner::new(Arc::clone(&env), CancellationToken::new()));
        let docker = Engine::new(Arc::clone(&env));
        Self::with_host(Host { runner, docker, env })
    }

    /// On this host.
    pub(super) fn with_host(host: Host) -> Self {
        let (progress, said) = unbounded_channel();
        let ctx = StepCtx {
            id: StepId::single("test"),
            host,
            config: Arc::new(config()),
            projects: Arc::new(Projects::default()),
            passwords: Arc::default(),
            rung: crate::policy::escalate::Rung::Start,
            recreate: crate::steps::Consent::NotGiven,
            deadline: Instant::now() + Duration::from_secs(60),
            cancel: CancellationToken::new(),
            progress,
        };
        Self { ctx, said }
    }

    /// Changes the configuration.
    pub(super) fn config(&mut self, change: impl FnOnce(&mut Config)) {
        let mut config = (*self.ctx.config).clone();
        change(&mut config);
        self.ctx.config = Arc::new(config);
    }

    /// The codes of the warnings so far.
    pub(super) fn warnings(&mut self) -> Vec<&'static str> {
        let said = std::iter::from_fn(|| self.said.try_recv().ok());
        said.filter_map(|(_, said)| match said {
            Progress::Warning { code, .. } => Some(code),
            _ => None,
        })
        .collect()
    }

    /// The lines that tools printed so far.
    pub(super) fn lines(&mut self) -> Vec<String> {
        let said = std::iter::from_fn(|| self.said.try_recv().ok());
        said.filter_map(|(_, said)| match said {
            Progress::Output { line, .. } => Some(line),
            _ => None,
        })
        .collect()
    }
}

/// Answers commands from a script, one answer a call.
#[derive(Default)]
pub(super) struct ScriptedRunner {
    answers: Mutex<VecDeque<Result<Output, SpawnError>>>,
    calls: Mutex<Vec<String>>,
}

impl ScriptedRunner {
    /// Answers in this order.
    pub(super) fn new(answers: impl IntoIterator<Item = Result<Output, SpawnError>>) -> Self {
        Self { answers: Mutex::new(answers.into_iter().collect()), calls: Mutex::default() }
    }

    /// The command lines so far.
    pub(super) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

impl Runner for ScriptedRunner {
    fn run(&self, cmd: Cmd, _: CancellationToken) -> BoxFuture<'_, Result<Output, SpawnError>> {
        self.calls.lock().unwrap().push(cmd.to_string());
        let answer = self.answers.lock().unwrap().pop_front();
        Box::pin(async move { answer.unwrap_or_else(|| panic!("unexpected call: {cmd}")) })
    }
}

/// A name on the engine that no other test and no other run uses.
pub(super) fn unique(kind: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("mlup-test-{kind}-{}-{count}", std::process::id())
}

/// Runs the docker command line, for setting up and cleaning up.
pub(super) fn docker(args: &[&str]) {
    #[expect(clippy::disallowed_methods, reason = "a drop guard cannot await the runner")]
    let _ = std::process::Command::new("docker").args(args).output();
}

fn config() -> Config {
    Config {
        name: "mlup-test".to_owned(),
        profile: "default".to_owned(),
        root: PathBuf::from("/"),
        env_files: Vec::new(),
        env: BTreeMap::new(),
        namespace: None,
        deadline: Duration::from_secs(60),
        cluster: None,
        networks: Vec::new(),
        files: Vec::new(),
        registries: Vec::new(),
        secrets: Vec::new(),
        images: Vec::new(),
        deploys: Vec::new(),
        checks: Vec::new(),
        tasks: Vec::new(),
        secrets_to_scrub: Vec::new(),
    }
}
