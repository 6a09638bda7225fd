//! Pods that wait for an image because of a pull secret: which ones do, and how they pull again at
//! once. Their own retries come up to five minutes apart.

use std::collections::BTreeSet;

use futures_util::FutureExt;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt;
use kube::api::ListParams;

use super::apply::FEW;
use super::{Place, PullSecret};
use crate::manifest::keyring;
use crate::plan::progress::Progress;
use crate::policy::Failure;
use crate::steps::objects::{Objects, few_at_once};

/// Pods that waited for an image, as `namespace/name`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retried {
    /// Those that were deleted, so that their owner makes new ones at once.
    pub deleted: Vec<String>,
    /// Those that nobody would make again.
    pub left: Vec<String>,
}

/// Deletes the pods that wait for an image of these registries where a controller makes new ones.
/// Without the right to do so they are left to themselves, which is said.
pub async fn retry(
    secret: &PullSecret,
    namespaces: &BTreeSet<String>,
    objects: &Objects,
) -> Result<Retried, Failure> {
    let mut retried = Retried::default();
    match retry_all(secret, namespaces, &mut retried, objects).await {
        Err(failure) if failure.code == "API_FORBIDDEN" => {
            objects.step().say(Progress::Warning {
                code: "PODS_NOT_RETRIED",
                message: format!(
                    "pods that wait for an image by the pull secret `{}` try again by themselves, \
                     within 5 minutes: {}",
                    secret.name, failure.summary
                ),
                hint: failure.fix.map(|fix| fix.command),
            });
            Ok(retried)
        }
        done => done.map(|()| retried),
    }
}

async fn retry_all(
    secret: &PullSecret,
    namespaces: &BTreeSet<String>,
    retried: &mut Retried,
    objects: &Objects,
) -> Result<(), Failure> {
    for pod in unfinished(namespaces, objects).await? {
        let namespace = pod.namespace().unwrap_or_default();
        let Some(place) = secret.places.get(&namespace) else { continue };
        if !waits_for(&pod, secret, place) {
            continue;
        }
        let name = format!("{namespace}/{}", pod.name_any());
        if !is_controlled(&pod) {
            retried.left.push(name);
        } else if objects.remove(&pod).await? {
            retried.deleted.push(name);
        }
    }
    Ok(())
}

/// The pods in these namespaces that are not done: with one request where there are many
/// namespaces and the user may see all.
async fn unfinished(namespaces: &BTreeSet<String>, objects: &Objects) -> Result<Vec<Pod>, Failure> {
    let wanted = ListParams::default().fields("status.phase!=Succeeded");
    if namespaces.len() > FEW {
        match objects.list::<Pod>(None, wanted.clone()).await {
            Ok(mut all) => {
                all.retain(|pod| namespaces.contains(&pod.namespace().unwrap_or_default()));
                return Ok(all);
            }
            Err(failure) if failure.code == "API_FORBIDDEN" => {}
            Err(failure) => return Err(failure),
        }
    }
    let one = |namespace: &String| {
        let (namespace, objects, wanted) = (namespace.clone(), objects.clone(), wanted.clone());
        async move { objects.list::<Pod>(Some(&namespace), wanted).await }.boxed()
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
