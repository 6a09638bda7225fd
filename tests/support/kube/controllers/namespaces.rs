//! What every namespace gets a moment after it was made: its service account and the certificate of
//! the server. The server itself ends namespaces.

use serde_json::json;

use super::super::world::{Held, World};
use super::context::Context;
use super::objects::{is_leaving, name};

pub(super) fn turn(world: &mut World, _: &mut Context<'_>) {
    if world.held.contains(&Held::Accounts) {
        return;
    }
    for namespace in world.objects("Namespace") {
        let own = name(&namespace);
        if is_leaving(&namespace) {
            continue;
        }
        if world.find("ServiceAccount", own, "default").is_none() {
            world.store(json!({ "kind": "ServiceAccount", "apiVersion": "v1",
                "metadata": { "name": "default", "namespace": own } }));
        }
        if world.find("ConfigMap", own, "kube-root-ca.crt").is_none() {
            let certificate = "-----BEGIN CERTIFICATE-----\nMIID\n-----END CERTIFICATE-----\n";
            world.store(json!({ "kind": "ConfigMap", "apiVersion": "v1",
                "metadata": { "name": "kube-root-ca.crt", "namespace": own },
                "data": { "ca.crt": certificate } }));
        }
    }
}
