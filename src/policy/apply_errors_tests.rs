//! Refusals as a real API server words them: recordings under `tests/corpus/api`, and a few texts.

use std::path::Path;

use super::*;

fn request<'r>(kind: &'r str, name: &'r str, namespace: &'r str, object: &'r str) -> Request<'r> {
    let api_version = if kind == "Deployment" { "apps/v1" } else { "v1" };
    Request { verb: "apply", object, api_version, kind, namespace, name }
}

/// The failure that a recorded answer means.
fn recorded(call: &str, request: &Request<'_>) -> Failure {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/corpus/api/calls/{call}.json"));
    let recording: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let response = &recording["response"];
    let code = u16::try_from(response["status"].as_u64().unwrap()).unwrap();
    let body =
        response["text"].as_str().map_or_else(|| response["body"].to_string(), str::to_owned);
    failure(request, code, &body)
}

fn secret() -> Request<'static> {
    request(
        "Secret",
        "ecr-registry-key",
        "api-recording",
        "Secret `api-recording/ecr-registry-key`",
    )
}

fn deployment() -> Request<'static> {
    request("Deployment", "api", "api-recording", "Deployment `api-recording/api`")
}

fn node_port() -> Request<'static> {
    request("Service", "np2", "api-recording", "Service `api-recording/np2`")
}

/// A recording, the request behind it, and what it means.
type Case = (&'static str, Request<'static>, Class, &'static str, &'static str);

fn cases() -> [Case; 14] {
    [
        (
            "07-secret-apply-conflict-409",
            secret(),
            Class::Refused,
            "FIELD_OWNED",
            "field `data..dockerconfigjson` is owned by `mlup`",
        ),
        (
            "09-secret-apply-type-immutable-422",
            secret(),
            Class::Refused,
            "FIELD_IMMUTABLE",
            "field `type` cannot be changed",
        ),
        (
            "10-secret-invalid-dockerconfigjson-422",
            secret(),
            Class::Config,
            "OBJECT_INVALID",
            "`data[.dockerconfigjson]`: Invalid value",
        ),
        (
            "11-secret-unknown-field-strict-400",
            secret(),
            Class::Config,
            "OBJECT_INVALID",
            ".dataa: field not declared in schema",
        ),
        (
            "15-serviceaccount-put-stale-409",
            secret(),
            Class::Transient,
            "API_CONFLICT",
            "somebody changed it at the same time",
        ),
        (
            "02-namespace-create-again-409",
            secret(),
            Class::Transient,
            "API_CONFLICT",
            "it is there already",
        ),
        (
            "16-deployment-apply-empty-image-422",
            deployment(),
            Class::Config,
            "OBJECT_INVALID",
            "`spec.template.spec.containers[0].image`: Required value",
        ),
        (
            "21-deployment-selector-immutable-422",
            deployment(),
            Class::Refused,
            "FIELD_IMMUTABLE",
            "field `spec.selector` cannot be changed",
        ),
        (
            "28-namespace-absent-create-404",
            Request { namespace: "nope", ..secret() },
            Class::Prerequisite,
            "NAMESPACE_MISSING",
            "there is no namespace `nope`",
        ),
        (
            "03-secret-get-404",
            secret(),
            Class::Permanent,
            "API_NOT_FOUND",
            "secrets `ecr-registry-key` is not there",
        ),
        (
            "29-forbidden-403",
            secret(),
            Class::Prerequisite,
            "API_FORBIDDEN",
            "user `jane` may not list secrets in namespace `default`",
        ),
        ("30-unauthorized-401", secret(), Class::Prerequisite, "API_UNAUTHORIZED", "not accepted"),
        (
            "32-service-nodeport-taken-422",
            node_port(),
            Class::Refused,
            "NODE_PORT_TAKEN",
            "node port 31780 belongs to another service",
        ),
        (
            "36-secret-create-in-terminating-403",
            secret(),
            Class::Refused,
            "NAMESPACE_TERMINATING",
            "namespace `api-recording` is being deleted",
        ),
    ]
}

