//! Where an object keeps the specification of its pods.

use serde_json::Value;

use super::read;

/// The pod specification of a workload and its field path, for any kind that has one.
#[must_use]
pub fn pod_spec(object: &Value) -> Option<(&Value, &'static str)> {
    let (pointer, path) = match read::kind(object) {
        "Pod" => ("/spec", "spec"),
        "CronJob" => {
            ("/spec/jobTemplate/spec/template/spec", "spec.jobTemplate.spec.template.spec")
        }
        "PodTemplate" => ("/template/spec", "template.spec"),
        // Kinds of others, such as a Rollout, keep a template in the same place.
        _ => ("/spec/template/spec", "spec.template.spec"),
    };
    let spec = read::at(object, pointer)?;
    spec.get("containers")?.is_array().then_some((spec, path))
}

/// The containers of a pod specification with the name of their list, init containers first.
pub fn containers(spec: &Value) -> impl Iterator<Item = (&'static str, usize, &Value)> {
    ["initContainers", "containers"].into_iter().flat_map(move |list| {
        let containers = spec.get(list).and_then(Value::as_array);
        containers.into_iter().flatten().enumerate().map(move |(at, one)| (list, at, one))
    })
}
