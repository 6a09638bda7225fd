//! Objects of any kind: read, listed, written, deleted, watched; and what happens by itself.

use std::time::Duration;

use super::*;

const SECRETS: &str = "/api/v1/namespaces/default/secrets";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

fn secret(name: &str, label: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": name, "labels": { "tier": label } }, "stringData": { "a": "b" } })
}

#[test]
fn objects_live_from_post_to_delete() {
    let fake = FakeKube::empty();
    let (code, made) = post(&fake, SECRETS, secret("one", "back"));
    assert_eq!((code, &made["data"]["a"], &made["type"]), (201, &json!("Yg=="), &json!("Opaque")));
    assert_eq!(post(&fake, SECRETS, secret("one", "back")).1["reason"], "AlreadyExists");
    let mut changed = made.clone();
    changed["data"]["a"] = "Yw==".into();
    let path = format!("{SECRETS}/one");
    let (code, kept) = ask(&fake, "PUT", &path, "", changed.clone());
    assert_eq!((code, &kept["data"]["a"]), (200, &json!("Yw==")));
    assert_eq!(ask(&fake, "PUT", &path, "", changed).0, 409);
    let same = ask(&fake, "PUT", &path, "", kept.clone()).1;
    assert_eq!(same["metadata"]["resourceVersion"], kept["metadata"]["resourceVersion"]);
    let wrong = json!({ "preconditions": { "uid": "another" } });
    assert_eq!(ask(&fake, "DELETE", &path, "", wrong).0, 409);
    let right = json!({ "preconditions": { "uid": kept["metadata"]["uid"] } });
    let (code, status) = ask(&fake, "DELETE", &path, "", right);
    assert_eq!((code, &status["status"]), (200, &json!("Success")));
    assert_eq!(read(&fake, &path).1["message"], "secrets \"one\" not found");
    assert_eq!(fake.writes().len(), 7, "{:?}", fake.writes());
}

#[test]
fn lists_are_selected_and_come_in_pages() {
    let fake = FakeKube::empty();
    for (name, label) in [("a", "front"), ("b", "back"), ("c", "back")] {
        assert_eq!(post(&fake, SECRETS, secret(name, label)).0, 201);
    }
    let cases = [
        ("labelSelector=tier%3Dback", 2),
        ("labelSelector=tier!%3Dback", 1),
        ("labelSelector=tier+in+%28back,front%29", 3),
        ("labelSelector=tier+notin+(back),tier", 1),
        ("labelSelector=!tier", 0),
        ("fieldSelector=metadata.name%3Db,metadata.namespace%3Ddefault", 1),
        ("fieldSelector=metadata.name!%3Db", 2),
        ("limit=2", 2),
    ];
    for (query, count) in cases {
        let list = read(&fake, &format!("/api/v1/secrets?{query}")).1;
        assert_eq!(list["items"].as_array().unwrap().len(), count, "{query}: {list}");
        assert!(list["items"][0].get("kind").is_none(), "{list}");
    }
    let page = read(&fake, &format!("{SECRETS}?limit=2")).1;
    assert_eq!(page["metadata"]["remainingItemCount"], 1);
    let selected = read(&fake, &format!("{SECRETS}?limit=2&labelSelector=tier")).1;
    let metadata = &selected["metadata"];
    assert!(metadata["continue"].is_string() && metadata["remainingItemCount"].is_null());
    let token = page["metadata"]["continue"].as_str().unwrap();
    let rest = format!("{SECRETS}?limit=2&continue={token}");
    assert_eq!(read(&fake, &rest).1["items"][0]["metadata"]["name"], "c");
    fake.change(World::expire);
    assert_eq!(read(&fake, &rest).1["reason"], "Expired");
    let form = Form {
        accept: "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
        ..Form::default()
    };
    let metadata = raw(&fake, "GET", SECRETS, &form).unwrap().1;
    assert!(!metadata.contains("\"data\"") && metadata.contains("PartialObjectMetadata"));
}

#[test]
fn a_watch_of_a_selection_sees_objects_come_and_go() {
    let fake = FakeKube::empty();
    post(&fake, SECRETS, secret("a", "back"));
    fake.change(|world| {
        world.when("WATCH /api/v1/secrets", |world| {
            let mut object = world.get(&format!("{SECRETS}/a")).unwrap();
            object["metadata"]["labels"]["tier"] = "front".into();
            world.store(object.clone());
            object["metadata"]["labels"]["tier"] = "back".into();
            world.store(object);
            world.delete("Secret", "default", "a");
        });
    });
    let query = "watch=true&sendInitialEvents=true&allowWatchBookmarks=true&timeoutSeconds=0";
    let events = lines(&fake, &format!("/api/v1/secrets?{query}&labelSelector=tier%3Dback"));
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(kinds, ["ADDED", "BOOKMARK", "DELETED", "ADDED", "DELETED", "BOOKMARK"]);
    let annotations = &events[1]["object"]["metadata"]["annotations"];
    assert_eq!(annotations["k8s.io/initial-events-end"], "true");
}

