//! `mlup doctor --fix` below Kubernetes and through the tools of clusters, on the real engine: the
//! cause is gone, and a second time nothing is done.

use std::io::Read;

use serde_json::{Value, json};

use crate::clusters::fakes::send;
use crate::machine::{answer, found};
use crate::support::cluster::ClusterSite;
use crate::support::stack::{Stack, docker};
use crate::support::{IMAGE, Sandbox, require_docker};

const SHARED: &str = "  web:\n    image: IMAGE\n    command: [sleep, '600']\n    \
    stop_signal: SIGKILL\n    networks: [shared]\n\
    networks: {shared: {name: NAME-net, external: true}}\n";

/// Rule and outcome of each repair, and that the exit code is that of what is left.
#[track_caller]
fn mended(sandbox: &Sandbox) -> Vec<String> {
    let ran = sandbox.run(&["doctor", "--offline", "--fix", "-o", "json", "--timeout", "90s"]);
    let answer = answer(&ran);
    let left = found(&answer);
    assert_eq!(left, Vec::<String>::new(), "{answer:#}\n{}", ran.stderr);
    let text = |one: &Value, field: &str| one[field].as_str().unwrap().to_owned();
    let all = answer["applied"].as_array().unwrap().iter();
    all.map(|one| format!("{} {}", text(one, "rule"), text(one, "outcome"))).collect()
}

/// What the containers of a stack are, and since when they run.
fn containers(stack: &Stack) -> Vec<String> {
    let of = |id: &String| {
        let format = "{{.Id}} {{.State.Status}} {{.State.StartedAt}}";
        docker(&["inspect", "--format", format, id]).unwrap()
    };
    stack.guard.list("container").iter().map(of).collect()
}

/// The one container runs, and a second repair makes nothing.
#[track_caller]
fn runs_and_is_left_alone(stack: &Stack) {
    let after = containers(stack);
    assert!(after.len() == 1 && after[0].contains(" running "), "{after:?}");
    assert_eq!(mended(&stack.sandbox), [""; 0]);
    assert_eq!(containers(stack), after, "a second time nothing is made");
}

#[test]
fn containers_that_hold_the_id_of_a_dead_network_are_made_again() {
    require_docker!();
    let stack = Stack::new(SHARED);
    let network = format!("{}-net", stack.guard.name());
    docker(&["network", "create", &network]).unwrap();
    stack.sandbox.run(&["start"]).exits(0);
    stack.sandbox.run(&["stop"]).exits(0);
    docker(&["network", "rm", &network]).unwrap();
    docker(&["network", "create", &network]).unwrap();
    assert_eq!(mended(&stack.sandbox), ["CMP-02 fixed"]);
    runs_and_is_left_alone(&stack);
}

#[test]
fn an_external_network_that_nobody_makes_is_made_before_the_project() {
    require_docker!();
    let stack = Stack::new(SHARED);
    let network = format!("{}-net", stack.guard.name());
    let told = stack.sandbox.run(&["doctor", "--offline"]);
    assert!(
        told.stderr.contains("`mlup doctor --fix` repairs 1 cause of these"),
        "{}",
        told.report()
    );
    assert_eq!(mended(&stack.sandbox), ["CMP-01 fixed"]);
    assert_eq!(stack.guard.list("network").len(), 1, "{network}");
    runs_and_is_left_alone(&stack);
}

#[test]
fn a_network_that_went_away_below_a_halted_project_is_made_again() {
    require_docker!();
    let stack = Stack::new(SHARED);
    let network = format!("{}-net", stack.guard.name());
    docker(&["network", "create", &network]).unwrap();
    stack.sandbox.run(&["start"]).exits(0);
    stack.sandbox.run(&["stop"]).exits(0);
    docker(&["network", "rm", &network]).unwrap();
    let all = mended(&stack.sandbox);
    assert!(all.contains(&"CMP-01 fixed".to_owned()), "{all:?}");
    let after = containers(&stack);
    assert!(after.len() == 1 && after[0].contains(" running "), "{after:?}");
}

#[test]
fn a_halted_cluster_is_started_by_its_tool() {
    require_docker!();
    for (site, rule, start) in [
        (ClusterSite::minikube(""), "MK-07", "start"),
        (ClusterSite::k3d(""), "K3D-08", "cluster start"),
    ] {
        site.made_by_hand();
        site.halt();
        let before = site.changes().len();
        assert_eq!(mended(&site.sandbox), [format!("{rule} fixed")]);
        let changes = site.changes();
        assert!(changes[before..].contains(&start.to_owned()), "{changes:?}");
        assert_eq!(mended(&site.sandbox), [""; 0]);
        assert_eq!(site.changes(), changes, "a second time the tool is not called");
    }
}

