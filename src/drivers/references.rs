//! References of images as people write them, and from the list of images that `crictl` and minikube
//! print. Pure: who is asked, and how, is the driver's.

use serde::Deserialize;

/// An image in the JSON of a container runtime; fields that nobody asks for are left out.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListedImage {
    #[serde(default)]
    id: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    repo_digests: Option<Vec<String>>,
}

/// An image on the nodes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeImage {
    /// A reference to it, as people write it.
    pub name: String,
    /// Which image that is, where its tool tells.
    pub id: Option<String>,
}

impl NodeImage {
    /// An image that its tool gives this id; an empty one is none.
    #[must_use]
    pub fn new(name: &str, id: &str) -> Self {
        let id = id.strip_prefix("sha256:").unwrap_or(id);
        Self { name: familiar(name), id: (!id.is_empty()).then(|| id.to_owned()) }
    }

    /// Whether it is this image, as far as anybody can tell: tools shorten ids.
    #[must_use]
    pub fn is(&self, id: &str) -> bool {
        let id = id.strip_prefix("sha256:").unwrap_or(id);
        self.id.as_ref().is_none_or(|own| own.starts_with(id) || id.starts_with(own.as_str()))
    }
}

/// All references to these images, tags and digests, in order.
#[must_use]
pub(super) fn of(images: Vec<ListedImage>) -> Vec<NodeImage> {
    let mut found: Vec<NodeImage> = Vec::new();
    for image in images {
        let tags = image.repo_tags.unwrap_or_default().into_iter();
        let names = tags.chain(image.repo_digests.unwrap_or_default());
        let real = names.filter(|name| !name.contains("<none>"));
        found.extend(real.map(|name| NodeImage::new(&name, &image.id)));
    }
    found.sort();
    found.dedup();
    found
}

/// A reference as people write it: without `docker.io/` and `library/`, with a tag.
#[must_use]
pub fn familiar(reference: &str) -> String {
    let short = reference.strip_prefix("docker.io/").unwrap_or(reference);
    let short = short.strip_prefix("library/").unwrap_or(short);
    let last = short.rsplit('/').next().unwrap_or(short);
    if last.contains([':', '@']) { short.to_owned() } else { format!("{short}:latest") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_however_they_are_written() {
        for name in ["eval", "eval:latest", "library/eval", "docker.io/library/eval:latest"] {
            assert_eq!(familiar(name), "eval:latest");
        }
        assert_eq!(familiar("localhost:5000/eval"), "localhost:5000/eval:latest");
        assert_eq!(familiar("docker.io/acme/web"), "acme/web:latest");
        assert_eq!(familiar("quay.io/library/api:1"), "quay.io/library/api:1");
        assert_eq!(familiar("a/b@sha256:1"), "a/b@sha256:1");
    }

    #[test]
    fn ids_are_the_same_with_a_prefix_and_cut_short() {
        let image = |id: &str| NodeImage::new("eval", id);
        for (own, other, same) in [
            ("sha256:0a1b2c3d4e5f6a7b", "0a1b2c3d4e5f6a7b", true),
            ("0a1b2c3d4e5f6", "sha256:0a1b2c3d4e5f6a7b", true),
            ("sha256:0a1b", "sha256:0a1c", false),
            ("", "sha256:0a1b", true),
        ] {
            assert_eq!(image(own).is(other), same, "{own} {other}");
        }
    }
}
