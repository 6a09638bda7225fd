//! References of every kind, met and unmet.

use serde_json::json;

use super::*;
use crate::manifest::Place;
use crate::manifest::missing::{Present, missing};

fn object(value: Value) -> Object {
    Object::new(value, Place::default()).unwrap()
}

fn workload(spec: &Value) -> Object {
    object(json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "api"},
        "spec": {"template": {"spec": spec}, "volumeClaimTemplates": [{"metadata": {"name": "data"}}]}}))
}

fn everything() -> Object {
    workload(&json!({
        "serviceAccountName": "runner",
        "imagePullSecrets": [{"name": "pull"}],
        "initContainers": [{"name": "i", "env": [{"valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}]}],
        "containers": [{"name": "a",
            "envFrom": [{"secretRef": {"name": "s-all"}}, {"configMapRef": {"name": "c-all", "optional": true}}],
            "env": [
                {"name": "X", "value": "plain"},
                {"name": "Y", "valueFrom": {"secretKeyRef": {"name": "s", "key": "one"}}},
                {"name": "Z", "valueFrom": {"secretKeyRef": {"name": "s", "key": "two", "optional": true}}}]}],
        "volumes": [
            {"name": "v1", "secret": {"secretName": "s-vol", "items": [{"key": "crt", "path": "p"}]}},
            {"name": "v2", "configMap": {"name": "c-vol"}},
            {"name": "v3", "projected": {"sources": [
                {"secret": {"name": "s-proj"}}, {"configMap": {"name": "kube-root-ca.crt"}},
                {"serviceAccountToken": {"path": "token"}},
                {"configMap": {"name": "c-proj", "optional": true}}]}},
            {"name": "v4", "persistentVolumeClaim": {"claimName": "claim"}},
            {"name": "v5", "csi": {"driver": "d", "nodePublishSecretRef": {"name": "s-csi"}}},
            {"name": "v6", "emptyDir": {}},
            {"name": "data", "persistentVolumeClaim": {"claimName": "made-by-template"}}]}))
}

#[test]
fn every_way_to_refer_is_found_and_optional_ones_are_not() {
    let found = references(&everything(), "n");
    let found: Vec<_> = found
        .iter()
        .map(|r| {
            (r.target.kind(), r.name.as_str(), r.key.as_deref().unwrap_or("-"), r.path.as_str())
        })
        .collect();
    assert_eq!(
        found,
        [
            ("ServiceAccount", "runner", "-", "spec.template.spec.serviceAccountName"),
            ("Secret", "pull", "-", "spec.template.spec.imagePullSecrets[0]"),
            (
                "ConfigMap",
                "c",
                "k",
                "spec.template.spec.initContainers[0].env[0].valueFrom.configMapKeyRef"
            ),
            ("Secret", "s-all", "-", "spec.template.spec.containers[0].envFrom[0].secretRef"),
            (
                "Secret",
                "s",
                "one",
                "spec.template.spec.containers[0].env[1].valueFrom.secretKeyRef"
            ),
            ("Secret", "s-vol", "crt", "spec.template.spec.volumes[0].secret.items[0]"),
            ("ConfigMap", "c-vol", "-", "spec.template.spec.volumes[1].configMap"),
            ("Secret", "s-proj", "-", "spec.template.spec.volumes[2].projected.sources[0].secret"),
            (
                "PersistentVolumeClaim",
                "claim",
                "-",
                "spec.template.spec.volumes[3].persistentVolumeClaim"
            ),
            ("Secret", "s-csi", "-", "spec.template.spec.volumes[4].csi.nodePublishSecretRef"),
        ]
    );
}

#[test]
fn pods_of_every_kind_are_looked_into() {
    let spec = json!({"containers": [{"envFrom": [{"secretRef": {"name": "s"}}]}]});
    for (kind, body) in [
        ("Pod", spec.clone()),
        ("Deployment", json!({"template": {"spec": spec}})),
        ("Job", json!({"template": {"spec": spec}})),
        ("CronJob", json!({"jobTemplate": {"spec": {"template": {"spec": spec}}}})),
        ("Rollout", json!({"template": {"spec": spec}})),
    ] {
        let object = object(
            json!({"apiVersion": "x/v1", "kind": kind, "metadata": {"name": "a"}, "spec": body}),
        );
        assert_eq!(references(&object, "n").len(), 1, "{kind}");
    }
    let service = object(
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {}}),
    );
    assert!(references(&service, "n").is_empty());
}

#[test]
fn all_missing_keys_of_a_secret_are_named_at_once() {
    let key = |key: &str| json!({"name": "V", "valueFrom": {"secretKeyRef": {"name": "pred-maint-secrets", "key": key}}});
    let api = workload(&json!({"containers": [
        {"env": [key("azure-client-id"), key("azure-tenant-id")]},
        {"env": [key("feast-redis-connection-string"), key("azure-client-id")]}]}));
    let mut present = Present::default();
    present.add_object(
        &json!({"kind": "Secret", "metadata": {"name": "pred-maint-secrets", "namespace": "pred-maint"},
            "data": {"azure-tenant-id": "eA=="}}),
        "default",
    );
    let missing = missing(&references(&api, "pred-maint"), &present);
    assert_eq!(missing.len(), 1);
    assert_eq!(missing[0].keys, ["azure-client-id", "feast-redis-connection-string"]);
    assert!(!missing[0].absent);
    let failure = missing[0].failure();
    assert_eq!(failure.code, "SECRET_KEY_MISSING");
    assert_eq!(
        failure.summary,
        "the keys `azure-client-id`, `feast-redis-connection-string` of Secret \
         `pred-maint/pred-maint-secrets` are nowhere, and this run does not make it"
    );
    assert_eq!(
        failure.fix.unwrap().command,
        "declare a `[[secret]]` in mlup.toml: name = \"pred-maint-secrets\", namespace = \"pred-maint\", \
         keys = { azure-client-id = \"...\", feast-redis-connection-string = \"...\" }"
    );
}

#[test]
fn everything_missing_is_one_entry_a_thing() {
    let missing = missing(&references(&everything(), "n"), &Present::default());
    assert_eq!(missing.len(), 10);
    assert!(missing.iter().all(|one| one.absent && one.namespace == "n"));
    let mut codes: Vec<_> = missing.iter().map(|one| one.failure().code).collect();
    codes.dedup();
    assert_eq!(
        codes,
        [
            "PULL_SECRET_MISSING",
            "SECRET_MISSING",
            "CONFIG_MAP_MISSING",
            "CLAIM_MISSING",
            "POD_ACCOUNT_MISSING"
        ]
    );
}

#[test]
fn what_many_want_is_one_failure_that_counts_them() {
    let wanting = |n: usize| {
        let mut object =
            workload(&json!({"containers": [{"envFrom": [{"secretRef": {"name": "s"}}]}]}));
        object.place = Place { file: format!("{n}.yaml"), line: 1 };
        references(&object, "n")
    };
    let all: Vec<_> = (0..7).flat_map(wanting).collect();
    let missing = missing(&all, &Present::default());
    let failure = missing[0].failure();
    let sources: Vec<&str> = failure.evidence.iter().map(|line| line.source.as_str()).collect();
    assert_eq!(sources, ["0.yaml:1", "1.yaml:1", "2.yaml:1", "3.yaml:1", "and"]);
    assert_eq!(failure.evidence[4].text, "3 more");
}

#[test]
fn the_claims_of_a_stateful_set_are_there_for_others() {
    let mut present = Present::default();
    present.add_object(
        &json!({"kind": "StatefulSet", "metadata": {"name": "db", "namespace": "n"},
            "spec": {"replicas": 2, "volumeClaimTemplates": [{"metadata": {"name": "data"}}]}}),
        "n",
    );
    let mounts = |claim: &str| {
        workload(&json!({"containers": [], "volumes": [
            {"name": "v", "persistentVolumeClaim": {"claimName": claim}}]}))
    };
    assert_eq!(missing(&references(&mounts("data-db-1"), "n"), &present), []);
    assert_eq!(missing(&references(&mounts("data-db-2"), "n"), &present).len(), 1);
}

#[test]
fn a_secret_of_another_namespace_does_not_count() {
    let mut present = Present::default();
    present.add(Target::Secret, "other", "s", []);
    let api = workload(&json!({"containers": [{"envFrom": [{"secretRef": {"name": "s"}}]}]}));
    assert_eq!(missing(&references(&api, "n"), &present).len(), 1);
    assert_eq!(missing(&references(&api, "other"), &present), []);
}

#[test]
fn a_secret_that_a_controller_will_fill_has_any_key() {
    let mut present = Present::default();
    for value in [
        json!({"kind": "Certificate", "metadata": {"name": "c"}, "spec": {"secretName": "tls"}}),
        json!({"kind": "ExternalSecret", "metadata": {"name": "ext"}}),
        json!({"kind": "SealedSecret", "metadata": {"name": "sealed"}}),
    ] {
        present.add_object(&value, "n");
    }
    let key = |name: &str| json!({"name": "V", "valueFrom": {"secretKeyRef": {"name": name, "key": "any"}}});
    let api = workload(&json!({"containers": [{"env": [key("tls"), key("ext"), key("sealed")]}]}));
    assert_eq!(missing(&references(&api, "n"), &present), []);
}

#[test]
fn the_pull_secrets_of_an_account_count() {
    let account = object(json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "sa", "namespace": "m"}, "imagePullSecrets": [{"name": "pull"}]}));
    let found = references(&account, "n");
    assert_eq!((found[0].namespace.as_str(), found[0].name.as_str()), ("m", "pull"));
}
