//! The real helm against the fake API: what it writes, when it is asked, and what is taken back.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::config::fixture;
use crate::config::model::{DeployKind, Provider};
use crate::drivers::helm::release::INPUTS;
use crate::host::Host;
use crate::host::docker::Engine;
use crate::host::files::write;
use crate::host::kube::fake::{FakeKube, Fault};
use crate::host::process::ProcessRunner;
use crate::host::ssh::Connections;
use crate::manifest::labels::PROJECT;
use crate::policy::Class;
use crate::steps::testing::TestBed;

const TEMPLATE: &str = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-settings
data:
  random: {{ randAlphaNum 8 | quote }}
  mode: {{ .Values.mode | quote }}
  key: {{ .Values.nested.key | quote }}
";

/// A chart in a folder of its own, a cluster, and a step.
struct Site {
    folder: tempfile::TempDir,
    kube: FakeKube,
    bed: TestBed,
    deploy: Deploy,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let kube = FakeKube::start();
        let root = folder.path();
        let env = BTreeMap::from([
            ("PATH".to_owned(), path()),
            ("HOME".to_owned(), root.display().to_string()),
            ("KUBECONFIG".to_owned(), root.join("kubeconfig").display().to_string()),
            ("HELM_NAMESPACE".to_owned(), "elsewhere".to_owned()),
        ]);
        let env = Arc::new(env);
        let runner = ProcessRunner::new(Arc::clone(&env), CancellationToken::new());
        let docker = Engine::new(Arc::clone(&env));
        let mut bed = TestBed::with_host(Host {
            runner: Arc::new(runner),
            docker,
            ssh: Connections::default(),
            env,
        });
        bed.config(|config| {
            config.root = root.to_owned();
            config.name = "project".to_owned();
            config.cluster = Some(fixture::cluster(Provider::Existing));
            config.cluster.as_mut().unwrap().context = Some("fake".to_owned());
        });
        let chart = Chart {
            chart: "./chart".to_owned(),
            release: None,
            values: vec![root.join("values.yaml")],
            set: BTreeMap::from([("nested.key".to_owned(), "c4n4ry, {1}".to_owned())]),
        };
        let deploy = Deploy {
            name: "demo".to_owned(),
            kind: DeployKind::Helm(chart),
            namespace: Some("apps".to_owned()),
            optional: Vec::new(),
            keep: Vec::new(),
            needs: None,
            timeout: None,
        };
        let site = Self { folder, kube, bed, deploy };
        site.write("kubeconfig", &site.kube.kubeconfig("fake"));
        site.write("chart/Chart.yaml", "apiVersion: v2\nname: demo\nversion: 0.1.0\n");
        site.write("chart/values.yaml", "mode: chart\nnested: {key: none}\n");
        site.write("chart/templates/settings.yaml", TEMPLATE);
        site.write("values.yaml", "mode: file\n");
        site
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, path: &str, text: &str) {
        write(&self.root().join(path), text.as_bytes(), 0o644).unwrap();
    }

    fn chart(&self) -> &Chart {
        let DeployKind::Helm(chart) = &self.deploy.kind else { panic!("a chart") };
        chart
    }

    async fn probe(&self) -> Change {
        match probe(&self.deploy, self.chart(), &self.bed.ctx).await.unwrap() {
            Probed::Needed(mut changes) if changes.len() == 1 => changes.remove(0),
            other => panic!("{other:?}"),
        }
    }

    /// How a release stands that needs nothing.
    async fn ready(&self) -> String {
        match probe(&self.deploy, self.chart(), &self.bed.ctx).await.unwrap() {
            Probed::Satisfied(settled) => settled.detail,
            Probed::Needed(changes) => panic!("{changes:?}"),
        }
    }

    async fn apply(&self) -> Result<(), Failure> {
        apply(&self.deploy, self.chart(), &self.bed.ctx).await
    }

    /// The labels of helm's records, the oldest first.
    fn records(&self) -> Vec<BTreeMap<String, String>> {
        let secrets = self.kube.change(|world| world.objects("Secret"));
        let records = secrets.iter().filter(|secret| secret["type"] == "helm.sh/release.v1");
        let labels = |secret: &serde_json::Value| {
            assert_eq!(secret["metadata"]["namespace"], "apps");
            serde_json::from_value(secret["metadata"]["labels"].clone()).unwrap()
        };
        records.map(labels).collect()
    }

    fn settings(&self) -> serde_json::Value {
        let found = self.kube.change(|world| world.find("ConfigMap", "apps", "demo-settings"));
        found.unwrap_or_default()["data"].clone()
    }

    /// Helm as a person would run it.
    #[expect(clippy::disallowed_methods, reason = "it is killed half way, which no runner does")]
    fn helm(&self, args: &[&str]) -> Command {
        let mut command = Command::new("helm");
        command
            .args(args)
            .env("PATH", path())
            .env("HOME", self.root())
            .env("KUBECONFIG", self.root().join("kubeconfig"))
            .current_dir(self.root())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }
}

