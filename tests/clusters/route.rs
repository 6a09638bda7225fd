//! The way to a node port as the node itself sees it: `mlup why` tries it in the container that the
//! node is.

use std::io::Read;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::fakes::send;
use crate::support::cluster::ClusterSite;
use crate::support::require_docker;
use crate::support::stack::docker;

const PORT: u16 = 30_800;

/// Gives the cluster an object.
fn store(site: &ClusterSite, path: &str, object: &Value) {
    let stream = send(site, site.name(), ("POST", path), &object.to_string());
    let mut answer = String::new();
    stream.unwrap().read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}

/// A service with a ready endpoint, and a node port.
fn store_service(site: &ClusterSite) {
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": "web", "namespace": "default" },
        "spec": {
            "type": "NodePort", "clusterIP": "10.96.0.7", "selector": { "app": "web" },
            "externalTrafficPolicy": "Local",
            "ports": [{ "name": "http", "port": 80, "nodePort": PORT }],
        },
    });
    store(site, "/api/v1/namespaces/default/services", &service);
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "name": "web-x", "namespace": "default",
            "labels": { "kubernetes.io/service-name": "web" },
        },
        "addressType": "IPv4",
        "endpoints": [{ "addresses": ["10.0.0.9"], "conditions": { "ready": true } }],
        "ports": [{ "port": 80 }],
    });
    store(site, "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", &slice);
}

fn route(site: &ClusterSite) -> (Vec<String>, Value) {
    let told = site.sandbox.run(&["why", "check/web", "-o", "json"]).exits(0);
    let answer: Value = serde_json::from_str(&told.stdout).unwrap();
    let hops = answer["route"]["hops"].as_array().unwrap_or_else(|| panic!("{}", told.report()));
    let hop = |hop: &Value| {
        format!("{}: {}", hop["hop"].as_str().unwrap(), hop["passage"].as_str().unwrap())
    };
    (hops.iter().map(hop).collect(), answer["route"]["finding"].clone())
}

#[test]
fn a_node_that_does_not_forward_is_told_from_one_that_does() {
    require_docker!();
    let site = ClusterSite::minikube(
        "[[check]]\nname = \"web\"\nhttp = \"http://{nodeport:default/web:http}/\"\ntimeout = \"1s\"\n",
    );
    site.made_by_hand();
    store_service(&site);
    let ran = site.sandbox.run(&["start"]);
    assert_ne!(ran.code, Some(0), "{}", ran.report());

    let (hops, finding) = route(&site);
    let led = ["service: open", "endpoints: open", "pod: unknown", "loopback: unknown"];
    assert_eq!(hops[..4], led, "{finding}");
    assert_eq!((hops[4].as_str(), &finding["code"]), ("node: closed", &json!("ROUTE_NODE")));
    assert!(finding["evidence"][0]["text"].as_str().unwrap().contains("Local"), "{finding}");

    let port = PORT.to_string();
    docker(&["exec", "--detach", site.name(), "nc", "-ll", "-p", &port, "-e", "true"]).unwrap();
    let asked = Instant::now();
    while docker(&["exec", site.name(), "nc", "127.0.0.1", &port, "-e", "true"]).is_none() {
        assert!(asked.elapsed() < Duration::from_secs(60), "nobody listens in the node");
    }
    let (hops, finding) = route(&site);
    assert_eq!(hops[3..], ["loopback: open", "node: open", "here: open"], "{finding}");
    assert!(finding.is_null(), "{finding}");
}
