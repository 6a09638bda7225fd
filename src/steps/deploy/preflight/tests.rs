//! The preflight of deploys against the fake API server: everything wrong in one pass, and nothing
//! said where nothing is.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::config::fixture;
use crate::config::model::{
    Cluster, Config, Credential, Deploy, DeployKind, Manifests, Provider, Registry,
};
use crate::host::Host;
use crate::host::docker::Engine;
use crate::host::files;
use crate::host::http::test_server::{Server, answer};
use crate::host::kube::fake::FakeKube;
use crate::host::process::ProcessRunner;
use crate::host::ssh::Connections;
use crate::redact::Secret;
use crate::steps::testing::TestBed;

/// A folder of manifests, a cluster, and the context of the step.
struct Scene {
    fake: FakeKube,
    folder: tempfile::TempDir,
    bed: TestBed,
}

impl Scene {
    fn new() -> Self {
        let fake = FakeKube::start();
        fake.change(|world| {
            world.remove("/api/v1/nodes", "node-0");
            world.put("/api/v1/nodes", "lab", node("2"));
            world.namespace("shop");
        });
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        files::write(&kubeconfig, fake.kubeconfig("lab").as_bytes(), 0o600).unwrap();
        let env = BTreeMap::from([
            ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
            ("KUBECONFIG".to_owned(), kubeconfig.display().to_string()),
        ]);
        let env = Arc::new(env);
        let runner = Arc::new(ProcessRunner::new(Arc::clone(&env), CancellationToken::new()));
        let docker = Engine::new(Arc::clone(&env));
        let mut bed = TestBed::with_host(Host { runner, docker, ssh: Connections::default(), env });
        let root = folder.path().to_owned();
        bed.config(|config| {
            config.root = root;
            config.namespace = Some("shop".to_owned());
            config.cluster = Some(Cluster {
                context: Some("lab".to_owned()),
                ..fixture::cluster(Provider::Existing)
            });
        });
        Self { fake, folder, bed }
    }

    /// A deploy of these objects, one a file: `NAME-0.yaml` and so on.
    fn deploy(&mut self, name: &str, objects: &[Value]) -> &mut Self {
        let texts: Vec<String> = objects.iter().map(ToString::to_string).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        self.deploy_texts(name, &texts)
    }

    fn deploy_texts(&mut self, name: &str, texts: &[&str]) -> &mut Self {
        let mut paths: Vec<PathBuf> = Vec::new();
        for (at, text) in texts.iter().enumerate() {
            let path = self.folder.path().join(format!("{name}-{at}.yaml"));
            files::write(&path, text.as_bytes(), 0o600).unwrap();
            paths.push(path);
        }
        let kind = DeployKind::Manifests(Manifests { paths, vars: BTreeMap::new() });
        let deploy = Deploy { kind, ..fixture::deploy(name, None) };
        self.config(|config| config.deploys.push(deploy))
    }

    fn config(&mut self, change: impl FnOnce(&mut Config)) -> &mut Self {
        self.bed.config(change);
        self
    }

    fn live(&self, object: Value) -> &Self {
        self.fake.change(|world| world.store(object));
        self
    }

    async fn look(&self) -> Result<Probed, Failure> {
        probe(&self.bed.ctx).await
    }

    /// The codes of what is wrong.
    async fn codes(&self) -> Vec<String> {
        match self.look().await {
            Ok(Probed::Satisfied(_)) => Vec::new(),
            Ok(Probed::Needed(changes)) => panic!("{changes:?}"),
            Err(failure) if failure.detail.findings.is_empty() => vec![failure.code.to_owned()],
            Err(failure) => failure.detail.findings.iter().map(|one| one.code.clone()).collect(),
        }
    }
}

fn node(cpu: &str) -> Value {
    json!({"metadata": {"labels": {}}, "spec": {}, "status": {
        "allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "110"},
        "nodeInfo": {"architecture": "amd64", "operatingSystem": "linux"},
        "images": [{"names": ["docker.io/library/there:1"]}]}})
}

fn deployment(name: &str, container: &Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": {
            "metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}}})
}

fn service(name: &str, port: u16) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "shop"},
        "spec": {"type": "NodePort", "selector": {"app": name},
            "ports": [{"port": 80, "nodePort": port}]}})
}

fn secret_key(name: &str, key: &str) -> Value {
    json!({"name": "V", "valueFrom": {"secretKeyRef": {"name": name, "key": key}}})
}

fn wants_secret() -> Value {
    let env = [secret_key("db", "user"), secret_key("db", "password")];
    deployment("api", &json!({"name": "a", "image": "there:1", "env": env}))
}

