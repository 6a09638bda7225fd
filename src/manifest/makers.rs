//! What may still make something that nobody has made yet: operators, jobs that may write secrets,
//! applications of Argo CD. What is missing then is no sure failure.

use serde_json::Value;

use super::missing::Missing;
use super::object::{Object, Scope};
use super::read;
use super::references::Target;

/// Custom kinds that make nothing that a pod could refer to.
const INERT: [&str; 12] = [
    "Gateway",
    "HTTPRoute",
    "IngressRoute",
    "Middleware",
    "PodMonitor",
    "Probe",
    "PrometheusRule",
    "ScaledObject",
    "ServiceMonitor",
    "TCPRoute",
    "VerticalPodAutoscaler",
    "VirtualService",
];

/// Which of these objects may make what is missing, if any may.
#[must_use]
pub fn maker<'o>(missing: &Missing, objects: &'o [Object]) -> Option<&'o Object> {
    objects.iter().find(|object| may_make(object, missing))
}

fn may_make(object: &Object, missing: &Missing) -> bool {
    let is_beside = object.id.namespace.as_ref().is_none_or(|own| *own == missing.namespace);
    match object.id.kind.as_str() {
        "ClusterRole" => allows(&object.value, missing.target),
        "Role" => is_beside && allows(&object.value, missing.target),
        // Where it deploys to is its own affair.
        "Application" | "ApplicationSet" => object.id.group == "argoproj.io",
        kind => {
            let is_custom = Scope::of(&object.id, &[]).is_none();
            is_custom && is_beside && !INERT.contains(&kind)
        }
    }
}

/// Whether a role lets its holders make things of this kind.
fn allows(role: &Value, target: Target) -> bool {
    let has = |rule: &Value, field: &str, wanted: &[&str]| {
        let mut values = read::list(rule, field).iter().filter_map(Value::as_str);
        values.any(|value| value == "*" || wanted.contains(&value))
    };
    let plural = format!("{}s", target.kind().to_ascii_lowercase());
    read::list(role, "/rules").iter().any(|rule| {
        has(rule, "/apiGroups", &[""])
            && has(rule, "/resources", &[plural.as_str()])
            && has(rule, "/verbs", &["create"])
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::manifest::Place;

    fn missing(target: Target) -> Missing {
        Missing {
            target,
            namespace: "n".to_owned(),
            name: "s".to_owned(),
            absent: true,
            keys: Vec::new(),
            wanted_by: Vec::new(),
        }
    }

    fn object(api: &str, kind: &str, namespace: Option<&str>, rules: &Value) -> Object {
        let value = json!({"apiVersion": api, "kind": kind, "rules": rules,
            "metadata": {"name": "x", "namespace": namespace}});
        Object::new(value, Place::default()).unwrap()
    }

    #[test]
    fn roles_operators_and_applications_may_make_what_is_missing() {
        let writes =
            json!([{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "create"]}]);
        let reads =
            json!([{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"]}]);
        let all = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]);
        let rbac = "rbac.authorization.k8s.io/v1";
        let none = json!(null);
        for (object, target, may) in [
            (object(rbac, "Role", Some("n"), &writes), Target::Secret, true),
            (object(rbac, "Role", Some("n"), &writes), Target::ConfigMap, false),
            (object(rbac, "Role", Some("other"), &writes), Target::Secret, false),
            (object(rbac, "Role", Some("n"), &reads), Target::Secret, false),
            (object(rbac, "ClusterRole", None, &all), Target::Claim, true),
            (
                object("argoproj.io/v1alpha1", "Application", Some("argocd"), &none),
                Target::Secret,
                true,
            ),
            (object("acid.zalan.do/v1", "postgresql", Some("n"), &none), Target::Secret, true),
            (object("acid.zalan.do/v1", "postgresql", Some("m"), &none), Target::Secret, false),
            (
                object("monitoring.coreos.com/v1", "ServiceMonitor", Some("n"), &none),
                Target::Secret,
                false,
            ),
            (object("apps/v1", "Deployment", Some("n"), &none), Target::Secret, false),
        ] {
            let found = maker(&missing(target), std::slice::from_ref(&object));
            assert_eq!(found.is_some(), may, "{} {target:?}", object.id);
        }
    }
}
