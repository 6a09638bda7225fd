//! What tests of waits share: a fake server, a step, and the objects that it waits for.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use super::super::limits::Limits;
use super::super::{Seen, ready_already, within};
use crate::config::fixture;
use crate::config::model::{Deploy, Provider};
use crate::host::kube::fake::FakeKube;
use crate::host::kube::{self, fixture::bench};
use crate::manifest::{Object, Place};
use crate::plan::StepId;
use crate::plan::change::Settled;
use crate::plan::progress::Progress;
use crate::policy::Failure;
use crate::redact::Secret;
use crate::steps::objects::Objects;
use crate::steps::others::{Others, Unfinished};
use crate::steps::testing::TestBed;

/// The path of the pods, deployments and events of the namespace of most tests.
pub(super) const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/n/deployments";
pub(super) const PODS: &str = "/api/v1/namespaces/n/pods";

/// A server, and a step that waits.
pub(super) struct Scene {
    pub(super) fake: FakeKube,
    pub(super) bed: TestBed,
    pub(super) deploy: Deploy,
    pub(super) limits: Limits,
    unfinished: watch::Sender<Unfinished>,
}

impl Scene {
    /// A server with the namespace `n`, and limits that tests can wait for.
    pub(super) fn new() -> Self {
        let fake = FakeKube::start();
        fake.change(|world| world.namespace("n"));
        let mut bed = TestBed::new();
        bed.config(|config| config.cluster = Some(fixture::cluster(Provider::Existing)));
        bed.config(|config| {
            if let Some(cluster) = &mut config.cluster {
                cluster.context = Some("here".to_owned());
            }
        });
        let (unfinished, told) = watch::channel(Unfinished::new());
        bed.ctx.others = Others::new(told, BTreeSet::new());
        let limits = Limits {
            confirm: Duration::from_millis(50),
            grace: Duration::from_millis(100),
            steady: Duration::from_millis(1500),
            address: Duration::from_millis(100),
            explain: Duration::from_millis(100),
            evidence: Duration::from_secs(5),
            outage: Duration::from_secs(10),
            gather: Duration::from_millis(2),
            ..Limits::default()
        };
        Self { fake, bed, deploy: fixture::manifests("stack", None), limits, unfinished }
    }

    /// The step's time ends so soon.
    pub(super) fn ends_in(&mut self, time: Duration) {
        self.bed.ctx.deadline = Instant::now() + time;
    }

    /// The other steps of the run that have not ended.
    pub(super) fn unfinished(&self) -> watch::Sender<Unfinished> {
        self.unfinished.clone()
    }

    /// Sets which other steps have not ended.
    pub(super) fn others(&self, names: &[&str]) {
        self.unfinished.send_replace(ids(names));
    }

    /// Waits for these objects.
    pub(super) async fn wait(&self, wanted: &[Value]) -> Result<Settled, Failure> {
        within(&self.deploy, &parsed(wanted), &self.objects().await, self.limits).await
    }

    /// Whether these objects are ready, where only a look is taken.
    pub(super) async fn look(&self, wanted: &[Value]) -> Result<Option<Settled>, Failure> {
        ready_already(&self.deploy, &parsed(wanted), Seen::NotYet, &self.objects().await).await
    }

    async fn objects(&self) -> Objects {
        let (bench, _) = bench(Path::new("/"), &[]);
        let config = Secret::new(self.fake.kubeconfig("here"));
        let api = kube::connect(&bench, &config, "here").await.unwrap();
        let (server, context) = (api.server().to_owned(), "here".to_owned());
        let explain = move |error: &::kube::Error| kube::error::failure(error, &server, &context);
        Objects::new(api.client().clone(), Arc::new(explain), &self.bed.ctx)
    }

    /// What was said while waiting.
    pub(super) fn waited_for(&mut self) -> Vec<String> {
        let said = self.bed.said().into_iter();
        said.filter_map(|said| match said {
            Progress::Waiting(what) => Some(what),
            _ => None,
        })
        .collect()
    }

    /// The watches that were opened, by the path of what they are for.
    pub(super) fn watches(&self) -> Vec<String> {
        let calls = self.fake.calls();
        let watches = calls.iter().filter(|call| call.contains("watch=true"));
        watches.filter_map(|call| Some(call.split(['?', ' ']).nth(1)?.to_owned())).collect()
    }
}

fn parsed(wanted: &[Value]) -> Vec<Object> {
    let object = |value: &Value| Object::new(value.clone(), Place::default()).unwrap();
    wanted.iter().map(object).collect()
}

/// Identifiers of steps.
pub(super) fn ids(names: &[&str]) -> Unfinished {
    let id = |name: &&str| {
        name.split_once('/').map_or(StepId::single(name), |(kind, name)| StepId::named(kind, name))
    };
    names.iter().map(id).collect()
}

/// A deployment with one replica, of which so many are available.
pub(super) fn deployment(name: &str, available: u64) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "namespace": "n", "name": name, "uid": format!("uid-{name}"),
            "generation": 1 },
        "spec": { "replicas": 1, "selector": { "matchLabels": { "app": name } },
            "template": { "metadata": { "labels": { "app": name } },
                "spec": { "containers": [{ "name": "main", "image": "example.com/a:1" }] } } },
        "status": { "observedGeneration": 1, "replicas": 1, "updatedReplicas": 1,
            "availableReplicas": available, "readyReplicas": available },
    })
}

/// The replica set of a deployment.
pub(super) fn replica_set(deployment: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": { "namespace": "n", "name": format!("{deployment}-1"),
            "uid": format!("uid-{deployment}-1"),
            "annotations": { "deployment.kubernetes.io/revision": "1" },
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "Deployment",
                "name": deployment, "uid": format!("uid-{deployment}"), "controller": true }] },
        "spec": { "replicas": 1 },
    })
}

/// A pod of that replica set whose only container is in this state.
pub(super) fn pod(deployment: &str, name: &str, restarts: u64, state: &Value) -> Value {
    let set = format!("{deployment}-1");
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "namespace": "n", "name": name, "uid": format!("uid-{name}"),
            "labels": { "app": deployment },
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": set,
                "uid": format!("uid-{set}"), "controller": true }] },
        "spec": { "nodeName": "node-0",
            "containers": [{ "name": "main", "image": "example.com/a:1" }] },
        "status": { "phase": "Pending", "containerStatuses": [{ "name": "main",
            "ready": false, "restartCount": restarts, "state": state,
            "lastState": { "terminated": { "exitCode": 1, "reason": "Error" } } }] },
    })
}

/// A container that cannot be made for want of the secret `keys`.
pub(super) fn without_secret() -> Value {
    json!({ "waiting": { "reason": "CreateContainerConfigError",
        "message": "secret \"keys\" not found" } })
}

/// A container that crashes again and again.
pub(super) fn crashing() -> Value {
    json!({ "waiting": { "reason": "CrashLoopBackOff", "message": "back-off restarting" } })
}
