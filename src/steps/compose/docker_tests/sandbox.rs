//! One compose project in its own folder, for the tests beside this file; removed at the end.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::{apply, probe, verify};
use crate::config::fixture;
use crate::config::model::Config;
use crate::event::Probe;
use crate::host::cmd::{Cmd, Output, SpawnError};
use crate::host::containers::{self, Container};
use crate::host::docker::Engine;
use crate::host::process::ProcessRunner;
use crate::host::ssh::Connections;
pub(super) use crate::host::testing::engine::docker;
use crate::host::testing::engine::{busybox_context, clean_up, unique};
use crate::host::{Host, Runner};
use crate::plan::change::{Probed, Settled};
use crate::plan::progress::Progress;
use crate::plan::{ComposeDeploy, StepId};
use crate::policy::Failure;
use crate::steps::StepCtx;

pub(super) const IMAGE: &str = "mlup-test-compose:1";

/// Records what is run, and runs it.
pub(super) struct Recorder {
    inner: ProcessRunner,
    calls: Mutex<Vec<String>>,
}

impl Runner for Recorder {
    fn run(
        &self,
        cmd: Cmd,
        cancel: CancellationToken,
    ) -> BoxFuture<'_, Result<Output, SpawnError>> {
        self.calls.lock().expect("calls").push(cmd.args.join(" "));
        self.inner.run(cmd, cancel)
    }
}

/// One project in its own folder; removed on drop.
pub(super) struct Sandbox {
    pub(super) folder: tempfile::TempDir,
    pub(super) name: String,
    recorder: Arc<Recorder>,
    pub(super) config: Config,
    pub(super) deploy: ComposeDeploy,
    pub(super) said: UnboundedReceiver<(StepId, Progress)>,
    pub(super) ctx: StepCtx,
}

#[expect(clippy::disallowed_methods, reason = "a test prepares its own files")]
pub(super) fn write(path: PathBuf, text: &str) {
    fs::write(path, text).expect("a file");
}

fn image() {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| {
        let applets = ["sh", "sleep", "true", "false", "test", "touch", "cat", "echo", "httpd"];
        let links = applets.map(|name| format!("COPY busybox /bin/{name}")).join("\n");
        let context = busybox_context(&format!(
            "FROM scratch\n{links}\nSTOPSIGNAL SIGKILL\nCMD [\"sleep\", \"1000\"]\n"
        ));
        docker(&["build", "-q", "-t", IMAGE, &context.path().to_string_lossy()]);
    });
}

#[expect(clippy::disallowed_methods, reason = "the commands of a test need PATH and HOME")]
fn environment() -> Arc<BTreeMap<String, String>> {
    Arc::new(std::env::vars().collect())
}

impl Sandbox {
    /// A project with these services in YAML; `IMAGE` stands for the image.
    pub(super) fn new(services: &str) -> Self {
        image();
        let folder = tempfile::tempdir().expect("a folder");
        let name = unique("compose");
        Self::named(folder, &name, services)
    }

    pub(super) fn named(folder: tempfile::TempDir, name: &str, services: &str) -> Self {
        let env = environment();
        let recorder = Arc::new(Recorder {
            inner: ProcessRunner::new(Arc::clone(&env), CancellationToken::new()),
            calls: Mutex::default(),
        });
        let (progress, said) = unbounded_channel();
        let (name, root) = (name.to_owned(), folder.path().to_owned());
        let config = Config { name: name.clone(), root, ..fixture::config() };
        let ctx = StepCtx {
            id: StepId::named("deploy", "stack"),
            host: Host {
                runner: Arc::clone(&recorder) as Arc<dyn Runner>,
                docker: Engine::new(Arc::clone(&env)),
                ssh: Connections::default(),
                env,
            },
            config: Arc::new(config.clone()),
            projects: Arc::default(),
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
        let deploy = ComposeDeploy {
            name: "stack".to_owned(),
            compose: fixture::compose(folder.path().join("compose.yml")),
            optional: Vec::new(),
        };
        let sandbox = Self { folder, name, recorder, config, deploy, said, ctx };
        sandbox.services(services);
        sandbox
    }

    pub(super) fn services(&self, services: &str) {
        let text = format!("services:\n{services}").replace("IMAGE", IMAGE);
        write(self.folder.path().join("compose.yml"), &text);
    }

    /// The configuration says that this network is the cluster's.
    pub(super) fn owns_network(&mut self, name: &str) {
        self.config.networks = vec![fixture::cluster_network(name)];
    }

    /// Makes the network; it goes with the project.
    pub(super) fn make_network(&self, name: &str) {
        let label = format!("com.docker.compose.project={}", self.name);
        docker(&["network", "create", "--label", &label, name]);
    }

    /// A context as a new run has it.
    pub(super) fn fresh(&mut self) -> StepCtx {
        self.ctx.projects = Arc::default();
        self.ctx.config = Arc::new(self.config.clone());
        self.ctx.deadline = Instant::now() + Duration::from_secs(60);
        self.recorder.calls.lock().expect("calls").clear();
        self.ctx.clone()
    }

    /// One attempt of the deploy, as the engine makes it; `true` when something was changed.
    pub(super) async fn start(&mut self) -> Result<(Settled, bool), Failure> {
        let ctx = self.fresh();
        self.start_with(&ctx).await
    }

    pub(super) async fn start_with(&self, ctx: &StepCtx) -> Result<(Settled, bool), Failure> {
        let changes = match probe(&self.deploy, ctx).await? {
            Probed::Satisfied(settled) => return Ok((settled, false)),
            Probed::Needed(changes) => changes,
        };
        apply(&self.deploy, ctx, &changes).await?;
        Ok((verify(&self.deploy, ctx).await?, true))
    }

    /// The compose verbs that were run, `config` left out.
    pub(super) fn verbs(&self) -> Vec<String> {
        let calls = self.recorder.calls.lock().expect("calls");
        let verb = |call: &String| {
            let after = call.split("compose.yml ").last().unwrap_or_default().to_owned();
            let reads = after.contains("config --") || after.ends_with("version --short");
            (!reads).then_some(after)
        };
        calls.iter().filter_map(verb).collect()
    }

    pub(super) async fn containers(&self) -> BTreeMap<String, Container> {
        let found = containers::of_project(&self.ctx.host.docker, &self.name).await;
        found.expect("containers").into_iter().map(|c| (c.service.clone(), c)).collect()
    }

    pub(super) fn probes(&mut self) -> Vec<Probe> {
        let mut probes = Vec::new();
        while let Ok((_, progress)) = self.said.try_recv() {
            if let Progress::Probe(probe) = progress {
                probes.push(probe);
            }
        }
        probes
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let filter = format!("label=com.docker.compose.project={}", self.name);
        let ids = clean_up(&["ps", "-aq", "--filter", &filter]);
        let mut args = vec!["rm", "-fv"];
        args.extend(ids.split_whitespace());
        if args.len() > 2 {
            clean_up(&args);
        }
        for kind in ["network", "volume"] {
            for name in clean_up(&[kind, "ls", "-q", "--filter", &filter]).split_whitespace() {
                clean_up(&[kind, "rm", name]);
            }
        }
    }
}
