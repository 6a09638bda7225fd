//! What `crictl` says about the images of a node. Pure: who is asked, and how, is the driver's.

use serde::Deserialize;

use crate::drivers::references::{self, ListedImage, NodeImage};

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    images: Vec<ListedImage>,
}

/// The images in `crictl images`, in its JSON or its table form, by each of their names; `None`
/// when the text is neither.
#[must_use]
pub fn images(text: &str) -> Option<Vec<NodeImage>> {
    match serde_json::from_str::<Answer>(text) {
        Ok(answer) => Some(references::of(answer.images)),
        Err(_) => table(text),
    }
}

/// `IMAGE  TAG  IMAGE ID  SIZE`, one image a line.
fn table(text: &str) -> Option<Vec<NodeImage>> {
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
            found.push(NodeImage::new(&format!("{name}:{tag}"), words.next().unwrap_or_default()));
        }
    }
    found.sort();
    found.dedup();
    Some(found)
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
        let wanted = [("eval:dev", "1"), ("ghcr.io/a/b:1", "3"), ("rancher/pause@sha256:ab", "2")];
        assert_eq!(found, wanted.map(|(name, id)| NodeImage::new(name, id)));
    }

    #[test]
    fn a_table_gives_the_same() {
        let text = "IMAGE                                        TAG                 IMAGE ID            SIZE\n\
                    docker.io/library/eval                       dev                 0a1b2c3d4e5f6       2MB\n\
                    docker.io/rancher/mirrored-pause             <none>              6270bb605e12e       299kB\n";
        assert_eq!(images(text).unwrap(), [NodeImage::new("eval:dev", "0a1b2c3d4e5f6")]);
    }

    #[test]
    fn an_empty_store_holds_nothing_and_other_text_is_no_answer() {
        assert_eq!(images(r#"{"images":[]}"#).unwrap(), Vec::new());
        assert_eq!(images("OCI runtime exec failed"), None);
    }
}
