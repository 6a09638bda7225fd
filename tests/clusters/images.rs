//! Images that a tool says it brought to the nodes, through the library, and what becomes of the pods
//! that run an older one, through the program. All else of when an image is loaded is the step's, and
//! tested there.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mlup::config::{self, Sources};
use mlup::drivers::cluster::ClusterDriver;
use mlup::drivers::driver::Driver;
use mlup::drivers::spec::Spec;
use mlup::host::Host;
use mlup::host::docker::Engine;
use mlup::host::process::ProcessRunner;
use mlup::host::ssh::Connections;
use mlup::host::workbench::Workbench;
use mlup::policy::Failure;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::signals::{kill_9, wait};
use crate::commands::changed;
use crate::support::cluster::ClusterSite;
use crate::support::script::Fault;
use crate::support::stack::docker;
use crate::support::{IMAGE, Sandbox, require_docker};

fn driver(site: &ClusterSite) -> (Driver, Workbench) {
    driver_in(&site.sandbox)
}

/// The driver that mlup would use in this sandbox, and what it works with.
pub(super) fn driver_in(sandbox: &Sandbox) -> (Driver, Workbench) {
    let env = sandbox.environment().clone();
    let root: PathBuf = sandbox.project();
    let sources = Sources { cwd: root.clone(), env: env.clone(), ..Sources::default() };
    let spec = Spec::of(&config::load(&sources).unwrap().config).unwrap();
    let env = Arc::new(env);
    let cancel = CancellationToken::new();
    let host = Host {
        runner: Arc::new(ProcessRunner::new(Arc::clone(&env), cancel.clone())),
        docker: Engine::new(Arc::clone(&env)),
        ssh: Connections::default(),
        env,
    };
    let bench = Workbench {
        host,
        root,
        deadline: Instant::now() + Duration::from_secs(240),
        cancel,
        lines: Arc::new(|_, _| {}),
        announce: Arc::new(|_| {}),
    };
    (Driver::new(spec), bench)
}

/// Loads the test image, and says whether the nodes have it then.
async fn load(site: &ClusterSite) -> (Result<(), Failure>, bool) {
    let (driver, bench) = driver(site);
    let loaded = driver.load_image(&bench, IMAGE).await;
    let images = driver.list_images(&bench).await.unwrap();
    (loaded, images.iter().any(|image| image.name == IMAGE))
}

/// An import that brings nothing the first time.
fn lies_once() -> Fault {
    Fault { lies: true, calls: vec![1], ..Fault::default() }
}

async fn is_believed_only_after_a_look(site: ClusterSite) {
    site.sandbox.run(&["start"]).exits(0);
    let (loaded, is_there) = load(&site).await;
    let failure = loaded.unwrap_err();
    assert_eq!((failure.code, is_there), ("CLUSTER_IMAGE_NOT_LOADED", false), "{failure:?}");
    assert!(failure.summary.contains(IMAGE), "{}", failure.summary);
    assert_eq!(load(&site).await, (Ok(()), true));
}

#[tokio::test]
async fn k3d_image_import_succeeds_without_the_image() {
    require_docker!();
    let site = ClusterSite::k3d("agents = 1\n").fault("image import", lies_once());
    is_believed_only_after_a_look(site).await;
}

#[tokio::test]
async fn minikube_image_load_succeeds_without_the_image() {
    require_docker!();
    let site = ClusterSite::minikube("").fault("image load", lies_once());
    is_believed_only_after_a_look(site).await;
}

