//! Whether pods find room: what they request, held against what nodes offer and have given away.

use std::collections::BTreeMap;

use serde_json::Value;

use super::object::{Object, ObjectId};
use super::pod_spec::pod_spec;
use super::quantity::Quantity;
use super::read;

/// Amounts by resource: `cpu`, `memory`, `nvidia.com/gpu`.
pub type Amounts = BTreeMap<String, Quantity>;

/// What one pod of this specification requests, as the scheduler counts it.
#[must_use]
pub fn of_pod(spec: &Value) -> Amounts {
    let mut running = Amounts::new();
    let mut highest = Amounts::new();
    // Init containers run one after another beside those of them that stay.
    for container in read::list(spec, "/initContainers") {
        let own = of_container(container);
        if read::text(container, "/restartPolicy") == "Always" {
            add(&mut running, &own);
            raise(&mut highest, &running);
        } else {
            let mut together = running.clone();
            add(&mut together, &own);
            raise(&mut highest, &together);
        }
    }
    for container in read::list(spec, "/containers") {
        add(&mut running, &of_container(container));
    }
    raise(&mut highest, &running);
    if let Some(overhead) = spec.get("overhead") {
        add(&mut highest, &amounts(overhead));
    }
    highest
}

/// The requests of one container; a limit stands for a request that is not written.
fn of_container(container: &Value) -> Amounts {
    let part = |name: &str| container.pointer(name).map(amounts).unwrap_or_default();
    let mut own = part("/resources/limits");
    own.extend(part("/resources/requests"));
    own
}

fn amounts(map: &Value) -> Amounts {
    let map = map.as_object().into_iter().flatten();
    map.filter_map(|(name, value)| Some((name.clone(), Quantity::of(value)?))).collect()
}

fn add(sum: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        let entry = sum.entry(name.clone()).or_default();
        *entry = *entry + *amount;
    }
}

fn raise(highest: &mut Amounts, to: &Amounts) {
    for (name, amount) in to {
        let entry = highest.entry(name.clone()).or_default();
        *entry = (*entry).max(*amount);
    }
}

/// What a node offers and what of it is free.
#[derive(Clone, Debug)]
pub struct NodeRoom {
    /// Its name.
    pub name: String,
    /// What pods may use in all.
    pub allocatable: Amounts,
    /// What no pod has requested yet.
    pub free: Amounts,
    labels: Vec<(String, String)>,
    taints: Vec<Value>,
    cordoned: bool,
}

impl NodeRoom {
    /// A node with what these pods leave of it. Leave out the pods that the deploy will replace.
    pub fn of<'v>(node: &Value, pods: impl IntoIterator<Item = &'v Value>) -> Self {
        let name = read::name(node);
        let allocatable = node.pointer("/status/allocatable").map(amounts).unwrap_or_default();
        let mut taken = Amounts::new();
        for pod in pods {
            let ended = ["Succeeded", "Failed"].contains(&read::text(pod, "/status/phase"));
            if read::text(pod, "/spec/nodeName") == name && !ended {
                add(&mut taken, &pod.get("spec").map(of_pod).unwrap_or_default());
                add(&mut taken, &Amounts::from([("pods".to_owned(), one())]));
            }
        }
        let free = allocatable
            .iter()
            .map(|(name, all)| {
                (name.clone(), all.less(taken.get(name).copied().unwrap_or_default()))
            })
            .collect();
        let labels = read::texts(node, "/metadata/labels");
        Self {
            name: name.to_owned(),
            allocatable,
            free,
            labels: labels.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            taints: read::list(node, "/spec/taints").to_vec(),
            cordoned: read::truth(node, "/spec/unschedulable"),
        }
    }

    /// Why a pod cannot go onto this node, if it cannot.
    #[must_use]
    pub fn refuses(&self, spec: &Value, requests: &Amounts) -> Option<String> {
        if self.cordoned {
            return Some("it takes no new pods (cordoned)".to_owned());
        }
        if let Some((key, value)) = unmet_selector(spec, &self.labels) {
            return Some(format!("it lacks the label {key}={value}"));
        }
        let blocking = |taint: &&Value| {
            ["NoSchedule", "NoExecute"].contains(&read::text(taint, "/effect"))
                && !tolerates(spec, taint)
        };
        if let Some(taint) = self.taints.iter().find(blocking) {
            return Some(format!("its taint {} is not tolerated", read::text(taint, "/key")));
        }
        let short = self.short_of(requests);
        (!short.is_empty()).then(|| short.join(", "))
    }

    /// The resources that do not suffice, each with its arithmetic.
    #[must_use]
    pub fn short_of(&self, requests: &Amounts) -> Vec<String> {
        let lack = |(name, wanted): (&String, &Quantity)| {
            let free = self.free.get(name).copied().unwrap_or_default();
            let all = self.allocatable.get(name).copied().unwrap_or_default();
            (*wanted > free).then(|| {
                format!(
                    "wants {} {name}, {} of {} free",
                    wanted.show(name),
                    free.show(name),
                    all.show(name)
                )
            })
        };
        requests.iter().filter_map(lack).collect()
    }
}

