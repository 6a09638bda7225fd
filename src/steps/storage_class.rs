//! A storage class by another name, so that claims which ask for a class of another platform get
//! their volumes. Whether one is wanted is decided elsewhere.

use serde_json::{Value, json};

use crate::manifest::{Served, read};
use crate::policy::{Class, Failure};
use crate::steps::objects::Objects;
use crate::steps::objects::dynamic::Claim;

const API_VERSION: &str = "storage.k8s.io/v1";
const KIND: &str = "StorageClass";

/// What of a class decides how volumes are made.
const FIELDS: [&str; 6] = [
    "provisioner",
    "parameters",
    "reclaimPolicy",
    "volumeBindingMode",
    "mountOptions",
    "allowVolumeExpansion",
];

/// Adds a class of this name that does what the cluster's default class does; whether it had to.
///
/// # Errors
/// The cluster has no default class; the API refuses.
pub async fn alias(name: &str, objects: &Objects) -> Result<bool, Failure> {
    let served = Served::own(API_VERSION, KIND);
    let all = objects.all(&served, None, "").await?;
    if all.iter().any(|class| read::name(class) == name) {
        return Ok(false);
    }
    let default = all.iter().find(|class| is_default(class)).ok_or_else(|| {
        let summary = format!("class `{name}` can be none but the default one, and there is none");
        Failure::new(Class::Prerequisite, "STORAGE_CLASS_MISSING", summary)
    })?;
    let labels: Value =
        objects.labels().into_iter().map(|(key, value)| (key, Value::from(value))).collect();
    let made = objects.put(&served, &renamed(default, name, &labels), Claim::Free).await;
    made.map(|_| true).map_err(|refused| refused.failure)
}

fn is_default(class: &Value) -> bool {
    let mark = "/metadata/annotations/storageclass.kubernetes.io~1is-default-class";
    class.pointer(mark).is_some_and(|value| value == "true")
}

/// The class under another name, as mlup's own and not the default.
fn renamed(class: &Value, name: &str, labels: &Value) -> Value {
    let mut alias = json!({
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": { "name": name, "labels": labels },
    });
    for field in FIELDS {
        if let Some(value) = class.get(field) {
            alias[field] = value.clone();
        }
    }
    alias
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_makes_the_same_volumes_and_is_not_the_default() {
        let class = json!({ "metadata": { "name": "local-path", "uid": "1", "annotations": {
                "storageclass.kubernetes.io/is-default-class": "true" } },
            "provisioner": "rancher.io/local-path", "volumeBindingMode": "WaitForFirstConsumer" });
        assert!(is_default(&class));
        let alias = renamed(&class, "standard", &json!({ "a": "b" }));
        assert_eq!(
            alias,
            json!({ "apiVersion": API_VERSION, "kind": KIND,
            "metadata": { "name": "standard", "labels": { "a": "b" } },
            "provisioner": "rancher.io/local-path", "volumeBindingMode": "WaitForFirstConsumer" })
        );
        assert!(!is_default(&alias));
    }
}
