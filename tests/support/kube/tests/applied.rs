//! Server-side apply and other patches: owners, conflicts, removals, defaults, refusals.

use super::*;

const CONFIGS: &str = "/api/v1/namespaces/default/configmaps";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";
const SERVICES: &str = "/api/v1/namespaces/default/services";

pub(super) fn deployment(name: &str, image: &str) -> Value {
    json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name },
        "spec": { "selector": { "matchLabels": { "app": name } },
            "template": { "metadata": { "labels": { "app": name } },
                "spec": { "containers": [{ "name": "main", "image": image,
                    "env": [{ "name": "A", "value": "1" }, { "name": "B", "value": "2" }] }] } } } })
}

fn config(data: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "c" }, "data": data })
}

fn apply(fake: &FakeKube, path: &str, who: &str, object: Value) -> (u16, Value) {
    ask(fake, "PATCH", &format!("{path}?fieldManager={who}"), APPLY, object)
}

fn owners(object: &Value) -> Vec<String> {
    let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let text = |entry: &Value| {
        format!("{} {} {}", entry["manager"], entry["operation"], entry["fieldsV1"])
            .replace('"', "")
    };
    entries.iter().map(text).collect()
}

#[test]
fn fields_have_owners_who_are_asked() {
    let fake = FakeKube::empty();
    let path = format!("{CONFIGS}/c");
    assert_eq!(apply(&fake, &path, "", config(&json!({}))).0, 422);
    assert_eq!(apply(&fake, &path, "one", config(&json!({ "a": "1", "b": "1" }))).0, 201);
    assert_eq!(apply(&fake, &path, "two", config(&json!({ "a": "1", "c": "1" }))).0, 200);
    let (code, refused) = apply(&fake, &path, "two", config(&json!({ "a": "2", "b": "2" })));
    assert_eq!(code, 409);
    assert_eq!(
        refused["message"],
        "Apply failed with 2 conflicts: conflicts with \"one\":\n- .data.a\n- .data.b"
    );
    // What both had stays when one lets go of it; what one alone had goes.
    let (_, object) = apply(&fake, &path, "two", config(&json!({ "d": "1" })));
    assert_eq!(object["data"], json!({ "a": "1", "b": "1", "d": "1" }));
    let forced = format!("{path}?fieldManager=two&force=true");
    let (_, object) = ask(&fake, "PATCH", &forced, APPLY, config(&json!({ "a": "2" })));
    assert_eq!(object["data"], json!({ "a": "2", "b": "1" }));
    assert_eq!(owners(&object), ["one Apply {f:data:{f:b:{}}}", "two Apply {f:data:{f:a:{}}}"]);
    let dry = format!("{forced}&dryRun=All");
    let (_, tried) = ask(&fake, "PATCH", &dry, APPLY, config(&json!({ "a": "3" })));
    assert_eq!(tried["data"]["a"], "3");
    assert_eq!(read(&fake, &path).1["data"]["a"], "2");
    assert_eq!(fake.writes().len(), 6);
}

#[test]
fn plain_writes_take_fields_over_and_appliers_hear_of_it() {
    let fake = FakeKube::empty();
    let path = format!("{DEPLOYMENTS}/web");
    apply(&fake, &path, "mlup", deployment("web", "web:1"));
    let edit = json!({ "spec": { "replicas": 3, "template": { "spec": { "containers":
        [{ "name": "main", "image": "web:2" }] } } } });
    let strategic = "application/strategic-merge-patch+json";
    let edited_at = format!("{path}?fieldManager=kubectl-edit");
    let (code, edited) = ask(&fake, "PATCH", &edited_at, strategic, edit);
    assert_eq!((code, &edited["spec"]["replicas"]), (200, &json!(3)));
    assert_eq!(edited["metadata"]["generation"], 2);
    assert_eq!(
        owners(&edited)[1],
        "kubectl-edit Update {f:spec:{f:replicas:{},f:template:{f:spec:{f:containers:\
         {k:{\\name\\:\\main\\}:{f:image:{}}}}}}}"
    );
    let (_, refused) = apply(&fake, &path, "mlup", deployment("web", "web:3"));
    assert_eq!(
        refused["message"],
        "Apply failed with 1 conflict: conflict with \"kubectl-edit\" using apps/v1: \
         .spec.template.spec.containers[name=\"main\"].image"
    );
    assert_eq!(refused["details"]["causes"][0]["reason"], "FieldManagerConflict");
}