#[tokio::test]
async fn everything_wrong_is_told_at_once_and_nothing_is_written() {
    let unknown = r#"{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}"#;
    let registry = Server::start(&[&answer(404, ""), &answer(404, unknown)]).await;
    let absent = format!("127.0.0.1:{}/api:v9", registry.address.port());
    let mut scene = Scene::new();
    scene.live(service("other", 30080));
    scene.deploy_texts("broken", &["kind: Service\nmetadata: {name: [\n"]);
    scene.deploy_texts("worse", &["apiVersion: v1\nkind: ConfigMap\n"]);
    scene.deploy(
        "api",
        &[
            wants_secret(),
            deployment("map", &json!({"name": "a", "image": "there:1",
                "envFrom": [{"configMapRef": {"name": "settings"}}]})),
            deployment("big", &json!({"name": "a", "image": "there:1",
                "resources": {"requests": {"cpu": "3"}}})),
            deployment("empty", &json!({"name": "a", "image": ""})),
            deployment("absent", &json!({"name": "a", "image": absent})),
            service("api", 30080),
            json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
                "spec": {"storageClassName": "standard", "accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": "1Gi"}}}}),
        ],
    );
    scene.deploy_texts(
        "tagged",
        &["apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\nspec:\n  containers:\n  - name: a\n    image: there:${TAG}\n"],
    );
    let failure = scene.look().await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Prerequisite, "DEPLOYS_BLOCKED"));
    let codes: Vec<&str> = failure.detail.findings.iter().map(|one| one.code.as_str()).collect();
    assert_eq!(
        codes,
        [
            "MANIFEST_UNREADABLE",
            "MANIFEST_INVALID",
            "IMAGE_NAME_INVALID",
            "MANIFEST_VARIABLE_UNSET",
            "SECRET_MISSING",
            "CONFIG_MAP_MISSING",
            "STORAGE_CLASS_MISSING",
            "NODE_RESOURCES",
            "IMAGE_MISSING",
            "NODE_PORT_TAKEN",
        ]
    );
    assert_eq!(
        failure.detail.findings[3].summary,
        "tagged-0.yaml:8: nothing replaces `${TAG}` in `spec.containers[0].image` of Pod `shop/p`"
    );
    assert_eq!(
        failure.detail.findings[4].summary,
        "Secret `shop/db` with the keys `user`, `password` is nowhere, and this run does not make it"
    );
    assert!(failure.detail.findings.iter().all(|one| one.fix.is_some()
        || one.code == "MANIFEST_UNREADABLE"
        || one.code == "MANIFEST_INVALID"));
    assert_eq!(scene.fake.writes(), [""; 0]);
}

#[tokio::test]
async fn what_the_run_makes_and_what_the_cluster_has_counts() {
    for (keys, codes) in [
        (json!({"user": "eA==", "password": "eA=="}), vec![]),
        (json!({"user": "eA=="}), vec!["SECRET_KEY_MISSING"]),
    ] {
        let mut scene = Scene::new();
        scene.deploy("api", &[wants_secret()]);
        scene.live(json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {"name": "db", "namespace": "shop"}, "data": keys}));
        assert_eq!(scene.codes().await, codes);
    }
    let mut scene = Scene::new();
    scene.deploy("api", &[wants_secret()]);
    scene.config(|config| {
        let mut secret = fixture::secret("db");
        let value = secret.keys.remove("k").unwrap();
        secret.keys = ["user", "password"].map(|key| (key.to_owned(), value.clone())).into();
        config.secrets.push(secret);
    });
    assert_eq!(scene.codes().await, [""; 0]);
    let asked = scene.fake.calls().into_iter().filter(|call| call.contains("secrets")).count();
    assert_eq!(asked, 1, "for its type, and not again for those who name it");
}

#[tokio::test]
async fn what_somebody_may_still_make_is_a_warning() {
    let mut scene = Scene::new();
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "maker"},
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]}]});
    scene.deploy("api", &[wants_secret(), role]);
    assert_eq!(scene.codes().await, [""; 0]);
    assert_eq!(scene.bed.warnings(), ["SECRET_MISSING"]);
}

#[tokio::test]
async fn what_may_stay_unready_is_a_warning() {
    let mut scene = Scene::new();
    scene.deploy(
        "api",
        &[
            wants_secret(),
            deployment(
                "big",
                &json!({"name": "a", "image": "there:1",
                "resources": {"requests": {"cpu": "3"}}}),
            ),
        ],
    );
    scene.config(|config| {
        config.deploys[0].optional = vec!["deployment/api".to_owned(), "big".to_owned()];
    });
    assert_eq!(scene.codes().await, [""; 0]);
    assert_eq!(scene.bed.warnings(), ["SECRET_MISSING", "NODE_RESOURCES"]);
}

