//! The labels by which mlup knows its objects in a cluster, and what of an earlier run is left over.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::object::ObjectId;
use super::order;
use super::read;

/// Label of all objects that mlup makes, those of Docker included: the environment.
pub const PROJECT: &str = "dev.mlup.project";

/// Label: the deploy that applied it.
pub const DEPLOY: &str = "dev.mlup.deploy";

/// Longest value that a label may have.
const LONGEST: usize = 63;

/// The text as the value of a label: other characters become `-`, and what is too long is cut.
#[must_use]
pub fn label_value(text: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let value: String = text.chars().map(allowed).take(LONGEST).collect();
    value.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}

/// Labels an object as applied by this deploy of this project. Labels of its pods stay as they are:
/// another one would start every pod anew.
pub fn mark(object: &mut Value, project: &str, deploy: &str) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let labels = metadata.entry("labels").or_insert_with(|| Value::Object(Map::new()));
    if labels.is_null() {
        *labels = Value::Object(Map::new());
    }
    if let Some(labels) = labels.as_object_mut() {
        labels.insert(PROJECT.to_owned(), Value::from(label_value(project)));
        labels.insert(DEPLOY.to_owned(), Value::from(label_value(deploy)));
    }
}

/// The label selector for everything that a project applied.
#[must_use]
pub fn selector(project: &str) -> String {
    format!("{PROJECT}={}", label_value(project))
}

/// The value of a label of an object.
#[must_use]
pub fn label<'v>(object: &'v Value, name: &str) -> Option<&'v str> {
    read::at(object, "/metadata/labels")?.get(name)?.as_str()
}

/// Whether this project applied the object.
#[must_use]
pub fn is_ours(object: &Value, project: &str) -> bool {
    label(object, PROJECT) == Some(&label_value(project))
}

/// Whether data, or objects of others, go with an object of this kind.
#[must_use]
pub fn holds_data(kind: &str) -> bool {
    ["CustomResourceDefinition", "Namespace", "PersistentVolume", "PersistentVolumeClaim"]
        .contains(&kind)
}

/// An object of an earlier run that the configuration no longer has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// The object.
    pub id: ObjectId,
    /// The deploy that applied it.
    pub deploy: String,
    /// Whether data goes with it.
    pub holds_data: bool,
}

/// What of the live objects this project applied and no longer wants, in the order of removal.
/// `deploys` are those whose objects are all among `wanted`: what others applied is not judged.
#[must_use]
pub fn leftovers(
    live: &[Value],
    wanted: &[ObjectId],
    project: &str,
    deploys: &BTreeSet<String>,
) -> Vec<Leftover> {
    let judged: BTreeSet<String> = deploys.iter().map(|deploy| label_value(deploy)).collect();
    let mut left: Vec<Leftover> = live
        .iter()
        .filter(|object| is_ours(object, project) && !is_derived(object))
        .filter(|object| read::at(object, "/metadata/deletionTimestamp").is_none())
        .filter_map(|object| {
            let deploy = label(object, DEPLOY).filter(|deploy| judged.contains(*deploy))?;
            let id =
                ObjectId::of(object).filter(|id| !wanted.iter().any(|other| other.is_same(id)))?;
            let holds_data = holds_data(&id.kind);
            Some(Leftover { id, deploy: deploy.to_owned(), holds_data })
        })
        .collect();
    let mut ids: Vec<ObjectId> = left.iter().map(|leftover| leftover.id.clone()).collect();
    order::sort_for_removal(&mut ids);
    left.sort_by_key(|leftover| ids.iter().position(|id| *id == leftover.id));
    left.dedup_by(|one, other| one.id.is_same(&other.id));
    left
}

/// Whether a controller made the object and copied the labels of its parent.
fn is_derived(object: &Value) -> bool {
    !read::list(object, "/metadata/ownerReferences").is_empty()
        || read::kind(object) == "Endpoints"
        || label(object, "endpointslice.kubernetes.io/managed-by").is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn live(kind: &str, name: &str, project: &str, deploy: &str) -> Value {
        let mut value =
            json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "n"}});
        mark(&mut value, project, deploy);
        value
    }

    #[test]
    fn an_object_is_marked_and_its_pods_are_not() {
        let mut value = json!({"metadata": {"name": "a", "labels": {"x": "y"}},
            "spec": {"template": {"metadata": {"labels": {"x": "y"}}}}});
        mark(&mut value, "my project", "api");
        assert_eq!(
            value["metadata"]["labels"],
            json!({"x": "y", "dev.mlup.project": "my-project", "dev.mlup.deploy": "api"})
        );
        assert_eq!(value["spec"]["template"]["metadata"]["labels"], json!({"x": "y"}));
        assert!(is_ours(&value, "my project"));
        assert_eq!(selector("my project"), "dev.mlup.project=my-project");
    }

    #[test]
    fn a_label_value_is_always_valid() {
        assert_eq!(label_value("-a/b c-"), "a-b-c");
        let long = label_value(&format!("{}-y", "x".repeat(62)));
        assert_eq!(long, "x".repeat(62));
    }

    #[test]
    fn only_what_this_project_applied_and_no_longer_wants_is_left_over() {
        let deploys = BTreeSet::from(["api".to_owned(), "db".to_owned()]);
        let mut derived = live("EndpointSlice", "api-x", "p", "api");
        derived["metadata"]["ownerReferences"] = json!([{"kind": "Service"}]);
        let mut leaving = live("Secret", "leaving", "p", "api");
        leaving["metadata"]["deletionTimestamp"] = json!("2026-11-21T10:00:00Z");
        let objects = [
            live("PersistentVolumeClaim", "data", "p", "db"),
            live("Service", "gone", "p", "api"),
            live("Service", "wanted", "p", "api"),
            live("Service", "foreign", "q", "api"),
            live("Service", "unjudged", "p", "other"),
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "plain", "namespace": "n"}}),
            derived,
            leaving,
        ];
        let wanted = [ObjectId::of(&objects[2]).unwrap()];
        let left = leftovers(&objects, &wanted, "p", &deploys);
        let names: Vec<_> = left.iter().map(|one| (one.id.short(), one.holds_data)).collect();
        assert_eq!(
            names,
            [("service/gone".to_owned(), false), ("persistentvolumeclaim/data".to_owned(), true)]
        );
    }
}
