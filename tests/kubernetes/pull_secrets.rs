//! Pull secrets: made and attached, left alone while they are good, and pods that wait for them.

use mlup::event::State;
use serde_json::{Value, json};

use super::{CANARY, SERVER, registry, version};
use crate::clusters::warnings;
use crate::commands::{changed, last_state};
use crate::support::kubernetes::Kubernetes;
use crate::support::on;

/// A site whose `get-token` prints the password whenever it is asked.
fn site() -> Kubernetes {
    Kubernetes::site().tool("get-token", &[on(["--bare"]).stdout(&format!("{CANARY}\n"))])
}

fn pods(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/pods")
}

fn spec(image: &str) -> Value {
    json!({
        "containers": [{ "name": "api", "image": image }],
        "imagePullSecrets": [{ "name": "regcred" }],
    })
}

fn is_stuck(pod: &Value) -> bool {
    let reason = &pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"];
    ["ErrImagePull", "ImagePullBackOff"].iter().any(|stuck| reason == *stuck)
}

/// A pod that waits for an image of the registry; its name. A controller owns it, or nobody does.
fn stuck_pod(site: &Kubernetes, namespace: &str, is_owned: bool) -> String {
    let image = format!("{SERVER}/team/api:1");
    if let Some(fake) = site.fake_api() {
        let name = if is_owned { "api-7d9c-x2x4z" } else { "alone" };
        let owner = json!([{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "api-7d9c",
            "uid": "of-the-set", "controller": true }]);
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": name, "namespace": namespace,
                "ownerReferences": if is_owned { owner } else { json!([]) } },
            "spec": spec(&image),
            "status": { "phase": "Pending", "containerStatuses": [{
                "name": "api", "image": image, "imageID": "", "ready": false, "restartCount": 0,
                "state": { "waiting": { "reason": "ImagePullBackOff", "message": "Back-off" } },
            }] },
        });
        fake.change(|world| world.store(pod));
        return name.to_owned();
    }
    let labels = json!({ "app": "api" });
    let (collection, object) = if is_owned {
        let template = json!({ "metadata": { "labels": labels }, "spec": spec(&image) });
        let object = json!({ "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "api" },
            "spec": { "selector": { "matchLabels": labels }, "template": template } });
        (format!("/apis/apps/v1/namespaces/{namespace}/deployments"), object)
    } else {
        let object = json!({ "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": "alone" }, "spec": spec(&image) });
        (pods(namespace), object)
    };
    site.create(&collection, &object);
    let wanted =
        |pod: &&Value| is_stuck(pod) && pod["metadata"]["ownerReferences"].is_array() == is_owned;
    let find = |list: &Value| list["items"].as_array()?.iter().find(wanted).cloned();
    let is_there = |list: Option<&Value>| list.is_some_and(|list| find(list).is_some());
    let list = site.until(&pods(namespace), "a pod that waits for its image", is_there).unwrap();
    find(&list).unwrap()["metadata"]["name"].as_str().unwrap().to_owned()
}

/// Whether a pod was deleted, be it that it is still ending.
fn is_deleted(site: &Kubernetes, namespace: &str, name: &str) -> bool {
    let pod = site.get(&format!("{}/{name}", pods(namespace)));
    pod.is_none_or(|pod| pod["metadata"]["deletionTimestamp"].is_string())
}

#[test]
fn a_pull_secret_is_made_attached_and_then_left_alone() {
    let site = site();
    let (there, made) = (site.made_namespace("there"), site.namespace("made"));
    let builder = format!("/api/v1/namespaces/{there}/serviceaccounts");
    let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": { "name": "builder" }, "imagePullSecrets": [{ "name": "theirs" }] });
    site.create(&builder, &account);
    let both = registry(&[&there], "service_accounts = [\"builder\"]\n");
    let more = format!(
        "[[registry]]\nserver = \"ghcr.io\"\nsecret = \"regcred\"\nnamespaces = [\"{made}\"]\n\
         service_accounts = [\"default\"]\nusername = \"ann\"\npassword = \"{CANARY}-2\"\n"
    );
    site.config(&format!("{both}{more}"));
    let cold = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(last_state(&cold, "registry/regcred"), Some(State::Ready), "{}", cold.report());

    let secret = site.secret(&there, "regcred").unwrap();
    assert_eq!(secret["type"], "kubernetes.io/dockerconfigjson");
    let annotations = &secret["metadata"]["annotations"];
    assert!(annotations["mlup.dev/expires-at"].is_string(), "{secret}");
    assert!(!secret["metadata"].to_string().contains(CANARY), "{secret}");
    let namespace = site.get(&format!("/api/v1/namespaces/{made}")).unwrap();
    assert!(namespace["metadata"]["labels"]["dev.mlup.project"].is_string(), "{namespace}");
    let account = site.get(&format!("{builder}/builder")).unwrap();
    assert_eq!(account["imagePullSecrets"], json!([{ "name": "theirs" }, { "name": "regcred" }]));
    let default = format!("/api/v1/namespaces/{made}/serviceaccounts/default");
    assert_eq!(site.get(&default).unwrap()["imagePullSecrets"], json!([{ "name": "regcred" }]));

    let (before, writes) = (version(&site, &there, "regcred"), site.writes().len());
    let warm = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(changed(&warm), Vec::<String>::new(), "{}", warm.report());
    assert_eq!((version(&site, &there, "regcred"), site.writes().len()), (before, writes));
    assert_eq!(site.sandbox.calls("get-token").len(), 1);
    assert!(![&cold, &warm].iter().any(|ran| ran.report().contains(CANARY)));
}