#[test]
fn items_of_lists_go_by_their_keys() {
    let fake = FakeKube::empty();
    let path = format!("{DEPLOYMENTS}/web");
    apply(&fake, &path, "mlup", deployment("web", "web"));
    let mut smaller = deployment("web", "web");
    smaller["spec"]["template"]["spec"]["containers"][0]["env"] =
        json!([{ "name": "B", "value": "3" }]);
    let (_, object) = apply(&fake, &path, "mlup", smaller);
    let container = &object["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["env"], json!([{ "name": "B", "value": "3" }]));
    assert_eq!(container["imagePullPolicy"], "Always");
    let again = apply(
        &fake,
        &path,
        "other",
        json!({ "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "web", "finalizers": ["example.org/x"] } }),
    );
    assert_eq!(
        owners(&again.1)[1],
        "other Apply {f:metadata:{f:finalizers:{v:\\example.org/x\\:{}}}}"
    );
}

#[test]
fn who_was_not_followed_before_the_first_apply_is_named_so() {
    let fake = FakeKube::empty();
    fake.change(|world| world.put(CONFIGS, "c", json!({ "data": { "a": "1" } })));
    let path = format!("{CONFIGS}/c");
    let quiet = ask(&fake, "PATCH", &path, MERGE, json!({ "data": { "b": "1" } })).1;
    assert_eq!(owners(&quiet), [""; 0]);
    let (_, object) = apply(&fake, &path, "mlup", config(&json!({ "c": "1" })));
    assert_eq!(
        owners(&object),
        ["mlup Apply {f:data:{f:c:{}}}", "before-first-apply Update {f:data:{.:{},f:a:{},f:b:{}}}"]
    );
}

#[test]
fn what_cannot_be_is_refused_in_the_words_of_the_server() {
    let fake = FakeKube::empty();
    let job = |image: &str| {
        json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "j" },
            "spec": { "template": { "spec": { "restartPolicy": "Never",
                "containers": [{ "name": "c", "image": image }] } } } })
    };
    let jobs = "/apis/batch/v1/namespaces/default/jobs";
    let (_, made) = apply(&fake, &format!("{jobs}/j"), "mlup", job("a:1"));
    assert_eq!(made["spec"]["template"]["metadata"]["labels"]["job-name"], "j", "{made}");
    assert_eq!(apply(&fake, &format!("{jobs}/j"), "mlup", job("a:1")).0, 200);
    let mut extra = deployment("x", "x");
    extra["spec"]["replica"] = 1.into();
    let mut unmatched = deployment("x", "x");
    unmatched["spec"]["template"]["metadata"]["labels"]["app"] = "y".into();
    let rows = [
        (format!("{jobs}/j"), job("a:2"), 422, "field is immutable"),
        (format!("{DEPLOYMENTS}/x"), extra, 500, ".spec.replica: field not declared in schema"),
        (
            format!("{DEPLOYMENTS}/x"),
            unmatched,
            422,
            "Deployment.apps \"x\" is invalid: spec.template.metadata.labels: Invalid value: \
             {\"app\":\"y\"}: `selector` does not match template `labels`",
        ),
        (
            format!("{CONFIGS}/Bad_Name"),
            json!({ "metadata": { "name": "Bad_Name" } }),
            422,
            "RFC 1123",
        ),
        (
            format!("{CONFIGS}/c"),
            json!({ "kind": "Secret" }),
            400,
            "cannot be handled as a ConfigMap",
        ),
        (
            format!("{CONFIGS}/c"),
            json!({ "metadata": { "namespace": "x" } }),
            400,
            "does not match",
        ),
        (
            "/api/v1/namespaces/default/persistentvolumeclaims/p".to_owned(),
            json!({ "spec": { "accessModes": ["ReadWriteOnce"] } }),
            422,
            "spec.resources[storage]: Required value",
        ),
    ];
    for (path, object, code, text) in rows {
        let (found, body) = apply(&fake, &path, "mlup", object);
        let message = body["message"].as_str().unwrap_or_default();
        assert!(found == code && message.contains(text), "{path}: {found} {message}");
    }
}

