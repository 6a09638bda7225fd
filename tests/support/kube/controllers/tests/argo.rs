//! What Argo CD makes of applications.

use serde_json::{Value, json};

use super::super::super::World;
use super::super::settings::{Outcome, Settings};
use super::cluster::{cluster, comes_to, container, workload};
use super::facts::text;

#[test]
fn applications_are_synced_once_argo_runs() {
    let mut settings = Settings::default();
    let children = vec![application("mlflow"), application("airflow")];
    settings.argo.children.insert("root".to_owned(), children);
    let words = "Failed to load target state: failed to generate manifest for source 1 of 1";
    let outcome = Outcome::ComparisonError(words.to_owned());
    settings.argo.outcomes.insert("airflow".to_owned(), outcome);
    let (fake, _) = cluster(settings);
    let is = |world: &World, name: &str, sync: &str, health: &str| {
        let found = world.find("Application", "argocd", name).unwrap_or_default();
        text(&found, "/status/sync/status") == sync
            && text(&found, "/status/health/status") == health
    };
    fake.change(|world| {
        argo(world);
        world.store(application("root"));
        assert!(is(world, "root", "", ""), "nobody looks at it yet");
    });
    comes_to(&fake, "the application", |world| {
        is(world, "root", "Synced", "Healthy")
            && is(world, "mlflow", "Synced", "Healthy")
            && is(world, "airflow", "Unknown", "Healthy")
    });
}

#[test]
fn applications_can_end_in_every_other_way() {
    let mut settings = Settings::default();
    for (name, outcome) in [
        ("drift", Outcome::OutOfSync),
        ("sick", Outcome::Degraded("Deployment has minimum availability.".to_owned())),
        ("broken", Outcome::SyncFailed("one or more objects failed to apply".to_owned())),
    ] {
        settings.argo.outcomes.insert(name.to_owned(), outcome);
    }
    let (fake, _) = cluster(settings);
    fake.change(|world| {
        argo(world);
        for name in ["drift", "sick", "broken"] {
            world.store(application(name));
        }
    });
    let is = |world: &World, name: &str, pointer: &str, wanted: &str| {
        let found = world.find("Application", "argocd", name).unwrap_or_default();
        text(&found, pointer) == wanted
    };
    comes_to(&fake, "three ends", |world| {
        is(world, "drift", "/status/sync/status", "OutOfSync")
            && is(world, "sick", "/status/health/status", "Degraded")
            && is(world, "broken", "/status/operationState/phase", "Failed")
    });
}

/// An application that is synced by itself.
fn application(name: &str) -> Value {
    json!({ "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": { "name": name, "namespace": "argocd" },
        "spec": { "syncPolicy": { "automated": {} }, "source": {}, "destination": {} } })
}

/// The definition of applications, and who looks after them.
fn argo(world: &mut World) {
    world.namespace("argocd");
    world.store(json!({ "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition", "metadata": { "name": "applications.argoproj.io" },
        "spec": { "group": "argoproj.io", "scope": "Namespaced",
            "names": { "kind": "Application", "plural": "applications" },
            "versions": [{ "name": "v1alpha1", "served": true, "storage": true }] } }));
    let image = "quay.io/argoproj/argocd:v3.2.0";
    let name = "argocd-application-controller";
    let mut own = workload("StatefulSet", name, 1, &container("controller", image));
    own["metadata"]["namespace"] = "argocd".into();
    world.store(own);
}