/// One of something.
fn one() -> Quantity {
    Quantity::parse("1").unwrap_or_default()
}

/// The first wanted label that a node lacks.
#[must_use]
pub fn unmet_selector<'s>(
    spec: &'s Value,
    labels: &[(String, String)],
) -> Option<(&'s str, &'s str)> {
    read::texts(spec, "/nodeSelector")
        .find(|(key, value)| !labels.iter().any(|(name, has)| name == key && has == value))
}

/// Whether a pod tolerates a taint.
#[must_use]
pub fn tolerates(spec: &Value, taint: &Value) -> bool {
    read::list(spec, "/tolerations").iter().any(|toleration| {
        let field = |name: &str| read::text(toleration, name);
        let key = field("/key").is_empty() || field("/key") == read::text(taint, "/key");
        let effect =
            field("/effect").is_empty() || field("/effect") == read::text(taint, "/effect");
        let value =
            field("/operator") == "Exists" || field("/value") == read::text(taint, "/value");
        key && effect && value
    })
}

/// Pods that find no node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The object whose pods they are.
    pub object: ObjectId,
    /// Why, node by node: ``lab-node: wants 1500m cpu, 500m of 2 free``.
    pub why: Vec<String>,
}

/// The objects of which not even one pod fits any node. Nothing is said without nodes: a cluster
/// that hides them may have room.
#[must_use]
pub fn misfits(objects: &[Object], nodes: &[NodeRoom]) -> Vec<Misfit> {
    if nodes.is_empty() {
        return Vec::new();
    }
    let misfit = |object: &Object| {
        let (spec, _) = pod_spec(&object.value)?;
        if read::number(&object.value, "/spec/replicas") == Some(0) {
            return None;
        }
        let requests = of_pod(spec);
        let why: Option<Vec<String>> = nodes
            .iter()
            .map(|node| Some(format!("{}: {}", node.name, node.refuses(spec, &requests)?)))
            .collect();
        Some(Misfit { object: object.id.clone(), why: why? })
    };
    objects.iter().filter_map(misfit).collect()
}

