//! Which references are met by nothing, told at once. Whether a cluster has something is asked
//! elsewhere and handed in as [`Present`]; what may still make it is [`super::makers`].

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::object::{ObjectId, Place};
use super::read;
use super::references::{Reference, Target};
use crate::event::Fix;
use crate::policy::{Class, Failure};

/// Places that a failure names.
const WANTING_SHOWN: usize = 4;

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
        if read::kind(object) == "StatefulSet" {
            self.add_claims(object, namespace);
        }
        let Some(target) = Target::of_kind(read::kind(object)) else { return };
        if read::text(object, "/type") == "kubernetes.io/service-account-token" {
            return self.add_unknown(target, namespace, name);
        }
        let maps = ["/data", "/stringData", "/binaryData"];
        let keys = maps.iter().flat_map(|map| read::keys(object, map)).map(str::to_owned);
        self.add(target, namespace, name, keys);
    }

    /// The claims that a stateful set makes for its pods.
    fn add_claims(&mut self, set: &Value, namespace: &str) {
        let replicas = read::number(set, "/spec/replicas").unwrap_or(1);
        for template in read::list(set, "/spec/volumeClaimTemplates") {
            for ordinal in 0..replicas {
                let claim = format!("{}-{}-{ordinal}", read::name(template), read::name(set));
                self.add(Target::Claim, namespace, &claim, []);
            }
        }
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
    /// What wants it.
    pub wanted_by: Vec<Wanting>,
}

/// A field that wants something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanting {
    /// The object.
    pub object: ObjectId,
    /// The field.
    pub path: String,
    /// Where the object was read.
    pub place: Place,
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
        let Reference { object, path, place, .. } = reference.clone();
        let wanting = Wanting { object, path, place };
        if !entry.wanted_by.contains(&wanting) {
            entry.wanted_by.push(wanting);
        }
    }
    found.into_values().collect()
}

impl Missing {
    /// What is missing, in a few words.
    #[must_use]
    pub fn what(&self) -> String {
        let thing = format!("{} `{}/{}`", self.target.kind(), self.namespace, self.name);
        let keys: Vec<String> = self.keys.iter().map(|key| format!("`{key}`")).collect();
        let keys = match keys.as_slice() {
            [] => return thing,
            [key] => format!("the key {key}"),
            keys => format!("the keys {}", keys.join(", ")),
        };
        if self.absent { format!("{thing} with {keys}") } else { format!("{keys} of {thing}") }
    }

    /// What it means that this is nowhere.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let verb = if self.absent || self.keys.len() < 2 { "is" } else { "are" };
        let summary = format!("{} {verb} nowhere, and this run does not make it", self.what());
        let mut failure = Failure::new(Class::Prerequisite, self.code(), summary);
        for Wanting { object, path, place } in self.wanted_by.iter().take(WANTING_SHOWN) {
            failure = failure.because(place.to_string(), format!("{object} wants it: {path}"));
        }
        if let Some(more @ 1..) = self.wanted_by.len().checked_sub(WANTING_SHOWN) {
            failure = failure.because("and", format!("{more} more"));
        }
        failure.fix(Fix::safe(self.fix()))
    }

    /// The same codes as those of pods that fail for want of it.
    fn code(&self) -> &'static str {
        match (self.target, self.absent) {
            (Target::Secret, true) if self.only_pulls() => "PULL_SECRET_MISSING",
            (Target::Secret, true) => "SECRET_MISSING",
            (Target::Secret, false) => "SECRET_KEY_MISSING",
            (Target::ConfigMap, true) => "CONFIG_MAP_MISSING",
            (Target::ConfigMap, false) => "CONFIG_MAP_KEY_MISSING",
            (Target::Claim, _) => "CLAIM_MISSING",
            (Target::ServiceAccount, _) => "POD_ACCOUNT_MISSING",
        }
    }

    /// Whether nothing but pulls of images want it.
    fn only_pulls(&self) -> bool {
        self.wanted_by.iter().all(|wanting| wanting.path.contains("imagePullSecrets["))
    }

    fn fix(&self) -> String {
        let Self { namespace, name, .. } = self;
        match self.target {
            Target::Secret if self.only_pulls() => format!(
                "declare a `[[registry]]` in mlup.toml: secret = \"{name}\", namespaces = [\"{namespace}\"]"
            ),
            Target::Secret => format!(
                "declare a `[[secret]]` in mlup.toml: name = \"{name}\", namespace = \"{namespace}\", keys = {{ {} }}",
                self.keys_or("KEY")
                    .map(|key| format!("{key} = \"...\""))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
            Target::ConfigMap if !self.absent => {
                format!("kubectl -n {namespace} edit configmap {name}")
            }
            Target::ConfigMap => format!(
                "kubectl -n {namespace} create configmap {name} {}",
                self.keys_or("KEY")
                    .map(|key| format!("--from-literal={key}=..."))
                    .collect::<Vec<_>>()
                    .join(" ")
            ),
            Target::Claim => format!(
                "add a PersistentVolumeClaim `{name}` in namespace `{namespace}` to the manifests"
            ),
            Target::ServiceAccount => {
                format!("kubectl -n {namespace} create serviceaccount {name}")
            }
        }
    }

    fn keys_or<'m>(&'m self, other: &'m str) -> impl Iterator<Item = &'m str> {
        let other = self.keys.is_empty().then_some(other);
        self.keys.iter().map(String::as_str).chain(other)
    }
}
