//! The driver against a Kubernetes API in this process.

use tempfile::TempDir;

use super::*;
use crate::config::model::Provider;
use crate::drivers::fixture::spec;
use crate::host::files;
use crate::host::kube::fake::{FakeKube, Fault, World};
use crate::host::kube::fixture::bench;
use crate::host::testing::Said;

struct Scene {
    fake: FakeKube,
    folder: TempDir,
    bench: Workbench,
    said: Said,
    driver: Existing,
}

fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let (bench, said) = bench(folder.path(), &[]);
    let spec = spec(Provider::Existing, "theirs");
    let fake = FakeKube::start();
    let scene = Scene { fake, folder, bench, said, driver: Existing::new(spec) };
    scene.write(&scene.fake.kubeconfig("theirs"));
    scene
}

impl Scene {
    fn write(&self, config: &str) {
        let path = self.folder.path().join(".kube/config");
        files::write(&path, config.as_bytes(), 0o600).unwrap();
    }

    async fn refusal(&self) -> Failure {
        let mut failures = self.driver.preflight(&self.bench).await;
        assert_eq!(failures.len(), 1, "{failures:?}");
        failures.remove(0)
    }
}

#[tokio::test]
async fn a_cluster_that_answers_is_running_and_its_nodes_have_addresses() {
    let scene = scene();
    assert_eq!(scene.driver.preflight(&scene.bench).await, []);
    let sighting = scene.driver.probe(&scene.bench).await.unwrap();
    assert_eq!(sighting, Sighting::of(ClusterState::Running));
    let address = scene.driver.node_address(&scene.bench).await.unwrap();
    assert_eq!(address.to_string(), "192.0.2.2");
    assert!(scene.said.warnings().is_empty());
}

#[tokio::test]
async fn a_context_that_is_missing_is_named_before_anything_is_asked() {
    let scene = scene();
    scene.write(&scene.fake.kubeconfig("their"));
    let failure = scene.refusal().await;
    assert_eq!((failure.class, failure.code), (Class::Config, "CONTEXT_MISSING"));
    scene.write("clusters: [");
    assert_eq!(scene.refusal().await.code, "KUBECONFIG_UNREADABLE");
    assert!(scene.fake.calls().is_empty());
}

#[tokio::test]
async fn a_plugin_that_is_not_installed_is_named_before_anything_is_asked() {
    let scene = scene();
    let config = scene.fake.kubeconfig("theirs");
    let plugin = r#"{"exec":{"command":"mlup-no-such-plugin"}}"#;
    scene.write(&config.replace(r#"{"token":"fake-token"}"#, plugin));
    let failure = scene.refusal().await;
    assert_eq!((failure.class, failure.code), (Class::Prerequisite, "EXEC_PLUGIN_MISSING"));
    assert!(scene.fake.calls().is_empty());
}

#[tokio::test]
async fn credentials_and_rights_are_tried_out() {
    let scene = scene();
    let review = "POST /apis/authorization";
    scene.fake.change(|world| world.fault(review, Fault::Status(401), 1));
    let failure = scene.refusal().await;
    assert_eq!((failure.class, failure.code), (Class::Prerequisite, "API_UNAUTHORIZED"));
    scene.fake.change(|world| world.fault(review, Fault::Status(403), 1));
    let failure = scene.refusal().await;
    assert_eq!((failure.class, failure.code), (Class::Prerequisite, "API_FORBIDDEN"));
    scene.fake.change(World::deny);
    assert_eq!(scene.driver.preflight(&scene.bench).await, []);
    assert_eq!(scene.said.warnings(), ["CONTEXT_MAY_NOT_DEPLOY"]);
}

#[tokio::test]
async fn a_cluster_that_is_away_is_for_its_owner_to_bring_back() {
    let mut scene = scene();
    scene.fake.refuse();
    let failure = scene.driver.probe(&scene.bench).await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Prerequisite, "CLUSTER_UNREACHABLE"));
    assert_eq!(failure.onset, None);
    assert_eq!(scene.refusal().await.code, "CLUSTER_UNREACHABLE");
    let started = scene.driver.start(&scene.bench, Insistence::Plain).await;
    assert_eq!(started.unwrap_err().code, "CLUSTER_UNREACHABLE");
}

#[tokio::test]
async fn what_mlup_did_not_make_it_does_not_take_away() {
    let scene = scene();
    assert_eq!(scene.driver.stop(&scene.bench).await, Ok(()));
    let deleted = scene.driver.delete(&scene.bench).await.unwrap_err();
    assert_eq!((deleted.class, deleted.code), (Class::Refused, "CLUSTER_NOT_OURS"));
    let purged = scene.driver.purge(&scene.bench, Purge::All).await.unwrap_err();
    assert_eq!((purged.class, purged.code), (Class::Refused, "CLUSTER_NOT_OURS"));
    assert_eq!(scene.driver.doomed(&scene.bench, Some(Purge::All)).await, Ok(Vec::new()));
    let loaded = scene.driver.load_image(&scene.bench, "api:dev").await.unwrap_err();
    assert_eq!((loaded.class, loaded.code), (Class::Refused, "IMAGE_NEEDS_REGISTRY"));
    assert!(scene.fake.calls().is_empty());
}
