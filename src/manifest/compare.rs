//! What has to be done to a live object so that it is as wanted, and why.

use serde_json::Value;

use super::keep::{self, FieldPath};
use super::{difference, labels, owned, read, wanted};

/// Kinds that environments may have in common: being there suffices.
const SHARED: [&str; 2] = ["CustomResourceDefinition", "Namespace"];

/// How a live object stands to what is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is not there.
    Absent,
    /// It is being deleted: what is wanted can be made once it is gone.
    Leaving,
    /// It is as applied, and nobody changed what was applied.
    Same,
    /// It is there and otherwise; why.
    Differs(String),
    /// Another environment applied it; its name.
    Foreign(String),
}

/// What to apply for an object that may be there: fields that are kept stay as they are.
#[must_use]
pub fn body(wanted: &Value, live: Option<&Value>, keep: &[FieldPath]) -> Value {
    live.map_or_else(|| wanted.clone(), |live| keep::kept(wanted, live, keep))
}

/// How the live object stands to the body that would be applied.
#[must_use]
pub fn standing(body: &Value, live: Option<&Value>) -> Standing {
    let Some(live) = live else { return Standing::Absent };
    if !read::text(live, "/metadata/deletionTimestamp").is_empty() {
        return Standing::Leaving;
    }
    if wanted::applied(live).is_none() || labels::label(live, labels::PROJECT).is_none() {
        return Standing::Differs("it is there, and mlup did not apply it".to_owned());
    }
    let label = |object, name| labels::label(object, name).unwrap_or_default().to_owned();
    let project = label(live, labels::PROJECT);
    if project != label(body, labels::PROJECT) {
        let is_shared = SHARED.contains(&read::kind(live));
        return if is_shared { Standing::Same } else { Standing::Foreign(project) };
    }
    let deploy = label(live, labels::DEPLOY);
    if deploy != label(body, labels::DEPLOY) {
        return Standing::Differs(format!("the deploy `{deploy}` had it"));
    }
    if wanted::applied(live) != wanted::applied(body) {
        return Standing::Differs(changed(body, live));
    }
    if let Some(key) = differing_key(body, live) {
        return Standing::Differs(format!("the value of `{key}` differs"));
    }
    let lost = owned::lost(body, live);
    let Some(first) = lost.first() else { return Standing::Same };
    let more = match lost.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    Standing::Differs(match &first.manager {
        Some(manager) => format!("{} was changed by {manager}{more}", first.path),
        None => format!("{} was taken out{more}", first.path),
    })
}

/// What changed in what is wanted. The live object has defaults beside it, so that a field that was
/// taken out of the manifest cannot be told from it.
fn changed(body: &Value, live: &Value) -> String {
    let mut body = body.clone();
    if let Some(Value::Object(marks)) = body.pointer_mut("/metadata/annotations") {
        marks.shift_remove(wanted::APPLIED);
    }
    match difference::first(&body, live) {
        Some(path) => format!("{path} differs"),
        None => "its manifest changed".to_owned(),
    }
}