#[test]
fn namespaces_come_furnished_and_go_with_what_is_in_them() {
    let fake = FakeKube::empty();
    let space = |name: &str| json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
    fake.change(|world| world.hold(Held::Accounts));
    post(&fake, "/api/v1/namespaces", space("bare"));
    assert_eq!(read(&fake, "/api/v1/namespaces/bare/serviceaccounts/default").0, 404);
    fake.change(|world| world.release(Held::Accounts));
    post(&fake, "/api/v1/namespaces", space("full"));
    assert_eq!(read(&fake, "/api/v1/namespaces/full/serviceaccounts/default").0, 200);
    assert_eq!(read(&fake, "/api/v1/namespaces/full/configmaps/kube-root-ca.crt").0, 200);
    let none = post(&fake, "/api/v1/namespaces/none/secrets", secret("a", "b"));
    assert_eq!((none.0, &none.1["details"]["kind"]), (404, &json!("namespaces")));
    fake.change(|world| world.hold(Held::Namespaces));
    let (_, leaving) = ask(&fake, "DELETE", "/api/v1/namespaces/full", "", Value::Null);
    fake.change(|world| world.end_namespace("full"));
    assert_eq!(leaving["status"]["phase"], "Terminating");
    let late = post(&fake, "/api/v1/namespaces/full/secrets", secret("a", "b")).1;
    assert_eq!(late["details"]["causes"][0]["reason"], "NamespaceTerminating");
    fake.change(|world| world.release(Held::Namespaces));
    let version = leaving["metadata"]["resourceVersion"].as_str().unwrap();
    let watch = format!("/api/v1/namespaces?watch=true&resourceVersion={version}&timeoutSeconds=1");
    let gone = lines(&fake, &watch);
    assert_eq!(gone[0]["type"], "DELETED", "{gone:?}");
    assert_eq!(read(&fake, "/api/v1/namespaces/full/configmaps").1["items"], json!([]));
}

#[test]
fn definitions_add_kinds_once_they_are_established() {
    let fake = FakeKube::empty();
    let crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "applications.argoproj.io" },
        "spec": { "group": "argoproj.io", "scope": "Namespaced",
            "names": { "plural": "applications", "kind": "Application" },
            "versions": [{ "name": "v1alpha1", "served": true, "storage": true,
                "subresources": { "status": {} } }] },
    });
    let path = "/apis/argoproj.io/v1alpha1/namespaces/default/applications";
    assert_eq!(get(&fake, path), (404, "404 page not found\n".to_owned()));
    fake.change(|world| world.hold(Held::Definitions));
    assert_eq!(post(&fake, crds, definition).0, 201);
    let crd = format!("{crds}/applications.argoproj.io");
    assert!(read(&fake, &crd).1["status"]["conditions"].is_null());
    fake.change(|world| world.release(Held::Definitions));
    assert_eq!(read(&fake, &crd).1["status"]["conditions"][1]["type"], "Established");
    let object = json!({ "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": { "name": "x" }, "spec": { "a": 1 }, "status": { "no": 1 } });
    let (code, made) = post(&fake, path, object);
    assert_eq!((code, &made["metadata"]["generation"]), (201, &json!(1)));
    assert!(made.get("status").is_none());
    let healthy = json!({ "status": { "health": "Healthy" }, "spec": { "a": 2 } });
    let below = ask(&fake, "PATCH", &format!("{path}/x/status"), MERGE, healthy).1;
    assert_eq!((&below["status"]["health"], &below["spec"]["a"]), (&json!("Healthy"), &json!(1)));
    let changed = ask(&fake, "PATCH", &format!("{path}/x"), MERGE, json!({ "spec": { "a": 2 } })).1;
    assert_eq!(changed["metadata"]["generation"], 2);
    assert_eq!(changed["metadata"]["managedFields"].as_array().map(Vec::len), Some(2));
    let (_, groups) = read(&fake, "/apis/argoproj.io/v1alpha1");
    assert_eq!(groups["resources"][1]["name"], "applications/status");
}

