//! What the pods of objects refer to by name. Which of it is nowhere is told by [`super::missing`].

use std::collections::BTreeSet;

use serde_json::Value;

use super::object::{Object, ObjectId, Place};
use super::pod_spec::{containers, pod_spec};
use super::read;

/// A kind that pods refer to by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// A secret.
    Secret,
    /// A configuration map.
    ConfigMap,
    /// A claim on a volume.
    Claim,
    /// The account that the pod runs as.
    ServiceAccount,
}

impl Target {
    /// The kind as objects write it.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
            Self::Claim => "PersistentVolumeClaim",
            Self::ServiceAccount => "ServiceAccount",
        }
    }

    /// The target of this kind.
    #[must_use]
    pub fn of_kind(kind: &str) -> Option<Self> {
        [Self::Secret, Self::ConfigMap, Self::Claim, Self::ServiceAccount]
            .into_iter()
            .find(|target| target.kind() == kind)
    }
}

/// One reference that must be met; optional ones are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The object that refers.
    pub object: ObjectId,
    /// What kind of thing it refers to.
    pub target: Target,
    /// Where that must be.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The key that it must have, where one is named.
    pub key: Option<String>,
    /// The field that refers.
    pub path: String,
    /// Where the object was read.
    pub place: Place,
}

/// Everything that an object's pods need by name. `namespace` is where it goes when it names none.
#[must_use]
pub fn references(object: &Object, namespace: &str) -> Vec<Reference> {
    let mut found = Finder {
        object: &object.id,
        place: &object.place,
        namespace: object.id.namespace.clone().unwrap_or_else(|| namespace.to_owned()),
        found: Vec::new(),
    };
    if object.id.kind == "ServiceAccount" {
        found.pull_secrets(&object.value, "imagePullSecrets", "imagePullSecrets");
    }
    if let Some((spec, path)) = pod_spec(&object.value) {
        found.pod(spec, path, &claim_templates(&object.value));
    }
    found.found
}

/// Names of volumes whose claims a stateful set makes itself.
fn claim_templates(object: &Value) -> BTreeSet<&str> {
    read::list(object, "/spec/volumeClaimTemplates").iter().map(read::name).collect()
}

struct Finder<'o> {
    object: &'o ObjectId,
    place: &'o Place,
    namespace: String,
    found: Vec<Reference>,
}

impl Finder<'_> {
    /// Notes a reference unless `source` says that it is optional.
    fn note(
        &mut self,
        target: Target,
        source: &Value,
        (name, key): (&str, Option<&str>),
        path: String,
    ) {
        // The control plane puts this one into every namespace.
        let given = target == Target::ConfigMap && name == "kube-root-ca.crt";
        if name.is_empty() || given || read::truth(source, "/optional") {
            return;
        }
        self.found.push(Reference {
            object: self.object.clone(),
            target,
            namespace: self.namespace.clone(),
            name: name.to_owned(),
            key: key.map(str::to_owned),
            path,
            place: self.place.clone(),
        });
    }

    fn pod(&mut self, spec: &Value, path: &str, made: &BTreeSet<&str>) {
        let account = read::text(spec, "/serviceAccountName");
        if account != "default" {
            self.note(
                Target::ServiceAccount,
                spec,
                (account, None),
                format!("{path}.serviceAccountName"),
            );
        }
        self.pull_secrets(spec, "imagePullSecrets", &format!("{path}.imagePullSecrets"));
        for (list, at, container) in containers(spec) {
            let path = format!("{path}.{list}[{at}]");
            for (at, source) in read::list(container, "/envFrom").iter().enumerate() {
                self.whole(source, "secretRef", "configMapRef", &format!("{path}.envFrom[{at}]"));
            }
            for (at, variable) in read::list(container, "/env").iter().enumerate() {
                self.keyed(variable, &format!("{path}.env[{at}].valueFrom"));
            }
        }
        for (at, volume) in read::list(spec, "/volumes").iter().enumerate() {
            if !made.contains(read::text(volume, "/name")) {
                self.volume(volume, &format!("{path}.volumes[{at}]"));
            }
        }
    }

    fn pull_secrets(&mut self, holder: &Value, field: &str, path: &str) {
        let secrets = holder.get(field).and_then(Value::as_array);
        for (at, secret) in secrets.into_iter().flatten().enumerate() {
            self.note(
                Target::Secret,
                secret,
                (read::text(secret, "/name"), None),
                format!("{path}[{at}]"),
            );
        }
    }

    /// References to all keys, as `envFrom` makes them.
    fn whole(&mut self, source: &Value, secret: &str, config_map: &str, path: &str) {
        for (field, target) in [(secret, Target::Secret), (config_map, Target::ConfigMap)] {
            if let Some(source) = source.get(field) {
                self.note(
                    target,
                    source,
                    (read::text(source, "/name"), None),
                    format!("{path}.{field}"),
                );
            }
        }
    }

    /// References to one key, as `valueFrom` makes them.
    fn keyed(&mut self, variable: &Value, path: &str) {
        for (field, target) in
            [("secretKeyRef", Target::Secret), ("configMapKeyRef", Target::ConfigMap)]
        {
            if let Some(source) = variable.pointer("/valueFrom").and_then(|from| from.get(field)) {
                let (name, key) = (read::text(source, "/name"), read::text(source, "/key"));
                self.note(target, source, (name, Some(key)), format!("{path}.{field}"));
            }
        }
    }

    fn volume(&mut self, volume: &Value, path: &str) {
        if let Some(source) = volume.get("secret") {
            self.files(
                Target::Secret,
                source,
                read::text(source, "/secretName"),
                &format!("{path}.secret"),
            );
        }
        if let Some(source) = volume.get("configMap") {
            self.files(
                Target::ConfigMap,
                source,
                read::text(source, "/name"),
                &format!("{path}.configMap"),
            );
        }
        for (at, source) in read::list(volume, "/projected/sources").iter().enumerate() {
            for (field, target) in [("secret", Target::Secret), ("configMap", Target::ConfigMap)] {
                if let Some(source) = source.get(field) {
                    let path = format!("{path}.projected.sources[{at}].{field}");
                    self.files(target, source, read::text(source, "/name"), &path);
                }
            }
        }
        if let Some(source) = volume.get("persistentVolumeClaim") {
            let path = format!("{path}.persistentVolumeClaim");
            self.note(Target::Claim, source, (read::text(source, "/claimName"), None), path);
        }
        if let Some(source) = volume.pointer("/csi/nodePublishSecretRef") {
            let path = format!("{path}.csi.nodePublishSecretRef");
            self.note(Target::Secret, source, (read::text(source, "/name"), None), path);
        }
    }

    /// A volume of files: all keys, or those of its `items`.
    fn files(&mut self, target: Target, source: &Value, name: &str, path: &str) {
        let items = read::list(source, "/items");
        if items.is_empty() {
            self.note(target, source, (name, None), path.to_owned());
        }
        for (at, item) in items.iter().enumerate() {
            let key = read::text(item, "/key");
            self.note(target, source, (name, Some(key)), format!("{path}.items[{at}]"));
        }
    }
}

#[cfg(test)]
#[path = "references_tests.rs"]
mod tests;