/// The key of a secret whose value is not the wanted one: values are in no hash.
fn differing_key<'v>(body: &'v Value, live: &Value) -> Option<&'v str> {
    if !wanted::is_secret(body) {
        return None;
    }
    let present = live.get("data");
    let differs = |(key, value): &(&str, &str)| {
        present.and_then(|data| data.get(key)).and_then(Value::as_str) != Some(value)
    };
    read::texts(body, "/data").find(differs).map(|(key, _)| key)
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::manifest::keep::MANAGER;
    use crate::manifest::{Object, Place};

    fn prepared(value: Value) -> Value {
        let mut object = Object::new(value, Place::default()).unwrap();
        wanted::prepare(&mut object, "demo", "api", &[]);
        object.value
    }

    fn deployment(replicas: u8) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api", "namespace": "n"},
            "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"name": "api", "image": "a:1"}]}}}})
    }

    fn secret(password: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
            "stringData": {"password": password}})
    }

    /// What a server records for an applied object.
    fn owned(value: &Value) -> Value {
        let fields = value.as_object().into_iter().flatten();
        let named = |item: &Value| {
            let key = json!({"name": item["name"]}).to_string();
            (format!("k:{key}"), owned(item))
        };
        match value {
            Value::Array(items) => items.iter().map(named).collect::<Map<_, _>>().into(),
            _ => fields
                .map(|(name, value)| (format!("f:{name}"), owned(value)))
                .collect::<Map<_, _>>()
                .into(),
        }
    }

    fn live(value: Value) -> Value {
        let mut live = prepared(value);
        let entry = json!({"manager": MANAGER, "operation": "Apply", "fieldsV1": owned(&live)});
        live["metadata"]["managedFields"] = json!([entry]);
        live["spec"]["strategy"] = json!({"type": "RollingUpdate"});
        live
    }

    #[test]
    fn what_was_applied_and_left_alone_is_the_same() {
        for value in [deployment(1), secret("a")] {
            assert_eq!(standing(&prepared(value.clone()), Some(&live(value))), Standing::Same);
        }
        assert_eq!(standing(&prepared(deployment(1)), None), Standing::Absent);
    }

    #[test]
    fn a_difference_says_where_and_by_whom() {
        let differs = |why: &str| Standing::Differs(why.to_owned());
        assert_eq!(
            standing(&prepared(deployment(2)), Some(&live(deployment(1)))),
            differs("spec.replicas differs")
        );
        assert_eq!(
            standing(&prepared(secret("b")), Some(&live(secret("a")))),
            differs("the value of `password` differs")
        );

        let mut edited = live(deployment(1));
        edited["spec"]["replicas"] = json!(5);
        let fields = &mut edited["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"];
        fields.as_object_mut().unwrap().shift_remove("f:replicas");
        let body = prepared(deployment(1));
        assert_eq!(standing(&body, Some(&edited)), differs("spec.replicas was taken out"));
        let hand = json!({"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}}}});
        edited["metadata"]["managedFields"].as_array_mut().unwrap().push(hand);
        assert_eq!(
            standing(&body, Some(&edited)),
            differs("spec.replicas was changed by kubectl-edit")
        );

        let mut less = deployment(1);
        less["spec"]["paused"] = json!(true);
        assert_eq!(standing(&body, Some(&live(less))), differs("its manifest changed"));
    }

    #[test]
    fn what_mlup_did_not_apply_is_told_apart() {
        let body = prepared(deployment(1));
        let mut other = deployment(1);
        let differs = Standing::Differs("it is there, and mlup did not apply it".to_owned());
        assert_eq!(standing(&body, Some(&other)), differs);
        other["metadata"]["deletionTimestamp"] = json!("2026-11-21T10:00:00Z");
        assert_eq!(standing(&body, Some(&other)), Standing::Leaving);

        let mut foreign = live(deployment(1));
        foreign["metadata"]["labels"][labels::PROJECT] = json!("other");
        assert_eq!(standing(&body, Some(&foreign)), Standing::Foreign("other".to_owned()));
        foreign["kind"] = json!("Namespace");
        assert_eq!(standing(&body, Some(&foreign)), Standing::Same);
        let mut moved = live(deployment(1));
        moved["metadata"]["labels"][labels::DEPLOY] = json!("web");
        assert_eq!(
            standing(&body, Some(&moved)),
            Standing::Differs("the deploy `web` had it".to_owned())
        );
    }

    #[test]
    fn a_kept_field_is_no_difference() {
        let keep = [FieldPath::parse("spec.template.spec.containers[*].image").unwrap()];
        let prepared = |value| {
            let mut object = Object::new(value, Place::default()).unwrap();
            wanted::prepare(&mut object, "demo", "api", &keep);
            object.value
        };
        let wanted = prepared(deployment(1));
        let mut present = live(deployment(1));
        present["metadata"]["annotations"] = wanted["metadata"]["annotations"].clone();
        let container = &mut present["spec"]["template"]["spec"]["containers"][0];
        container["image"] = json!("a:2");
        assert_eq!(standing(&body(&wanted, Some(&present), &keep), Some(&present)), Standing::Same);
        assert_eq!(body(&wanted, None, &keep), wanted, "set when it is made");
    }
}
