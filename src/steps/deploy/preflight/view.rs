//! What the preflight has to know of the cluster: nodes and what runs on them, storage classes,
//! services. Asked for only where an object needs it; what the user may not list is noted.

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{
    ConfigMap, Node, PersistentVolume, PersistentVolumeClaim, Pod, Service,
};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::Resource;
use kube::api::ListParams;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::wanted::Wanted;
use crate::config::model::{Cluster, Provider};
use crate::event::Fix;
use crate::manifest::node_ports::of_service;
use crate::manifest::requests::NodeRoom;
use crate::manifest::storage::{self, Classes};
use crate::manifest::{Object, pod_spec, read, room};
use crate::policy::{Class, Failure};
use crate::steps::StepCtx;
use crate::steps::objects::Objects;

/// The cluster, as far as the objects have to do with it.
#[derive(Default)]
pub(super) struct View {
    /// None where nothing needs them, or the user may not see them; so with the others.
    pub(super) nodes: Option<Vec<Value>>,
    pub(super) services: Option<Vec<Value>>,
    pods: Option<Vec<Value>>,
    classes: Option<Vec<Value>>,
    /// Kinds that the user may not list.
    pub(super) unchecked: Vec<String>,
}

impl View {
    /// Asks for what these objects need.
    pub(super) async fn of(
        changing: &[Object],
        wanted: &Wanted,
        objects: &Objects,
    ) -> Result<Self, Failure> {
        let has_pods = changing.iter().any(|object| pod_spec(&object.value).is_some());
        let run = Classes::of(wanted.all().iter().map(|object| &object.value));
        let has_claims = !storage::unserved(storage::claims(changing), &run).is_empty();
        let has_ports =
            changing.iter().any(|object| !of_service(&object.value, &object.place).is_empty());
        let (nodes, pods, classes, services) = tokio::try_join!(
            listed::<Node>(has_pods, objects),
            listed::<Pod>(has_pods, objects),
            listed::<StorageClass>(has_claims, objects),
            listed::<Service>(has_ports, objects),
        )?;
        let mut view = Self::default();
        for (kind, list, place) in [
            ("nodes", nodes, &mut view.nodes),
            ("pods", pods, &mut view.pods),
            ("storage classes", classes, &mut view.classes),
            ("services", services, &mut view.services),
        ] {
            match list {
                Listed::Unasked => {}
                Listed::Forbidden => view.unchecked.push(kind.to_owned()),
                Listed::Items(items) => *place = Some(items),
            }
        }
        Ok(view)
    }

    /// The nodes with the room on them once these objects are replaced. Without a look at the pods
    /// nobody knows the room.
    pub(super) fn rooms(&self, subset: &[Object]) -> Vec<NodeRoom> {
        let (Some(nodes), Some(pods)) = (&self.nodes, &self.pods) else { return Vec::new() };
        let stay: Vec<&Value> = pods.iter().filter(|pod| !room::is_replaced(pod, subset)).collect();
        nodes.iter().map(|node| NodeRoom::of(node, stay.iter().copied())).collect()
    }

    /// The nodes without what runs on them.
    pub(super) fn empty_nodes(&self) -> Vec<NodeRoom> {
        let nodes = self.nodes.iter().flatten();
        nodes.map(|node| NodeRoom::of(node, std::iter::empty())).collect()
    }

    /// Whether nodes come when pods need them.
    pub(super) async fn may_grow(&self, objects: &Objects) -> bool {
        let provider = objects.step().config.cluster.as_ref().map(|cluster| cluster.provider);
        if provider != Some(Provider::Existing) {
            return false;
        }
        let is_karpenters = |node: &Value| {
            read::keys(node, "/metadata/labels").any(|key| key.starts_with("karpenter.sh/"))
        };
        if self.nodes.iter().flatten().any(is_karpenters) {
            return true;
        }
        let status = objects.get::<ConfigMap>("kube-system", "cluster-autoscaler-status").await;
        matches!(status, Ok(Some(_)))
    }

    /// Claims for which there is no storage class.
    pub(super) async fn storage(
        &self,
        subset: &[Object],
        wanted: &Wanted,
        objects: &Objects,
    ) -> Result<Vec<Failure>, Failure> {
        let Some(live) = &self.classes else { return Ok(Vec::new()) };
        let run = || wanted.all().iter().map(|object| &object.value);
        let classes = Classes::of(live.iter().chain(run()));
        let unserved = storage::unserved(storage::claims(subset), &classes);
        if unserved.is_empty() {
            return Ok(Vec::new());
        }
        let Listed::Items(volumes) = listed::<PersistentVolume>(true, objects).await? else {
            return Ok(Vec::new());
        };
        let classes = Classes::of(live.iter().chain(&volumes).chain(run()));
        let mut unbound = Vec::new();
        for claim in storage::unserved(unserved, &classes) {
            let namespace = claim.object.namespace.clone().unwrap_or_default();
            let is_bound = found::<PersistentVolumeClaim>(&namespace, &claim.name, objects)
                .await?
                .is_some_and(|claim| read::text(&claim, "/status/phase") == "Bound");
            if !is_bound {
                unbound.push(claim);
            }
        }
        Ok(storage::failures(&unbound, &classes))
    }
}

