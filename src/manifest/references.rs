//! What the pods of objects refer to by name, and which of it is nowhere. Whether a cluster has it
//! is asked elsewhere and handed in as [`Present`].

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::object::{Object, ObjectId};
use super::pod_spec::{containers, pod_spec};
use super::read;
use crate::event::Fix;
use crate::policy::{Class, Failure};

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
}

/// Everything that an object's pods need by name. `namespace` is where it goes when it names none.
#[must_use]
pub fn references(object: &Object, namespace: &str) -> Vec<Reference> {
    let mut found = Finder {
        object: &object.id,
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

/// What is there, or will be before the pods start.
#[derive(Clone, Debug, Default)]
pub struct Present {
    things: BTreeMap<(Target, String, String), Keys>,
}

/// The keys of something that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Keys {
    /// All of them are known.
    Known(BTreeSet<String>),
    /// A controller fills it; any key may be there.
    Unknown,
}

impl Present {
    /// Adds something with all its keys.
    pub fn add(
        &mut self,
        target: Target,
        namespace: &str,
        name: &str,
        keys: impl IntoIterator<Item = String>,
    ) {
        let keys: BTreeSet<String> = keys.into_iter().collect();
        let entry = self.things.entry((target, namespace.to_owned(), name.to_owned()));
        if let Keys::Known(known) = entry.or_insert_with(|| Keys::Known(BTreeSet::new())) {
            known.extend(keys);
        }
    }

    /// Adds something whose keys are not known: no key of it counts as missing.
    pub fn add_unknown(&mut self, target: Target, namespace: &str, name: &str) {
        self.things.insert((target, namespace.to_owned(), name.to_owned()), Keys::Unknown);
    }

    /// Adds an object of the cluster, or one that will be applied before the pods start; objects
    /// that make a secret in time, such as a certificate, count as that secret.
    pub fn add_object(&mut self, object: &Value, namespace: &str) {
        let own = read::namespace(object);
        let namespace = if own.is_empty() { namespace } else { own };
        let name = read::name(object);
        let made = match read::kind(object) {
            "SealedSecret" => Some(name),
            "Certificate" => Some(read::text(object, "/spec/secretName")),
            "ExternalSecret" => Some(read::text(object, "/spec/target/name"))
                .filter(|name| !name.is_empty())
                .or(Some(name)),
            _ => None,
        };
        if let Some(made) = made {
            self.add_unknown(Target::Secret, namespace, made);
        }
        let Some(target) = Target::of_kind(read::kind(object)) else { return };
        let maps = ["/data", "/stringData", "/binaryData"];
        let keys = maps.iter().flat_map(|map| read::keys(object, map)).map(str::to_owned);
        self.add(target, namespace, name, keys);
    }
}

/// Something that is not there, or lacks keys, with everything that wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// What kind of thing.
    pub target: Target,
    /// Where it must be.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Whether the whole thing is missing; otherwise only its `keys` are.
    pub absent: bool,
    /// The keys that are wanted and missing.
    pub keys: Vec<String>,
    /// What wants it, each with the field: ``Deployment `n/api` (spec...)``.
    pub wanted_by: Vec<String>,
}

/// Which references are not met, one entry a thing so that all its keys are named at once.
#[must_use]
pub fn missing(references: &[Reference], present: &Present) -> Vec<Missing> {
    let mut found: BTreeMap<(Target, &str, &str), Missing> = BTreeMap::new();
    for reference in references {
        let Reference { target, namespace, name, key, .. } = reference;
        let there = present.things.get(&(*target, namespace.clone(), name.clone()));
        let met = match (there, key) {
            (None, _) => false,
            (Some(Keys::Known(keys)), Some(key)) => keys.contains(key),
            (Some(_), _) => true,
        };
        if met {
            continue;
        }
        let entry = found.entry((*target, namespace, name)).or_insert_with(|| Missing {
            target: *target,
            namespace: namespace.clone(),
            name: name.clone(),
            absent: there.is_none(),
            keys: Vec::new(),
            wanted_by: Vec::new(),
        });
        if let Some(key) = key.as_ref().filter(|key| !entry.keys.contains(key)) {
            entry.keys.push(key.clone());
        }
        let wanted_by = format!("{} ({})", reference.object, reference.path);
        if !entry.wanted_by.contains(&wanted_by) {
            entry.wanted_by.push(wanted_by);
        }
    }
    found.into_values().collect()
}

impl Missing {
    /// What is missing, in a few words.
    #[must_use]
    pub fn what(&self) -> String {
        let keys: Vec<String> = self.keys.iter().map(|key| format!("`{key}`")).collect();
        let thing = format!("{} `{}/{}`", self.target.kind(), self.namespace, self.name);
        match (self.absent, keys.len()) {
            (true, 0) => thing,
            (true, 1) => format!("{thing} with the key {}", keys.join(", ")),
            (true, _) => format!("{thing} with the keys {}", keys.join(", ")),
            (false, 1) => format!("the key {} of {thing}", keys.join(", ")),
            (false, _) => format!("the keys {} of {thing}", keys.join(", ")),
        }
    }
}

/// One failure that names everything that a deploy refers to and that is nowhere.
#[must_use]
pub fn failure(deploy: &str, missing: &[Missing]) -> Option<Failure> {
    let first = missing.first()?;
    let whats: Vec<String> = missing.iter().map(Missing::what).collect();
    let mut failure = Failure::new(
        Class::Prerequisite,
        "REFERENCES_MISSING",
        format!("`{deploy}` needs what is nowhere: {}", whats.join("; ")),
    );
    for one in missing.iter().take(5) {
        let others = match one.wanted_by.len() {
            0 | 1 => String::new(),
            more => format!(" and {} more", more - 1),
        };
        let by = one.wanted_by.first().map(String::as_str).unwrap_or_default();
        failure = failure.because(
            format!("{} {}", one.target.kind(), one.name),
            format!("wanted by {by}{others}"),
        );
    }
    Some(failure.fix(Fix::safe(fix(first))))
}

fn fix(missing: &Missing) -> String {
    let Missing { namespace, name, .. } = missing;
    match missing.target {
        Target::Secret if missing.keys.is_empty() => format!(
            "declare a `[[secret]]` or `[[registry]]` in mlup.toml that makes `{name}` in namespace `{namespace}`"
        ),
        Target::Secret => format!(
            "declare a `[[secret]]` in mlup.toml: name = \"{name}\", namespace = \"{namespace}\", keys = {{ {} }}",
            missing
                .keys
                .iter()
                .map(|key| format!("{key} = \"...\""))
                .collect::<Vec<_>>()
                .join(", ")
        ),
        Target::ConfigMap => {
            format!("kubectl -n {namespace} create configmap {name} --from-file=...")
        }
        Target::Claim => format!(
            "add a PersistentVolumeClaim `{name}` in namespace `{namespace}` to the manifests"
        ),
        Target::ServiceAccount => format!("kubectl -n {namespace} create serviceaccount {name}"),
    }
}

#[cfg(test)]
#[path = "references_tests.rs"]
mod tests;