#[test]
fn discovery_lists_what_is_served_in_both_forms() {
    let fake = FakeKube::empty();
    assert_eq!(read(&fake, "/api").1["versions"], json!(["v1"]));
    let groups = read(&fake, "/apis").1;
    assert!(groups["groups"].as_array().unwrap().iter().any(|group| group["name"] == "apps"));
    assert_eq!(read(&fake, "/apis/apps").1["kind"], "APIGroup");
    let recorded = include_str!("../../../corpus/api/discovery/apis_apps_v1.json");
    let recorded: Value = serde_json::from_str(recorded).unwrap();
    assert_eq!(read(&fake, "/apis/apps/v1").1, recorded);
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let form = Form { accept, ..Form::default() };
    let document: Value =
        serde_json::from_str(&raw(&fake, "GET", "/api", &form).unwrap().1).unwrap();
    let core = &document["items"][0]["versions"][0];
    assert_eq!((&core["version"], &core["freshness"]), (&json!("v1"), &json!("Current")));
    let is_pods = |row: &&Value| row["resource"] == "pods";
    let pods = core["resources"].as_array().unwrap().iter().find(is_pods).unwrap();
    assert_eq!(pods["responseKind"], json!({ "group": "", "version": "v1", "kind": "Pod" }));
    assert_eq!(pods["subresources"][0]["subresource"], "attach");
}

#[test]
fn owners_take_their_dependents_along() {
    let fake = FakeKube::empty();
    let (_, owner) = post(&fake, SECRETS, secret("owner", "a"));
    let reference = json!([{ "apiVersion": "v1", "kind": "Secret", "name": "owner",
        "uid": owner["metadata"]["uid"], "blockOwnerDeletion": true }]);
    let mut own = secret("own", "a");
    own["metadata"]["ownerReferences"] = reference;
    post(&fake, SECRETS, own.clone());
    let orphan = json!({ "propagationPolicy": "Orphan" });
    ask(&fake, "DELETE", &format!("{SECRETS}/owner"), "", orphan);
    assert_eq!(read(&fake, &format!("{SECRETS}/own")).0, 200);
    let (_, owner) = post(&fake, SECRETS, secret("owner", "a"));
    own["metadata"]["name"] = "other".into();
    own["metadata"]["ownerReferences"][0]["uid"] = owner["metadata"]["uid"].clone();
    own["metadata"]["finalizers"] = json!(["example.org/wait"]);
    post(&fake, SECRETS, own);
    let first = json!({ "propagationPolicy": "Foreground" });
    let (_, marked) = ask(&fake, "DELETE", &format!("{SECRETS}/owner"), "", first);
    assert_eq!(marked["metadata"]["finalizers"], json!(["foregroundDeletion"]));
    let free = json!({ "metadata": { "finalizers": null } });
    let other = format!("{SECRETS}/other");
    assert!(read(&fake, &other).1["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(ask(&fake, "PATCH", &other, MERGE, free).0, 200);
    assert_eq!(read(&fake, &other).0, 404);
    assert_eq!(read(&fake, &format!("{SECRETS}/owner")).0, 404);
    assert_eq!(ask(&fake, "DELETE", SECRETS, "", Value::Null).1["kind"], "SecretList");
    assert_eq!(read(&fake, SECRETS).1["items"], json!([]));
}

/// Makes a pod for every deployment, and says later that it runs.
struct Pods {
    looks: usize,
}

impl Controller for Pods {
    fn turn(&mut self, world: &mut World) -> Option<Duration> {
        self.looks += 1;
        let mut later = None;
        for deployment in world.objects("Deployment") {
            let name = deployment["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            match world.find("Pod", "default", &name) {
                None => {
                    world.store(json!({ "apiVersion": "v1", "kind": "Pod",
                        "metadata": { "name": name, "namespace": "default" },
                        "status": { "phase": "Pending" } }));
                    later = Some(Duration::from_millis(1));
                }
                Some(mut pod) if pod["status"]["phase"] == "Pending" && self.looks > 3 => {
                    pod["status"]["phase"] = "Running".into();
                    world.store(pod);
                }
                Some(_) => later = Some(Duration::from_millis(1)),
            }
        }
        later
    }
}

#[test]
fn controllers_have_their_turn_after_each_change_and_again_when_they_ask() {
    let fake = FakeKube::empty();
    fake.change(|world| world.controller(Box::new(Pods { looks: 0 })));
    let object = super::applied::deployment("web", "web:1");
    assert_eq!(post(&fake, DEPLOYMENTS, object).0, 201);
    let query = "watch=true&timeoutSeconds=1&fieldSelector=status.phase%3DRunning";
    let events = lines(&fake, &format!("/api/v1/pods?{query}"));
    assert_eq!(events[0]["object"]["metadata"]["name"], "web", "{events:?}");
}

#[test]
fn a_state_that_was_written_down_is_taken_over() {
    let fake = FakeKube::start();
    post(&fake, SECRETS, secret("a", "b"));
    let dump = fake.change(|world| world.dump());
    let other = FakeKube::empty();
    other.change(|world| world.load(&dump));
    let path = format!("{SECRETS}/a");
    assert_eq!(read(&other, &path), read(&fake, &path));
    let (_, made) = post(&other, SECRETS, secret("new", "b"));
    let version = |object: &Value| {
        object["metadata"]["resourceVersion"].as_str().unwrap().parse::<u64>().unwrap()
    };
    assert!(version(&made) > version(&read(&fake, &path).1));
}
