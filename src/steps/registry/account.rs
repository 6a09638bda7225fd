//! Attaches a pull secret to service accounts, whose later pods then get it. The list of an
//! account is read, appended to and written in the version that was read: others use it too.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::FutureExt;
use k8s_openapi::api::core::v1::{LocalObjectReference, ServiceAccount};
use kube::runtime::wait::await_condition;
use tokio::time::Instant;

use super::PullSecret;
use super::apply::all_named;
use crate::event::Fix;
use crate::policy::{Class, Failure};
use crate::steps::objects::{Objects, few_at_once};

/// How long an account may take to appear: the cluster makes `default` after the namespace.
const APPEARS: Duration = Duration::from_secs(30);

/// How often somebody else may be faster.
const TRIES: usize = 6;

/// Namespace and name of the accounts that do not have the secret yet, those that are still to
/// come included.
pub async fn missing(
    secret: &PullSecret,
    objects: &Objects,
) -> Result<Vec<(String, String)>, Failure> {
    let names: BTreeSet<&String> =
        secret.places.values().flat_map(|place| &place.accounts).collect();
    let mut missing = Vec::new();
    for name in names {
        let places: BTreeMap<_, _> = secret
            .places
            .iter()
            .filter(|(_, place)| place.accounts.contains(name))
            .map(|(namespace, place)| (namespace.clone(), place.clone()))
            .collect();
        let found = all_named::<ServiceAccount>(name, &places, objects).await?;
        for namespace in places.into_keys() {
            if !found.get(&namespace).is_some_and(|account| has(account, &secret.name)) {
                missing.push((namespace, name.clone()));
            }
        }
    }
    Ok(missing)
}

/// Attaches the secret to all of its accounts. Returns the namespaces of those that did not have it.
pub async fn attach(secret: &PullSecret, objects: &Objects) -> Result<Vec<String>, Failure> {
    let missing = missing(secret, objects).await?;
    let one = |(namespace, name): (String, String)| {
        let (secret, objects) = (secret.name.clone(), objects.clone());
        async move { attach_one(&secret, &namespace, &name, &objects).await.map(|()| namespace) }
            .boxed()
    };
    few_at_once(missing.into_iter().map(one).collect()).await
}

async fn attach_one(
    secret: &str,
    namespace: &str,
    name: &str,
    objects: &Objects,
) -> Result<(), Failure> {
    for _ in 0..TRIES {
        let mut account = match objects.get::<ServiceAccount>(namespace, name).await? {
            Some(account) => account,
            None => appeared(namespace, name, objects).await?,
        };
        if has(&account, secret) {
            return Ok(());
        }
        let reference = LocalObjectReference { name: secret.to_owned() };
        account.image_pull_secrets.get_or_insert_default().push(reference);
        if objects.replace(&account).await?.is_some() {
            return Ok(());
        }
    }
    Err(contended(namespace, name))
}

/// Takes the secret's name out of an account's list; what others put there stays.
pub(super) async fn detach(
    secret: &str,
    namespace: &str,
    name: &str,
    objects: &Objects,
) -> Result<(), Failure> {
    for _ in 0..TRIES {
        let Some(mut account) = objects.get::<ServiceAccount>(namespace, name).await? else {
            return Ok(());
        };
        if !has(&account, secret) {
            return Ok(());
        }
        if let Some(list) = &mut account.image_pull_secrets {
            list.retain(|reference| reference.name != secret);
        }
        if objects.replace(&account).await?.is_some() {
            return Ok(());
        }
    }
    Err(contended(namespace, name))
}

/// Waits for an account that is not there yet.
async fn appeared(
    namespace: &str,
    name: &str,
    objects: &Objects,
) -> Result<ServiceAccount, Failure> {
    let step = objects.step();
    step.waiting(format!("service account {namespace}/{name}"));
    let ends = step.deadline.min(Instant::now() + APPEARS);
    let watched = kube::Api::<ServiceAccount>::namespaced(objects.client().clone(), namespace);
    let wait = async {
        let is_there = |account: Option<&ServiceAccount>| account.is_some();
        loop {
            // A watch that breaks off is begun again.
            match await_condition(watched.clone(), name, is_there).await {
                Ok(Some(account)) => return account,
                Ok(None) | Err(_) => tokio::time::sleep(Duration::from_millis(250)).await,
            }
        }
    };
    tokio::select! {
        biased;
        () = step.cancel.cancelled() => Err(Failure::cancelled()),
        account = tokio::time::timeout_at(ends, wait) => account.map_err(|_| absent(namespace, name)),
    }
}

fn has(account: &ServiceAccount, secret: &str) -> bool {
    let all = account.image_pull_secrets.as_deref().unwrap_or_default();
    all.iter().any(|reference| reference.name == secret)
}

fn contended(namespace: &str, name: &str) -> Failure {
    let summary = format!(
        "the service account `{namespace}/{name}` changed each time before it could be written"
    );
    Failure::new(Class::Transient, "SERVICE_ACCOUNT_CONTENDED", summary)
        .fix(Fix::safe("find out who else writes it: two owners of its list take turns"))
}

fn absent(namespace: &str, name: &str) -> Failure {
    let summary = format!("there is no service account `{namespace}/{name}`");
    Failure::new(Class::Timeout, "SERVICE_ACCOUNT_MISSING", summary)
        .because("API server", format!("it did not appear within {} s", APPEARS.as_secs()))
        .fix(Fix::safe(format!("kubectl -n {namespace} get serviceaccounts")))
}
