//! What stands behind each service, as the endpoint controller makes it of the pods that are known
//! anyway: a list less, which would be as long as that of the pods.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::manifest::read;
use crate::readiness::World;

/// Pods by a label that they have, within their namespace.
type ByLabel<'w> = HashMap<(&'w str, &'w str, &'w str), Vec<&'w Value>>;

/// One slice for each service that selects pods.
pub(super) fn slices(world: &World) -> Vec<Value> {
    let mut pods: ByLabel<'_> = HashMap::new();
    for pod in world.all("Pod") {
        for (key, value) in read::texts(pod, "/metadata/labels") {
            pods.entry((read::namespace(pod), key, value)).or_default().push(pod);
        }
    }
    world.all("Service").iter().filter_map(|service| slice(service, &pods)).collect()
}

fn slice(service: &Value, pods: &ByLabel<'_>) -> Option<Value> {
    let namespace = read::namespace(service);
    let selector: Vec<(&str, &str)> = read::texts(service, "/spec/selector").collect();
    let own = selector.iter().map(|(key, value)| {
        pods.get(&(namespace, *key, *value)).map(Vec::as_slice).unwrap_or_default()
    });
    // The rarest label leaves the fewest pods to look at.
    let few = own.min_by_key(|pods| pods.len())?;
    let endpoints: Vec<Value> = few
        .iter()
        .filter(|pod| is_behind(pod, &selector))
        .map(|pod| json!({ "conditions": { "ready": is_ready(service, pod) } }))
        .collect();
    let name = read::name(service);
    Some(json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "name": name, "namespace": namespace,
            "labels": { "kubernetes.io/service-name": name },
        },
        "endpoints": endpoints,
    }))
}

/// Whether the controller counts a pod: one that is selected, has an address and has not ended.
fn is_behind(pod: &Value, selector: &[(&str, &str)]) -> bool {
    let labels: Vec<(&str, &str)> = read::texts(pod, "/metadata/labels").collect();
    read::selects(selector, &labels)
        && !["Succeeded", "Failed"].contains(&read::text(pod, "/status/phase"))
        && !read::text(pod, "/status/podIP").is_empty()
}

fn is_ready(service: &Value, pod: &Value) -> bool {
    let is_ending = !read::text(pod, "/metadata/deletionTimestamp").is_empty();
    read::truth(service, "/spec/publishNotReadyAddresses")
        || read::holds(pod, "Ready") && !is_ending
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, app: &str, ready: &str) -> Value {
        json!({"kind": "Pod", "metadata": {"name": name, "namespace": "n",
            "labels": {"app": app, "tier": "web"}},
            "status": {"podIP": "192.0.2.1", "conditions": [{"type": "Ready", "status": ready}]}})
    }

    fn service(name: &str, selector: &Value) -> Value {
        json!({"kind": "Service", "metadata": {"name": name, "namespace": "n"},
            "spec": {"selector": selector}})
    }

    #[test]
    fn a_slice_has_the_pods_that_its_service_selects() {
        let mut ended = pod("ended", "a", "False");
        ended["status"]["phase"] = "Succeeded".into();
        let mut early = service("early", &json!({"app": "a"}));
        early["spec"]["publishNotReadyAddresses"] = true.into();
        let world = World::of([
            pod("one", "a", "True"),
            pod("two", "a", "False"),
            pod("other", "b", "True"),
            ended,
            service("a", &json!({"app": "a", "tier": "web"})),
            service("none", &json!({"app": "c"})),
            service("by-hand", &json!({})),
            early,
        ]);
        let told: Vec<(String, Vec<bool>)> = slices(&world)
            .iter()
            .map(|slice| {
                let ends = read::list(slice, "/endpoints").iter();
                let ready = ends.map(|end| read::truth(end, "/conditions/ready")).collect();
                (read::name(slice).to_owned(), ready)
            })
            .collect();
        assert_eq!(
            told,
            [
                ("a".to_owned(), vec![true, false]),
                ("none".to_owned(), vec![]),
                ("early".to_owned(), vec![true, true]),
            ]
        );
    }
}
