//! Addresses of load balancers: after a while, or never, as in a cluster where nobody gives any.

use serde_json::{Value, json};

use super::super::world::World;
use super::context::Context;
use super::objects::{list, revise, uid};

pub(super) fn turn(world: &mut World, context: &mut Context<'_>) {
    let Some(after) = context.settings.pace.balancer_after else { return };
    for service in world.objects("Service") {
        let waits = service["spec"]["type"] == "LoadBalancer"
            && list(&service, "/status/loadBalancer/ingress").is_empty();
        if waits && context.has_been(&format!("balancer {}", uid(&service)), "", after) {
            context.memory.addresses += 1;
            let last = 239 + context.memory.addresses % 16;
            let own = context.settings.balancer.map(|address| address.to_string());
            give(world, &service, &own.unwrap_or_else(|| format!("192.0.2.{last}")));
        }
    }
}

fn give(world: &mut World, service: &Value, address: &str) {
    let mut after = service.clone();
    let ingress = json!([{ "ip": address, "ipMode": "VIP" }]);
    after["status"]["loadBalancer"]["ingress"] = ingress;
    revise(world, service, after);
}