#[test]
fn a_renewal_that_fails_while_the_old_password_lives_changes_nothing() {
    let rules = [
        on(["--bare"]).stdout(&format!("{CANARY}\n")).times(1),
        on(["--bare"]).stdout(CANARY).stderr("the vault is sealed\n").exit(2),
    ];
    let site = Kubernetes::site().tool("get-token", &rules);
    let namespace = site.namespace("a");
    site.config(&registry(&[&namespace], ""));
    site.sandbox.run(&["start"]).exits(0);
    let path = format!("/api/v1/namespaces/{namespace}/secrets/regcred");
    let long_ago = json!({ "mlup.dev/refreshed-at": "2020-01-01T00:00:00Z" });
    site.merge(&path, &json!({ "metadata": { "annotations": long_ago } }));
    let before = version(&site, &namespace, "regcred");

    let planned = site.sandbox.run(&["plan"]).exits(0);
    assert!(planned.stdout.contains("half of its password's life is over"), "{}", planned.report());
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert_eq!(warnings(&ran), ["PULL_SECRET_NOT_RENEWED"], "{}", ran.report());
    assert_eq!(changed(&ran), Vec::<String>::new(), "{}", ran.report());
    assert_eq!(version(&site, &namespace, "regcred"), before);

    let refused = site.sandbox.run(&["creds", "refresh"]).exits(4);
    assert!(refused.stderr.contains("REGISTRY_EXEC_FAILED"), "{}", refused.report());
    assert_eq!(version(&site, &namespace, "regcred"), before);
    assert!(!refused.report().contains(CANARY), "{}", refused.report());
}

#[test]
fn pods_that_wait_for_the_image_pull_again_once_start_writes_the_secret() {
    let site = site();
    let namespace = site.made_namespace("a");
    let (stuck, alone) = (stuck_pod(&site, &namespace, true), stuck_pod(&site, &namespace, false));
    site.config(&registry(&[&namespace], ""));
    let ran = site.sandbox.run(&["start", "--progress", "json"]).exits(0);
    assert!(is_deleted(&site, &namespace, &stuck), "{}", ran.report());
    assert!(!is_deleted(&site, &namespace, &alone), "nobody would make it again");
    assert!(ran.stdout.contains(&format!("{namespace}/{stuck}")), "{}", ran.report());
}

#[test]
fn pods_that_wait_for_the_image_pull_again_after_a_refresh() {
    let site = site();
    let namespace = site.made_namespace("a");
    site.config(&registry(&[&namespace], ""));
    site.sandbox.run(&["start"]).exits(0);
    let (stuck, alone) = (stuck_pod(&site, &namespace, true), stuck_pod(&site, &namespace, false));
    let shown = site.sandbox.run(&["creds", "status", "-o", "json"]).exits(0);
    assert!(shown.stdout.contains(&stuck), "{}", shown.report());
    let idle = site.sandbox.run(&["creds", "refresh"]).exits(0);
    assert!(!is_deleted(&site, &namespace, &stuck), "nothing was due: {}", idle.report());
    let ran = site.sandbox.run(&["creds", "refresh", "--force", "-o", "json"]).exits(0);
    let done: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(done[0]["written"], json!([namespace]), "{}", ran.report());
    assert_eq!(done[0]["retried"], json!([format!("{namespace}/{stuck}")]));
    assert_eq!(done[0]["left"], json!([format!("{namespace}/{alone}")]));
    assert!(is_deleted(&site, &namespace, &stuck));
}

#[test]
fn a_secret_of_another_type_is_refused_and_nothing_is_changed() {
    let site = site();
    let (free, taken) = (site.made_namespace("a"), site.made_namespace("b"));
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": { "name": "regcred" }, "data": { "mine": "eA==" } });
    let made = site.create(&format!("/api/v1/namespaces/{taken}/secrets"), &secret);
    site.config(&registry(&[&free, &taken], "service_accounts = [\"default\"]\n"));
    for verb in [["start", "-v"].as_slice(), &["creds", "refresh"]] {
        let ran = site.sandbox.run(verb).exits(7);
        for words in ["SECRET_TYPE_DIFFERS", &format!("{taken}/regcred"), "`Opaque`"] {
            assert!(ran.stderr.contains(words), "{words}: {}", ran.report());
        }
    }
    assert_eq!(site.secret(&taken, "regcred"), Some(made));
    assert_eq!(site.secret(&free, "regcred"), None);
    assert!(site.sandbox.calls("get-token").is_empty(), "no password is asked for in vain");
}
