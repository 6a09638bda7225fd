//! Objects in a cluster that is there already: on the fake API, or on the real cluster that
//! `MLUP_TEST_KUBECONFIG` names.

mod argocd;
mod charts;
mod checks;
mod doctor;
mod doctor_bundle;
mod doctor_fix;
mod doctor_fix_waits;
mod doctor_large;
mod doctor_leftovers;
mod doctor_secrets;
mod doctor_words;
mod examples;
mod explained;
mod harness;
mod hooks;
mod kept;
mod kustomizations;
mod manifests;
mod many_namespaces;
mod preflight;
mod pull_secrets;
mod refused_credentials;
mod refused_writes;
mod route;
mod secrets;
mod warm;

use crate::support::kubernetes::Kubernetes;

/// The registry of these tests; nothing is ever pulled from it.
const SERVER: &str = "127.0.0.1:1";
/// The password that must be nowhere but in secrets.
const CANARY: &str = "c4n4ry-token";

/// A `[[registry]]` whose password `get-token` prints.
fn registry(namespaces: &[&str], more: &str) -> String {
    format!(
        "[[registry]]\nserver = \"{SERVER}\"\nsecret = \"regcred\"\nnamespaces = {namespaces:?}\n\
         exec = [\"get-token\", \"--bare\"]\nusername = \"robot\"\nttl = \"2h\"\n{more}"
    )
}

/// The version of a secret, which each write raises.
fn version(site: &Kubernetes, namespace: &str, name: &str) -> String {
    let secret = site.secret(namespace, name).unwrap();
    secret["metadata"]["resourceVersion"].as_str().unwrap().to_owned()
}
