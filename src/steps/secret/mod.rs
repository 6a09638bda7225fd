//! The step of a `[[secret]]`: each key has the value that the configuration says; a generated value
//! is made once and kept. Of the keys that the configuration does not name those go that mlup wrote
//! for an earlier one; what others wrote is left alone.

pub(in crate::steps) mod step;
#[cfg(test)]
mod tests;
pub(in crate::steps) mod value;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret as Object;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::objects::{MANAGER, Objects};
use super::ownership;
use super::registry::apply::other_type;
use crate::config::model::{Config, KubeSecret, SecretValue};
use crate::plan::change::{Change, Op, Probed, Settled};
use crate::policy::{Class, Failure};
use crate::steps::Teardown;

/// The type of a secret that names none.
const OPAQUE: &str = "Opaque";

/// The namespace where neither the secret nor the configuration names one.
const DEFAULT_NAMESPACE: &str = "default";

/// The namespace of a secret.
pub fn namespace_of<'a>(secret: &'a KubeSecret, config: &'a Config) -> &'a str {
    let named = secret.namespace.as_deref().or(config.namespace.as_deref());
    named.unwrap_or(DEFAULT_NAMESPACE)
}

/// What is to be written.
struct Work {
    /// What the keys are to hold; generated values that are missing are not in it.
    values: BTreeMap<String, ByteString>,
    /// Generated keys that are missing.
    to_make: Vec<String>,
    /// Whether there is such a secret.
    is_there: bool,
    /// The keys that differ, the missing ones included.
    differing: Vec<String>,
    /// The keys that mlup wrote and that the configuration no longer has.
    left: Vec<String>,
}

impl Work {
    fn is_done(&self) -> bool {
        self.is_there && self.differing.is_empty() && self.left.is_empty()
    }

    /// Why what is there has to be written again.
    fn why(&self) -> String {
        let lists = [("keys that differ", &self.differing), ("keys no longer wanted", &self.left)];
        let lists = lists.iter().filter(|(_, keys)| !keys.is_empty());
        let lists = lists.map(|(what, keys)| format!("{what}: {}", keys.join(", ")));
        lists.collect::<Vec<_>>().join("; ")
    }
}

/// Looks, changes nothing.
pub async fn probe(secret: &KubeSecret, objects: &Objects) -> Result<Probed, Failure> {
    let work = work(secret, objects).await?;
    if work.is_done() {
        return Ok(Probed::Satisfied(settled(secret)));
    }
    let place = namespace_of(secret, &objects.step().config);
    let object = format!("secret {place}/{}", secret.name);
    Ok(Probed::Needed(vec![if work.is_there {
        Change::new(Op::Update, object, work.why())
    } else {
        Change::new(Op::Create, object, "it is not there")
    }]))
}

/// Writes what differs. What is there is read again first: a generated value must never be made
/// over one that is there.
pub async fn apply(secret: &KubeSecret, objects: &Objects) -> Result<(), Failure> {
    let mut work = work(secret, objects).await?;
    if work.is_done() {
        return Ok(());
    }
    for key in &work.to_make {
        if let Some(SecretValue::Generate(generator)) = secret.keys.get(key) {
            let made = value::generate(*generator)?;
            work.values.insert(key.clone(), ByteString(made.expose().as_bytes().to_vec()));
        }
    }
    let object = Object {
        metadata: ObjectMeta {
            name: Some(secret.name.clone()),
            namespace: Some(namespace_of(secret, &objects.step().config).to_owned()),
            labels: Some(objects.labels()),
            ..ObjectMeta::default()
        },
        type_: Some(kind(secret).to_owned()),
        data: Some(work.values),
        ..Object::default()
    };
    objects.apply(&object).await.map(|_| ())
}

/// Looks again.
pub async fn verify(secret: &KubeSecret, objects: &Objects) -> Result<Settled, Failure> {
    let work = work(secret, objects).await?;
    if work.is_done() {
        return Ok(settled(secret));
    }
    let place = namespace_of(secret, &objects.step().config);
    let summary = format!("the secret `{place}/{}` was written and is not as written", secret.name);
    Err(Failure::new(Class::Permanent, "SECRET_UNVERIFIED", summary)
        .because("API server", work.why())
        .fix(crate::event::Fix::safe("find out who else writes this secret")))
}

