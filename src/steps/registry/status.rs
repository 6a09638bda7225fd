//! `mlup creds status`: each pull secret in each namespace, how old it is, how long it lives, and
//! which pods use it.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, Secret as Object};
use kube::ResourceExt;
use kube::api::ListParams;
use serde::Serialize;

use super::apply::all_named;
use super::{Place, PullSecret, expected, pods};
use crate::drivers::pull_secret::{Freshness, Present, age, freshness};
use crate::host::clock;
use crate::manifest::keyring;
use crate::policy::Failure;
use crate::steps::objects::{Objects, few_at_once};

/// One registry's login in one namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The registry.
    pub server: String,
    /// The namespace.
    pub namespace: String,
    /// Name of the secret.
    pub secret: String,
    /// How it stands: `good`, `due`, `expired`, `missing`, `differs`, `other type`.
    pub state: &'static str,
    /// Where the password comes from.
    pub source: Option<String>,
    /// When it was last written.
    pub refreshed_at: Option<Timestamp>,
    /// How long ago that was.
    pub age: Option<String>,
    /// When the password ends.
    pub expires_at: Option<Timestamp>,
    /// How long that is from now: `in 11 h`, `expired 3 h ago`.
    pub expires: Option<String>,
    /// Pods that use it for an image of this registry.
    pub pods: Vec<String>,
}

/// Looks at one secret in all of its namespaces; asks for no password.
pub async fn status(secret: &PullSecret, objects: &Objects) -> Result<Vec<Row>, Failure> {
    let found = all_named::<Object>(&secret.name, &secret.places, objects).await?;
    let now = clock::now();
    let pods = |namespace: &String| {
        let (namespace, objects) = (namespace.clone(), objects.clone());
        async move {
            let pods = objects.list::<Pod>(Some(&namespace), ListParams::default()).await?;
            Ok((namespace, pods))
        }
        .boxed()
    };
    let pods: BTreeMap<String, Vec<Pod>> =
        few_at_once(secret.places.keys().map(pods).collect()).await?.into_iter().collect();
    let mut rows = Vec::new();
    for (namespace, place) in &secret.places {
        let object = found.get(namespace);
        let pods = pods.get(namespace).map(Vec::as_slice).unwrap_or_default();
        rows.extend(secret.registries_of(place).map(|registry| Row {
            server: registry.server.clone(),
            namespace: namespace.clone(),
            secret: secret.name.clone(),
            pods: users(pods, secret, place, &registry.server),
            ..row(object, state(object, secret, place, now), now)
        }));
    }
    Ok(rows)
}

fn state(
    object: Option<&Object>,
    secret: &PullSecret,
    place: &Place,
    now: Timestamp,
) -> &'static str {
    let ends = object.and_then(|object| Present::of(object).expires_at);
    match freshness(object, &expected(secret, place), now) {
        Freshness::Absent => "missing",
        Freshness::OtherType => "other type",
        Freshness::Differs => "differs",
        _ if ends.is_some_and(|end| end <= now) => "expired",
        Freshness::Due => "due",
        Freshness::Unknown | Freshness::Good => "good",
    }
}

fn row(object: Option<&Object>, state: &'static str, now: Timestamp) -> Row {
    let present = object.map(Present::of).unwrap_or_default();
    Row {
        server: String::new(),
        namespace: String::new(),
        secret: String::new(),
        state,
        source: present.source,
        refreshed_at: present.refreshed_at,
        age: present.refreshed_at.map(|at| age::length(now.duration_since(at))),
        expires_at: present.expires_at,
        expires: present.expires_at.map(|end| age::left(end, now)),
        pods: Vec::new(),
    }
}

/// The pods that have an image of this registry and get this secret.
fn users(pods: &[Pod], secret: &PullSecret, place: &Place, server: &str) -> Vec<String> {
    let key = keyring::host_key(server);
    let uses = |pod: &&Pod| {
        let images = pod
            .spec
            .iter()
            .flat_map(|spec| spec.containers.iter().chain(spec.init_containers.iter().flatten()));
        let mut images = images.filter_map(|container| container.image.as_deref());
        pods::gets(pod, &secret.name, place) && images.any(|image| keyring::matches(&key, image))
    };
    pods.iter().filter(uses).map(ResourceExt::name_any).collect()
}
