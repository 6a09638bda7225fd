//! What pods refer to by name, held against what the run makes and what is in the cluster. Of secrets
//! nothing but the names of their keys is kept.

use std::collections::BTreeSet;

use futures_util::future::BoxFuture;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Secret, ServiceAccount};

use super::Findings;
use super::wanted::{Part, Wanted};
use crate::config::model::{Config, DeployKind};
use crate::manifest::makers::maker;
use crate::manifest::missing::{Missing, Present, missing};
use crate::manifest::references::{Reference, Target, references};
use crate::policy::Failure;
use crate::steps::objects::{Objects, few_at_once};
use crate::steps::registry::pull_secrets;
use crate::steps::secret::namespace_of;

/// The key of a pull secret.
const PULL_KEY: &str = ".dockerconfigjson";

/// What is nowhere, deploy by deploy, and what could not be looked at.
pub(super) struct Needs {
    missing: Vec<(usize, Missing)>,
    /// Kinds that the user may not get.
    pub(super) unchecked: Vec<String>,
}

/// Asks the cluster for what the run does not make.
pub(super) async fn ask(wanted: &Wanted, objects: &Objects) -> Result<Needs, Failure> {
    let mut present = made(wanted, &objects.step().config);
    let parts = wanted.parts().iter().map(references_of);
    let parts: Vec<Vec<Reference>> = parts.collect();
    let open: BTreeSet<(Target, String, String)> = parts
        .iter()
        .flat_map(|references| missing(references, &present))
        .map(|missing| (missing.target, missing.namespace, missing.name))
        .collect();
    let asked = open.iter().map(|(target, namespace, name)| -> BoxFuture<'_, _> {
        Box::pin(look(*target, namespace, name, objects))
    });
    let answers = few_at_once(asked.collect()).await?;
    let mut unchecked = BTreeSet::new();
    for ((target, namespace, name), answer) in open.iter().zip(answers) {
        match answer {
            Look::Absent => {}
            Look::Keys(keys) => present.add(*target, namespace, name, keys),
            Look::Forbidden => {
                present.add_unknown(*target, namespace, name);
                unchecked.insert(format!("{} objects of `{namespace}`", target.kind()));
            }
        }
    }
    let numbered = parts.iter().enumerate();
    let missing = numbered
        .flat_map(|(at, references)| {
            missing(references, &present).into_iter().map(move |one| (at, one))
        })
        .collect();
    Ok(Needs { missing, unchecked: unchecked.into_iter().collect() })
}

fn references_of(part: &Part) -> Vec<Reference> {
    part.objects.iter().flat_map(|object| references(object, &part.namespace)).collect()
}

/// What this run makes before pods start.
fn made(wanted: &Wanted, config: &Config) -> Present {
    let mut present = Present::default();
    for part in wanted.parts() {
        for object in &part.all {
            present.add_object(&object.value, &part.namespace);
        }
    }
    for secret in &config.secrets {
        let keys = secret.keys.keys().cloned();
        present.add(Target::Secret, namespace_of(secret, config), &secret.name, keys);
    }
    for secret in pull_secrets(config) {
        for namespace in secret.places.keys() {
            present.add(Target::Secret, namespace, &secret.name, [PULL_KEY.to_owned()]);
        }
    }
    present
}

/// What the cluster says about one thing.
enum Look {
    Absent,
    Keys(Vec<String>),
    Forbidden,
}

async fn look(
    target: Target,
    namespace: &str,
    name: &str,
    objects: &Objects,
) -> Result<Look, Failure> {
    let keys = match target {
        Target::Secret => objects
            .get::<Secret>(namespace, name)
            .await
            .map(|found| found.map(|secret| secret.data.unwrap_or_default().into_keys().collect())),
        Target::ConfigMap => objects.get::<ConfigMap>(namespace, name).await.map(|found| {
            found.map(|map| {
                let binary = map.binary_data.unwrap_or_default().into_keys();
                map.data.unwrap_or_default().into_keys().chain(binary).collect()
            })
        }),
        Target::Claim => {
            let found = objects.get::<PersistentVolumeClaim>(namespace, name).await;
            found.map(|found| found.map(|_| Vec::new()))
        }
        Target::ServiceAccount => {
            let found = objects.get::<ServiceAccount>(namespace, name).await;
            found.map(|found| found.map(|_| Vec::new()))
        }
    };
    match keys {
        Ok(keys) => Ok(keys.map_or(Look::Absent, Look::Keys)),
        Err(failure) if failure.code == "API_FORBIDDEN" => Ok(Look::Forbidden),
        Err(failure) => Err(failure),
    }
}

impl Needs {
    /// What is missing for sure fails; what somebody may still make is a warning.
    pub(super) fn judge(&self, wanted: &Wanted, findings: &mut Findings) {
        for (missing, at) in self.by_thing() {
            let failure = missing.failure();
            if wanted.unread.iter().any(|unread| unread.may_hold(&missing.name)) {
                continue;
            }
            match may_come(&missing, &at, wanted) {
                Some(who) => {
                    let summary = format!("{}; {who} may still make it", failure.summary);
                    findings.warnings.push(Failure { summary, ..failure });
                }
                None if is_optional(&missing, &at, wanted) => findings.warnings.push(failure),
                None => findings.failures.push(failure),
            }
        }
    }

    /// The same thing that several deploys want, once.
    fn by_thing(&self) -> Vec<(Missing, Vec<usize>)> {
        let mut all: Vec<(Missing, Vec<usize>)> = Vec::new();
        for (at, one) in &self.missing {
            let is_same = |known: &&mut (Missing, Vec<usize>)| {
                (known.0.target, &known.0.namespace, &known.0.name)
                    == (one.target, &one.namespace, &one.name)
            };
            if let Some((known, parts)) = all.iter_mut().find(is_same) {
                let new: Vec<String> =
                    one.keys.iter().filter(|key| !known.keys.contains(key)).cloned().collect();
                known.keys.extend(new);
                known.wanted_by.extend(one.wanted_by.iter().cloned());
                parts.push(*at);
            } else {
                all.push((one.clone(), vec![*at]));
            }
        }
        all
    }
}

/// Who may still make what is missing, if anybody may.
fn may_come(missing: &Missing, parts: &[usize], wanted: &Wanted) -> Option<String> {
    if let Some(object) = maker(missing, wanted.all()) {
        return Some(format!("{} ({})", object.id, object.place));
    }
    let last = parts.iter().max().copied().unwrap_or_default();
    let before = wanted.parts().iter().take(last + 1);
    for part in before {
        if matches!(part.deploy.kind, DeployKind::Argocd(_)) {
            return Some(format!("Argo CD (deploy `{}`)", part.deploy.name));
        }
        let mut needs = part.deploy.needs.iter().flatten();
        if let Some(task) = needs.find_map(|need| need.strip_prefix("task/")) {
            return Some(format!("task `{task}`"));
        }
    }
    None
}

/// Whether only objects that may stay unready want it.
fn is_optional(missing: &Missing, parts: &[usize], wanted: &Wanted) -> bool {
    let parts: Vec<&Part> = parts.iter().filter_map(|&at| wanted.parts().get(at)).collect();
    missing.wanted_by.iter().all(|wanting| {
        parts.iter().any(|part| {
            let is_it = |object: &&crate::manifest::Object| object.id.is_same(&wanting.object);
            part.objects.iter().find(is_it).is_some_and(|object| part.is_optional(object))
        })
    })
}
