//! Addresses, ports and labels that belong to one object alone.

use serde_json::{Value, json};

use super::defaults::{items, set};
use super::place::Place;
use super::status::{Answer, Cause, invalid};
use super::world::World;

/// Ports that services get on nodes.
const NODE_PORTS: std::ops::RangeInclusive<u64> = 30000..=32767;

impl World {
    /// Hands out what belongs to one object alone.
    pub(super) fn allocate(&self, place: &Place, object: &mut Value) -> Answer<()> {
        match place.kind.name.as_str() {
            "Service" => self.allocate_service(place, object),
            "Job" => {
                self.allocate_job(place, object);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn allocate_job(&self, place: &Place, object: &mut Value) {
        if !object["spec"]["selector"].is_null() {
            return;
        }
        let uid = format!("{:08x}-0000-4000-8000-{:012x}", self.version + 1, self.version + 1);
        object["metadata"]["uid"] = uid.as_str().into();
        object["spec"]["selector"] =
            json!({ "matchLabels": { "batch.kubernetes.io/controller-uid": uid } });
        let labels = &mut object["spec"]["template"]["metadata"]["labels"];
        for prefix in ["batch.kubernetes.io/", ""] {
            labels[format!("{prefix}controller-uid")] = uid.as_str().into();
            labels[format!("{prefix}job-name")] = place.name.as_str().into();
        }
    }

    fn allocate_service(&self, place: &Place, object: &mut Value) -> Answer<()> {
        let own = object["metadata"]["name"].clone();
        let spec = &mut object["spec"];
        let form = spec["type"].as_str().unwrap_or_default().to_owned();
        if form == "ExternalName" {
            return Ok(());
        }
        if spec["clusterIP"].as_str().is_none_or(str::is_empty) {
            let (high, low) = (self.version / 250 % 250, self.version % 250 + 2);
            spec["clusterIP"] = format!("10.96.{high}.{low}").into();
        }
        let address = spec["clusterIP"].clone();
        set(
            spec,
            &json!({ "clusterIPs": [address], "ipFamilies": ["IPv4"],
                "ipFamilyPolicy": "SingleStack" }),
        );
        if !matches!(form.as_str(), "NodePort" | "LoadBalancer") {
            return Ok(());
        }
        let mut taken: Vec<u64> = Vec::new();
        for service in self.objects("Service") {
            let metadata = &service["metadata"];
            if metadata["namespace"] == place.namespace.as_str() && metadata["name"] == own {
                continue;
            }
            let ports = service["spec"]["ports"].as_array().cloned().unwrap_or_default();
            taken.extend(ports.iter().filter_map(|port| port["nodePort"].as_u64()));
        }
        for (index, port) in items(spec, "ports").enumerate() {
            let wanted = port["nodePort"].as_u64().filter(|&wanted| wanted > 0);
            let field = format!("spec.ports[{index}].nodePort");
            let refused = |why: &str| {
                let cause = Cause::invalid(&field, &wanted.into(), why);
                Err(invalid(&place.kind, &place.name, &[cause]))
            };
            match wanted {
                Some(port) if taken.contains(&port) => {
                    return refused("provided port is already allocated");
                }
                Some(port) if !NODE_PORTS.contains(&port) => {
                    return refused(
                        "provided port is not in the valid range. The range of valid ports is \
                         30000-32767",
                    );
                }
                _ => {}
            }
            let chosen = wanted.or_else(|| NODE_PORTS.clone().find(|it| !taken.contains(it)));
            taken.extend(chosen);
            port["nodePort"] = chosen.into();
        }
        Ok(())
    }
}
