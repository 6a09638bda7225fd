//! The hash of each service as compose labels its containers with it.
//!
//! `config --hash` of compose 2.26 tells it in one quick call, but not for every service: there
//! it hashes an `env_file` by its path, a shared namespace as `service:NAME` and shared volumes by
//! the service's name, while the label was made of the variables and of the containers' ids. So
//! when a label differs, the resolved model is handed back to compose with those ids filled in, and
//! its hashes are the ones that count.

use std::collections::BTreeMap;

use serde_json::Value;

use super::project::Project;
use super::tool;
use crate::drivers::compose::parse_hashes;
use crate::host::containers::Container;
use crate::policy::Failure;
use crate::redact::Secret;
use crate::steps::StepCtx;

/// Keys of a service by which it shares a namespace of another.
const NAMESPACES: [&str; 3] = ["network_mode", "ipc", "pid"];

/// Service to hash, comparable with the labels of these containers.
pub(super) async fn comparable(
    project: &Project,
    ctx: &StepCtx,
    containers: &[Container],
) -> Result<BTreeMap<String, String>, Failure> {
    let same = |c: &Container| project.hashes.get(&c.service).is_none_or(|h| *h == c.config_hash);
    if containers.iter().filter(|c| project.selected.contains(&c.service)).all(same) {
        return Ok(project.hashes.clone());
    }
    let Some(model) = with_ids(project.resolved.expose(), containers) else {
        return Ok(project.hashes.clone());
    };
    let cmd = project.invocation.hashes_of(
        &project.model.name,
        &project.working_dir(),
        Secret::new(model.to_string()),
    );
    let output = tool::run(ctx, cmd).await?;
    let mut hashes = project.hashes.clone();
    // A model that compose does not take back leaves the first answer, which at worst has compose
    // look once more.
    if output.success() {
        hashes.extend(parse_hashes(&output.stdout));
    }
    Ok(hashes)
}

/// The resolved model with the containers whose namespaces and volumes are shared, as compose fills
/// them in before it hashes (2.26, `resolveServiceReferences`).
fn with_ids(resolved: &str, containers: &[Container]) -> Option<Value> {
    let id = |service: &str| {
        let own = containers.iter().filter(|container| container.service == service);
        own.min_by(|a, b| a.name.cmp(&b.name)).map(|container| container.id.as_str())
    };
    let mut model: Value = serde_json::from_str(resolved).ok()?;
    let services = model.get_mut("services")?.as_object_mut()?;
    for service in services.values_mut() {
        for key in NAMESPACES {
            let Some(shared) = service.get_mut(key) else { continue };
            let name = shared.as_str().and_then(|mode| mode.strip_prefix("service:"));
            if let Some(id) = name.and_then(id) {
                *shared = Value::String(format!("container:{id}"));
            }
        }
        let shared = service.get_mut("volumes_from").and_then(Value::as_array_mut);
        for volumes in shared.into_iter().flatten() {
            // `SERVICE`, `SERVICE:ro` or `container:NAME`; compose drops the mode.
            let mut parts = volumes.as_str().unwrap_or_default().split(':');
            let id = match (parts.next(), parts.next()) {
                (Some("container"), Some(name)) => Some(name),
                (Some(name), _) => id(name),
                _ => None,
            };
            if let Some(id) = id.map(str::to_owned) {
                *volumes = Value::String(id);
            }
        }
    }
    Some(model)
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::container;
    use super::*;

    #[test]
    fn a_shared_namespace_is_filled_in_with_the_container() {
        let resolved = r#"{"services":{"a":{"image":"x"},"b":{"network_mode":"service:a"},
            "c":{"network_mode":"host"},"d":{"network_mode":"service:gone"}}}"#;
        let model = with_ids(resolved, &[container("a")]).expect("a model");
        assert_eq!(model["services"]["b"]["network_mode"], "container:id-a");
        assert_eq!(model["services"]["c"]["network_mode"], "host");
        assert_eq!(model["services"]["d"]["network_mode"], "service:gone");
    }

    #[test]
    fn shared_volumes_are_filled_in_with_the_first_container() {
        let resolved = r#"{"services":{"a":{"image":"x"},"b":{"volumes_from":
            ["a:ro","container:other:rw","gone"]}}}"#;
        let mut second = container("a");
        (second.id, second.name) = ("id-2".to_owned(), "demo-a-2".to_owned());
        let model = with_ids(resolved, &[second, container("a")]).expect("a model");
        let wanted = serde_json::json!(["id-a", "other", "gone"]);
        assert_eq!(model["services"]["b"]["volumes_from"], wanted);
    }
}
