//! Which references are met by nothing, told at once. Whether a cluster has something is asked
//! elsewhere and handed in as [`Present`].

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::read;
use super::references::{Reference, Target};
use crate::event::Fix;
use crate::policy::{Class, Failure};

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