fn path() -> String {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/target/kubernetes");
    format!("/usr/local/bin:/usr/bin:/bin:{own}")
}

#[tokio::test]
async fn a_release_is_upgraded_when_an_input_changed_and_only_then() {
    let site = Site::new();
    assert_eq!(site.probe().await.op, Op::Create);
    site.apply().await.unwrap();
    let settings = site.settings();
    assert_eq!((&settings["mode"], &settings["key"]), (&"file".into(), &"c4n4ry, {1}".into()));
    let record = site.records().remove(0);
    assert_eq!((record[PROJECT].as_str(), record["status"].as_str()), ("project", "deployed"));
    assert!(record[INPUTS].ends_with(".1"), "{record:?}");
    let before = site.kube.writes().len();
    // The chart renders something else each time, and that is no change.
    assert_eq!(site.ready().await, "1 object");
    assert_eq!(site.kube.writes().len(), before);
    for (path, text) in [
        ("chart/templates/more.yaml", "# more\n"),
        ("values.yaml", "mode: other\n"),
        ("chart/values.yaml", "mode: x\nnested: {key: y}\n"),
    ] {
        site.write(path, text);
        let change = site.probe().await;
        assert_eq!((change.op, change.why.as_str()), (Op::Update, "its chart or values changed"));
        site.apply().await.unwrap();
        assert_eq!(site.ready().await, "1 object", "{path}");
    }
    assert_eq!(site.settings()["mode"], "other");
    assert_eq!(site.records().len(), 4);
    let wanted = deployed(&Work::new(&site.deploy, site.chart(), &site.bed.ctx), 4).await.unwrap();
    assert_eq!(wanted[0].id.to_string(), "ConfigMap `apps/demo-settings`");
    assert_eq!(wanted[0].value["data"]["random"], site.settings()["random"]);
}

#[tokio::test]
async fn a_change_by_hand_is_seen_although_helm_copies_labels() {
    let site = Site::new();
    site.apply().await.unwrap();
    let by_hand = ["upgrade", "demo", "./chart", "--namespace", "apps", "--set", "mode=hand"];
    assert!(site.helm(&by_hand).status().unwrap().success());
    let (first, second) = (site.records().remove(0), site.records().remove(1));
    assert_eq!(first[INPUTS], second[INPUTS]);
    let change = site.probe().await;
    assert_eq!(change.why, "it was not deployed by mlup, or changed since");
    site.apply().await.unwrap();
    assert_eq!(site.settings()["mode"], "file");
}

#[tokio::test]
async fn an_object_that_was_taken_away_comes_back() {
    let site = Site::new();
    site.apply().await.unwrap();
    site.kube.change(|world| world.delete("ConfigMap", "apps", "demo-settings"));
    let change = site.probe().await;
    let gone = "ConfigMap `apps/demo-settings` is gone";
    assert_eq!((change.op, change.why.as_str()), (Op::Update, gone));
    site.apply().await.unwrap();
    assert_eq!(site.settings()["mode"], "file");
    assert_eq!(site.ready().await, "1 object");
    // What cannot be seen may be there.
    site.kube.change(|world| {
        world.delete("ConfigMap", "apps", "demo-settings");
        world.forbid("list", "configmaps", "apps");
    });
    assert_eq!(site.ready().await, "1 object");
}

