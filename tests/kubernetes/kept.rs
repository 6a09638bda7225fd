//! What a deploy, Argo CD or Flux keeps as it is: advice names the file and line, or the repository
//! and the path, live and again from a bundle.

use serde_json::{Value, json};

use super::argocd::install;
use super::doctor::recorded;
use super::explained::applied;
use crate::support::kube::World;
use crate::support::kubernetes::Kubernetes;

/// The fix of the first cause.
fn fix(site: &Kubernetes, args: &[&str]) -> Value {
    let ran = site.sandbox.run(&[&["doctor", "-o", "json"], args].concat()).exits(1);
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
    answer["findings"][0]["fix"].clone()
}

#[test]
fn a_deploys_file_and_line_are_named_and_stay_in_a_bundle() {
    let site = applied("crash-oom-killed");
    site.sandbox.run(&["start", "--timeout", "40s", "--skip", "preflight/deploys"]);
    let live = fix(&site, &["--offline", "--bundle", "b.tar.gz"]);
    let words = live["command"].as_str().unwrap();
    assert!(words.contains("in `all.yaml:"), "{words}");
    assert!(words.contains("(`[[deploy]]` `all` of mlup.toml), then mlup start"), "{words}");
    assert_eq!(live["form"], "advice");
    assert_eq!(fix(&site, &["--from", "b.tar.gz"]), live);
    let why = site.sandbox.run(&["why", "deploy/all"]).exits(0);
    assert!(why.stdout.contains("`all.yaml:"), "{}", why.report());
}

/// Marks the deployments.
fn mark(world: &mut World, place: &str, name: &str, value: &str) {
    for mut object in world.objects("Deployment") {
        object["metadata"][place][name] = json!(value);
        world.store(object);
    }
}

#[test]
fn the_repository_of_an_application_is_named_where_it_can_be_seen() {
    let site = recorded("crash-oom-killed");
    let api = site.fake_api().unwrap();
    api.change(|world| {
        let mark_of = "argocd.argoproj.io/tracking-id";
        mark(world, "annotations", mark_of, "train:apps/Deployment:training/train-gru");
    });
    let told = fix(&site, &["--offline"]);
    let words = told["command"].as_str().unwrap();
    assert!(words.contains("in the source of Argo CD application `train`"), "{words}");
    api.change(|world| {
        install(world);
        world.store(json!({ "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": { "name": "train", "namespace": "argocd" },
            "spec": { "source": { "repoURL": "https://bot:hunter2@git.example/gru.git",
                "path": "deploy/train", "targetRevision": "main" } } }));
    });
    let told = fix(&site, &["--offline"]);
    let words = told["command"].as_str().unwrap();
    assert!(words.contains("in `deploy/train` of https://"), "{words}");
    assert!(words.contains("git.example/gru.git at `main`, the source of Argo CD"), "{words}");
    assert!(!words.contains("hunter2"), "{words}");
    assert!(site.writes().is_empty());
}

#[test]
fn the_repository_of_a_kustomization_of_flux_is_named_where_it_can_be_seen() {
    let site = recorded("crash-oom-killed");
    let api = site.fake_api().unwrap();
    let definition = |group: &str, kind: &str, plural: &str| {
        json!({ "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": { "name": format!("{plural}.{group}") },
            "spec": { "group": group, "scope": "Namespaced",
                "names": { "kind": kind, "plural": plural },
                "versions": [{ "name": "v1", "served": true, "storage": true }] } })
    };
    api.change(|world| {
        world.namespace("flux-system");
        let (own, sources) = ("kustomize.toolkit.fluxcd.io", "source.toolkit.fluxcd.io");
        world.store(definition(own, "Kustomization", "kustomizations"));
        world.store(definition(sources, "GitRepository", "gitrepositories"));
        mark(world, "labels", "kustomize.toolkit.fluxcd.io/name", "apps");
        mark(world, "labels", "kustomize.toolkit.fluxcd.io/namespace", "flux-system");
        let place = |name: &str| json!({ "name": name, "namespace": "flux-system" });
        world.store(json!({ "apiVersion": format!("{own}/v1"), "kind": "Kustomization",
            "metadata": place("apps"), "spec": { "path": "./apps",
                "sourceRef": { "kind": "GitRepository", "name": "fleet" } } }));
        world.store(json!({ "apiVersion": format!("{sources}/v1"), "kind": "GitRepository",
            "metadata": place("fleet"),
            "spec": { "url": "https://git.example/fleet", "ref": { "branch": "prod" } } }));
    });
    let told = fix(&site, &["--offline"]);
    let words = told["command"].as_str().unwrap();
    let source = "`./apps` of https://git.example/fleet at `prod`, the source of Flux Kustomization `apps` in namespace `flux-system`";
    assert!(words.contains(source), "{words}");
}
