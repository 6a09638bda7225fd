//! Secrets: from literals, `.env`, files and generators, kept where they were generated, and taken
//! back key by key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{CANARY, version};
use crate::commands::changed;
use crate::support::kubernetes::Kubernetes;

/// Bytes that are no text.
const BYTES: [u8; 7] = [0, 0xff, 0xfe, b'\r', b'\n', 0x80, 0];

/// A value of a secret.
fn held(site: &Kubernetes, namespace: &str, key: &str) -> Option<Vec<u8>> {
    let secret = site.secret(namespace, "app")?;
    Some(STANDARD.decode(secret["data"][key].as_str()?).unwrap())
}

fn keys(namespace: &str, keys: &str) -> String {
    format!("[[secret]]\nname = \"app\"\nnamespace = \"{namespace}\"\nkeys = {{ {keys} }}\n")
}

const ALL: &str = "mode = \"dev\", user = \"${APP_USER}\", cert = { file = \"cert.bin\" }, \
    fernet = { generate = \"fernet\" }, session = { generate = \"hex32\" }, \
    salt = { generate = \"base64-32\" }";

fn started(site: &Kubernetes) -> Vec<String> {
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert!(!ran.report().contains(CANARY), "{}", ran.report());
    changed(&ran)
}

#[test]
fn values_come_from_everywhere_and_generated_ones_stay() {
    let site = Kubernetes::site();
    let namespace = site.namespace("a");
    let held = |key: &str| held(&site, &namespace, key);
    site.sandbox.write(".env", &format!("APP_USER={CANARY}\n"));
    std::fs::write(site.sandbox.project().join("cert.bin"), BYTES).unwrap();
    site.config(&keys(&namespace, ALL));
    assert_eq!(started(&site), ["secret/app"]);
    assert_eq!(held("mode").unwrap(), b"dev");
    assert_eq!(held("user").unwrap(), CANARY.as_bytes());
    assert_eq!(held("cert").unwrap(), BYTES);
    let made = ["fernet", "session", "salt"].map(|key| held(key).unwrap());
    assert_eq!(made.each_ref().map(Vec::len), [44, 64, 44]);

    let (before, writes) = (version(&site, &namespace, "app"), site.writes().len());
    assert!(started(&site).is_empty());
    assert_eq!((version(&site, &namespace, "app"), site.writes().len()), (before, writes));

    site.sandbox.write(".env", "APP_USER=eve\n");
    assert_eq!(started(&site), ["secret/app"]);
    assert_eq!(held("user").unwrap(), b"eve");

    // Bytes that one program makes from a key are lost with it: a `reset` keeps it.
    site.sandbox.run(&["stop"]).exits(0);
    site.sandbox.run(&["reset", "--yes"]).exits(0);
    assert!(started(&site).is_empty());
    assert_eq!(["fernet", "session", "salt"].map(|key| held(key).unwrap()), made);
    site.sandbox.run(&["reset", "--purge", "--yes"]).exits(0);
    assert_eq!(site.secret(&namespace, "app"), None);
}

#[test]
fn a_key_that_leaves_the_configuration_goes_and_those_of_others_stay() {
    let site = Kubernetes::site();
    let namespace = site.namespace("a");
    site.config(&keys(&namespace, "old = \"o\", mine = \"m\""));
    assert_eq!(started(&site), ["secret/app"]);
    let path = format!("/api/v1/namespaces/{namespace}/secrets/app");
    site.merge(&path, &json!({ "data": { "theirs": "eA==" } }));
    site.config(&keys(&namespace, "mine = \"m\""));
    let planned = site.sandbox.run(&["plan"]).exits(0);
    assert!(planned.stdout.contains("keys no longer wanted: old"), "{}", planned.report());
    assert_eq!(started(&site), ["secret/app"]);
    let data = site.secret(&namespace, "app").unwrap()["data"].clone();
    assert_eq!(data, json!({ "mine": STANDARD.encode("m"), "theirs": "eA==" }));
    assert!(started(&site).is_empty());
}

#[test]
fn files_that_are_missing_are_named_before_anything_is_done() {
    let site = Kubernetes::site();
    let namespace = site.namespace("a");
    let files = "ca = { file = \"ca.pem\" }, key = { file = \"tls/key.pem\" }, \
        made = { file = \"made.txt\" }";
    site.sandbox.write("made.tmpl", "made");
    let file = "[[file]]\npath = \"made.txt\"\ntemplate = \"made.tmpl\"\n";
    site.config(&format!("{file}{}", keys(&namespace, files)));
    let before = site.writes().len();
    let ran = site.sandbox.run(&["start"]).exits(4);
    for words in ["FILE_UNREADABLE", "ca.pem", "tls/key.pem", "key `ca` of the secret `app`"] {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.report());
    }
    assert_eq!((site.secret(&namespace, "app"), site.writes().len()), (None, before));
    site.sandbox.write("ca.pem", "ca");
    site.sandbox.write("tls/key.pem", "key");
    site.sandbox.run(&["start"]).exits(0);
    assert_eq!(held(&site, &namespace, "made").unwrap(), b"made");
}

#[test]
fn a_secret_of_another_type_is_refused_and_left_alone() {
    let site = Kubernetes::site();
    let namespace = site.made_namespace("a");
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/basic-auth",
        "metadata": { "name": "app" }, "data": { "username": "eA==", "password": "eA==" } });
    let made: Value = site.create(&format!("/api/v1/namespaces/{namespace}/secrets"), &secret);
    site.config(&keys(&namespace, "mine = \"m\""));
    let ran = site.sandbox.run(&["start"]).exits(7);
    for words in ["SECRET_TYPE_DIFFERS", &format!("{namespace}/app"), "`kubernetes.io/basic-auth`"]
    {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.report());
    }
    assert_eq!(site.secret(&namespace, "app"), Some(made));
}
