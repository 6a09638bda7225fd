//! A project of manifests with a cluster that a fake API server stands for.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::config::fixture;
use crate::config::model::{Config, Deploy, Provider};
use crate::host::Host;
use crate::host::docker::Engine;
use crate::host::files;
use crate::host::kube::fake::FakeKube;
use crate::host::process::ProcessRunner;
use crate::host::ssh::Connections;
use crate::plan::change::{Change, Probed};
use crate::policy::Failure;
use crate::steps::deploy::manifests;
use crate::steps::testing::TestBed;
use crate::steps::{Prune, Teardown};

/// The folder, the server and the configuration.
pub(super) struct Scene {
    pub(super) fake: FakeKube,
    folder: TempDir,
    config: Config,
}

/// Two containers' worth of a deployment and what belongs to it.
pub(super) const API: &str = r"
apiVersion: v1
kind: Namespace
metadata: {name: mlops}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: mlops}
spec:
  replicas: 2
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec:
      containers:
      - name: api
        image: api:1
        ports: [{containerPort: 8000}]
        env: [{name: MODE, value: dev}]
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: mlops}
spec:
  selector: {app: api}
  ports: [{port: 80, targetPort: 8000}]
---
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: mlops}
stringData: {token: hunter2}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: mlops}
data: {mode: dev}
";

pub(super) const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/mlops/deployments/api";

impl Scene {
    /// One deploy of this text.
    pub(super) fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fake = FakeKube::start();
        let kubeconfig = fake.kubeconfig("theirs");
        files::write(&folder.path().join(".kube/config"), kubeconfig.as_bytes(), 0o600).unwrap();
        let mut cluster = fixture::cluster(Provider::Existing);
        cluster.context = Some("theirs".to_owned());
        let config =
            Config { root: folder.path().to_owned(), cluster: Some(cluster), ..fixture::config() };
        let mut scene = Self { fake, folder, config };
        scene.deploy("app", text);
        scene
    }

    /// Another deploy, or another text of one.
    pub(super) fn deploy(&mut self, name: &str, text: &str) -> &mut Deploy {
        let path = self.folder.path().join(format!("{name}.yaml"));
        files::write(&path, text.as_bytes(), 0o644).unwrap();
        let at = self.config.deploys.iter().position(|deploy| deploy.name == name);
        let at = at.unwrap_or_else(|| {
            let mut deploy = fixture::manifests(name, None);
            let crate::config::model::DeployKind::Manifests(manifests) = &mut deploy.kind else {
                unreachable!("it is one of manifests")
            };
            manifests.paths = vec![path];
            self.config.deploys.push(deploy);
            self.config.deploys.len() - 1
        });
        &mut self.config.deploys[at]
    }

    /// Takes a deploy out of the configuration.
    pub(super) fn drop(&mut self, name: &str) {
        self.config.deploys.retain(|deploy| deploy.name != name);
    }

    /// What a step has in a run of its own.
    pub(super) fn bed(&self) -> TestBed {
        let path = |path: &Path| path.to_string_lossy().into_owned();
        let env = Arc::new(BTreeMap::from([
            ("HOME".to_owned(), path(self.folder.path())),
            ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()),
        ]));
        let runner = Arc::new(ProcessRunner::new(Arc::clone(&env), CancellationToken::new()));
        let docker = Engine::new(Arc::clone(&env));
        let mut bed = TestBed::with_host(Host { runner, docker, ssh: Connections::default(), env });
        bed.config(|config| *config = self.config.clone());
        bed
    }

    fn named(&self, name: &str) -> &Deploy {
        self.config.deploys.iter().find(|deploy| deploy.name == name).unwrap()
    }

    /// What a new run finds at the only deploy.
    pub(super) async fn probe(&self) -> Result<Probed, Failure> {
        manifests::probe(self.named("app"), &self.bed().ctx).await
    }

    /// The changes that a new run finds, in words.
    pub(super) async fn changes(&self) -> Vec<String> {
        words(self.probe().await.unwrap())
    }

    /// Looks and applies in a run of its own; what was warned about.
    pub(super) async fn start(&self) -> Result<Vec<&'static str>, Failure> {
        self.start_of("app", Prune::No).await
    }

    /// As `start`, of this deploy.
    pub(super) async fn start_of(
        &self,
        name: &str,
        prune: Prune,
    ) -> Result<Vec<&'static str>, Failure> {
        let mut bed = self.bed();
        bed.ctx.prune = prune;
        manifests::probe(self.named(name), &bed.ctx).await?;
        manifests::apply(self.named(name), &bed.ctx).await?;
        Ok(bed.warnings())
    }

    /// Takes the only deploy away; what went.
    pub(super) async fn remove(&self, how: Teardown) -> Result<Vec<String>, Failure> {
        let bed = self.bed();
        let listed = manifests::removals(self.named("app"), &bed.ctx, how).await?;
        let removed = manifests::remove(self.named("app"), &bed.ctx, how).await?;
        assert_eq!(listed, removed);
        Ok(removed.iter().map(|change| change.object.clone()).collect())
    }

    /// Forgets what was asked so far.
    pub(super) fn since(&self) -> usize {
        self.fake.requests().len()
    }

    /// The calls after these.
    pub(super) fn calls_after(&self, seen: usize) -> Vec<String> {
        self.fake.calls().split_off(seen)
    }
}

/// What a probe found, in words.
pub(super) fn words(probed: Probed) -> Vec<String> {
    let one = |change: &Change| format!("{change}: {}", change.why);
    match probed {
        Probed::Satisfied(settled) => vec![settled.detail],
        Probed::Needed(changes) => changes.iter().map(one).collect(),
    }
}