/// An answer to a list.
enum Listed {
    Unasked,
    Forbidden,
    Items(Vec<Value>),
}

async fn listed<K>(is_needed: bool, objects: &Objects) -> Result<Listed, Failure>
where
    K: Resource<DynamicType = ()> + DeserializeOwned + Serialize + Clone,
{
    if !is_needed {
        return Ok(Listed::Unasked);
    }
    match objects.list::<K>(None, ListParams::default()).await {
        Ok(items) => Ok(Listed::Items(items.iter().filter_map(value).collect())),
        Err(failure) if failure.code == "API_FORBIDDEN" => Ok(Listed::Forbidden),
        Err(failure) => Err(failure),
    }
}

/// An object of the cluster; one that may not be seen counts as not there.
async fn found<K>(namespace: &str, name: &str, objects: &Objects) -> Result<Option<Value>, Failure>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + DeserializeOwned + Serialize,
{
    match objects.get::<K>(namespace, name).await {
        Ok(object) => Ok(object.as_ref().and_then(value)),
        Err(failure) if failure.code == "API_FORBIDDEN" => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// An object as plain data, its kind filled in: lists leave it out.
pub(super) fn value<K: Resource<DynamicType = ()> + Serialize>(object: &K) -> Option<Value> {
    let mut value = serde_json::to_value(object).ok()?;
    value["kind"] = K::kind(&()).into_owned().into();
    value["apiVersion"] = K::api_version(&()).into_owned().into();
    Some(value)
}

/// Services that wait for an address that nobody gives.
pub(super) fn unserved_balancers(objects: &[Object], ctx: &StepCtx) -> Vec<Failure> {
    let Some(cluster) = &ctx.config.cluster else { return Vec::new() };
    let Some((why, fix)) = unbalanced(cluster) else { return Vec::new() };
    let waits = |object: &&Object| {
        object.id.kind == "Service" && read::text(&object.value, "/spec/type") == "LoadBalancer"
    };
    let warning = |object: &Object| {
        let summary = format!("{}: {} gets no address: {why}", object.place, object.id);
        Failure::new(Class::Prerequisite, "LOAD_BALANCER_UNSERVED", summary).fix(Fix::safe(fix))
    };
    objects.iter().filter(waits).map(warning).collect()
}

/// Why nothing gives addresses to services in this cluster, and what would; none where something
/// does, or may.
fn unbalanced(cluster: &Cluster) -> Option<(&'static str, &'static str)> {
    let disables = |list: &[String]| {
        list.iter().any(|arg| arg.contains("servicelb") && !arg.contains("enable"))
    };
    match cluster.provider {
        Provider::Minikube if !cluster.addons.iter().any(|addon| addon == "metallb") => Some((
            "minikube gives one only while `minikube tunnel` runs",
            "minikube tunnel   # in another terminal; or add `metallb` to `addons`",
        )),
        Provider::K3d if disables(&cluster.args) => Some((
            "the load balancer of K3s is disabled in `args`",
            "take `servicelb` from what is disabled, or deploy another controller first",
        )),
        Provider::K3s if disables(&cluster.k3s.disable) => Some((
            "the load balancer of K3s is disabled in `disable`",
            "take `servicelb` from what is disabled, or deploy another controller first",
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::fixture;

    #[test]
    fn addresses_are_missed_where_nobody_gives_them() {
        let cluster = |provider, args: &[&str], addons: &[&str]| {
            let owned = |words: &[&str]| words.iter().map(ToString::to_string).collect();
            Cluster { args: owned(args), addons: owned(addons), ..fixture::cluster(provider) }
        };
        let disabled = ["--k3s-arg", "--disable=servicelb@server:0"];
        for (cluster, missed) in [
            (cluster(Provider::Minikube, &[], &[]), true),
            (cluster(Provider::Minikube, &[], &["metallb"]), false),
            (cluster(Provider::K3d, &[], &[]), false),
            (cluster(Provider::K3d, &disabled, &[]), true),
            (cluster(Provider::DockerDesktop, &[], &[]), false),
            (cluster(Provider::Existing, &[], &[]), false),
        ] {
            assert_eq!(unbalanced(&cluster).is_some(), missed, "{cluster:?}");
        }
    }
}