#[test]
fn services_get_addresses_and_ports_of_their_own() {
    let fake = FakeKube::empty();
    let service = |name: &str| {
        json!({ "metadata": { "name": name }, "spec": { "type": "NodePort",
            "selector": { "app": name }, "ports": [{ "port": 80 }] } })
    };
    let (_, one) = apply(&fake, &format!("{SERVICES}/one"), "mlup", service("one"));
    let (_, two) = apply(&fake, &format!("{SERVICES}/two"), "mlup", service("two"));
    assert_eq!(
        (&one["spec"]["ports"][0]["nodePort"], &two["spec"]["ports"][0]["nodePort"]),
        (&json!(30000), &json!(30001))
    );
    assert_ne!(one["spec"]["clusterIP"], two["spec"]["clusterIP"]);
    assert_eq!(one["spec"]["ports"][0]["targetPort"], 80);
    let same = apply(&fake, &format!("{SERVICES}/one"), "mlup", service("one")).1;
    assert_eq!(same, one);
    let mut moved = service("one");
    moved["spec"]["clusterIP"] = "10.96.9.9".into();
    let (code, refused) = apply(&fake, &format!("{SERVICES}/one"), "mlup", moved);
    assert_eq!(code, 422);
    assert!(refused["message"].as_str().unwrap().contains("may not change once set"), "{refused}");
}

#[test]
fn what_a_strict_caller_misspells_is_refused() {
    let fake = FakeKube::empty();
    let object = json!({ "metadata": { "name": "c" }, "dta": {} });
    let (code, refused) = post(&fake, &format!("{CONFIGS}?fieldValidation=Strict"), object.clone());
    assert_eq!((code, &refused["reason"]), (400, &json!("BadRequest")));
    assert!(refused["message"].as_str().unwrap().ends_with("unknown field \"dta\""), "{refused}");
    assert_eq!(post(&fake, CONFIGS, object).0, 201);
}

#[test]
fn a_quantity_in_another_form_is_no_change() {
    let fake = FakeKube::empty();
    let path = format!("{DEPLOYMENTS}/web");
    let mut object = deployment("web", "web");
    object["spec"]["template"]["spec"]["containers"][0]["resources"] =
        json!({ "requests": { "memory": "1024Mi", "cpu": 1 } });
    let (_, made) = apply(&fake, &path, "mlup", object.clone());
    let held = &made["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"];
    assert_eq!(*held, json!({ "memory": "1Gi", "cpu": "1" }));
    assert_eq!(apply(&fake, &path, "mlup", object).1, made);
}

#[test]
fn json_patches_are_carried_out_step_by_step() {
    let fake = FakeKube::empty();
    fake.change(|world| world.put(CONFIGS, "c", config(&json!({ "a": "1" }))));
    let path = format!("{CONFIGS}/c");
    let steps = json!([
        { "op": "test", "path": "/data/a", "value": "1" },
        { "op": "replace", "path": "/data/a", "value": "2" },
        { "op": "add", "path": "/data/b~1c", "value": "3" },
    ]);
    let form = "application/json-patch+json";
    assert_eq!(ask(&fake, "PATCH", &path, form, steps).1["data"], json!({ "a": "2", "b/c": "3" }));
    let absent = json!([{ "op": "remove", "path": "/data/none" }]);
    assert_eq!(ask(&fake, "PATCH", &path, form, absent).0, 422);
    assert_eq!(ask(&fake, "PATCH", &path, "text/plain", json!({})).0, 415);
}