/// Resources of which all replicas together want more than all nodes together have free.
#[must_use]
pub fn overcommitted(objects: &[Object], nodes: &[NodeRoom]) -> Vec<String> {
    let mut wanted = Amounts::new();
    for object in objects {
        let Some((spec, _)) = pod_spec(&object.value) else { continue };
        let kind = object.id.kind.as_str();
        if ["Job", "CronJob", "DaemonSet"].contains(&kind) {
            continue;
        }
        let replicas = read::number(&object.value, "/spec/replicas").unwrap_or(1);
        let replicas = u32::try_from(replicas).unwrap_or_default();
        add(
            &mut wanted,
            &of_pod(spec).iter().map(|(name, one)| (name.clone(), one.times(replicas))).collect(),
        );
    }
    let free = |name: &str| -> Quantity {
        nodes.iter().filter_map(|node| node.free.get(name)).copied().sum()
    };
    wanted
        .iter()
        .filter(|(name, amount)| !nodes.is_empty() && **amount > free(name))
        .map(|(name, amount)| {
            format!(
                "all replicas together request {} {name}, {} is free",
                amount.show(name),
                free(name).show(name)
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::manifest::Place;

    fn spec(requests: &[(&str, &str)]) -> Value {
        let containers: Vec<Value> = requests
            .iter()
            .map(|(cpu, memory)| json!({"resources": {"requests": {"cpu": cpu, "memory": memory}}}))
            .collect();
        json!({"containers": containers})
    }

    fn deployment(replicas: u32, spec: &Value) -> Object {
        let value = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "pred-maint"},
            "spec": {"replicas": replicas, "template": {"spec": spec}}});
        Object::new(value, Place::default()).unwrap()
    }

    fn node(name: &str, cpu: &str, extra: &Value) -> Value {
        json!({"metadata": {"name": name, "labels": {"arch": "amd64"}}, "spec": extra,
            "status": {"allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "110"}}})
    }

    fn pod(node: &str, cpu: &str, phase: &str) -> Value {
        json!({"spec": {"nodeName": node, "containers": [{"resources": {"requests": {"cpu": cpu}}}]},
            "status": {"phase": phase}})
    }

    #[test]
    fn a_pods_requests_are_counted_as_the_scheduler_does() {
        let spec = json!({
            "initContainers": [
                {"resources": {"requests": {"cpu": "3"}}},
                {"restartPolicy": "Always", "resources": {"requests": {"cpu": "1"}}},
                {"resources": {"requests": {"cpu": "500m", "memory": "4Gi"}}}],
            "containers": [
                {"resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "2", "memory": "1Gi"}}},
                {"resources": {"requests": {"cpu": "500m"}}}],
            "overhead": {"cpu": "100m"}});
        let requests = of_pod(&spec);
        assert_eq!(
            requests["cpu"].show("cpu"),
            "3100m",
            "the first init container outweighs 1 + 1.5"
        );
        assert_eq!(requests["memory"].show("memory"), "4Gi");
    }

    #[test]
    fn a_pod_that_fits_no_node_is_told_with_the_arithmetic_of_each() {
        let api = deployment(3, &spec(&[("1", "1Gi"), ("500m", "1Gi")]));
        let pods =
            [pod("b", "1", "Running"), pod("b", "9", "Succeeded"), pod("a", "900m", "Pending")];
        let rooms = [
            NodeRoom::of(&node("a", "2", &json!({})), &pods),
            NodeRoom::of(&node("b", "2", &json!({})), &pods),
        ];
        let found = misfits(&[api], &rooms);
        assert_eq!(
            found[0].why,
            ["a: wants 1500m cpu, 1100m of 2 free", "b: wants 1500m cpu, 1 of 2 free"]
        );
    }

    #[test]
    fn one_node_with_room_suffices_and_zero_replicas_need_none() {
        let rooms = [
            NodeRoom::of(&node("small", "1", &json!({})), []),
            NodeRoom::of(&node("large", "4", &json!({})), []),
        ];
        let api = deployment(3, &spec(&[("1500m", "1Gi")]));
        assert_eq!(misfits(std::slice::from_ref(&api), &rooms), []);
        assert_eq!(misfits(&[deployment(0, &spec(&[("99", "1Gi")]))], &rooms), []);
        assert_eq!(misfits(std::slice::from_ref(&api), &[]), []);
    }

    #[test]
    fn replicas_that_only_fit_one_at_a_time_are_told() {
        let rooms = [NodeRoom::of(&node("a", "2", &json!({})), [])];
        let api = deployment(3, &spec(&[("1", "1Gi"), ("500m", "1Gi")]));
        assert_eq!(misfits(std::slice::from_ref(&api), &rooms), []);
        assert_eq!(
            overcommitted(&[api], &rooms),
            ["all replicas together request 4500m cpu, 2 is free"]
        );
    }

    #[test]
    fn labels_taints_cordons_and_missing_resources_refuse_a_pod() {
        let taint = json!({"taints": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]});
        let gpu = json!({"containers": [{"resources": {"limits": {"nvidia.com/gpu": 1}}}]});
        let tolerant =
            json!({"containers": [], "tolerations": [{"key": "gpu", "operator": "Exists"}]});
        for (node, spec, why) in [
            (
                node("a", "2", &json!({"unschedulable": true})),
                spec(&[]),
                Some("it takes no new pods (cordoned)"),
            ),
            (node("a", "2", &taint), spec(&[]), Some("its taint gpu is not tolerated")),
            (node("a", "2", &taint), tolerant, None),
            (
                node("a", "2", &json!({})),
                json!({"nodeSelector": {"agentpool": "ml"}, "containers": []}),
                Some("it lacks the label agentpool=ml"),
            ),
            (
                node("a", "2", &json!({})),
                json!({"nodeSelector": {"arch": "amd64"}, "containers": []}),
                None,
            ),
            (node("a", "2", &json!({})), gpu, Some("wants 1 nvidia.com/gpu, 0 of 0 free")),
        ] {
            let room = NodeRoom::of(&node, []);
            assert_eq!(room.refuses(&spec, &of_pod(&spec)).as_deref(), why);
        }
    }
}
