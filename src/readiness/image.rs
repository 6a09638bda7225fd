//! Which images an object's pods run, as their kubelets tell: under a name that was given to another
//! image since, pods go on with the one that they were started with.

use serde_json::Value;

use super::{World, pods};
use crate::manifest::images::{ImageName, PullPolicy};
use crate::manifest::{containers, read};

/// What names an image within its runtime: containerd says the digest alone, or that of a registry
/// behind the repository; the adapters of Docker say before it which of the two it is.
const PREFIXES: [&str; 2] = ["docker-pullable://", "docker://"];

/// The identifiers of the images that the object's newest pods run under this name: bare digests,
/// and digests of a registry as `repository@digest`. Left out are containers that were not started
/// yet, and those whose image is pulled at each start: another one may be in the registry.
#[must_use]
pub fn running<'w>(object: &Value, image: &ImageName, world: &'w World) -> Vec<&'w str> {
    let mut found: Vec<&str> = Vec::new();
    for pod in pods::pods_of(object, world).into_iter().filter(|pod| is_newest(object, pod)) {
        let Some(spec) = pod.get("spec") else { continue };
        let named = containers(spec).map(|(_, _, container)| container).filter(|container| {
            ImageName::parse(read::text(container, "/image")).is_same(image)
                && PullPolicy::of(container) != PullPolicy::Always
        });
        for container in named {
            let id = status(pod, read::text(container, "/name"))
                .map(|status| read::text(status, "/imageID"))
                .unwrap_or_default();
            let id = PREFIXES.iter().find_map(|prefix| id.strip_prefix(prefix)).unwrap_or(id);
            if !id.is_empty() && !found.contains(&id) {
                found.push(id);
            }
        }
    }
    found
}

fn status<'p>(pod: &'p Value, container: &str) -> Option<&'p Value> {
    let lists = ["/status/initContainerStatuses", "/status/containerStatuses"];
    let mut all = lists.into_iter().flat_map(|list| read::list(pod, list));
    all.find(|status| read::text(status, "/name") == container)
}

/// Whether a pod is of the newest template: the others are on their way out. Deployments tell by
/// their replica sets.
fn is_newest(object: &Value, pod: &Value) -> bool {
    let count = |field| read::number(object, field).unwrap_or_default();
    match read::kind(object) {
        "StatefulSet" => {
            let newest = read::text(object, "/status/updateRevision");
            let own = read::text(pod, "/metadata/labels/controller-revision-hash");
            newest.is_empty() || own == newest
        }
        "DaemonSet" => {
            count("/status/updatedNumberScheduled") >= count("/status/desiredNumberScheduled")
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(policy: &str, revision: &str, id: &str) -> Value {
        json!({ "kind": "Pod", "metadata": { "name": "p", "namespace": "n", "uid": id,
                "labels": { "controller-revision-hash": revision },
                "ownerReferences": [{ "uid": "own", "controller": true }] },
            "spec": { "initContainers": [{ "name": "init", "image": "docker.io/library/api:dev" }],
                "containers": [{ "name": "a", "image": "api:dev", "imagePullPolicy": policy },
                    { "name": "b", "image": "other:dev" }] },
            "status": { "initContainerStatuses": [{ "name": "init", "imageID": "" }],
                "containerStatuses": [{ "name": "a", "imageID": id },
                    { "name": "b", "imageID": "sha256:other" }] } })
    }

    fn seen(object: &Value, pod: Value) -> Vec<String> {
        let world = World::of([object.clone(), pod]);
        let name = ImageName::parse("api:dev");
        running(object, &name, &world).into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn runtimes_name_images_each_in_its_way() {
        let set = json!({ "kind": "ReplicaSet", "metadata": { "name": "s", "namespace": "n",
            "uid": "own" } });
        for (id, wanted) in [
            ("sha256:1", Some("sha256:1")),
            ("docker://sha256:1", Some("sha256:1")),
            ("docker-pullable://api@sha256:2", Some("api@sha256:2")),
            ("docker.io/library/api@sha256:2", Some("docker.io/library/api@sha256:2")),
            ("", None),
        ] {
            assert_eq!(seen(&set, pod("IfNotPresent", "", id)), wanted.as_slice(), "{id}");
        }
        assert_eq!(seen(&set, pod("Always", "", "sha256:1")), [""; 0]);
    }

    #[test]
    fn pods_that_are_being_replaced_do_not_count() {
        let object = |kind: &str, status: Value| {
            json!({ "kind": kind, "status": status,
                "metadata": { "name": "s", "namespace": "n", "uid": "own" } })
        };
        let stateful = object("StatefulSet", json!({ "updateRevision": "s-2" }));
        assert_eq!(seen(&stateful, pod("IfNotPresent", "s-1", "sha256:1")), [""; 0]);
        assert_eq!(seen(&stateful, pod("IfNotPresent", "s-2", "sha256:1")), ["sha256:1"]);
        for (updated, count) in [(1, 0), (2, 1)] {
            let status = json!({ "updatedNumberScheduled": updated, "desiredNumberScheduled": 2 });
            let daemons = object("DaemonSet", status);
            assert_eq!(seen(&daemons, pod("IfNotPresent", "", "sha256:1")).len(), count);
        }
    }
}
