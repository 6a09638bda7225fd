//! The driver with scripted commands, where the engine is silent or not Docker Desktop's.

use std::fs;

use super::*;
use crate::config::model::Provider;
use crate::drivers::fixture::spec;
use crate::host::testing::{TestBench, on};

const STATUS: &str = "docker desktop status --format json";
const UNKNOWN: &str = "docker: 'desktop' is not a docker command.\nSee 'docker --help'\n";

fn driver() -> DockerDesktop {
    DockerDesktop::new(spec(Provider::DockerDesktop, "mlops"))
}

/// A home folder, and an engine that nobody serves.
fn silent(home: &tempfile::TempDir) -> [(&'static str, String); 2] {
    let home = home.path().display().to_string();
    [("HOME", home), ("DOCKER_HOST", "unix:///nowhere/docker.sock".to_owned())]
}

fn bench(
    script: impl IntoIterator<Item = crate::host::testing::Script>,
    env: &[(&'static str, String)],
) -> TestBench {
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    TestBench::with_env(script, &env)
}

#[expect(clippy::disallowed_methods, reason = "a test prepares its own files")]
fn settings_file(home: &tempfile::TempDir, text: &str) {
    let folder = home.path().join(".docker/desktop");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("settings-store.json"), text).unwrap();
}

#[tokio::test]
async fn a_stopped_docker_desktop_is_a_stopped_cluster() {
    let home = tempfile::tempdir().unwrap();
    let test = bench([on(STATUS, 0, "{\"Status\":\"stopped\"}", "")], &silent(&home));
    assert_eq!(driver().probe(&test.bench).await.unwrap().state, ClusterState::Stopped);
}

#[tokio::test]
async fn an_older_one_that_cannot_be_asked_is_known_by_its_settings() {
    let home = tempfile::tempdir().unwrap();
    settings_file(&home, "{\"KubernetesEnabled\": true}");
    let test = bench([on(STATUS, 1, "", UNKNOWN)], &silent(&home));
    assert_eq!(driver().probe(&test.bench).await.unwrap().state, ClusterState::Stopped);
    assert!(driver().preflight(&test.bench).await.is_empty());
}

#[tokio::test]
async fn an_engine_that_is_silent_for_no_known_reason_is_waited_for() {
    let home = tempfile::tempdir().unwrap();
    let test = bench([on(STATUS, 1, "", UNKNOWN)], &silent(&home));
    let failure = driver().probe(&test.bench).await.unwrap_err();
    assert_eq!((failure.code, failure.onset), ("DOCKER_UNREACHABLE", Some(Onset::Wait)));
    assert_eq!(driver().preflight(&test.bench).await[0].code, "DOCKER_UNREACHABLE");
}

#[tokio::test]
async fn a_docker_desktop_that_nothing_can_start_is_an_instruction() {
    let home = tempfile::tempdir().unwrap();
    let script = [
        on("docker desktop start --timeout 120", 1, "", UNKNOWN),
        on(
            "systemctl --user start docker-desktop",
            5,
            "",
            "Unit docker-desktop.service not found.",
        ),
        crate::host::testing::missing("open -g -a Docker"),
    ];
    let test = bench(script, &silent(&home));
    let failure = driver().start(&test.bench, Insistence::Plain).await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Prerequisite, "DOCKER_DESKTOP_NOT_STARTED"));
}

#[tokio::test]
async fn it_is_never_deleted_and_never_stopped() {
    let test = TestBench::new([]);
    let failure = driver().delete(&test.bench).await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Refused, "CLUSTER_NOT_OURS"));
    let failure = driver().purge(&test.bench, Purge::All).await.unwrap_err();
    assert_eq!((failure.code, failure.onset), ("CLUSTER_NOT_OURS", None));
    assert!(driver().doomed(&test.bench, Some(Purge::All)).await.unwrap().is_empty());
    driver().stop(&test.bench).await.unwrap();
}

