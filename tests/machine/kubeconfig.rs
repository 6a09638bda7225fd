//! The way to an API server that somebody else owns: context, plugin, certificate, address.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::machine::{answer, found, is_the_one, is_well};
use crate::support::kubernetes::Kubernetes;
use crate::support::on;

/// The kubeconfig of a site, changed.
fn changed(site: &Kubernetes, change: impl FnOnce(&mut Value)) {
    let path = site.sandbox.root().join("home/.kube/config");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut config: Value = serde_norway::from_str(&text).unwrap();
    change(&mut config);
    std::fs::write(&path, config.to_string()).unwrap();
}

fn with_plugin(site: &Kubernetes, command: &str, version: &str) {
    changed(site, |config| {
        config["users"][0]["user"] = json!({"exec": {
            "apiVersion": format!("client.authentication.k8s.io/{version}"),
            "command": command, "interactiveMode": "Never",
            "installHint": "Install it from the kubeconfig's own page",
        }});
    });
}

#[test]
fn a_cluster_that_answers_gives_nothing() {
    let site = Kubernetes::fake();
    site.config("");
    is_well(&site.sandbox.run(&["doctor", "-o", "json"]));
}

#[test]
fn a_context_that_is_missing_names_those_that_are_there() {
    let site = Kubernetes::fake();
    site.config("");
    changed(&site, |config| config["contexts"][0]["name"] = "elsewhere".into());
    let ran = site.sandbox.run(&["doctor", "-o", "json"]);
    let context = "test";
    is_the_one(&ran, &format!("API-10 context//{context}"), &["elsewhere", "get-contexts"]);
}

#[test]
fn a_plugin_that_is_missing_fails_or_is_too_old_is_told_apart() {
    let site = Kubernetes::fake();
    site.config("");
    with_plugin(&site, "gke-gcloud-auth-plugin", "v1");
    let ran = site.sandbox.run(&["doctor", "-o", "json"]);
    is_the_one(&ran, "API-06 context//test", &["gcloud components install", "own page"]);
    let stderr = "ERROR: (gcloud.config.config-helper) You do not currently have an active account selected.";
    let site = site.tool("gke-gcloud-auth-plugin", &[on(["..."]).stderr(stderr).exit(1)]);
    let ran = site.sandbox.run(&["doctor", "-o", "json"]);
    is_the_one(&ran, "API-07 context//test", &["gcloud auth login", "active account"]);
    with_plugin(&site, "gke-gcloud-auth-plugin", "v1alpha1");
    let ran = site.sandbox.run(&["doctor", "-o", "json"]);
    is_the_one(&ran, "API-08 context//test", &["v1alpha1", "1.24"]);
}

#[test]
fn an_address_where_nothing_listens_and_a_name_that_nobody_knows_are_two_things() {
    let site = Kubernetes::fake();
    site.config("");
    let to = |server: &str| {
        changed(&site, |config| config["clusters"][0]["cluster"] = json!({"server": server}));
        site.sandbox.run(&["doctor", "-o", "json"])
    };
    is_the_one(&to("http://127.0.0.1:9"), "API-01 context//test", &["127.0.0.1:9", "refused"]);
    let ran = to("https://mlup-test.invalid:6443");
    is_the_one(&ran, "API-02 context//test", &["mlup-test.invalid", "delete-context"]);
    assert_eq!(found(&answer(&ran)).len(), 1);
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

#[test]
fn a_client_certificate_that_has_ended_is_told_with_its_date_and_never_shown() {
    let site = Kubernetes::fake();
    site.config("");
    let mut parameters = rcgen::CertificateParams::new(vec!["ann".to_owned()]).unwrap();
    parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(2021, 2, 3);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    let folder = site.sandbox.root().join("home/.kube");
    let write =
        |name: &str, text: &str| std::fs::write(Path::new(&folder).join(name), text).unwrap();
    write("ann.crt", &pem("CERTIFICATE", certificate.der()));
    write("ann.key", &pem("PRIVATE KEY", &key.serialize_der()));
    changed(&site, |config| {
        config["users"][0]["user"] =
            json!({"client-certificate": "ann.crt", "client-key": "ann.key"});
    });
    let ran = site.sandbox.run(&["doctor", "-o", "json"]);
    let answer = answer(&ran);
    assert_eq!(found(&answer), ["API-04 context//test"], "{answer:#}");
    assert!(answer.to_string().contains("notAfter 2021-02-03"), "{answer:#}");
    assert!(!ran.report().contains("BEGIN"), "{}", ran.report());
}
