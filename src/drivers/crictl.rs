//! What `crictl` says about the images of a node. Pure: who is asked, and how, is the driver's.

use serde::Deserialize;

/// What the image service answers; fields that nobody asks for are left out.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    images: Vec<Image>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Image {
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    repo_digests: Option<Vec<String>>,
}

/// The references in `crictl images`, in its JSON or its table form, as people write them; `None`
/// when the text is neither.
#[must_use]
pub fn images(text: &str) -> Option<Vec<String>> {
    let mut found = match serde_json::from_str::<Answer>(text) {
        Ok(answer) => references(answer),
        Err(_) => table(text)?,
    };
    found.sort();
    found.dedup();
    Some(found)
}

fn references(answer: Answer) -> Vec<String> {
    let of = |image: Image| {
        let tags = image.repo_tags.unwrap_or_default();
        tags.into_iter().chain(image.repo_digests.unwrap_or_default())
    };
    let references = answer.images.into_iter().flat_map(of);
    references.filter(|reference| !reference.contains("<none>")).map(|r| familiar(&r)).collect()
}

/// `IMAGE  TAG  IMAGE ID  SIZE`, one image a line.
fn table(text: &str) -> Option<Vec<String>> {
    let mut lines = text.lines();
    let header = lines.find(|line| line.starts_with("IMAGE"))?;
    if !header.contains("TAG") {
        return None;
    }
    let mut found = Vec::new();
    for line in lines {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(tag)) = (words.next(), words.next())
            && tag != "<none>"
        {
            found.push(familiar(&format!("{name}:{tag}")));
        }
    }
    Some(found)
}

/// A reference as people write it: without `docker.io/` and `library/`, with a tag.
#[must_use]
pub fn familiar(reference: &str) -> String {
    let short = reference.strip_prefix("docker.io/").unwrap_or(reference);
    let short = short.strip_prefix("library/").unwrap_or(short);
    let last = short.rsplit('/').next().unwrap_or(short);
    if last.contains(':') || last.contains('@') {
        short.to_owned()
    } else {
        format!("{short}:latest")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_gives_tags_and_digests_in_short_form() {
        let text = r#"{"images":[
            {"id":"sha256:1","repoTags":["docker.io/library/eval:dev"],"repoDigests":[],"size":"1"},
            {"id":"sha256:2","repoTags":null,"repoDigests":["docker.io/rancher/pause@sha256:ab"]},
            {"id":"sha256:3","repoTags":["ghcr.io/a/b:1"],"pinned":false}]}"#;
        let found = images(text).unwrap();
        assert_eq!(found, ["eval:dev", "ghcr.io/a/b:1", "rancher/pause@sha256:ab"]);
    }

    #[test]
    fn a_table_gives_the_same() {
        let text = "IMAGE                                        TAG                 IMAGE ID            SIZE\n\
                    docker.io/library/eval                       dev                 0a1b2c3d4e5f6       2MB\n\
                    docker.io/rancher/mirrored-pause             <none>              6270bb605e12e       299kB\n";
        assert_eq!(images(text).unwrap(), ["eval:dev"]);
    }

    #[test]
    fn an_empty_store_holds_nothing_and_other_text_is_no_answer() {
        assert_eq!(images(r#"{"images":[]}"#).unwrap(), Vec::<String>::new());
        assert_eq!(images("OCI runtime exec failed"), None);
    }

    #[test]
    fn names_are_the_same_however_they_are_written() {
        for name in ["eval", "eval:latest", "library/eval", "docker.io/library/eval:latest"] {
            assert_eq!(familiar(name), "eval:latest");
        }
        assert_eq!(familiar("localhost:5000/eval"), "localhost:5000/eval:latest");
        assert_eq!(familiar("a/b@sha256:1"), "a/b@sha256:1");
    }
}