/// Loads an image, changes what its name is on, and loads it again.
async fn follows_its_name(site: ClusterSite) {
    site.sandbox.run(&["start"]).exits(0);
    let (driver, bench) = driver(&site);
    let name = format!("{}:dev", site.name());
    let container = format!("{}-source", site.name());
    docker(&["tag", IMAGE, &name]).unwrap();
    docker(&["create", "--name", &container, IMAGE, "true"]).unwrap();
    let mut ids = Vec::new();
    for _ in 0..2 {
        driver.load_image(&bench, &name).await.unwrap();
        let listed = driver.list_images(&bench).await.unwrap();
        let found: Vec<_> = listed.into_iter().filter(|image| image.name == name).collect();
        let [only] = &found[..] else { panic!("{found:?}") };
        let here = docker(&["image", "inspect", "--format", "{{.Id}}", &name]).unwrap();
        assert!(only.is(here.trim()), "{only:?} {here}");
        ids.push(only.id.clone().unwrap());
        docker(&["commit", "--change", "ENV ANOTHER=1", &container, &name]).unwrap();
    }
    docker(&["rm", &container]).unwrap();
    docker(&["image", "rm", &name]).unwrap();
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn k3d_brings_the_image_that_the_name_is_on_now() {
    require_docker!();
    follows_its_name(ClusterSite::k3d("")).await;
}

#[tokio::test]
async fn minikube_brings_the_image_that_the_name_is_on_now() {
    require_docker!();
    follows_its_name(ClusterSite::minikube("")).await;
}

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: { name: api }
spec:
  selector: { matchLabels: { app: api } }
  template:
    metadata: { labels: { app: api } }
    spec:
      containers: [{ name: api, image: \"NAME:dev\" }]
";

/// The images that pods run which are not on their way out.
fn run_by_pods(site: &ClusterSite) -> Vec<String> {
    let pods = site.objects("Pod").into_iter();
    let stay = pods.filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    let id = |pod: &Value| {
        pod["status"]["containerStatuses"][0]["imageID"].as_str().unwrap_or_default().to_owned()
    };
    stay.map(|pod| id(&pod)).collect()
}

#[test]
fn pods_of_the_old_image_start_anew_after_a_run_that_was_killed_before_it_could() {
    require_docker!();
    let tables =
        "[[image]]\nname = \"NAME:dev\"\n[[deploy]]\nname = \"api\"\nmanifests = \"api.yaml\"\n";
    let mut site = ClusterSite::minikube(tables).file("api.yaml", DEPLOYMENT);
    let (name, source) = (format!("{}:dev", site.name()), format!("{}-source", site.name()));
    let id = || docker(&["image", "inspect", "--format", "{{.Id}}", &name]).unwrap();
    docker(&["tag", IMAGE, &name]).unwrap();
    let start = |site: &ClusterSite| site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    start(&site);
    let old = id().trim().to_owned();
    assert_eq!(run_by_pods(&site), [old.as_str()]);

    docker(&["create", "--name", &source, IMAGE, "true"]).unwrap();
    docker(&["commit", "--change", "ENV ANOTHER=1", &source, &name]).unwrap();
    docker(&["rm", &source]).unwrap();
    let new = id().trim().to_owned();
    let hangs = Fault { command: "image load".to_owned(), hangs: true, ..Fault::default() };
    site.rescript(|script| script.faults.push(hangs));
    let running = site.sandbox.spawn(&["start", "--progress", "json"]);
    let node = site.node();
    wait(|| docker(&["exec", &node, "crictl", "images", "-o", "json"]).unwrap().contains(&new));
    kill_9(&site, "minikube", running);
    assert_eq!(run_by_pods(&site), [old.as_str()], "nobody started them anew");

    site.rescript(|script| script.faults.clear());
    let loads =
        |site: &ClusterSite| site.changes().iter().filter(|change| *change == "image load").count();
    let before = loads(&site);
    let again = start(&site);
    assert_eq!(changed(&again), [format!("load/{name}")], "{}", again.report());
    assert_eq!(loads(&site), before, "it is on the node already");
    wait(|| run_by_pods(&site) == [new.as_str()]);
    let warm = start(&site);
    assert_eq!(changed(&warm), Vec::<String>::new(), "{}", warm.report());
    docker(&["image", "rm", &name]).unwrap();
}
