//! The images that pods name, and what their names mean. Whether an image exists is asked elsewhere.

use serde_json::Value;

use super::object::{Object, ObjectId, Place};
use super::pod_spec::{containers, pod_spec};
use super::read;

/// Registry of names without a host.
const DOCKER_HUB: &str = "docker.io";

/// An image reference taken apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageName {
    /// Registry with its port, `docker.io` where the name has none.
    pub registry: String,
    /// Path within the registry, `library/` filled in for Docker Hub's own images.
    pub repository: String,
    /// Tag, where one is written.
    pub tag: Option<String>,
    /// Digest, where one is written.
    pub digest: Option<String>,
    /// Whether the name as written says which registry.
    pub has_host: bool,
}

impl ImageName {
    /// Takes a reference apart. Text that is no reference gives what can be told of it.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.to_owned())),
            None => (text, None),
        };
        let (host, path) = match rest.split_once('/') {
            Some((host, path)) if is_host(host) => (Some(host), path),
            _ => (None, rest),
        };
        let (repository, tag) = match path.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag.to_owned())),
            _ => (path, None),
        };
        let registry = match host {
            None | Some("index.docker.io") => DOCKER_HUB,
            Some(host) => host,
        };
        let official = registry == DOCKER_HUB && !repository.contains('/');
        Self {
            registry: registry.to_owned(),
            repository: if official {
                format!("library/{repository}")
            } else {
                repository.to_owned()
            },
            tag,
            digest,
            has_host: host.is_some(),
        }
    }

    /// Whether both names lead to the same image; no tag means `latest`.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let named = |name: &Self| match (&name.digest, &name.tag) {
            (Some(digest), _) => digest.clone(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => "latest".to_owned(),
        };
        (&self.registry, &self.repository, named(self))
            == (&other.registry, &other.repository, named(other))
    }

    /// Whether a kubelet with no pull policy set asks the registry each time.
    #[must_use]
    pub fn is_pulled_always(&self) -> bool {
        self.digest.is_none() && self.tag.as_deref().unwrap_or("latest") == "latest"
    }
}

/// Whether the first part of a reference is a registry: it has a dot or a port, or is `localhost`.
fn is_host(part: &str) -> bool {
    part.contains(['.', ':']) || part == "localhost"
}

/// When a kubelet asks the registry for an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullPolicy {
    /// Each time a container starts, although the node has it.
    Always,
    /// When the node does not have it.
    IfNotPresent,
    /// At no time: the node has it, or the container does not start.
    Never,
}

impl PullPolicy {
    /// The policy of a container, which follows from its image where it says none.
    #[must_use]
    pub fn of(container: &Value) -> Self {
        match read::text(container, "/imagePullPolicy") {
            "Always" => Self::Always,
            "Never" => Self::Never,
            "" if ImageName::parse(read::text(container, "/image")).is_pulled_always() => {
                Self::Always
            }
            _ => Self::IfNotPresent,
        }
    }
}

/// One container's image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageUse {
    /// The reference as written.
    pub image: String,
    /// The object whose pods use it.
    pub object: ObjectId,
    /// The container.
    pub container: String,
    /// The field that names it.
    pub path: String,
    /// Where the image was read.
    pub place: Place,
    /// When the kubelet asks the registry for it.
    pub policy: PullPolicy,
    /// Names of the pull secrets that its pod names.
    pub pull_secrets: Vec<String>,
}

/// The images that an object's pods use, init containers first.
#[must_use]
pub fn images(object: &Object) -> Vec<ImageUse> {
    let Some((spec, path)) = pod_spec(&object.value) else { return Vec::new() };
    let secrets = read::list(spec, "/imagePullSecrets").iter();
    let pull_secrets: Vec<String> =
        secrets.map(|secret| read::text(secret, "/name").to_owned()).collect();
    containers(spec)
        .map(|(list, at, container)| {
            let image = read::text(container, "/image");
            ImageUse {
                image: image.to_owned(),
                object: object.id.clone(),
                container: read::text(container, "/name").to_owned(),
                path: format!("{path}.{list}[{at}].image"),
                place: object.place.clone(),
                policy: PullPolicy::of(container),
                pull_secrets: pull_secrets.clone(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::manifest::Place;

    #[test]
    fn a_reference_is_taken_apart() {
        for (text, registry, repository, tag, digest) in [
            ("eval", "docker.io", "library/eval", None, None),
            ("eval:dev", "docker.io", "library/eval", Some("dev"), None),
            ("exampleorg/api:v2", "docker.io", "exampleorg/api", Some("v2"), None),
            ("docker.io/library/redis", "docker.io", "library/redis", None, None),
            ("index.docker.io/a/b", "docker.io", "a/b", None, None),
            ("localhost/x", "localhost", "x", None, None),
            ("reg:5000/a/b", "reg:5000", "a/b", None, None),
            ("reg.io:5000/a/b:1@sha256:00", "reg.io:5000", "a/b", Some("1"), Some("sha256:00")),
            ("quay.io/a@sha256:00", "quay.io", "a", None, Some("sha256:00")),
        ] {
            let name = ImageName::parse(text);
            assert_eq!(
                (
                    name.registry.as_str(),
                    name.repository.as_str(),
                    name.tag.as_deref(),
                    name.digest.as_deref()
                ),
                (registry, repository, tag, digest),
                "{text}"
            );
        }
    }

    #[test]
    fn names_of_the_same_image_are_the_same() {
        let same = |one, other| ImageName::parse(one).is_same(&ImageName::parse(other));
        assert!(same("redis", "docker.io/library/redis:latest"));
        assert!(same("a/b@sha256:00", "a/b:1@sha256:00"));
        assert!(!same("eval:latest", "flts-main-eval:latest"));
        assert!(!same("a:1", "a:2"));
    }

    #[test]
    fn the_images_of_pods_are_found_with_their_pull_policy() {
        let object = Object::new(
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"},
                "spec": {"template": {"spec": {"imagePullSecrets": [{"name": "p"}],
                    "initContainers": [{"name": "i", "image": "x:1"}],
                    "containers": [{"name": "a", "image": "y"}, {"name": "b", "image": "z", "imagePullPolicy": "Never"}]}}}}),
            Place::default(),
        )
        .unwrap();
        let found = images(&object);
        let found: Vec<_> =
            found.iter().map(|one| (one.image.as_str(), one.policy, one.path.as_str())).collect();
        assert_eq!(
            found,
            [
                ("x:1", PullPolicy::IfNotPresent, "spec.template.spec.initContainers[0].image"),
                ("y", PullPolicy::Always, "spec.template.spec.containers[0].image"),
                ("z", PullPolicy::Never, "spec.template.spec.containers[1].image"),
            ]
        );
    }
}