#[test]
fn every_recorded_refusal_is_explained() {
    for (call, request, class, code, words) in cases() {
        let failure = recorded(call, &request);
        assert_eq!((failure.class, failure.code), (class, code), "{call}");
        assert!(failure.summary.contains(words), "{call}: {}", failure.summary);
        assert!((1..=5).contains(&failure.evidence.len()), "{call}");
    }
}

#[test]
fn an_unknown_group_names_the_missing_definition() {
    let request = Request {
        api_version: "argoproj.io/v1alpha1",
        kind: "Application",
        ..request("Application", "root", "argocd", "Application `argocd/root`")
    };
    let failure = recorded("27-kind-unknown-404", &request);
    assert_eq!(failure.code, "KIND_UNKNOWN");
    assert_eq!(
        failure.summary,
        "the cluster does not know the kind Application of argoproj.io/v1alpha1"
    );
    assert!(
        failure
            .fix
            .unwrap()
            .command
            .contains("CustomResourceDefinition of Application in group argoproj.io")
    );
    assert!(
        unknown_kind("extensions/v1beta1", "Ingress")
            .fix
            .unwrap()
            .command
            .contains("api-resources")
    );
}

#[test]
fn an_immutable_field_is_told_with_a_fix_that_is_marked_destructive() {
    let fix = recorded("21-deployment-selector-immutable-422", &deployment()).fix.unwrap();
    assert_eq!(fix.safety, crate::event::Safety::Destructive);
    assert!(fix.command.starts_with("kubectl delete deployment api -n api-recording"));
}

#[test]
fn every_field_of_a_conflict_is_named_with_its_owner() {
    let body = r#"{"kind":"Status","message":"Apply failed with 2 conflicts","reason":"Conflict","details":{"causes":[
        {"reason":"FieldManagerConflict","message":"conflict with \"kubectl-client-side-apply\" using apps/v1","field":".spec.replicas"},
        {"reason":"FieldManagerConflict","message":"conflict with \"ci\"","field":".spec.template.spec.containers[name=\"api\"].image"}]}}"#;
    let failure = failure(&deployment(), 409, body);
    assert_eq!(
        failure.summary,
        "could not apply Deployment `api-recording/api`: field `spec.template.spec.containers[name=\"api\"].image` is owned by `ci` (and 1 more)"
    );
    assert_eq!(failure.evidence[0].text, "owned by `ci`", "who does not give way comes first");
    assert!(failure.fix.unwrap().command.contains("`keep`"));
}

#[test]
fn what_may_pass_is_tried_again() {
    let webhook = r#"{"kind":"Status","message":"Internal error occurred: failed calling webhook \"validate.nginx.ingress.kubernetes.io\": Post \"https://x\": dial tcp 10.0.0.1:443: connect: connection refused","reason":"InternalError","code":500}"#;
    for (code, body, expected) in [
        (500, webhook, "WEBHOOK_UNREACHABLE"),
        (429, "{}", "API_UNAVAILABLE"),
        (503, "", "API_UNAVAILABLE"),
        (500, "{\"message\":\"etcdserver: leader changed\"}", "API_UNAVAILABLE"),
        (504, "{}", "API_UNAVAILABLE"),
    ] {
        let failure = failure(&deployment(), code, body);
        assert_eq!((failure.class, failure.code), (Class::Transient, expected), "{code} {body}");
    }
    assert!(
        failure(&deployment(), 500, webhook)
            .summary
            .contains("`validate.nginx.ingress.kubernetes.io`")
    );
}

#[test]
fn a_webhook_that_says_no_is_no_webhook_that_is_away() {
    let body = r#"{"message":"admission webhook \"policy.x.io\" denied the request: no latest tags","reason":"Forbidden","code":403}"#;
    let failure = failure(&deployment(), 403, body);
    assert_eq!((failure.class, failure.code), (Class::Prerequisite, "API_FORBIDDEN"));
    assert!(failure.summary.contains("no latest tags"));
}
