//! The first field in which a live object is not as wanted. What the live object has beside it does
//! not count.

use serde_json::Value;

use super::owned::{is_hollow, joined, named};
use super::quantity::Quantity;

/// The path of the first wanted field that the live object lacks or has otherwise.
#[must_use]
pub fn first(wanted: &Value, live: &Value) -> Option<String> {
    below(wanted, live, "")
}

fn below(wanted: &Value, live: &Value, path: &str) -> Option<String> {
    match (wanted, live) {
        (Value::Object(wanted), Value::Object(live)) => {
            let different = |(name, value): (&String, &Value)| {
                let path = joined(path, name);
                match live.get(name) {
                    _ if is_hollow(value) => None,
                    Some(live) => below(value, live, &path),
                    None => Some(path),
                }
            };
            wanted.iter().find_map(different)
        }
        (Value::Array(items), Value::Array(live)) => {
            let different = |(at, item): (usize, &Value)| {
                let path = named(path, item, at);
                let twin = match item.get("name") {
                    Some(name) => live.iter().find(|other| other.get("name") == Some(name)),
                    None => live.get(at),
                };
                match twin {
                    Some(twin) => below(item, twin, &path),
                    None => Some(path),
                }
            };
            let changed = items.iter().enumerate().find_map(different);
            changed.or_else(|| (items.len() < live.len()).then(|| path.to_owned()))
        }
        (wanted, live) if wanted == live || is_same_amount(wanted, live) => None,
        _ => Some(path.to_owned()),
    }
}

/// The server writes `1000m` as `1`.
fn is_same_amount(wanted: &Value, live: &Value) -> bool {
    let amounts = Quantity::of(wanted).zip(Quantity::of(live));
    amounts.is_some_and(|(wanted, live)| wanted == live)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_difference_is_named() {
        let live = json!({"spec": {"replicas": 1, "type": "ClusterIP", "cpu": "1",
            "ports": [{"port": 80, "protocol": "TCP"}],
            "containers": [{"name": "side", "image": "s:1"}, {"name": "api", "image": "a:1"}]}});
        for (wanted, path) in [
            (json!({"spec": {"replicas": 1}}), None),
            (json!({"spec": {"cpu": "1000m", "volumes": [], "x": {"y": null}}}), None),
            (json!({"spec": {"replicas": 2}}), Some("spec.replicas")),
            (json!({"spec": {"ports": [{"port": 81}]}}), Some("spec.ports[0].port")),
            (json!({"spec": {"ports": []}}), None),
            (
                json!({"spec": {"containers": [{"name": "api", "image": "a:2"}, {"name": "side"}]}}),
                Some("spec.containers[name=api].image"),
            ),
            (json!({"spec": {"containers": [{"name": "api"}]}}), Some("spec.containers")),
            (json!({"data": {"a.b": "x"}}), Some("data")),
        ] {
            assert_eq!(first(&wanted, &live).as_deref(), path, "{wanted}");
        }
    }
}
