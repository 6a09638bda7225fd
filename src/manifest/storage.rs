//! Whether the storage classes that claims ask for exist. What a cluster has is asked elsewhere; a
//! claim that has its volume already needs no class.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::object::{Object, ObjectId, Place};
use super::read;
use crate::event::Fix;
use crate::policy::{Class, Failure};

/// Annotations that make a class the one of claims that name none.
const DEFAULT: [&str; 2] = [
    "/metadata/annotations/storageclass.kubernetes.io~1is-default-class",
    "/metadata/annotations/storageclass.beta.kubernetes.io~1is-default-class",
];

/// The storage classes of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Classes {
    names: BTreeSet<String>,
    has_default: bool,
    /// Classes that volumes made by hand name: a claim may name one just to be matched with them.
    of_volumes: BTreeSet<String>,
}

impl Classes {
    /// The classes among these objects of the cluster and of the run, and those of volumes.
    #[must_use]
    pub fn of<'v>(objects: impl IntoIterator<Item = &'v Value>) -> Self {
        let mut classes = Self::default();
        for object in objects {
            match read::kind(object) {
                "StorageClass" => {
                    classes.names.insert(read::name(object).to_owned());
                    classes.has_default |=
                        DEFAULT.iter().any(|path| read::text(object, path) == "true");
                }
                "PersistentVolume" => {
                    let class = read::text(object, "/spec/storageClassName");
                    classes.of_volumes.insert(class.to_owned());
                }
                _ => {}
            }
        }
        classes
    }

    fn serve(&self, class: Option<&str>) -> bool {
        match class {
            Some("") => true,
            Some(class) => self.names.contains(class) || self.of_volumes.contains(class),
            None => self.has_default || self.of_volumes.contains(""),
        }
    }
}

/// A claim that will be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The claim, or the stateful set that makes it.
    pub object: ObjectId,
    /// Where that was read.
    pub place: Place,
    /// Name of the claim, the first one's of a stateful set.
    pub name: String,
    /// The class that it names.
    pub class: Option<String>,
}

/// The claims that these objects are or make.
#[must_use]
pub fn claims(objects: &[Object]) -> Vec<Claim> {
    let mut found = Vec::new();
    for object in objects {
        let claim = |name: String, claim: &Value| {
            let class = claim.pointer("/spec/storageClassName").and_then(Value::as_str);
            // One that names its volume is bound to that, whatever its class.
            read::text(claim, "/spec/volumeName").is_empty().then(|| Claim {
                object: object.id.clone(),
                place: object.place.clone(),
                name,
                class: class.map(str::to_owned),
            })
        };
        match object.id.kind.as_str() {
            "PersistentVolumeClaim" => found.extend(claim(object.id.name.clone(), &object.value)),
            "StatefulSet" => {
                for template in read::list(&object.value, "/spec/volumeClaimTemplates") {
                    let name = format!("{}-{}-0", read::name(template), object.id.name);
                    found.extend(claim(name, template));
                }
            }
            _ => {}
        }
    }
    found
}

/// The claims whose classes do not exist.
#[must_use]
pub fn unserved(claims: Vec<Claim>, classes: &Classes) -> Vec<Claim> {
    claims.into_iter().filter(|claim| !classes.serve(claim.class.as_deref())).collect()
}

/// One failure a class, with the claims that ask for it.
#[must_use]
pub fn failures(claims: &[Claim], classes: &Classes) -> Vec<Failure> {
    let mut by_class: BTreeMap<Option<&str>, Vec<&Claim>> = BTreeMap::new();
    for claim in claims {
        by_class.entry(claim.class.as_deref()).or_default().push(claim);
    }
    by_class.into_iter().map(|(class, claims)| failure(class, &claims, classes)).collect()
}

fn failure(class: Option<&str>, claims: &[&Claim], classes: &Classes) -> Failure {
    let known = classes.names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let known = if known.is_empty() { "none" } else { &known };
    let who = match claims {
        [only] => only.object.to_string(),
        several => format!("{} claims", several.len()),
    };
    let asks = if claims.len() == 1 { "asks" } else { "ask" };
    let summary = match class {
        Some(class) => {
            format!("{who} {asks} for storage class `{class}`, which the cluster does not have")
        }
        None => format!("{who} {asks} for the default storage class, and the cluster has none"),
    };
    let mut failure = Failure::new(Class::Prerequisite, "STORAGE_CLASS_MISSING", summary)
        .because("storage classes", known);
    for claim in claims.iter().take(4) {
        failure = failure.because(claim.place.to_string(), format!("claim `{}`", claim.name));
    }
    failure.fix(Fix::safe(match (class, classes.names.first()) {
        (Some(class), Some(has)) => format!(
            "set `storageClassName: {has}` in place of `{class}`, or add a class `{class}` to what is deployed"
        ),
        (Some(class), None) => format!("add a StorageClass `{class}` to what is deployed"),
        (None, Some(has)) => format!(
            "kubectl annotate storageclass {has} storageclass.kubernetes.io/is-default-class=true"
        ),
        (None, None) => "add a StorageClass to what is deployed".to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Object {
        Object::new(value, Place { file: "db.yaml".to_owned(), line: 4 }).unwrap()
    }

    fn claim(name: &str, spec: &Value) -> Object {
        object(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": "n"}, "spec": spec}))
    }

    fn class(name: &str, is_default: &str) -> Value {
        json!({"kind": "StorageClass", "metadata": {"name": name,
            "annotations": {"storageclass.kubernetes.io/is-default-class": is_default}}})
    }

    #[test]
    fn classes_by_name_by_default_and_by_volume_serve_a_claim() {
        let hostpath = class("hostpath", "true");
        let plain = class("fast", "false");
        let volume = json!({"kind": "PersistentVolume", "metadata": {"name": "v"},
            "spec": {"storageClassName": "manual"}});
        for (spec, has, served) in [
            (json!({}), vec![&hostpath], true),
            (json!({}), vec![&plain], false),
            (json!({"storageClassName": "fast"}), vec![&plain], true),
            (json!({"storageClassName": "standard"}), vec![&plain, &hostpath], false),
            (json!({"storageClassName": "manual"}), vec![&volume], true),
            (json!({"storageClassName": ""}), vec![], true),
            (json!({"storageClassName": "standard", "volumeName": "v"}), vec![], true),
        ] {
            let unserved = unserved(claims(&[claim("c", &spec)]), &Classes::of(has));
            assert_eq!(unserved.is_empty(), served, "{spec}");
        }
    }

    #[test]
    fn one_failure_a_class_names_the_claims_and_what_there_is() {
        let set = object(json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": {"name": "db", "namespace": "n"}, "spec": {"volumeClaimTemplates":
                [{"metadata": {"name": "data"}, "spec": {"storageClassName": "standard"}}]}}));
        let other = claim("logs", &json!({"storageClassName": "standard"}));
        let hostpath = class("hostpath", "false");
        let classes = Classes::of([&hostpath]);
        let claims = unserved(claims(&[set, other, claim("x", &json!({}))]), &classes);
        let failures = failures(&claims, &classes);
        let summaries: Vec<&str> = failures.iter().map(|one| one.summary.as_str()).collect();
        assert_eq!(
            summaries,
            [
                "PersistentVolumeClaim `n/x` asks for the default storage class, and the cluster has none",
                "2 claims ask for storage class `standard`, which the cluster does not have",
            ]
        );
        let evidence: Vec<&str> =
            failures[1].evidence.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(evidence, ["hostpath", "claim `data-db-0`", "claim `logs`"]);
    }
}