#[tokio::test]
async fn images_are_those_of_the_engine_unless_nodes_are_containers() {
    let kubernetes = "docker desktop kubernetes status --format json";
    let images = "docker image ls --no-trunc --format '{{.Repository}}:{{.Tag}} {{.ID}}'";
    let kubeadm = "{\"state\":\"running\",\"mode\":\"kubeadm\"}";
    let test = TestBench::new([
        on(kubernetes, 0, kubeadm, ""),
        on(images, 0, "eval:dev sha256:1\n<none>:<none> sha256:2\n", ""),
        on(kubernetes, 0, kubeadm, ""),
        on(images, 0, "eval:dev sha256:1\n", ""),
        on(kubernetes, 0, kubeadm, ""),
        on(images, 0, "eval:dev sha256:1\n", ""),
        on(kubernetes, 0, "{\"state\":\"running\",\"mode\":\"kind\"}", ""),
    ]);
    driver().load_image(&test.bench, "docker.io/library/eval:dev").await.unwrap();
    let failure = driver().load_image(&test.bench, "other").await.unwrap_err();
    assert_eq!(failure.code, "IMAGE_MISSING");
    let listed = driver().list_images(&test.bench).await.unwrap();
    assert_eq!(listed, [NodeImage::new("eval:dev", "1")]);
    let failure = driver().load_image(&test.bench, "eval:dev").await.unwrap_err();
    assert_eq!(failure.code, "CLUSTER_IMAGES_HIDDEN");
}

#[tokio::test]
async fn kubernetes_that_is_switched_off_is_absent_and_an_instruction() {
    let home = tempfile::tempdir().unwrap();
    settings_file(&home, "{\"KubernetesEnabled\": false}");
    let kubernetes = "docker desktop kubernetes status --format json";
    let test = bench([on(kubernetes, 1, "", UNKNOWN)], &silent(&home));
    assert_eq!(driver().kubernetes(&test.bench).await.unwrap(), ClusterState::Absent);
    let failure = disabled(&test.bench);
    assert_eq!((failure.class, failure.code), (Class::Prerequisite, "KUBERNETES_DISABLED"));
    assert!(failure.fix.unwrap().command.contains("Enable Kubernetes"));
    settings_file(&home, "{\"kubernetesEnabled\": {\"value\": false, \"locked\": true}}");
    assert!(disabled(&test.bench).fix.unwrap().command.contains("administrator"));
}

#[tokio::test]
async fn running_kubernetes_without_its_context_is_misconfigured() {
    let home = tempfile::tempdir().unwrap();
    let kubernetes = "docker desktop kubernetes status --format json";
    let running = "{\"state\":\"running\",\"mode\":\"kubeadm\"}";
    let failed = "{\"state\":\"failed to start\",\"error\":\"no memory\"}";
    let script = [on(kubernetes, 0, running, ""), on(kubernetes, 0, failed, "")];
    let test = bench(script, &silent(&home));
    let state = driver().kubernetes(&test.bench).await.unwrap();
    assert!(matches!(state, ClusterState::Misconfigured { .. }), "{state:?}");
    let state = driver().kubernetes(&test.bench).await.unwrap();
    let ClusterState::Broken { onset, why } = state else { panic!("{state:?}") };
    assert_eq!(onset, Onset::Unresponsive);
    assert!(why.contains("no memory"), "{why}");
}

mod docker_tests {
    use super::*;

    #[tokio::test]
    async fn another_engine_is_not_taken_for_docker_desktop() {
        let test = TestBench::new([]);
        let failure = driver().probe(&test.bench).await.unwrap_err();
        assert_eq!((failure.class, failure.code), (Class::Prerequisite, "DOCKER_DESKTOP_MISSING"));
        let found = driver().preflight(&test.bench).await;
        assert_eq!(found.len(), 1);
        let start = driver().start(&test.bench, Insistence::Plain).await.unwrap_err();
        assert_eq!(start.code, "DOCKER_DESKTOP_MISSING");
    }
}
