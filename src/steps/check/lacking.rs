//! Why a try could not be made: something in the cluster is not there yet. A check says so, waits
//! for it, and ends with it when its time is over.

use futures_util::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::wait::await_condition;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, ResourceExt};

use crate::event::{Evidence, Fix};
use crate::host::kube::error::may_pass;
use crate::policy::Failure;
use crate::steps::objects::Objects;

/// Failures that mean that the cluster is not up: its own step says more, and may be at work.
const DOWN: [&str; 3] = ["CLUSTER_NOT_RUNNING", "CONTEXT_MISSING", "NODE_NOT_READY"];

/// What a try lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lacking {
    /// It, in words that stay the same from try to try.
    pub(super) why: String,
    /// What proves it.
    pub(super) evidence: Vec<Evidence>,
    /// What helps.
    pub(super) fix: Option<Fix>,
    /// What has to change before another try can go better; without it time has to pass.
    pub(super) until: Option<Until>,
}

/// A change to wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// Of a service: it appears, or differs from the version that was seen.
    Service {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// The version that was seen.
        seen: Option<String>,
    },
    /// Behind a service: an endpoint becomes ready, or something happens to its pods.
    Endpoints {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Which pods are its own; empty for a service that selects none.
        selector: String,
    },
}

/// Why there is no finding.
pub(super) enum Trouble {
    /// The check can never be met.
    Failed(Failure),
    /// It can, once this is there.
    Lacking(Lacking),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        if failure.class.is_retryable() || may_pass(&failure) || DOWN.contains(&failure.code) {
            let Failure { summary: why, evidence, fix, .. } = failure;
            return Self::Lacking(Lacking { why, evidence, fix, until: None });
        }
        Self::Failed(failure)
    }
}

impl Lacking {
    /// What lacks, with nothing to prove it.
    pub(super) fn new(why: impl Into<String>, until: Until) -> Self {
        Self { why: why.into(), until: Some(until), ..Self::default() }
    }
}

impl Until {
    /// Waits for the change; ends early where it cannot be watched.
    pub(super) async fn changed(&self, objects: &Objects) {
        match self {
            Self::Service { namespace, name, seen } => {
                let services = Api::<Service>::namespaced(objects.client().clone(), namespace);
                let differs = |service: Option<&Service>| {
                    service.is_some_and(|service| service.resource_version() != *seen)
                };
                // A watch that breaks off is no change; the next try looks anew.
                let _ = await_condition(services, name, differs).await;
            }
            Self::Endpoints { namespace, name, selector } => {
                tokio::select! {
                    () = somebody_ready(objects, namespace, name) => {}
                    () = pods_move(objects, namespace, selector) => {}
                }
            }
        }
    }
}

/// Waits until an endpoint of the service is ready.
async fn somebody_ready(objects: &Objects, namespace: &str, service: &str) {
    let slices = Api::<EndpointSlice>::namespaced(objects.client().clone(), namespace);
    let own = format!("kubernetes.io/service-name={service}");
    let events = watcher(slices, watcher::Config::default().labels(&own));
    let ready = events.try_filter(|event| {
        let slice = match event {
            Event::Apply(slice) | Event::InitApply(slice) => Some(slice),
            Event::Delete(_) | Event::Init | Event::InitDone => None,
        };
        std::future::ready(slice.is_some_and(has_ready))
    });
    let _ = std::pin::pin!(ready).next().await;
}

/// Whether some endpoint takes requests; one that does not say does.
fn has_ready(slice: &EndpointSlice) -> bool {
    let is_ready = |conditions: Option<bool>| conditions != Some(false);
    slice.endpoints.iter().any(|endpoint| {
        is_ready(endpoint.conditions.as_ref().and_then(|conditions| conditions.ready))
    })
}

/// Waits until something happens to these pods; for ever where there are none to be looked at.
async fn pods_move(objects: &Objects, namespace: &str, selector: &str) {
    if selector.is_empty() {
        return std::future::pending().await;
    }
    let pods = Api::<Pod>::namespaced(objects.client().clone(), namespace);
    let events = watcher(pods, watcher::Config::default().labels(selector));
    let news = events.try_filter(|event| {
        std::future::ready(matches!(event, Event::Apply(_) | Event::Delete(_)))
    });
    let _ = std::pin::pin!(news).next().await;
}
