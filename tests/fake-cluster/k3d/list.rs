//! What k3d shows of its clusters, from the engine alone: it has no state of its own.

use std::error::Error;

use serde_json::{Value, json};

use super::{create, text};
use crate::flags::Flags;
use crate::{Answer, Call, Ended, engine, say};

/// The containers of a cluster by label, servers first.
pub(crate) fn containers(name: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let mut found = engine::labelled("container", &format!("k3d.cluster={name}"))?;
    found.sort_by_key(|node| (!node.contains("-server-"), !node.contains("-agent-"), node.clone()));
    Ok(found)
}

/// `k3d cluster list -o json`, of all clusters or of those that are named.
pub(crate) fn clusters(call: &Call, flags: &Flags) -> Ended {
    let mut names: Vec<String> = Vec::new();
    let nodes = all(call)?;
    for node in &nodes {
        let name = text(&node["runtimeLabels"]["k3d.cluster"]);
        if !names.contains(&name) && (flags.operands.is_empty() || flags.operands.contains(&name)) {
            names.push(name);
        }
    }
    if names.is_empty() && !flags.operands.is_empty() {
        return super::fatal("No nodes found for given cluster");
    }
    let listed: Vec<Value> = names.iter().map(|name| cluster(name, &nodes)).collect();
    let stdout = match flags.get("output") {
        Some("json") => format!("{}\n", Value::from(listed)),
        _ => format!("NAME   SERVERS   AGENTS   LOADBALANCER\n{}\n", names.join("\n")),
    };
    say(&Answer { stdout, ..Answer::default() })?;
    Ok(0)
}

/// The names of all clusters.
pub(crate) fn names(call: &Call) -> Result<Vec<String>, Box<dyn Error>> {
    let mut names: Vec<String> =
        all(call)?.iter().map(|node| text(&node["runtimeLabels"]["k3d.cluster"])).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

/// `k3d node list -o json`.
pub(crate) fn nodes(call: &Call) -> Ended {
    let stdout = format!("{}\n", Value::from(all(call)?));
    say(&Answer { stdout, ..Answer::default() })?;
    Ok(0)
}

fn all(call: &Call) -> Result<Vec<Value>, Box<dyn Error>> {
    let names = engine::labelled("container", "app=k3d")?;
    let mut nodes: Vec<Value> = names
        .iter()
        .filter(|name| call.is_family(name))
        .filter_map(|name| engine::inspect("container", name))
        .map(|container| node(&container))
        .filter(|node| node["role"] != "noRole")
        .collect();
    nodes.sort_by_key(|node| text(&node["name"]));
    Ok(nodes)
}

fn cluster(name: &str, nodes: &[Value]) -> Value {
    let own: Vec<&Value> =
        nodes.iter().filter(|node| node["runtimeLabels"]["k3d.cluster"] == name).collect();
    let of = |role: &str| own.iter().filter(|node| node["role"] == role).count();
    let running = |role: &str| {
        own.iter().filter(|node| node["role"] == role && node["State"]["Running"] == true).count()
    };
    let labels = own.first().map(|node| node["runtimeLabels"].clone()).unwrap_or_default();
    let mut network = json!({"name": labels["k3d.cluster.network"], "id": "",
        "ipam": {"ipPrefix": "", "Managed": false}, "Members": null});
    if labels["k3d.cluster.network.external"] == "true" {
        network["isExternal"] = json!(true);
    }
    let mut cluster = json!({
        "name": name, "network": network, "nodes": own, "InitNode": null,
        "imageVolume": format!("k3d-{name}-images"),
        "serversRunning": running("server"), "serversCount": of("server"),
        "agentsRunning": running("agent"), "agentsCount": of("agent"),
    });
    if of("loadbalancer") > 0 {
        cluster["hasLoadbalancer"] = json!(true);
    }
    cluster
}

fn node(container: &Value) -> Value {
    let mut labels = container["Config"]["Labels"].clone();
    // The stand-in listens for the API itself, so the engine does not know of that port.
    let mut ports = json!({});
    for spec in create::published(container) {
        let mut fields = spec.rsplitn(3, ':');
        let (inside, port) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let host = fields.next().unwrap_or_default();
        let key = if inside.contains('/') { inside.to_owned() } else { format!("{inside}/tcp") };
        ports[key] = json!([{"HostIp": host, "HostPort": port}]);
    }
    let role = text(&labels["k3d.role"]);
    let has_balancer = labels["k3d.server.loadbalancer"] != "";
    if role == "loadbalancer" || (role == "server" && !has_balancer) {
        let api = json!({"HostIp": labels["k3d.server.api.hostIP"], "HostPort": labels["k3d.server.api.port"]});
        ports["6443"] = json!([api]);
    }
    if let Some(labels) = labels.as_object_mut() {
        labels.remove("app");
        labels.remove("k3d.test.ports");
    }
    let state = &container["State"];
    let networks = container["NetworkSettings"]["Networks"].as_object();
    let address = networks.and_then(|all| all.values().find_map(|one| one["IPAddress"].as_str()));
    let networks: Vec<&String> = networks.into_iter().flat_map(serde_json::Map::keys).collect();
    json!({
        "name": text(&container["Name"]).trim_start_matches('/'), "role": role,
        "image": container["Image"], "volumes": container["HostConfig"]["Binds"],
        "env": container["Config"]["Env"], "Cmd": [role], "portMappings": ports, "restart": true,
        "created": container["Created"], "runtimeLabels": labels, "Networks": networks,
        "ExtraHosts": null,
        "serverOpts": {"kubeAPI": {"Port": "", "Binding": {"HostIp": labels["k3d.server.api.hostIP"],
            "HostPort": labels["k3d.server.api.port"]}, "host": labels["k3d.server.api.host"]}},
        "agentOpts": {}, "GPURequest": "", "Memory": "",
        "State": {"Running": state["Running"], "Status": state["Status"], "Started": ""},
        "IP": {"IP": address.unwrap_or_default(), "Static": false}, "K3dEntrypoint": false,
    })
}
