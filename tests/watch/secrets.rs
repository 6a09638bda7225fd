//! Secrets in a cluster: lost ones are put back, changed ones set right, and passwords renewed at half
//! of their life.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::Signal;
use serde_json::json;

use super::{until_mended, watch};
use crate::support::kubernetes::Kubernetes;
use crate::support::on;

const CANARY: &str = "c4n4ry-token";

/// A site whose `get-token` prints the password whenever it is asked.
fn site() -> Kubernetes {
    Kubernetes::site().tool("get-token", &[on(["--bare"]).stdout(&format!("{CANARY}\n"))])
}

/// A `[[registry]]` whose passwords live this long.
fn registry(namespace: &str, ttl: &str) -> String {
    format!(
        "[[registry]]\nserver = \"127.0.0.1:1\"\nsecret = \"regcred\"\nnamespaces = [\"{namespace}\"]\n\
         exec = [\"get-token\", \"--bare\"]\nusername = \"robot\"\nttl = \"{ttl}\"\n"
    )
}

#[test]
fn a_pull_secret_that_is_deleted_is_put_back_without_a_new_request() {
    let site = site();
    let namespace = site.made_namespace("a");
    site.config(&registry(&namespace, "12h"));
    let mut watch = watch(&site.sandbox);
    let before = site.secret(&namespace, "regcred").unwrap();
    for _ in 0..3 {
        site.delete(&format!("/api/v1/namespaces/{namespace}/secrets/regcred"));
        until_mended(&mut watch, "registry/regcred");
        let after = site.secret(&namespace, "regcred").unwrap();
        assert_eq!(after["data"], before["data"]);
    }
    assert_eq!(site.sandbox.calls("get-token").len(), 1, "the watch remembers the password");
    drop(watch);
}

#[test]
fn a_service_account_that_lost_its_pull_secret_gets_it_back_at_once() {
    let site = site();
    let namespace = site.made_namespace("a");
    let accounts = "service_accounts = [\"default\"]\n";
    site.config(&(registry(&namespace, "12h") + accounts));
    let mut watch = watch(&site.sandbox);
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/default");
    let names = || site.get(&path).unwrap()["imagePullSecrets"].clone();
    assert_eq!(names(), json!([{ "name": "regcred" }]));
    site.merge(&path, &json!({ "imagePullSecrets": [{ "name": "theirs" }] }));
    until_mended(&mut watch, "registry/regcred");
    assert_eq!(names(), json!([{ "name": "theirs" }, { "name": "regcred" }]));
    assert_eq!(site.sandbox.calls("get-token").len(), 1, "the password is good");
}

#[test]
fn what_somebody_writes_into_a_secret_is_set_right() {
    let site = site();
    let namespace = site.made_namespace("a");
    let secret = "[[secret]]\nname = \"app\"\nkeys = { user = \"ann\" }\n";
    site.config(&format!("{secret}namespace = \"{namespace}\"\n"));
    let mut watch = watch(&site.sandbox);
    let path = format!("/api/v1/namespaces/{namespace}/secrets/app");
    site.merge(&path, &json!({ "data": { "user": STANDARD.encode("eve") } }));
    until_mended(&mut watch, "secret/app");
    assert_eq!(site.secret(&namespace, "app").unwrap()["data"]["user"], STANDARD.encode("ann"));
}

#[test]
fn a_password_is_renewed_at_half_of_its_life_and_not_before() {
    let site = site();
    let namespace = site.made_namespace("a");
    site.config(&registry(&namespace, "40s"));
    let mut watch = watch(&site.sandbox);
    let refreshed = || {
        let secret = site.secret(&namespace, "regcred").unwrap();
        let annotation = &secret["metadata"]["annotations"]["mlup.dev/refreshed-at"];
        annotation.as_str().unwrap().parse::<jiff::Timestamp>().unwrap()
    };
    let first = refreshed();
    until_mended(&mut watch, "registry/regcred");
    let lived = refreshed().duration_since(first).as_secs();
    assert!(lived >= 20, "renewed after {lived} s of 40 s");
    assert_eq!(site.sandbox.calls("get-token").len(), 2);
    watch.signal(Signal::TERM);
    let ran = watch.wait().exits(143);
    assert!(!ran.report().contains(CANARY), "{}", ran.report());
    assert!(ran.stdout.contains("renewed: registry/regcred"), "{}", ran.report());
}