#[tokio::test]
async fn what_an_unreadable_file_may_hold_is_not_called_missing() {
    let mut scene = Scene::new();
    scene.deploy("api", &[wants_secret()]);
    scene.deploy_texts("secrets", &["kind: Secret\nmetadata: {name: db\n"]);
    assert_eq!(scene.codes().await, ["MANIFEST_UNREADABLE"]);
}

#[tokio::test]
async fn kinds_that_the_user_may_not_see_are_not_checked() {
    let mut scene = Scene::new();
    scene.fake.change(|world| {
        world.forbid("list", "nodes", "");
        world.forbid("get", "secrets", "shop");
    });
    scene.deploy(
        "api",
        &[
            wants_secret(),
            deployment(
                "big",
                &json!({"name": "a", "image": "there:1",
                "resources": {"requests": {"cpu": "3"}}}),
            ),
        ],
    );
    assert_eq!(scene.codes().await, [""; 0]);
    assert_eq!(scene.bed.warnings(), ["NOT_CHECKED", "NOT_CHECKED"]);
}

#[tokio::test]
async fn a_claim_that_has_its_volume_needs_no_class() {
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "shop"},
        "spec": {"storageClassName": "gone", "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}}}});
    let mut scene = Scene::new();
    scene.deploy("db", std::slice::from_ref(&claim));
    assert_eq!(scene.codes().await, ["STORAGE_CLASS_MISSING"]);
    let mut bound = claim;
    bound["status"] = json!({"phase": "Bound"});
    scene.live(bound);
    assert_eq!(scene.codes().await, [""; 0]);
}

#[tokio::test]
async fn the_login_of_a_registry_is_tried_on_what_would_be_pulled() {
    let list = r#"{"manifests": [{"platform": {"os": "linux", "architecture": "arm64"}}]}"#;
    let basic =
        "HTTP/1.1 401 X\r\nwww-authenticate: Basic realm=\"r\"\r\ncontent-length: 0\r\n\r\n";
    let (ok, no) = (answer(200, ""), answer(401, ""));
    for (answers, code) in [
        (vec![basic, &*no, &*no], "PULL_CREDENTIALS_REFUSED"),
        (vec![basic, &*ok, &*answer(200, list)], "IMAGE_PLATFORM"),
    ] {
        let server = Server::start(&answers).await;
        let host = format!("127.0.0.1:{}", server.address.port());
        let mut scene = Scene::new();
        scene.deploy(
            "api",
            &[deployment("api", &json!({"name": "a", "image": format!("{host}/api:v1")}))],
        );
        scene.config(|config| {
            config.registries.push(Registry {
                credential: Credential::Static {
                    username: "me".to_owned(),
                    password: Secret::new("pw"),
                },
                ..fixture::registry(&host, "pull")
            });
        });
        assert_eq!(scene.codes().await, [code]);
        assert!(server.requests()[1].contains("Basic bWU6cHc="), "{:?}", server.requests());
    }
}

#[tokio::test]
async fn a_cluster_that_makes_nodes_on_demand_is_warned_about() {
    let mut scene = Scene::new();
    scene.live(json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "cluster-autoscaler-status", "namespace": "kube-system"}}));
    let big = json!({"name": "a", "image": "there:1", "resources": {"requests": {"cpu": "3"}}});
    scene.deploy("api", &[deployment("big", &big)]);
    assert_eq!(scene.codes().await, [""; 0]);
    assert_eq!(scene.bed.warnings(), ["NODE_RESOURCES"]);
}

#[tokio::test]
async fn objects_without_pods_ask_the_cluster_nothing() {
    let mut scene = Scene::new();
    scene.deploy(
        "maps",
        &[json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}})],
    );
    assert_eq!(scene.codes().await, [""; 0]);
    assert_eq!(scene.fake.calls(), [""; 0]);
}

#[tokio::test]
async fn without_a_cluster_the_files_alone_are_judged() {
    let mut scene = Scene::new();
    scene.deploy("api", &[wants_secret()]);
    scene.config(|config| {
        let cluster = config.cluster.as_mut().unwrap();
        cluster.context = Some("nowhere".to_owned());
    });
    assert!(matches!(scene.look().await, Ok(Probed::Needed(_))));
    scene.deploy_texts("broken", &["kind: ["]);
    assert_eq!(scene.codes().await, ["MANIFEST_UNREADABLE"]);
}
