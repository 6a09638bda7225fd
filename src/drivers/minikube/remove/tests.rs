//! Removals on a scripted minikube, against labelled objects on the real engine.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::drivers::cluster::ClusterDriver;
use crate::drivers::minikube::tests::{driver, spec};
use crate::drivers::spec::Spec;
use crate::host::containers::Status;
use crate::host::docker::Engine;
use crate::host::testing::engine::{clean_up, docker, unique};
use crate::host::testing::{Script, TestBench, on};

const LIST: &str = "minikube profile list -o json";

/// A home with a profile, and objects of that profile on the engine: a container that was never
/// started, its volume, its network.
struct Cluster {
    name: String,
    home: tempfile::TempDir,
}

impl Cluster {
    fn new() -> Self {
        let cluster = Self { name: unique("mk"), home: tempfile::tempdir().unwrap() };
        let name = &cluster.name;
        let empty = cluster.home.path().join("empty.tar");
        files::write(&empty, &[0; 1024], 0o600).unwrap();
        docker(&["import", empty.to_str().unwrap(), name]);
        let profile = format!("{PROFILE_LABEL}={name}");
        // What another minikube on this engine would delete is not marked as minikube's own.
        let labels = ["--label", &profile];
        docker(&[&["volume", "create"][..], &labels, &[name]].concat());
        docker(&[&["create", "--name", name][..], &labels, &[name, "/none"]].concat());
        for folder in ["profiles", "machines"] {
            let file = cluster.folder().join(folder).join(name).join("config.json");
            files::write(&file, b"{", 0o600).unwrap();
        }
        cluster
    }

    fn folder(&self) -> std::path::PathBuf {
        self.home.path().join(".minikube")
    }

    fn bed(&self, script: impl IntoIterator<Item = Script>) -> TestBench {
        TestBench::with_env(script, &[("HOME", self.home.path().to_str().unwrap())])
    }

    fn delete(&self, exit: i32) -> Script {
        on(&format!("minikube delete -p {} -o json", self.name), exit, "", "")
    }

    async fn container(&self, engine: &Engine) -> Option<Status> {
        let found = labelled::container(engine, &self.name).await.unwrap();
        found.map(|container| container.status)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        clean_up(&["rm", "-f", &self.name]);
        clean_up(&["volume", "rm", &self.name]);
        clean_up(&["network", "rm", &self.name]);
        clean_up(&["rmi", "-f", &self.name]);
    }
}

fn listing(names: &[&str]) -> String {
    let profiles: Vec<_> =
        names.iter().map(|name| serde_json::json!({"Name": name, "Config": null})).collect();
    serde_json::json!({"invalid": [], "valid": profiles}).to_string()
}

