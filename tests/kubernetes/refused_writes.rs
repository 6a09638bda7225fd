//! An API server that does not let mlup write: the fake alone can be made to say so.

use serde_json::json;

use super::{CANARY, registry};
use crate::clusters::warnings;
use crate::support::kube::Held;
use crate::support::kubernetes::Kubernetes;
use crate::support::on;

fn site() -> Kubernetes {
    Kubernetes::fake().tool("get-token", &[on(["--bare"]).stdout(&format!("{CANARY}\n"))])
}

#[test]
fn what_the_user_may_not_do_is_named_by_verb_resource_and_namespace() {
    for (verb, resource, words, fix) in [
        ("patch", "secrets", "patch secrets/regcred in the namespace", "can-i patch secrets"),
        ("get", "secrets", "get secrets/regcred in the namespace", "can-i get secrets"),
        (
            "update",
            "serviceaccounts",
            "update serviceaccounts/default in the namespace",
            "can-i update serviceaccounts",
        ),
    ] {
        let site = site();
        let namespace = site.made_namespace("a");
        site.config(&registry(&[&namespace], "service_accounts = [\"default\"]\n"));
        let fake = site.fake_api().unwrap();
        fake.change(|world| world.forbid(verb, resource, &namespace));
        let ran = site.sandbox.run(&["start"]).exits(4);
        for words in ["API_FORBIDDEN", words, fix, &namespace, "registry/regcred"] {
            assert!(ran.stderr.contains(words), "{words}: {}", ran.report());
        }
    }
}

#[test]
fn without_the_right_to_see_pods_the_secret_is_written_all_the_same() {
    let site = site();
    let namespace = site.made_namespace("a");
    site.config(&registry(&[&namespace], ""));
    site.fake_api().unwrap().change(|world| world.forbid("list", "pods", "*"));
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(warnings(&ran), ["PODS_NOT_RETRIED"], "{}", ran.report());
    assert!(site.secret(&namespace, "regcred").is_some());
    let warm = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert!(warnings(&warm).is_empty(), "{}", warm.report());
}

#[test]
fn a_namespace_that_is_going_away_is_named() {
    for tables in ["registry", "secret"] {
        let site = site();
        let namespace = site.made_namespace("a");
        let fake = site.fake_api().unwrap();
        fake.change(|world| {
            world.hold(Held::Namespaces);
            let mut ending = world.find("Namespace", "", &namespace).unwrap();
            ending["metadata"]["deletionTimestamp"] = "2026-11-21T10:00:00Z".into();
            ending["status"] = json!({ "phase": "Terminating" });
            world.store(ending);
        });
        site.config(&match tables {
            "registry" => registry(&[&namespace], ""),
            _ => format!(
                "[[secret]]\nname = \"app\"\nnamespace = \"{namespace}\"\nkeys = {{ a = \"b\" }}\n"
            ),
        });
        let ran = site.sandbox.run(&["start"]).exits(1);
        let fix = format!("get namespace {namespace}");
        for words in ["NAMESPACE_TERMINATING", &namespace, &fix] {
            assert!(ran.stderr.contains(words), "{words}: {}", ran.report());
        }
    }
}
