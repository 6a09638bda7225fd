//! Stand-in clusters run what they are given: pods become ready, or say why not, and see the images
//! that are brought onto their nodes.

use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

use serde_json::json;

use super::fakes::send;
use crate::support::cluster::ClusterSite;
use crate::support::simulated::Script;
use crate::support::stack::docker;
use crate::support::{IMAGE, require_docker};

/// Gives the cluster a deployment whose image has to be on the node.
fn deploy(site: &ClusterSite, context: &str, image: &str) {
    let labels = json!({ "app": "api" });
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "api", "namespace": "default" },
        "spec": {
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": { "containers": [
                    { "name": "api", "image": image, "imagePullPolicy": "Never" },
                ] },
            },
        },
    });
    let path = "/apis/apps/v1/namespaces/default/deployments";
    let stream = send(site, context, ("POST", path), &deployment.to_string());
    let mut answer = String::new();
    stream.unwrap().read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}

/// Watches what the cluster has of a kind until one says this.
#[track_caller]
fn sees(site: &ClusterSite, context: &str, path: &str, wanted: &str) {
    let path = format!("{path}?watch=true&resourceVersion=0&timeoutSeconds=20");
    let stream = send(site, context, ("GET", &path), "").unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    let mut seen = Vec::new();
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { break };
        if line.contains(wanted) {
            return;
        }
        seen.push(line);
    }
    panic!("never {wanted:?} in\n{}", seen.join("\n"));
}

const PODS: &str = "/api/v1/namespaces/default/pods";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

#[test]
fn an_image_that_is_loaded_into_minikube_is_run() {
    require_docker!();
    let site = ClusterSite::minikube("");
    let name = site.name().to_owned();
    site.made_by_hand();
    deploy(&site, &name, IMAGE);
    let words = format!("Container image \\\"{IMAGE}\\\" is not present with pull policy of Never");
    sees(&site, &name, PODS, &words);
    let load = ["image", "load", IMAGE, "-p", &name];
    site.sandbox.spawn_tool("minikube", &load).wait().exits(0);
    sees(&site, &name, DEPLOYMENTS, "\"readyReplicas\":1");
    // The node comes back with what ran on it.
    docker(&["stop", &name]).unwrap();
    site.sandbox.spawn_tool("minikube", &["start", "-p", &name]).wait().exits(0);
    sees(&site, &name, DEPLOYMENTS, "\"readyReplicas\":1");
}

#[test]
fn an_image_that_is_imported_into_k3d_does_what_the_script_says() {
    require_docker!();
    let crash = Script::crash("api", "KeyError: 'MODEL_URI'\n", 1);
    let mut site = ClusterSite::k3d("").script(|script| script.simulation.scripts.push(crash));
    let context = site.name().to_owned();
    site.made_by_hand();
    let import = ["image", "import", IMAGE, "-c", &context];
    site.sandbox.spawn_tool("k3d", &import).wait().exits(0);
    deploy(&site, &context, IMAGE);
    sees(&site, &context, PODS, "\"reason\":\"CrashLoopBackOff\"");
    site.rescript(|script| script.simulation.scripts.clear());
    sees(&site, &context, DEPLOYMENTS, "\"readyReplicas\":1");
}
