//! What tests of steps need: a context, on a real host unless another is given, and a record of what
//! the step said.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::fixture;
use crate::config::model::Config;
use crate::host::Host;
use crate::host::docker::Engine;
use crate::host::process::ProcessRunner;
use crate::host::ssh::Connections;
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
        Self::with_host(Host { runner, docker, ssh: Connections::default(), env })
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
            renderings: Arc::default(),
            listings: Arc::default(),
            others: crate::steps::Others::default(),
            rung: crate::policy::escalate::Rung::Start,
            recreate: crate::steps::Consent::NotGiven,
            prune: crate::steps::Prune::No,
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

    /// What was said since the last time.
    pub(super) fn said(&mut self) -> Vec<Progress> {
        std::iter::from_fn(|| self.said.try_recv().ok()).map(|(_, said)| said).collect()
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

fn config() -> Config {
    Config {
        name: "mlup-test".to_owned(),
        root: PathBuf::from("/"),
        deadline: Duration::from_secs(60),
        ..fixture::config()
    }
}
