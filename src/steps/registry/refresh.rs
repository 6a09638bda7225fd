//! `mlup creds refresh`: renews pull secrets that are due, and has pods pull at once that wait
//! because of them.

use std::collections::BTreeSet;

use futures_util::FutureExt;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt;
use kube::api::ListParams;
use serde::Serialize;

use super::apply::{self, Renewal};
use super::credential::Passwords;
use super::{Place, PullSecret};
use crate::drivers::pull_secret::keyring;
use crate::policy::Failure;
use crate::steps::StepCtx;
use crate::steps::objects::{Objects, few_at_once};

/// What a refresh did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Refreshed {
    /// Name of the secret.
    pub secret: String,
    /// Namespaces in which it was written.
    pub written: Vec<String>,
    /// Pods, as `namespace/name`, that were deleted so that their owner makes new ones at once.
    pub retried: Vec<String>,
    /// Pods that wait for an image and that nobody would make again.
    pub left: Vec<String>,
}

/// Renews a secret where that is due, or everywhere.
pub async fn refresh(
    secret: &PullSecret,
    is_forced: bool,
    (passwords, ctx): (&Passwords, &StepCtx),
    objects: &Objects,
) -> Result<Refreshed, Failure> {
    let renewal = if is_forced { Renewal::Force } else { Renewal::DueOrFail };
    let mut written = apply::bring_up(secret, renewal, (passwords, ctx), objects).await?;
    written.sort();
    let mut refreshed = Refreshed { secret: secret.name.clone(), written, ..Refreshed::default() };
    retry_pods(secret, &mut refreshed, objects).await?;
    Ok(refreshed)
}

/// Deletes pods that wait for an image of these registries where a controller makes new ones: a
/// pod's own retries come up to five minutes apart.
pub async fn retry_pods(
    secret: &PullSecret,
    refreshed: &mut Refreshed,
    objects: &Objects,
) -> Result<(), Failure> {
    let pods = pods(&refreshed.written, objects).await?;
    for pod in pods {
        let namespace = pod.namespace().unwrap_or_default();
        let Some(place) = secret.places.get(&namespace) else { continue };
        if !waits_for(&pod, secret, place) {
            continue;
        }
        let name = format!("{namespace}/{}", pod.name_any());
        if !is_controlled(&pod) {
            refreshed.left.push(name);
        } else if objects.remove(&pod).await? {
            refreshed.retried.push(name);
        }
    }
    Ok(())
}

/// The pods that do not run yet, in these namespaces.
async fn pods(namespaces: &[String], objects: &Objects) -> Result<Vec<Pod>, Failure> {
    let one = |namespace: &String| {
        let (namespace, objects) = (namespace.clone(), objects.clone());
        let pending = ListParams::default().fields("status.phase!=Succeeded");
        async move { objects.list::<Pod>(Some(&namespace), pending).await }.boxed()
    };
    let all = few_at_once(namespaces.iter().map(one).collect()).await?;
    Ok(all.into_iter().flatten().collect())
}

/// Whether a pod waits for an image that this secret is for, and would get the secret when it is
/// made again.
fn waits_for(pod: &Pod, secret: &PullSecret, place: &Place) -> bool {
    let keys: BTreeSet<String> =
        secret.registries_of(place).map(|registry| keyring::host_key(&registry.server)).collect();
    let is_ours = |image: &str| keys.iter().any(|key| keyring::matches(key, image));
    gets(pod, &secret.name, place) && stuck_images(pod).iter().any(|image| is_ours(image))
}

/// Whether the pod names the secret, or its service account hands it on.
pub(super) fn gets(pod: &Pod, secret: &str, place: &Place) -> bool {
    let Some(spec) = &pod.spec else { return false };
    let named = spec.image_pull_secrets.as_deref().unwrap_or_default();
    let account = spec.service_account_name.as_deref().unwrap_or("default");
    named.iter().any(|reference| reference.name == secret)
        || (named.is_empty() && place.accounts.contains(account))
}

/// Images that could not be pulled, as the pod's specification names them.
fn stuck_images(pod: &Pod) -> Vec<String> {
    let (Some(spec), Some(status)) = (&pod.spec, &pod.status) else { return Vec::new() };
    let statuses =
        status.container_statuses.iter().chain(&status.init_container_statuses).flatten();
    let stuck: BTreeSet<&str> =
        statuses.filter(|status| is_stuck(status)).map(|status| status.name.as_str()).collect();
    let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    containers
        .filter(|container| stuck.contains(container.name.as_str()))
        .filter_map(|container| container.image.clone())
        .collect()
}

fn is_stuck(status: &ContainerStatus) -> bool {
    let waiting = status.state.as_ref().and_then(|state| state.waiting.as_ref());
    let reason = waiting.and_then(|waiting| waiting.reason.as_deref());
    matches!(reason, Some("ErrImagePull" | "ImagePullBackOff"))
}

fn is_controlled(pod: &Pod) -> bool {
    pod.owner_references().iter().any(|owner| owner.controller == Some(true))
}