/// Takes the secret away if this project made it. One with a generated value outlives a `reset`:
/// data that it encrypts may live in volumes, which a `reset` keeps.
pub async fn removals(
    secret: &KubeSecret,
    objects: &Objects,
    how: Teardown,
) -> Result<Vec<Change>, Failure> {
    Ok(removable(secret, objects, how)
        .await?
        .map(|_| removal(secret, objects))
        .into_iter()
        .collect())
}

/// Takes away what [`removals`] names.
pub async fn remove(
    secret: &KubeSecret,
    objects: &Objects,
    how: Teardown,
) -> Result<Vec<Change>, Failure> {
    let Some(object) = removable(secret, objects, how).await? else { return Ok(Vec::new()) };
    let is_removed = objects.remove(&object).await?;
    Ok(is_removed.then(|| removal(secret, objects)).into_iter().collect())
}

async fn removable(
    secret: &KubeSecret,
    objects: &Objects,
    how: Teardown,
) -> Result<Option<Object>, Failure> {
    let is_generated = |value: &SecretValue| matches!(value, SecretValue::Generate(_));
    let stays =
        how == Teardown::Stop || (how == Teardown::Reset && secret.keys.values().any(is_generated));
    if stays {
        return Ok(None);
    }
    let config = &objects.step().config;
    let found = objects.get::<Object>(namespace_of(secret, config), &secret.name).await?;
    Ok(found.filter(|object| ownership::is_labelled(object.metadata.labels.as_ref(), &config.name)))
}

fn removal(secret: &KubeSecret, objects: &Objects) -> Change {
    let place = namespace_of(secret, &objects.step().config);
    Change::new(Op::Remove, format!("secret {place}/{}", secret.name), "mlup made it")
}

async fn work(secret: &KubeSecret, objects: &Objects) -> Result<Work, Failure> {
    let place = namespace_of(secret, &objects.step().config);
    let found = objects.get::<Object>(place, &secret.name).await?;
    if let Some(found) = &found {
        let present = found.type_.as_deref().unwrap_or(OPAQUE);
        if present != kind(secret) {
            return Err(other_type(&secret.name, place, present));
        }
    }
    let is_there = found.is_some();
    let own = found.as_ref().map(own_keys).unwrap_or_default();
    let present = found.and_then(|found| found.data).unwrap_or_default();
    let left = |key: &String| present.contains_key(key) && !secret.keys.contains_key(key);
    let mut work = Work {
        values: BTreeMap::new(),
        to_make: Vec::new(),
        is_there,
        differing: Vec::new(),
        left: own.into_iter().filter(left).collect(),
    };
    for (key, wanted) in &secret.keys {
        let held = present.get(key);
        let value = match wanted {
            SecretValue::Generate(_) => held.filter(|held| !held.0.is_empty()).cloned(),
            SecretValue::Literal(text) => Some(ByteString(text.expose().as_bytes().to_vec())),
            SecretValue::File(path) => Some(ByteString(value::read(path)?)),
        };
        if value.is_none() || value.as_ref() != held {
            work.differing.push(key.clone());
        }
        match value {
            Some(value) => _ = work.values.insert(key.clone(), value),
            None => work.to_make.push(key.clone()),
        }
    }
    Ok(work)
}

/// The keys that mlup applied, as the API server keeps account of it.
fn own_keys(object: &Object) -> BTreeSet<String> {
    let entries = object.metadata.managed_fields.iter().flatten();
    let own = entries.filter(|entry| {
        entry.manager.as_deref() == Some(MANAGER) && entry.operation.as_deref() == Some("Apply")
    });
    let fields = own.filter_map(|entry| entry.fields_v1.as_ref()?.0.get("f:data")?.as_object());
    let keys = fields.flat_map(|fields| fields.keys());
    keys.filter_map(|field| field.strip_prefix("f:").map(str::to_owned)).collect()
}

fn kind(secret: &KubeSecret) -> &str {
    secret.kind.as_deref().unwrap_or(OPAQUE)
}

fn settled(secret: &KubeSecret) -> Settled {
    let count = secret.keys.len();
    Settled::ready(if count == 1 { "1 key".to_owned() } else { format!("{count} keys") })
}
