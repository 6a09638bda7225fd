//! What pods request, and what nodes offer and have given away. Whether the pods of objects find room
//! there is [`super::room`].

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::affinity;
use super::platform::Platform;
use super::quantity::{Quantity, about};
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
    let part = |name: &str| read::at(container, name).map(amounts).unwrap_or_default();
    let mut own = part("/resources/limits");
    own.extend(part("/resources/requests"));
    own
}

fn amounts(map: &Value) -> Amounts {
    let map = map.as_object().into_iter().flatten();
    map.filter_map(|(name, value)| Some((name.clone(), Quantity::of(value)?))).collect()
}

pub(super) fn add(sum: &mut Amounts, more: &Amounts) {
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
    /// Its platform, if it says one.
    pub platform: Option<Platform>,
    labels: Vec<(String, String)>,
    taints: Vec<Value>,
    cordoned: bool,
}

impl NodeRoom {
    /// A node with what these pods leave of it. Leave out the pods that the deploy will replace.
    pub fn of<'v>(node: &Value, pods: impl IntoIterator<Item = &'v Value>) -> Self {
        let name = read::name(node);
        let allocatable = read::at(node, "/status/allocatable").map(amounts).unwrap_or_default();
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
            platform: Platform::of_node(node),
            labels: labels.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            taints: read::list(node, "/spec/taints").to_vec(),
            cordoned: read::truth(node, "/spec/unschedulable"),
        }
    }

    /// Why a pod cannot go onto this node, if it cannot.
    #[must_use]
    pub fn refuses(&self, spec: &Value, requests: &Amounts) -> Option<Refusal> {
        self.excludes(spec).or_else(|| {
            let short = self.short_of(requests);
            (!short.is_empty()).then_some(Refusal::Room(short))
        })
    }

    /// The same for what room does not change.
    #[must_use]
    pub fn excludes(&self, spec: &Value) -> Option<Refusal> {
        if self.cordoned {
            return Some(Refusal::Cordon);
        }
        if let Some(demand) = affinity::unmet(spec, &self.labels) {
            return Some(Refusal::Label(demand));
        }
        let blocking = |taint: &&Value| {
            ["NoSchedule", "NoExecute"].contains(&read::text(taint, "/effect"))
                && !tolerates(spec, taint)
        };
        let taint = self.taints.iter().find(blocking)?;
        Some(Refusal::Taint(read::text(taint, "/key").to_owned()))
    }

    /// How many pods that request this find room on it.
    #[must_use]
    pub fn holds(&self, requests: &Amounts) -> u32 {
        let of = |(name, one): (&String, &Quantity)| {
            self.free.get(name).copied().unwrap_or_default().holds(*one)
        };
        let pods = self.free.get("pods").map_or(u32::MAX, |free| free.holds(one()));
        requests.iter().map(of).min().unwrap_or(u32::MAX).min(pods)
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
                    about(free, name),
                    about(all, name)
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

/// Why a node takes no pod of some specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It takes no new pods at all.
    Cordon,
    /// It lacks what the pod demands of its labels.
    Label(String),
    /// The pod does not tolerate the taint of this key.
    Taint(String),
    /// These resources do not suffice, each with its arithmetic.
    Room(Vec<String>),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cordon => f.write_str("it takes no new pods (cordoned)"),
            Self::Label(demand) => write!(f, "it lacks the label {demand}"),
            Self::Taint(key) => write!(f, "its taint {key} is not tolerated"),
            Self::Room(short) => f.write_str(&short.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(requests: &[(&str, &str)]) -> Value {
        let containers: Vec<Value> = requests
            .iter()
            .map(|(cpu, memory)| json!({"resources": {"requests": {"cpu": cpu, "memory": memory}}}))
            .collect();
        json!({"containers": containers})
    }

    fn node(name: &str, cpu: &str, extra: &Value) -> Value {
        json!({"metadata": {"name": name, "labels": {"arch": "amd64"}}, "spec": extra,
            "status": {"allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "110"}}})
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
            assert_eq!(
                room.refuses(&spec, &of_pod(&spec)).map(|why| why.to_string()).as_deref(),
                why
            );
        }
    }
}
