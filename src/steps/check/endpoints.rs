//! Why nobody answers for a service: from the service to its endpoints to its pods, as they are now.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::ListParams;
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::lacking::{Lacking, Until};
use super::place;
use crate::manifest::read;
use crate::readiness::{Cause, Readiness, World, pods, readiness};
use crate::steps::objects::Objects;

/// What the service lacks, until one of its endpoints is ready.
pub(super) async fn nobody(objects: &Objects, service: &Service) -> Lacking {
    let namespace = service.namespace().unwrap_or_default();
    let world = world(objects, &namespace).await;
    let object = value(service);
    let until =
        Until::Endpoints { namespace, name: service.name_any(), selector: selector(service) };
    let own = readiness(&object, &world);
    if let Readiness::Blocked(cause) | Readiness::Failed(cause) = own {
        return because(cause, until);
    }
    let selector: Vec<(&str, &str)> = read::texts(&object, "/spec/selector").collect();
    let is_own = |pod: &&Value| {
        let labels: Vec<(&str, &str)> = read::texts(pod, "/metadata/labels").collect();
        !selector.is_empty() && read::selects(&selector, &labels)
    };
    let own_pods = || world.all("Pod").iter().filter(is_own);
    match own_pods().find_map(|pod| pods::pod_cause(pod, &world)) {
        Some(cause) => because(cause, until),
        None if own_pods().next().is_none() => {
            Lacking::new(format!("{} has no pods", place::called(service)), until)
        }
        None => Lacking::new(format!("no pod of {} is ready", place::called(service)), until),
    }
}

fn because(cause: Cause, until: Until) -> Lacking {
    let Cause { summary, evidence, fix, .. } = cause;
    Lacking { evidence, fix, ..Lacking::new(summary, until) }
}

fn selector(service: &Service) -> String {
    let labels = service.spec.iter().flat_map(|spec| spec.selector.iter().flatten());
    labels.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// What the judgement looks at; a kind that this user may not list stays unknown.
async fn world(objects: &Objects, namespace: &str) -> World {
    let mut world = World::default();
    let kinds: Vec<BoxFuture<'_, (String, Option<Vec<Value>>)>> = vec![
        all::<DaemonSet>(objects, namespace).boxed(),
        all::<Deployment>(objects, namespace).boxed(),
        all::<EndpointSlice>(objects, namespace).boxed(),
        all::<Pod>(objects, namespace).boxed(),
        all::<StatefulSet>(objects, namespace).boxed(),
    ];
    for (kind, found) in futures_util::future::join_all(kinds).await {
        if let Some(found) = found {
            world.set(&kind, found);
        }
    }
    world
}

async fn all<K>(objects: &Objects, namespace: &str) -> (String, Option<Vec<Value>>)
where
    K: Resource<DynamicType = ()> + DeserializeOwned + Clone + Serialize,
{
    let listed = objects.list::<K>(Some(namespace), ListParams::default()).await;
    (K::kind(&()).into_owned(), listed.ok().map(|found| found.iter().map(value).collect()))
}

/// The object as it is written: items of a list do not say their kind.
fn value<K: Resource<DynamicType = ()> + Serialize>(object: &K) -> Value {
    let mut value = serde_json::to_value(object).unwrap_or_default();
    value["apiVersion"] = K::api_version(&()).into_owned().into();
    value["kind"] = K::kind(&()).into_owned().into();
    value
}