#[tokio::test]
async fn what_a_killed_run_left_is_taken_back() {
    let mut site = Site::new();
    site.kube.change(|world| world.namespace("apps"));
    let writes = ["POST", "PATCH"].map(|verb| format!("{verb} /api/v1/namespaces/apps/configmaps"));
    site.kube.change(|world| writes.each_ref().map(|call| world.fault(call, Fault::Hang, 1)));
    let labels = format!("{PROJECT}=project,{INPUTS}=abc.1");
    let args = ["upgrade", "--install", "demo", "./chart", "--namespace", "apps", "--labels"];
    let mut helm = site.helm(&[&args[..], &[&labels]].concat()).spawn().unwrap();
    let ends = tokio::time::Instant::now() + Duration::from_secs(20);
    let hangs = |call: &String| writes.iter().any(|write| call.starts_with(write));
    while !site.kube.calls().iter().any(hangs) {
        assert!(tokio::time::Instant::now() < ends, "helm never wrote: {:?}", site.kube.calls());
        tokio::task::yield_now().await;
    }
    helm.kill().unwrap();
    helm.wait().unwrap();
    site.kube.change(crate::host::kube::fake::World::heal);
    assert_eq!(site.records()[0]["status"], "pending-install");
    assert_eq!(site.probe().await.why, "an earlier run was stopped half way");
    site.apply().await.unwrap();
    assert_eq!(site.ready().await, "1 object");
    assert_eq!(site.bed.warnings(), ["RELEASE_RECOVERED"]);
}

#[tokio::test]
async fn only_a_release_of_the_project_is_removed() {
    let site = Site::new();
    let remove = || remove(&site.deploy, site.chart(), &site.bed.ctx, Teardown::Reset);
    assert_eq!(remove().await.unwrap(), []);
    let by_hand =
        ["upgrade", "--install", "demo", "./chart", "--namespace", "apps", "--create-namespace"];
    assert!(site.helm(&by_hand).status().unwrap().success());
    site.apply().await.unwrap();
    assert_eq!(site.settings()["mode"], "file");
    assert_eq!(remove().await.unwrap(), []);
    assert_eq!(site.settings()["mode"], "file");
    assert!(site.helm(&["uninstall", "demo", "--namespace", "apps"]).status().unwrap().success());
    site.apply().await.unwrap();
    let removed = remove().await.unwrap();
    assert_eq!(removed[0].object, "release apps/demo");
    assert!(site.settings().is_null() && site.records().is_empty());
}

#[tokio::test]
async fn errors_of_chart_and_values_name_the_file() {
    let site = Site::new();
    site.write("chart/templates/bad.yaml", "a: 1\nb: {{ .Values.x.y }}\n");
    let failure = render(&site.deploy, site.chart(), &site.bed.ctx).await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Config, "CHART_TEMPLATE_FAILED"));
    assert!(failure.summary.contains("demo/templates/bad.yaml:2:13"), "{}", failure.summary);
    assert_eq!(failure.fix.unwrap().command, "correct ./chart/templates/bad.yaml:2:13");
    std::fs::remove_file(site.root().join("values.yaml")).unwrap();
    let failure = site.apply().await.unwrap_err();
    assert_eq!(failure.summary, "the values file `values.yaml` of deploy `demo` is not there");
    assert_eq!(site.kube.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn refusals_of_the_cluster_are_explained() {
    let site = Site::new();
    site.kube.change(|world| {
        world.namespace("apps");
        world.store(serde_json::json!({ "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "namespace": "apps", "name": "demo-settings" } }));
    });
    let failure = site.apply().await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Refused, "RELEASE_OBJECT_FOREIGN"));
    site.kube.change(|world| world.forbid("list", "secrets", "apps"));
    let failure = probe(&site.deploy, site.chart(), &site.bed.ctx).await.unwrap_err();
    assert_eq!(failure.code, "API_FORBIDDEN");
}
