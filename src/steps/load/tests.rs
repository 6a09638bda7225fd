//! Loads onto nodes of a scripted minikube, with images of the real Docker Engine and objects of the
//! fake API server.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::config::fixture;
use crate::config::model::{Cluster, Deploy, DeployKind, Manifests, Provider};
use crate::host::kube::fake::FakeKube;
use crate::host::testing::engine::{busybox_context, clean_up, docker, unique};
use crate::host::testing::{Script, TestBench, on};
use crate::host::{Host, files};
use crate::steps::testing::TestBed;

const LS: &str = "minikube image ls -p lab --format json";

/// An image of this machine that goes with the test.
struct Built {
    name: String,
}

impl Built {
    fn new() -> Self {
        let built = Self { name: format!("{}:dev", unique("load")) };
        built.again("1");
        built
    }

    /// Another image under the same name.
    fn again(&self, content: &str) -> String {
        // An image of its own: a test beside this one that removes the same layers meanwhile fails
        // the engine's old builder.
        let folder = busybox_context(&format!(
            "FROM scratch\nCOPY busybox /busybox\nENV CONTENT={content} OF={}\n",
            self.name
        ));
        docker(&["build", "-q", "-t", &self.name, &folder.path().display().to_string()]);
        self.id()
    }

    fn id(&self) -> String {
        docker(&["image", "inspect", "--format", "{{.Id}}", &self.name])
    }

    fn listed(&self, id: &str) -> String {
        json!([{"id": id, "repoTags": [format!("docker.io/library/{}", self.name)]}]).to_string()
    }

    fn load(&self) -> String {
        format!("minikube image load --daemon -p lab {}", self.name)
    }
}

impl Drop for Built {
    fn drop(&mut self) {
        clean_up(&["image", "rm", "--force", &self.name]);
    }
}

/// A deploy that uses an image, and the context of the step. The commands of the script are checked
/// at the end.
struct Scene {
    bed: TestBed,
    _script: TestBench,
    _folder: tempfile::TempDir,
}

fn scene(image: &str, fake: &FakeKube, script: Vec<Script>) -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api"},
        "spec": {"selector": {"matchLabels": {"app": "api"}}, "template": {
            "metadata": {"labels": {"app": "api"}},
            "spec": {"containers": [{"name": "a", "image": image}]}}}});
    let path = folder.path().join("api.yaml");
    files::write(&path, object.to_string().as_bytes(), 0o600).unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    files::write(&kubeconfig, fake.kubeconfig("lab").as_bytes(), 0o600).unwrap();
    let env = BTreeMap::from([("KUBECONFIG".to_owned(), kubeconfig.display().to_string())]);
    let script = TestBench::new(script);
    let mut bed = TestBed::with_host(Host { env: Arc::new(env), ..script.bench.host.clone() });
    bed.config(|config| {
        config.cluster =
            Some(Cluster { name: Some("lab".to_owned()), ..fixture::cluster(Provider::Minikube) });
        let kind = DeployKind::Manifests(Manifests { paths: vec![path], vars: BTreeMap::new() });
        config.deploys.push(Deploy { kind, ..fixture::deploy("api", None) });
    });
    Scene { bed, _script: script, _folder: folder }
}

fn changes(probed: &Probed) -> Vec<String> {
    match probed {
        Probed::Satisfied(settled) => vec![settled.detail.clone()],
        Probed::Needed(changes) => {
            changes.iter().map(|change| format!("{change}: {}", change.why)).collect()
        }
    }
}

#[tokio::test]
async fn an_image_is_loaded_where_it_is_absent_or_another_and_left_where_it_is_the_same() {
    let built = Built::new();
    let name = &built.name;
    let fake = FakeKube::start();
    for (listed, wanted) in [
        ("[]".to_owned(), format!("load image `{name}`: the nodes do not have it")),
        (built.listed(&built.id()), "on the nodes".to_owned()),
        (
            built.listed("sha256:0000"),
            format!("load image `{name}`: the nodes have an older one of this name"),
        ),
    ] {
        let scene = scene(name, &fake, vec![on(LS, 0, &listed, "")]);
        let probed = probe(&fixture::image(name), &scene.bed.ctx).await.unwrap();
        assert_eq!(changes(&probed), [wanted]);
    }
}

#[tokio::test]
async fn an_image_that_no_deploy_uses_is_left_alone() {
    let scene = scene("other:1", &FakeKube::start(), Vec::new());
    let probed = probe(&fixture::image("unused:dev"), &scene.bed.ctx).await.unwrap();
    assert_eq!(changes(&probed), ["no deploy uses it"]);
}