#[tokio::test]
async fn what_is_not_there_is_deleted_already() {
    let name = unique("mk");
    let bed = TestBench::new([on(&format!("minikube delete -p {name} -o json"), 0, "", "")]);
    let driver = driver(spec(&name));
    driver.delete(&bed.bench).await.unwrap();
    assert!(driver.doomed(&bed.bench, None).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_delete_that_leaves_something_asks_for_the_purge() {
    let cluster = Cluster::new();
    let bed = cluster.bed([cluster.delete(0), cluster.delete(80)]);
    let driver = driver(spec(&cluster.name));
    let failure = driver.delete(&bed.bench).await.unwrap_err();
    assert_eq!((failure.code, failure.onset), ("CLUSTER_DELETE_INCOMPLETE", Some(Onset::Deep)));
    assert!(failure.evidence[0].text.contains(&cluster.name), "{:?}", failure.evidence);
    let failure = driver.delete(&bed.bench).await.unwrap_err();
    assert_eq!(failure.onset, Some(Onset::Deep));
}

#[tokio::test]
async fn a_purge_removes_this_cluster_whole_and_no_other() {
    let (cluster, other) = (Cluster::new(), Cluster::new());
    let bed = cluster.bed([cluster.delete(80)]);
    let engine = &bed.bench.host.docker;
    let driver = driver(spec(&cluster.name));
    let objects: Vec<String> = driver
        .doomed(&bed.bench, Some(Purge::Profile))
        .await
        .unwrap()
        .into_iter()
        .map(|change| change.object)
        .collect();
    let name = &cluster.name;
    let folder =
        |kind: &str| format!("folder `{}`", cluster.folder().join(kind).join(name).display());
    assert_eq!(
        objects,
        [
            format!("cluster `{name}`"),
            format!("container `{name}`"),
            format!("volume `{name}`"),
            folder("profiles"),
            folder("machines"),
        ]
    );
    driver.purge(&bed.bench, Purge::Profile).await.unwrap();
    assert_eq!(cluster.container(engine).await, None);
    assert!(Remains::of(&driver, &bed.bench).await.unwrap().is_gone());
    assert_eq!(other.container(engine).await, Some(Status::Created));
    let volumes = labelled::volumes_with(engine, PROFILE_LABEL).await.unwrap();
    assert!(volumes.iter().any(|volume| volume.name == other.name));
}

#[tokio::test]
async fn the_own_network_goes_and_a_foreign_one_of_that_name_stays() {
    let cluster = Cluster::new();
    let name = &cluster.name;
    let bed = cluster.bed([cluster.delete(0), cluster.delete(0)]);
    let engine = &bed.bench.host.docker;
    let driver = driver(spec(name));
    docker(&["network", "create", "--subnet", "10.213.32.0/28", name]);
    driver.purge(&bed.bench, Purge::Profile).await.unwrap();
    assert!(labelled::network(engine, name).await.unwrap().is_some());
    docker(&["network", "rm", name]);
    let (created, own) = (format!("{CREATED_LABEL}=true"), format!("{PROFILE_LABEL}={name}"));
    let labels = ["--label", &created, "--label", &own];
    docker(&[&["network", "create", "--subnet", "10.213.32.16/28"][..], &labels, &[name]].concat());
    driver.delete(&bed.bench).await.unwrap();
    assert!(labelled::network(engine, name).await.unwrap().is_none());
}

#[tokio::test]
async fn a_foreign_container_of_the_nodes_name_is_never_removed() {
    let cluster = Cluster::new();
    let name = &cluster.name;
    docker(&["rm", "-f", name]);
    docker(&["create", "--name", name, name, "/none"]);
    let bed = cluster.bed([]);
    let driver = driver(spec(name));
    for failure in [driver.delete(&bed.bench).await, driver.purge(&bed.bench, Purge::All).await] {
        assert_eq!(failure.unwrap_err().code, "CLUSTER_NAME_TAKEN");
    }
    assert_eq!(driver.stop(&bed.bench).await.unwrap_err().code, "CLUSTER_NAME_TAKEN");
    assert_eq!(cluster.container(&bed.bench.host.docker).await, Some(Status::Created));
}

#[tokio::test]
async fn all_of_minikube_goes_only_where_nothing_else_is() {
    let name = unique("mk");
    let foreign =
        listing(&[&name]).replace("\"invalid\":[]", "\"invalid\":[{\"Name\":\"theirs\"}]");
    for (exit, stdout, named) in [
        (0, listing(&[&name, "other"]), Some("other")),
        (0, foreign, Some("theirs")),
        (80, r#"{"error":{}}"#.to_owned(), None),
    ] {
        let bed = TestBench::new([on(LIST, exit, &stdout, ""), on(LIST, exit, &stdout, "")]);
        // The configuration's word does not change it.
        let driver = driver(Spec { purge: Purge::All, ..spec(&name) });
        let found = others(&driver, &bed.bench).await.unwrap();
        assert_eq!(found.is_some(), named.is_some());
        assert!(found.is_none_or(|others| others.contains(named.unwrap())));
        assert!(!is_alone(&driver, &bed.bench).await.unwrap());
        assert_eq!(bed.warnings(), ["CLUSTER_PURGE_LIMITED"]);
    }
}

/// The address of an engine that has nothing at all: on the real one others may be at work.
async fn empty_engine() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 8192];
            let read = stream.read(&mut request).await.unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            let path = request.split(' ').nth(1).unwrap_or_default();
            let (status, body) = match path {
                path if path.contains("/version") => ("200 OK", r#"{"ApiVersion":"1.41"}"#),
                path if path.contains("/volumes") => ("200 OK", r#"{"Volumes":[]}"#),
                path if path.contains("/containers/json") => ("200 OK", "[]"),
                _ => ("404 Not Found", r#"{"message":"not found"}"#),
            };
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n\
                 Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    format!("tcp://{address}")
}

#[tokio::test]
async fn all_of_minikube_goes_where_the_configuration_says_so_and_nothing_else_is() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".minikube");
    files::write(&folder.join("profiles/dev/config.json"), b"{", 0o600).unwrap();
    let engine = empty_engine().await;
    let env = [("HOME", home.path().to_str().unwrap()), ("DOCKER_HOST", &engine)];
    for (extent, asks, delete) in [
        (Purge::Profile, 0, "minikube delete -p dev -o json"),
        (Purge::All, 1, "minikube delete --all --purge -o json"),
    ] {
        let alone = || on(LIST, 0, &listing(&["dev"]), "");
        // Once to show what goes, once before it goes.
        let mut script: Vec<Script> = (0..2 * asks).map(|_| alone()).collect();
        script.push(on(delete, 0, "", ""));
        let bed = TestBench::with_env(script, &env);
        let driver = driver(spec("dev"));
        let doomed = driver.doomed(&bed.bench, Some(extent)).await.unwrap();
        let whole = format!("folder `{}`", folder.display());
        let objects: Vec<String> = doomed.into_iter().map(|change| change.object).collect();
        assert_eq!(objects.contains(&whole), extent == Purge::All, "{objects:?}");
        driver.purge(&bed.bench, extent).await.unwrap();
        assert_eq!(bed.warnings(), Vec::<&str>::new());
    }
}

#[tokio::test]
async fn a_purge_that_is_narrowed_deletes_the_profile_alone() {
    let cluster = Cluster::new();
    let list = on(LIST, 0, &listing(&[&cluster.name, "other"]), "");
    let bed = cluster.bed([list, cluster.delete(0)]);
    driver(spec(&cluster.name)).purge(&bed.bench, Purge::All).await.unwrap();
    assert_eq!(cluster.container(&bed.bench.host.docker).await, None);
    let calls: Vec<String> = bed.runner.seen().iter().map(ToString::to_string).collect();
    assert!(!calls.iter().any(|call| call.contains("--all")), "{calls:?}");
}
