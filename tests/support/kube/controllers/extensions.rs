//! `APIServices`: available once the service behind them answers; the server's own always are.

use serde_json::{Value, json};

use super::super::world::World;
use super::context::Context;
use super::objects::{list, set_condition, set_status, stamp, text};

pub(super) fn turn(world: &mut World, _: &mut Context<'_>) {
    for api in world.objects("APIService") {
        let condition = available(world, &api);
        let mut conditions = list(&api, "/status/conditions").to_vec();
        set_condition(&mut conditions, condition);
        set_status(world, &api, json!({ "conditions": conditions }));
    }
}

fn available(world: &World, api: &Value) -> Value {
    let (status, reason, message) = if api["spec"]["service"].is_null() {
        ("True", "Local", "Local APIServices are always available".to_owned())
    } else {
        let service = text(api, "/spec/service/name");
        let within = text(api, "/spec/service/namespace");
        match world.find("Service", within, service) {
            None => (
                "False",
                "ServiceNotFound",
                format!("service/{service} in \"{within}\" is not present"),
            ),
            Some(_) if has_endpoint(world, within, service) => {
                ("True", "Passed", "all checks passed".to_owned())
            }
            Some(_) => (
                "False",
                "MissingEndpoints",
                format!("endpoints for service/{service} in \"{within}\" have no addresses"),
            ),
        }
    };
    json!({ "type": "Available", "status": status, "lastTransitionTime": stamp(),
        "reason": reason, "message": message })
}

/// Whether a service has an endpoint that is ready; in any namespace where none is named.
pub(super) fn has_endpoint(world: &World, namespace: &str, service: &str) -> bool {
    world.objects("EndpointSlice").iter().any(|slice| {
        (namespace.is_empty() || slice["metadata"]["namespace"] == namespace)
            && slice["metadata"]["labels"]["kubernetes.io/service-name"] == service
            && list(slice, "/endpoints").iter().any(|one| one["conditions"]["ready"] == true)
    })
}
