//! References of images as people write them, and from the list of images that `crictl` and minikube
//! print. Pure: who is asked, and how, is the driver's.

use serde::Deserialize;

/// An image in the JSON of a container runtime; fields that nobody asks for are left out.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListedImage {
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    repo_digests: Option<Vec<String>>,
}

/// All references to these images, tags and digests, as people write them, in order.
#[must_use]
pub(super) fn of(images: Vec<ListedImage>) -> Vec<String> {
    let names = |image: ListedImage| {
        let tags = image.repo_tags.unwrap_or_default();
        tags.into_iter().chain(image.repo_digests.unwrap_or_default())
    };
    let names = images.into_iter().flat_map(names).filter(|name| !name.contains("<none>"));
    let mut found: Vec<String> = names.map(|name| familiar(&name)).collect();
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
}
