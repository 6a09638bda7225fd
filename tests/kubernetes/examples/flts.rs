//! `examples/flts`: a chart on Docker Desktop's Kubernetes, with images that are built on this
//! machine's engine and pulled from nowhere.

use std::sync::Arc;

use mlup::event::State;
use serde_json::json;

use super::desktop::docker_desktop;
use super::{goes_away, helm_calls, real_node, recorded_helm, there};
use crate::commands::{changed, last_state};
use crate::support::docker::busybox;
use crate::support::document::{copy_example, run_marked};
use crate::support::kube::World;
use crate::support::kube::controllers::settings::{Held, OnNode, Script, Settings};
use crate::support::kubernetes::Kubernetes;
use crate::support::stack::docker;
use crate::support::{DockerGuard, require_docker};

/// The example under names of its own. The guard goes last.
struct Flts {
    site: Kubernetes,
    guard: DockerGuard,
}

/// Where the chart's public images come from; nobody answers there but the simulation.
const PUBLIC: &str = "127.0.0.1:1";

impl Flts {
    fn new(scripts: impl IntoIterator<Item = Script>) -> Self {
        let guard = DockerGuard::new();
        let mut site = Kubernetes::fake();
        copy_example("flts", &site.sandbox);
        std::fs::copy(busybox(), site.sandbox.project().join("image/busybox")).unwrap();
        rename(&site, guard.name());
        site.sandbox = docker_desktop(recorded_helm(site.sandbox));
        let api = site.fake_api().unwrap();
        let kubeconfig = site.sandbox.root().join("home/.kube/config");
        std::fs::write(kubeconfig, api.kubeconfig("docker-desktop")).unwrap();
        let mut settings = Settings::scripted(scripts);
        settings.images.public = vec![PUBLIC.to_owned()];
        // One store: the node has what the engine has.
        let format = "{{.Repository}}:{{.Tag}} {{.ID}}";
        let list = || docker(&["image", "ls", "--no-trunc", "--format", format]);
        let held = |line: &str| {
            let (name, id) = line.split_once(' ').unwrap();
            Held { name: name.to_owned(), id: id.to_owned() }
        };
        let all = move |_: &str| list().unwrap_or_default().lines().map(held).collect();
        settings.images.asked = Some(OnNode(Arc::new(all)));
        api.change(|world| {
            fill(world);
            world.simulate(settings);
        });
        Self { site, guard }
    }

    fn claims(&self) -> Vec<String> {
        let all =
            self.site.fake_api().unwrap().change(|world| world.objects("PersistentVolumeClaim"));
        let told = |claim: &serde_json::Value| {
            format!("{} {}", claim["spec"]["storageClassName"], claim["status"]["phase"])
        };
        all.iter().map(told).collect()
    }
}

/// Gives images names that no other test uses.
fn rename(site: &Kubernetes, name: &str) {
    let changes = [
        ("mlup.toml", "\"flts-main-", format!("\"{name}-flts-main-"), 4),
        ("mlup.toml", "\"eval:", format!("\"{name}-eval:"), 1),
        ("mlup.toml", "\"inference:", format!("\"{name}-inference:"), 1),
        (
            "chart/templates/pipeline.yaml",
            "image: {{ $name }}",
            format!("image: {name}-{{{{ $name }}}}"),
            1,
        ),
        ("chart/templates/preprocess.yaml", "image: eval", format!("image: {name}-eval"), 1),
        ("chart/templates/minio.yaml", "docker.io/", format!("{PUBLIC}/"), 1),
        ("chart/templates/locust.yaml", "docker.io/", format!("{PUBLIC}/"), 1),
    ];
    for (file, from, to, times) in changes {
        let text = std::fs::read_to_string(site.sandbox.project().join(file)).unwrap();
        assert_eq!(text.matches(from).count(), times, "`{from}` in {file}");
        site.sandbox.write(file, &text.replace(from, &to));
    }
}

/// What Docker Desktop's cluster has, and what answers in it.
fn fill(world: &mut World) {
    real_node(world);
    world.store(json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": { "name": "hostpath" }, "provisioner": "docker.io/hostpath",
        "reclaimPolicy": "Delete", "volumeBindingMode": "Immediate",
    }));
    world.proxy(("default", "inference"), "8000/ready", 200, "ready".into());
    world.proxy(("default", "minio"), "9000/minio/health/live", 200, "".into());
}

#[test]
fn commands_of_the_readme_of_flts_work() {
    require_docker!();
    let flts = Flts::new([]);
    run_marked(&flts.site.sandbox, "examples/flts/README.md", "cluster");
    goes_away(&flts.site);
}

#[test]
fn flts_builds_and_names_its_images_and_is_not_installed_twice() {
    require_docker!();
    let lost = "Could not find '/mnt/locust/locustfile.py'. See --help for available options.";
    let flts = Flts::new([Script::crash("locust", lost, 1)]);
    let site = &flts.site;
    let cold = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    for step in ["deploy/flts", "check/inference", "check/minio from a pod"] {
        assert_eq!(last_state(&cold, step), Some(State::Ready), "{}", cold.report());
    }
    let mut images = flts.guard.list("image");
    images.sort_unstable();
    let names = ["eval", "flts-main-eval", "flts-main-inference", "inference"];
    assert_eq!(images, names.map(|name| format!("{}-{name}:latest", flts.guard.name())));
    assert_eq!(flts.claims(), ["\"hostpath\" \"Bound\""]);
    let jobs = site.fake_api().unwrap().change(|world| world.objects("Job"));
    assert_eq!((jobs.len(), &jobs[0]["status"]["succeeded"]), (1, &json!(1)));
    assert!(cold.stdout.contains("locust-master"), "{}", cold.report());

    let upgrades = || helm_calls(site).iter().filter(|call| call.contains("upgrade")).count();
    let (writes, objects) = (site.writes(), there(site));
    assert_eq!(upgrades(), 1);
    let warm = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(changed(&warm), Vec::<String>::new(), "{}", warm.report());
    let jobs_of = |all: Vec<String>| {
        all.into_iter().filter(|one| one.starts_with("Job ")).collect::<Vec<_>>()
    };
    assert_eq!((site.writes(), jobs_of(there(site))), (writes, jobs_of(objects)));
    assert_eq!(upgrades(), 1, "the Job's name is another one at each rendering");

    let reset = site.sandbox.run(&["reset", "--yes"]).exits(0);
    goes_away(site);
    assert_eq!(flts.claims(), ["\"hostpath\" \"Bound\""], "it holds data: {}", reset.report());

    let uid = || {
        let claims =
            site.fake_api().unwrap().change(|world| world.objects("PersistentVolumeClaim"));
        claims.into_iter().map(|claim| claim["metadata"]["uid"].clone()).collect::<Vec<_>>()
    };
    let kept = uid();
    let again = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(last_state(&again, "deploy/flts"), Some(State::Ready), "{}", again.report());
    assert_eq!((uid(), upgrades()), (kept, 2), "the claim is taken on with its data");
    assert_eq!(flts.claims(), ["\"hostpath\" \"Bound\""]);
}