#[test]
fn a_kubeconfig_that_leads_elsewhere_is_written_by_its_tool() {
    require_docker!();
    let site = ClusterSite::minikube("");
    site.made_by_hand();
    let path = site.home().join(".kube/config");
    let text = std::fs::read_to_string(&path).unwrap();
    let pattern = regex::Regex::new("://127.0.0.1:[0-9]+").unwrap();
    std::fs::write(&path, pattern.replace_all(&text, "://127.0.0.1:1").as_ref()).unwrap();
    assert_eq!(mended(&site.sandbox), ["MK-06 fixed"]);
    let changes = site.changes();
    assert!(changes.contains(&"update-context".to_owned()), "{changes:?}");
    assert_eq!(mended(&site.sandbox), [""; 0]);
    assert_eq!(site.changes(), changes);
}

/// Makes an object of the cluster, as somebody else would.
#[track_caller]
fn made(site: &ClusterSite, path: &str, object: &Value) {
    let stream = send(site, site.name(), ("POST", path), &object.to_string());
    let mut answer = String::new();
    stream.unwrap().read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

fn deployment(image: &str) -> Value {
    let labels = json!({ "app": "api" });
    let container = json!({ "name": "api", "image": image, "imagePullPolicy": "Never" });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "api", "namespace": "default" },
        "spec": { "selector": { "matchLabels": labels },
            "template": { "metadata": { "labels": labels },
                "spec": { "containers": [container] } } },
    })
}

/// Looks until it is told; the cluster takes a moment until it says so.
#[track_caller]
fn until_told(sandbox: &Sandbox, rule: &str) {
    for _ in 0..40 {
        let ran = sandbox.run(&["doctor", "--offline", "-o", "json"]);
        if found(&answer(&ran)).iter().any(|told| told.starts_with(rule)) {
            return;
        }
    }
    panic!("{rule} was never told");
}

#[test]
fn an_image_that_is_not_on_the_nodes_is_brought_there_by_the_tool() {
    require_docker!();
    for (tool, load) in [("minikube", "image load"), ("k3d", "image import")] {
        let more = "[[image]]\nname = \"IMAGE\"\n\
            [[deploy]]\nname = \"api\"\nmanifests = \"api.json\"\nnamespace = \"default\"\n";
        let site = if tool == "k3d" { ClusterSite::k3d(more) } else { ClusterSite::minikube(more) };
        site.sandbox.write("api.json", &deployment(IMAGE).to_string());
        site.made_by_hand();
        made(&site, DEPLOYMENTS, &deployment(IMAGE));
        until_told(&site.sandbox, "PULL-15");
        assert_eq!(mended(&site.sandbox), ["PULL-15 fixed"]);
        let changes = site.changes();
        assert!(changes.contains(&load.to_owned()), "{changes:?}");
        let deployment = site.object("Deployment", "default", "api").unwrap();
        assert_eq!(deployment["status"]["readyReplicas"], 1, "it is waited for: {deployment:#}");
        assert_eq!(mended(&site.sandbox), [""; 0]);
        assert_eq!(site.changes(), changes, "a second time nothing is loaded");
    }
}

#[test]
fn a_claim_of_another_platforms_class_gets_it_on_a_cluster_that_mlup_makes() {
    require_docker!();
    let site = ClusterSite::k3d("");
    site.made_by_hand();
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": { "name": "data", "namespace": "default" },
        "spec": { "accessModes": ["ReadWriteOnce"], "storageClassName": "standard",
            "resources": { "requests": { "storage": "1Gi" } } },
    });
    made(&site, "/api/v1/namespaces/default/persistentvolumeclaims", &claim);
    until_told(&site.sandbox, "PVC-01");
    assert_eq!(mended(&site.sandbox), ["PVC-01 fixed"]);
    let classes = site.objects("StorageClass");
    let alias = classes.iter().find(|class| class["metadata"]["name"] == "standard").unwrap();
    assert_eq!(alias["provisioner"], "rancher.io/local-path", "{alias:#}");
    assert_eq!(mended(&site.sandbox), [""; 0]);
    let again = site.objects("StorageClass");
    assert_eq!(classes, again, "a second time nothing is written");
}