#[tokio::test]
async fn pods_start_anew_where_their_image_was_replaced_and_nowhere_else() {
    let built = Built::new();
    let old = built.id();
    let new = built.again("2");
    assert_ne!(old, new);
    let fake = FakeKube::start();
    let live = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "api", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "api"}}, "template": {
            "metadata": {"labels": {"app": "api"}},
            "spec": {"containers": [{"name": "a", "image": built.name}]}}}});
    fake.change(|world| world.store(live));
    let image = fixture::image(&built.name);
    for (before, writes) in [
        ("[]".to_owned(), vec![]),
        (
            built.listed(&old),
            vec!["PATCH /apis/apps/v1/namespaces/default/deployments/api".to_owned()],
        ),
    ] {
        let after = built.listed(&new);
        let script = vec![
            on(LS, 0, &before, ""),
            on(&built.load(), 0, "", ""),
            on(LS, 0, &after, ""),
            on(LS, 0, &after, ""),
        ];
        let mut scene = scene(&built.name, &fake, script);
        apply(&image, &scene.bed.ctx).await.unwrap();
        assert_eq!(verify(&image, &scene.bed.ctx).await.unwrap().detail, "on the nodes");
        assert_eq!(fake.writes(), writes);
        let told = if writes.is_empty() { vec![] } else { vec!["PODS_RESTARTED"] };
        assert_eq!(scene.bed.warnings(), told);
    }
    let live = fake.change(|world| world.find("Deployment", "default", "api")).unwrap();
    let mark = "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt";
    assert!(live.pointer(mark).is_some(), "{live}");
}

#[tokio::test]
async fn a_load_that_brought_another_image_is_no_success() {
    let built = Built::new();
    let fake = FakeKube::start();
    let scene = scene(&built.name, &fake, vec![on(LS, 0, &built.listed("sha256:0000"), "")]);
    let failure = verify(&fixture::image(&built.name), &scene.bed.ctx).await.unwrap_err();
    assert_eq!(failure.code, "CLUSTER_IMAGE_NOT_LOADED");
}

/// Objects as a run left them that was killed after it had loaded an image: the pod is of the image
/// before.
fn left(image: &str, old: &str) -> [Value; 3] {
    let owner = |kind: &str, uid: &str| {
        json!([{"apiVersion": "apps/v1", "kind": kind, "name": "api", "uid": uid,
            "controller": true}])
    };
    let spec = json!({"containers": [{"name": "a", "image": image}]});
    let labels = json!({"app": "api"});
    [
        json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "api", "namespace": "default", "uid": "uid-api"},
            "spec": {"selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": spec}}}),
        json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {"name": "api-1", "namespace": "default", "uid": "uid-set",
                "ownerReferences": owner("Deployment", "uid-api")}, "spec": {}}),
        json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "api-1-a", "namespace": "default", "uid": "uid-pod",
                "labels": labels, "ownerReferences": owner("ReplicaSet", "uid-set")},
            "spec": spec,
            "status": {"phase": "Running", "containerStatuses": [
                {"name": "a", "image": image, "imageID": format!("docker://{old}")}]}}),
    ]
}

#[tokio::test]
async fn pods_that_run_another_image_than_the_nodes_have_start_anew_and_once() {
    let built = Built::new();
    let (name, old) = (built.name.clone(), built.id());
    let new = built.again("2");
    let fake = FakeKube::start();
    fake.change(|world| left(&name, &old).into_iter().for_each(|object| world.store(object)));
    let image = fixture::image(&name);
    let look = || on(LS, 0, &built.listed(&new), "");
    let mut scene = scene(&name, &fake, vec![look(), look(), look(), look()]);
    let probed = probe(&image, &scene.bed.ctx).await.unwrap();
    let why = format!("update Deployment `default/api`: its pods run an older image `{name}`");
    assert_eq!(changes(&probed), [why]);
    apply(&image, &scene.bed.ctx).await.unwrap();
    assert_eq!(verify(&image, &scene.bed.ctx).await.unwrap().detail, "on the nodes");
    assert_eq!(fake.writes(), ["PATCH /apis/apps/v1/namespaces/default/deployments/api"]);
    assert_eq!(scene.bed.warnings(), ["PODS_RESTARTED"]);
    // Whatever its pods run now: it was restarted for this image, and once is enough.
    let probed = probe(&image, &scene.bed.ctx).await.unwrap();
    assert_eq!(changes(&probed), ["on the nodes"]);
}

#[tokio::test]
async fn pods_that_run_what_the_nodes_have_or_nobody_knows_what_are_left_alone() {
    let built = Built::new();
    let (name, id) = (built.name.clone(), built.id());
    let fake = FakeKube::start();
    for runs in [id.as_str(), "registry.example/api@sha256:1", ""] {
        fake.change(|world| left(&name, runs).into_iter().for_each(|object| world.store(object)));
        let scene = scene(&name, &fake, vec![on(LS, 0, &built.listed(&id), "")]);
        let probed = probe(&fixture::image(&name), &scene.bed.ctx).await.unwrap();
        assert_eq!(changes(&probed), ["on the nodes"], "{runs}");
    }
}
